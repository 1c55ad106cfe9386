/*
 * See model.h. A block's contents are made from a number of its own, so that a byte that another block wrote shows.
 */
#include "model.h"

#include <string.h>

#include "fixture.h"
#include "random.h"

enum
{
    BLOCKS  = 400,
    MODULES = 12 /* the last name is that of nobody */
};

typedef struct
{
    unsigned char* payload;
    size_t         size, alignment;
    unsigned       owner;
    uint32_t       pattern;
} entry_t;

static const char* const names[MODULES] = {
    "a", "net", "network", "fs", "sensor#1", "sensor#2", "a_name_of_thirty-one_characters", "x", "y", "z", "B", NULL };

static entry_t  blocks[BLOCKS];
static unsigned count;

static model_heap_t heap;
static bool         has_second;

/* Where decisions come from: a fuzzer's bytes, or where there are none a seed. */
static uint32_t       state;
static const uint8_t* bytes;
static size_t         bytes_left;

static uint32_t draw( uint32_t below )
{
    uint32_t number = 0;
    if( bytes == NULL ) return draw_from( &state, below );
    for( uint32_t most = below - 1; most != 0 && bytes_left != 0; most >>= 8, bytes_left-- )
        number = number << 8 | *bytes++;
    return number % below;
}

static size_t draw_size( void )
{
    unsigned bits = 1;
    while( (size_t)1 << ( bits + 3 ) < heap.size )
        bits++;
    size_t most = (size_t)1 << draw( bits + 1 );
    return draw( 16 ) == 0 ? 0 : draw( (uint32_t)most ) + ( draw( 4 ) != 0 );
}

static void fill( const entry_t* entry, size_t from )
{
    for( size_t i = from; i < entry->size; i++ )
        entry->payload[i] = (unsigned char)( entry->pattern + i * 7 );
}

static bool is_filled( const entry_t* entry, size_t size )
{
    for( size_t i = 0; i < size; i++ )
        if( entry->payload[i] != (unsigned char)( entry->pattern + i * 7 ) ) return false;
    return true;
}

static bool overlaps( const entry_t* entry )
{
    for( unsigned i = 0; i < count; i++ )
        if( &blocks[i] != entry && entry->payload < blocks[i].payload + blocks[i].size &&
            blocks[i].payload < entry->payload + entry->size )
            return true;
    return false;
}

static const char* placed( entry_t* entry )
{
    size_t least = entry->alignment > heap.alignment ? entry->alignment : heap.alignment;
    if( ( (uintptr_t)entry->payload & ( least - 1 ) ) != 0 ) return "a payload is not aligned";
    if( overlaps( entry ) ) return "two live blocks overlap";
    if( dmheap_usable_size( entry->payload ) < entry->size ) return "the usable size is less than what was asked for";
    return NULL;
}

/* Allocates by one of the ways that there are. */
static unsigned char* allocate_somehow( entry_t* entry )
{
    const char* name = names[entry->owner];
    switch( draw( 8 ) )
    {
    case 0:
    case 1:
        entry->alignment = (size_t)1 << draw( 10 );
        return dmheap_aligned_alloc( entry->alignment, entry->size, name );
    case 2: return dmheap_calloc( entry->size, 1, name );
    case 3:
    {
        dmheap_module_t module = dmheap_module_open( name );
        return module.context != NULL ? dmheap_module_malloc( module, entry->size ) : NULL;
    }
    default: return dmheap_malloc( entry->size, name );
    }
}

/* Whether the owner of a new block has no more than it may in that heap; a block may be a little larger than asked for,
 * where what is left would make none. */
static bool is_within_limit( const entry_t* entry )
{
    dmheap_module_stats_t stats;
    size_t                slack = heap.alignment > 16 ? heap.alignment : 16;
    return dmheap_ctx_get_module_stats( dmheap_ctx_of( entry->payload ), names[entry->owner], &stats ) &&
           ( stats.live_bytes <= stats.limit_bytes || stats.live_bytes - stats.limit_bytes < slack );
}

