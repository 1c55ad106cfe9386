/*
 * Blocks: take, release, resize, and the exact answer to what a pointer is. May not know modules beyond the owner that
 * a header carries, nor lock, nor log.
 *
 * Every function that changes the heap first verifies all blocks that it is going to change, so that STATUS_CORRUPTED
 * means that nothing was changed. Sizes are words.
 */
#ifndef DMHEAP_BLOCK_H
#define DMHEAP_BLOCK_H

#include "guard.h"
#include "index.h"
#include "status.h"

enum
{
    /* What block_take() returns besides a block. */
    BLOCK_NONE    = 0, /* no free block is large enough */
    BLOCK_DAMAGED = 1  /* the one that was found is overwritten: nothing was changed */
};

/* Size of a block with a payload of `payload` bytes at `alignment`, 0: none; 0 where no block of this heap can. */
static inline uint32_t block_size_to_take( const dmheap_context_t* context, size_t payload, size_t alignment )
{
    size_t extra = GUARD_BYTES + ( alignment != 0 ? (size_t)WORD_SIZE : 0 );
    if( payload <= SIZE_MAX - extra ) payload += extra;
    return block_size_for( context, payload );
}

static inline uint32_t block_size( const dmheap_context_t* context, block_t block )
{
    return header_size( context, *block_header( context, block ) );
}

static inline owner_t block_owner( const dmheap_context_t* context, block_t block )
{
    return header_owner( context, *block_header( context, block ) );
}

static inline void block_set_owner( dmheap_context_t* context, block_t block, owner_t owner )
{
    word_t* header = block_header( context, block );
    *header        = ( *header & ~header_owner_mask( context ) ) | owner << context->owner_shift;
}

/* Whether a live block starts at a place that was one. */
static inline bool block_is_live( const dmheap_context_t* context, block_t block )
{
    uint32_t bit = map_bit( context, block );
    return bit < context->granules && map_get( context, bit );
}

/* Counts a change of extent or owner as a block released and taken, so that walkers notice it. */
static inline void block_note_change( dmheap_context_t* context )
{
    context->taken++;
    context->released++;
}

/* The alignment in bytes that a live block was asked for; 0: the heap's. */
size_t block_alignment( const dmheap_context_t* context, block_t block );

/* Notes the alignment (0: the heap's) that a live block is to keep; its last word must not be in use. */
void block_set_alignment( dmheap_context_t* context, block_t block, size_t alignment );

/* Payload bytes that the user of a live block may use. */
size_t block_usable_size( const dmheap_context_t* context, block_t block );

/* Whether `pointer` is a live payload of this heap; STATUS_OK, STATUS_OUTSIDE, STATUS_MISALIGNED or STATUS_NOT_LIVE.
 * The rotation brings what is off the granule to the top: a number below `granules` is a payload's place in the heap, and
 * its `bit` in the start map. */
static inline status_t block_of( const dmheap_context_t* context, const void* pointer, block_t* block, uint32_t* bit )
{
    enum
    {
        BITS_OF_SIZE = sizeof( size_t ) * 8
    };
    size_t   inside = (uintptr_t)pointer - (uintptr_t)image_word( context, context->first );
    unsigned shift  = context->granule_shift + (unsigned)WORD_SHIFT;
    size_t   place  = inside >> shift | inside << ( BITS_OF_SIZE - shift );
    if( place >= context->granules )
        return inside >> WORD_SHIFT < context->end - context->first ? STATUS_MISALIGNED : STATUS_OUTSIDE;
    *block = block_at( context->first + (uint32_t)( inside >> WORD_SHIFT ) );
    *bit   = (uint32_t)place;
    return map_get( context, *bit ) ? STATUS_OK : STATUS_NOT_LIVE;
}

/* What a block is to be like. An alignment is looked for in two calls, each of which is short: first in a block that may
 * hold the payload by chance, so that freed aligned blocks are found again; then `anywhere`, in one that is large enough
 * at whatever address. */
typedef struct
{
    uint32_t size;      /* words, from block_size_to_take(); then what was given */
    size_t   alignment; /* bytes, 0: the heap's */
    bool     anywhere;
} block_request_t;

/* Takes a live block out of the free memory, or BLOCK_NONE or BLOCK_DAMAGED. Less than the smallest block is not left
 * behind, but given away with it. O(1). */
block_t block_take( dmheap_context_t* context, block_request_t* request, owner_t owner );

/* Gives a live block back and merges it with its free neighbours. STATUS_CORRUPTED. O(1). */
status_t block_release( dmheap_context_t* context, block_t block );

/* Makes a live block larger or smaller where it is. STATUS_NO_MEMORY where there is no room behind it;
 * STATUS_CORRUPTED. The last word of an aligned block is the caller's to move. O(1). */
status_t block_resize( dmheap_context_t* context, block_t block, uint32_t size );

/* Extends a live block by the free blocks in front of it and behind it, where that makes at least `size` and the
 * payload is aligned in its new place; it then has all of that room, and its contents are still where they were.
 * STATUS_NO_MEMORY, STATUS_CORRUPTED. O(1). */
status_t block_extend_forward( dmheap_context_t* context, block_t* block, uint32_t size, size_t alignment );

/* What is behind a place where a block ends: the same place or, where a free block is there, the end of that; walks skip
 * it so, instead of looking for starts in it. */
static inline block_t block_behind_free( const dmheap_context_t* context, block_t block )
{
    uint32_t header = *block_header( context, block );
    uint32_t size   = header_size( context, header );
    bool     skips  = header & HEADER_FREE && size <= context->end - block.at;
    return block_at( skips ? block.at + size : block.at );
}

/* Moves `block` to the next live one at or behind it. Each look at a word of the start map costs one of `looks`. True
 * where there is one; else `block` is where to go on: not in front of `end` when there is none left. */
static inline bool block_next_live( const dmheap_context_t* context, block_t* block, uint32_t looks )
{
    uint32_t from = map_bit( context, *block );
    uint32_t bit  = from;
    uint32_t bits = 0;
    for( ; bits == 0 && bit < context->granules && looks != 0; looks-- )
    {
        bits = *map_word( context, bit ) >> ( bit & ( BITS_OF_WORD - 1 ) );
        bit  = bits != 0 ? bit + bits_lowest( bits ) : ( bit | ( BITS_OF_WORD - 1 ) ) + 1;
    }
    if( bit >= context->granules )
    {
        *block = block_at( context->end );
        return false;
    }
    block->at += ( bit - from ) << context->granule_shift;
    return bits != 0;
}

#endif
