/*
 * newlib's allocator on the default heaps of dmheap: what malloc(), its kin and the C library itself allocate. These are
 * the functions below malloc() that newlib is built to have replaced, all of them: one that is left out would bring
 * newlib's own heap. May not make a heap: the program does, with dmheap_init(), at an alignment of 8 at least.
 */
#include <errno.h>
#include <malloc.h>
#include <reent.h>

#include "dmheap.h"
#include "dmheap_glue.h"

__attribute__( ( weak ) ) const char* dmheap_glue_owner( void )
{
    return NULL;
}

static void* given( struct _reent* reent, void* payload )
{
    if( payload == NULL ) __errno_r( reent ) = ENOMEM;
    return payload;
}

void* _malloc_r( struct _reent* reent, size_t size )
{
    return given( reent, dmheap_malloc( size, dmheap_glue_owner() ) );
}

void* _calloc_r( struct _reent* reent, size_t count, size_t size )
{
    return given( reent, dmheap_calloc( count, size, dmheap_glue_owner() ) );
}

void* _realloc_r( struct _reent* reent, void* pointer, size_t size )
{
    void* moved = dmheap_realloc( pointer, size, dmheap_glue_owner() );
    return size != 0 ? given( reent, moved ) : moved; /* freed: nothing failed */
}

void* _memalign_r( struct _reent* reent, size_t alignment, size_t size )
{
    return given( reent, dmheap_aligned_alloc( alignment, size, dmheap_glue_owner() ) );
}

void _free_r( struct _reent* reent, void* pointer )
{
    (void)reent;
    dmheap_free( pointer, true );
}

size_t _malloc_usable_size_r( struct _reent* reent, void* pointer )
{
    (void)reent;
    return dmheap_usable_size( pointer );
}
