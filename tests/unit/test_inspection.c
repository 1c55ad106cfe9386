/*
 * Figures, visitors, and the check.
 */
#include "image.h"
#include "unit.h"

typedef struct
{
    unsigned    blocks[4]; /* by use */
    size_t      bytes[4];
    const char* last;
    unsigned    of_owner;
    const char* owner;
    bool        in_order;
    unsigned    most;
} seen_t;

static bool look( const dmheap_block_info_t* block, void* user )
{
    seen_t* seen = user;
    assert_false( fixture_is_locked() );
    seen->in_order &= (const char*)block->address > seen->last;
    seen->last = block->address;
    seen->blocks[block->use]++;
    seen->bytes[block->use] += block->block_bytes;
    if( seen->owner != NULL && strcmp( seen->owner, block->owner ) == 0 ) seen->of_owner++;
    return seen->most == 0 || --seen->most != 0;
}

static void visiting_blocks_shows_every_byte_once_in_address_order( void** state )
{
    void*  blocks[60];
    seen_t seen = { .in_order = true, .owner = "b" };
    (void)state;
    for( unsigned i = 0; i < 60; i++ )
        blocks[i] = dmheap_malloc( 1000 - i * 10, i % 3 == 0 ? NULL : i % 3 == 1 ? "a" : "b" );
    for( unsigned i = 0; i < 60; i += 4 )
        dmheap_free( blocks[i], false );
    dmheap_visit_blocks( look, &seen );
    dmheap_stats_t stats = stats_now();
    assert_true( seen.in_order );
    assert_int_equal( seen.blocks[DMHEAP_BLOCK_LIVE], stats.used_blocks );
    assert_int_equal( seen.blocks[DMHEAP_BLOCK_FREE], stats.free_blocks );
    assert_int_equal( seen.bytes[DMHEAP_BLOCK_LIVE], stats.used_bytes );
    assert_int_equal( seen.bytes[DMHEAP_BLOCK_FREE], stats.free_bytes );
    assert_int_equal( seen.of_owner, live_blocks_of( "b" ) );
    assert_int_equal( seen.blocks[DMHEAP_BLOCK_SYSTEM], 3 );
}

static void a_visitor_can_end_the_walk( void** state )
{
    seen_t seen = { .in_order = true, .most = 3 };
    (void)state;
    for( unsigned i = 0; i < 10; i++ )
        dmheap_malloc( 10, NULL );
    dmheap_visit_blocks( look, &seen );
    assert_int_equal( seen.blocks[DMHEAP_BLOCK_LIVE], 3 );
    dmheap_visit_blocks( NULL, NULL );
    dmheap_visit_modules( NULL, NULL );
}

static bool free_it( const dmheap_block_info_t* block, void* user )
{
    unsigned* freed = user;
    if( block->use == DMHEAP_BLOCK_LIVE )
    {
        dmheap_free( block->address, false );
        ++*freed;
    }
    return true;
}

static void a_visitor_may_use_the_heap( void** state )
{
    unsigned freed = 0;
    (void)state;
    for( unsigned i = 0; i < 100; i++ )
        dmheap_malloc( 100, "m" );
    dmheap_visit_blocks( free_it, &freed );
    assert_int_equal( freed, 100 );
    assert_int_equal( live_blocks_of( "m" ), 0 );
}

static bool look_at_module( const dmheap_module_info_t* module, void* user )
{
    size_t* sum = user;
    assert_int_equal( module->stats.live_bytes, live_bytes_of( module->name ) );
    *sum += module->stats.live_bytes;
    return strcmp( module->name, "last" ) != 0;
}

static void visiting_modules_shows_each_with_its_figures( void** state )
{
    size_t sum = 0;
    (void)state;
    dmheap_malloc( 100, "a" );
    dmheap_malloc( 200, "b" );
    dmheap_malloc( 300, "c" );
    dmheap_unregister_module( "b" );
    dmheap_visit_modules( look_at_module, &sum );
    assert_int_equal( sum, stats_now().used_bytes );
    dmheap_malloc( 50, "last" ); /* gets the number of b, and ends the walk there */
    sum = 0;
    dmheap_visit_modules( look_at_module, &sum );
    assert_int_equal( sum, live_bytes_of( "a" ) + live_bytes_of( "last" ) );
}

