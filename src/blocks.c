/*
 * Blocks: the index of free ones; take, release, resize; the exact answer to what a pointer is. A part of dmheap.c, first
 * of its layers. May not know owners beyond the number that a header carries, nor lock, nor log.
 *
 * The index is a two-level segregated fit (M. Masmano, I. Ripoll, A. Crespo, J. Real, "TLSF: a new dynamic memory allocator
 * for real-time systems", ECRTS 2004). A list holds the free blocks of a range of sizes. With s = list_shift, sizes that
 * are the same granule for granule up to 2^(s+1) granules have a list of their own; beyond, each power of two is cut into
 * 2^s lists of equal width:
 *
 *   shift = max( floor( log2( size ) ) - s, granule_shift )
 *   list  = list_at + shift * 2^s + floor( size / 2^shift )
 *
 * The bitmap has a bit for each place of the image that is a list's, set where the list is not empty; `list_summary` has
 * one for each word of the bitmap that is not 0. So the smallest suitable list is found by two find-first-set. Different
 * from the paper: one flat numbering of lists, so that lists per power of two can follow the heap's size; the request's own
 * list is looked at before the larger ones; a block is verified before it is used.
 *
 * Every function that changes the heap first verifies all blocks that it is going to change, so that STATUS_CORRUPTED
 * means that nothing was changed. Sizes are words.
 */
#include "guard.h"
#include "image.h"
#include "status.h"
#include "trace.h"

enum
{
    /* Blocks of the request's own list that are looked at before a larger one is taken. */
    OWN_LIST_PROBES = 2,
    /* Lists of whose first block is asked whether an aligned payload happens to fit. */
    ALIGNED_PROBES = 16
};

/* ---- The index ---- */

static uint32_t index_list( const dmheap_context_t* context, uint32_t size )
{
    int shift = (int)log2_of( size ) - context->list_shift;
    if( shift < context->granule_shift ) shift = context->granule_shift;
    return (uint32_t)context->list_at + ( (uint32_t)shift << context->list_shift ) + ( size >> shift );
}

/* The first list that is not empty, from this one on; not less than map_at where there is none. */
static uint32_t index_first( const dmheap_context_t* context, uint32_t list )
{
    uint32_t bits = *bitmap_word( context, list ) << ( list & ( BITS_OF_WORD - 1 ) );
    if( bits == 0 )
    {
        uint32_t word  = list >> BITS_SHIFT;
        uint32_t words = context->list_summary & ( 0x7fffffffu >> word );
        if( words == 0 ) return UINT32_MAX;
        list = bits_first( words ) << BITS_SHIFT;
        if( list >= context->map_at ) return UINT32_MAX; /* the summary is overwritten */
        bits = *bitmap_word( context, list );
        if( bits == 0 ) return UINT32_MAX;
    }
    return list + bits_first( bits );
}

/* Takes out of its list the free block whose payload is here; free_size() must have agreed. */
static void index_unlink( dmheap_context_t* context, const word_t* payload )
{
    uint32_t link = payload[0];
    uint32_t next = payload[1];

    *free_next( context, block_at( link ) ) = next;
    if( next != 0 )
        *free_link( context, block_at( next ) ) = link;
    else if( ++link < context->map_at )
    {
        word_t*  word = bitmap_word( context, link );
        uint32_t bits = *word & ~bit_of( link );
        *word         = bits;
        if( bits == 0 ) context->list_summary &= ~bit_of( link >> BITS_SHIFT );
    }
}

/* Puts a block at the head of the list for its size. A head that its block does not confirm is overwritten: it is
 * dropped rather than followed, and the check will miss what was behind it. */
static void index_link( dmheap_context_t* context, block_t block, word_t* payload, uint32_t size )
{
    uint32_t list  = index_list( context, size );
    word_t*  place = image_word( context, list );
    uint32_t head  = *place;

    *place     = block.at;
    payload[0] = list - 1;
    if( block_in_heap( context, head ) && *free_link( context, block_at( head ) ) == list - 1 )
    {
        payload[1]                              = head;
        *free_link( context, block_at( head ) ) = block.at;
        return;
    }
    payload[1] = 0;
    *bitmap_word( context, list ) |= bit_of( list );
    context->list_summary |= bit_of( list >> BITS_SHIFT );
}

/* What the place of a free block says is its size, 0: no block can be there. */
static uint32_t free_size_at( const dmheap_context_t* context, uint32_t at )
{
    uint32_t inside = at - context->first;
    if( inside > context->reach ) return 0;
    uint32_t header = image_word( context, at )[-1];
    uint32_t size   = header_size( context, header );
    return header << HEADER_SIZE_BITS == 0 && size - BLOCK_MIN_SIZE <= context->reach - inside ? size : 0;
}

