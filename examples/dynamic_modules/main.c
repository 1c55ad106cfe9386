/*
 * The real thing on a host: a system with one heap loads modules from files, runs them, and unloads them. A module's
 * code lies in the heap, and what it allocates is its own by name. The application `leaky` leaks on purpose: the report
 * shows what it still holds after it was stopped, and its unload gives everything back.
 *   dynamic_modules FOLDER      where the .dmf files are
 * Ends with 0 if all went well, 1 where memory did not suffice, 2 if the heap is not as it was before.
 */
#define _DEFAULT_SOURCE /* memory without a file behind it */
#include <stdio.h>
#include <sys/mman.h>

#include "dmheap.h"
#include "loader.h"
#include "report.h"

enum
{
    HEAP_SIZE = 128 * 1024,
    ROUNDS    = 200,
    LOGGER    = 0,
    COLLECTOR,
    LEAKY,
    MODULES
};

static bool load_all( loaded_t** modules, const char* folder )
{
    static const char* const files[MODULES] = { "logger.dmf", "collector.dmf", "leaky.dmf" };
    for( unsigned i = 0; i < MODULES; i++ )
    {
        char path[512];
        snprintf( path, sizeof path, "%s/%s", folder, files[i] );
        modules[i] = loader_load( path );
        if( modules[i] == NULL ) return false;
    }
    return true;
}

static bool run_all( loaded_t** modules )
{
    for( unsigned round = 0; round < ROUNDS; round++ )
        for( unsigned i = 0; i < MODULES; i++ )
            if( modules[i] != NULL && !loader_run( modules[i], round ) ) return false;
    return true;
}

static void unload( loaded_t** module )
{
    if( *module == NULL ) return;
    loader_unload( *module );
    *module = NULL;
}

static bool run_demo( loaded_t** modules, const char* folder )
{
    if( !load_all( modules, folder ) ) return false;
    report_heap( "loaded" );
    if( !run_all( modules ) ) return false;
    report_heap( "after 200 rounds" );

    loader_stop( modules[LEAKY] );
    report_blocks( modules[LEAKY]->allocator_name );
    unload( &modules[LEAKY] );
    report_heap( "leaky unloaded: what it leaked is back" );

    if( !run_all( modules ) ) return false;
    loader_stop( modules[COLLECTOR] );
    loader_stop( modules[LOGGER] );
    return true;
}

static bool same_heap( const dmheap_stats_t* before )
{
    dmheap_stats_t now;
    return dmheap_check( NULL ) == DMHEAP_CHECK_OK && dmheap_get_stats( &now ) &&
           now.free_bytes == before->free_bytes && now.largest_free_block == before->largest_free_block &&
           now.used_blocks == before->used_blocks && now.modules == before->modules;
}

int main( int argc, char** argv )
{
    loaded_t*      modules[MODULES] = { NULL };
    dmheap_stats_t before;
    void* heap = mmap( NULL, HEAP_SIZE, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0 );
    if( heap == MAP_FAILED )
    {
        perror( "no executable memory for the heap" );
        return 1;
    }
    if( !dmheap_init( heap, HEAP_SIZE, 8 ) || !dmheap_get_stats( &before ) ) return 1;

    bool done = run_demo( modules, argc > 1 ? argv[1] : "." );
    for( unsigned i = 0; i < MODULES; i++ )
        unload( &modules[i] );
    report_heap( "all unloaded" );
    if( !same_heap( &before ) ) return 2;
    printf( "Everything is back: %lu bytes in one free block.\n", (unsigned long)before.free_bytes );
    return done ? 0 : 1;
}
