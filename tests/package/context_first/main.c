/* The least that a program does with the context-first generation. */
#include "dmheap.h"

#if !DMHEAP_CONTEXT_FIRST
#error "the header of the other generation was found"
#endif

int main( void )
{
    static char       heap[2][4096];
    dmheap_context_t* fast  = dmheap_init( heap[0], sizeof heap[0], 8 );
    dmheap_context_t* large = dmheap_init( heap[1], sizeof heap[1], 8 );
    void*             block = dmheap_malloc( NULL, 10, "m" );
    if( fast == NULL || large == NULL || dmheap_ctx_of( block ) != large ) return 1;
    dmheap_free( NULL, block, true );
    return dmheap_malloc( fast, 10, "m" ) != NULL ? 0 : 1;
}
