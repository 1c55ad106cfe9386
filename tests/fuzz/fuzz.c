/*
 * The entry of the fuzzers: libFuzzer calls it, and so does AFL++ through main() below; any input is a heap and a sequence
 * of calls, see model_run_bytes(). May not decide what is right: the model does.
 */
#include <stdio.h>
#include <stdlib.h>

#include "model.h"

int LLVMFuzzerTestOneInput( const uint8_t* bytes, size_t length );

int LLVMFuzzerTestOneInput( const uint8_t* bytes, size_t length )
{
    const char* wrong = model_run_bytes( bytes, length );
    if( wrong == NULL ) return 0;
    fprintf( stderr, "%s\n", wrong );
    abort();
}

#ifndef FUZZ_WITHOUT_MAIN

enum
{
    INPUT_MOST = 4096
};

static void run( FILE* file )
{
    static uint8_t input[INPUT_MOST];
    (void)LLVMFuzzerTestOneInput( input, fread( input, 1, sizeof input, file ) );
}

/* The inputs in the files that are named; without any, what comes on the standard input: many times, where AFL++ keeps
 * the program running. */
int main( int argc, char** argv )
{
    for( int i = 1; i < argc; i++ )
    {
        FILE* file = fopen( argv[i], "rb" );
        if( file == NULL )
        {
            perror( argv[i] );
            return 1;
        }
        run( file );
        (void)fclose( file );
    }
    if( argc > 1 ) return 0;
#ifdef __AFL_HAVE_MANUAL_CONTROL
    while( __AFL_LOOP( 10000 ) )
    {
        run( stdin );
        rewind( stdin );
    }
#else
    run( stdin );
#endif
    return 0;
}

#endif
