/*
 * Modules as owners.
 */
#include "unit.h"

static void register_reports_and_warns_the_second_time( void** state )
{
    (void)state;
    assert_true( dmheap_register_module( "net" ) );
    assert_int_equal( fixture_logged( "[INFO] dmheap: Module net registered successfully." ), 1 );
    assert_true( dmheap_register_module( "net" ) );
    assert_int_equal( fixture_logged( "[WARN] " ), 1 );
    assert_int_equal( stats_now().modules, 1 );
}

static void bad_names_are_refused_everywhere( void** state )
{
    char              texts[2][NAME_ROOM];
    const char* const bad[] = { "", name_of( texts[0], NAME_MOST + 1 ), name_of( texts[1], NAME_ROOM - 1 ) };
    (void)state;
    void* block = dmheap_malloc( 8, NULL );
    assert_refused( dmheap_register_module( NULL ), "Invalid module name" );
    for( unsigned i = 0; i < 3; i++ )
    {
        assert_false( dmheap_register_module( bad[i] ) );
        if( i != 0 ) assert_refused( dmheap_malloc( 8, bad[i] ), "Invalid module name" );
        if( i != 0 ) assert_refused( dmheap_aligned_alloc( 64, 8, bad[i] ), "Invalid module name" );
        if( i != 0 ) assert_refused( dmheap_retag( block, bad[i] ), "Invalid module name" );
        assert_refused( dmheap_unregister_module( bad[i] ), "Invalid module name" );
        assert_false( dmheap_set_module_limit( bad[i], 100 ) );
        assert_null( dmheap_module_open( bad[i] ).context );
        assert_refused( dmheap_rename_module( bad[i], "x" ), "Invalid module name" );
        assert_refused( dmheap_rename_module( "x", bad[i] ), "Invalid module name" );
    }
    assert_int_equal( stats_now().modules, 0 );
}

static void the_longest_name_works( void** state )
{
    char        text[NAME_ROOM];
    const char* longest = name_of( text, NAME_MOST );
    (void)state;
    assert_true( dmheap_register_module( longest ) );
    assert_non_null( dmheap_malloc( 8, longest ) );
    assert_int_equal( live_blocks_of( longest ), 1 );
    dmheap_unregister_module( longest );
    assert_int_equal( stats_now().modules, 0 );
}

static void an_allocation_registers_its_module( void** state )
{
    (void)state;
    dmheap_malloc( 8, "new" );
    assert_int_equal( fixture_logged( "Module new registered successfully." ), 1 );
    assert_int_equal( stats_now().modules, 1 );
}

static void unregister_frees_all_that_the_module_owns_and_no_more( void** state )
{
    char* kept[100];
    (void)state;
    for( unsigned i = 0; i < 100; i++ )
    {
        dmheap_malloc( 5 + i, "goes" );
        kept[i] = dmheap_malloc( 5 + i, i & 1 ? "stays" : NULL );
        memset( kept[i], (int)i, 5 + i );
        if( i % 5 == 0 ) dmheap_aligned_alloc( 64, 100, "goes" );
    }
    dmheap_unregister_module( "goes" );
    assert_int_equal( fixture_logged( "[INFO] dmheap: Module goes unregistered successfully." ), 1 );
    assert_int_equal( live_blocks_of( "goes" ), 0 );
    assert_int_equal( live_blocks_of( "stays" ), 50 );
    assert_int_equal( stats_now().used_blocks, 100 );
    assert_valid();
    for( unsigned i = 0; i < 100; i++ )
    {
        for( unsigned k = 0; k < 5 + i; k++ )
            assert_int_equal( kept[i][k], i );
        dmheap_free( kept[i], false );
    }
}

static void unregister_gives_everything_back( void** state )
{
    (void)state;
    size_t empty = stats_now().free_bytes;
    for( unsigned round = 0; round < 3; round++ )
    {
        for( unsigned i = 0; i < 40; i++ )
        {
            char name[16];
            snprintf( name, sizeof name, "module%u", i );
            dmheap_malloc( 100 + i, name );
        }
        for( unsigned i = 40; i-- != 0; )
        {
            char name[16];
            snprintf( name, sizeof name, "module%u", ( i + round * 7 ) % 40 );
            dmheap_unregister_module( name );
            assert_valid();
        }
        assert_int_equal( stats_now().free_bytes, empty );
        assert_int_equal( stats_now().free_blocks, 1 );
    }
}

