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
static uint32_t state;
static size_t   heap_alignment;

static size_t draw_size( size_t heap )
{
    unsigned bits = 1;
    while( (size_t)1 << ( bits + 3 ) < heap )
        bits++;
    size_t most = (size_t)1 << draw_from( &state, bits + 1 );
    return draw_from( &state, 16 ) == 0 ? 0 : draw_from( &state, (uint32_t)most ) + ( draw_from( &state, 4 ) != 0 );
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
    size_t least = entry->alignment > heap_alignment ? entry->alignment : heap_alignment;
    if( ( (uintptr_t)entry->payload & ( least - 1 ) ) != 0 ) return "a payload is not aligned";
    if( overlaps( entry ) ) return "two live blocks overlap";
    if( dmheap_usable_size( entry->payload ) < entry->size ) return "the usable size is less than what was asked for";
    return NULL;
}

static const char* allocate( size_t heap )
{
    entry_t entry = {
        .size = draw_size( heap ), .owner = draw_from( &state, MODULES ), .alignment = 1, .pattern = state };
    if( count == BLOCKS ) return NULL;
    size_t largest = stats_now().largest_free_block;
    if( draw_from( &state, 4 ) == 0 )
    {
        entry.alignment = (size_t)1 << draw_from( &state, 10 );
        entry.payload   = dmheap_aligned_alloc( entry.alignment, entry.size, names[entry.owner] );
    }
    else
    {
        entry.payload = dmheap_malloc( entry.size, names[entry.owner] );
        /* a module's record may be what had no room */
        if( entry.payload == NULL && names[entry.owner] == NULL && entry.size <= largest && largest != 0 )
            return "the largest free block that was reported cannot be allocated";
    }
    if( entry.payload == NULL ) return NULL;
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
    unsigned i = draw_from( &state, count );
    if( !is_filled( &blocks[i], blocks[i].size ) ) return "a block's contents changed";
    dmheap_free( blocks[i].payload, draw_from( &state, 2 ) );
    drop( i );
    return NULL;
}

static const char* reallocate( size_t heap )
{
    if( count == 0 ) return NULL;
    unsigned i    = draw_from( &state, count );
    entry_t* e    = &blocks[i];
    size_t   size = draw_size( heap );
    size_t   kept = size < e->size ? size : e->size;
    if( !is_filled( e, e->size ) ) return "a block's contents changed";
    size_t alignment = e->alignment;
    void*  moved;
    if( draw_from( &state, 4 ) == 0 )
    {
        alignment = (size_t)1 << draw_from( &state, 8 );
        moved     = dmheap_aligned_realloc( e->payload, alignment, size, names[draw_from( &state, MODULES )] );
    }
    else
        moved = dmheap_realloc( e->payload, size, names[draw_from( &state, MODULES )] );
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
    unsigned i     = draw_from( &state, count );
    unsigned owner = draw_from( &state, MODULES );
    if( dmheap_retag( blocks[i].payload, names[owner] ) ) blocks[i].owner = owner;
    return NULL;
}

static const char* unregister( void )
{
    unsigned owner = draw_from( &state, MODULES - 1 );
    dmheap_unregister_module( names[owner] );
    for( unsigned i = count; i-- != 0; )
        if( blocks[i].owner == owner ) drop( i );
    return NULL;
}

static const char* rename_one( void )
{
    unsigned from = draw_from( &state, MODULES - 1 );
    unsigned to   = draw_from( &state, MODULES );
    if( dmheap_rename_module( names[from], names[to] ) )
        for( unsigned i = 0; i < count; i++ )
            if( blocks[i].owner == from ) blocks[i].owner = to;
    return NULL;
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

static const char* step( size_t heap )
{
    uint32_t choice = draw_from( &state, 100 );
    if( choice < 40 ) return allocate( heap );
    if( choice < 65 ) return release();
    if( choice < 88 ) return reallocate( heap );
    if( choice < 94 ) return retag();
    if( choice < 98 ) return unregister();
    return rename_one();
}

const char* model_run( uint32_t seed, unsigned steps, size_t size, size_t alignment, size_t offset )
{
    state          = seed * 2654435761u + 1;
    count          = 0;
    heap_alignment = alignment;
    if( !fixture_heap( size, alignment, offset ) ) return "the heap could not be made";
    size_t empty = stats_now().free_bytes;
    for( unsigned i = 0; i < steps; i++ )
    {
        const char* wrong = step( size );
        if( wrong == NULL ) wrong = compare_counters();
        if( wrong != NULL ) return wrong;
        if( !fixture_is_valid() ) return "dmheap_check found a fault, or the guards are overwritten";
    }
    for( unsigned i = 0; i < count; i++ )
        if( !is_filled( &blocks[i], blocks[i].size ) ) return "a block's contents changed";
    while( count != 0 )
        (void)release();
    for( unsigned owner = 0; owner < MODULES - 1; owner++ )
        dmheap_unregister_module( names[owner] );
    if( !fixture_is_valid() ) return "dmheap_check found a fault at the end";
    if( stats_now().free_bytes != empty || stats_now().free_blocks != 1 ) return "not all memory came back";
    return NULL;
}
