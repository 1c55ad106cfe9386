/*
 * The context-first generation of the API: its functions, and what it promises of heaps that are removed from the default ones,
 * or left behind.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#include <cmocka.h>

#include "fixture.h"

enum
{
    SIZE  = 4096,
    HEAPS = DMHEAP_MAX_CONTEXTS + 1
};

static _Alignas( 64 ) unsigned char memory[HEAPS][SIZE];

static dmheap_context_t* heap( unsigned number )
{
    dmheap_context_t* made = dmheap_init( memory[number], SIZE, 8 );
    assert_non_null( made );
    return made;
}

static int teardown( void** state )
{
    (void)state;
    for( dmheap_context_t* context; ( context = dmheap_get_default_context() ) != NULL; )
    {
        const void* where;
        if( dmheap_ctx_check( context, &where ) != DMHEAP_CHECK_OK ) return -1;
        dmheap_ctx_deinit( context );
    }
    for( unsigned i = 0; i < HEAPS; i++ )
        (void)dmheap_ctx_deinit( (dmheap_context_t*)(void*)memory[i] ); /* those that are no default ones */
    bool locked = fixture_is_locked() || fixture_logged_while_locked();
    (void)fixture_log();
    return locked ? -1 : 0;
}

static size_t blocks_in( dmheap_context_t* context )
{
    dmheap_stats_t stats = { 0 };
    assert_true( dmheap_get_stats( context, &stats ) );
    return stats.used_block_count;
}

static bool knows( dmheap_context_t* context, const char* module )
{
    dmheap_module_stats_t stats;
    return dmheap_ctx_get_module_stats( context, module, &stats );
}

/* Takes all that a heap can give to one owner. */
static void fill( dmheap_context_t* context, const char* module )
{
    for( size_t size = SIZE; size != 0; size = size > 8 ? size / 2 : size - 1 )
        while( dmheap_malloc( context, size, module ) != NULL )
        {
        }
}

/* ---- Heaps and their order ---- */

static void init_returns_the_heap_and_keeps_those_before( void** state )
{
    (void)state;
    assert_null( dmheap_get_default_context() );
    assert_false( dmheap_is_initialized( NULL ) );
    dmheap_context_t* first = heap( 0 );
    void*             block = dmheap_malloc( first, 10, "m" );
    dmheap_context_t* other = heap( 1 );
    assert_ptr_not_equal( first, other );
    assert_true( dmheap_is_initialized( NULL ) );
    assert_true( dmheap_is_initialized( first ) );
    assert_true( dmheap_is_initialized( other ) );
    assert_false( dmheap_is_initialized( (dmheap_context_t*)(void*)memory[2] ) );
    assert_int_equal( blocks_in( first ), 1 );
    dmheap_free( first, block, false );
}

static void init_refuses_what_is_no_buffer( void** state )
{
    (void)state;
    assert_null( dmheap_init( NULL, SIZE, 8 ) );
    assert_null( dmheap_init( memory[0], 16, 8 ) );
    assert_null( dmheap_init( memory[0], SIZE, 3 ) );
    assert_int_equal( dmheap_get_default_context_count(), 0 );
    assert_int_equal( fixture_logged( "[ERROR]" ), 3 );
}

static void an_index_counts_from_the_heap_added_first( void** state )
{
    (void)state;
    dmheap_context_t* one = heap( 0 );
    dmheap_context_t* two = heap( 1 );
    assert_int_equal( dmheap_get_default_context_count(), 2 );
    assert_ptr_equal( dmheap_get_default_context(), one );
    assert_ptr_equal( dmheap_get_default_context_at( 0 ), one );
    assert_ptr_equal( dmheap_get_default_context_at( 1 ), two );
    assert_null( dmheap_get_default_context_at( 2 ) );
    assert_null( dmheap_get_default_context_at( SIZE_MAX ) );
}

static void the_heap_added_last_is_searched_first( void** state )
{
    (void)state;
    dmheap_context_t* one = heap( 0 );
    dmheap_context_t* two = heap( 1 );
    assert_ptr_equal( dmheap_ctx_of( dmheap_malloc( NULL, 10, "m" ) ), two );
    assert_ptr_equal( dmheap_ctx_of( dmheap_aligned_alloc( NULL, 64, 10, "m" ) ), two );
    assert_true( dmheap_remove_default_context( one ) );
    assert_true( dmheap_add_default_context( one ) );
    assert_ptr_equal( dmheap_get_default_context_at( 1 ), one );
    assert_ptr_equal( dmheap_ctx_of( dmheap_malloc( NULL, 10, "m" ) ), one );
    fill( one, "m" );
    assert_ptr_equal( dmheap_ctx_of( dmheap_malloc( NULL, 10, "m" ) ), two );
}

static void a_heap_that_is_added_twice_keeps_its_place( void** state )
{
    (void)state;
    dmheap_context_t* one = heap( 0 );
    dmheap_context_t* two = heap( 1 );
    assert_true( dmheap_add_default_context( one ) );
    assert_int_equal( dmheap_get_default_context_count(), 2 );
    assert_ptr_equal( dmheap_get_default_context_at( 1 ), two );
    assert_false( dmheap_add_default_context( NULL ) );
    assert_false( dmheap_add_default_context( (dmheap_context_t*)(void*)memory[2] ) );
    assert_int_equal( fixture_logged( "[ERROR]" ), 2 );
}

