/*
 * posix_memalign() on the default heaps of dmheap: picolibc's would bring its own heap, newlib's is missing although its
 * aligned_alloc() calls it.
 */
#include <errno.h>
#include <stdlib.h>

#include "dmheap.h"
#include "dmheap_glue.h"

int posix_memalign( void** pointer, size_t alignment, size_t size );

int posix_memalign( void** pointer, size_t alignment, size_t size )
{
    if( alignment % sizeof( void* ) != 0 || alignment == 0 || ( alignment & ( alignment - 1 ) ) != 0 ) return EINVAL;
    void* payload = dmheap_aligned_alloc( alignment, size, dmheap_glue_owner() );
    if( payload == NULL ) return ENOMEM;
    *pointer = payload;
    return 0;
}
