/*
 * A reader of images: the library itself, private to this unit, looks at a copy of a heap. Compiled once for each way in which
 * builds of the library lay blocks out: READER is its name, READER_POINTER the bytes of a caller's address where there is a
 * guard. May not trust a word of the image; what the library promises of damaged heaps is what it rests on.
 */
#define DMHEAP_DONT_IMPLEMENT_DMOD_API
#define DMHEAP_NAME_SIZE 255
#if READER_POINTER == 4
#define GUARD_POINTER uint32_t
#else
#define GUARD_POINTER uint64_t
#endif

#pragma GCC diagnostic ignored "-Wunused-function" /* nobody allocates here */
#include "dmheap.c"
#include "show.c"

#include "reader.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

_Static_assert( (int)READER_MAGIC == (int)IMAGE_MAGIC && (int)READER_VERSION == (int)IMAGE_VERSION &&
                    (int)READER_HEAD_WORDS == (int)CONTEXT_WORDS && (int)READER_NAME_SIZE == (int)DMHEAP_NAME_SIZE,
                "who looks for heaps knows what they begin with" );

/* Where the parts of the context lie, in words. */
enum
{
    GEOMETRY = offsetof( dmheap_context_t, first ) / WORD_SIZE,
    LISTS    = offsetof( dmheap_context_t, list_at ) / WORD_SIZE,
    SHIFTS   = offsetof( dmheap_context_t, list_shift ) / WORD_SIZE,
    SEAL     = offsetof( dmheap_context_t, seal ) / WORD_SIZE,
    TABLE    = offsetof( dmheap_context_t, table_room ) / WORD_SIZE
};

static dmheap_context_t* context_of( const image_t* image )
{
    return (dmheap_context_t*)(void*)image->words;
}

/* The heap that the library's code knows of from now on. */
static dmheap_context_t* use( const image_t* image )
{
    memset( &registry, 0, sizeof registry );
    registry.heap[0] = context_of( image );
    return registry.heap[0];
}

static layout_t layout( uint32_t word )
{
    return ( layout_t ){ .version      = word >> 26,
                         .owner_bits   = word >> 16 & 0xff,
                         .most_modules = word >> 8 & 0xff,
                         .name_size    = word & 0xff,
                         .big_endian   = ( word >> 25 & 1 ) != 0,
                         .guard        = ( word >> 24 & 1 ) != 0 };
}

/* ---- Byte order ---- */

/* Of a context whose words were swapped one by one: puts right what is smaller than a word. The seal is a sum, in which
 * that shows as it does in the words: a wrong one stays as wrong. */
static void head_in_order( image_word_t* head )
{
    uint32_t lists  = head[LISTS] << 16 | head[LISTS] >> 16;
    uint32_t shifts = __builtin_bswap32( head[SHIFTS] );
    head[SEAL] ^= head[LISTS] ^ lists ^ head[SHIFTS] ^ shifts;
    head[LISTS]  = lists;
    head[SHIFTS] = shifts;
    head[TABLE]  = __builtin_bswap32( head[TABLE] );
}

/* Words that are bytes again; each only once, whatever leads to it. */
typedef struct
{
    image_word_t* words;
    uint32_t*     done; /* a bit for each */
} bytes_t;

static void back_to_bytes( const bytes_t* bytes, uint32_t at )
{
    if( ( bytes->done[at >> BITS_SHIFT] & bit_of( at ) ) != 0 ) return;
    bytes->done[at >> BITS_SHIFT] |= bit_of( at );
    bytes->words[at] = __builtin_bswap32( bytes->words[at] );
}

static void text_in_order( const dmheap_context_t* context, const bytes_t* bytes, uint32_t at )
{
    uint32_t end = image_end( context ) - 1;
    for( unsigned length = 0; at < end && length < DMHEAP_NAME_SIZE; length += WORD_SIZE, at++ )
    {
        uint32_t word = bytes->words[at];
        back_to_bytes( bytes, at );
        /* a byte of 0 in it ends the name */
        if( ( ( word - 0x01010101u ) & ~word & 0x80808080u ) != 0 ) return;
    }
}