static void the_default_heap_can_be_one_alone_or_none( void** state )
{
    (void)state;
    dmheap_context_t* one = heap( 0 );
    dmheap_context_t* two = heap( 1 );
    dmheap_set_default_context( one );
    assert_int_equal( dmheap_get_default_context_count(), 1 );
    assert_ptr_equal( dmheap_get_default_context(), one );
    (void)fixture_log();
    dmheap_set_default_context( (dmheap_context_t*)(void*)memory[2] );
    assert_int_equal( fixture_logged( "[ERROR]" ), 1 );
    assert_ptr_equal( dmheap_get_default_context(), one );
    dmheap_set_default_context( NULL );
    assert_int_equal( dmheap_get_default_context_count(), 0 );
    assert_false( dmheap_is_initialized( NULL ) );
    assert_null( dmheap_malloc( NULL, 10, "m" ) );
    assert_non_null( dmheap_malloc( two, 10, "m" ) );
    assert_false( dmheap_remove_default_context( two ) );
}

static void more_heaps_than_there_may_be_are_refused( void** state )
{
    (void)state;
    for( unsigned i = 0; i < DMHEAP_MAX_CONTEXTS; i++ )
        (void)heap( i );
    assert_null( dmheap_init( memory[HEAPS - 1], SIZE, 8 ) );
    assert_int_equal( dmheap_get_default_context_count(), DMHEAP_MAX_CONTEXTS );
}

/* ---- Names of heaps ---- */

static void a_heap_is_named_at_any_time( void** state )
{
    (void)state;
    dmheap_context_t* one    = heap( 0 );
    dmheap_context_t* two    = heap( 1 );
    size_t            before = blocks_in( one );
    assert_string_equal( dmheap_get_context_name( one ), "" );
    assert_null( dmheap_get_context_by_name( "" ) );
    assert_true( dmheap_set_context_name( one, "sram" ) );
    assert_true( dmheap_set_context_name( two, "dma" ) );
    const char* name = dmheap_get_context_name( two );
    (void)dmheap_malloc( two, 100, "m" );
    assert_string_equal( name, "dma" );
    assert_in_range( (uintptr_t)name, (uintptr_t)memory[1], (uintptr_t)memory[1] + SIZE );
    assert_string_equal( dmheap_get_context_name( NULL ), "sram" );
    assert_ptr_equal( dmheap_get_context_by_name( "dma" ), two );
    assert_ptr_equal( dmheap_ctx_find( "dma" ), two );
    assert_null( dmheap_get_context_by_name( "dm" ) );
    assert_null( dmheap_get_context_by_name( NULL ) );
    assert_true( dmheap_set_context_name( two, "sdram" ) );
    assert_null( dmheap_get_context_by_name( "dma" ) );
    assert_int_equal( blocks_in( one ), before ); /* a name is no user's block */
}

static void a_name_that_is_cleared_gives_its_memory_back( void** state )
{
    dmheap_heap_stats_t before, after;
    (void)state;
    dmheap_context_t* one = heap( 0 );
    assert_true( dmheap_ctx_get_stats( one, &before ) );
    assert_true( dmheap_set_context_name( one, "a name that takes more than one granule" ) );
    assert_true( dmheap_set_context_name( one, NULL ) );
    assert_string_equal( dmheap_get_context_name( one ), "" );
    assert_true( dmheap_set_context_name( one, "again" ) );
    assert_true( dmheap_set_context_name( one, "" ) );
    assert_string_equal( dmheap_get_context_name( one ), "" );
    assert_true( dmheap_ctx_get_stats( one, &after ) );
    assert_int_equal( after.free_bytes, before.free_bytes );
}

static void a_name_that_cannot_be_kept_leaves_the_one_before( void** state )
{
    char long_name[DMHEAP_NAME_SIZE + 1];
    (void)state;
    memset( long_name, 'x', sizeof long_name - 1 );
    long_name[sizeof long_name - 1] = '\0';
    dmheap_context_t* one           = heap( 0 );
    assert_true( dmheap_set_context_name( one, "sram" ) );
    assert_false( dmheap_set_context_name( one, long_name ) );
    assert_int_equal( fixture_logged( "[ERROR]" ), 1 );
    fill( one, NULL );
    (void)fixture_log();
    assert_false( dmheap_set_context_name( one, "more" ) );
    assert_false( dmheap_set_context_name( NULL, "more" ) );
    assert_int_equal( fixture_logged( "[ERROR]" ), 2 );
    assert_string_equal( dmheap_get_context_name( one ), "sram" );
    assert_string_equal( dmheap_get_context_name( (dmheap_context_t*)(void*)memory[2] ), "" );
}

static void of_several_heaps_of_a_name_the_one_added_first_is_found( void** state )
{
    (void)state;
    dmheap_context_t* one = heap( 0 );
    dmheap_context_t* two = heap( 1 );
    (void)dmheap_set_context_name( one, "same" );
    (void)dmheap_set_context_name( two, "same" );
    assert_ptr_equal( dmheap_get_context_by_name( "same" ), one );
    (void)dmheap_remove_default_context( one );
    assert_ptr_equal( dmheap_get_context_by_name( "same" ), two );
    (void)dmheap_remove_default_context( two );
    assert_null( dmheap_get_context_by_name( "same" ) );
}

/* ---- Modules ---- */

static void a_module_is_registered_in_every_default_heap( void** state )
{
    (void)state;
    dmheap_context_t* one     = heap( 0 );
    dmheap_context_t* two     = heap( 1 );
    dmheap_context_t* removed = heap( 2 );
    (void)dmheap_remove_default_context( removed );
    assert_true( dmheap_register_module( NULL, "m" ) );
    assert_true( knows( one, "m" ) );
    assert_true( knows( two, "m" ) );
    assert_false( knows( removed, "m" ) );
    assert_true( dmheap_register_module( removed, "other" ) );
    assert_false( knows( one, "other" ) );
    assert_true( dmheap_register_module( NULL, "m" ) ); /* again */
    fill( one, NULL );
    assert_false( dmheap_register_module( NULL, "a module with a name that is long" ) );
    assert_false( dmheap_register_module( NULL, "" ) );
    dmheap_set_default_context( NULL );
    assert_false( dmheap_register_module( NULL, "m" ) );
}

