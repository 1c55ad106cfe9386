/*
 * What lies in a heap's buffer, and the accessors by which all other files reach it. May not decide anything.
 *
 *   [ context | bitmap | lists | hints | directory | first chunk | start map | block | block | ... | end mark ]
 *
 * Everything is counted in words of 32 bits from the context on. The image holds no pointer: a block is named by the
 * place of its payload, a list by the place of its head; 0 is none.
 *
 *   live:  [ header ][ payload ........................ ]   the header is the word in front of the payload
 *   free:  [ header ][ next ][ link ] ......... [ foot ]    the foot, the block's size, is its last word
 *
 *   header: | free | previous is free | aligned | owner | size |
 *
 * `next` is the following block of the list. `link` is the place of the word that leads here: the list's head, or the
 * `next` of the block before. So a block leaves its list without its size, or which list it is, being known.
 *
 * A size is a multiple of the granule. On hosts, in a heap of more than 32 MiB, the header holds it shifted right by
 * `size_scale`, which a larger granule allows for. `aligned` marks a live block whose last word holds log2 of the
 * alignment that it was asked for. The end mark is a header of size 0, never free, at `end`.
 *
 * The start map has a bit for each granule, set where a live payload starts.
 */
#ifndef DMHEAP_IMAGE_H
#define DMHEAP_IMAGE_H

#include "dmheap.h"
#include "prefix.h"

/* User memory of any type is read and written as words once it is free. */
typedef uint32_t __attribute__( ( may_alias ) ) word_t;

/* The place of a block's payload; a struct so that it does not mix with sizes. */
typedef struct
{
    uint32_t at;
} block_t;

/* Who owns a block: a call between two of its steps, the heap itself, nobody, or a module from OWNER_FIRST_MODULE on. All
 * but the first have a record, see module.h. */
typedef uint32_t owner_t;

/* Beyond what an enum can hold. */
#define HEADER_FREE          0x80000000u
#define HEADER_PREVIOUS_FREE 0x40000000u
#define HEADER_ALIGNED       0x20000000u

enum
{
    IMAGE_MAGIC = 0x50484d44, /* "DMHP" */

    HEADER_FLAG_BITS = 3,

    OWNER_MOVING       = 0,
    OWNER_SYSTEM       = 1,
    OWNER_NOBODY       = 2,
    OWNER_FIRST_MODULE = 3,

    WORD_SIZE      = 4,
    WORD_SHIFT     = 2, /* log2 of the above */
    BITS_OF_WORD   = 32,
    BITS_SHIFT     = 5,
    BLOCK_MIN_SIZE = 4 /* header, next, link, foot */
};

/* What an owner holds, in words of whole blocks. */
typedef struct
{
    uint32_t live, peak;
    uint32_t limit; /* of a leaving module: the key of the owner to whom its blocks go */
    uint32_t blocks;
    uint16_t leaving; /* being unregistered or merged into another: it gets nothing any more */
    uint16_t serial;  /* of the registration: tells a module from a later one with the same number */
} holding_t;

struct dmheap_context
{
    uint32_t reach; /* see image_has() */
    uint32_t magic;
    uint32_t first; /* the first block */
    uint32_t end;   /* the end mark, as if it had a payload */
    uint32_t granule;
    uint32_t min_size;  /* of a block */
    uint32_t size_mask; /* of a header */
    uint32_t linear;    /* sizes below twice this have a list of their own */
    uint32_t lists_at;  /* see index_list() */
    uint32_t lists_end;
    uint32_t granules;     /* from the first block to the end mark: bits of the start map */
    uint32_t block_reach;  /* what may be the place of a block is less than this behind the first */
    uint32_t record_reach; /* what may be the place of a record is less than this behind that of nobody's */
    uint16_t map_at;
    uint16_t hints_at;
    uint16_t directory_at;
    uint8_t  list_shift;    /* log2 of the lists per power of two */
    uint8_t  granule_shift; /* log2 of the granule */
    uint8_t  size_scale;    /* of a header */
    uint8_t  owner_shift;   /* of a header */
    uint8_t  owner_bits;    /* owners are smaller than 1 << owner_bits */
    uint8_t  hint_shift;    /* 32 - log2 of the words of hints */

    uint32_t  list_summary; /* changes, as does all that follows: a bit for each word of the bitmap that is not 0 */
    uint32_t  free_words;   /* in free blocks */
    uint32_t  free_lowest;  /* lowest that this has been */
    uint32_t  free_blocks;
    uint32_t  taken;       /* blocks taken since init, modulo 2^32 */
    uint32_t  released;    /* blocks released since init; taken - released are live */
    uint32_t  failures;    /* allocations refused */
    uint32_t  name;        /* the block that holds the heap's name, 0: none */
    uint16_t  owner_span;  /* from OWNER_NOBODY on so many are in use or were given back */
    uint16_t  moving;      /* blocks of OWNER_MOVING */
    uint16_t  module_root; /* of the tree of names */
    uint16_t  module_free; /* first owner given back, 0: none */
    uint16_t  module_count;
    uint16_t  module_serial; /* of the last registration */
    holding_t system, nobody;
};

