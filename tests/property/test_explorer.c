/*
 * Enumerates, breadth first, every state that a small heap can reach under a menu of calls. A heap is an image without
 * pointers: its state is its bytes, once what no call can see (stale bytes, counters that only grow) is made uniform.
 * After each call: dmheap_check, nothing written around the buffer, contents of all live blocks intact, sizes, owners and
 * counters as they must be. No refusal is taken as right: what the statistics promise, what there is room for, and what no
 * limit forbids must be granted, what a limit forbids must not, and a call that is refused has changed nothing.
 *   test_explorer [MOST]     MOST: states of each heap after which to stop (default 1000; 0: none)
 * Looks into the image (src/image.h), to make it uniform, and for what a block has room for.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core.h"
#include "fixture.h"

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
static const size_t      limits[]  = { 48, SIZE_MAX };

enum
{
    ALIGNMENT = 32 /* of aligned_alloc */
};

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

/* Overwrites what no call can see. */
static void make_uniform( void )
{
    view_t            view    = view_now(); /* a heap has one block at least */
    dmheap_context_t* context = core_context( fixture_buffer() );
    context->taken -= context->released;
    context->released    = 0;
    context->failures    = 0;
    context->free_lowest = context->free_words;

    size_t hints = hint_words( context ) * (size_t)WORD_SIZE;
    memset( (unsigned char*)block_header( context, block_at( context->first ) ) - hints, 0, hints );
    context->nobody.peak = context->nobody.live;
    for( owner_t owner = OWNER_FIRST_MODULE; owner < owner_end( context ); owner++ )
    {
        module_t* module = module_of( context, owner );
        if( module == NULL ) continue;
        module->key          = owner_key( owner, 0 );
        module->holding.peak = module->holding.live;
    }
    for( unsigned i = 0; i < view.count; i++ )
    {
        unsigned char* payload = view.blocks[i].address;
        size_t         size    = view.blocks[i].size;
        size_t         used    = sizeof( module_t ) + WORD_SIZE; /* names have one character */
        if( view.blocks[i].use == DMHEAP_BLOCK_LIVE ) fill( payload, size );
        if( view.blocks[i].use == DMHEAP_BLOCK_FREE ) memset( payload + 8, 0xEE, size - 12 );
        if( view.blocks[i].use != DMHEAP_BLOCK_SYSTEM ) continue;
        if( core_place( context, payload ) == context->table_at ) used = context->table_span * (size_t)WORD_SIZE;
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

static const char* wrong;       /* NULL, or what did not hold */
static uint64_t    hash_before; /* of the state that a call is made in */

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

static size_t free_bytes_of( const view_t* view )
{
    size_t sum = 0;
    for( unsigned i = 0; i < view->count; i++ )
        if( view->blocks[i].use == DMHEAP_BLOCK_FREE ) sum += view->blocks[i].block_bytes;
    return sum;
}

/* A call that is refused leaves the heap as it was, but for what no call can see; where it has registered a module, and
 * forgotten it again, the heap's own blocks may lie elsewhere, but take no more. */
static void expect_unchanged( const view_t* before, bool registers )
{
    view_t after = view_now();
    expect( free_bytes_of( &after ) >= free_bytes_of( before ), "something stays of a call that was refused" );
    if( registers ) return;
    make_uniform();
    expect( hash_of( fixture_buffer() ) == hash_before, "a call that was refused has changed the heap" );
}

/* ---- What may be refused ---- */

static dmheap_context_t* context_now( void )
{
    return core_context( fixture_buffer() );
}

/* What the module of this name holds, NULL: there is none. */
static const holding_t* holding_named( const char* text )
{
    name_t name;
    if( text == NULL ) return &context_now()->nobody;
    return name_make( text, &name ) ? user_holding( context_now(), owner_find( context_now(), &name ) ) : NULL;
}

/* Bytes of the smallest block with such a payload. */
static size_t block_for( size_t payload, bool aligned )
{
    return block_size_for( context_now(), payload + ( aligned ? WORD_SIZE : 0 ) ) * (size_t)WORD_SIZE;
}

/* Bytes that a free block must have for an aligned payload wherever it begins. */
static size_t room_for( size_t payload, bool aligned )
{
    return block_for( payload, aligned ) + ( aligned ? (size_t)ALIGNMENT + BLOCK_MIN_SIZE * WORD_SIZE : 0 );
}

/* Whether the owner of this name, who is known, may hold so many bytes more. */
static bool is_admitted( const char* name, size_t more )
{
    const holding_t* holding = holding_named( name );
    return holding == NULL || holding->ceiling == CEILING_NONE ||
           holding->live * (size_t)WORD_SIZE + more < holding->ceiling * (size_t)WORD_SIZE;
}

/* Bytes of the largest block that the statistics promise. */
static size_t largest_block( void )
{
    size_t largest = stats_now().largest_free_block;
    return largest != 0 ? largest + WORD_SIZE : 0;
}

/* Bytes that are enough to register a name, wherever the free memory is, beside a block of so many. */
static bool has_room_to_register( size_t beside )
{
    size_t granule = (size_t)WORD_SIZE << context_now()->granule_shift;
    size_t record  = sizeof( module_t ) + 2 * WORD_SIZE + granule;
    size_t table   = ( TABLE_FIRST_ROOM + 1 ) * (size_t)WORD_SIZE + granule;
    return largest_block() >= beside + record + table + 3 * BLOCK_MIN_SIZE * (size_t)WORD_SIZE;
}

static void try_allocate( const view_t* before, size_t alignment, size_t size, const char* name )
{
    bool aligned  = alignment != 0;
    bool is_known = holding_named( name ) != NULL;
    bool admitted = is_admitted( name, block_for( size, aligned ) );
    bool has_room =
        is_known ? largest_block() >= room_for( size, aligned ) : has_room_to_register( room_for( size, aligned ) );
    unsigned char* payload = aligned ? dmheap_aligned_alloc( alignment, size, name ) : dmheap_malloc( size, name );
    view_t         after   = view_now();
    expect_others( before, &after, payload, NULL );
    if( payload == NULL )
    {
        expect( !admitted || !has_room, "what there is room for was refused" );
        expect_unchanged( before, !is_known );
        return;
    }
    expect( admitted, "a limit was exceeded" );
    expect_granted( &after, payload, size, name );
    expect( !aligned || ( (uintptr_t)payload & ( alignment - 1 ) ) == 0, "a payload is not aligned" );
}

static void try_free( const view_t* before, const dmheap_block_info_t* block )
{
    dmheap_free( block->address, false );
    view_t after = view_now();
    expect_others( before, &after, block->address, NULL );
    expect( find_block( &after, block->address ) == NULL, "a freed block is still there" );
}

/* Bytes of the free block behind this one, 0: there is none. */
static size_t free_behind( const view_t* view, const dmheap_block_info_t* block )
{
    const unsigned char* end = (const unsigned char*)block->address + block->block_bytes;
    for( unsigned i = 0; i < view->count; i++ )
        if( view->blocks[i].address == end && view->blocks[i].use == DMHEAP_BLOCK_FREE )
            return view->blocks[i].block_bytes;
    return 0;
}

static void try_realloc( const view_t* before, const dmheap_block_info_t* block, size_t size )
{
    const char*    owner    = block->owner[0] != '\0' ? block->owner : NULL;
    block_t        inside   = block_at( core_place( context_now(), block->address ) );
    bool           aligned  = block_alignment( context_now(), inside ) != 0;
    size_t         needed   = block_for( size, aligned );
    size_t         more     = needed > block->block_bytes ? needed - block->block_bytes : 0;
    bool           admitted = more == 0 || is_admitted( owner, more );
    bool           has_room = more <= free_behind( before, block ) || largest_block() >= room_for( size, aligned );
    unsigned char* moved    = dmheap_realloc( block->address, size, NULL );
    view_t         after    = view_now();
    size_t         kept     = size < block->size ? size : block->size;
    expect_others( before, &after, block->address, NULL );
    if( moved == NULL )
    {
        expect( size > block->size, "a block could not be made smaller" );
        expect( !admitted || !has_room, "a realloc that there is room for was refused" );
        expect( find_block( &after, block->address ) != NULL && is_filled( block->address, block->size ),
                "a failed realloc touched its block" );
        expect_unchanged( before, false );
        return;
    }
    expect( admitted, "a realloc exceeded a limit" );
    expect( more > free_behind( before, block ) || moved == block->address, "a block moved that could have stayed" );
    expect_granted( &after, moved, size, owner );
    for( size_t i = 0; i < kept; i++ )
        expect( moved[i] == byte_for( (unsigned char*)block->address + i ), "realloc lost contents" );
}

static void try_retag( const view_t* before, const dmheap_block_info_t* block, const char* name )
{
    bool   stays    = is_owner( block, name );
    bool   admitted = stays || is_admitted( name, block->block_bytes );
    bool   is_known = holding_named( name ) != NULL;
    bool   has_room = is_known || has_room_to_register( 0 );
    bool   done     = dmheap_retag( block->address, name );
    view_t after    = view_now();
    expect_others( before, &after, block->address, NULL );
    const dmheap_block_info_t* is = find_block( &after, block->address );
    expect( is != NULL && is->size == block->size && is_filled( block->address, block->size ),
            "a retag moved a block" );
    expect( is != NULL && ( done ? is_owner( is, name ) : is_owner( is, block->owner ) ), "a retag set another owner" );
    expect( done || !admitted || !has_room, "a retag that nothing forbids was refused" );
    expect( !done || admitted, "a retag exceeded a limit" );
    if( !done ) expect_unchanged( before, !is_known );
}

static void try_registering( const view_t* before, const char* name, bool enter )
{
    bool is_known = holding_named( name ) != NULL;
    bool has_room = has_room_to_register( 0 );
    bool done     = true;
    if( enter )
        done = dmheap_register_module( name );
    else
        dmheap_unregister_module( name );
    view_t after = view_now();
    expect_others( before, &after, NULL, enter ? NULL : name );
    expect( done || ( !is_known && !has_room ), "a module that there is room for was not registered" );
    expect( ( holding_named( name ) != NULL ) == ( enter && done ), "a module is known that is none, or is not" );
    if( !done || enter == is_known ) expect_unchanged( before, enter && !is_known );
}

static void try_limit( const view_t* before, const char* name, size_t limit )
{
    bool                  may_fail = holding_named( name ) == NULL && !has_room_to_register( 0 );
    dmheap_module_stats_t stats;
    bool                  done  = dmheap_set_module_limit( name, limit );
    view_t                after = view_now();
    expect_others( before, &after, NULL, NULL );
    expect( done || may_fail, "a limit was refused" );
    expect( !done || ( dmheap_get_module_stats( name, &stats ) && stats.limit_bytes == limit ),
            "a limit is not what was set" );
    if( !done ) expect_unchanged( before, true );
}

/* All live blocks of `before` are there, those of `name` being `heir`'s if it was `done`. */
static void expect_renamed( const view_t* before, const view_t* after, const char* name, const char* heir, bool done )
{
    for( unsigned i = 0; i < before->count; i++ )
    {
        const dmheap_block_info_t* was = &before->blocks[i];
        const dmheap_block_info_t* is  = find_block( after, was->address );
        if( was->use != DMHEAP_BLOCK_LIVE ) continue;
        expect( is != NULL && is->size == was->size && is_filled( was->address, was->size ), "a rename lost a block" );
        if( is != NULL ) expect( is_owner( is, done && is_owner( was, name ) ? heir : was->owner ), "a wrong owner" );
    }
}

static void try_rename( const view_t* before, const char* name, const char* heir )
{
    const holding_t* holding  = holding_named( name );
    size_t           live     = holding != NULL ? holding->live * (size_t)WORD_SIZE : 0;
    bool             admitted = heir == NULL || is_admitted( heir, live );
    bool             has_room = holding_named( heir ) != NULL || has_room_to_register( 0 );
    bool             done     = dmheap_rename_module( name, heir );
    view_t           after    = view_now();
    expect_renamed( before, &after, name, heir, done );
    expect( !done || ( holding != NULL && ( live == 0 || admitted ) ), "a rename of what is none, or beyond a limit" );
    expect( done || holding == NULL || !admitted || !has_room, "a rename that nothing forbids was refused" );
    if( done ) expect( holding_named( name ) == NULL && holding_named( heir ) != NULL, "a rename left a module" );
    if( !done ) expect_unchanged( before, true );
}

/* The n-th call of the menu in this state; false behind the last. */
static bool call( const heap_t* heap, const view_t* view, unsigned n )
{
    enum
    {
        SIZES   = sizeof sizes / sizeof *sizes,
        RESIZES = sizeof resizes / sizeof *resizes,
        LIMITS  = sizeof limits / sizeof *limits
    };
    unsigned owners = heap->modules + 1;
    if( n < SIZES * owners ) return try_allocate( view, 0, sizes[n % SIZES], names[n / SIZES] ), true;
    n -= SIZES * owners;
    if( n < owners ) return try_allocate( view, ALIGNMENT, 20, names[n] ), true;
    n -= owners;
    if( n < 2 * heap->modules ) return try_registering( view, names[1 + n / 2], n % 2 == 0 ), true;
    n -= 2 * heap->modules;
    if( n < LIMITS ) return try_limit( view, names[1], limits[n] ), true;
    n -= LIMITS;
    if( n < heap->modules ) return try_rename( view, names[1], n == 0 ? NULL : names[2] ), true;
    n -= heap->modules;
    if( n == 0 ) return try_rename( view, names[2], names[1] ), true;
    n--;
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
            hash_before = hash_of( fixture_buffer() );
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