static void a_module_that_one_default_heap_has_no_memory_for_is_not_registered_in_each( void** state )
{
    (void)state;
    dmheap_context_t* one = heap( 0 );
    dmheap_context_t* two = heap( 1 ); /* asked first */
    for( unsigned full = 0; full < 2; full++ )
    {
        fill( full == 0 ? two : one, NULL );
        assert_false( dmheap_register_module( NULL, full == 0 ? "m" : "n" ) );
        assert_int_equal( knows( one, full == 0 ? "m" : "n" ), full == 0 );
    }
}

static void a_module_is_unregistered_in_every_default_heap( void** state )
{
    (void)state;
    dmheap_context_t* one     = heap( 0 );
    dmheap_context_t* two     = heap( 1 );
    dmheap_context_t* removed = heap( 2 );
    (void)dmheap_malloc( one, 10, "m" );
    (void)dmheap_malloc( two, 10, "m" );
    (void)dmheap_malloc( removed, 10, "m" );
    (void)dmheap_remove_default_context( removed );
    dmheap_unregister_module( NULL, "m" );
    assert_int_equal( blocks_in( one ) + blocks_in( two ), 0 );
    assert_int_equal( blocks_in( removed ), 1 );
    (void)dmheap_malloc( one, 10, "m" );
    dmheap_unregister_module( removed, "m" );
    assert_int_equal( blocks_in( removed ), 0 );
    assert_int_equal( blocks_in( one ), 1 );
}

/* ---- Memory ---- */

static void a_call_on_one_heap_touches_no_other( void** state )
{
    (void)state;
    dmheap_context_t* one  = heap( 0 );
    dmheap_context_t* two  = heap( 1 );
    void*             mine = dmheap_malloc( one, 10, "m" );
    assert_ptr_equal( dmheap_ctx_of( mine ), one );
    void* aligned = dmheap_aligned_alloc( one, 128, 10, "m" );
    assert_ptr_equal( dmheap_ctx_of( aligned ), one );
    assert_int_equal( (uintptr_t)aligned % 128, 0 );
    (void)fixture_log();
    dmheap_free( two, mine, true );
    assert_null( dmheap_realloc( two, mine, 20, "m" ) );
    assert_false( dmheap_retag( two, mine, "n" ) );
    assert_int_equal( fixture_logged( "refused" ), 3 );
    assert_int_equal( blocks_in( one ), 2 );
    fill( one, NULL );
    assert_null( dmheap_malloc( one, 10, "m" ) );
    assert_null( dmheap_realloc( one, mine, 1000, "m" ) );
    assert_ptr_equal( dmheap_ctx_of( dmheap_realloc( NULL, mine, 1000, "m" ) ), two );
    dmheap_free( one, aligned, false );
    assert_ptr_equal( dmheap_ctx_of( dmheap_realloc( one, NULL, 8, "m" ) ), one );
    assert_null( dmheap_malloc( (dmheap_context_t*)(void*)memory[3], 10, "m" ) );
}

static void a_block_of_any_default_heap_is_found_without_its_heap( void** state )
{
    (void)state;
    dmheap_context_t* heaps[2] = { heap( 0 ), heap( 1 ) };
    for( unsigned i = 0; i < 2; i++ )
    {
        void* block = dmheap_malloc( heaps[i], 10, "m" );
        assert_true( dmheap_retag( NULL, block, "n" ) );
        assert_true( knows( heaps[i], "n" ) );
        block = dmheap_realloc( NULL, block, 200, "m" );
        assert_ptr_equal( dmheap_ctx_of( block ), heaps[i] );
        assert_true( dmheap_usable_size( block ) >= 200 );
        dmheap_free( NULL, block, false );
        assert_int_equal( blocks_in( heaps[i] ), 0 );
        dmheap_concatenate_free_blocks( heaps[i] );
    }
    dmheap_concatenate_free_blocks( NULL );
    dmheap_free( NULL, NULL, true );
    dmheap_free( heaps[0], NULL, true );
    assert_int_equal( fixture_logged( "[ERROR]" ), 0 );
}

static void a_block_of_size_0_is_kept( void** state )
{
    (void)state;
    dmheap_context_t* one   = heap( 0 );
    void*             block = dmheap_malloc( NULL, 500, "m" );
    size_t            large = dmheap_usable_size( block );
    assert_ptr_equal( dmheap_realloc( NULL, block, 0, "m" ), block );
    assert_int_equal( blocks_in( one ), 1 );
    assert_true( dmheap_usable_size( block ) < large );
    block = dmheap_realloc( one, block, 500, "m" );
    assert_ptr_equal( dmheap_realloc( one, block, 0, "m" ), block );
    assert_ptr_equal( Dmod_ReallocEx( block, 0, "m" ), block );
    assert_int_equal( blocks_in( one ), 1 );
    void* other = dmheap_realloc( NULL, NULL, 0, "m" );
    assert_non_null( other );
    assert_null( dmheap_aligned_realloc( other, 8, 0, "m" ) ); /* the project's own functions free */
    assert_int_equal( blocks_in( one ), 1 );
}

static void a_realloc_keeps_the_alignment_and_the_contents( void** state )
{
    (void)state;
    dmheap_context_t* one   = heap( 0 );
    char*             block = dmheap_aligned_alloc( one, 256, 20, "m" );
    strcpy( block, "what was written" );
    (void)dmheap_aligned_alloc( one, 256, 20, "m" ); /* in the way */
    char* moved = dmheap_realloc( NULL, block, 600, "m" );
    assert_non_null( moved );
    assert_ptr_not_equal( moved, block );
    assert_int_equal( (uintptr_t)moved % 256, 0 );
    assert_string_equal( moved, "what was written" );
}