static const char* allocate( void )
{
    entry_t entry = { .size = draw_size(), .owner = draw( MODULES ), .alignment = 1, .pattern = ++state };
    if( count == BLOCKS ) return NULL;
    size_t largest = stats_now().largest_free_block;
    entry.payload  = allocate_somehow( &entry );
    /* only for nobody: a module's record may be what had no room */
    if( entry.payload == NULL && names[entry.owner] == NULL && entry.size <= largest && largest != 0 )
    {
        entry.alignment = 1;
        entry.payload   = dmheap_malloc( entry.size, NULL );
        if( entry.payload == NULL && !heap.may_fail )
            return "the largest free block that was reported cannot be allocated";
    }
    if( entry.payload == NULL ) return NULL;
    if( names[entry.owner] != NULL && !is_within_limit( &entry ) ) return "a limit was exceeded";
    blocks[count] = entry;
    fill( &blocks[count], 0 );
    return placed( &blocks[count++] );
}

static void drop( unsigned i )
{
    blocks[i] = blocks[--count];
}

static const char* release( void )
{
    if( count == 0 ) return NULL;
    unsigned i = draw( count );
    if( !is_filled( &blocks[i], blocks[i].size ) ) return "a block's contents changed";
    dmheap_free( blocks[i].payload, draw( 2 ) != 0 );
    drop( i );
    return NULL;
}

static const char* reallocate( void )
{
    if( count == 0 ) return NULL;
    unsigned i    = draw( count );
    entry_t* e    = &blocks[i];
    size_t   size = draw_size();
    size_t   kept = size < e->size ? size : e->size;
    if( !is_filled( e, e->size ) ) return "a block's contents changed";
    size_t alignment = e->alignment;
    void*  moved;
    if( draw( 4 ) == 0 )
    {
        alignment = (size_t)1 << draw( 8 );
        moved     = dmheap_aligned_realloc( e->payload, alignment, size, names[draw( MODULES )] );
    }
    else
        moved = dmheap_realloc( e->payload, size, names[draw( MODULES )] );
    if( size == 0 )
    {
        drop( i );
        return moved == NULL ? NULL : "realloc to size 0 returned a block";
    }
    if( moved == NULL ) return is_filled( e, e->size ) ? NULL : "a failed realloc touched the old block";
    e->payload   = moved;
    e->alignment = alignment;
    if( !is_filled( e, kept ) ) return "realloc lost contents";
    e->size = size;
    fill( e, 0 );
    return placed( e );
}

static const char* retag( void )
{
    if( count == 0 ) return NULL;
    unsigned i     = draw( count );
    unsigned owner = draw( MODULES );
    if( dmheap_retag( blocks[i].payload, names[owner] ) ) blocks[i].owner = owner;
    return NULL;
}

static const char* unregister( void )
{
    unsigned owner = draw( MODULES - 1 );
    dmheap_unregister_module( names[owner] );
    for( unsigned i = count; i-- != 0; )
        if( blocks[i].owner == owner ) drop( i );
    return NULL;
}

static bool note_owner( const dmheap_block_info_t* block, void* user )
{
    entry_t* entry = user;
    if( block->address != entry->payload ) return true;
    for( unsigned owner = 0; owner < MODULES; owner++ )
        if( strcmp( block->owner, names[owner] != NULL ? names[owner] : "" ) == 0 ) entry->owner = owner;
    return false;
}

static const char* rename_one( void )
{
    unsigned from    = draw( MODULES - 1 );
    unsigned to      = draw( MODULES );
    bool     renamed = dmheap_rename_module( names[from], names[to] );
    for( unsigned i = 0; i < count; i++ )
    {
        if( blocks[i].owner != from ) continue;
        if( renamed )
            blocks[i].owner = to;
        else if( has_second ) /* one heap may have had room for the new name where the other had none */
        {
            dmheap_visit_blocks( note_owner, &blocks[i] );
            if( blocks[i].owner != from && blocks[i].owner != to ) return "a failed rename gave a block to a stranger";
        }
    }
    return NULL;
}

static const char* limit( void )
{
    unsigned owner = draw( MODULES - 1 );
    (void)dmheap_set_module_limit( names[owner], draw( 4 ) == 0 ? draw( 2048 ) : SIZE_MAX );
    return NULL;
}

