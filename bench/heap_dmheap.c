/*
 * dmheap by the names of the owners or, with BENCH_HANDLES, with the owners resolved once. The critical section is empty:
 * its cost is the system's, and no other heap that is measured has one.
 */
#include <stdint.h>

#include "dmheap.h"
#include "heap.h"

void Dmod_EnterCritical( void )
{
}

void Dmod_ExitCritical( void )
{
}

static int begun; /* a buffer can be too small for a heap: then there is nothing to be had */

#if defined( BENCH_HANDLES )

static dmheap_module_t handles[OWNERS];

void heap_begin( void* buffer, size_t size )
{
    begun = dmheap_init( buffer, size, BENCH_ALIGNMENT );
    for( unsigned owner = 0; begun && owner < OWNERS; owner++ )
        handles[owner] = dmheap_module_open( owner_names[owner] );
}

void* heap_malloc( size_t size, unsigned owner )
{
    return begun ? dmheap_module_malloc( handles[owner], size ) : NULL;
}

#else

void heap_begin( void* buffer, size_t size )
{
    begun = dmheap_init( buffer, size, BENCH_ALIGNMENT );
}

void* heap_malloc( size_t size, unsigned owner )
{
    return begun ? dmheap_malloc( size, owner_names[owner] ) : NULL;
}

#endif

void* heap_aligned( size_t alignment, size_t size, unsigned owner )
{
    return begun ? dmheap_aligned_alloc( alignment, size, owner_names[owner] ) : NULL;
}

void heap_free( void* block )
{
    dmheap_free( block, false );
}

void* heap_realloc( void* block, size_t size, unsigned owner )
{
    return dmheap_realloc( block, size, owner_names[owner] );
}

int heap_unregister( unsigned owner )
{
    dmheap_unregister_module( owner_names[owner] );
    return 1;
}

int heap_about( size_t* live, size_t* unused, size_t* largest )
{
    dmheap_stats_t stats;
    if( !dmheap_get_stats( &stats ) ) return 0;
    *live    = stats.used_bytes;
    *unused  = stats.free_bytes;
    *largest = stats.largest_free_block + ( stats.largest_free_block != 0 ) * sizeof( uint32_t ); /* its header */
    return 1;
}

/* Nothing is shown: what is refused on purpose would fill the output. */
int Dmod_Printf( const char* format, ... )
{
    (void)format;
    return 0;
}
