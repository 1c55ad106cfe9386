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

enum
{
    /* Blocks of the request's own list that are looked at when all larger lists are empty. */
    LAST_RESORT_PROBES = 8,
    /* Lists of whose first block is asked whether an aligned payload happens to fit. */
    ALIGNED_PROBES = 16
};

/* ---- The index ---- */

static HOT uint32_t index_list( const dmheap_context_t* context, uint32_t size )
{
    uint32_t shift = log2_of( size );
    shift          = shift < (uint32_t)context->granule_shift + context->list_shift ? context->granule_shift
                                                                                    : shift - context->list_shift;
    return (uint32_t)context->list_at + ( shift << context->list_shift ) + ( size >> shift );
}

/* The first list that is not empty, from this one on; not less than map_at where there is none. */
static HOT uint32_t index_first( const dmheap_context_t* context, uint32_t list )
{
    uint32_t bits = *bitmap_word( context, list ) << ( list & ( BITS_OF_WORD - 1 ) );
    if( bits == 0 )
    {
        uint32_t word  = list >> BITS_SHIFT;
        uint32_t words = context->list_summary & ( 0x7fffffffu >> word );
        if( words == 0 ) return UINT32_MAX;
        list = bits_first( words ) << BITS_SHIFT;
        bits = *bitmap_word( context, list );
        if( bits == 0 ) return UINT32_MAX;
    }
    return list + bits_first( bits );
}

/* Takes a block out of its list; free_size() must have agreed. */
static HOT void index_unlink( dmheap_context_t* context, block_t block )
{
    uint32_t link = *free_link( context, block );
    uint32_t next = *free_next( context, block );

    *free_next( context, block_at( link ) ) = next;
    if( next != 0 )
        *free_link( context, block_at( next ) ) = link;
    else if( link + 1 < context->map_at )
    {
        word_t*  word = bitmap_word( context, link + 1 );
        uint32_t bits = *word & ~bit_of( link + 1 );
        *word         = bits;
        if( bits == 0 ) context->list_summary &= ~bit_of( ( link + 1 ) >> BITS_SHIFT );
    }
}

/* Puts a block at the head of the list for its size. A head that its block does not confirm is overwritten: it is
 * dropped rather than followed, and the check will miss what was behind it. */
static HOT void index_link( dmheap_context_t* context, block_t block, uint32_t size )
{
    uint32_t list = index_list( context, size );
    uint32_t head = *image_word( context, list );

    *image_word( context, list ) = block.at;
    *free_link( context, block ) = list - 1;
    if( block_in_heap( context, head ) && *free_link( context, block_at( head ) ) == list - 1 )
    {
        *free_next( context, block )            = head;
        *free_link( context, block_at( head ) ) = block.at;
        return;
    }
    *free_next( context, block ) = 0;
    *bitmap_word( context, list ) |= bit_of( list );
    context->list_summary |= bit_of( list >> BITS_SHIFT );
}

/* What the place of a free block says is its size, 0: no block can be there. */
static HOT uint32_t free_size_at( const dmheap_context_t* context, uint32_t at )
{
    const word_t* payload = image_word( context, at );
    if( !block_in_heap( context, at ) ) return 0;
    uint32_t header = payload[-1];
    uint32_t size   = header_size( context, header );
    return ( header & TABLE_TAG_MASK ) == 0 && block_fits( context, block_at( at ), size ) ? size : 0;
}

/* Whether a free block of this size, from free_size_at(), is what it seems: its foot is a copy of its header, and what its
 * links lead to leads back to it. */
static HOT bool free_agrees( const dmheap_context_t* context, block_t block, uint32_t size )
{
    const word_t* payload = image_word( context, block.at );
    uint32_t      link    = payload[0];
    uint32_t      next    = payload[1];
    if( payload[size - 2] != payload[-1] ) return false;
    /* the context has no list, but its word `first` is the place of a block */
    if( link - CONTEXT_WORDS > context->first + context->reach - CONTEXT_WORDS ) return false;
    if( *free_next( context, block_at( link ) ) != block.at ) return false;
    return next == 0 || ( block_in_heap( context, next ) && *free_link( context, block_at( next ) ) == block.at );
}

/* The size of a free block; 0 where there is none, or it is not what it seems. */
static APART uint32_t free_size( const dmheap_context_t* context, block_t block )
{
    uint32_t size = free_size_at( context, block.at );
    return size != 0 && free_agrees( context, block, size ) ? size : 0;
}

/* Of the first blocks of a list, one of at least `size` words or, where `largest` is asked, the largest; 0: none. */
static RARE uint32_t index_probe( const dmheap_context_t* context, uint32_t list, uint32_t size, bool largest )
{
    uint32_t found = 0;
    uint32_t at    = list < context->map_at ? *image_word( context, list ) : 0;
    for( unsigned probe = 0; probe < LAST_RESORT_PROBES; probe++ )
    {
        uint32_t has = free_size_at( context, at );
        if( has == 0 ) break;
        if( has >= size )
        {
            found = at;
            if( !largest ) break;
            size = has + 1;
        }
        at = *free_next( context, block_at( at ) );
    }
    return found;
}

