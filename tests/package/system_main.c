/*
 * A program on a system that stands in for a vendor's: the heap is guarded by the system's lock and speaks by its console.
 */
#include <stdio.h>

#include "dmheap.h"
#include "dmod.h"

extern int system_critical_depth, system_critical_entries;

int main( void )
{
    static char heap[16384];
    if( !dmheap_init( heap, sizeof heap, 8 ) ) return 1;
    int before = system_critical_entries;
    if( dmheap_malloc( 100, "module" ) == NULL ) return 2;
    if( system_critical_entries == before || system_critical_depth != 0 ) return 3;
    Dmod_EnterCritical();
    Dmod_EnterCritical();
    Dmod_ExitCritical();
    if( system_critical_depth == 0 ) return 4; /* they nest */
    Dmod_ExitCritical();
    if( system_critical_depth != 0 ) return 5;
    dmheap_unregister_module( "module" );
    printf( "contexts %d, modules %d\n", DMHEAP_MAX_CONTEXTS, DMHEAP_MAX_MODULES );
    return dmheap_check( NULL ) == DMHEAP_CHECK_OK ? 0 : 6;
}
