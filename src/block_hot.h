/*
 * What every malloc and free does to blocks, to be put in line in the two functions that are called most. May not be
 * included for anything else: block.h has the same as functions.
 */
#ifndef DMHEAP_BLOCK_HOT_H
#define DMHEAP_BLOCK_HOT_H

#include "block.h"

/* Whether there is a free block at `block`: header, foot and list agree on it. Tells its size. */
static HOT bool free_is_valid( const dmheap_context_t* context, block_t block, uint32_t* size )
{
    if( !block_in_heap( context, block.at ) ) return false;
    /* a header with any other flag, or an owner, is a size beyond the end */
    size_t whole = (size_t)( *block_header( context, block ) ^ HEADER_FREE ) << header_scale( context );
    if( whole > context->end - block.at ) return false;
    *size = (uint32_t)whole;
    return *block_foot_before( context, block_at( block.at + *size ) ) == *size && index_holds( context, block );
}

/* Makes a free block; the header behind it must say so already. */
static HOT void make_free( dmheap_context_t* context, block_t block, uint32_t size )
{
    *block_header( context, block )                            = header_of_free( context, size );
    *block_foot_before( context, block_at( block.at + size ) ) = size;
    index_link( context, block, size );
}

/* Counts words as no longer free. */
static HOT void count_taken( dmheap_context_t* context, uint32_t words )
{
    uint32_t left       = context->free_words - words;
    context->free_words = left;
    if( left < context->free_lowest ) context->free_lowest = left;
}

/* Makes a live block of the first `*size` words of `whole`, which is in no list any more. `header` has its owner and
 * whether the block in front is free. What is left is returned: the caller makes a free block of it. */
static HOT uint32_t split( dmheap_context_t* context, block_t block, uint32_t whole, uint32_t* size, uint32_t header )
{
    uint32_t rest = whole - *size;
    if( rest < context->min_size )
    {
        rest  = 0;
        *size = whole;
        *block_header( context, block_at( block.at + whole ) ) &= ~HEADER_PREVIOUS_FREE;
        context->free_blocks--;
    }
    *block_header( context, block ) = header | *size >> header_scale( context );
    map_set( context, map_bit( context, block ) );
    context->taken++;
    count_taken( context, *size );
    return rest;
}

/* Counts a live block as released. */
static HOT void release_book( dmheap_context_t* context, uint32_t bit, uint32_t size )
{
    map_clear( context, bit );
    context->released++;
    context->free_blocks++;
    context->free_words += size;
}

/* block_release() in line; `bit` is the block's in the start map, `released` tells the size. */
static HOT status_t release_block( dmheap_context_t* context, block_t block, uint32_t bit, uint32_t* released )
{
    uint32_t header = *block_header( context, block );
    uint32_t size   = header_size( context, header );
    uint32_t behind = 0, before = 0;
    block_t  start = block;
    block_t  next  = block_at( block.at + size );
    if( header & HEADER_FREE || size - 1 >= context->end - block.at ) return STATUS_CORRUPTED;
    uint32_t next_header = *block_header( context, next );
    if( next_header & HEADER_FREE && !free_is_valid( context, next, &behind ) ) return STATUS_CORRUPTED;
    if( header & HEADER_PREVIOUS_FREE )
    {
        uint32_t foot = *block_foot_before( context, block );
        start.at -= foot;
        if( !free_is_valid( context, start, &before ) || before != foot ) return STATUS_CORRUPTED;
    }
    if( before + size + behind < context->min_size ) return STATUS_CORRUPTED;

    if( behind != 0 )
    {
        index_unlink( context, next );
        context->free_blocks--;
    }
    else
        *block_header( context, next ) = next_header | HEADER_PREVIOUS_FREE;
    if( before != 0 )
    {
        index_unlink( context, start );
        context->free_blocks--;
    }
    release_book( context, bit, size );
    make_free( context, start, before + size + behind );
    *released = size;
    return STATUS_OK;
}

#endif