_Static_assert( sizeof( struct dmheap_context ) == 148, "the context has no padding and is the same on every target" );

/* What every allocation runs through is put in line, unless the library is built for size; what few need is kept out of
 * the way of the others. */
#ifdef __OPTIMIZE_SIZE__
#define HOT inline
#else
#define HOT inline __attribute__( ( always_inline ) )
#endif
#define RARE __attribute__( ( noinline, cold ) )

enum
{
    CONTEXT_WORDS = sizeof( dmheap_context_t ) / WORD_SIZE,
    NOBODY_AT     = offsetof( dmheap_context_t, nobody ) / WORD_SIZE /* the place of a record */
};

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

static inline word_t* image_word( const dmheap_context_t* context, uint32_t at )
{
    return (word_t*)(uintptr_t)context + at;
}

/* Whether a word at this place, and the one behind it, are in the heap and not in the context. */
static inline bool image_has( const dmheap_context_t* context, uint32_t at )
{
    return at - CONTEXT_WORDS < context->reach;
}

/* The word of the bitmap that has the bit of the list at this place. */
static inline word_t* bitmap_word( const dmheap_context_t* context, uint32_t list )
{
    return image_word( context, CONTEXT_WORDS + ( list >> BITS_SHIFT ) );
}

static inline uint32_t bit_of( uint32_t number )
{
    return 1u << ( number & ( BITS_OF_WORD - 1 ) );
}

/* ---- Blocks ---- */

static inline block_t block_at( uint32_t at )
{
    return ( block_t ){ at };
}

static inline void* block_payload( const dmheap_context_t* context, block_t block )
{
    return image_word( context, block.at );
}

static inline word_t* block_header( const dmheap_context_t* context, block_t block )
{
    return image_word( context, block.at ) - 1;
}

/* The last word of whatever block lies in front of `block`. */
static inline word_t* block_foot_before( const dmheap_context_t* context, block_t block )
{
    return image_word( context, block.at ) - 2;
}

static inline word_t* free_next( const dmheap_context_t* context, block_t block )
{
    return image_word( context, block.at );
}

static inline word_t* free_link( const dmheap_context_t* context, block_t block )
{
    return image_word( context, block.at ) + 1;
}

/* Small processors address no heap that needs a scale, and pay for none. */
static inline unsigned header_scale( const dmheap_context_t* context )
{
    return sizeof( void* ) > WORD_SIZE ? context->size_scale : 0u;
}

static inline uint32_t header_size( const dmheap_context_t* context, uint32_t header )
{
    return ( header & context->size_mask ) << header_scale( context );
}

/* The bits of a header that are its owner's. */
static inline uint32_t header_owner_mask( const dmheap_context_t* context )
{
    return ~( HEADER_FREE | HEADER_PREVIOUS_FREE | HEADER_ALIGNED | context->size_mask );
}

static inline owner_t header_owner( const dmheap_context_t* context, uint32_t header )
{
    return header << HEADER_FLAG_BITS >> HEADER_FLAG_BITS >> context->owner_shift;
}

static inline uint32_t header_of( const dmheap_context_t* context, owner_t owner, uint32_t size )
{
    return owner << context->owner_shift | size >> header_scale( context );
}

/* A free block's header: it has no owner, and its neighbours are live. */
static inline uint32_t header_of_free( const dmheap_context_t* context, uint32_t size )
{
    return size >> header_scale( context ) | HEADER_FREE;
}

/* Whether a block can be there, so that its header and links can be read and written without leaving the buffer: what
 * every place that was read from the image is asked before it is followed. */
static inline bool block_in_heap( const dmheap_context_t* context, uint32_t at )
{
    return at - context->first < context->block_reach;
}

/* ---- Start map ---- */

static inline uint32_t map_bit( const dmheap_context_t* context, block_t block )
{
    return ( block.at - context->first ) >> context->granule_shift;
}

static inline word_t* map_word( const dmheap_context_t* context, uint32_t bit )
{
    return image_word( context, (uint32_t)context->map_at + ( bit >> BITS_SHIFT ) );
}

static inline bool map_get( const dmheap_context_t* context, uint32_t bit )
{
    return ( *map_word( context, bit ) & bit_of( bit ) ) != 0;
}

static inline void map_set( dmheap_context_t* context, uint32_t bit )
{
    *map_word( context, bit ) |= bit_of( bit );
}

static inline void map_clear( dmheap_context_t* context, uint32_t bit )
{
    *map_word( context, bit ) &= ~bit_of( bit );
}

/* ---- Sizes ---- */

/* Size of a block whose payload is to hold `payload` bytes; 0 where no block of this heap can. */
static inline uint32_t block_size_for( const dmheap_context_t* context, size_t payload )
{
    if( payload >> WORD_SHIFT >= context->end ) return 0;
    uint32_t words = (uint32_t)( ( payload + (size_t)2 * WORD_SIZE - 1 ) >> WORD_SHIFT );
    uint32_t size  = ( words + context->granule - 1 ) & ( 0u - context->granule );
    return size < context->min_size ? context->min_size : size;
}

#endif
