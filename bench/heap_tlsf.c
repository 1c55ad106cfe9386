/* Mattconte's tlsf.c, from a folder that BENCH_TLSF names. */
#include "heap.h"
#include "tlsf.h"

static tlsf_t heap;

void heap_begin( void* buffer, size_t size )
{
    heap = size > tlsf_size() + tlsf_pool_overhead() + tlsf_block_size_min() ? tlsf_create_with_pool( buffer, size )
                                                                             : NULL;
}

void* heap_malloc( size_t size, unsigned owner )
{
    (void)owner;
    return heap != NULL ? tlsf_malloc( heap, size ) : NULL;
}

void* heap_aligned( size_t alignment, size_t size, unsigned owner )
{
    (void)owner;
    return heap != NULL ? tlsf_memalign( heap, alignment, size ) : NULL;
}

void heap_free( void* block )
{
    tlsf_free( heap, block );
}

void* heap_realloc( void* block, size_t size, unsigned owner )
{
    (void)owner;
    return tlsf_realloc( heap, block, size );
}

int heap_unregister( unsigned owner )
{
    (void)owner;
    return 0;
}