static void a_block_is_not_retagged_to_nobody( void** state )
{
    (void)state;
    (void)heap( 0 );
    void* block = dmheap_malloc( NULL, 10, "m" );
    assert_false( dmheap_retag( NULL, block, NULL ) );
    assert_false( dmheap_retag( NULL, block, "" ) );
    assert_false( dmheap_retag( NULL, NULL, "n" ) );
    assert_true( fixture_logged( "[ERROR]" ) >= 2 );
    assert_int_equal( live_blocks_of( "m" ), 1 );
}

/* ---- Figures ---- */

typedef struct
{
    unsigned    count;
    size_t      bytes, smallest, largest;
    const char* expected; /* owner of all, NULL: nobody */
    bool        wrong;
} seen_t;

static void see( void* address, size_t size, const char* owner, void* user )
{
    seen_t* seen = user;
    bool    same =
        owner == NULL || seen->expected == NULL ? owner == seen->expected : strcmp( owner, seen->expected ) == 0;
    seen->wrong |= address == NULL || !same || fixture_is_locked();
    seen->count++;
    seen->bytes += size;
    if( size > seen->largest ) seen->largest = size;
    if( seen->smallest == 0 || size < seen->smallest ) seen->smallest = size;
}

static void the_figures_are_those_of_the_blocks( void** state )
{
    /* free in the end are 100, 56, 600 and 100: neither the smallest nor the largest is the first or the last; and the rest is
     * full, with the guard too */
    static const size_t sizes[] = { 40, 100, 40, 56, 40, 600, 40, 100, 56 };
    enum
    {
        BLOCKS = sizeof sizes / sizeof sizes[0]
    };
    dmheap_stats_t stats, both;
    void*          blocks[BLOCKS];
    (void)state;
    dmheap_context_t* one = heap( 0 );
    for( unsigned i = 0; i < BLOCKS; i++ )
        blocks[i] = dmheap_malloc( one, sizes[i], "m" );
    fill( one, "m" );
    for( unsigned i = 1; i < BLOCKS; i += 2 )
        dmheap_free( one, blocks[i], false );
    seen_t free = { .expected = NULL }, used = { .expected = "m" };
    dmheap_for_each_free_block( one, see, &free );
    dmheap_for_each_used_block( one, see, &used );
    assert_false( free.wrong || used.wrong );
    assert_int_equal( free.count, BLOCKS / 2 );
    assert_true( dmheap_get_stats( one, &stats ) );
    assert_int_equal( stats.used_block_count, used.count );
    assert_int_equal( stats.used_bytes, used.bytes );
    assert_int_equal( stats.free_block_count, free.count );
    assert_int_equal( stats.free_bytes, free.bytes );
    assert_int_equal( stats.largest_free_block, free.largest );
    assert_int_equal( stats.smallest_free_block, free.smallest );
    assert_in_range( free.smallest, 56, 99 );
    assert_true( free.largest >= 600 );
    assert_in_range( stats.heap_size, SIZE - 64, SIZE );
    assert_non_null( dmheap_malloc( one, stats.largest_free_block, "m" ) );

    dmheap_context_t* two = heap( 1 );
    fill( two, "m" );
    assert_true( dmheap_get_stats( two, &stats ) );
    assert_int_equal( stats.free_block_count, 0 );
    assert_int_equal( stats.smallest_free_block, 0 );
    assert_int_equal( stats.largest_free_block, 0 );
    dmheap_stats_t first;
    assert_true( dmheap_get_stats( one, &first ) );
    assert_true( dmheap_get_stats( NULL, &both ) );
    assert_int_equal( both.heap_size, first.heap_size + stats.heap_size );
    assert_int_equal( both.used_bytes, first.used_bytes + stats.used_bytes );
    assert_int_equal( both.used_block_count, first.used_block_count + stats.used_block_count );
    assert_int_equal( both.smallest_free_block, first.smallest_free_block );
}

static void figures_of_no_heap_are_refused( void** state )
{
    dmheap_stats_t stats;
    seen_t         seen = { .count = 0 };
    (void)state;
    assert_false( dmheap_get_stats( NULL, &stats ) );
    dmheap_for_each_used_block( NULL, see, &seen );
    assert_false( dmheap_get_stats( (dmheap_context_t*)(void*)memory[3], &stats ) );
    dmheap_context_t* one = heap( 0 );
    assert_false( dmheap_get_stats( one, NULL ) );
    dmheap_for_each_used_block( one, NULL, NULL );
    dmheap_for_each_free_block( one, NULL, NULL );
    assert_int_equal( seen.count, 0 );
    assert_int_equal( fixture_logged( "[ERROR]" ), 6 );
}

static dmheap_context_t* vanishing;

static void take_it_down( void )
{
    fixture_interrupt = NULL;
    (void)dmheap_ctx_deinit( vanishing );
}

static void figures_of_a_heap_that_is_taken_down_meanwhile_are_refused( void** state )
{
    (void)state;
    dmheap_stats_t stats = { .used_bytes = 1 };
    vanishing            = heap( 0 );
    fixture_interrupt    = take_it_down;
    (void)fixture_log();
    bool told         = dmheap_get_stats( vanishing, &stats );
    fixture_interrupt = NULL;
    assert_false( told );
    assert_int_equal( stats.used_bytes, 1 );
    assert_int_equal( fixture_logged( "[ERROR]" ), 1 );
}

static void free_it( void* address, size_t size, const char* owner, void* user )
{
    (void)size;
    (void)owner;
    (void)user;
    assert_false( fixture_is_locked() );
    dmheap_free( NULL, address, false );
    (void)dmheap_malloc( NULL, 8, "visitor" );
    dmheap_unregister_module( NULL, "visitor" );
}