enum
{
    /* What is no place of a block. */
    BLOCK_NONE    = 0,
    BLOCK_DAMAGED = 1
};

/* index_find() where the head of the own list `own` is too small. */
static RARE uint32_t index_find_second( const dmheap_context_t* context, uint32_t size, uint32_t own )
{
    uint32_t list = index_first( context, own + 1 );
    if( list >= context->map_at ) return index_probe( context, own, size, false );
    uint32_t at = *image_word( context, list );
    return free_size_at( context, at ) >= size ? at : BLOCK_DAMAGED;
}

/* The place of a free block of at least `size` words: the head of the request's own list or of the smallest larger one;
 * where all larger ones are empty, one of the first of the own. BLOCK_NONE; BLOCK_DAMAGED where it is not what it seems.
 * `size` is that of a block that the heap could have. O(1). */
static HOT block_t index_find( const dmheap_context_t* context, uint32_t size )
{
    uint32_t own  = index_list( context, size );
    uint32_t list = index_first( context, own );
    if( list >= context->map_at ) return block_at( BLOCK_NONE );
    uint32_t at    = *image_word( context, list );
    uint32_t whole = free_size_at( context, at );
    if( whole < size )
    {
        at = list == own && whole != 0 ? index_find_second( context, size, own ) : BLOCK_DAMAGED;
        if( at <= BLOCK_DAMAGED ) return block_at( at );
        whole = block_size( context, block_at( at ) );
    }
    return block_at( free_agrees( context, block_at( at ), whole ) ? at : BLOCK_DAMAGED );
}

/* The largest size of a block that index_find() finds now, 0: nothing is free. O(1). */
static uint32_t index_largest( const dmheap_context_t* context )
{
    uint32_t word = context->list_summary;
    if( word == 0 ) return 0;
    uint32_t list = (uint32_t)( BITS_OF_WORD - 1 - __builtin_ctz( word ) ) << BITS_SHIFT;
    uint32_t bits = *bitmap_word( context, list );
    if( bits == 0 ) return 0;
    list += (uint32_t)( BITS_OF_WORD - 1 - __builtin_ctz( bits ) );
    return free_size_at( context, index_probe( context, list, 1, true ) );
}

/* ---- Free blocks ---- */

/* Makes a free block; the header behind it must say so already. */
static APART void make_free( dmheap_context_t* context, block_t block, uint32_t size )
{
    uint32_t header                 = header_of( context, OWNER_FREE, size );
    *block_header( context, block ) = header;
    *block_foot_before( context, block_at( block.at + size ) ) = header;
    index_link( context, block, size );
}

/* Counts words as no longer free. */
static HOT void count_taken( dmheap_context_t* context, uint32_t words )
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
static HOT uint32_t block_fill_up( uint32_t whole, uint32_t size )
{
    return whole - size < BLOCK_MIN_SIZE ? whole : size;
}

/* Makes a live block of `size` words, from block_fill_up(), of the free block `block` of `whole` words, from index_find();
 * what is left behind it stays free. O(1). */
static HOT void block_carve( dmheap_context_t* context, block_t block, uint32_t whole, uint32_t size, owner_t owner )
{
    index_unlink( context, block );
    guard_wipe( context, block, whole );
    *block_header( context, block ) = header_of( context, owner, size );
    map_set( context, map_bit( context, block ) );
    context->taken++;
    count_taken( context, size );
    block_t next = block_at( block.at + size );
    if( whole == size )
    {
        *block_header( context, next ) &= ~(uint32_t)HEADER_PREVIOUS_FREE;
        context->free_blocks--;
    }
    else
        make_free( context, next, whole - size );
    guard_verify( context, block.at, block.at + size - 1 );
}