static void statistics_add_up( void** state )
{
    (void)state;
    dmheap_stats_t empty = stats_now();
    assert_int_equal( empty.used_bytes + empty.peak_used_bytes + empty.used_blocks, 0 );
    void*          block = dmheap_malloc( 1000, "m" );
    dmheap_stats_t used  = stats_now();
    assert_int_equal( used.used_bytes, 1008 );
    assert_int_equal( used.used_blocks, 1 );
    assert_int_equal( used.free_bytes + used.used_bytes + used.overhead_bytes, used.heap_size );
    dmheap_free( block, false );
    dmheap_unregister_module( "m" );
    dmheap_stats_t after = stats_now();
    assert_int_equal( after.free_bytes, empty.free_bytes );
    assert_true( after.peak_used_bytes >= 1008 );
    assert_false( dmheap_get_stats( NULL ) );
}

static void the_peak_of_a_heap_is_the_most_that_was_used( void** state )
{
    (void)state;
    void*  block = dmheap_malloc( 10000, NULL );
    size_t peak  = stats_now().peak_used_bytes;
    assert_int_equal( peak, stats_now().used_bytes );
    dmheap_free( block, false );
    block = dmheap_malloc( 100, NULL );
    assert_int_equal( stats_now().peak_used_bytes, peak );
    dmheap_realloc( block, 200, NULL );
    assert_int_equal( stats_now().peak_used_bytes, peak );
}

static void usable_size_is_what_can_be_used( void** state )
{
    (void)state;
    for( size_t size = 0; size < 300; size++ )
    {
        unsigned char* block  = dmheap_malloc( size, NULL );
        size_t         usable = dmheap_usable_size( block );
        assert_in_range( usable, size, size + 16 );
        memset( block, 0xFF, usable );
        assert_valid();
        dmheap_free( block, false );
    }
    assert_int_equal( dmheap_usable_size( NULL ), 0 );
}

/* Every single word of a heap with some blocks is overwritten in turn: the check notices what is structure. */
static void the_check_finds_overwritten_structure( void** state )
{
    void* blocks[20];
    (void)state;
    assert_true( fixture_heap( 2048, 8, 0 ) );
    for( unsigned i = 0; i < 20; i++ )
        blocks[i] = dmheap_malloc( 20 + i % 5, i & 1 ? "odd" : NULL );
    for( unsigned i = 0; i < 20; i += 3 )
        dmheap_free( blocks[i], false );
    for( unsigned i = 0; i < 20; i++ )
    {
        uint32_t* header = (uint32_t*)blocks[i] - 1;
        for( unsigned bit = 0; bit < 32; bit++ )
        {
            if( i % 3 == 0 && *header >> 31 == 0 ) continue; /* merged into another: no header any more */
            *header ^= 1u << bit;
            assert_int_not_equal( dmheap_check( NULL ), DMHEAP_CHECK_OK );
            *header ^= 1u << bit;
        }
        assert_valid();
    }
}

static void the_check_names_the_block_at_fault( void** state )
{
    const void* where = NULL;
    (void)state;
    uint32_t* a      = dmheap_malloc( 100, "m" );
    uint32_t* b      = dmheap_malloc( 100, "m" );
    uint32_t  header = b[-1];
    b[-1] |= HEADER_OWNER_MASK; /* an owner that does not exist */
    assert_int_equal( dmheap_check( &where ), DMHEAP_CHECK_OWNER );
    assert_ptr_equal( where, b );
    b[-1] = header;
    assert_int_equal( dmheap_check( &where ), DMHEAP_CHECK_OK );
    assert_null( where );
    dmheap_free( a, false );
}

static void figures_of_what_is_no_name_are_refused( void** state )
{
    (void)state;
    char                  text[NAME_ROOM];
    dmheap_module_stats_t stats;
    assert_refused( assert_false( dmheap_get_module_stats( NULL, &stats ) ), "Invalid module name" );
    assert_refused( assert_false( dmheap_get_module_stats( "", &stats ) ), "Invalid module name" );
    assert_refused( assert_false( dmheap_get_module_stats( name_of( text, NAME_MOST + 1 ), &stats ) ),
                    "Invalid module name" );
}

int test_inspection( void )
{
    const struct CMUnitTest tests[] = {
        HEAP_TEST( figures_of_what_is_no_name_are_refused ),
        HEAP_TEST( visiting_blocks_shows_every_byte_once_in_address_order ),
        HEAP_TEST( a_visitor_can_end_the_walk ),
        HEAP_TEST( a_visitor_may_use_the_heap ),
        HEAP_TEST( visiting_modules_shows_each_with_its_figures ),
        HEAP_TEST( statistics_add_up ),
        HEAP_TEST( the_peak_of_a_heap_is_the_most_that_was_used ),
        HEAP_TEST( usable_size_is_what_can_be_used ),
        HEAP_TEST( the_check_finds_overwritten_structure ),
        HEAP_TEST( the_check_names_the_block_at_fault ),
    };
    return cmocka_run_group_tests_name( "inspection", tests, NULL, NULL );
}