static void a_visitor_may_use_the_heap( void** state )
{
    (void)state;
    dmheap_context_t* one = heap( 0 );
    dmheap_context_t* two = heap( 1 );
    for( unsigned i = 0; i < 10; i++ )
        (void)dmheap_malloc( i % 2 == 0 ? one : two, 24, NULL );
    seen_t nobody = { .expected = NULL };
    dmheap_for_each_used_block( NULL, see, &nobody );
    assert_false( nobody.wrong );
    assert_int_equal( nobody.count, 10 );
    dmheap_for_each_used_block( NULL, free_it, NULL );
    assert_int_equal( blocks_in( NULL ), 0 );
}

/* ---- Heaps that are removed, or left behind ---- */

/* Every call that names no heap. */
static void call_everything( void )
{
    dmheap_stats_t        stats;
    dmheap_module_stats_t module_stats;
    seen_t                seen = { .expected = NULL };
    const void*           where;
    char                  outside[16];
    (void)dmheap_register_module( NULL, "driver" );
    dmheap_module_t handle = dmheap_module_open( "driver" );
    void*           block  = dmheap_module_malloc( handle, 20 );
    dmheap_module_free( handle, outside );
    dmheap_module_free( handle, block );
    (void)dmheap_get_stats( NULL, &stats );
    (void)dmheap_get_module_stats( "driver", &module_stats );
    (void)dmheap_get_module_stats( "nobody knows", &module_stats );
    (void)dmheap_set_module_limit( "driver", 100000 );
    dmheap_for_each_free_block( NULL, see, &seen );
    dmheap_for_each_used_block( NULL, see, &seen );
    (void)dmheap_check( &where );
    (void)dmheap_get_context_by_name( "sdram" );
    (void)dmheap_ctx_find( "sdram" );
    (void)dmheap_get_context_name( NULL );
    (void)dmheap_is_initialized( NULL );
    (void)dmheap_ctx_of( outside );
    (void)dmheap_usable_size( outside );
    (void)dmheap_retag( NULL, outside, "driver" );
    (void)dmheap_realloc( NULL, outside, 10, "driver" );
    dmheap_free( NULL, outside, true );
    (void)dmheap_malloc( NULL, (size_t)1 << 30, "driver" );
    (void)dmheap_aligned_alloc( NULL, 64, 10, "driver" );
    (void)dmheap_calloc( 3, 5, "driver" );
    (void)dmheap_rename_module( "driver", "renamed" );
    (void)dmheap_rename_module( "nobody knows", "renamed" );
    (void)Dmod_RenameTag( "renamed", "driver" );
    (void)Dmod_RetagEx( outside, "driver" );
    (void)Dmod_ReallocEx( outside, 10, "driver" );
    Dmod_FreeEx( outside, false );
    Dmod_FreeEx( Dmod_MallocEx( 10, "driver" ), true );
    Dmod_FreeEx( Dmod_AlignedMallocEx( 10, 64, "driver" ), true );
    Dmod_FreeModule( "driver" );
    dmheap_unregister_module( NULL, "nobody knows" );
}

static void a_removed_heap_is_not_touched( void** state )
{
    enum
    {
        SDRAM = 65536
    };
    (void)state;
    unsigned char* sdram = mmap( NULL, SDRAM, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0 );
    assert_true( sdram != MAP_FAILED );
    dmheap_context_t* one   = heap( 0 );
    dmheap_context_t* large = dmheap_init( sdram, SDRAM, 8 );
    assert_non_null( large );
    assert_true( dmheap_set_context_name( large, "sdram" ) );
    void* block = dmheap_malloc( NULL, 100, "driver" );
    assert_ptr_equal( dmheap_ctx_of( block ), large );
    dmheap_module_t handle = dmheap_ctx_module_open( large, "driver" );

    assert_true( dmheap_remove_default_context( large ) );
    assert_int_equal( mprotect( sdram, SDRAM, PROT_NONE ), 0 ); /* switched off */
    call_everything();
    dmheap_free( NULL, block, true );
    assert_false( dmheap_remove_default_context( large ) );
    (void)heap( 1 );
    call_everything();
    assert_int_equal( mprotect( sdram, SDRAM, PROT_READ | PROT_WRITE ), 0 );

    const void* where;
    assert_int_equal( dmheap_ctx_check( large, &where ), DMHEAP_CHECK_OK );
    assert_int_equal( blocks_in( large ), 1 );
    assert_true( knows( large, "driver" ) );
    assert_string_equal( dmheap_get_context_name( large ), "sdram" );
    dmheap_module_free( handle, block ); /* a handle names its heap */
    assert_int_equal( blocks_in( large ), 0 );
    assert_true( dmheap_add_default_context( large ) );
    assert_ptr_equal( dmheap_ctx_of( dmheap_malloc( NULL, 10, "driver" ) ), large );
    assert_ptr_equal( dmheap_get_default_context(), one );

    assert_true( dmheap_remove_default_context( large ) );
    assert_int_equal( mprotect( sdram, SDRAM, PROT_NONE ), 0 );
    assert_int_equal( munmap( sdram, SDRAM ), 0 );
    call_everything();
    assert_int_equal( fixture_logged( "given up" ), 0 );
    for( unsigned i = 2; i < HEAPS - 1; i++ )
        (void)dmheap_init( memory[i], SIZE, 8 );
    assert_true( dmheap_ctx_unset_default( one ) );
    assert_true( dmheap_add_default_context( one ) );
    /* its place in the registry is free again when another heap is made at its address */
    void* again = mmap( sdram, SDRAM, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0 );
    assert_ptr_equal( again, sdram );
    assert_non_null( dmheap_init( again, SDRAM, 8 ) );
    assert_true( dmheap_ctx_deinit( large ) );
    assert_int_equal( munmap( sdram, SDRAM ), 0 );
}

