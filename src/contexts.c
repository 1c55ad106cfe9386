/*
 * Heaps: laying one out in a buffer, and the registry of those that exist: all static memory of the library. A part of
 * dmheap.c, behind blocks.c. May not allocate, lock or log.
 */

/* Read and changed inside of the critical section only. A heap keeps its place in `heap` for life, so that a call that
 * goes from heap to heap, with the lock left in between, knows by a bit for each place which ones it has visited. */
_Static_assert( DMHEAP_MAX_CONTEXTS <= 32, "visited heaps are the bits of a word" );

/* Where a call that names no heap looks for pointers and modules. The seed's generation does wherever there is a heap; the
 * context-first one in the default heaps alone: the memory of a heap that is none may be switched off. */
enum
{
    LOOKS_IN_DEFAULTS = DMHEAP_CONTEXT_FIRST
};

static struct
{
    dmheap_context_t* heap[DMHEAP_MAX_CONTEXTS];  /* NULL: none is there */
    dmheap_context_t* first;                      /* the first default heap, NULL: there is none */
    uint8_t           order[DMHEAP_MAX_CONTEXTS]; /* places of the default heaps, the one to be tried first in front */
    uint8_t           defaults;                   /* how many there are */
    uint8_t           initial; /* 1 + the place of the heap that dmheap_init() made, 0: there is none */
    uint32_t          serial;  /* of the last registration of a module, in whatever heap */
#ifndef DMOD_NO_LOGGING
    struct
    {
        const void* heap;    /* of the last report, if that was a refusal */
        uint32_t    owner;   /* the same: who and what for, owner_mark() */
        uint32_t    times;   /* how often it came, 0: it was none */
        uint16_t    unsaid;  /* reports that came while one was written */
        uint8_t     status;  /* of the refusal */
        bool        writing; /* a report, at this moment */
    } said;                  /* what report.c has to remember */
#endif
} registry;

/* A heap that could be made of a buffer. */
typedef struct
{
    dmheap_context_t* context;
    dmheap_context_t  image;
} context_plan_t;

/* ---- Layout ---- */

enum
{
    HINT_BITS_LEAST = 2,
    HINT_BITS_MOST  = 6
};

/* Bytes of a heap must add up without overflow; and small processors have headers without a scale. */
#define HEAP_WORDS_MOST ( sizeof( void* ) > WORD_SIZE ? 1u << 29 : 1u << HEADER_SIZE_BITS )

static uint32_t at_least( uint32_t value, uint32_t least )
{
    return value < least ? least : value;
}

static uint32_t at_most( uint32_t value, uint32_t most )
{
    return value > most ? most : value;
}

/* Words of hints, which have 16 bits. */
static uint32_t hint_words( const dmheap_context_t* context )
{
    return 1u << ( BITS_OF_WORD - 1 - context->hint_shift );
}

/* How finely free sizes are told apart: lists cost 4 bytes each, coarse ones cost memory that does not fit. Both are
 * about a hundredth of the heap this way: 2 lists a power of two in 1 KiB, 32 in 256 KiB and more. */
static uint8_t list_shift_for( uint32_t granules )
{
    return (uint8_t)at_most( ( at_least( log2_of( granules ), 7 ) - 5 ) / 2, 5 );
}

/* How headers and the index divide sizes up to `end`. */
static void plan_sizes( dmheap_context_t* image, uint32_t end, uint32_t granule )
{
    uint32_t size_bits = log2_of( end - 1 ) + 1;
    uint32_t scale     = size_bits > HEADER_SIZE_BITS ? size_bits - HEADER_SIZE_BITS : 0;

    image->size_scale    = (uint8_t)scale;
    image->granule_shift = (uint8_t)log2_of( at_least( granule, 1u << scale ) );
    image->list_shift    = list_shift_for( end >> image->granule_shift );
    /* 4 hints below 1 KiB, 8 up to 4 KiB, 64 from 64 KiB on */
    uint32_t hint_bits = at_least( log2_of( end ) / 2 - 1, HINT_BITS_LEAST + 1 ) - ( end >> 8 == 0 );
    image->hint_shift  = (uint8_t)( BITS_OF_WORD - at_most( hint_bits, HINT_BITS_MOST ) );
}

