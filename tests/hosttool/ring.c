/*
 * Writes the memory of a target in which a heap is traced to a ring that is too small for where its modules were registered.
 *   ring [FILE]     default ring.bin
 */
#include <stdio.h>

#include "dmheap.h"

static struct
{
    unsigned char heap[8192];
    uint32_t      ring[128];
} memory __attribute__( ( aligned( 64 ) ) );

int main( int argc, char** argv )
{
    static const char* const names[] = { "sensor", "network", "logger" };
    void*                    blocks[3];
    dmheap_context_t*        heap = NULL;
    if( dmheap_trace_start( &( dmheap_trace_t ){ .ring = memory.ring, .ring_size = sizeof memory.ring } ) )
        heap = dmheap_ctx_init( memory.heap, sizeof memory.heap, 8, NULL );
    if( heap == NULL ) return 1;
    for( unsigned i = 0; i < 300; i++ )
    {
        if( i >= 3 ) dmheap_ctx_free( heap, blocks[i % 3], false );
        blocks[i % 3] = dmheap_ctx_malloc( heap, 20 + i, names[i % 3] );
    }
    FILE* file = fopen( argc > 1 ? argv[1] : "ring.bin", "wb" );
    return file != NULL && fwrite( &memory, sizeof memory, 1, file ) == 1 && fclose( file ) == 0 ? 0 : 1;
}