static void memory_that_was_switched_off_is_no_heap_to_add( void** state )
{
    (void)state;
    dmheap_context_t* one = heap( 0 );
    (void)heap( 1 );
    (void)dmheap_remove_default_context( one );
    memset( memory[0], 0xff, SIZE );
    assert_false( dmheap_add_default_context( one ) );
    assert_false( dmheap_is_initialized( one ) );
    assert_null( dmheap_malloc( one, 10, "m" ) );
    assert_false( dmheap_set_context_name( one, "m" ) );
    dmheap_stats_t stats = { .heap_size = 1 };
    assert_false( dmheap_get_stats( one, &stats ) );
    assert_int_equal( stats.heap_size, 1 );
    assert_int_equal( dmheap_get_default_context_count(), 1 );
}

static __attribute__( ( noinline ) ) dmheap_context_t* leave_a_heap_behind( void )
{
    unsigned char     buffer[1024];
    dmheap_context_t* left = dmheap_init( buffer, sizeof buffer, sizeof( void* ) );
    assert_non_null( left );
    assert_non_null( dmheap_malloc( left, 40, "test" ) );
    return left;
}

static __attribute__( ( noinline ) ) void overwrite_the_stack( int value )
{
    volatile unsigned char buffer[4096];
    for( unsigned i = 0; i < sizeof buffer; i++ )
        buffer[i] = (unsigned char)value;
}

static void a_heap_on_a_dead_stack_frame_harms_nobody( void** state )
{
    (void)state;
    dmheap_context_t* one = heap( 0 );
    for( int round = 0; round < 3 * DMHEAP_MAX_CONTEXTS; round++ )
    {
        dmheap_context_t* left = leave_a_heap_behind();
        overwrite_the_stack( round % 2 == 0 ? 0 : 0xa5 );
        void* block = dmheap_malloc( NULL, 20, "test" );
        assert_ptr_equal( dmheap_ctx_of( block ), one );
        assert_false( dmheap_is_initialized( left ) );
        call_everything();
        dmheap_free( NULL, block, false );
        assert_int_equal( dmheap_get_default_context_count(), 1 );
        assert_int_equal( fixture_logged( "given up" ), 1 );
        (void)fixture_log();
    }
    dmheap_unregister_module( NULL, "test" );
    assert_int_equal( blocks_in( one ), 0 );
}

static void a_heap_whose_first_words_are_overwritten_is_dropped( void** state )
{
    (void)state;
    for( unsigned word = 0; word < 7; word++ ) /* magic, layout, geometry, seal */
    {
        dmheap_context_t* one = heap( 0 );
        dmheap_context_t* two = heap( 1 );
        (void)dmheap_malloc( two, 10, "m" );
        ( (uint32_t*)(void*)memory[1] )[word] ^= 0x10;
        (void)fixture_log();
        assert_true( dmheap_register_module( NULL, "m" ) );
        assert_int_equal( dmheap_get_default_context_count(), 1 );
        assert_int_equal( fixture_logged( "[WARN]" ), 1 );
        assert_non_null( strstr( fixture_log(), "given up: it is overwritten" ) );
        assert_ptr_equal( dmheap_ctx_of( dmheap_malloc( NULL, 10, "m" ) ), one );
        assert_false( dmheap_is_initialized( two ) );
        assert_true( dmheap_ctx_deinit( one ) );
    }
}

/* What a call that names no heap comes to, where the heap that has this block of "m" is not the only default one. */
typedef bool ( *nameless_t )( void* block );

static bool no_modules( const dmheap_module_info_t* module, void* user )
{
    (void)module;
    (void)user;
    return true;
}
static bool calls_free( void* block )
{
    dmheap_free( NULL, block, false );
    return true;
}
static bool calls_realloc( void* block )
{
    return dmheap_realloc( NULL, block, 200, NULL ) != NULL;
}
static bool calls_retag( void* block )
{
    return dmheap_retag( NULL, block, "n" );
}
static bool calls_usable_size( void* block )
{
    return dmheap_usable_size( block ) != 0;
}
static bool calls_malloc( void* block )
{
    return block != NULL && dmheap_malloc( NULL, 10, "m" ) != NULL && dmheap_malloc( NULL, 10, "new" ) != NULL;
}
static bool calls_aligned_alloc( void* block )
{
    return block != NULL && dmheap_aligned_alloc( NULL, 64, 10, "m" ) != NULL;
}
static bool calls_unregister( void* block )
{
    dmheap_unregister_module( NULL, "m" );
    return block != NULL;
}
static bool calls_rename( void* block )
{
    return block != NULL && dmheap_rename_module( "m", "n" );
}
static bool calls_limit( void* block )
{
    return block != NULL && dmheap_set_module_limit( "m", 1000 );
}
static bool calls_module_stats( void* block )
{
    return block != NULL && live_blocks_of( "m" ) == 1;
}
static bool calls_open( void* block )
{
    dmheap_module_free( dmheap_module_open( "m" ), block );
    return live_blocks_of( "m" ) == 0;
}
static bool calls_stats( void* block )
{
    dmheap_stats_t stats;
    return block != NULL && dmheap_get_stats( NULL, &stats ) && stats.used_block_count == 1;
}
static bool calls_visit( void* block )
{
    dmheap_visit_modules( no_modules, NULL );
    return block != NULL;
}
static bool calls_check( void* block )
{
    return block != NULL && dmheap_check( NULL ) == DMHEAP_CHECK_OK;
}
static bool calls_is_initialized( void* block )
{
    return block != NULL && dmheap_is_initialized( NULL );
}
static bool calls_context_name( void* block )
{
    return block != NULL && strcmp( dmheap_get_context_name( NULL ), "healthy" ) == 0;
}
static bool calls_by_name( void* block )
{
    return block != NULL && dmheap_get_context_by_name( "healthy" ) != NULL;
}
static bool calls_find( void* block )
{
    return block != NULL && dmheap_ctx_find( "healthy" ) != NULL;
}
static bool calls_of( void* block )
{
    return dmheap_ctx_of( block ) != NULL;
}

