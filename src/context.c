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
    OWNER_BITS_MOST   = 15,                         /* the links of the tree of names have 16 */
    SIZE_BITS_MOST    = 32 - 1 - OWNER_BITS_NEEDED, /* in a header, beside the aligned bit */
    HINT_BITS_MOST    = 7,
    HEAP_BITS_MOST    = 31 /* byte offsets that add up without overflow */
};

_Static_assert( DMOD_MAX_MODULES + OWNER_FIRST_MODULE <= 1 << 10, "more modules than a header can leave room for" );

static uint32_t at_least( uint32_t value, uint32_t least )
{
    return value < least ? least : value;
}

static uint32_t at_most( uint32_t value, uint32_t most )
{
    return value > most ? most : value;
}

/* How finely free sizes are told apart: bins cost 4 bytes each, coarse ones cost memory that does not fit. Both are
 * about a hundredth of the heap this way: 2 bins a power of two in 1 KiB, 32 in 256 KiB and more. */
static uint8_t bin_shift_for( uint32_t granules )
{
    return (uint8_t)at_most( ( at_least( bits_highest( granules ), 7 ) - 5 ) / 2, 5 );
}

/* How a header and the index divide sizes up to `end`. */
static void plan_sizes( dmheap_context_t* image, uint32_t granule )
{
    uint32_t size        = image->end;
    uint32_t size_bits   = bits_highest( size - 1 ) + 1;
    image->granule       = granule;
    image->granule_shift = 0;
    image->size_scale    = 0;
    while( size_bits - image->size_scale > SIZE_BITS_MOST )
        image->size_scale++;
    while( image->granule >> HEADER_FLAG_BITS >> image->size_scale == 0 )
        image->granule <<= 1;
    while( image->granule >> image->granule_shift > 1 )
        image->granule_shift++;
    size_bits -= image->size_scale;

    image->min_size    = at_least( BLOCK_MIN_SIZE, image->granule );
    image->size_mask   = ( ( 1u << size_bits ) - 1 ) & ~(uint32_t)HEADER_FLAGS;
    image->owner_shift = (uint8_t)( size_bits + 1 );
    /* a module costs some 64 bytes: a heap has no use for more numbers than it can hold modules */
    uint32_t useful   = at_least( bits_highest( size ), 6 + OWNER_BITS_LEAST ) - 6;
    image->owner_bits = (uint8_t)at_most( at_most( 32u - image->owner_shift, OWNER_BITS_MOST ), useful );
    image->bin_shift  = bin_shift_for( size >> image->granule_shift );
    image->bin_linear = image->granule << image->bin_shift;
}

/* Places the parts of the image that follow the context; returns the bytes of all control data. */
static uint32_t plan_parts( dmheap_context_t* image )
{
    uint32_t size      = image->end;
    uint32_t first_bin = index_bin( image, image->min_size );
    uint32_t last_bin  = index_bin( image, size );
    uint32_t hint_bits = at_most( at_least( bits_highest( size ) / 2, 3 ) - 2, HINT_BITS_MOST );
    uint32_t levels    = (uint32_t)image->owner_bits - bits_highest( OWNER_FIRST_MODULE );
    image->hint_shift  = (uint8_t)( BITS_OF_WORD - hint_bits );

    uint32_t at    = (uint32_t)sizeof( dmheap_context_t ) + ( last_bin / BITS_OF_WORD + 1 ) * WORD_SIZE;
    image->bins_at = (int16_t)( (int32_t)at - (int32_t)( first_bin * WORD_SIZE ) );
    at += ( last_bin - first_bin + 1 ) * WORD_SIZE;
    image->hints_at = (uint16_t)at;
    at += ( 1u << hint_bits ) * (uint32_t)sizeof( uint16_t );
    image->directory_at = (uint16_t)at;
    at += levels * WORD_SIZE;

    image->map_at = (uint16_t)at;
    return at + ( ( size >> image->granule_shift >> WORD_SHIFT ) + 1 ) * WORD_SIZE;
}

status_t context_plan( void* buffer, size_t size, size_t alignment, context_plan_t* plan )
{
    uintptr_t start = ( (uintptr_t)buffer + WORD_SIZE - 1 ) & ~(uintptr_t)( WORD_SIZE - 1 );
    size_t    skip  = start - (uintptr_t)buffer;
    if( buffer == NULL || size == 0 || size > UINTPTR_MAX - (uintptr_t)buffer ) return STATUS_NO_BUFFER;
    if( alignment == 0 || ( alignment & ( alignment - 1 ) ) != 0 || alignment > size )
        return STATUS_BAD_BUFFER_ALIGNMENT;
    if( size < skip + sizeof( dmheap_context_t ) + WORD_SIZE ) return STATUS_BUFFER_TOO_SMALL;
    if( size >> ( HEAP_BITS_MOST - 1 ) > 1 ) return STATUS_BUFFER_TOO_LARGE;

    dmheap_context_t* image = &plan->image;
    __builtin_memset( image, 0, sizeof *image );
    image->magic  = IMAGE_MAGIC;
    plan->context = (dmheap_context_t*)start;

    /* up to where the end mark lies, so that the same plan comes of the size that the heap turns out to have */
    uint32_t slop = 0;
    image->end    = (uint32_t)( size - skip );
    do
    {
        image->end -= slop;
        if( image->end < sizeof *image ) return STATUS_BUFFER_TOO_SMALL;
        plan_sizes( image, at_least( (uint32_t)alignment, WORD_SIZE ) );
        slop = (uint32_t)( start + image->end ) & ( image->granule - 1 );
    } while( slop != 0 );

    plan->control_bytes = plan_parts( image );
    image->first        = plan->control_bytes + WORD_SIZE;
    image->first += ( 0u - (uint32_t)( start + image->first ) ) & ( image->granule - 1 );
    if( image->first > image->end || image->end - image->first < image->min_size ) return STATUS_BUFFER_TOO_SMALL;
    image->granules = ( image->end - image->first ) >> image->granule_shift;
    image->reach    = ( image->end - image->min_size - WORD_SIZE ) >> 2;
    return STATUS_OK;
}

void context_make( const context_plan_t* plan )
{
    dmheap_context_t* context = plan->context;
    uint32_t          size    = plan->image.end - plan->image.first;
    __builtin_memset( context, 0, plan->control_bytes );
    *context = plan->image;

    block_t block                                           = block_at( context->first );
    *block_header( context, block )                         = header_of_free( context, size );
    *block_header( context, block_at( context->end ) )      = HEADER_PREVIOUS_FREE;
    *block_foot_before( context, block_at( context->end ) ) = size;
    index_place_t place;
    (void)index_find_place( context, size, &place );
    index_insert( context, block, place );
    context->free_blocks = 1;
    context->free_bytes  = size;
    context->free_lowest = size;
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
