/*
 * Random calls on the heap and on a plain model of it: heaps of many sizes, alignments and buffer addresses.
 *   test_model [ROUNDS]     rounds of all configurations, each with seeds of its own (default 5)
 */
#include <stdio.h>
#include <stdlib.h>

#include "model.h"

#ifndef MODEL_ROUNDS
#define MODEL_ROUNDS 5
#endif

int main( int argc, char** argv )
{
    static const size_t sizes[]      = { 300, 1024, 2000, 4096, 16384, 65536, 262144 };
    static const size_t alignments[] = { 1, 4, 8, 16, 64 };
    static const size_t offsets[]    = { 0, 1, 4, 7 };
    unsigned            rounds       = argc > 1 ? (unsigned)atoi( argv[1] ) : MODEL_ROUNDS;
    unsigned            failed       = 0;
    unsigned            passed       = 0;
    for( unsigned round = 0; round < rounds; round++ )
        for( unsigned s = 0; s < sizeof sizes / sizeof *sizes; s++ )
            for( unsigned a = 0; a < sizeof alignments / sizeof *alignments; a++ )
                for( unsigned o = 0; o < sizeof offsets / sizeof *offsets; o++ )
                {
                    if( sizes[s] < 512 && alignments[a] > 8 ) continue;
                    uint32_t     seed  = 1 + round * 1000 + s * 100 + a * 10 + o;
                    unsigned     steps = sizes[s] < 1024 ? 2000 : 400;
                    model_heap_t heap  = { .size      = sizes[s] + sizes[s] / 64 * ( round % 64 ),
                                           .alignment = alignments[a],
                                           .offset    = offsets[o],
                                           .several   = ( seed & 1u ) != 0 && sizes[s] >= 2000 };
                    const char*  wrong = model_run( seed, steps, heap );
                    if( wrong == NULL )
                        passed++;
                    else
                    {
                        failed++;
                        printf( "seed %u, %lu bytes, alignment %lu, offset %lu: %s\n", (unsigned)seed,
                                (unsigned long)heap.size, (unsigned long)heap.alignment, (unsigned long)heap.offset,
                                wrong );
                    }
                }
    printf( "model: %u runs held, %u did not\n", passed, failed );
    return failed != 0;
}
