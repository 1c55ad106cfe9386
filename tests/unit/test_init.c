/*
 * Making a heap of a buffer.
 */
#include "unit.h"

static void init_takes_any_buffer_address( void** state )
{
    (void)state;
    for( size_t offset = 0; offset < 32; offset++ )
        for( size_t alignment = 1; alignment <= 64; alignment *= 2 )
        {
            assert_true( fixture_heap( 2048, alignment, offset ) );
            void* block = dmheap_malloc( 40, NULL );
            assert_non_null( block );
            assert_int_equal( (uintptr_t)block % alignment, 0 );
            memset( block, 1, 40 );
            assert_valid();
        }
}

static void init_uses_all_of_a_buffer( void** state )
{
    (void)state;
    for( size_t size = 256; size < 70000; size += 333 )
    {
        assert_true( fixture_heap( size, 8, 0 ) );
        assert_in_range( stats_now().heap_size, size - 7, size );
        assert_valid();
    }
}

static void init_logs_what_it_made( void** state )
{
    char line[120];
    (void)state;
    assert_true( fixture_heap( 4096, 8, 0 ) );
    assert_true( dmheap_init( fixture_buffer(), 4096, 8 ) );
    snprintf( line, sizeof line, "[INFO] dmheap: Initialized with buffer %p of size 4096.", (void*)fixture_buffer() );
    assert_non_null( strstr( fixture_log(), line ) );
}

static void init_refuses_bad_arguments_and_keeps_the_heap( void** state )
{
    (void)state;
    unsigned char* buffer = fixture_buffer();
    void*          block  = dmheap_malloc( 10, "keeper" );
    assert_refused( dmheap_init( NULL, 4096, 8 ), "NULL" );
    assert_refused( dmheap_init( buffer, 0, 8 ), "empty" );
    assert_refused( dmheap_init( buffer, 16, 8 ), "no room" );
    assert_refused( dmheap_init( buffer, 4096, 0 ), "power of two" );
    assert_refused( dmheap_init( buffer, 4096, 12 ), "power of two" );
    assert_refused( dmheap_init( buffer, 4096, 8192 ), "power of two no larger" );
    assert_refused( dmheap_init( buffer, SIZE_MAX / 4, 8 ), "at most 2 GiB" );
    assert_refused( dmheap_init( buffer, 4096, 4096 ), "no room" );
    assert_refused( dmheap_init( buffer, SIZE_MAX, 8 ), "wraps" );
    assert_true( dmheap_is_initialized() );
    assert_int_equal( live_blocks_of( "keeper" ), 1 );
    dmheap_free( block, true );
}

static void init_again_starts_over( void** state )
{
    (void)state;
    void* old = dmheap_malloc( 100, "old" );
    assert_true( dmheap_init( fixture_buffer(), 32768, 8 ) );
    assert_int_equal( stats_now().used_blocks, 0 );
    assert_int_equal( live_blocks_of( "old" ), 0 );
    assert_refused( dmheap_free( old, true ), "refused" );
    assert_true( dmheap_init( fixture_second_buffer(), 4096, 8 ) );
    assert_refused( dmheap_free( old, true ), "in no heap" );
    assert_int_equal( stats_now().heap_size, 4096 );
}

static void every_small_size_makes_a_heap_or_says_why_not( void** state )
{
    (void)state;
    bool made_one = false;
    for( size_t size = 1; size < 600; size++ )
        for( size_t alignment = 4; alignment <= 32; alignment *= 2 )
        {
            bool made = fixture_heap( size, alignment, 0 );
            assert_true( made == dmheap_is_initialized() );
            if( !made ) continue;
            made_one = true;
            assert_non_null( dmheap_malloc( 1, NULL ) );
            assert_valid();
        }
    assert_true( made_one );
}

static void the_smallest_heap_has_one_block( void** state )
{
    static const size_t smallest[][2] = { { 4, 168 }, { 8, 168 }, { 16, 160 }, { 32, 192 }, { 64, 256 } };
    (void)state;
    for( unsigned i = 0; i < sizeof smallest / sizeof *smallest; i++ )
    {
        fixture_no_heap();
        assert_false( dmheap_init( fixture_buffer(), smallest[i][1] - 1, smallest[i][0] ) );
        assert_true( dmheap_init( fixture_buffer(), smallest[i][1], smallest[i][0] ) );
        assert_non_null( dmheap_malloc( 1, NULL ) );
        assert_null( dmheap_malloc( 1, NULL ) );
        assert_int_equal( dmheap_check( NULL ), DMHEAP_CHECK_OK );
    }
}