static void every_call_goes_on_without_a_heap_that_is_overwritten( void** state )
{
    static const nameless_t calls[] = {
        calls_free,          calls_realloc,    calls_retag,  calls_usable_size, calls_malloc,
        calls_aligned_alloc, calls_unregister, calls_rename, calls_limit,       calls_module_stats,
        calls_open,          calls_stats,      calls_visit,  calls_check,       calls_is_initialized,
        calls_context_name,  calls_by_name,    calls_find,   calls_of,
    };
    (void)state;
    for( unsigned i = 0; i < 2 * sizeof calls / sizeof calls[0]; i++ )
    {
        dmheap_context_t* heaps[2] = { heap( 0 ), heap( 1 ) };
        dmheap_context_t* healthy  = heaps[i % 2];
        assert_true( dmheap_set_context_name( healthy, "healthy" ) );
        void* block = dmheap_malloc( healthy, 100, "m" );
        memset( memory[1 - i % 2], i % 3 == 0 ? 0 : 0xff, SIZE );
        assert_true( calls[i / 2]( block ) );
        /* what the first heap that is searched has needs no look at the others */
        if( healthy == heaps[0] || calls[i / 2] == calls_is_initialized )
            assert_int_equal( dmheap_get_default_context_count(), 1 );
        if( calls[i / 2] == calls_free || calls[i / 2] == calls_unregister )
            assert_int_equal( blocks_in( healthy ), 0 );
        assert_int_equal( fixture_logged( "[ERROR]" ), 0 );
        assert_true( dmheap_ctx_deinit( healthy ) );
        (void)dmheap_is_initialized( NULL );
        assert_int_equal( dmheap_get_default_context_count(), 0 );
        (void)fixture_log();
    }
}

static void all_heaps_that_are_overwritten_are_dropped_at_once( void** state )
{
    (void)state;
    dmheap_context_t* healthy = heap( 0 );
    dmheap_context_t* lost[2] = { heap( 1 ), heap( 2 ) };
    memset( lost[0], 0xFF, 64 );
    memset( lost[1], 0xFF, 64 );
    (void)fixture_log();
    assert_ptr_equal( dmheap_ctx_of( dmheap_malloc( NULL, 100, "m" ) ), healthy );
    assert_int_equal( fixture_logged( "given up: it is overwritten" ), 2 );
    assert_int_equal( dmheap_get_default_context_count(), 1 );
}

static void a_handles_request_goes_on_without_a_heap_that_is_overwritten( void** state )
{
    (void)state;
    dmheap_context_t* healthy = heap( 0 );
    dmheap_module_t   handle  = dmheap_ctx_module_open( heap( 1 ), "m" );
    fill( handle.context, NULL );
    memset( heap( 2 ), 0xFF, 64 );
    (void)fixture_log();
    assert_ptr_equal( dmheap_ctx_of( dmheap_module_malloc( handle, 100 ) ), healthy );
    assert_int_equal( fixture_logged( "given up: it is overwritten" ), 1 );
}

static void a_heap_that_is_overwritten_leaves_its_place_to_another( void** state )
{
    (void)state;
    for( unsigned i = 0; i < DMHEAP_MAX_CONTEXTS; i++ )
        (void)heap( i );
    memset( memory[2], 0, SIZE );
    assert_non_null( dmheap_init( memory[HEAPS - 1], SIZE, 8 ) );
    assert_int_equal( dmheap_get_default_context_count(), DMHEAP_MAX_CONTEXTS );
}

static void a_heap_in_whose_memory_another_one_is_made_is_dropped( void** state )
{
    (void)state;
    dmheap_context_t* one   = heap( 0 );
    void*             block = dmheap_malloc( one, 500, "m" );
    assert_non_null( dmheap_init( memory[0] + 2048, 1024, 8 ) ); /* free memory of the first */
    assert_int_equal( dmheap_get_default_context_count(), 1 );
    assert_false( dmheap_is_initialized( one ) );
    one = heap( 0 ); /* where both were */
    assert_int_equal( dmheap_get_default_context_count(), 1 );
    block = dmheap_malloc( one, 500, "m" );
    assert_non_null( dmheap_init( (char*)block + 100, 1000, 8 ) ); /* runs over the block's end */
    assert_false( dmheap_is_initialized( one ) );
    assert_int_equal( dmheap_get_default_context_count(), 1 );
}

static void a_heap_in_a_block_of_another_one_lives_beside_it( void** state )
{
    (void)state;
    dmheap_context_t* one = heap( 0 );
    for( size_t offset = 0; offset <= 400; offset += 100 )
    {
        char*             block = dmheap_malloc( one, 1600, "m" );
        dmheap_context_t* inner = dmheap_init( block + offset, 1200, 8 );
        assert_non_null( inner );
        assert_int_equal( dmheap_get_default_context_count(), 2 );
        assert_ptr_equal( dmheap_ctx_of( dmheap_malloc( NULL, 10, "n" ) ), inner );
        assert_true( dmheap_remove_default_context( inner ) );
        assert_true( dmheap_ctx_deinit( inner ) );
        dmheap_free( NULL, block, false );
    }
}

#ifdef DMHEAP_DIAGNOSTICS

static char since[8192];

static void print( const char* text, void* user )
{
    assert_ptr_equal( user, since );
    assert_true( strlen( since ) + strlen( text ) < sizeof since );
    memcpy( since + strlen( since ), text, strlen( text ) + 1 );
}

