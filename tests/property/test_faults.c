/*
 * Overwrites every word of a heap's structure in turn, in several ways, and goes on using the heap: nothing may be
 * written around the buffer nor, where the address sanitizer looks, read; no call may crash or fail to return; and
 * dmheap_check must find the damage. Then several words at once, of which only that is asked.
 *
 * Left out of what the check must find is what no other word contradicts: hints, failures, the heap's name, where the
 * records begin, serials, and the bit of a block that has an alignment; of limits, marks and peaks, of the table's room and
 * of the lowest mark, what is possible beside the others. See is_contradicted().
 *   test_faults [STATES]     random states (default 3)
 * Looks into the image (src/image.h), to know what is structure.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core.h"
#include "fixture.h"
#include "random.h"

enum
{
    HEAP_MOST = 2048,
    WORDS     = HEAP_MOST / WORD_SIZE,
    BLOCKS    = 40,
    PATTERNS  = BITS_OF_WORD + 3, /* each bit flipped, zeros, ones, a random word */
    AT_ONCE   = 2000              /* times that several words are overwritten at once, in each state */
};

typedef enum
{
    NOT_STRUCTURE, /* payload, stale bytes */
    UNCONTRADICTED,
    CONTROL, /* all in front of the first block */
    OF_BLOCK,
    LIVE_HEADER,
    /* of the context */
    LOWEST,
    TABLE_SIZES,
    /* of a record */
    PEAK,
    LIMIT,
    KEY
} kind_t;

typedef struct
{
    size_t size, alignment;
    bool   named;
} heap_t;

static const heap_t heaps[] = {
    { HEAP_MOST, 8, false }, { HEAP_MOST, 8, true }, { HEAP_MOST, 4, false },
    { 360, 8, false },       { 1000, 16, true },     { HEAP_MOST, 64, false },
};

static const char* const names[] = { NULL, "one", "two", "three", "four" };

static uint32_t        state = 1;
static size_t          heap_size;
static void*           blocks[BLOCKS];
static dmheap_module_t handles[2];
static unsigned char   image[HEAP_MOST];
static kind_t          kinds[WORDS];
static unsigned long   tried, found, acted;

static dmheap_context_t* context_now( void )
{
    return core_context( fixture_buffer() );
}

/* ---- Use ---- */

static bool see_block( const dmheap_block_info_t* block, void* user )
{
    (void)user;
    return block->size != SIZE_MAX;
}

static bool see_module( const dmheap_module_info_t* module, void* user )
{
    (void)user;
    return module->name[0] != '?';
}

static void look( void )
{
    dmheap_stats_t        stats;
    dmheap_module_stats_t module_stats;
    (void)dmheap_get_stats( &stats );
    (void)dmheap_get_module_stats( "one", &module_stats );
    (void)dmheap_module_get_stats( handles[0], &module_stats );
    (void)dmheap_ctx_find( "second" );
    dmheap_visit_blocks( see_block, NULL );
    dmheap_visit_modules( see_module, NULL );
}

static void keep( void** slot, void* payload )
{
    if( payload != NULL ) *slot = payload;
}

