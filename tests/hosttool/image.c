/*
 * Makes heaps in a known state, says of each what the library says of it, and writes the memory that they lie in to a
 * file: for the tool's figures to be compared with. The same on every processor.
 *   image [FILE [leaks]]     default image.bin; leaks: with five blocks more, of a module "leaky"
 * Built with DMHEAP_TRACE it also writes image.trace, in which "leaky" is unloaded and leaves what the second heap granted.
 * With IMAGE_ABORT in its environment it ends with a core.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dmheap.h"

enum
{
    MEMORY = 24 * 1024,
    FIRST  = 12 * 1024,
    SECOND = 6000,
    BLOCKS = 60
};

unsigned char image_memory[MEMORY] __attribute__( ( aligned( 4096 ) ) );

static uint32_t state = 7;

static uint32_t draw( uint32_t below )
{
    state = state * 1664525u + 1013904223u;
    return ( state >> 8 ) % below;
}

static const char* const names[] = { NULL, "sensor", "network", "a_module_with_a_rather_long_name_of_51_characters_x",
                                     "logger" };

static bool say_module( const dmheap_module_info_t* module, void* user )
{
    (void)user;
    printf( "module %s %lu %lu %lu %ld\n", module->name, (unsigned long)module->stats.live_bytes,
            (unsigned long)module->stats.live_blocks, (unsigned long)module->stats.peak_bytes,
            module->stats.limit_bytes == SIZE_MAX ? -1l : (long)module->stats.limit_bytes );
    return true;
}

static bool say_block( const dmheap_block_info_t* block, void* user )
{
    (void)user;
    static const char uses[][8] = { "free", "live", "system", "moving" };
    printf( "block %lu %lu %lu %s %s %lu\n", (unsigned long)( (uintptr_t)block->address - (uintptr_t)image_memory ),
            (unsigned long)block->block_bytes, (unsigned long)block->size, uses[block->use], block->owner,
            (unsigned long)(uintptr_t)block->caller );
    return true;
}

static void say( dmheap_context_t* heap )
{
    dmheap_stats_t stats;
    (void)dmheap_ctx_get_stats( heap, &stats );
    printf( "heap %lu %lu %lu %lu %lu %lu %lu %lu %lu %lu %d\n",
            (unsigned long)( (uintptr_t)heap - (uintptr_t)image_memory ), (unsigned long)stats.heap_size,
            (unsigned long)stats.used_bytes, (unsigned long)stats.peak_used_bytes, (unsigned long)stats.free_bytes,
            (unsigned long)stats.largest_free_block, (unsigned long)stats.overhead_bytes,
            (unsigned long)stats.used_blocks, (unsigned long)stats.free_blocks, (unsigned long)stats.modules,
            (int)dmheap_ctx_check( heap, NULL ) );
    dmheap_ctx_visit_modules( heap, say_module, NULL );
    dmheap_ctx_visit_blocks( heap, say_block, NULL );
}

static void __attribute__( ( noinline ) ) leak( dmheap_context_t* heap )
{
    for( unsigned i = 0; i < 5; i++ )
        (void)dmheap_ctx_malloc( heap, 40, "leaky" ); /* here it leaks */
}

#ifdef DMHEAP_TRACE
static bool to_file( const void* bytes, size_t size, void* user )
{
    return fwrite( bytes, 1, size, user ) == size;
}
#endif

int main( int argc, char** argv )
{
    static void* blocks[2][BLOCKS];
    const char*  path = argc > 1 ? argv[1] : "image.bin";
#ifdef DMHEAP_TRACE
    FILE* trace = fopen( "image.trace", "wb" );
    if( trace == NULL || !dmheap_trace_start( &( dmheap_trace_t ){ .write = to_file, .user = trace } ) ) return 1;
#endif
    dmheap_context_t* heaps[2];
    for( size_t i = 0; i < MEMORY; i++ )
        image_memory[i] = (unsigned char)( i * 7 );
    heaps[0] = dmheap_ctx_init( image_memory + 264, FIRST, 8, "main \"heap\"" );
    heaps[1] = dmheap_ctx_init( image_memory + 264 + FIRST + 64, SECOND, 16, NULL );
    if( heaps[0] == NULL || heaps[1] == NULL ) return 1;
    (void)dmheap_ctx_set_module_limit( heaps[0], "logger", 3000 );
    for( unsigned n = 0; n < 400; n++ )
    {
        unsigned    heap = draw( 3 ) == 0;
        void**      slot = &blocks[heap][draw( BLOCKS )];
        const char* name = names[draw( 5 )];
        size_t      size = draw( 200 );
        switch( draw( 5 ) )
        {
        case 0:
        case 1:
            if( *slot == NULL ) *slot = dmheap_ctx_malloc( heaps[heap], size, name );
            if( *slot != NULL ) memset( *slot, (int)draw( 256 ), dmheap_ctx_usable_size( heaps[heap], *slot ) );
            break;
        case 2:
            if( *slot == NULL ) *slot = dmheap_ctx_aligned_alloc( heaps[heap], 64, size, name );
            break;
        case 3:
            if( *slot != NULL && size != 0 )
            {
                void* moved = dmheap_ctx_realloc( heaps[heap], *slot, size, NULL );
                if( moved != NULL ) *slot = moved;
            }
            break;
        default:
            dmheap_ctx_free( heaps[heap], *slot, false );
            *slot = NULL;
            break;
        }
    }
    if( argc > 2 ) leak( heaps[0] );
#ifdef DMHEAP_TRACE
    leak( heaps[1] );
    leak( heaps[1] );
#endif
#ifdef DMHEAP_TRACE
    dmheap_ctx_unregister_module( heaps[1], "leaky" );
    dmheap_trace_stop();
    (void)fclose( trace );
#endif
    printf( "memory %lu\n", (unsigned long)(uintptr_t)image_memory );
    say( heaps[0] );
    say( heaps[1] );
    fflush( stdout );
    if( getenv( "IMAGE_ABORT" ) != NULL ) abort();
    FILE* file = fopen( path, "wb" );
    return file != NULL && fwrite( image_memory, 1, MEMORY, file ) == MEMORY && fclose( file ) == 0 ? 0 : 1;
}