/* The names, and where there is a guard what it compares bytes of. */
static bool bytes_in_order( dmheap_context_t* context, image_word_t* words )
{
    uint32_t end   = image_end( context );
    bytes_t  bytes = { words, calloc( ( end >> BITS_SHIFT ) + 1u, sizeof( uint32_t ) ) };
    if( bytes.done == NULL ) return false;
    for( owner_t owner = OWNER_FIRST_MODULE; owner < owner_end( context ); owner++ )
    {
        const module_t* module = module_of( context, owner );
        if( module != NULL ) text_in_order( context, &bytes, module_block( context, module ).at + MODULE_WORDS );
    }
    if( block_in_heap( context, context->name ) ) text_in_order( context, &bytes, context->name );
#ifdef DMHEAP_GUARD
    block_t block = block_at( context->first );
    while( block.at < end )
    {
        if( !block_next_live( context, &block, 1 ) ) continue;
        uint32_t behind = trailer( context, block );
        if( block_owner( context, block ) >= OWNER_NOBODY && behind != 0 )
        {
            for( uint32_t at = block.at; at < behind; at++ )
                back_to_bytes( &bytes, at );
            if( sizeof( GUARD_POINTER ) > WORD_SIZE &&
                ( bytes.done[( behind + 1 ) >> BITS_SHIFT] & bit_of( behind + 1 ) ) == 0 )
            {
                uint32_t high     = words[behind + 1];
                words[behind + 1] = words[behind + 2];
                words[behind + 2] = high;
                bytes.done[( behind + 1 ) >> BITS_SHIFT] |= bit_of( behind + 1 );
            }
        }
        block.at += 1u << context->granule_shift;
    }
#endif
    free( bytes.done );
    return true;
}

static size_t size( const uint32_t* head, bool swapped )
{
    dmheap_context_t context;
    memcpy( &context, head, sizeof context );
    if( swapped ) head_in_order( (image_word_t*)(void*)&context );
    return image_is_sealed( &context ) && image_end( &context ) < 1u << 30 ? image_end( &context ) : 0;
}

/* ---- Mending what says where everything lies ---- */

/* Whether a heap of this size and granule, made anew here, would have this geometry. */
static bool geometry_agrees( dmheap_context_t* context, size_t count )
{
    context_plan_t plan;
    uint32_t       end     = image_end( context );
    uint32_t       granule = 1u << ( context->granule_shift & ( BITS_OF_WORD - 1 ) );
    return end >= CONTEXT_WORDS && end <= count && end < 1u << 30 &&
           context_plan( context, bytes( end ), bytes( granule ), &plan ) == STATUS_OK && plan.context == context &&
           memcmp( &context->first, &plan.image.first, bytes( SEAL - GEOMETRY ) ) == 0;
}

/* One word is overwritten: the seal tells what it was, if it is told which. */
static bool mend_by_seal( image_t* image )
{
    static const char* const parts[] = { "the place of the first block", "the size", "the places of the lists",
                                         "the shifts", "the seal" };
    dmheap_context_t*        context = context_of( image );
    uint32_t                 wrong   = image_seal( context ) ^ context->seal;
    for( unsigned at = GEOMETRY; at <= SEAL; at++ )
    {
        image->words[at] ^= wrong;
        if( geometry_agrees( context, image->count ) )
        {
            (void)snprintf( image->note, sizeof image->note,
                            "%s in its control data is overwritten, and known all the same", parts[at - GEOMETRY] );
            return true;
        }
        image->words[at] ^= wrong;
    }
    return false;
}

/* Where blocks that follow each other from this place on end with an end mark; 0: nowhere. */
static uint32_t blocks_end( const image_word_t* words, size_t count, uint32_t at, uint32_t* steps )
{
    bool before = false;
    for( ; *steps != 0; --*steps )
    {
        uint32_t header = words[at - 1];
        uint32_t size   = header >> HEADER_SIZE_SHIFT;
        if( ( ( header & HEADER_PREVIOUS_FREE ) != 0 ) != before ) return 0;
        if( size == 0 ) return header_owner( header ) == OWNER_SYSTEM ? at : 0;
        if( size < BLOCK_MIN_SIZE || size > count - at ) return 0;
        before = header_is_free( header );
        at += size;
        if( before && words[at - 2] != header ) return 0;
    }
    return 0;
}

/* More than one is: the blocks, from header to header, tell where the first and the last one are. */
static bool mend_by_walk( image_t* image )
{
    dmheap_context_t* context = context_of( image );
    uint32_t          steps   = 1u << 26;
    uint32_t          last    = (uint32_t)( image->count / 8 + CONTEXT_WORDS + 512 );
    for( uint32_t at = CONTEXT_WORDS + 2; at < last && at < image->count; at++ )
    {
        uint32_t end = blocks_end( image->words, image->count, at, &steps );
        for( uint32_t granule = WORD_SIZE; end > at && granule <= 1u << 16 && bytes( end ) >= granule; granule <<= 1 )
        {
            context_plan_t plan;
            if( context_plan( context, bytes( end ), granule, &plan ) != STATUS_OK || plan.image.first != at ||
                image_end( &plan.image ) != end )
                continue;
            memcpy( &context->first, &plan.image.first, bytes( SEAL + 1 - GEOMETRY ) );
            (void)snprintf( image->note, sizeof image->note,
                            "its control data is overwritten; where it lies is taken from its blocks" );
            return true;
        }
    }
    return false;
}

