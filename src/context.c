/*
 * Laying out a heap, and the registry of heaps; see context.h.
 */
#include "context.h"

context_registry_t context_registry;

enum
{
    /* Bits that a header must leave for owners so that DMOD_MAX_MODULES modules, and the numbers below
     * OWNER_FIRST_MODULE, have room in a heap of any size. */
    OWNER_BITS_NEEDED = DMOD_MAX_MODULES + OWNER_FIRST_MODULE <= 16    ? 4
                        : DMOD_MAX_MODULES + OWNER_FIRST_MODULE <= 64  ? 6
                        : DMOD_MAX_MODULES + OWNER_FIRST_MODULE <= 256 ? 8
                                                                       : 10,
    OWNER_BITS_LEAST  = 3,
    OWNER_BITS_MOST   = 15, /* the links of the tree of names have 16 */
    SIZE_BITS_MOST    = BITS_OF_WORD - HEADER_FLAG_BITS - OWNER_BITS_NEEDED,
    HINT_BITS_MOST    = 6
};

/* Bytes of a heap must add up without overflow; and small processors have headers without a scale. */
#define HEAP_WORDS_MOST ( sizeof( void* ) > WORD_SIZE ? 1u << 29 : 1u << SIZE_BITS_MOST )

_Static_assert( DMOD_MAX_MODULES + OWNER_FIRST_MODULE <= 1 << 10, "more modules than a header can leave room for" );

static uint32_t at_least( uint32_t value, uint32_t least )
{
    return value < least ? least : value;
}

static uint32_t at_most( uint32_t value, uint32_t most )
{
    return value > most ? most : value;
}

/* How finely free sizes are told apart: lists cost 4 bytes each, coarse ones cost memory that does not fit. Both are
 * about a hundredth of the heap this way: 2 lists a power of two in 1 KiB, 32 in 256 KiB and more. */
static uint8_t list_shift_for( uint32_t granules )
{
    return (uint8_t)at_most( ( at_least( bits_highest( granules ), 7 ) - 5 ) / 2, 5 );
}

/* How a header and the index divide sizes up to `end`. */
static void plan_sizes( dmheap_context_t* image, uint32_t granule )
{
    uint32_t size_bits = bits_highest( image->end - 1 ) + 1;
    uint32_t scale     = size_bits > SIZE_BITS_MOST ? size_bits - SIZE_BITS_MOST : 0;
    /* a module costs some 16 words: a heap has no use for more numbers than it can hold modules */
    uint32_t useful = at_least( size_bits, OWNER_BITS_LEAST + 4 ) - 4;

    image->granule       = at_least( granule, 1u << scale );
    image->granule_shift = (uint8_t)bits_highest( image->granule );
    image->size_scale    = (uint8_t)scale;
    image->min_size      = at_least( BLOCK_MIN_SIZE, image->granule );
    image->size_mask     = ( 1u << ( size_bits - scale ) ) - 1;
    image->owner_shift   = (uint8_t)( size_bits - scale );
    image->owner_bits    = (uint8_t)at_most(
           at_most( BITS_OF_WORD - HEADER_FLAG_BITS - (uint32_t)image->owner_shift, OWNER_BITS_MOST ), useful );
    image->list_shift = list_shift_for( image->end >> image->granule_shift );
    image->linear     = image->granule << image->list_shift;
}

/* Places the parts of the image that follow the context. */
static void plan_parts( dmheap_context_t* image, uint32_t start )
{
    uint32_t smallest  = index_list( image, image->min_size ); /* as numbers, since lists_at is 0 so far */
    uint32_t lists     = index_list( image, image->end ) - smallest + 1;
    uint32_t hint_bits = at_most( at_least( bits_highest( image->end ) / 2, 3 ) - 2, HINT_BITS_MOST );
    uint32_t at        = CONTEXT_WORDS;

    at += ( CONTEXT_WORDS + lists + BITS_OF_WORD - 2 ) / ( BITS_OF_WORD - 1 ); /* a bit for each place up to the last */
    image->lists_at = at - smallest;
    at += lists;
    image->lists_end  = at;
    image->hints_at   = (uint16_t)at;
    image->hint_shift = (uint8_t)( BITS_OF_WORD - hint_bits );
    at += 1u << hint_bits;
    image->directory_at = (uint16_t)at;
    at += image->owner_bits - 1u + CHUNK_FIRST_SPAN;

    image->map_at = (uint16_t)at;
    image->first  = at + ( ( image->end - at ) >> image->granule_shift >> BITS_SHIFT ) + 2;
    image->first += ( 0u - start - image->first ) & ( image->granule - 1 );
}