static void names_that_go_give_back_what_the_table_grew_by( void** state )
{
    char name[] = "m0";
    (void)state;
    assert_true( dmheap_register_module( "first" ) );
    size_t before = stats_now().free_bytes;
    for( ; name[1] < '0' + 40; name[1]++ )
        assert_true( dmheap_register_module( name ) );
    while( name[1]-- > '0' )
        dmheap_unregister_module( name );
    assert_int_equal( stats_now().free_bytes, before );
}

static void names_come_and_go_by_the_thousand( void** state )
{
    (void)state;
    dmheap_register_module( "resident" );
    size_t before = 0;
    for( unsigned i = 0; i < 5000; i++ )
    {
        char name[20];
        snprintf( name, sizeof name, "instance#%u", i );
        assert_non_null( dmheap_malloc( 50, name ) );
        dmheap_unregister_module( name );
        (void)fixture_log();
        if( i == 10 ) before = stats_now().free_bytes;
    }
    assert_in_range( stats_now().free_bytes, before - 8, before + 8 );
}

static void unregister_of_an_unknown_name_warns_and_changes_nothing( void** state )
{
    (void)state;
    dmheap_malloc( 8, "known" );
    (void)fixture_log();
    fixture_remember();
    dmheap_unregister_module( "unknown" );
    assert_true( fixture_is_unchanged() );
    assert_int_equal( fixture_logged( "[WARN] dmheap: Module unknown is not registered." ), 1 );
    assert_int_equal( fixture_logged( "[ERROR]" ), 0 );
}

static void the_name_may_lie_in_memory_that_is_freed( void** state )
{
    (void)state;
    char* image = dmheap_malloc( 200, "loader" );
    strcpy( image + 40, "vanishing" );
    assert_true( dmheap_retag( image, image + 40 ) );
    void* data = dmheap_malloc( 100, image + 40 );
    assert_non_null( data );
    dmheap_unregister_module( image + 40 );
    assert_int_equal( fixture_logged( "Module vanishing unregistered successfully." ), 1 );
    assert_int_equal( stats_now().used_blocks, 0 );
    /* a free block's links lie where the name was when the next heap is asked */
    dmheap_context_t* second = fixture_second_heap( 4096, 8, 0 );
    image                    = dmheap_malloc( 200, "both" );
    assert_non_null( dmheap_ctx_malloc( second, 8, "both" ) );
    strcpy( image, "both" );
    dmheap_unregister_module( image );
    assert_int_equal( stats_of( second ).used_blocks, 0 );
}

static void the_same_address_can_hold_another_name_later( void** state )
{
    char name[16] = "first";
    (void)state;
    dmheap_malloc( 8, name );
    dmheap_malloc( 8, name );
    strcpy( name, "second" );
    dmheap_malloc( 8, name );
    strcpy( name, "firs" );
    dmheap_malloc( 8, name );
    assert_int_equal( live_blocks_of( "first" ), 2 );
    assert_int_equal( live_blocks_of( "second" ), 1 );
    assert_int_equal( live_blocks_of( "firs" ), 1 );
    dmheap_unregister_module( "first" );
    strcpy( name, "first" );
    dmheap_malloc( 8, name );
    assert_int_equal( live_blocks_of( "first" ), 1 );
}

static void as_many_modules_as_there_may_be_live_side_by_side( void** state )
{
    char name[16];
    (void)state;
    assert_true( fixture_heap( 262144, 8, 0 ) );
    for( unsigned i = 0; i < DMHEAP_MAX_MODULES; i++ )
    {
        snprintf( name, sizeof name, "m%u", i );
        assert_non_null( dmheap_malloc( 4 + i % 30, name ) );
    }
    assert_valid();
    for( unsigned i = 0; i < DMHEAP_MAX_MODULES; i++ )
    {
        snprintf( name, sizeof name, "m%u", i );
        assert_int_equal( live_blocks_of( name ), 1 );
    }
    for( unsigned i = 0; i < DMHEAP_MAX_MODULES; i++ )
    {
        snprintf( name, sizeof name, "m%u", i % 2 == 0 ? i : DMHEAP_MAX_MODULES / 2 * 2 - i );
        dmheap_unregister_module( name );
        assert_valid();
    }
    assert_int_equal( stats_now().modules, 0 );
    assert_int_equal( stats_now().free_blocks, 1 );
}