/* block_carve() that leaves the first `lead` words free. */
static RARE void block_carve_behind( dmheap_context_t* context, block_t block, uint32_t whole, uint32_t lead, uint32_t size,
                                     owner_t owner )
{
    if( lead != 0 )
    {
        /* two free blocks of one, for a moment, of which the second is taken whole or in part */
        index_unlink( context, block );
        guard_wipe( context, block, whole );
        make_free( context, block, lead );
        block.at += lead;
        make_free( context, block, whole - lead );
        context->free_blocks++;
    }
    block_carve( context, block, whole - lead, size, owner );
    if( lead != 0 ) *block_header( context, block ) |= HEADER_PREVIOUS_FREE;
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
static RARE block_t index_find_aligned( const dmheap_context_t* context, uint32_t size, size_t alignment, uint32_t* lead )
{
    block_t block;
    *lead = 0;
    if( alignment == 0 ) return index_find( context, size );
    uint32_t list = index_list( context, size );
    for( unsigned probe = 0; probe < ALIGNED_PROBES && ( list = index_first( context, list ) ) < context->map_at; probe++ )
    {
        block          = block_at( *image_word( context, list++ ) );
        uint32_t whole = free_size_at( context, block.at );
        if( whole == 0 ) return block_at( BLOCK_DAMAGED );
        *lead = lead_of( context, block, alignment );
        if( *lead + size <= whole ) return free_agrees( context, block, whole ) ? block : block_at( BLOCK_DAMAGED );
    }
    size_t room = size + ( alignment >> WORD_SHIFT ) + BLOCK_MIN_SIZE;
    if( alignment >> WORD_SHIFT >= image_span( context ) || room > image_span( context ) ) return block_at( BLOCK_NONE );
    block = index_find( context, (uint32_t)room );
    if( block.at > BLOCK_DAMAGED ) *lead = lead_of( context, block, alignment );
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

/* Size of a block with a payload of `payload` bytes at `alignment`, 0: the heap's; 0 where no block of this heap can. */
static HOT uint32_t block_size_to_take( const dmheap_context_t* context, size_t payload, size_t alignment )
{
    size_t extra = GUARD_BYTES + ( alignment != 0 ? (size_t)WORD_SIZE : 0 );
    if( extra != 0 && payload <= SIZE_MAX - extra ) payload += extra;
    return block_size_for( context, payload );
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

/* Whether `pointer` is a live payload of this heap; STATUS_OK, STATUS_OUTSIDE, STATUS_MISALIGNED or STATUS_NOT_LIVE.
 * The rotation brings what is off the granule to the top: a number below the heap's granules is a payload's place in the
 * heap, and its bit in the start map. */
static HOT status_t block_of( const dmheap_context_t* context, const void* pointer, block_t* block )
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
    return map_get( context, (uint32_t)place ) ? STATUS_OK : STATUS_NOT_LIVE;
}

/* Verifies the free neighbours of a live block that has `own` words and this header. STATUS_CORRUPTED. O(1). */
static HOT status_t release_check( const dmheap_context_t* context, block_t block, uint32_t header, uint32_t own )
{
    if( !block_fits( context, block, own ) || header_is_free( header ) ) return STATUS_CORRUPTED;
    block_t next = block_at( block.at + own );
    if( header_is_free( *block_header( context, next ) ) && free_size( context, next ) == 0 ) return STATUS_CORRUPTED;
    if( header & HEADER_PREVIOUS_FREE )
    {
        uint32_t foot = header_size( context, *block_foot_before( context, block ) );
        if( foot == 0 || free_size( context, block_at( block.at - foot ) ) != foot ) return STATUS_CORRUPTED;
    }
    return STATUS_OK;
}

/* Takes a free block that is merged with another one out of its list. Returns its size. */
static APART uint32_t release_neighbour( dmheap_context_t* context, block_t block )
{
    index_unlink( context, block );
    context->free_blocks--;
    return block_size( context, block );
}

/* Gives a live block back and merges it with its free neighbours; release_check() must have agreed. O(1). */
static HOT void release_merge( dmheap_context_t* context, block_t block, uint32_t header, uint32_t own )
{
    block_t  next   = block_at( block.at + own );
    uint32_t behind = *block_header( context, next );
    uint32_t whole  = own;
    map_clear( context, map_bit( context, block ) );
    context->released++;
    context->free_words += own;
    context->free_blocks++;
    if( header_is_free( behind ) )
        whole += release_neighbour( context, next );
    else
        *block_header( context, next ) = behind | HEADER_PREVIOUS_FREE;
    if( header & HEADER_PREVIOUS_FREE )
    {
        block.at -= header_size( context, *block_foot_before( context, block ) );
        whole += release_neighbour( context, block );
    }
    make_free( context, block, whole );
    /* all that is not the header, the links or the foot of the free block that it is a part of now */
    guard_fill( context, header & HEADER_PREVIOUS_FREE ? next.at - own - 2 : block.at + 2,
                header_is_free( behind ) ? next.at + 2 : next.at - 2 );
    guard_close( context, next.at - own - 1, next.at - 1 );
}

/* Both at once; `*size` becomes what the block had. */
static status_t block_release( dmheap_context_t* context, block_t block, uint32_t* size )
{
    uint32_t header = *block_header( context, block );
    *size           = header_size( context, header );
    status_t status = release_check( context, block, header, *size );
    if( status == STATUS_OK ) release_merge( context, block, header, *size );
    return status;
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
        index_unlink( context, next );
        guard_wipe( context, next, behind );
        context->free_blocks--;
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
