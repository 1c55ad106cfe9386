/*
 * malloc() and its kin on the default heaps of dmheap, for picolibc and other C libraries that let a program define them.
 * May not make a heap: the program does, with dmheap_init(), at an alignment of 8 at least.
 */
#include <errno.h>
#include <malloc.h>
#include <stdlib.h>

#include "dmheap.h"
#include "dmheap_glue.h"

__attribute__( ( weak ) ) const char* dmheap_glue_owner( void )
{
    return NULL;
}

static void* given( void* payload )
{
    if( payload == NULL ) errno = ENOMEM;
    return payload;
}

void* malloc( size_t size )
{
    return given( dmheap_malloc( size, dmheap_glue_owner() ) );
}

void* calloc( size_t count, size_t size )
{
    return given( dmheap_calloc( count, size, dmheap_glue_owner() ) );
}

void* realloc( void* pointer, size_t size )
{
    void* moved = dmheap_realloc( pointer, size, dmheap_glue_owner() );
    return size != 0 ? given( moved ) : moved; /* freed: nothing failed */
}

void* memalign( size_t alignment, size_t size )
{
    return given( dmheap_aligned_alloc( alignment, size, dmheap_glue_owner() ) );
}

void* aligned_alloc( size_t alignment, size_t size )
{
    return memalign( alignment, size );
}

void free( void* pointer )
{
    dmheap_free( pointer, true );
}

size_t malloc_usable_size( void* pointer )
{
    return dmheap_usable_size( pointer );
}
