/*
 * The calls of test_model, with the n-th block refused, for every n: no call may leave anything half done. Every block
 * counts, those of the heap's own records too.
 *   test_failures [SEEDS]     runs of calls of their own (default 3)
 */
#include <stdio.h>
#include <stdlib.h>

#include "fail_at.h"
#include "model.h"

int main( int argc, char** argv )
{
    unsigned      seeds  = argc > 1 ? (unsigned)atoi( argv[1] ) : 3;
    unsigned      failed = 0;
    unsigned long runs   = 0;
    for( unsigned seed = 1; seed <= seeds; seed++ )
        for( unsigned long n = 1;; n++ )
        {
            model_heap_t heap = { 16384, 8, 0, seed % 2 == 0, true };
            fail_at( n );
            const char* wrong = model_run( seed, 150, heap );
            runs++;
            if( wrong != NULL ) printf( "seed %u, block %lu refused: %s\n", seed, n, wrong );
            failed += wrong != NULL;
            if( fail_count() < n ) break;
        }
    printf( "failures: %lu runs, %u did not hold\n", runs, failed );
    return failed != 0 || runs < 100; /* else nothing was refused */
}