static void a_heap_has_room_for_a_module_for_each_64_bytes( void** state )
{
    (void)state;
    for( size_t size = 640; size <= 9000; size += 64 )
    {
        char name[16];
        assert_true( fixture_heap( size, 8, 0 ) );
        for( unsigned i = 0; i < size / 64 && i < DMHEAP_MAX_MODULES; i++ )
        {
            snprintf( name, sizeof name, "m%u", i );
            assert_true( dmheap_register_module( name ) );
        }
        assert_valid();
        (void)fixture_log();
    }
}

static void a_full_module_table_is_an_error_and_no_harm( void** state )
{
    char name[16];
    (void)state;
    assert_true( fixture_heap( 16384, 8, 0 ) );
    unsigned registered = 0;
    for( ;; registered++ )
    {
        snprintf( name, sizeof name, "m%u", registered );
        if( !dmheap_register_module( name ) ) break;
    }
    assert_int_equal( registered, DMHEAP_MAX_MODULES );
    assert_int_equal( fixture_logged( "the module table is full" ), 1 );
    assert_null( dmheap_malloc( 8, name ) );
    assert_int_equal( fixture_logged( "the module table is full" ), 2 );
    assert_valid();
    dmheap_unregister_module( "m7" );
    assert_true( dmheap_register_module( name ) );
}

static void counters_follow_every_operation( void** state )
{
    dmheap_module_stats_t stats;
    (void)state;
    void* a = dmheap_malloc( 100, "m" );
    void* b = dmheap_malloc( 200, "m" );
    assert_true( dmheap_get_module_stats( "m", &stats ) );
    assert_int_equal( stats.live_blocks, 2 );
    assert_int_equal( stats.live_bytes, 104 + 208 );
    b = dmheap_realloc( b, 400, NULL );
    dmheap_free( a, false );
    assert_true( dmheap_get_module_stats( "m", &stats ) );
    assert_int_equal( stats.live_bytes, 408 );
    assert_int_equal( stats.peak_bytes, 104 + 408 );
    assert_true( stats.limit_bytes == SIZE_MAX );
    dmheap_free( b, false );
    assert_int_equal( live_bytes_of( "m" ), 0 );
    assert_false( dmheap_get_module_stats( "unknown", &stats ) );
    assert_false( dmheap_get_module_stats( "m", NULL ) );
    assert_false( dmheap_get_module_stats( NULL, &stats ) );
    assert_false( dmheap_ctx_get_module_stats( NULL, "m", &stats ) );
}

static void a_limit_refuses_what_exceeds_it( void** state )
{
    (void)state;
    assert_true( dmheap_set_module_limit( "m", 1000 ) );
    void* a = dmheap_malloc( 500, "m" );
    assert_non_null( a );
    (void)fixture_log();
    assert_null( dmheap_malloc( 600, "m" ) );
    assert_non_null( strstr( fixture_log(), "limit" ) );
    assert_null( dmheap_realloc( a, 1200, NULL ) );
    assert_non_null( strstr( fixture_log(), "limit" ) );
    a = dmheap_realloc( a, 900, NULL );
    assert_non_null( a );
    void* wall = dmheap_malloc( 8, NULL );
    a          = dmheap_realloc( a, 990, NULL ); /* moves: the old block does not count against the limit */
    assert_non_null( a );
    void* other = dmheap_malloc( 100, "other" );
    assert_false( dmheap_retag( other, "m" ) );
    assert_int_equal( live_blocks_of( "other" ), 1 );
    assert_true( dmheap_set_module_limit( "m", SIZE_MAX ) );
    assert_non_null( dmheap_malloc( 600, "m" ) );
    dmheap_free( wall, false );
}

static void retag_gives_a_block_to_another_owner( void** state )
{
    (void)state;
    void* block = dmheap_malloc( 100, "unpacker" );
    assert_true( dmheap_retag( block, "owner" ) );
    assert_int_equal( live_blocks_of( "unpacker" ), 0 );
    assert_int_equal( live_blocks_of( "owner" ), 1 );
    assert_true( dmheap_retag( block, NULL ) );
    assert_int_equal( live_blocks_of( "owner" ), 0 );
    dmheap_unregister_module( "owner" );
    assert_int_equal( dmheap_usable_size( block ), 100 );
    assert_refused( dmheap_retag( (char*)block + 8, "owner" ), "refused" );
}

