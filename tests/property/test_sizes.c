/*
 * The arithmetic of sizes, for every size and not for some: that lists are in the order of the sizes that they hold, that
 * small sizes have a list of their own, that a block is as large as its payload needs and no larger; and, for every size
 * of heap, that the parts of the image have room and do not overlap.
 *   test_sizes [LOG2]     up to 2^LOG2 words (default 20; 29 is all there are)
 * Looks into the image (src/image.h).
 */
#include <stdio.h>
#include <stdlib.h>

#include "core.h"

static unsigned long long checked;

static int fail( const char* what, uint32_t shift, uint32_t granule, size_t size )
{
    printf( "%s: list shift %u, granule %u, size %lu\n", what, (unsigned)shift, (unsigned)granule,
            (unsigned long)size );
    return 1;
}

/* The context of a heap of so many words from its first block on, as far as sizes go; that begins behind the context. */
static dmheap_context_t image_of( uint32_t list_shift, uint32_t granule_shift, uint32_t span )
{
    return ( dmheap_context_t ){ .first         = 64,
                                 .reach         = span - BLOCK_MIN_SIZE,
                                 .list_shift    = (uint8_t)list_shift,
                                 .granule_shift = (uint8_t)granule_shift };
}

/* Lists follow each other in the order of sizes, none is left out, and sizes of up to twice as many granules as there are
 * lists per power of two share none. So every block of a larger list is large enough. */
static int lists_are_in_order( uint32_t shift, uint32_t most )
{
    dmheap_context_t image = image_of( shift, 0, most );
    uint32_t         list  = index_list( &image, 1 );
    for( uint32_t size = 2; size < most; size++, checked++ )
    {
        uint32_t next = index_list( &image, size );
        if( next - list > 1 ) return fail( "the lists are not in order", shift, 1, size );
        if( size <= 2u << shift && next == list ) return fail( "no list of its own", shift, 1, size );
        list = next;
    }
    return 0;
}

/* A larger granule moves the lists and does not change which sizes share one. */
static int granules_do_not_matter( uint32_t shift, uint32_t log2, uint32_t most )
{
    dmheap_context_t one  = image_of( shift, 0, most );
    dmheap_context_t many = image_of( shift, log2, most );
    for( uint32_t size = 1; size < most >> log2; size++, checked++ )
        if( index_list( &many, size << log2 ) != index_list( &one, size ) + ( log2 << shift ) )
            return fail( "another list with a larger granule", shift, 1u << log2, size );
    return 0;
}

/* A block holds a header and the payload, in whole granules, and is not larger than that needs. */
static int blocks_are_as_large_as_needed( uint32_t log2, uint32_t most )
{
    dmheap_context_t image    = image_of( 1, log2, most );
    uint32_t         granule  = 1u << log2;
    uint32_t         smallest = granule < BLOCK_MIN_SIZE ? BLOCK_MIN_SIZE : granule;
    for( size_t payload = 0; payload >> WORD_SHIFT < most; payload++, checked++ )
    {
        uint32_t size   = block_size_for( &image, payload );
        size_t   needed = ( payload + WORD_SIZE + WORD_SIZE - 1 ) >> WORD_SHIFT;
        if( size < needed || size < smallest || ( size & ( granule - 1 ) ) != 0 ||
            ( size > smallest && size - needed >= granule ) )
            return fail( "a block of another size than needed", 0, granule, payload );
    }
    for( size_t payload = (size_t)most << WORD_SHIFT; payload < ( (size_t)most << WORD_SHIFT ) + 64; payload++ )
        if( block_size_for( &image, payload ) != 0 )
            return fail( "a block that no heap can hold", 0, granule, payload );
    for( size_t payload = SIZE_MAX; payload > SIZE_MAX - 64; payload-- )
        if( block_size_for( &image, payload ) != 0 || block_size_to_take( &image, payload, 64 ) != 0 )
            return fail( "a size that overflows", 0, granule, payload );
    return 0;
}

