/*
 * The real thing on a host: a system with one heap loads modules from files, runs them, and unloads them. A module's
 * code lies in the heap, and what it allocates is its own by name. The application `leaky` leaks on purpose: the report
 * shows what it still holds after it was stopped, and its unload gives everything back.
 *   dynamic_modules FOLDER      where the .dmf files are
 * Ends with 0 if all went well, 1 where memory did not suffice, 2 if the heap is not as it was before.
 */
#define _DEFAULT_SOURCE /* memory without a file behind it */
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#include "dmheap.h"
#include "loader.h"

enum
{
    HEAP_SIZE = 128 * 1024,
    ROUNDS    = 200,
    LOGGER    = 0,
    COLLECTOR,
    LEAKY,
    MODULES
};

static void print( const char* text, void* user )
{
    (void)user;
    (void)fputs( text, stdout );
}

static void report( const char* title )
{
    printf( "--- %s\n", title );
    (void)dmheap_report( print, NULL );
}

/* What a module's messages say: its other blocks, such as its code, are larger. */
static bool print_message( const dmheap_block_info_t* block, void* user )
{
    const char* module = user;
    if( block->use == DMHEAP_BLOCK_LIVE && strcmp( block->owner, module ) == 0 && block->size < 64 )
        printf( "    %p %5lu bytes \"%.*s\"\n", block->address, (unsigned long)block->size, (int)block->size,
                (const char*)block->address );
    return true;
}

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
    report( "loaded" );
    if( !run_all( modules ) ) return false;
    report( "after 200 rounds" );

    loader_stop( modules[LEAKY] );
    printf( "--- held by %s:\n", modules[LEAKY]->allocator_name );
    dmheap_visit_blocks( print_message, modules[LEAKY]->allocator_name );
    unload( &modules[LEAKY] );
    report( "leaky unloaded: what it leaked is back" );

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
    report( "all unloaded" );
    if( !same_heap( &before ) ) return 2;
    printf( "Everything is back: %lu bytes in one free block.\n", (unsigned long)before.free_bytes );
    return done ? 0 : 1;
}
