/*
 * newlib's allocator, served by dmheap: what malloc() and the C library itself allocate is owned by the module that runs.
 */
#include "newlib_malloc.h"

#include <reent.h>

#include "dmheap.h"

static const char* running = "system";

const char* run_as( const char* module )
{
    const char* before = running;
    running            = module;
    return before;
}

void* _malloc_r( struct _reent* reent, size_t size )
{
    (void)reent;
    return dmheap_malloc( size, running );
}

void* _calloc_r( struct _reent* reent, size_t count, size_t size )
{
    (void)reent;
    return dmheap_calloc( count, size, running );
}

void* _realloc_r( struct _reent* reent, void* pointer, size_t size )
{
    (void)reent;
    return dmheap_realloc( pointer, size, running );
}

void* _memalign_r( struct _reent* reent, size_t alignment, size_t size )
{
    (void)reent;
    return dmheap_aligned_alloc( alignment, size, running );
}

void _free_r( struct _reent* reent, void* pointer )
{
    (void)reent;
    dmheap_free( pointer, false );
}

/* What else newlib would fetch from a system that is not there. */
void* _sbrk( ptrdiff_t more )
{
    (void)more;
    return (void*)-1;
}
