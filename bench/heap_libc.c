/* What the C library has, or a library that takes its place. It takes its memory from the system: the buffer is not used. */
#include <malloc.h>
#include <stdlib.h>

#include "heap.h"

void heap_begin( void* buffer, size_t size )
{
    (void)buffer;
    (void)size;
}

void* heap_malloc( size_t size, unsigned owner )
{
    (void)owner;
    return malloc( size );
}

void* heap_aligned( size_t alignment, size_t size, unsigned owner )
{
    (void)owner;
    return memalign( alignment, size ); /* newlib has not all of aligned_alloc() */
}

void heap_free( void* block )
{
    free( block );
}

void* heap_realloc( void* block, size_t size, unsigned owner )
{
    (void)owner;
    return realloc( block, size );
}

int heap_unregister( unsigned owner )
{
    (void)owner;
    return 0;
}
