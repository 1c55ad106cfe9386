/*
 * The index of free blocks: two-level segregated fit. May not know what a block is used for, nor change its header.
 *
 * Bin b holds the free blocks of a range of sizes. With s = bin_shift, sizes that are the same granule for granule up
 * to 2^(s+1) granules have a bin of their own; beyond, each power of two is cut into 2^s bins of equal width:
 *
 *   shift = max( floor( log2( size ) ), floor( log2( bin_linear ) ) ) - s
 *   bin   = shift * 2^s + floor( size / 2^shift )
 *
 * Bins of sizes below the smallest block's do not exist: `bins_at` points in front of the first that does.
 *
 * A bitmap has a bit for each bin that is not empty, `bin_summary` one for each bitmap word that is not 0, so that the
 * smallest suitable bin is found by two find-first-set.
 *
 * Source: M. Masmano, I. Ripoll, A. Crespo, J. Real, "TLSF: a new dynamic memory allocator for real-time systems",
 * ECRTS 2004. Different here: one flat numbering of bins, so that bins per power of two can follow the heap's size;
 * the request's own bin is looked at before the larger ones; links are verified before they are followed.
 */
#ifndef DMHEAP_INDEX_H
#define DMHEAP_INDEX_H

#include "image.h"

enum
{
    /* Blocks of the request's own bin that are looked at when all larger bins are empty. */
    INDEX_LAST_RESORT_PROBES = 8
};

static HOT uint32_t index_bin( const dmheap_context_t* context, uint32_t size )
{
    uint32_t shift = bits_highest( size | context->bin_linear ) - context->bin_shift;
    return ( shift << context->bin_shift ) + ( size >> shift );
}

/* Whether a free block's neighbours in the list of its bin point back at it. */
static HOT bool index_holds( const dmheap_context_t* context, block_t block, uint32_t bin )
{
    uint32_t next     = *free_next( context, block );
    uint32_t previous = *free_previous( context, block );
    if( next != 0 && ( !block_in_heap( context, next ) || *free_previous( context, block_at( next ) ) != block.at ) )
        return false;
    if( previous == 0 ) return context_bins( context )[bin] == block.at;
    return block_in_heap( context, previous ) && *free_next( context, block_at( previous ) ) == block.at;
}

/* Notes that a bin has become empty. */
static HOT void index_empty( dmheap_context_t* context, uint32_t bin )
{
    word_t*  word = &context_bitmaps( context )[bin >> WORD_SHIFT];
    uint32_t bits = *word & ~( 1u << ( bin & ( BITS_OF_WORD - 1 ) ) );
    *word         = bits;
    if( bits == 0 ) context->bin_summary &= ~( 1u << ( bin >> WORD_SHIFT ) );
}

/* Takes a block out of the list of its bin; index_holds() must have agreed. */
static HOT void index_remove( dmheap_context_t* context, block_t block, uint32_t bin )
{
    uint32_t next     = *free_next( context, block );
    uint32_t previous = *free_previous( context, block );
    if( next != 0 ) *free_previous( context, block_at( next ) ) = previous;
    if( previous != 0 )
    {
        *free_next( context, block_at( previous ) ) = next;
        return;
    }
    context_bins( context )[bin] = next;
    if( next == 0 ) index_empty( context, bin );
}

/* index_holds() and index_remove() for a block that the head of its bin's list names. */
static HOT bool index_holds_head( const dmheap_context_t* context, block_t block )
{
    uint32_t next = *free_next( context, block );
    return *free_previous( context, block ) == 0 &&
           ( next == 0 ||
             ( block_in_heap( context, next ) && *free_previous( context, block_at( next ) ) == block.at ) );
}

static HOT void index_remove_head( dmheap_context_t* context, block_t block, uint32_t bin )
{
    uint32_t next = *free_next( context, block );

    context_bins( context )[bin] = next;
    if( next != 0 )
        *free_previous( context, block_at( next ) ) = 0;
    else
        index_empty( context, bin );
}

/* Where a block of some size can be put: its bin, and the list that begins there. */
typedef struct
{
    uint32_t bin;
    word_t*  list;
} index_place_t;

/* Finds the place for a block of this size; false where its list is corrupted. */
static HOT bool index_find_place( const dmheap_context_t* context, uint32_t size, index_place_t* place )
{
    place->bin    = index_bin( context, size );
    place->list   = &context_bins( context )[place->bin];
    uint32_t head = *place->list;
    return head == 0 || ( block_in_heap( context, head ) && *free_previous( context, block_at( head ) ) == 0 );
}

/* Puts a block at the head of a list. */
static HOT void index_insert( dmheap_context_t* context, block_t block, index_place_t place )
{
    uint32_t head = *place.list;
    *place.list   = block.at;

    *free_next( context, block )     = head;
    *free_previous( context, block ) = 0;
    if( head != 0 )
    {
        *free_previous( context, block_at( head ) ) = block.at;
        return;
    }
    context_bitmaps( context )[place.bin >> WORD_SHIFT] |= 1u << ( place.bin & ( BITS_OF_WORD - 1 ) );
    context->bin_summary |= 1u << ( place.bin >> WORD_SHIFT );
}

/* Size of the free block at `at`, 0 where none can be. */
static inline uint32_t index_size_at( const dmheap_context_t* context, uint32_t at )
{
    return block_in_heap( context, at ) ? header_size( context, *block_header( context, block_at( at ) ) ) : 0;
}

/* The head of the request's own bin, if it has at least `size` bytes, else the head of the smallest larger bin, else 0.
 * Where the index is overwritten it may be anything. O(1). */
static HOT block_t index_find( const dmheap_context_t* context, uint32_t size, uint32_t* bin )
{
    uint32_t own  = index_bin( context, size );
    uint32_t word = own >> WORD_SHIFT;
    uint32_t head = context_bins( context )[own];
    *bin          = own;
    if( head != 0 && index_size_at( context, head ) >= size ) return block_at( head );

    uint32_t bits = context_bitmaps( context )[word] & ~1u << ( own & ( BITS_OF_WORD - 1 ) );
    if( bits == 0 )
    {
        uint32_t words = context->bin_summary & ~1u << word;
        if( words == 0 ) return block_at( 0 );
        word = bits_lowest( words );
        bits = context_bitmaps( context )[word];
        if( bits == 0 ) return block_at( 0 );
    }
    *bin = word * BITS_OF_WORD + bits_lowest( bits );
    return block_at( context_bins( context )[*bin] );
}

/* When index_find() finds none: one of the first blocks of the request's own bin that has at least `size` bytes, or 0.
 * O(1). */
block_t index_probe( const dmheap_context_t* context, uint32_t size );

/* A block from the highest bin: one of this size can be allocated. 0 where nothing is free. O(1). */
block_t index_largest( const dmheap_context_t* context );

#endif
