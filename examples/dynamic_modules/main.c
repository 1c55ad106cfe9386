/*
 * The real thing on a host: a system with one heap loads modules at run time, runs them, and unloads them. What they
 * allocate goes through Dmod_Malloc under their own names. The module `leaky` leaks on purpose: the report shows what it
 * still holds after it was stopped, and its unload gives everything back.
 *   dynamic_modules DIRECTORY      the folder in which the .dmf files are
 */
#include <stdio.h>

#include "dmheap.h"
#include "loader.h"
#include "report.h"

enum
{
    HEAP_SIZE = 128 * 1024,
    ROUNDS    = 200
};

static unsigned char heap[HEAP_SIZE];

static bool run_all( loaded_t* modules, unsigned count )
{
    for( unsigned round = 0; round < ROUNDS; round++ )
        for( unsigned i = 0; i < count; i++ )
            if( !modules[i].run( round ) ) return false;
    return true;
}

int main( int argc, char** argv )
{
    static const char* const names[] = { "logger", "collector", "leaky" };
    loaded_t                 modules[3];
    dmheap_stats_t           before, after;
    const char*              directory = argc > 1 ? argv[1] : ".";

    if( !dmheap_init( heap, sizeof heap, 8 ) || !dmheap_get_stats( &before ) ) return 1;
    for( unsigned i = 0; i < 3; i++ )
        if( !loader_load( directory, names[i], &modules[i] ) ) return 1;
    report_heap( "loaded" );
    if( !run_all( modules, 3 ) ) return 1;
    report_heap( "after 200 rounds" );

    modules[2].stop();
    report_blocks( "leaky" );
    loader_unload( &modules[2] );
    report_heap( "leaky unloaded: what it leaked is back" );

    if( !run_all( modules, 2 ) ) return 1;
    loader_unload( &modules[1] );
    loader_unload( &modules[0] );
    report_heap( "all unloaded" );

    if( !dmheap_get_stats( &after ) || dmheap_check( NULL ) != DMHEAP_CHECK_OK ) return 1;
    if( after.free_bytes != before.free_bytes || after.free_blocks != 1 ) return 1;
    printf( "Everything is back: %lu bytes in one free block.\n", (unsigned long)after.free_bytes );
    return 0;
}