static void step( void )
{
    void**           slot   = &blocks[draw_from( &state, BLOCKS )];
    const char*      name   = names[draw_from( &state, 5 )];
    dmheap_module_t* handle = &handles[draw_from( &state, 2 )];
    size_t           size   = draw_from( &state, 60 );
    switch( draw_from( &state, 18 ) )
    {
    case 0:
    case 1:
        if( *slot == NULL ) *slot = dmheap_malloc( size, name );
        break;
    case 2:
        if( *slot == NULL ) *slot = dmheap_calloc( size, 1, name );
        break;
    case 3:
        if( *slot == NULL ) *slot = dmheap_aligned_alloc( 32, size, name );
        break;
    case 4:
        if( *slot == NULL ) *slot = dmheap_module_malloc( *handle, size );
        break;
    case 5:
    case 6:
    case 7:
        dmheap_free( *slot, false );
        *slot = NULL;
        break;
    case 8:
        if( *slot != NULL ) dmheap_module_free( *handle, *slot );
        if( *slot != NULL && dmheap_ctx_of( *slot ) == NULL ) *slot = NULL;
        break;
    case 9:
    case 10:
        if( *slot != NULL ) keep( slot, dmheap_realloc( *slot, 1 + draw_from( &state, 80 ), name ) );
        break;
    case 11:
        if( *slot != NULL ) keep( slot, dmheap_aligned_realloc( *slot, 64, 1 + draw_from( &state, 80 ), name ) );
        break;
    case 12:
        if( *slot != NULL ) keep( slot, dmheap_module_realloc( *handle, *slot, 1 + size ) );
        break;
    case 13: (void)dmheap_retag( *slot, name ); break;
    case 14:
        if( name != NULL ) (void)dmheap_rename_module( name, names[draw_from( &state, 5 )] );
        break;
    case 15:
        if( name != NULL )
            (void)dmheap_set_module_limit( name, draw_from( &state, 3 ) == 0 ? SIZE_MAX : draw_from( &state, 700 ) );
        break;
    case 16:
        if( name != NULL ) *handle = dmheap_module_open( name );
        break;
    default:
        if( draw_from( &state, 6 ) == 0 && name != NULL ) dmheap_unregister_module( name );
        if( draw_from( &state, 6 ) == 0 ) look();
        break;
    }
}

/* ---- What is structure ---- */

static void mark( size_t from, size_t bytes, kind_t kind )
{
    for( size_t i = 0; i < bytes / WORD_SIZE; i++ )
        kinds[from / WORD_SIZE + i] = kind;
}

static size_t offset_of( const void* at )
{
    return (size_t)( (const unsigned char*)at - fixture_buffer() );
}

static bool mark_block( const dmheap_block_info_t* block, void* user )
{
    size_t                  at      = offset_of( block->address );
    const dmheap_context_t* context = context_now();
    bool                    is_live = block->use == DMHEAP_BLOCK_LIVE;
    (void)user;
    mark( at - WORD_SIZE, WORD_SIZE, is_live ? LIVE_HEADER : OF_BLOCK );
    if( block->use == DMHEAP_BLOCK_FREE )
    {
        mark( at, 2 * WORD_SIZE, OF_BLOCK );
        mark( at + block->block_bytes - 2 * WORD_SIZE, WORD_SIZE, OF_BLOCK );
    }
    if( is_live && block_alignment( context, block_at( core_place( context, block->address ) ) ) != 0 )
        mark( at + block->block_bytes - 2 * WORD_SIZE, WORD_SIZE, UNCONTRADICTED );
    return true;
}

/* The table's entries, and the records that they lead to. */
static void mark_owners( const dmheap_context_t* context )
{
    if( context->table_at == 0 ) return;
    mark( context->table_at * (size_t)WORD_SIZE, context->table_room * (size_t)WORD_SIZE, UNCONTRADICTED );
    mark( context->table_at * (size_t)WORD_SIZE, context->table_span * (size_t)WORD_SIZE, OF_BLOCK );
    for( owner_t owner = OWNER_FIRST_MODULE; owner < owner_end( context ); owner++ )
    {
        const module_t* module = module_of( context, owner );
        if( module == NULL ) continue;
        size_t at = offset_of( module );
        mark( at, offsetof( module_t, name ), OF_BLOCK );
        mark( at + offsetof( holding_t, peak ), WORD_SIZE, PEAK );
        mark( at + offsetof( holding_t, ceiling ), WORD_SIZE, LIMIT );
        mark( at + offsetof( module_t, key ), WORD_SIZE, KEY );
        mark( at + offsetof( module_t, name ), ( strlen( module->name ) / WORD_SIZE + 1 ) * WORD_SIZE, UNCONTRADICTED );
    }
}