/* Places the parts of the image that follow the context; `start` is its address in words. False where no block has room. */
static bool plan_parts( dmheap_context_t* image, uint32_t start, uint32_t end )
{
    uint32_t granule  = 1u << image->granule_shift;
    uint32_t smallest = index_list( image, at_least( BLOCK_MIN_SIZE, granule ) ); /* as a number: list_at is 0 so far */
    uint32_t lists    = index_list( image, end ) - smallest + 1;
    uint32_t at       = CONTEXT_WORDS;

    at += ( CONTEXT_WORDS + lists + BITS_OF_WORD - 2 ) / ( BITS_OF_WORD - 1 ); /* a bit for each place up to the last */
    image->list_at = (int16_t)( at - smallest );
    at += lists;
    image->map_at = (uint16_t)at;
    at += hint_words( image );
    image->first = at + ( ( at_least( end, at ) - at ) >> image->granule_shift >> BITS_SHIFT ) + 2;
    image->first += ( 0u - start - image->first ) & ( granule - 1 );
    image->reach = end - image->first - BLOCK_MIN_SIZE;
    return image->first + at_least( BLOCK_MIN_SIZE, granule ) <= end;
}

/* Plans the layout without touching the buffer. STATUS_NO_BUFFER, STATUS_BAD_BUFFER_ALIGNMENT,
 * STATUS_BUFFER_TOO_SMALL, STATUS_BUFFER_TOO_LARGE. */
static RARE status_t context_plan( void* buffer, size_t size, size_t alignment, context_plan_t* plan )
{
    /* where sizes are scaled, places are: all of them are multiples of the largest scale if the context lies at one */
    uintptr_t unit  = size >> WORD_SHIFT > 1u << HEADER_SIZE_BITS
                          ? (uintptr_t)WORD_SIZE * ( 1u << 29 >> HEADER_SIZE_BITS )
                          : (uintptr_t)WORD_SIZE;
    uintptr_t start = ( (uintptr_t)buffer + unit - 1 ) & ~( unit - 1 );
    size_t    skip  = start - (uintptr_t)buffer;
    if( buffer == NULL || size == 0 || size > UINTPTR_MAX - (uintptr_t)buffer ) return STATUS_NO_BUFFER;
    if( alignment == 0 || ( alignment & ( alignment - 1 ) ) != 0 || alignment > size )
        return STATUS_BAD_BUFFER_ALIGNMENT;
    if( size < skip + sizeof( dmheap_context_t ) + WORD_SIZE ) return STATUS_BUFFER_TOO_SMALL;
    if( size >> WORD_SHIFT > HEAP_WORDS_MOST ) return STATUS_BUFFER_TOO_LARGE;

    dmheap_context_t* image = &plan->image;
    __builtin_memset( image, 0, sizeof *image );
    image->magic  = IMAGE_MAGIC;
    image->layout = IMAGE_LAYOUT;
    plan->context = (dmheap_context_t*)start;

    /* up to where the end mark lies, so that the same plan comes of the size that the heap turns out to have */
    uint32_t from    = (uint32_t)( start >> WORD_SHIFT );
    uint32_t granule = at_least( (uint32_t)( alignment >> WORD_SHIFT ), 1 );
    uint32_t end     = (uint32_t)( ( size - skip ) >> WORD_SHIFT );
    uint32_t slop    = 0;
    do
    {
        if( end < at_least( CONTEXT_WORDS, granule ) + slop ) return STATUS_BUFFER_TOO_SMALL;
        end -= slop;
        plan_sizes( image, end, granule );
        slop = ( from + end ) & ( ( 1u << image->granule_shift ) - 1 );
    } while( slop != 0 );

    if( !plan_parts( image, from, end ) ) return STATUS_BUFFER_TOO_SMALL;
    image->seal = image_seal( image );
    return STATUS_OK;
}

/* Writes the image: one free block in an empty heap. */
static void context_make( const context_plan_t* plan )
{
    dmheap_context_t* context = plan->context;
    block_t           block   = block_at( plan->image.first );
    block_t           end     = block_at( image_end( &plan->image ) );
    uint32_t          size    = end.at - block.at;
    guard_heap_begins( context, end.at * (size_t)WORD_SIZE );
    __builtin_memset( context, 0, block.at * (size_t)WORD_SIZE );
    *context                = plan->image;
    context->nobody.ceiling = CEILING_NONE;

    *block_header( context, end ) = header_of( context, OWNER_SYSTEM, 0 ) | HEADER_PREVIOUS_FREE;
    make_free( context, block, size );
    context->free_blocks = 1;
    context->free_words  = size;
    context->free_lowest = size;
    context->records_at  = end.at;
    guard_heap_made( context );
}

/* ---- The registry ---- */

