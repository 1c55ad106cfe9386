/*
 * Stands between the library and its function that takes a block: the n-th time, there is none. Linked with
 * -Wl,--wrap=dmheap_internal_block_take. A program that knows nothing of it is told n by the environment variable FAIL_AT,
 * and says at its end how often a block was asked for.
 */
#include "fail_at.h"

#include <stdio.h>
#include <stdlib.h>

#include "block.h"

block_t __real_dmheap_internal_block_take( dmheap_context_t* context, block_request_t* request, owner_t owner );
block_t __wrap_dmheap_internal_block_take( dmheap_context_t* context, block_request_t* request, owner_t owner );

static unsigned long fails_at, count;

block_t __wrap_dmheap_internal_block_take( dmheap_context_t* context, block_request_t* request, owner_t owner )
{
    if( ++count == fails_at ) return block_at( BLOCK_NONE );
    return __real_dmheap_internal_block_take( context, request, owner );
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
