/*
 * What lies in a heap's buffer, and the accessors by which all other files reach it. May not decide anything.
 *
 *   [ context | bitmap | lists | start map | hints | block | block | ... | end mark ]
 *
 * Everything is counted in words of 32 bits from the context on. The image holds no pointer: a block is named by the
 * place of its payload, a list by the place of its head; 0 is none.
 *
 *   live:  [ header ][ payload ........................ ]   the header is the word in front of the payload
 *   free:  [ header ][ link ][ next ] ......... [ foot ]    the foot, a copy of the header, is the block's last word
 *
 *   header: | size | owner | aligned | previous is free |   a free block's owner is OWNER_FREE, and it has no flag
 *
 * `next` is the following block of the list, `link` the one before: for the first of a list, the place in front of the
 * list's head, so that the head is the `next` of its link as any other. So a block leaves its list
 * without its size, or which list it is, being known.
 *
 * A size is a multiple of the granule. On hosts, in a heap of more than 32 MiB, the header holds it shifted right by
 * `size_scale`, which a larger granule allows for. `aligned` marks a live block whose last word holds log2 of the
 * alignment that it was asked for. The end mark is a header of size 0 and of the heap's own, where the last block ends.
 *
 * The start map has a bit for each granule, set where a live payload starts. The hints are read backwards from the first
 * block on; see owners.c.
 */
#ifndef DMHEAP_IMAGE_H
#define DMHEAP_IMAGE_H

#include "dmheap.h"

/* User memory of any type is read and written as words once it is free. */
typedef uint32_t __attribute__( ( may_alias ) ) word_t;

/* The place of a block's payload; a struct so that it does not mix with sizes. */
typedef struct
{
    uint32_t at;
} block_t;

/* What a header says of its block: it is free, between two steps of a call, the heap's own, nobody's, or that of a module,
 * from OWNER_FIRST_MODULE on. */
typedef uint32_t owner_t;

enum
{
    IMAGE_MAGIC   = 0x50484d44, /* "DMHP" */
    IMAGE_VERSION = 3,
    IMAGE_SEAL    = 0x00690069, /* memory that is filled with any byte has not the seal of it */

    OWNER_FREE         = 0,
    OWNER_MOVING       = 1,
    OWNER_SYSTEM       = 2,
    OWNER_NOBODY       = 3,
    OWNER_FIRST_MODULE = 4,

    /* Of a header's 32 bits, 23 for the size leave 7 for owners: 32 MiB on a 32-bit processor, and 124 modules. One bit more
     * for owners makes it half as much memory for twice as many modules. */
    OWNER_BITS = DMHEAP_MAX_MODULES + OWNER_FIRST_MODULE <= 128 ? 7 : 8,

    HEADER_PREVIOUS_FREE = 1,
    HEADER_ALIGNED       = 2,
    HEADER_OWNER_SHIFT   = 2,
    HEADER_SIZE_SHIFT    = HEADER_OWNER_SHIFT + OWNER_BITS,
    HEADER_OWNER_MASK    = ( ( 1 << OWNER_BITS ) - 1 ) << HEADER_OWNER_SHIFT,
    HEADER_SIZE_BITS     = 32 - HEADER_SIZE_SHIFT,

    WORD_SIZE      = 4,
    WORD_SHIFT     = 2, /* log2 of the above */
    BITS_OF_WORD   = 32,
    BITS_SHIFT     = 5,
    BLOCK_MIN_SIZE = 4, /* header, link, next, foot */

#ifdef DMHEAP_GUARD
    IMAGE_GUARD = 1,
#else
    IMAGE_GUARD = 0,
#endif
    IMAGE_BIG_ENDIAN = __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__,

    IMAGE_MODULES   = DMHEAP_MAX_MODULES, /* a debugger knows no macros */
    IMAGE_NAME_SIZE = DMHEAP_NAME_SIZE,

    /* What one build must know of another's image to read it. */
    IMAGE_LAYOUT = IMAGE_VERSION << 26 | IMAGE_BIG_ENDIAN << 25 | IMAGE_GUARD << 24 | OWNER_BITS << 16 |
                   IMAGE_MODULES << 8 | IMAGE_NAME_SIZE
};

_Static_assert( DMHEAP_MAX_MODULES >= 1 && DMHEAP_MAX_MODULES <= 252, "a header leaves 8 bits to owners at the most" );
_Static_assert( DMHEAP_NAME_SIZE >= 2 && DMHEAP_NAME_SIZE <= 255, "names have at most 254 characters" );