/* Whether there is more of a heap than its control data: a copy of that may lie anywhere. */
static bool has_blocks( const dmheap_context_t* context )
{
    block_t  first  = block_at( context->first );
    block_t  end    = block_at( image_end( context ) );
    uint32_t header = *block_header( context, first );
    uint32_t size   = header_size( context, header );
    uint32_t mark   = *block_header( context, end ) & ~(uint32_t)HEADER_PREVIOUS_FREE;
    if( mark == header_of( context, OWNER_SYSTEM, 0 ) ) return true;
    if( !block_fits( context, first, size ) ) return false;
    return header_is_free( header ) ? *block_foot_before( context, block_at( first.at + size ) ) == header
                                    : map_get( context, 0 );
}

static bool open( image_t* image, bool forced )
{
    dmheap_context_t* context = context_of( image );
    image->note[0]            = '\0';
    if( image->count < CONTEXT_WORDS ) return false;
    if( image->swapped ) head_in_order( image->words );
    context->magic  = IMAGE_MAGIC;
    context->layout = IMAGE_LAYOUT;
    if( !image_is_sealed( context ) || !geometry_agrees( context, image->count ) )
    {
        image->damaged = true;
        if( !mend_by_seal( image ) && !mend_by_walk( image ) ) return false;
    }
    if( !forced && !has_blocks( context ) ) return false;
    image->count = image_end( context );
    return !image->swapped || bytes_in_order( context, image->words );
}

/* ---- Looking ---- */

static uint64_t address_of( const image_t* image, const void* inside )
{
    return image->address + ( (uintptr_t)inside - (uintptr_t)image->words );
}

static const char* check( image_t* image, uint64_t* where )
{
    static const char* const faults[] = {
        [DMHEAP_CHECK_OK]              = NULL,
        [DMHEAP_CHECK_NOT_INITIALIZED] = "there is no heap here",
        [DMHEAP_CHECK_GEOMETRY]        = "its control data is overwritten",
        [DMHEAP_CHECK_HEADER]          = "a block's header is overwritten",
        [DMHEAP_CHECK_NEIGHBOUR]       = "a block and its neighbour contradict each other",
        [DMHEAP_CHECK_FOOT]            = "a free block's end is overwritten",
        [DMHEAP_CHECK_FREE_LIST]       = "a free block is not in the list that it belongs in",
        [DMHEAP_CHECK_INDEX]           = "the lists of free blocks are overwritten",
        [DMHEAP_CHECK_OWNER]           = "a block's owner does not exist",
        [DMHEAP_CHECK_MODULE]          = "the figures or the record of a module are overwritten",
        [DMHEAP_CHECK_COUNTERS]        = "the heap's counters are not what its blocks add up to",
        [DMHEAP_CHECK_GUARD]           = "written behind the end of a block, or to free memory",
    };
    const void*    at    = NULL;
    dmheap_check_t found = check_context( use( image ), &at );
    *where               = at != NULL ? address_of( image, at ) : 0;
    return (size_t)found < sizeof faults / sizeof *faults ? faults[found] : "it is damaged";
}

static size_t guarded( image_t* image )
{
    const dmheap_context_t* context = context_of( image );
    block_t                 block   = block_at( context->first );
    size_t                  count   = 0;
    while( block.at < image_end( context ) )
    {
        if( !block_next_live( context, &block, 1 ) ) continue;
        count += block_owner( context, block ) >= OWNER_NOBODY && guard_live_holds( context, block );
        block.at += 1u << context->granule_shift;
    }
    return count;
}

static uint64_t residue( image_t* image, uint64_t known )
{
    const dmheap_context_t* context = context_of( image );
    block_t                 block   = block_at( context->first );
    size_t                  most    = bytes( 1u << context->granule_shift );
    while( block.at < image_end( context ) )
    {
        if( !block_next_live( context, &block, 1 ) ) continue;
        size_t alignment = block_alignment( context, block );
        if( alignment > most && alignment <= (size_t)1 << 24 )
        {
            most  = alignment;
            known = ( 0 - bytes( block.at ) ) & ( alignment - 1 );
        }
        block.at += 1u << context->granule_shift;
    }
    return known;
}

static void figures( image_t* image, figures_t* all )
{
    dmheap_stats_t stats = { 0 };
    (void)get_stats( use( image ), &stats );
    *all = ( figures_t ){ stats.heap_size, stats.used_bytes, stats.overhead_bytes, stats.free_bytes,
                          stats.largest_free_block };
}

typedef struct
{
    image_t* image;
    void ( *block )( const block_info_t* block, void* user );
    void ( *module )( const module_info_t* module, void* user );
    void* user;
} visit_t;

