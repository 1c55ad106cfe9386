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

/* Whether a free block of `size` bytes with this header is where it should be in the list of its bin. */
static HOT bool is_free_in( const dmheap_context_t* context, block_t block, uint32_t header, uint32_t size,
                            uint32_t bin )
{
    return header_is_free( context, header ) && size <= context->end - block.at && index_holds( context, block, bin );
}

/* The bin of a free block, NO_BIN where the block is not what its header says, or its list is overwritten. */
static inline uint32_t bin_of( const dmheap_context_t* context, block_t block, uint32_t size )
{
    uint32_t header = *block_header( context, block );
    if( size < context->min_size || header_size( context, header ) != size ) return NO_BIN;
    uint32_t bin = index_bin( context, size );
    return is_free_in( context, block, header, size, bin ) ? bin : (uint32_t)NO_BIN;
}

/* Makes a free block; the header behind it must say so already. */
static HOT void make_free( dmheap_context_t* context, block_t block, uint32_t size, uint32_t bin )
{
    *block_header( context, block )                            = header_of_free( context, size );
    *block_foot_before( context, block_at( block.at + size ) ) = size;
    index_insert( context, block, bin );
}

/* Makes a live block of a free one in `bin`, `lead` bytes behind where that begins; what is left in front and behind
 * stays free, unless it is too small to: `taken`, the size, says so. BLOCK_DAMAGED where the free block is not large
 * enough, or anything around it is overwritten. */
static HOT block_t carve( dmheap_context_t* context, block_t block, uint32_t bin, uint32_t lead, uint32_t* taken,
                          owner_t owner )
{
    if( !block_in_heap( context, block.at ) ) return block_at( BLOCK_DAMAGED );
    uint32_t header   = *block_header( context, block );
    uint32_t whole    = header_size( context, header );
    uint32_t size     = *taken;
    uint32_t rest     = whole - lead - size;
    uint32_t lead_bin = 0, rest_bin = 0;
    if( whole < lead + size || !is_free_in( context, block, header, whole, bin ) ) return block_at( BLOCK_DAMAGED );
    if( rest >= context->min_size )
    {
        rest_bin = index_bin( context, rest );
        if( !index_accepts( context, rest_bin ) ) return block_at( BLOCK_DAMAGED );
    }
    else
    {
        size += rest;
        rest   = 0;
        *taken = size;
    }
    if( lead != 0 )
    {
        lead_bin = index_bin( context, lead );
        if( !index_accepts( context, lead_bin ) ) return block_at( BLOCK_DAMAGED );
    }

    index_remove( context, block, bin );
    context->free_blocks += (uint32_t)( rest != 0 ) + (uint32_t)( lead != 0 ) - 1u;
    header = header_of( context, owner, size );
    if( lead != 0 )
    {
        make_free( context, block, lead, lead_bin );
        header |= HEADER_PREVIOUS_FREE;
        block.at += lead;
    }
    block_t next = block_at( block.at + size );
    if( rest != 0 )
        make_free( context, next, rest, rest_bin );
    else
        *block_header( context, next ) &= ~(uint32_t)HEADER_PREVIOUS_FREE;
    *block_header( context, block ) = header;
    map_set( context, map_bit( context, block ) );
    context->taken++;
    uint32_t left       = context->free_bytes - size;
    context->free_bytes = left;
    if( left < context->free_lowest ) context->free_lowest = left;
    return block;
}

/* block_take() in line, at the heap's alignment. */
static HOT block_t take_block( dmheap_context_t* context, uint32_t* size, owner_t owner )
{
    uint32_t bin;
    block_t  block = index_find( context, *size, &bin );
    return block.at != 0 ? carve( context, block, bin, 0, size, owner ) : block;
}

/* block_release() in line; `size` tells what was released. */
static HOT status_t release_block( dmheap_context_t* context, block_t block, uint32_t* released )
{
    uint32_t header   = *block_header( context, block );
    uint32_t size     = header_size( context, header );
    uint32_t merged   = size;
    uint32_t next_bin = 0, before_bin = 0;
    block_t  before = block;
    block_t  next   = block_at( block.at + size );
    if( header & HEADER_FREE || size > context->end - block.at ) return STATUS_CORRUPTED;
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
    uint32_t bin = index_bin( context, merged );
    if( merged < context->min_size || !index_accepts( context, bin ) ) return STATUS_CORRUPTED;

    map_clear( context, map_bit( context, block ) );
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
    make_free( context, before, merged, bin );
    *released = size;
    return STATUS_OK;
}

#endif
