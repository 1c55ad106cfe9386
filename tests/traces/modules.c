/*
 * A heap in which modules come and go: registered, renamed, unregistered with what they left; with blocks that change their
 * owner, grow, and are aligned. What it asks for depends on nothing but the seed, as long as all of it is granted.
 *   modules SEED BYTES [TRACE]   in so many bytes; writes what happens. Ends with 1 where anything is refused
 * REGISTERED: modules beside that have no block. HEAPS: of that many bytes each; the second one is taken down at the end.
 */
#include <stdio.h>
#include <stdlib.h>

#include "dmheap.h"

enum
{
    MEMORY = 1 << 20,
    BLOCKS = 200, /* of a heap */
    STEPS  = 6000
};

static unsigned char memory[HEAPS][MEMORY] __attribute__( ( aligned( 4096 ) ) );
static uint32_t      state;
static bool          refused;

static uint32_t draw( uint32_t below )
{
    state = state * 1664525u + 1013904223u;
    return ( state >> 8 ) % below;
}

static void* needed( void* payload )
{
    refused |= payload == NULL;
    return payload;
}

static bool to_file( const void* bytes, size_t size, void* user )
{
    return fwrite( bytes, 1, size, user ) == size;
}

static const char* name_of( uint32_t number )
{
    static const char* const names[] = { NULL,  "sensor", "network", "a module with a name that is rather long",
                                         "log", "old",    "older",   "oldest" };
    return names[number];
}

static void change_modules( dmheap_context_t* heap, void** blocks )
{
    dmheap_module_stats_t stats;
    const char*           name     = name_of( 1 + draw( 7 ) );
    const char*           other    = name_of( draw( 8 ) );
    bool                  is_there = dmheap_ctx_get_module_stats( heap, name, &stats );
    switch( draw( 3 ) )
    {
    case 0: refused |= !dmheap_ctx_register_module( heap, name ); break;
    case 1: refused |= is_there && !dmheap_ctx_rename_module( heap, name, other ); break;
    default:
        dmheap_ctx_unregister_module( heap, name );
        for( unsigned i = 0; i < BLOCKS; i++ )
            if( blocks[i] != NULL && dmheap_ctx_usable_size( heap, blocks[i] ) == 0 ) blocks[i] = NULL;
        break;
    }
}

static void change_block( dmheap_context_t* heap, void** block )
{
    const char* name = name_of( draw( 5 ) );
    size_t      size = 1 + ( draw( 8 ) == 0 ? draw( 700 ) : draw( 90 ) );
    uint32_t    what = draw( 24 );
    if( *block == NULL )
        *block = needed( what == 0 ? dmheap_ctx_aligned_alloc( heap, 64, size, name )
                                   : dmheap_ctx_malloc( heap, size, name ) );
    else if( what < 8 )
        *block = needed( dmheap_ctx_realloc( heap, *block, size, NULL ) );
    else if( what == 8 )
        *block = needed( dmheap_ctx_aligned_realloc( heap, *block, 64, size, NULL ) );
    else if( what == 9 )
        refused |= !dmheap_ctx_retag( heap, *block, name );
    else
    {
        dmheap_ctx_free( heap, *block, false );
        *block = NULL;
    }
}

int main( int argc, char** argv )
{
    static const char* const names[] = { "one with a name", NULL };
    static void*             blocks[HEAPS][BLOCKS];
    char                     name[32];
    if( argc < 3 || strtoul( argv[2], NULL, 0 ) > MEMORY - 36 ) return 2;
    state     = (uint32_t)strtoul( argv[1], NULL, 0 );
    FILE* out = argc > 3 ? fopen( argv[3], "wb" ) : NULL;
    if( out != NULL && !dmheap_trace_start( &( dmheap_trace_t ){ .write = to_file, .user = out } ) ) return 2;
    dmheap_context_t* heaps[HEAPS];
    for( unsigned i = 0; i < HEAPS; i++ )
    {
        heaps[i] = dmheap_ctx_init( memory[i] + 36, strtoul( argv[2], NULL, 0 ), 8u << draw( 3 ), names[i] );
        if( heaps[i] == NULL ) return 1;
    }
    for( unsigned i = 0; i < REGISTERED; i++ )
    {
        (void)snprintf( name, sizeof name, "without a block %u", i );
        refused |= !dmheap_ctx_register_module( heaps[0], name );
    }
    for( unsigned i = 0; i < STEPS && !refused; i++ )
    {
        unsigned heap = HEAPS == 1 ? 0 : draw( HEAPS );
        if( draw( 50 ) == 0 )
            change_modules( heaps[heap], blocks[heap] );
        else
            change_block( heaps[heap], &blocks[heap][draw( BLOCKS )] );
    }
    if( HEAPS > 1 ) (void)dmheap_ctx_deinit( heaps[1] );
    dmheap_trace_stop();
    return out != NULL && fclose( out ) != 0 ? 2 : refused;
}
