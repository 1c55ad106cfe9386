/*
 * Counts how often the library of dmheap_failing.c looks for a block: the n-th time, there is none. A program that knows
 * nothing of it is told n by the environment variable FAIL_AT, and says at its end how often a block was asked for.
 */
#include "fail_at.h"

#include <stdio.h>
#include <stdlib.h>

static unsigned long fails_at, count;

bool fail_now( void )
{
    return ++count == fails_at;
}

void fail_at( unsigned long n )
{
    fails_at = n;
    count    = 0;
}

unsigned long fail_count( void )
{
    return count;
}

static void say_count( void )
{
    fprintf( stderr, "blocks asked for: %lu\n", count );
}

static __attribute__( ( constructor ) ) void read_environment( void )
{
    const char* n = getenv( "FAIL_AT" );
    if( n == NULL ) return;
    fails_at = strtoul( n, NULL, 10 );
    (void)atexit( say_count );
}
