/*
 * The library with the n-th search for a free block failing; see fail_at.h. It is built as src/dmheap.c is, but behind the
 * layer of blocks each search goes through a function that counts: linked in front of the archive, it takes its place. A
 * program that knows nothing of it is told n by the environment variable FAIL_AT, and says at its end how often it searched.
 */
#include <stdio.h>
#include <stdlib.h>

#include "blocks.c"

#include "contexts.c"

#include "fail_at.h"

static unsigned long fails_at, searches;
static bool          failed; /* the search that follows is for the same block: the longer way, or not at the far end */

static bool this_fails( void )
{
    return ++searches == fails_at;
}

static bool failing_find( const dmheap_context_t* context, uint32_t size, uint32_t* link, block_t* block )
{
    failed = this_fails();
    return !failed && index_find( context, size, link, block );
}

static block_t failing_find_aligned( const dmheap_context_t* context, uint32_t size, size_t alignment, uint32_t* whole,
                                     uint32_t* lead )
{
    bool fails = failed || this_fails();
    failed     = false;
    return fails ? block_at( BLOCK_NONE ) : index_find_aligned( context, size, alignment, whole, lead );
}

/* Of the block in front of the heap's own ones. */
static uint32_t failing_size( const dmheap_context_t* context, block_t block )
{
    failed = this_fails();
    return failed ? 0 : free_size( context, block );
}

#define index_find         failing_find
#define index_find_aligned failing_find_aligned
#define free_size          failing_size
#include "owners.c"
#undef free_size

#include "report.c"
#include "guard.c"
#include "api.c"
#include "resize.c"
#include "modules.c"
#include "heaps.c"
#include "inspect.c"
#include "diagnose.c"
#include "trace.c"
#if DMHEAP_CONTEXT_FIRST
#include "context_first.c"
#else
#include "seed.c"
#endif
#ifndef DMHEAP_DONT_IMPLEMENT_DMOD_API
#include "dmod_api.c"
#endif

void fail_at( unsigned long n )
{
    fails_at = n;
    searches = 0;
    failed   = false;
}

unsigned long fail_count( void )
{
    return searches;
}

static void say_count( void )
{
    (void)fflush( stdout ); /* in a log of both, this is a line by itself */
    fprintf( stderr, "blocks asked for: %lu\n", searches );
}

static __attribute__( ( constructor ) ) void read_environment( void )
{
    const char* n = getenv( "FAIL_AT" );
    if( n == NULL ) return;
    fails_at = strtoul( n, NULL, 10 );
    (void)atexit( say_count );
}
