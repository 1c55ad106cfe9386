/* The system's side: what DMOD itself defines, and registration records for all of dmheap's functions. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "dmheap.h"

void Dmod_EnterCritical( void )
{
}

void Dmod_ExitCritical( void )
{
}

int Dmod_Printf( const char* format, ... )
{
    va_list arguments;
    va_start( arguments, format );
    int written = vprintf( format, arguments );
    va_end( arguments );
    return written;
}

int main( void )
{
    static char heap[4096];
    if( strcmp( dmheap_malloc_registration.Signature, "\021DMOD\022_malloc@dmheap:2.0" ) != 0 ) return 1;
    if( dmheap_malloc_registration.Function != (void*)dmheap_malloc ) return 2;
    if( !dmheap_init( heap, sizeof heap, 8 ) || Dmod_MallocEx( 10, "m" ) == NULL ) return 3;
    return 0;
}
