/*
 * Writes a small heap with a bit of everything to a file, to be damaged.
 *   small FILE
 */
#include <stdio.h>

#include "dmheap.h"

int main( int argc, char** argv )
{
    static unsigned char memory[1536] __attribute__( ( aligned( 64 ) ) );
    void*                blocks[12];
    dmheap_context_t*    heap    = dmheap_ctx_init( memory, sizeof memory, 8, "small" );
    static const char*   names[] = { NULL, "sensor", "network" };
    for( unsigned i = 0; i < 12; i++ )
        blocks[i] = i % 5 == 4 ? dmheap_ctx_aligned_alloc( heap, 32, 20, names[i % 3] )
                               : dmheap_ctx_malloc( heap, 8 + i * 4, names[i % 3] );
    for( unsigned i = 1; i < 12; i += 3 )
        dmheap_ctx_free( heap, blocks[i], false );
    FILE* file = argc > 1 ? fopen( argv[1], "wb" ) : NULL;
    return file != NULL && fwrite( memory, 1, sizeof memory, file ) == sizeof memory && fclose( file ) == 0 ? 0 : 1;
}
