/*
 * What lies in a heap's buffer, and the accessors by which all other files reach it. May not decide anything.
 *
 *   [ context | bitmaps | bins | hints | directory | start map | block | block | ... | end mark ]
 *
 * The image holds no pointer: a block is named by the bytes from the context to its payload; 0 is no block.
 *
 *   live:  [ header ][ payload ........................ ]   the header is the word in front of the payload
 *   free:  [ header ][ next ][ previous ] ... [ foot ]      the foot, the block's size, is its last word
 *
 *   header: | owner | aligned | size | previous is free | free |
 *
 * A size is in bytes and a multiple of the granule, so that it leaves the lowest two bits to flags; in a heap of more
 * than 32 MiB the header holds it shifted right by `size_scale`, which the granule allows for. `aligned` marks a live
 * block whose last word holds log2 of the alignment that it was asked for. The end mark is a header of size 0, never
 * free, at `end`.
 *
 * The start map has a bit for each granule, set where a live payload starts.
 */
#ifndef DMHEAP_IMAGE_H
#define DMHEAP_IMAGE_H

#include "dmheap.h"
#include "prefix.h"

/* User memory of any type is read and written as words once it is free. */
typedef uint32_t __attribute__( ( may_alias ) ) word_t;

/* A block: the bytes from the context to its payload; a struct so that it does not mix with sizes. */
typedef struct
{
    uint32_t at;
} block_t;

/* Who owns a block: nobody, the heap itself, a realloc in progress, or a module from OWNER_FIRST_MODULE on. */
typedef uint32_t owner_t;

enum
{
    IMAGE_MAGIC = 0x50484d44, /* "DMHP" */

    HEADER_FREE          = 1u << 0,
    HEADER_PREVIOUS_FREE = 1u << 1,
    HEADER_FLAG_BITS     = 2,
    HEADER_FLAGS         = HEADER_FREE | HEADER_PREVIOUS_FREE,

    OWNER_NOBODY       = 0,
    OWNER_SYSTEM       = 1,
    OWNER_MOVING       = 2,
    OWNER_FIRST_MODULE = 4, /* a power of two: see module.c's directory */

    WORD_SIZE      = 4,
    BITS_OF_WORD   = 32,
    WORD_SHIFT     = 5,
    BLOCK_MIN_SIZE = 4 * WORD_SIZE /* header, next, previous, foot */
};

struct dmheap_context
{
    uint32_t magic;
    uint32_t first;      /* the first block */
    uint32_t end;        /* the end mark, as if it had a payload */
    uint32_t reach;      /* see block_in_heap() */
    uint32_t granule;    /* bytes */
    uint32_t min_size;   /* of a block */
    uint32_t size_mask;  /* of a header */
    uint32_t bin_linear; /* sizes below twice this have a bin of their own */
    uint32_t granules;   /* from the first block to the end mark: bits of the start map */
    uint16_t map_at;     /* bytes from the context, as are the next three */
    int16_t  bins_at;    /* of bin 0, which no size has: see index.h */
    uint16_t hints_at;
    uint16_t directory_at;
    uint16_t system_blocks; /* changes, as does all from bin_summary on */
    uint8_t  bin_shift;     /* log2 of the bins per power of two */
    uint8_t  granule_shift;
    uint8_t  size_scale;  /* of a header */
    uint8_t  owner_shift; /* of a header */
    uint8_t  owner_bits;  /* owners are smaller than 1 << owner_bits */
    uint8_t  hint_shift;  /* 32 - log2 of the hint slots */

    uint32_t bin_summary; /* a bit for each bitmap word that is not 0 */
    uint32_t free_bytes;  /* in free blocks */
    uint32_t free_lowest; /* lowest that free_bytes has been */
    uint32_t free_blocks;
    uint32_t taken;    /* blocks taken since init, modulo 2^32 */
    uint32_t released; /* blocks released since init; taken - released are live */
    uint32_t failures; /* allocations refused */
    uint32_t system_bytes;
    uint32_t name;        /* the block that holds the heap's name, 0: none */
    uint16_t module_root; /* of the tree of names */
    uint16_t module_free; /* first owner given back, 0: none */
    uint16_t module_span; /* owners in use since the table was last empty, from OWNER_FIRST_MODULE on */
    uint16_t module_count;
    uint16_t module_serial; /* of the last registration */
    uint16_t moving;        /* blocks of OWNER_MOVING */
};

_Static_assert( sizeof( struct dmheap_context ) == 100, "the context has no padding and is the same on every target" );

/* What every allocation runs through is put in line, unless the library is built for size; what few need is kept out of
 * the way of the others. */
#ifdef __OPTIMIZE_SIZE__
#define HOT inline
#else
#define HOT inline __attribute__( ( always_inline ) )
#endif
#define RARE __attribute__( ( noinline, cold ) )