static void mark_structure( void )
{
    const dmheap_context_t* context = context_now();
    size_t                  first   = context->first * (size_t)WORD_SIZE;
    memset( kinds, 0, sizeof kinds );
    mark( 0, first, CONTROL );
    mark( offsetof( dmheap_context_t, free_lowest ), WORD_SIZE, LOWEST );
    mark( offsetof( dmheap_context_t, nobody ) + offsetof( holding_t, peak ), WORD_SIZE, PEAK );
    mark( offsetof( dmheap_context_t, failures ), WORD_SIZE, UNCONTRADICTED );
    mark( offsetof( dmheap_context_t, name ), WORD_SIZE, UNCONTRADICTED );
    mark( offsetof( dmheap_context_t, records_at ), WORD_SIZE, UNCONTRADICTED );
    mark( offsetof( dmheap_context_t, table_room ), WORD_SIZE, TABLE_SIZES );
    size_t hints   = hint_words( context ) * (size_t)WORD_SIZE;
    size_t map_end = ( context->map_at + ( image_granules( context ) >> BITS_SHIFT ) + 1u ) * WORD_SIZE;
    mark( map_end, first - WORD_SIZE - map_end, NOT_STRUCTURE ); /* padding */
    mark( first - WORD_SIZE - hints, hints, UNCONTRADICTED );
    mark( image_end( context ) * (size_t)WORD_SIZE - WORD_SIZE, WORD_SIZE, OF_BLOCK );
    dmheap_visit_blocks( mark_block, NULL );
    mark_owners( context );
    if( context->name != 0 ) mark( context->name * (size_t)WORD_SIZE, 2 * WORD_SIZE, UNCONTRADICTED );
}

/* The record that a word lies in: the word is this far from its beginning. */
static const holding_t* holding_at( const word_t* word, size_t offset )
{
    return (const holding_t*)(const void*)( (const unsigned char*)word - offset );
}

static bool is_possible( const holding_t* holding )
{
    return holding->ceiling <= CEILING_NONE && ( holding_is_leaving( holding ) || holding->peak >= holding->live );
}

/* Whether a word that was overwritten cannot be what it is beside the others. */
static bool is_contradicted( const word_t* word, uint32_t was, kind_t kind )
{
    const dmheap_context_t* context = context_now();
    dmheap_context_t        before;
    memcpy( &before, image, sizeof before );
    switch( kind )
    {
    case NOT_STRUCTURE:
    case UNCONTRADICTED: return false;
    /* whether a block has an alignment is its own word against that of a payload that may imitate one */
    case LIVE_HEADER: return ( *word ^ was ) != HEADER_ALIGNED;
    case LOWEST: return context->free_lowest > context->free_words;
    case TABLE_SIZES:
        return context->table_span != before.table_span || context->modules != before.modules ||
               context->unused != before.unused || context->table_at == 0 ||
               context->table_room < context->table_span || context->table_room > DMHEAP_MAX_MODULES ||
               context->table_room >= block_size( context, block_at( context->table_at ) );
    case PEAK: return !is_possible( holding_at( word, offsetof( holding_t, peak ) ) );
    case LIMIT: return !is_possible( holding_at( word, offsetof( holding_t, ceiling ) ) );
    case KEY: return key_owner( *word ) != key_owner( was );
    case CONTROL:
    case OF_BLOCK:
    default: return true;
    }
}

/* ---- Damage ---- */

static uint32_t damaged( uint32_t word, unsigned pattern )
{
    if( pattern < BITS_OF_WORD ) return word ^ 1u << pattern;
    return pattern == BITS_OF_WORD       ? 0
           : pattern == BITS_OF_WORD + 1 ? ~0u
                                         : word ^ ( draw_from( &state, UINT32_MAX ) | 1u );
}

