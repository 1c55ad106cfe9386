/*
 * Overwrites every word of a heap's structure in turn, in several ways, and goes on using the heap: nothing may be
 * written around the buffer, no call may crash or fail to return, and dmheap_check must find the damage.
 *
 * Left out of the second part is the geometry, the first words of the context: every call trusts it, as it trusts the
 * registry. Left out of what the check must find are words that no other contradicts: hints, limits, marks of lowest and
 * highest use, failures, serials, and the bit of a block that has an alignment.
 *   test_faults [STATES]     random states (default 3)
 * May look into the image (src/image.h), to know what is structure.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fixture.h"
#include "module.h"
#include "random.h"

enum
{
    HEAP_SIZE = 2048,
    WORDS     = HEAP_SIZE / WORD_SIZE,
    BLOCKS    = 40,
    PATTERNS  = BITS_OF_WORD + 3 /* each bit flipped, zeros, ones, a random word */
};

typedef enum
{
    NOT_STRUCTURE, /* payload, stale bytes */
    UNCONTRADICTED,
    GEOMETRY,
    CONTROL, /* all else in front of the first block */
    OF_BLOCK
} kind_t;

static const char* const names[] = { NULL, "one", "two", "three", "four" };

static uint32_t      state = 1;
static void*         blocks[BLOCKS];
static unsigned char image[HEAP_SIZE];
static kind_t        kinds[WORDS];
static unsigned long tried, found, acted;

static void step( void )
{
    void**      slot = &blocks[draw_from( &state, BLOCKS )];
    const char* name = names[draw_from( &state, 5 )];
    switch( draw_from( &state, 12 ) )
    {
    case 0:
    case 1:
    case 2:
        if( *slot == NULL ) *slot = dmheap_malloc( draw_from( &state, 60 ), name );
        break;
    case 3:
        if( *slot == NULL ) *slot = dmheap_aligned_alloc( 32, draw_from( &state, 40 ), name );
        break;
    case 4:
    case 5:
    case 6:
        dmheap_free( *slot, false );
        *slot = NULL;
        break;
    case 7:
    case 8:
    {
        void* moved = *slot != NULL ? dmheap_realloc( *slot, 1 + draw_from( &state, 80 ), name ) : NULL;
        if( moved != NULL ) *slot = moved;
        break;
    }
    case 9: (void)dmheap_retag( *slot, name ); break;
    case 10:
        if( name != NULL ) (void)dmheap_rename_module( name, names[draw_from( &state, 5 )] );
        break;
    default:
        if( draw_from( &state, 4 ) == 0 && name != NULL ) dmheap_unregister_module( name );
        break;
    }
}

/* ---- What is structure ---- */

static void mark( size_t from, size_t bytes, kind_t kind )
{
    for( size_t i = 0; i < bytes / WORD_SIZE; i++ )
        kinds[from / WORD_SIZE + i] = kind;
}

static bool mark_block( const dmheap_block_info_t* block, void* user )
{
    size_t at = (size_t)( (unsigned char*)block->address - fixture_buffer() );
    (void)user;
    mark( at - WORD_SIZE, WORD_SIZE, OF_BLOCK );
    if( block->use == DMHEAP_BLOCK_FREE )
    {
        mark( at, 2 * WORD_SIZE, OF_BLOCK );
        mark( at + block->block_bytes - 2 * WORD_SIZE, WORD_SIZE, OF_BLOCK );
    }
    return true;
}

/* The directory's entries, and the records that they lead to. */
static void mark_owners( const dmheap_context_t* context )
{
    for( owner_t owner = OWNER_FIRST_MODULE; owner < owner_end( context ); owner++ )
    {
        mark( ( *directory_chunk( context, owner ) + (size_t)owner ) * WORD_SIZE, WORD_SIZE, OF_BLOCK );
        const holding_t* record = holding_of( context, owner );
        if( record == NULL ) continue;
        size_t at = (size_t)( (const unsigned char*)record - fixture_buffer() );
        mark( at, offsetof( module_t, name ), OF_BLOCK );
        mark( at + offsetof( holding_t, peak ), 2 * WORD_SIZE, UNCONTRADICTED );
        mark( at + offsetof( holding_t, leaving ), WORD_SIZE, UNCONTRADICTED );
    }
}

