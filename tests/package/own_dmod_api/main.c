/* Defines one of DMOD's functions as a DMOD system does; the library must leave it alone. */
#include <stdio.h>

#include "dmheap.h"

static unsigned calls;

DMOD_INPUT_API_DECLARATION( Dmod, 1.0, void*, _MallocEx, ( size_t Size, const char* ModuleName ) )
{
    calls++;
    return dmheap_malloc( Size, ModuleName );
}

int main( void )
{
    static char heap[4096];
    if( !dmheap_init( heap, sizeof heap, 8 ) || Dmod_Malloc( 10 ) == NULL || calls != 1 ) return 1;
    printf( "own Dmod_MallocEx called\n" );
    return 0;
}
