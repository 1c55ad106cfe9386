/*
 * What every malloc and free does to blocks, to be put in line in the two functions that are called most. May not be
 * included for anything else: block.h has the same as functions.
 */
#ifndef DMHEAP_BLOCK_HOT_H
#define DMHEAP_BLOCK_HOT_H

#include "block.h"

enum
{
    NO_BIN = UINT16_MAX
};

/* The bin of a free block, NO_BIN where the block is not what its header says, or its list is overwritten. */
static inline uint32_t bin_of( const dmheap_context_t* context, block_t block, uint32_t size )
{
    uint32_t header = *block_header( context, block );
    if( size < context->min_size || block.at + size > context->end || header_size( context, header ) != size ||
        !header_is_free( context, header ) )
        return NO_BIN;
    uint32_t bin = index_bin( context, size );
    return index_holds( context, block, bin ) ? bin : (uint32_t)NO_BIN;
}

/* Makes a free block; the header behind it must say so already. */
static HOT void make_free( dmheap_context_t* context, block_t block, uint32_t size, index_place_t place )
{
    *block_header( context, block )                            = header_of_free( context, size );
    *block_foot_before( context, block_at( block.at + size ) ) = size;
    index_insert( context, block, place );
}

/* Makes a live block of the first `size` bytes of `whole`, which is in no list any more. Less than the smallest block is
 * not left behind, but given away with it: `size` tells. `rest_place` is where the rest goes. */
static HOT void split( dmheap_context_t* context, block_t block, uint32_t whole, uint32_t* size,
                       index_place_t rest_place, uint32_t header )
{
    uint32_t rest = whole - *size;
    if( rest >= context->min_size )
        make_free( context, block_at( block.at + *size ), rest, rest_place );
    else
    {
        *size = whole;
        *block_header( context, block_at( block.at + whole ) ) &= ~(uint32_t)HEADER_PREVIOUS_FREE;
        context->free_blocks--;
    }
    *block_header( context, block ) = header | *size >> context->size_scale;
    map_set( context, map_bit( context, block ) );
    context->taken++;
    uint32_t left       = context->free_bytes - *size;
    context->free_bytes = left;
    if( left < context->free_lowest ) context->free_lowest = left;
}

/* block_take() in line: at the heap's alignment, and of the first block in a list. */
static HOT block_t take_block( dmheap_context_t* context, uint32_t* size, owner_t owner )
{
    uint32_t      bin;
    index_place_t rest_place = { 0, NULL };
    block_t       block      = index_find( context, *size, &bin );
    if( block.at == 0 ) return block;
    if( !block_in_heap( context, block.at ) ) return block_at( BLOCK_DAMAGED );
    uint32_t header = *block_header( context, block );
    uint32_t whole  = header_size( context, header );
    if( whole < *size || block.at + whole > context->end || !header_is_free( context, header ) ||
        !index_holds_head( context, block ) )
        return block_at( BLOCK_DAMAGED );
    if( whole - *size >= context->min_size && !index_find_place( context, whole - *size, &rest_place ) )
        return block_at( BLOCK_DAMAGED );
    index_remove_head( context, block, bin );
    split( context, block, whole, size, rest_place, owner << context->owner_shift );
    return block;
}

/* block_release() in line; `bit` is the block's in the start map, `released` tells the size. */
static HOT status_t release_block( dmheap_context_t* context, block_t block, uint32_t bit, uint32_t* released )
{
    uint32_t header   = *block_header( context, block );
    uint32_t size     = header_size( context, header );
    uint32_t merged   = size;
    uint32_t next_bin = 0, before_bin = 0;
    block_t  before = block;
    block_t  next   = block_at( block.at + size );
    if( header & HEADER_FREE || next.at > context->end ) return STATUS_CORRUPTED;
    uint32_t next_header = *block_header( context, next );
    if( next_header & HEADER_FLAGS )
    {
        uint32_t next_size = header_size( context, next_header );
        merged += next_size;
        next_bin = bin_of( context, next, next_size );
        if( next_bin == NO_BIN ) return STATUS_CORRUPTED;
    }
    if( header & HEADER_PREVIOUS_FREE )
    {
        uint32_t before_size = *block_foot_before( context, block );
        merged += before_size;
        before.at -= before_size;
        if( !block_in_heap( context, before.at ) ) return STATUS_CORRUPTED;
        before_bin = bin_of( context, before, before_size );
        if( before_bin == NO_BIN ) return STATUS_CORRUPTED;
    }
    index_place_t place;
    if( merged < context->min_size || !index_find_place( context, merged, &place ) ) return STATUS_CORRUPTED;

    map_clear( context, bit );
    context->released++;
    context->free_blocks++;
    context->free_bytes += size;
    if( header & HEADER_PREVIOUS_FREE )
    {
        index_remove( context, before, before_bin );
        context->free_blocks--;
    }
    if( next_header & HEADER_FLAGS )
    {
        index_remove( context, next, next_bin );
        context->free_blocks--;
    }
    else
        *block_header( context, next ) = next_header | HEADER_PREVIOUS_FREE;
    make_free( context, before, merged, place );
    *released = size;
    return STATUS_OK;
}

#endif