/* Whether a free block of this size, from free_size_at(), is what it seems behind its link: its foot is a copy of its
 * header, and the next of its list leads back to it. */
static bool free_agrees( const dmheap_context_t* context, uint32_t at, word_t* payload, uint32_t size )
{
    uint32_t next = payload[1];
    if( ( payload + size )[-2] != payload[-1] ) return false;
    return next == 0 || ( block_in_heap( context, next ) && *free_link( context, block_at( next ) ) == at );
}

/* The size of a free block; 0 where there is none, or it is not what it seems. */
static FLAT uint32_t free_size( const dmheap_context_t* context, block_t block )
{
    uint32_t size = free_size_at( context, block.at );
    if( size == 0 ) return 0;
    word_t*  payload = image_word( context, block.at );
    uint32_t link    = payload[0];
    /* the context has no list, but words that are places of blocks */
    bool linked = link - CONTEXT_WORDS <= context->first + context->reach - CONTEXT_WORDS &&
                  *free_next( context, block_at( link ) ) == block.at;
    return linked && free_agrees( context, block.at, payload, size ) ? size : 0;
}

enum
{
    /* What a search that found no block comes to instead of its place. */
    BLOCK_NONE    = 0,
    BLOCK_DAMAGED = 1
};

/* A free block of at least `size` words, if it is what it seems, and what its link must be then: one of the first in the
 * request's own list or, failing that, the first of the smallest larger one. False where there is none. O(1). */
static bool index_find( const dmheap_context_t* context, uint32_t size, uint32_t* link, block_t* block )
{
    uint32_t list = index_list( context, size );
    *link         = list - 1;
    block->at     = *image_word( context, list );
    for( unsigned probe = 0; probe < OWN_LIST_PROBES && block_in_heap( context, block->at ); probe++ )
    {
        if( block_size( context, *block ) >= size ) return true;
        *link     = block->at;
        block->at = *free_next( context, *block );
    }
    list = index_first( context, list + 1 );
    if( list >= context->map_at ) return false;
    *link     = list - 1;
    block->at = *image_word( context, list );
    return true;
}

/* Whether what index_find() found is what it seems. */
static bool found_agrees( const dmheap_context_t* context, uint32_t link, block_t block, uint32_t size )
{
    if( !block_in_heap( context, block.at ) ) return false;
    word_t*  payload = image_word( context, block.at );
    uint32_t whole   = header_size( context, payload[-1] );
    return whole >= size && block_fits( context, block, whole ) && payload[0] == link &&
           free_agrees( context, block.at, payload, whole );
}

/* The largest size of a block that index_find() finds now, 0: nothing is free. O(1). */
static uint32_t index_largest( const dmheap_context_t* context )
{
    uint32_t word = context->list_summary;
    if( word == 0 ) return 0;
    uint32_t list = (uint32_t)( BITS_OF_WORD - 1 - __builtin_ctz( word ) ) << BITS_SHIFT;
    uint32_t bits = list < context->map_at ? *bitmap_word( context, list ) : 0;
    if( bits == 0 ) return 0;
    list += (uint32_t)( BITS_OF_WORD - 1 - __builtin_ctz( bits ) );
    uint32_t at      = list < context->map_at ? *image_word( context, list ) : 0;
    uint32_t largest = 0;
    for( unsigned probe = 0; probe < OWN_LIST_PROBES; probe++ )
    {
        uint32_t has = free_size_at( context, at );
        if( has == 0 ) break;
        largest = has > largest ? has : largest;
        at      = *free_next( context, block_at( at ) );
    }
    return largest;
}

/* ---- Free blocks ---- */

/* Makes a free block; the header behind it must say so already. */
static FLAT void make_free( dmheap_context_t* context, block_t block, uint32_t size )
{
    word_t*  payload       = image_word( context, block.at );
    uint32_t header        = header_of( context, OWNER_FREE, size );
    payload[-1]            = header;
    ( payload + size )[-2] = header;
    index_link( context, block, payload, size );
}

/* Takes a free block out of its list, for another use. */
static FLAT void free_take_out( dmheap_context_t* context, block_t block )
{
    index_unlink( context, image_word( context, block.at ) );
    context->free_blocks--;
}

/* Counts words as no longer free. */
static void count_taken( dmheap_context_t* context, uint32_t words )
{
    uint32_t left       = context->free_words - words;
    context->free_words = left;
    if( left < context->free_lowest ) context->free_lowest = left;
}

