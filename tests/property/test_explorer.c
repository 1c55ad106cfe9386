/*
 * Enumerates, breadth first, every state that a small heap can reach under a menu of calls. A heap is an image without
 * pointers: its state is its bytes, once what no call can see (stale bytes, counters that only grow) is made uniform.
 * After each call: dmheap_check, nothing written around the buffer, contents of all live blocks intact, sizes, owners and
 * counters as they must be.
 *   test_explorer [MOST]     MOST: states of each heap after which to stop (default 1000; 0: none)
 * May look into the image (src/image.h), to make it uniform.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fixture.h"
#include "module.h"

#ifdef EXPLORER_MOST
#define DEFAULT_MOST EXPLORER_MOST
#else
#define DEFAULT_MOST 1000
#endif

enum
{
    IMAGE_MOST  = 1024,
    BLOCKS_MOST = 32,
    SLOTS_LEAST = 1 << 16
};

typedef struct
{
    size_t      room, alignment; /* bytes that the empty heap has for blocks */
    unsigned    modules;
    const char* what;
} heap_t;

static const heap_t heaps[] = {
    { 96, 4, 1, "alignment 4, 96 bytes, one module" },      { 96, 8, 2, "alignment 8, 96 bytes, two modules" },
    { 128, 8, 1, "alignment 8, 128 bytes, one module" },    { 160, 8, 2, "alignment 8, 160 bytes, two modules" },
    { 176, 16, 2, "alignment 16, 176 bytes, two modules" },
};

static const char* const names[]   = { NULL, "a", "b" };
static const size_t      sizes[]   = { 1, 13, 29, 60 };
static const size_t      resizes[] = { 1, 29, 60 };

static size_t image_size;

/* ---- What a state is ---- */

typedef struct
{
    dmheap_block_info_t blocks[BLOCKS_MOST];
    unsigned            count;
} view_t;

static bool see_block( const dmheap_block_info_t* block, void* user )
{
    view_t* view = user;
    if( view->count < BLOCKS_MOST ) view->blocks[view->count++] = *block;
    return true;
}

static view_t view_now( void )
{
    view_t view = { .count = 0 };
    dmheap_visit_blocks( see_block, &view );
    return view;
}

/* What byte a live payload must have at an address: a function of the place, so that it is no part of the state. */
static unsigned char byte_for( const unsigned char* at )
{
    return (unsigned char)( ( at - fixture_buffer() ) * 37 + 11 );
}

static void fill( unsigned char* payload, size_t size )
{
    for( size_t i = 0; i < size; i++ )
        payload[i] = byte_for( payload + i );
}

static bool is_filled( unsigned char* payload, size_t size )
{
    for( size_t i = 0; i < size; i++ )
        if( payload[i] != byte_for( payload + i ) ) return false;
    return true;
}

static void make_record_uniform( holding_t* holding )
{
    holding->peak   = holding->live;
    holding->serial = 0;
}

/* Overwrites what no call can see. */
static void make_uniform( void )
{
    view_t            view    = view_now(); /* a heap has one block at least */
    dmheap_context_t* context = (dmheap_context_t*)(uintptr_t)view.blocks[0].context;
    context->taken -= context->released;
    context->released    = 0;
    context->failures    = 0;
    context->free_lowest = context->free_words;

    context->module_serial = 0;
    memset( image_word( context, context->hints_at ), 0, ( (size_t)1 << ( 32 - context->hint_shift ) ) * WORD_SIZE );
    make_record_uniform( &context->system );
    make_record_uniform( &context->nobody );
    for( owner_t owner = OWNER_FIRST_MODULE; owner < owner_end( context ); owner++ )
        if( module_of( context, owner ) != NULL ) make_record_uniform( holding_of( context, owner ) );
    for( unsigned i = 0; i < view.count; i++ )
    {
        unsigned char* payload = view.blocks[i].address;
        size_t         size    = view.blocks[i].size;
        if( view.blocks[i].use == DMHEAP_BLOCK_LIVE ) fill( payload, size );
        if( view.blocks[i].use == DMHEAP_BLOCK_FREE ) memset( payload + 8, 0xEE, size - 12 );
        if( view.blocks[i].use != DMHEAP_BLOCK_SYSTEM || size < sizeof( module_t ) ) continue;
        size_t used = sizeof( module_t ) + WORD_SIZE; /* names have one character */
        memset( payload + used, 0xEE, size - used );
    }
}

/* ---- The set of states seen, and the queue of those to go on from ---- */

static uint64_t*      slots; /* hashes; 0: empty */
static size_t         slot_count, states;
static unsigned char* queue;
static size_t         queue_room;

static void* must( void* memory )
{
    if( memory == NULL ) abort();
    return memory;
}