/* ---- Bits ---- */

static inline uint32_t bits_highest( uint32_t bits )
{
    return 31u ^ (uint32_t)__builtin_clz( bits ); /* one instruction where the processor counts from below */
}

static inline uint32_t bits_lowest( uint32_t bits )
{
    return (uint32_t)__builtin_ctz( bits );
}

/* ---- Parts of the image ---- */

static inline void* context_part( const dmheap_context_t* context, size_t at )
{
    return (void*)( (uintptr_t)context + at );
}

static inline word_t* context_bitmaps( const dmheap_context_t* context )
{
    return context_part( context, sizeof *context );
}

static inline word_t* context_bins( const dmheap_context_t* context )
{
    return context_part( context, (size_t)context->bins_at );
}

static inline uint16_t* context_hints( const dmheap_context_t* context )
{
    return context_part( context, context->hints_at );
}

static inline word_t* context_directory( const dmheap_context_t* context )
{
    return context_part( context, context->directory_at );
}

/* ---- Blocks ---- */

static inline block_t block_at( uint32_t at )
{
    return ( block_t ){ at };
}

static inline void* block_payload( const dmheap_context_t* context, block_t block )
{
    return context_part( context, block.at );
}

static inline word_t* block_header( const dmheap_context_t* context, block_t block )
{
    return (word_t*)block_payload( context, block ) - 1;
}

/* The last word of whatever block lies in front of `block`. */
static inline word_t* block_foot_before( const dmheap_context_t* context, block_t block )
{
    return (word_t*)block_payload( context, block ) - 2;
}

static inline word_t* free_next( const dmheap_context_t* context, block_t block )
{
    return (word_t*)block_payload( context, block );
}

static inline word_t* free_previous( const dmheap_context_t* context, block_t block )
{
    return (word_t*)block_payload( context, block ) + 1;
}

static inline uint32_t header_size( const dmheap_context_t* context, uint32_t header )
{
    return ( header & context->size_mask ) << context->size_scale;
}

static inline owner_t header_owner( const dmheap_context_t* context, uint32_t header )
{
    return header >> context->owner_shift;
}

static inline uint32_t header_aligned( const dmheap_context_t* context )
{
    return 1u << ( context->owner_shift - 1 );
}

static inline uint32_t header_of( const dmheap_context_t* context, owner_t owner, uint32_t size )
{
    return owner << context->owner_shift | size >> context->size_scale;
}

/* Whether a header has no bit but those of a free block's. */
static inline bool header_is_free( const dmheap_context_t* context, uint32_t header )
{
    return ( ( header - HEADER_FREE ) & ~context->size_mask ) == 0;
}

/* A free block's header: it has no owner, and its neighbours are live. */
static inline uint32_t header_of_free( const dmheap_context_t* context, uint32_t size )
{
    return size >> context->size_scale | HEADER_FREE;
}

/* Whether a header and the links of a free list can be read and written there without leaving the buffer, and on words:
 * what every link is asked before it is followed. The rotation brings what is off a word to the top, so that one
 * comparison tells all. */
static inline bool block_in_heap( const dmheap_context_t* context, uint32_t at )
{
    at -= WORD_SIZE;
    return ( at >> 2 | at << 30 ) <= context->reach;
}

/* ---- Start map ---- */

static inline word_t* map_word( const dmheap_context_t* context, uint32_t bit )
{
    return context_part( context, context->map_at + ( bit >> WORD_SHIFT ) * WORD_SIZE );
}

static inline uint32_t map_bit( const dmheap_context_t* context, block_t block )
{
    return ( block.at - context->first ) >> context->granule_shift;
}

static inline bool map_get( const dmheap_context_t* context, uint32_t bit )
{
    return *map_word( context, bit ) >> ( bit & ( BITS_OF_WORD - 1 ) ) & 1u;
}

static inline void map_set( dmheap_context_t* context, uint32_t bit )
{
    *map_word( context, bit ) |= 1u << ( bit & ( BITS_OF_WORD - 1 ) );
}

static inline void map_clear( dmheap_context_t* context, uint32_t bit )
{
    *map_word( context, bit ) &= ~( 1u << ( bit & ( BITS_OF_WORD - 1 ) ) );
}

/* ---- Sizes ---- */

/* Size of a block whose payload is to hold `payload` bytes; 0 where no block of this heap can. */
static inline uint32_t block_size_for( const dmheap_context_t* context, size_t payload )
{
    if( payload >= context->end ) return 0;
    uint32_t size = ( (uint32_t)payload + WORD_SIZE + context->granule - 1 ) & ( 0u - context->granule );
    return size < context->min_size ? context->min_size : size;
}

#endif