/* Brings up the second heap, or takes it down with all that is in it. */
static const char* toggle_second( void )
{
    const unsigned char* second = fixture_second_buffer();
    size_t               size   = heap.size / 2;
    if( !heap.two ) return NULL;
    if( !has_second )
    {
        dmheap_context_t* context = dmheap_ctx_init( fixture_second_buffer(), size, heap.alignment, "second" );
        has_second                = context != NULL;
        if( has_second && !dmheap_ctx_set_default( context, draw( 2 ) ) ) return "a new heap cannot be a default one";
        return NULL;
    }
    has_second = false;
    for( unsigned i = count; i-- != 0; )
        if( blocks[i].payload >= second && blocks[i].payload < second + size ) drop( i );
    return dmheap_ctx_deinit( dmheap_ctx_find( "second" ) ) ? NULL : "the second heap cannot be taken down";
}

static const char* compare_counters( void )
{
    unsigned live = 0;
    for( unsigned owner = 0; owner < MODULES - 1; owner++ )
    {
        unsigned mine = 0;
        for( unsigned i = 0; i < count; i++ )
            mine += blocks[i].owner == owner;
        if( live_blocks_of( names[owner] ) != mine ) return "a module's count of blocks is wrong";
        live += mine;
    }
    for( unsigned i = 0; i < count; i++ )
        live += names[blocks[i].owner] == NULL;
    dmheap_stats_t stats = stats_now();
    if( stats.used_blocks != live ) return "the heap's count of blocks is wrong";
    if( stats.free_bytes + stats.used_bytes + stats.overhead_bytes != stats.heap_size ) return "bytes do not add up";
    return NULL;
}

static const char* step( void )
{
    uint32_t choice = draw( 100 );
    if( choice < 40 ) return allocate();
    if( choice < 64 ) return release();
    if( choice < 86 ) return reallocate();
    if( choice < 91 ) return retag();
    if( choice < 95 ) return unregister();
    if( choice < 97 ) return rename_one();
    if( choice < 99 ) return limit();
    return toggle_second();
}

static const char* begin( model_heap_t which )
{
    heap       = which;
    count      = 0;
    has_second = false;
    return fixture_heap( heap.size, heap.alignment, heap.offset ) ? NULL : "the heap could not be made";
}

static const char* checked_step( void )
{
    const char* wrong = step();
    if( wrong == NULL ) wrong = compare_counters();
    if( wrong == NULL && !fixture_is_valid() ) wrong = "dmheap_check found a fault, or the guards are overwritten";
    return wrong;
}

/* Gives everything back. */
static const char* finish( size_t empty )
{
    for( unsigned i = 0; i < count; i++ )
        if( !is_filled( &blocks[i], blocks[i].size ) ) return "a block's contents changed";
    bytes_left = 0;
    if( has_second ) (void)toggle_second();
    while( count != 0 )
        (void)release();
    for( unsigned owner = 0; owner < MODULES - 1; owner++ )
        dmheap_unregister_module( names[owner] );
    if( !fixture_is_valid() ) return "dmheap_check found a fault at the end";
    if( stats_now().free_bytes != empty || stats_now().free_blocks != 1 ) return "not all memory came back";
    return NULL;
}

const char* model_run( uint32_t seed, unsigned steps, model_heap_t which )
{
    bytes             = NULL;
    state             = seed * 2654435761u + 1;
    const char* wrong = begin( which );
    size_t      empty = stats_now().free_bytes;
    for( unsigned i = 0; i < steps && wrong == NULL; i++ )
        wrong = checked_step();
    return wrong != NULL ? wrong : finish( empty );
}

const char* model_run_bytes( const uint8_t* from, size_t length )
{
    static const uint16_t sizes[]      = { 512, 640, 1024, 2048, 4096, 8192, 16384, 40000 };
    static const uint8_t  alignments[] = { 4, 8, 16, 64 };
    bytes                              = from;
    bytes_left                         = length;
    state                              = 1;
    model_heap_t which = { .size = sizes[draw( 8 )], .alignment = alignments[draw( 4 )], .offset = draw( 8 ) };
    which.two          = draw( 2 ) != 0;
    const char* wrong  = begin( which );
    size_t      empty  = stats_now().free_bytes;
    while( bytes_left != 0 && wrong == NULL )
        wrong = checked_step();
    return wrong != NULL ? wrong : finish( empty );
}
