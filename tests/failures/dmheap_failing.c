/*
 * The library, with a hand between it and what finds free blocks: the n-th time, none is found. The layer of blocks is
 * read as it is; behind it, the names of the functions by which the other layers find a block are those of functions that
 * may refuse. Compiled in place of dmheap.c.
 */
#include "blocks.c"

#include "fail_at.h"

/* A call that is refused once looks a second time: a short way is followed by a longer one, the far end by the rest. */
static bool is_refused;

/* A heap that is being made has room for its name, or would not be made: nothing is refused to it. */
static bool is_being_made;

static bool refuse_now( void )
{
    return !is_being_made && fail_now();
}

static block_t failing_find( const dmheap_context_t* context, uint32_t size )
{
    is_refused = refuse_now();
    return is_refused ? block_at( BLOCK_NONE ) : index_find( context, size );
}

static block_t failing_find_aligned( const dmheap_context_t* context, uint32_t size, size_t alignment, uint32_t* lead )
{
    bool now   = refuse_now() || is_refused;
    is_refused = false;
    *lead      = 0;
    return now ? block_at( BLOCK_NONE ) : index_find_aligned( context, size, alignment, lead );
}

/* How the heap's own records find what is free in front of them, 0: nothing is. */
static uint32_t failing_size( const dmheap_context_t* context, block_t block )
{
    is_refused = refuse_now();
    return is_refused ? 0 : free_size( context, block );
}

#define index_find( context, size )                          failing_find( context, size )
#define index_find_aligned( context, size, alignment, lead ) failing_find_aligned( context, size, alignment, lead )
#define free_size( context, block )                          failing_size( context, block )

#include "contexts.c"
#include "owners.c"
#include "report.c"
#include "guard.c"
#include "api.c"
#include "resize.c"
#include "modules.c"

static status_t take_for_name( dmheap_context_t* context, size_t payload, block_t* taken )
{
    is_being_made   = true;
    status_t status = system_take( context, payload, taken );
    is_being_made   = false;
    return status;
}

#define system_take( context, payload, taken ) take_for_name( context, payload, taken )

#include "heaps.c"

#undef system_take

#include "inspect.c"
#ifndef DMHEAP_DONT_IMPLEMENT_DMOD_API
#include "dmod_api.c"
#endif