static void without_a_heap_every_call_is_refused( void** state )
{
    int x;
    (void)state;
    fixture_no_heap();
    (void)fixture_log();
    assert_false( dmheap_is_initialized() );
    assert_null( dmheap_malloc( 1, "m" ) );
    assert_null( dmheap_aligned_alloc( 8, 1, "m" ) );
    assert_null( dmheap_realloc( &x, 1, "m" ) );
    assert_null( dmheap_calloc( 1, 1, "m" ) );
    assert_false( dmheap_register_module( "m" ) );
    assert_false( dmheap_retag( &x, "m" ) );
    assert_false( dmheap_set_module_limit( "m", 1 ) );
    assert_null( dmheap_module_open( "m" ).context );
    dmheap_free( &x, true );
    assert_int_equal( fixture_logged( "[ERROR] " ), 9 );
    assert_int_equal( fixture_logged( "call dmheap_init first" ), 9 );
    dmheap_stats_t stats;
    assert_false( dmheap_get_stats( &stats ) );
    const void* where = &state;
    (void)fixture_log();
    assert_int_equal( dmheap_check( &where ), DMHEAP_CHECK_NOT_INITIALIZED );
    assert_int_equal( fixture_logged( "[ERROR] " ), 1 );
    assert_null( where );
    dmheap_unregister_module( "m" );
    dmheap_concatenate_free_blocks();
}

#if UINTPTR_MAX > UINT32_MAX && defined( __unix__ ) /* boards have less memory */
static void a_heap_of_more_than_32_mib_works_at_any_address( void** state )
{
    size_t size = (size_t)300 << 20;
    (void)state;
    fixture_no_heap();
    unsigned char* big = test_malloc( size );
    assert_non_null( big );
    for( size_t offset = 0; offset < 300; offset += offset < 20 ? 1 : 28 )
    {
        bool made = dmheap_init( big + offset, size - offset, 8 );
        made      = made && size - offset - stats_now().heap_size < 1024; /* such a heap begins at a round address */
        for( unsigned i = 0; made && i < 55; i++ )
        {
            char name[16];
            snprintf( name, sizeof name, "module%u", i % 12 );
            made = dmheap_malloc( (size_t)5 << 20, name ) != NULL;
        }
        made = made && dmheap_check( NULL ) == DMHEAP_CHECK_OK;
        for( unsigned i = 0; i < 12; i++ )
        {
            char name[16];
            snprintf( name, sizeof name, "module%u", i );
            dmheap_unregister_module( name );
        }
        made = made && stats_now().free_blocks == 1 && dmheap_check( NULL ) == DMHEAP_CHECK_OK;
        fixture_no_heap();
        if( !made ) test_free( big );
        assert_true( made );
        (void)fixture_log();
    }
    test_free( big );
}
#endif

static void the_library_tells_its_version_without_a_heap( void** state )
{
    (void)state;
    fixture_no_heap();
    (void)fixture_log();
    assert_string_equal( dmheap_version(), DMHEAP_VERSION );
    assert_string_equal( fixture_log(), "" );
}

int test_init( void )
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test( init_takes_any_buffer_address ),
        cmocka_unit_test( init_uses_all_of_a_buffer ),
        cmocka_unit_test( init_logs_what_it_made ),
        HEAP_TEST( init_refuses_bad_arguments_and_keeps_the_heap ),
        HEAP_TEST( init_again_starts_over ),
        cmocka_unit_test( every_small_size_makes_a_heap_or_says_why_not ),
        cmocka_unit_test( the_smallest_heap_has_one_block ),
        cmocka_unit_test( without_a_heap_every_call_is_refused ),
        cmocka_unit_test( the_library_tells_its_version_without_a_heap ),
#if UINTPTR_MAX > UINT32_MAX && defined( __unix__ ) /* boards have less memory */
        cmocka_unit_test( a_heap_of_more_than_32_mib_works_at_any_address ),
#endif
    };
    return cmocka_run_group_tests_name( "init", tests, NULL, NULL );
}