/* Counts a change of extent or owner as a block released and taken, so that walkers notice it. */
static inline void block_note_change( dmheap_context_t* context )
{
    context->taken++;
    context->released++;
}

/* What a block of `size` words has at the end where it is made of a free one of `whole`: less than the smallest block is not
 * left behind, but given away with it. */
static uint32_t block_fill_up( uint32_t whole, uint32_t size )
{
    return whole - size < BLOCK_MIN_SIZE ? whole : size;
}

/* Makes a live block of `size` words, from block_fill_up(), of the free block `block` of `whole` words;
 * what is left behind it stays free. O(1). */
static void block_carve( dmheap_context_t* context, block_t block, uint32_t whole, uint32_t size, owner_t owner )
{
    word_t* payload = image_word( context, block.at );
    index_unlink( context, payload );
    guard_wipe( context, block, whole );
    payload[-1] = header_of( context, owner, size );
    map_set( context, map_bit( context, block ) );
    context->taken++;
    count_taken( context, size );
    if( whole == size )
    {
        ( payload + size )[-1] &= ~(uint32_t)HEADER_PREVIOUS_FREE;
        context->free_blocks--;
    }
    else
        make_free( context, block_at( block.at + size ), whole - size );
    guard_verify( context, block.at, block.at + size - 1 );
}

/* block_carve() that leaves the first `lead` words free: there are two free blocks for a moment. */
static void block_carve_behind( dmheap_context_t* context, block_t block, uint32_t whole, uint32_t lead, uint32_t size,
                                owner_t owner )
{
    if( lead != 0 )
    {
        free_take_out( context, block );
        guard_wipe( context, block, whole );
        make_free( context, block, lead );
        make_free( context, block_at( block.at + lead ), whole - lead );
        context->free_blocks += 2;
    }
    block_carve( context, block_at( block.at + lead ), whole - lead, size, owner );
    if( lead != 0 ) *block_header( context, block_at( block.at + lead ) ) |= HEADER_PREVIOUS_FREE;
}

/* Words to leave free in front of a payload at `alignment` bytes in a free block; more than any block has where that is
 * beyond the heap. */
static uint32_t lead_of( const dmheap_context_t* context, block_t block, size_t alignment )
{
    size_t lead = ( 0 - (uintptr_t)block_payload( context, block ) ) & ( alignment - 1 );
    while( lead != 0 && lead < (size_t)BLOCK_MIN_SIZE * WORD_SIZE )
        lead += alignment;
    return lead >> WORD_SHIFT < image_span( context ) ? (uint32_t)( lead >> WORD_SHIFT ) : image_span( context );
}

/* index_find() for a payload at `alignment` bytes, 0: the heap's, with the words to leave free in front of it. An aligned
 * payload is first looked for where it may fit by chance, from the own list on, so that a freed aligned block is found
 * again; then in a block that is large enough at whatever address. O(1). */
static RARE block_t index_find_aligned( const dmheap_context_t* context, uint32_t size, size_t alignment,
                                        uint32_t* whole, uint32_t* lead )
{
    block_t  block;
    uint32_t list, link;
    size_t   room  = size;
    size_t   extra = alignment >> WORD_SHIFT;
    *lead          = 0;
    if( alignment != 0 )
    {
        list = index_list( context, size );
        for( unsigned probe = 0; probe < ALIGNED_PROBES && ( list = index_first( context, list ) ) < context->map_at;
             probe++ )
        {
            block  = block_at( *image_word( context, list++ ) );
            *whole = free_size( context, block );
            if( *whole == 0 ) return block_at( BLOCK_DAMAGED );
            *lead = lead_of( context, block, alignment );
            if( *lead + size <= *whole ) return block;
        }
        room += extra + BLOCK_MIN_SIZE;
        if( extra > image_span( context ) || room > image_span( context ) ) return block_at( BLOCK_NONE );
    }
    if( !index_find( context, (uint32_t)room, &link, &block ) ) return block_at( BLOCK_NONE );
    *whole = free_size( context, block );
    if( *whole < room ) return block_at( BLOCK_DAMAGED );
    if( alignment != 0 ) *lead = lead_of( context, block, alignment );
    return block;
}

/* ---- Live blocks ---- */

/* The alignment in bytes that a live block was asked for; 0: the heap's. */
static size_t block_alignment( const dmheap_context_t* context, block_t block )
{
    uint32_t header = *block_header( context, block );
    uint32_t size   = header_size( context, header );
    if( !( header & HEADER_ALIGNED ) || !block_fits( context, block, size ) ) return 0;
    uint32_t log2 = *block_foot_before( context, block_at( block.at + size ) );
    return log2 < sizeof( size_t ) * 8 ? (size_t)1 << log2 : 0;
}