/* Bytes and blocks more that the report says of a name. */
static bool grew( const dmheap_mark_t* mark, const char* name, long* bytes, long* blocks )
{
    since[0] = '\0';
    assert_true( dmheap_report_since( mark, print, since ) );
    const char* line = strstr( since, name );
    return line != NULL && sscanf( line + strlen( name ), "%*u %*u %ld %ld", bytes, blocks ) == 2;
}

static void a_report_drops_a_heap_that_is_overwritten( void** state )
{
    (void)state;
    (void)heap( 0 );
    memset( heap( 1 ), 0xFF, 64 );
    since[0] = '\0';
    (void)fixture_log();
    assert_true( dmheap_report( print, since ) );
    assert_int_equal( fixture_logged( "[WARN] " ), 1 );
    assert_int_equal( fixture_logged( "given up: it is overwritten" ), 1 );
    assert_int_equal( fixture_logged( "[ERROR] " ), 0 );
    assert_ptr_equal( strstr( since, "heap 0x" ), since ); /* the other one, and no more */
    assert_null( strstr( since + 1, "heap 0x" ) );
}

static void a_mark_is_of_the_default_heaps( void** state )
{
    (void)state;
    dmheap_mark_entry_t entries[4], entries_of_one[4];
    dmheap_mark_t       mark, mark_of_one;
    long                bytes, blocks;
    dmheap_context_t*   one     = heap( 0 );
    dmheap_context_t*   removed = heap( 1 );
    assert_true( dmheap_remove_default_context( removed ) );
    assert_non_null( dmheap_malloc( one, 100, "net" ) );
    assert_true( dmheap_mark( &mark, entries, 4 ) );
    assert_true( dmheap_ctx_mark( removed, &mark_of_one, entries_of_one, 4 ) );
    assert_non_null( dmheap_malloc( one, 100, "net" ) );
    assert_non_null( dmheap_malloc( removed, 100, "net" ) );
    assert_non_null( dmheap_malloc( removed, 100, "net" ) );
    assert_true( grew( &mark, "\nnet ", &bytes, &blocks ) );
    assert_int_equal( blocks, 1 );
    assert_true( grew( &mark_of_one, "\nnet ", &bytes, &blocks ) );
    assert_int_equal( blocks, 2 );
    assert_true( grew( &mark_of_one, "\ntotal ", &bytes, &blocks ) );
    assert_int_equal( blocks, 2 );
    (void)fixture_log();
    dmheap_unregister_module( NULL, "net" );
    assert_int_equal( fixture_logged( " in 2 blocks were left by module net." ), 1 );
    assert_true( grew( &mark, "\ntotal ", &bytes, &blocks ) );
    assert_int_equal( blocks, -1 );
    dmheap_set_default_context( NULL );
    assert_true( grew( &mark, "\ntotal ", &bytes, &blocks ) );
    assert_int_equal( blocks, -1 );
}

#endif

int main( void )
{
    const struct CMUnitTest tests[] = {
#define TEST( name ) cmocka_unit_test_teardown( name, teardown )
        TEST( init_returns_the_heap_and_keeps_those_before ),
        TEST( init_refuses_what_is_no_buffer ),
        TEST( an_index_counts_from_the_heap_added_first ),
        TEST( the_heap_added_last_is_searched_first ),
        TEST( a_heap_that_is_added_twice_keeps_its_place ),
        TEST( the_default_heap_can_be_one_alone_or_none ),
        TEST( more_heaps_than_there_may_be_are_refused ),
        TEST( a_heap_is_named_at_any_time ),
        TEST( a_name_that_is_cleared_gives_its_memory_back ),
        TEST( a_name_that_cannot_be_kept_leaves_the_one_before ),
        TEST( of_several_heaps_of_a_name_the_one_added_first_is_found ),
        TEST( a_module_is_registered_in_every_default_heap ),
        TEST( a_module_that_one_default_heap_has_no_memory_for_is_not_registered_in_each ),
        TEST( a_module_is_unregistered_in_every_default_heap ),
        TEST( a_call_on_one_heap_touches_no_other ),
        TEST( a_block_of_any_default_heap_is_found_without_its_heap ),
        TEST( a_block_of_size_0_is_kept ),
        TEST( a_realloc_keeps_the_alignment_and_the_contents ),
        TEST( a_block_is_not_retagged_to_nobody ),
        TEST( the_figures_are_those_of_the_blocks ),
        TEST( figures_of_no_heap_are_refused ),
        TEST( figures_of_a_heap_that_is_taken_down_meanwhile_are_refused ),
        TEST( a_visitor_may_use_the_heap ),
        TEST( a_removed_heap_is_not_touched ),
        TEST( memory_that_was_switched_off_is_no_heap_to_add ),
        TEST( a_heap_on_a_dead_stack_frame_harms_nobody ),
        TEST( a_heap_whose_first_words_are_overwritten_is_dropped ),
        TEST( every_call_goes_on_without_a_heap_that_is_overwritten ),
        TEST( all_heaps_that_are_overwritten_are_dropped_at_once ),
        TEST( a_handles_request_goes_on_without_a_heap_that_is_overwritten ),
        TEST( a_heap_that_is_overwritten_leaves_its_place_to_another ),
        TEST( a_heap_in_whose_memory_another_one_is_made_is_dropped ),
        TEST( a_heap_in_a_block_of_another_one_lives_beside_it ),
#ifdef DMHEAP_DIAGNOSTICS
        TEST( a_report_drops_a_heap_that_is_overwritten ),
        TEST( a_mark_is_of_the_default_heaps ),
#endif
    };
    return cmocka_run_group_tests_name( "context first", tests, NULL, NULL ) != 0;
}