static uint64_t hash_of( const unsigned char* image )
{
    uint64_t hash = 0x9E3779B97F4A7C15u;
    for( size_t i = 0; i < image_size; i += 4 )
    {
        uint32_t word;
        memcpy( &word, image + i, 4 );
        hash = ( hash ^ word ) * 0xD6E8FEB86659FD93u;
        hash ^= hash >> 32;
    }
    return hash | 1u;
}

static bool is_new( uint64_t hash )
{
    size_t at = (size_t)hash & ( slot_count - 1 );
    while( slots[at] != 0 && slots[at] != hash )
        at = ( at + 1 ) & ( slot_count - 1 );
    if( slots[at] == hash ) return false;
    slots[at] = hash;
    return true;
}

static void make_room( void )
{
    if( states * 2 < slot_count ) return;
    uint64_t* old       = slots;
    size_t    old_count = slot_count;
    slot_count          = slot_count != 0 ? 4 * slot_count : SLOTS_LEAST;
    slots               = must( calloc( slot_count, sizeof *slots ) );
    for( size_t i = 0; i < old_count; i++ )
        if( old[i] != 0 ) (void)is_new( old[i] );
    free( old );
}

static void note_state( void )
{
    make_room();
    if( !is_new( hash_of( fixture_buffer() ) ) ) return;
    if( ( states + 1 ) * image_size > queue_room )
    {
        queue_room = 2 * ( states + 1 ) * image_size;
        queue      = must( realloc( queue, queue_room ) );
    }
    memcpy( queue + states++ * image_size, fixture_buffer(), image_size );
}

/* ---- Calls, and what must hold after them ---- */

static const char* wrong; /* NULL, or what did not hold */

static void expect( bool holds, const char* what )
{
    if( !holds && wrong == NULL ) wrong = what;
}

static const dmheap_block_info_t* find_block( const view_t* view, const void* address )
{
    for( unsigned i = 0; i < view->count; i++ )
        if( view->blocks[i].address == address && view->blocks[i].use == DMHEAP_BLOCK_LIVE ) return &view->blocks[i];
    return NULL;
}

static bool is_owner( const dmheap_block_info_t* block, const char* name )
{
    return strcmp( block->owner, name != NULL ? name : "" ) == 0;
}

/* All live blocks of `before`, but the one at `touched` and those of the module `gone`, are as they were. */
static void expect_others( const view_t* before, const view_t* after, const void* touched, const char* gone )
{
    unsigned kept = 0, live = 0;
    for( unsigned i = 0; i < before->count; i++ )
    {
        const dmheap_block_info_t* was = &before->blocks[i];
        if( was->use != DMHEAP_BLOCK_LIVE || was->address == touched ) continue;
        const dmheap_block_info_t* is = find_block( after, was->address );
        if( gone != NULL && is_owner( was, gone ) )
        {
            expect( is == NULL, "a block of an unregistered module is still there" );
            continue;
        }
        kept++;
        expect( is != NULL && is->size == was->size && strcmp( is->owner, was->owner ) == 0, "another block changed" );
        expect( is_filled( was->address, was->size ), "contents of another block changed" );
    }
    for( unsigned i = 0; i < after->count; i++ )
        live += after->blocks[i].use == DMHEAP_BLOCK_LIVE && after->blocks[i].address != touched;
    expect( live - kept <= 1, "blocks came from nowhere" );
}

static void expect_granted( const view_t* after, const unsigned char* payload, size_t size, const char* name )
{
    const dmheap_block_info_t* block = find_block( after, payload );
    expect( block != NULL && block->size >= size, "an allocation is not there, or smaller than asked for" );
    expect( block != NULL && is_owner( block, name ), "an allocation has another owner" );
}

static void try_allocate( const view_t* before, size_t alignment, size_t size, const char* name )
{
    size_t         largest = stats_now().largest_free_block;
    unsigned char* payload =
        alignment == 0 ? dmheap_malloc( size, name ) : dmheap_aligned_alloc( alignment, size, name );
    view_t after = view_now();
    expect_others( before, &after, payload, NULL );
    if( payload == NULL )
        expect( alignment != 0 || name != NULL || size > largest, "what the statistics promise was refused" );
    else
    {
        expect_granted( &after, payload, size, name );
        expect( alignment == 0 || ( (uintptr_t)payload & ( alignment - 1 ) ) == 0, "a payload is not aligned" );
    }
}

static void try_free( const view_t* before, const dmheap_block_info_t* block )
{
    dmheap_free( block->address, false );
    view_t after = view_now();
    expect_others( before, &after, block->address, NULL );
    expect( find_block( &after, block->address ) == NULL, "a freed block is still there" );
}