static void mark_structure( void )
{
    const dmheap_context_t* context = (const dmheap_context_t*)(const void*)fixture_buffer();
    size_t                  first   = context->first * (size_t)WORD_SIZE;
    memset( kinds, 0, sizeof kinds );
    mark( 0, offsetof( dmheap_context_t, list_summary ), GEOMETRY );
    mark( offsetof( dmheap_context_t, list_summary ), first - offsetof( dmheap_context_t, list_summary ), CONTROL );
    mark( offsetof( dmheap_context_t, free_lowest ), WORD_SIZE, UNCONTRADICTED );
    mark( offsetof( dmheap_context_t, failures ), 2 * WORD_SIZE, UNCONTRADICTED ); /* and the name, which is none */
    mark( offsetof( dmheap_context_t, module_count ), WORD_SIZE, UNCONTRADICTED ); /* with the last serial */
    mark( offsetof( dmheap_context_t, system.peak ), WORD_SIZE, UNCONTRADICTED );
    mark( offsetof( dmheap_context_t, nobody.peak ), WORD_SIZE, UNCONTRADICTED );
    mark( context->hints_at * (size_t)WORD_SIZE, ( context->directory_at - context->hints_at ) * (size_t)WORD_SIZE,
          UNCONTRADICTED );
    size_t map_end = context->map_at + ( context->granules >> 5 ) + 1; /* up to the first block's header: padding */
    mark( map_end * WORD_SIZE, first - WORD_SIZE - map_end * WORD_SIZE, NOT_STRUCTURE );
    size_t chunk = context->directory_at + context->owner_bits - 1u; /* whose second entry may be stale */
    if( context->owner_span == 1 ) mark( ( chunk + 1 ) * WORD_SIZE, WORD_SIZE, NOT_STRUCTURE );
    dmheap_visit_blocks( mark_block, NULL );
    mark_owners( context );
}

/* ---- Damage ---- */

static uint32_t damaged( uint32_t word, unsigned pattern )
{
    if( pattern < BITS_OF_WORD ) return word ^ 1u << pattern;
    return pattern == BITS_OF_WORD       ? 0
           : pattern == BITS_OF_WORD + 1 ? ~0u
                                         : word ^ ( draw_from( &state, UINT32_MAX ) | 1u );
}

/* False where something was written around the buffer. */
static bool damage( unsigned at, unsigned pattern )
{
    word_t*  word = (word_t*)(void*)fixture_buffer() + at;
    void*    kept[BLOCKS];
    uint32_t was = *word;
    *word        = damaged( was, pattern );
    /* whether a block has an alignment is its own word against that of a payload that may imitate one */
    bool imitated   = kinds[at] == OF_BLOCK && ( *word ^ was ) == HEADER_ALIGNED;
    bool structural = kinds[at] != UNCONTRADICTED && *word != was && !imitated;
    bool is_found   = dmheap_check( NULL ) != DMHEAP_CHECK_OK;
    tried += structural;
    found += structural && is_found;
    if( structural && !is_found )
        printf( "not found: word %u of kind %d, %08lx instead of %08lx\n", at, (int)kinds[at], (unsigned long)*word,
                (unsigned long)was );
    memcpy( kept, blocks, sizeof kept );
    if( kinds[at] != GEOMETRY )
    {
        acted++;
        for( unsigned i = 0; i < 40; i++ )
            step();
        (void)dmheap_check( NULL );
    }
    memcpy( blocks, kept, sizeof kept );
    memcpy( fixture_buffer(), image, HEAP_SIZE );
    return fixture_is_valid();
}

int main( int argc, char** argv )
{
    unsigned states = argc > 1 ? (unsigned)atoi( argv[1] ) : 3;
    for( unsigned i = 0; i < states; i++ )
    {
        if( !fixture_heap( HEAP_SIZE, i % 3 == 2 ? 4 : 8, 0 ) ) return 1;
        memset( blocks, 0, sizeof blocks );
        for( unsigned n = 0; n < 300; n++ )
            step();
        if( !fixture_is_valid() ) return 1;
        memcpy( image, fixture_buffer(), HEAP_SIZE );
        mark_structure();
        for( unsigned at = 0; at < WORDS; at++ )
            for( unsigned pattern = 0; kinds[at] != NOT_STRUCTURE && pattern < PATTERNS; pattern++ )
                if( !damage( at, pattern ) )
                {
                    printf( "state %u, word %u, pattern %u: written around the buffer\n", i, at, pattern );
                    return 1;
                }
    }
    printf( "faults: %lu of %lu found by the check; %lu times used on, nothing written around the heap\n", found, tried,
            acted );
    return found != tried;
}