/* Uses the damaged heap, and mends it. False where something was written around the buffer. */
static bool use( void )
{
    void*           kept[BLOCKS];
    dmheap_module_t kept_handles[2];
    memcpy( kept, blocks, sizeof kept );
    memcpy( kept_handles, handles, sizeof handles );
    for( unsigned i = 0; i < 40; i++ )
        step();
    look();
    (void)dmheap_check( NULL );
    acted++;
    memcpy( blocks, kept, sizeof kept );
    memcpy( handles, kept_handles, sizeof handles );
    memcpy( fixture_buffer(), image, heap_size );
    return fixture_is_valid();
}

static bool damage( unsigned at, unsigned pattern )
{
    word_t*  word      = image_word( context_now(), at );
    uint32_t was       = *word;
    *word              = damaged( was, pattern );
    bool must_be_found = *word != was && is_contradicted( word, was, kinds[at] );
    bool is_found      = dmheap_check( NULL ) != DMHEAP_CHECK_OK;
    tried += must_be_found;
    found += must_be_found && is_found;
    if( must_be_found && !is_found )
        printf( "not found: word %u of kind %d, %08lx instead of %08lx\n", at, (int)kinds[at], (unsigned long)*word,
                (unsigned long)was );
    return use();
}

/* Of the geometry, one word: the seal is a sum, and two words of it can make up for each other. */
static bool damage_several( void )
{
    bool geometry = false;
    for( unsigned count = 2 + draw_from( &state, 4 ); count != 0; count-- )
    {
        unsigned at     = draw_from( &state, (uint32_t)heap_size / WORD_SIZE );
        word_t*  word   = image_word( context_now(), at );
        bool     steers = at >= offsetof( dmheap_context_t, first ) / WORD_SIZE &&
                      at <= offsetof( dmheap_context_t, seal ) / WORD_SIZE;
        if( kinds[at] == NOT_STRUCTURE || ( steers && geometry ) ) continue;
        geometry |= steers;
        *word = draw_from( &state, 4 ) == 0 ? *image_word( context_now(), draw_from( &state, (uint32_t)heap_size / 4 ) )
                                            : damaged( *word, draw_from( &state, PATTERNS ) );
    }
    return use();
}

static bool make_heap( const heap_t* heap )
{
    heap_size = heap->size;
    memset( blocks, 0, sizeof blocks );
    memset( handles, 0, sizeof handles );
    if( !fixture_heap( heap->size, heap->alignment, 0 ) ) return false;
    if( heap->named )
    {
        dmheap_context_t* context = dmheap_ctx_init( fixture_buffer(), heap->size, heap->alignment, "second" );
        if( context == NULL || !dmheap_ctx_set_default( context, 0 ) ) return false;
    }
    fixture_fence();
    for( unsigned n = 0; n < 300; n++ )
        step();
    memcpy( image, fixture_buffer(), heap_size );
    return fixture_is_valid();
}

int main( int argc, char** argv )
{
    unsigned states = argc > 1 ? (unsigned)atoi( argv[1] ) : 3;
    for( unsigned i = 0; i < states; i++ )
    {
        if( !make_heap( &heaps[i % ( sizeof heaps / sizeof *heaps )] ) )
        {
            printf( "state %u: no heap, or it does not hold\n", i );
            return 1;
        }
        mark_structure();
        for( unsigned at = 0; at < heap_size / WORD_SIZE; at++ )
            for( unsigned pattern = 0; kinds[at] != NOT_STRUCTURE && pattern < PATTERNS; pattern++ )
                if( !damage( at, pattern ) )
                {
                    printf( "state %u, word %u, pattern %u: written around the buffer\n", i, at, pattern );
                    return 1;
                }
        for( unsigned n = 0; n < AT_ONCE; n++ )
            if( !damage_several() )
            {
                printf( "state %u, several words at once: written around the buffer\n", i );
                return 1;
            }
    }
    printf( "faults: %lu of %lu found by the check; %lu times used on, nothing written around the heap\n", found, tried,
            acted );
    return found != tried;
}
