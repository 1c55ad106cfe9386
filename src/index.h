/*
 * The index of free blocks: two-level segregated fit. May not know what a block is used for, nor change its header.
 *
 * A list holds the free blocks of a range of sizes. With s = list_shift, sizes that are the same granule for granule up
 * to 2^(s+1) granules have a list of their own; beyond, each power of two is cut into 2^s lists of equal width:
 *
 *   shift = max( floor( log2( size ) ), floor( log2( linear ) ) ) - s
 *   list  = lists_at + shift * 2^s + floor( size / 2^shift )
 *
 * A list is named by the place of its head in the image. The bitmap has a bit for each place, set where there is a list
 * that is not empty; `list_summary` has one for each word of the bitmap that is not 0. So the smallest suitable list is
 * found by two find-first-set.
 *
 * Source: M. Masmano, I. Ripoll, A. Crespo, J. Real, "TLSF: a new dynamic memory allocator for real-time systems",
 * ECRTS 2004. Different here: one flat numbering of lists, so that lists per power of two can follow the heap's size;
 * the request's own list is looked at before the larger ones; links are verified before they are followed, and lead
 * back to a word instead of a block, so that the first of a list is no special case.
 */
#ifndef DMHEAP_INDEX_H
#define DMHEAP_INDEX_H

#include "image.h"

enum
{
    /* Blocks of the request's own list that are looked at when all larger lists are empty. */
    INDEX_LAST_RESORT_PROBES = 8
};

static HOT uint32_t index_list( const dmheap_context_t* context, uint32_t size )
{
    uint32_t shift = bits_highest( size | context->linear ) - context->list_shift;
    return context->lists_at + ( shift << context->list_shift ) + ( size >> shift );
}

/* Whether what a free block's links lead to leads back to it. */
static HOT bool index_holds( const dmheap_context_t* context, block_t block )
{
    uint32_t next = *free_next( context, block );
    uint32_t link = *free_link( context, block );
    if( !image_has( context, link ) || *image_word( context, link ) != block.at ) return false;
    return next == 0 || ( image_has( context, next ) && *free_link( context, block_at( next ) ) == block.at );
}

/* Takes a block out of its list; index_holds() must have agreed. */
static HOT void index_unlink( dmheap_context_t* context, block_t block )
{
    uint32_t next = *free_next( context, block );
    uint32_t link = *free_link( context, block );

    *image_word( context, link ) = next;
    if( next != 0 )
        *free_link( context, block_at( next ) ) = link;
    else if( link < context->lists_end )
    {
        word_t*  word = bitmap_word( context, link );
        uint32_t bits = *word & ~bit_of( link );
        *word         = bits;
        if( bits == 0 ) context->list_summary &= ~bit_of( link >> BITS_SHIFT );
    }
}

/* Puts a block at the head of the list for its size. A head that its block does not confirm is overwritten: it is
 * dropped rather than followed, and the check will miss what was behind it. */
static HOT void index_link( dmheap_context_t* context, block_t block, uint32_t size )
{
    uint32_t list = index_list( context, size );
    uint32_t head = *image_word( context, list );

    *image_word( context, list ) = block.at;
    *free_link( context, block ) = list;
    if( image_has( context, head ) && *free_link( context, block_at( head ) ) == list )
    {
        *free_next( context, block )            = head;
        *free_link( context, block_at( head ) ) = block.at;
        return;
    }
    *free_next( context, block ) = 0;
    *bitmap_word( context, list ) |= bit_of( list );
    context->list_summary |= bit_of( list >> BITS_SHIFT );
}

/* The head of the request's own list, if it has at least `size` words, else the head of the smallest larger list, else
 * 0. Where the index is overwritten it may be anything. O(1). */
static HOT block_t index_find( const dmheap_context_t* context, uint32_t size )
{
    uint32_t list = index_list( context, size );
    uint32_t head = *image_word( context, list );
    if( block_in_heap( context, head ) && header_size( context, *block_header( context, block_at( head ) ) ) >= size )
        return block_at( head );

    uint32_t word = list >> BITS_SHIFT;
    uint32_t bits = *bitmap_word( context, list ) & ~1u << ( list & ( BITS_OF_WORD - 1 ) );
    if( bits == 0 )
    {
        uint32_t words = context->list_summary & ~1u << word;
        if( words == 0 ) return block_at( 0 );
        word = bits_lowest( words );
        bits = *bitmap_word( context, word << BITS_SHIFT );
        if( bits == 0 ) return block_at( 0 );
    }
    list = ( word << BITS_SHIFT ) + bits_lowest( bits );
    return block_at( list < context->lists_end ? *image_word( context, list ) : 0 );
}

/* When index_find() finds none: one of the first blocks of the request's own list that has at least `size` words, or 0.
 * O(1). */
block_t index_probe( const dmheap_context_t* context, uint32_t size );

/* A block from the highest list: one of this size can be allocated. 0 where nothing is free. O(1). */
block_t index_largest( const dmheap_context_t* context );

#endif