/* Whether the parts of an image have the room that they need, one behind the other, and are what every hold asks for. */
static bool plan_is_sound( const dmheap_context_t* image, size_t words )
{
    uint32_t granule  = 1u << image->granule_shift;
    uint32_t largest  = image_span( image );
    uint32_t smallest = index_list( image, granule < BLOCK_MIN_SIZE ? BLOCK_MIN_SIZE : granule );
    uint32_t bitmap   = CONTEXT_WORDS + ( ( image->map_at - 1u ) >> BITS_SHIFT ) + 1;
    uint32_t map_end  = image->map_at + ( image_granules( image ) >> BITS_SHIFT ) + 1;
    owner_t  owner    = ( 1u << OWNER_BITS ) - 1;
    uint32_t header   = header_of( image, owner, largest );
    block_t  last     = block_at( image->first + ( image->reach & ~( granule - 1 ) ) );
    return image_is_sealed( image ) && bitmap <= smallest && index_list( image, largest ) < image->map_at &&
           map_end + hint_words( image ) < image->first && image->first + granule <= image_end( image ) &&
           image->first + BLOCK_MIN_SIZE <= image_end( image ) && image_end( image ) <= words &&
           ( largest & ( granule - 1 ) ) == 0 && header_size( image, header ) == largest &&
           header_owner( header ) == owner && ( header & ( HEADER_ALIGNED | HEADER_PREVIOUS_FREE ) ) == 0 &&
           ( image->map_at - 1u ) >> BITS_SHIFT < BITS_OF_WORD && block_in_heap( image, last.at ) &&
           entry_of( image, last, 0 ) >> TABLE_TAG_BITS << header_scale( image ) == last.at;
}

/* For a heap of each size in words, in front of which nothing is skipped: `address` is a multiple of the alignment. */
static int plans_are_sound( size_t address, size_t alignment, size_t from, size_t to )
{
    for( size_t words = from; words <= to; words++, checked++ )
    {
        context_plan_t plan   = { NULL, { 0 } };
        status_t       status = context_plan( (void*)address, words << WORD_SHIFT, alignment, &plan );
        bool           small  = status == STATUS_BUFFER_TOO_SMALL || status == STATUS_BAD_BUFFER_ALIGNMENT;
        if( small && words < 1000 + ( alignment >> WORD_SHIFT ) * 4 ) continue;
        if( status != STATUS_OK || !plan_is_sound( &plan.image, words ) )
            return fail( "the parts of the image do not fit", plan.image.list_shift, 1u << plan.image.granule_shift,
                         words );
    }
    return 0;
}

int main( int argc, char** argv )
{
    uint32_t log2   = argc > 1 ? (uint32_t)atoi( argv[1] ) : 20;
    uint32_t most   = 1u << log2;
    size_t   heaps  = sizeof( void* ) > WORD_SIZE ? (size_t)1 << 29 : (size_t)1 << 23;
    int      failed = 0;
    for( uint32_t shift = 1; shift <= 5; shift++ )
    {
        failed += lists_are_in_order( shift, most );
        for( uint32_t granule = 1; granule <= 12; granule++ )
            failed += granules_do_not_matter( shift, granule, most );
    }
    for( uint32_t granule = 0; granule <= 10; granule++ )
        failed += blocks_are_as_large_as_needed( granule, most >> 3 );
    for( size_t alignment = 4; alignment <= 4096; alignment *= 4 )
    {
        failed += plans_are_sound( 65536, alignment, 1, most < heaps ? most : heaps );
        failed += plans_are_sound( 65536 + 4, alignment, 1, most >> 4 );
        for( size_t size = most; size <= heaps; size *= 2 )
            failed += plans_are_sound( 65536, alignment, size - 100, size + 100 <= heaps ? size + 100 : heaps );
    }
    printf( "sizes: %llu held, %d kinds did not\n", checked, failed );
    return failed != 0;
}