static void try_realloc( const view_t* before, const dmheap_block_info_t* block, size_t size )
{
    unsigned char* moved = dmheap_realloc( block->address, size, NULL );
    view_t         after = view_now();
    size_t         kept  = size < block->size ? size : block->size;
    expect_others( before, &after, block->address, NULL );
    if( moved == NULL )
    {
        expect( size > block->size, "a block could not be made smaller" );
        expect( find_block( &after, block->address ) != NULL && is_filled( block->address, block->size ),
                "a failed realloc touched its block" );
        return;
    }
    expect_granted( &after, moved, size, block->owner[0] != '\0' ? block->owner : NULL );
    for( size_t i = 0; i < kept; i++ )
        expect( moved[i] == byte_for( (unsigned char*)block->address + i ), "realloc lost contents" );
}

static void try_retag( const view_t* before, const dmheap_block_info_t* block, const char* name )
{
    bool   done  = dmheap_retag( block->address, name );
    view_t after = view_now();
    expect_others( before, &after, block->address, NULL );
    const dmheap_block_info_t* is = find_block( &after, block->address );
    expect( is != NULL && is->size == block->size && is_filled( block->address, block->size ),
            "a retag moved a block" );
    expect( is != NULL && ( done ? is_owner( is, name ) : is_owner( is, block->owner ) ), "a retag set another owner" );
}

static void try_registering( const view_t* before, const char* name, bool enter )
{
    if( enter )
        (void)dmheap_register_module( name );
    else
        dmheap_unregister_module( name );
    view_t after = view_now();
    expect_others( before, &after, NULL, enter ? NULL : name );
}

/* The n-th call of the menu in this state; false behind the last. */
static bool call( const heap_t* heap, const view_t* view, unsigned n )
{
    enum
    {
        SIZES   = sizeof sizes / sizeof *sizes,
        RESIZES = sizeof resizes / sizeof *resizes
    };
    unsigned owners = heap->modules + 1;
    if( n < SIZES * owners ) return try_allocate( view, 0, sizes[n % SIZES], names[n / SIZES] ), true;
    n -= SIZES * owners;
    if( n < owners ) return try_allocate( view, 32, 20, names[n] ), true;
    n -= owners;
    if( n < 2 * heap->modules ) return try_registering( view, names[1 + n / 2], n % 2 == 0 ), true;
    n -= 2 * heap->modules;
    unsigned a_block = 1 + RESIZES + owners;
    for( unsigned i = 0; i < view->count; i++ )
    {
        const dmheap_block_info_t* block = &view->blocks[i];
        if( block->use != DMHEAP_BLOCK_LIVE ) continue;
        if( n == 0 ) return try_free( view, block ), true;
        if( n < 1 + RESIZES ) return try_realloc( view, block, resizes[n - 1] ), true;
        if( n < a_block ) return try_retag( view, block, names[n - 1 - RESIZES] ), true;
        n -= a_block;
    }
    return false;
}

/* ---- The walk ---- */

/* The smallest heap that has this much room. */
static bool make_heap( const heap_t* heap )
{
    for( image_size = 256; image_size <= IMAGE_MOST; image_size += 4 )
        if( fixture_heap( image_size, heap->alignment, 0 ) && stats_now().free_bytes >= heap->room ) return true;
    return false;
}

static bool explore( const heap_t* heap, size_t most )
{
    size_t calls = 0, next = 0;
    wrong = NULL;
    if( !make_heap( heap ) ) return false;
    if( slots != NULL ) memset( slots, 0, slot_count * sizeof *slots );
    states = 0;
    make_uniform();
    note_state();
    for( ; next < states && ( most == 0 || next < most ) && wrong == NULL; next++ )
    {
        bool more = true;
        for( unsigned n = 0; more && wrong == NULL; n++ )
        {
            memcpy( fixture_buffer(), queue + next * image_size, image_size );
            view_t view = view_now();
            more        = call( heap, &view, n );
            if( !more ) break;
            calls++;
            expect( fixture_is_valid(), "dmheap_check found a fault, or the guards are overwritten" );
            make_uniform();
            note_state();
        }
    }
    printf( "%s: %s after %lu states, %lu calls%s%s\n", heap->what, next == states ? "all" : "stopped",
            (unsigned long)next, (unsigned long)calls, wrong != NULL ? ": " : "", wrong != NULL ? wrong : "" );
    return wrong == NULL;
}

int main( int argc, char** argv )
{
    size_t most = argc > 1 ? (size_t)strtoul( argv[1], NULL, 10 ) : DEFAULT_MOST;
    bool   held = true;
    for( unsigned i = 0; i < sizeof heaps / sizeof *heaps; i++ )
        held &= explore( &heaps[i], most );
    free( slots );
    free( queue );
    return !held;
}