/* What an owner holds, in words of whole blocks. One that is leaving gets nothing any more: it has a ceiling of 0, and in the
 * place of the peak its heir, see holding_heir(). */
typedef struct
{
    uint32_t live;
    uint32_t blocks;
    uint32_t ceiling; /* `live` has to stay below: the limit and 1 */
    uint32_t peak;    /* highest `live` */
} holding_t;

struct dmheap_context
{
    uint32_t magic;
    uint32_t layout;

    uint32_t first;         /* the first block; this and what follows up to the seal never changes */
    uint32_t reach;         /* a block can be at a place that is no more than this behind the first */
    int16_t  list_at;       /* see index_list() */
    uint16_t map_at;        /* where the lists end */
    uint8_t  list_shift;    /* log2 of the lists per power of two */
    uint8_t  granule_shift; /* log2 of the granule */
    uint8_t  size_scale;    /* of a header */
    uint8_t  hint_shift;    /* 32 - log2 of the number of hints */
    uint32_t seal;          /* see image_is_sealed() */

    uint32_t list_summary; /* changes, as does all that follows: a bit for each word of the bitmap that is not 0 */
    uint32_t free_words;   /* in free blocks */
    uint32_t free_lowest;  /* lowest that this has been */
    uint32_t free_blocks;
    uint32_t taken;      /* blocks taken since init, modulo 2^32 */
    uint32_t released;   /* blocks released since init; taken - released are live */
    uint32_t failures;   /* requests refused, where this heap was the first to be asked */
    uint32_t name;       /* the block that holds the heap's name, 0: none */
    uint32_t records_at; /* a block behind which the heap's own lie, up to the end */
    uint32_t table_at;   /* the block that leads from owners to their records, 0: none */
    uint8_t  table_room; /* owners that it has room for */
    uint8_t  table_span; /* owners that it may lead to: the first so many */
    uint8_t  modules;
    uint8_t  unused;
    uint32_t moving; /* blocks of OWNER_MOVING */
    struct
    {
        uint32_t live, blocks;
    } system; /* what the heap's own blocks take, in words */
    holding_t nobody;
};

_Static_assert( sizeof( struct dmheap_context ) == 100, "the context has no padding and is the same on every target" );

/* A module: the payload of a block of the heap's own. */
typedef struct
{
    holding_t holding;
    uint32_t  key;    /* tells it from all others that there have been, see owner_key() */
    char      name[]; /* whole words, zeros behind its end */
} module_t;

_Static_assert( sizeof( module_t ) == 20, "a record costs 20 bytes and the name" );

enum
{
    CONTEXT_WORDS = sizeof( dmheap_context_t ) / WORD_SIZE,
    MODULE_WORDS  = sizeof( module_t ) / WORD_SIZE,
    CEILING_NONE  = 0x40000000, /* words; no heap is as large */

    /* An entry of the table: the place of a record, as a header has a size, and bits of the hash of its name. */
    TABLE_TAG_BITS = HEADER_SIZE_SHIFT,
    TABLE_TAG_MASK = ( 1 << TABLE_TAG_BITS ) - 1
};

/* What every malloc and free runs through: all that it calls is put in line in it, in builds for size too, but for what is
 * flat itself, or rare. The compiler decides about the rest. */
#define FLAT __attribute__( ( flatten, noinline ) )
/* What is kept out of the way of that, whose registers it would take, and is made small: rare, or not as urgent. */
#define RARE __attribute__( ( noinline, cold ) )

/* ---- Bits ---- */

/* Bits are numbered from the top: to look for the first costs an instruction less on most processors. Written so that
 * compilers make one rotation of it. */
static inline uint32_t bit_of( uint32_t number )
{
    unsigned places = number & ( BITS_OF_WORD - 1 );
    return 0x80000000u >> places | 0x80000000u << ( ( 0u - places ) & ( BITS_OF_WORD - 1 ) );
}

static inline uint32_t bits_first( uint32_t bits )
{
    return (uint32_t)__builtin_clz( bits );
}

static inline uint32_t log2_of( uint32_t number )
{
    return 31u - (uint32_t)__builtin_clz( number );
}

/* ---- Parts of the image ---- */

static inline word_t* image_word( const dmheap_context_t* context, uint32_t at )
{
    return (word_t*)(uintptr_t)context + at;
}

/* What the words that say where everything lies have as their seal. */
static inline uint32_t image_seal( const dmheap_context_t* context )
{
    const word_t* geometry = (const word_t*)&context->first;
    return geometry[0] ^ geometry[1] ^ geometry[2] ^ geometry[3] ^ IMAGE_SEAL;
}