/* The place of a heap, DMHEAP_MAX_CONTEXTS where it is not known; of NULL, a place that is empty. */
static RARE unsigned context_place( const dmheap_context_t* context )
{
    unsigned place = 0;
    while( place < DMHEAP_MAX_CONTEXTS && registry.heap[place] != context )
        place++;
    return place;
}

static bool context_exists( const dmheap_context_t* context )
{
    return context == registry.first ? context != NULL
                                     : context != NULL && context_place( context ) < DMHEAP_MAX_CONTEXTS;
}

/* Whether there is still a heap, and it lies where it should: what each further hold of a call asks. */
static inline bool context_stands( const dmheap_context_t* context )
{
    return context_exists( context ) && image_is_sealed( context );
}

/* Where a heap is in the order of the default ones; `defaults` where it is none. */
static unsigned context_position( unsigned place )
{
    unsigned position = 0;
    while( position < registry.defaults && registry.order[position] != place )
        position++;
    return position;
}

static void note_first( void )
{
    registry.first = registry.defaults != 0 ? registry.heap[registry.order[0]] : NULL;
}

/* Takes a heap out of the order of the default ones. False where it was none. */
static bool context_unset_default( unsigned place )
{
    unsigned position = context_position( place );
    if( position == registry.defaults ) return false;
    registry.defaults--;
    for( ; position < registry.defaults; position++ )
        registry.order[position] = registry.order[position + 1];
    note_first();
    return true;
}

/* Puts a heap that is no default one among them, or behind them. */
static void context_set_default( unsigned place, size_t position )
{
    unsigned at = registry.defaults++;
    for( ; at > position; at-- )
        registry.order[at] = registry.order[at - 1];
    registry.order[at] = (uint8_t)place;
    note_first();
}

/* Takes a heap out of the registry without reading it. */
static void context_forget( unsigned place )
{
    guard_heap_ends( registry.heap[place] );
    trace_heap_ends( registry.heap[place] );
    (void)context_unset_default( place );
    registry.heap[place] = NULL;
    if( registry.initial == place + 1 ) registry.initial = 0;
}

/* The next heap that is not in `*visited`, or NULL; among the default ones in their order, or among all. */
static dmheap_context_t* context_next( bool only_defaults, uint32_t* visited )
{
    unsigned count = only_defaults ? registry.defaults : DMHEAP_MAX_CONTEXTS;
    for( unsigned i = 0; i < count; i++ )
    {
        unsigned place = only_defaults ? registry.order[i] : i;
        if( registry.heap[place] == NULL || ( *visited >> place & 1u ) != 0 ) continue;
        *visited |= 1u << place;
        return registry.heap[place];
    }
    return NULL;
}

/* `only`, if it exists, or where that is NULL the next heap that is not in `*visited`; NULL where there is none. */
static dmheap_context_t* context_pick( dmheap_context_t* only, bool only_defaults, uint32_t* visited )
{
    if( only == NULL ) return context_next( only_defaults, visited );
    return context_exists( only ) ? only : NULL;
}

/* Whether a heap is still what was made there. */
static bool context_is_intact( const dmheap_context_t* context )
{
    return context->magic == IMAGE_MAGIC && context->layout == IMAGE_LAYOUT && image_is_sealed( context );
}

/* Forgets a default heap that is overwritten, and tells which; NULL where there is none. */
static const dmheap_context_t* context_give_up( void )
{
    for( unsigned i = 0; i < registry.defaults; i++ )
    {
        const dmheap_context_t* context = registry.heap[registry.order[i]];
        if( context_is_intact( context ) ) continue;
        context_forget( registry.order[i] );
        return context;
    }
    return NULL;
}

/* The next default heap that is not in `*visited`, begins in front of an address and ends behind it; NULL: none. */
static dmheap_context_t* context_around( const void* start, uint32_t* visited )
{
    dmheap_context_t* context;
    do
        context = context_next( true, visited );
    while( context != NULL && ( context == start || !image_is_sealed( context ) ||
                                ( (uintptr_t)start - (uintptr_t)context ) >> WORD_SHIFT >= image_end( context ) ) );
    return context;
}

/* The place of a heap other than this one that begins within so many words of an address; DMHEAP_MAX_CONTEXTS: none. */
static unsigned context_inside( const dmheap_context_t* outer, const void* start, uint32_t words )
{
    unsigned place = 0;
    for( ; place < DMHEAP_MAX_CONTEXTS; place++ )
    {
        const dmheap_context_t* inner = registry.heap[place];
        if( inner != NULL && inner != outer && ( (uintptr_t)inner - (uintptr_t)start ) >> WORD_SHIFT < words ) break;
    }
    return place;
}