static bool pass_block( const dmheap_block_info_t* info, void* user )
{
    static const block_use_t uses[] = { [DMHEAP_BLOCK_FREE]   = BLOCK_FREE,
                                        [DMHEAP_BLOCK_LIVE]   = BLOCK_LIVE,
                                        [DMHEAP_BLOCK_SYSTEM] = BLOCK_OWN,
                                        [DMHEAP_BLOCK_MOVING] = BLOCK_MOVING };
    const visit_t*           visit  = user;
    const word_t*            header = (const word_t*)info->address - 1;
    block_info_t             block  = { .address = address_of( visit->image, info->address ),
                                        .caller  = (uintptr_t)info->caller,
                                        .bytes   = info->block_bytes,
                                        .size    = info->size,
                                        .use     = uses[info->use],
                                        .nobody  = header_owner( *header ) == OWNER_NOBODY,
                                        .owner   = info->owner };
    visit->block( &block, visit->user );
    return true;
}

static void blocks( image_t* image, void ( *visit )( const block_info_t* block, void* user ), void* user )
{
    visit_t all = { .image = image, .block = visit, .user = user };
    (void)visit_blocks( use( image ), pass_block, &all );
}

static void pass_holding( const visit_t* visit, const dmheap_module_stats_t* stats, const char* name, bool nobody )
{
    module_info_t info = { .name    = name,
                           .nobody  = nobody,
                           .bytes   = stats->live_bytes,
                           .blocks  = stats->live_blocks,
                           .peak    = stats->peak_bytes,
                           .limited = stats->limit_bytes != SIZE_MAX,
                           .limit   = stats->limit_bytes };
    visit->module( &info, visit->user );
}

static bool pass_module( const dmheap_module_info_t* info, void* user )
{
    pass_holding( user, &info->stats, info->name, false );
    return true;
}

static void modules( image_t* image, void ( *visit )( const module_info_t* module, void* user ), void* user )
{
    visit_t               all     = { .image = image, .module = visit, .user = user };
    dmheap_context_t*     context = use( image );
    dmheap_module_stats_t nobody  = { 0 };
    add_holding( &context->nobody, &nobody );
    pass_holding( &all, &nobody, "", true );
    (void)visit_modules( context, pass_module, &all );
}

static void names( image_t* image, void ( *visit )( uint64_t key, const char* name, void* user ), void* user )
{
    char              name[DMHEAP_NAME_SIZE];
    dmheap_context_t* context = use( image );
    for( owner_t owner = OWNER_FIRST_MODULE; owner < owner_end( context ); owner++ )
    {
        const module_t* module = module_of( context, owner );
        if( module == NULL ) continue;
        owner_name( context, owner, name );
        visit( module->key, name, user );
    }
}

/* ---- Showing ---- */

static show_t show_of( image_t* image, const sink_t* sink )
{
    return ( show_t ){ .print   = sink->print,
                       .place   = sink->place,
                       .user    = sink->user,
                       .context = use( image ),
                       .address = image->address,
                       .json    = sink->json };
}

static void report_shown( image_t* image, const sink_t* sink )
{
    show_t show = show_of( image, sink );
    show_report( &show );
}

static void modules_shown( image_t* image, const sink_t* sink )
{
    show_t show = show_of( image, sink );
    show_modules( &show );
}

static void blocks_shown( image_t* image, const sink_t* sink, const char* module )
{
    show_t show = show_of( image, sink );
    show_blocks( &show, module );
}

static void map_shown( image_t* image, const sink_t* sink )
{
    show_t show = show_of( image, sink );
    show_map( &show );
}

/* The one of these blocks that has this payload. */
typedef struct
{
    show_t*     show;
    const void* payload;
} wanted_t;

static bool show_wanted( const dmheap_block_info_t* info, void* user )
{
    const wanted_t* wanted = user;
    if( info->address != wanted->payload ) return true;
    show_block( wanted->show, info );
    return false;
}

static void block_shown( image_t* image, const sink_t* sink, uint64_t address )
{
    show_t   show   = show_of( image, sink );
    wanted_t wanted = { &show, (const char*)image->words + ( address - image->address ) };
    (void)visit_blocks( show.context, show_wanted, &wanted );
}

const reader_t READER = { .owner_bits    = OWNER_BITS,
                          .guard         = IMAGE_GUARD != 0,
                          .pointer       = READER_POINTER,
                          .layout        = layout,
                          .size          = size,
                          .open          = open,
                          .check         = check,
                          .guarded       = guarded,
                          .residue       = residue,
                          .figures       = figures,
                          .blocks        = blocks,
                          .modules       = modules,
                          .names         = names,
                          .show_report   = report_shown,
                          .show_modules  = modules_shown,
                          .show_blocks   = blocks_shown,
                          .show_block_at = block_shown,
                          .show_map      = map_shown };