/* Notes the alignment (0: the heap's) that a live block is to keep; its last word must not be in use. */
static void block_set_alignment( dmheap_context_t* context, block_t block, size_t alignment )
{
    word_t* header = block_header( context, block );
    *header &= ~(uint32_t)HEADER_ALIGNED;
    if( alignment == 0 ) return;
    *header |= HEADER_ALIGNED;
    *block_foot_before( context, block_at( block.at + header_size( context, *header ) ) ) =
        (uint32_t)__builtin_ctzl( alignment );
}

/* What a payload of `payload` bytes at `alignment`, 0: the heap's, takes with what is kept behind it. */
static size_t payload_to_take( size_t payload, size_t alignment )
{
    size_t extra = GUARD_BYTES + ( alignment != 0 ? (size_t)WORD_SIZE : 0 );
    return payload <= SIZE_MAX - extra ? payload + extra : payload;
}

/* Size of a block with such a payload; 0 where no block of this heap can. */
static uint32_t block_size_to_take( const dmheap_context_t* context, size_t payload, size_t alignment )
{
    return block_size_for( context, payload_to_take( payload, alignment ) );
}

/* Payload bytes that the user of a block of this size may use. */
static size_t block_payload_bytes( uint32_t size )
{
    size_t bytes = ( size - 1 ) * (size_t)WORD_SIZE;
    return bytes > GUARD_BYTES ? bytes - GUARD_BYTES : 0;
}

/* Payload bytes that the user of a block may use; of a free one, what it could be. */
static size_t block_usable_size( const dmheap_context_t* context, block_t block )
{
    uint32_t header = *block_header( context, block );
    uint32_t size   = header_size( context, header );
    if( header_is_free( header ) ) return block_payload_bytes( size );
    if( GUARD_BYTES != 0 && header_owner( header ) >= OWNER_NOBODY ) return guard_bytes( context, block );
    return ( size - ( header & HEADER_ALIGNED ? 2u : 1u ) ) * (size_t)WORD_SIZE;
}

/* Whether `pointer` is a live payload of this heap; STATUS_OK, STATUS_OUTSIDE, STATUS_MISALIGNED or STATUS_NOT_LIVE. Tells
 * the word and the bit of the start map that say so. The rotation brings what is off the granule to the top: what is not
 * beyond the heap's granules then is a payload's place in the heap, and its bit in the start map. */
static status_t block_of( const dmheap_context_t* context, const void* pointer, block_t* block, word_t** word,
                          uint32_t* bit )
{
    enum
    {
        BITS_OF_SIZE = sizeof( size_t ) * 8
    };
    size_t   inside = (uintptr_t)pointer - (uintptr_t)image_word( context, context->first );
    unsigned shift  = context->granule_shift + (unsigned)WORD_SHIFT;
    size_t   place  = inside >> shift | inside << ( BITS_OF_SIZE - shift );
    *block          = block_at( context->first + (uint32_t)( inside >> WORD_SHIFT ) );
    if( place > context->reach >> context->granule_shift )
        return inside >> WORD_SHIFT < image_span( context ) ? STATUS_MISALIGNED : STATUS_OUTSIDE;
    *word = map_word( context, (uint32_t)place );
    *bit  = bit_of( (uint32_t)place );
    return ( **word & *bit ) != 0 ? STATUS_OK : STATUS_NOT_LIVE;
}

/* Words of the free blocks beside a live one, 0: it is not free. */
typedef struct
{
    uint32_t before, behind;
} neighbours_t;

/* Verifies the free neighbours of a live block of `own` words, whose header is here. False where they, or the block, are not
 * what they seem. O(1). */
static bool release_check( const dmheap_context_t* context, block_t block, const word_t* header, uint32_t own,
                           neighbours_t* beside )
{
    *beside = ( neighbours_t ){ 0, 0 };
    if( !block_fits( context, block, own ) ) return false;
    if( header_is_free( header[own] ) )
    {
        beside->behind = free_size( context, block_at( block.at + own ) );
        if( beside->behind == 0 ) return false;
    }
    if( *header & HEADER_PREVIOUS_FREE )
    {
        beside->before = header_size( context, header[-1] );
        if( beside->before == 0 || free_size( context, block_at( block.at - beside->before ) ) != beside->before )
            return false;
    }
    return true;
}

/* Gives a live block back, which is in the start map no more, and merges it with its free neighbours; release_check() must
 * have agreed. O(1). */