/* Whether these words are what the heap was made with: what they steer is not to be touched otherwise. They are asked once
 * a hold of the lock. */
static inline bool image_is_sealed( const dmheap_context_t* context )
{
    return image_seal( context ) == context->seal;
}

/* The place of the end mark, as if it had a payload. */
static inline uint32_t image_end( const dmheap_context_t* context )
{
    return context->first + context->reach + BLOCK_MIN_SIZE;
}

/* Words from the first block to the end mark. */
static inline uint32_t image_span( const dmheap_context_t* context )
{
    return context->reach + BLOCK_MIN_SIZE;
}

static inline uint32_t image_granules( const dmheap_context_t* context )
{
    return image_span( context ) >> context->granule_shift;
}

/* The word of the bitmap that has the bit of the list at this place. */
static inline word_t* bitmap_word( const dmheap_context_t* context, uint32_t list )
{
    return image_word( context, CONTEXT_WORDS + ( list >> BITS_SHIFT ) );
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

static inline word_t* free_link( const dmheap_context_t* context, block_t block )
{
    return image_word( context, block.at );
}

static inline word_t* free_next( const dmheap_context_t* context, block_t block )
{
    return image_word( context, block.at ) + 1;
}

/* Whether a smallest block can be there, so that its header and links can be read and written without leaving the heap:
 * what every place that was read from the image is asked before it is followed. */
static inline bool block_in_heap( const dmheap_context_t* context, uint32_t at )
{
    return at - context->first <= context->reach;
}

/* Small processors address no heap that needs a scale, and pay for none. */
static inline unsigned header_scale( const dmheap_context_t* context )
{
    return sizeof( void* ) > WORD_SIZE ? context->size_scale : 0u;
}

static inline uint32_t header_size( const dmheap_context_t* context, uint32_t header )
{
    return header >> HEADER_SIZE_SHIFT << header_scale( context );
}

static inline owner_t header_owner( uint32_t header )
{
    return ( header & HEADER_OWNER_MASK ) >> HEADER_OWNER_SHIFT;
}

static inline uint32_t header_of( const dmheap_context_t* context, owner_t owner, uint32_t size )
{
    return size >> header_scale( context ) << HEADER_SIZE_SHIFT | owner << HEADER_OWNER_SHIFT;
}

static inline bool header_is_free( uint32_t header )
{
    return ( header & HEADER_OWNER_MASK ) == 0;
}

static inline uint32_t block_size( const dmheap_context_t* context, block_t block )
{
    return header_size( context, *block_header( context, block ) );
}

static inline owner_t block_owner( const dmheap_context_t* context, block_t block )
{
    return header_owner( *block_header( context, block ) );
}

static inline void block_set_owner( dmheap_context_t* context, block_t block, owner_t owner )
{
    word_t* header = block_header( context, block );
    *header        = ( *header & ~(uint32_t)HEADER_OWNER_MASK ) | owner << HEADER_OWNER_SHIFT;
}

/* Whether a header's size leads neither to less than a block nor out of the heap. */
static inline bool block_fits( const dmheap_context_t* context, block_t block, uint32_t size )
{
    return size - BLOCK_MIN_SIZE <= context->reach - ( block.at - context->first );
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

/* Whether there is (still) a live block at a place where there was one. */
static inline bool block_is_live( const dmheap_context_t* context, block_t block )
{
    uint32_t bit = map_bit( context, block );
    return bit < image_granules( context ) && map_get( context, bit );
}

/* ---- Sizes ---- */

/* Size of a block whose payload is to hold `payload` bytes, which are less than SIZE_MAX - 7, in however large a heap. */
static inline uint32_t block_size_of( const dmheap_context_t* context, size_t payload )
{
    uint32_t words = (uint32_t)( ( payload + (size_t)2 * WORD_SIZE - 1 ) >> WORD_SHIFT );
    uint32_t mask  = ( 1u << context->granule_shift ) - 1;
    uint32_t size  = ( words + mask ) & ~mask;
    return size < BLOCK_MIN_SIZE ? BLOCK_MIN_SIZE : size;
}

/* The same; 0 where no block of this heap can. */
static inline uint32_t block_size_for( const dmheap_context_t* context, size_t payload )
{
    if( payload >> WORD_SHIFT >= image_span( context ) ) return 0;
    return block_size_of( context, payload );
}

#endif