status_t context_plan( void* buffer, size_t size, size_t alignment, context_plan_t* plan )
{
    uintptr_t start = ( (uintptr_t)buffer + WORD_SIZE - 1 ) & ~(uintptr_t)( WORD_SIZE - 1 );
    size_t    skip  = start - (uintptr_t)buffer;
    if( buffer == NULL || size == 0 || size > UINTPTR_MAX - (uintptr_t)buffer ) return STATUS_NO_BUFFER;
    if( alignment == 0 || ( alignment & ( alignment - 1 ) ) != 0 || alignment > size )
        return STATUS_BAD_BUFFER_ALIGNMENT;
    if( size < skip + sizeof( dmheap_context_t ) + WORD_SIZE ) return STATUS_BUFFER_TOO_SMALL;
    if( size >> WORD_SHIFT > HEAP_WORDS_MOST ) return STATUS_BUFFER_TOO_LARGE;

    dmheap_context_t* image = &plan->image;
    __builtin_memset( image, 0, sizeof *image );
    image->magic  = IMAGE_MAGIC;
    plan->context = (dmheap_context_t*)start;

    /* up to where the end mark lies, so that the same plan comes of the size that the heap turns out to have */
    uint32_t from    = (uint32_t)( start >> WORD_SHIFT );
    uint32_t granule = at_least( (uint32_t)( alignment >> WORD_SHIFT ), 1 );
    uint32_t slop    = 0;
    image->end       = (uint32_t)( ( size - skip ) >> WORD_SHIFT );
    do
    {
        if( image->end < at_least( CONTEXT_WORDS, granule ) + slop ) return STATUS_BUFFER_TOO_SMALL;
        image->end -= slop;
        plan_sizes( image, granule );
        slop = ( from + image->end ) & ( image->granule - 1 );
    } while( slop != 0 );

    plan_parts( image, from );
    if( image->first > image->end || image->end - image->first < image->min_size ) return STATUS_BUFFER_TOO_SMALL;
    image->granules     = ( image->end - image->first ) >> image->granule_shift;
    image->reach        = image->end - 2 - CONTEXT_WORDS;
    image->block_reach  = image->end - 2 - image->first;
    image->record_reach = image->end - (uint32_t)( sizeof( module_t ) / WORD_SIZE ) - NOBODY_AT;
    return STATUS_OK;
}

/* Makes the records that are always there. */
static void make_owners( dmheap_context_t* context )
{
    uint32_t chunk = context->directory_at + context->owner_bits - 1u;

    *directory_chunk( context, OWNER_NOBODY ) = chunk - OWNER_NOBODY;
    *image_word( context, chunk )             = NOBODY_AT;
    context->owner_span                       = 1;
    context->system.limit                     = LIMIT_NONE;
    context->nobody.limit                     = LIMIT_NONE;
}

void context_make( const context_plan_t* plan )
{
    dmheap_context_t* context = plan->context;
    block_t           block   = block_at( plan->image.first );
    block_t           end     = block_at( plan->image.end );
    uint32_t          size    = end.at - block.at;
    guard_heap_begins( context, plan->image.end * (size_t)WORD_SIZE );
    __builtin_memset( context, 0, block.at * (size_t)WORD_SIZE );
    *context = plan->image;
    make_owners( context );

    *block_header( context, block )    = header_of_free( context, size );
    *block_header( context, end )      = HEADER_PREVIOUS_FREE;
    *block_foot_before( context, end ) = size;
    index_link( context, block, size );
    context->free_blocks = 1;
    context->free_words  = size;
    context->free_lowest = size;
    guard_heap_made( context );
}

/* Moves the registry's entries from `at` on by one place, up or down; the entry at `at` is free afterwards or gone. */
static void shift_entries( size_t at, bool up )
{
    dmheap_context_t** all = context_registry.all;
    if( up )
        for( size_t i = DMHEAP_MAX_CONTEXTS - 1; i > at; i-- )
            all[i] = all[i - 1];
    else
    {
        for( size_t i = at; i + 1 < DMHEAP_MAX_CONTEXTS; i++ )
            all[i] = all[i + 1];
        all[DMHEAP_MAX_CONTEXTS - 1] = NULL;
    }
}

status_t context_add( dmheap_context_t* context, bool is_default, size_t position )
{
    if( context_registry.all[DMHEAP_MAX_CONTEXTS - 1] != NULL ) return STATUS_TOO_MANY_HEAPS;
    if( !is_default || position > context_registry.defaults ) position = context_registry.defaults;
    shift_entries( position, true );
    context_registry.all[position] = context;
    if( is_default ) context_registry.defaults++;
    context_registry.tree_version++; /* a heap that was in the same place may have been walked through at this moment */
    return STATUS_OK;
}

bool context_forget( const dmheap_context_t* context )
{
    for( size_t i = 0; i < DMHEAP_MAX_CONTEXTS; i++ )
    {
        if( context == NULL || context_registry.all[i] != context ) continue;
        shift_entries( i, false );
        if( i < context_registry.defaults ) context_registry.defaults--;
        if( context == context_registry.initial ) context_registry.initial = NULL;
        return true;
    }
    return false;
}