static void rename_to_a_free_name_keeps_everything( void** state )
{
    char        text[NAME_ROOM];
    const char* longest = name_of( text, NAME_MOST );
    (void)state;
    dmheap_malloc( 100, "old" );
    dmheap_malloc( 200, "old" );
    dmheap_set_module_limit( "old", 1000 );
    assert_true( dmheap_rename_module( "old", longest ) );
    dmheap_module_stats_t stats;
    assert_false( dmheap_get_module_stats( "old", &stats ) );
    assert_true( dmheap_get_module_stats( longest, &stats ) );
    assert_int_equal( stats.live_blocks, 2 );
    assert_int_equal( stats.limit_bytes, 1000 );
    assert_true( dmheap_rename_module( longest, longest ) );
    assert_false( dmheap_rename_module( "old", "x" ) );
    assert_int_equal( stats_now().modules, 1 );
}

static void rename_to_a_taken_name_joins_the_blocks( void** state )
{
    (void)state;
    for( unsigned i = 0; i < 30; i++ )
        dmheap_malloc( 10, i & 1 ? "one" : "two" );
    dmheap_set_module_limit( "one", 10 ); /* is gone with the module */
    dmheap_set_module_limit( "two", live_bytes_of( "one" ) + live_bytes_of( "two" ) );
    assert_true( dmheap_rename_module( "one", "two" ) );
    assert_int_equal( live_blocks_of( "two" ), 30 );
    assert_int_equal( stats_now().modules, 1 );
    assert_valid();
    assert_true( dmheap_rename_module( "two", NULL ) );
    assert_int_equal( stats_now().modules, 0 );
    assert_int_equal( stats_now().used_blocks, 30 );
}

static void a_handle_allocates_without_the_name( void** state )
{
    (void)state;
    dmheap_module_t net = dmheap_module_open( "net" );
    assert_non_null( net.context );
    void* block   = dmheap_module_malloc( net, 100 );
    void* aligned = dmheap_module_aligned_alloc( net, 256, 100 );
    assert_non_null( block );
    assert_int_equal( (uintptr_t)aligned % 256, 0 );
    assert_int_equal( live_blocks_of( "net" ), 2 );
    assert_refused( dmheap_module_aligned_alloc( net, 3, 100 ), "power of two" );
    dmheap_rename_module( "net", "renamed" );
    assert_non_null( dmheap_module_malloc( net, 100 ) );
    assert_int_equal( live_blocks_of( "renamed" ), 3 );
}

static void a_stale_handle_is_refused( void** state )
{
    (void)state;
    dmheap_module_t net = dmheap_module_open( "net" );
    dmheap_unregister_module( "net" );
    assert_refused( dmheap_module_malloc( net, 100 ), "handle" );
    dmheap_register_module( "other" ); /* gets the same number */
    assert_refused( dmheap_module_malloc( net, 100 ), "handle" );
    assert_refused( dmheap_module_malloc( ( dmheap_module_t ){ NULL, 0 }, 100 ), "handle" );
    dmheap_register_module( "net" );
    assert_refused( dmheap_module_malloc( net, 100 ), "handle" );
}

int test_modules( void )
{
    const struct CMUnitTest tests[] = {
        HEAP_TEST( register_reports_and_warns_the_second_time ),
        HEAP_TEST( bad_names_are_refused_everywhere ),
        HEAP_TEST( the_longest_name_works ),
        HEAP_TEST( an_allocation_registers_its_module ),
        HEAP_TEST( unregister_frees_all_that_the_module_owns_and_no_more ),
        HEAP_TEST( unregister_gives_everything_back ),
        HEAP_TEST( names_that_go_give_back_what_the_table_grew_by ),
        HEAP_TEST( names_come_and_go_by_the_thousand ),
        HEAP_TEST( unregister_of_an_unknown_name_warns_and_changes_nothing ),
        HEAP_TEST( the_name_may_lie_in_memory_that_is_freed ),
        HEAP_TEST( the_same_address_can_hold_another_name_later ),
        HEAP_TEST( as_many_modules_as_there_may_be_live_side_by_side ),
        HEAP_TEST( a_heap_has_room_for_a_module_for_each_64_bytes ),
        HEAP_TEST( a_full_module_table_is_an_error_and_no_harm ),
        HEAP_TEST( counters_follow_every_operation ),
        HEAP_TEST( a_limit_refuses_what_exceeds_it ),
        HEAP_TEST( retag_gives_a_block_to_another_owner ),
        HEAP_TEST( rename_to_a_free_name_keeps_everything ),
        HEAP_TEST( rename_to_a_taken_name_joins_the_blocks ),
        HEAP_TEST( a_handle_allocates_without_the_name ),
        HEAP_TEST( a_stale_handle_is_refused ),
    };
    return cmocka_run_group_tests_name( "modules", tests, NULL, NULL );
}