static void release_merge( dmheap_context_t* context, block_t block, word_t* header, uint32_t own, neighbours_t beside )
{
    context->released++;
    context->free_words += own;
    context->free_blocks++;
    if( beside.behind != 0 )
        free_take_out( context, block_at( block.at + own ) );
    else
        header[own] |= HEADER_PREVIOUS_FREE;
    if( beside.before != 0 )
    {
        block.at -= beside.before;
        free_take_out( context, block );
    }
    make_free( context, block, own + beside.before + beside.behind );
    guard_released( context, header + 1, own, beside.before != 0, beside.behind != 0 );
}

/* Gives back a live block whose contents are not needed any more. STATUS_CORRUPTED. O(1). */
static status_t block_release( dmheap_context_t* context, block_t block )
{
    neighbours_t beside;
    word_t*      header = block_header( context, block );
    uint32_t     own    = header_size( context, *header );
    if( !release_check( context, block, header, own, &beside ) ) return STATUS_CORRUPTED;
    map_clear( context, map_bit( context, block ) );
    release_merge( context, block, header, own, beside );
    return STATUS_OK;
}

/* Makes a live block of `old` words larger or smaller where it is; what is left is free, less than the smallest block is
 * kept. STATUS_NO_MEMORY where there is no room behind it; STATUS_CORRUPTED. The last word of an aligned block is the
 * caller's to move. O(1). */
static status_t block_resize( dmheap_context_t* context, block_t block, uint32_t old, uint32_t size )
{
    word_t*  header = block_header( context, block );
    block_t  next   = block_at( block.at + old );
    uint32_t behind = 0;
    if( !block_fits( context, block, old ) ) return STATUS_CORRUPTED;
    if( header_is_free( *block_header( context, next ) ) && ( behind = free_size( context, next ) ) == 0 )
        return STATUS_CORRUPTED;
    if( size > old + behind ) return STATUS_NO_MEMORY;
    if( size == old || ( behind == 0 && old - size < BLOCK_MIN_SIZE ) ) return STATUS_OK;

    uint32_t rest = old + behind - size;
    word_t*  mark = block_header( context, block_at( next.at + behind ) ); /* of what comes after all of it */
    if( behind != 0 )
    {
        free_take_out( context, next );
        guard_wipe( context, next, behind );
    }
    if( rest < BLOCK_MIN_SIZE )
    {
        size += rest;
        *mark &= ~(uint32_t)HEADER_PREVIOUS_FREE;
    }
    else
    {
        block_t free = block_at( block.at + size );
        *mark |= HEADER_PREVIOUS_FREE;
        make_free( context, free, rest );
        context->free_blocks++;
        if( size < old )
        {
            guard_fill( context, free.at + 2, behind != 0 ? next.at + 2 : next.at - 2 );
            guard_close( context, free.at - 1, next.at - 1 );
        }
    }
    if( size > old ) guard_verify( context, next.at, block.at + size - 1 );
    *header = ( *header & (uint32_t)TABLE_TAG_MASK ) | header_of( context, OWNER_FREE, size );
    count_taken( context, size - old );
    block_note_change( context );
    return STATUS_OK;
}

/* ---- Walks ---- */

/* What is behind a place where a block ends: the same place or, where a free block is there, the end of that; walks skip
 * it so, instead of looking for starts in it. */
static inline block_t block_behind_free( const dmheap_context_t* context, block_t block )
{
    uint32_t header = *block_header( context, block );
    uint32_t size   = header_size( context, header );
    bool     skips  = header_is_free( header ) && size <= image_end( context ) - block.at;
    return block_at( skips ? block.at + size : block.at );
}

/* Moves `block` to the next live one at or behind it. Each look at a word of the start map costs one of `looks`. True
 * where there is one; else `block` is where to go on: not in front of the end when there is none left. */
static inline bool block_next_live( const dmheap_context_t* context, block_t* block, uint32_t looks )
{
    uint32_t last = context->reach >> context->granule_shift;
    uint32_t bit  = map_bit( context, block_at( block->at + ( 1u << context->granule_shift ) - 1 ) );
    uint32_t bits = 0;
    for( ; bits == 0 && bit <= last && looks != 0; looks-- )
    {
        bits = *map_word( context, bit ) << ( bit & ( BITS_OF_WORD - 1 ) );
        bit  = bits != 0 ? bit + bits_first( bits ) : ( bit | ( BITS_OF_WORD - 1 ) ) + 1;
    }
    if( bit > last )
    {
        *block = block_at( image_end( context ) );
        return false;
    }
    *block = block_at( context->first + ( bit << context->granule_shift ) );
    return bits != 0;
}
