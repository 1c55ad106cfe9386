/*
 * Several heaps side by side.
 */
#include "unit.h"

enum
{
    SECOND_SIZE = 65536
};

static dmheap_context_t* second_heap( void )
{
    return fixture_second_heap( SECOND_SIZE, 8, 0 );
}

static size_t used_in( dmheap_context_t* context )
{
    dmheap_stats_t stats;
    assert_true( dmheap_ctx_get_stats( context, &stats ) );
    return stats.used_bytes;
}

static void a_context_is_a_heap_of_its_own( void** state )
{
    (void)state;
    dmheap_context_t* second = second_heap();
    assert_non_null( second );
    void* here  = dmheap_malloc( 100, "m" );
    void* there = dmheap_ctx_malloc( second, 100, "m" );
    assert_non_null( there );
    assert_ptr_equal( dmheap_ctx_of( there ), second );
    assert_ptr_not_equal( dmheap_ctx_of( here ), second );
    assert_null( dmheap_ctx_of( (char*)there + 8 ) );
    assert_int_equal( live_blocks_of( "m" ), 2 );
    dmheap_module_stats_t stats;
    assert_true( dmheap_ctx_get_module_stats( second, "m", &stats ) );
    assert_int_equal( stats.live_blocks, 1 );
    assert_refused( dmheap_ctx_free( second, here, true ), "in no heap" );
    dmheap_ctx_free( second, there, true );
    assert_int_equal( used_in( second ), 0 );
    assert_int_equal( dmheap_ctx_check( second, NULL ), DMHEAP_CHECK_OK );
    dmheap_free( here, true );
}

static void the_whole_api_works_on_a_context( void** state )
{
    (void)state;
    dmheap_context_t* second = second_heap();
    assert_true( dmheap_ctx_register_module( second, "m" ) );
    unsigned char* zeroed = dmheap_ctx_calloc( second, 10, 10, "m" );
    for( unsigned i = 0; i < 100; i++ )
        assert_int_equal( zeroed[i], 0 );
    void* aligned = dmheap_ctx_aligned_alloc( second, 512, 10, "m" );
    assert_int_equal( (uintptr_t)aligned % 512, 0 );
    zeroed = dmheap_ctx_realloc( second, zeroed, 5000, "m" );
    assert_non_null( zeroed );
    aligned = dmheap_ctx_aligned_realloc( second, aligned, 2048, 3000, "m" );
    assert_int_equal( (uintptr_t)aligned % 2048, 0 );
    assert_true( dmheap_ctx_usable_size( second, aligned ) >= 3000 );
    assert_true( dmheap_ctx_retag( second, aligned, "n" ) );
    assert_true( dmheap_ctx_rename_module( second, "n", "o" ) );
    assert_true( dmheap_ctx_set_module_limit( second, "o", 100 ) );
    assert_null( dmheap_ctx_malloc( second, 10, "o" ) );
    dmheap_module_t handle = dmheap_ctx_module_open( second, "m" );
    assert_non_null( dmheap_module_malloc( handle, 10 ) );
    dmheap_ctx_concatenate_free_blocks( second );
    dmheap_ctx_unregister_module( second, "m" );
    dmheap_ctx_unregister_module( second, "o" );
    assert_int_equal( used_in( second ), 0 );
    assert_int_equal( dmheap_ctx_check( second, NULL ), DMHEAP_CHECK_OK );
}

static void the_heap_that_a_pointer_lies_in_says_what_it_is( void** state )
{
    (void)state;
    dmheap_context_t* second   = second_heap();
    void*             blocks[] = { dmheap_malloc( 100, NULL ), dmheap_ctx_malloc( second, 100, NULL ) };
    for( unsigned i = 0; i < 2; i++ )
    {
        dmheap_free( blocks[i], false );
        assert_refused( dmheap_free( blocks[i], false ), "freed already" );
    }
}

static void a_context_is_found_by_its_name( void** state )
{
    (void)state;
    dmheap_context_t* second = second_heap();
    assert_ptr_equal( dmheap_ctx_find( "second" ), second );
    assert_null( dmheap_ctx_find( "third" ) );
    assert_null( dmheap_ctx_find( "" ) );
    assert_null( dmheap_ctx_find( NULL ) );
    assert_true( dmheap_ctx_deinit( second ) );
    assert_null( dmheap_ctx_find( "second" ) );
}

static void default_heaps_are_tried_in_order( void** state )
{
    (void)state;
    dmheap_context_t* second = second_heap();
    assert_true( dmheap_ctx_set_default( second, DMHEAP_LAST ) );
    void* first_fit = dmheap_malloc( 100, "m" );
    assert_ptr_not_equal( dmheap_ctx_of( first_fit ), second );
    void* big  = dmheap_malloc( 60000, "m" );
    void* more = dmheap_malloc( 60000, "m" );
    assert_ptr_not_equal( dmheap_ctx_of( big ), second );
    assert_ptr_equal( dmheap_ctx_of( more ), second );
    assert_int_equal( fixture_logged( "[ERROR]" ), 0 );
    assert_null( dmheap_malloc( 60000, "m" ) );
    assert_int_equal( fixture_logged( "[ERROR]" ), 1 );
    assert_true( dmheap_ctx_set_default( second, 0 ) );
    assert_ptr_equal( dmheap_ctx_of( dmheap_malloc( 100, "m" ) ), second );
    assert_true( dmheap_ctx_unset_default( second ) );
    assert_false( dmheap_ctx_unset_default( second ) );
    assert_ptr_not_equal( dmheap_ctx_of( dmheap_malloc( 100, "m" ) ), second );
    dmheap_unregister_module( "m" );
    assert_int_equal( used_in( second ), 0 );
    assert_int_equal( stats_now().used_blocks, 0 );
}

static void a_realloc_moves_to_another_default_heap( void** state )
{
    (void)state;
    dmheap_context_t* second = second_heap();
    dmheap_ctx_set_default( second, DMHEAP_LAST );
    unsigned char* block = dmheap_malloc( 30000, "m" );
    for( unsigned i = 0; i < 30000; i++ )
        block[i] = (unsigned char)i;
    void* wall = dmheap_malloc( 8, NULL );
    (void)fixture_log();
    unsigned char* moved = dmheap_realloc( block, 50000, NULL );
    assert_ptr_equal( dmheap_ctx_of( moved ), second );
    assert_int_equal( fixture_logged( "Module m registered" ), 1 );
    for( unsigned i = 0; i < 30000; i++ )
        assert_int_equal( moved[i], (unsigned char)i );
    assert_int_equal( live_blocks_of( "m" ), 1 );
    assert_refused( dmheap_free( block, true ), "refused" );
    assert_int_equal( live_blocks_of( "m" ), 1 );
    dmheap_free( wall, true );
}

static void a_realloc_within_a_heap_is_refused_what_only_another_one_has( void** state )
{
    (void)state;
    dmheap_context_t* second = second_heap();
    dmheap_ctx_set_default( second, DMHEAP_LAST );
    unsigned char* block = dmheap_ctx_malloc( second, 30000, "m" );
    void*          wall  = dmheap_ctx_malloc( second, 20000, NULL );
    assert_non_null( wall );
    memset( block, 7, 30000 );
    assert_null( dmheap_ctx_realloc( second, block, 50000, NULL ) );
    assert_null( dmheap_ctx_aligned_realloc( second, block, 64, 50000, NULL ) );
    assert_int_equal( fixture_logged( "out of memory" ), 2 );
    assert_ptr_equal( dmheap_ctx_of( block ), second );
    unsigned char* moved = dmheap_realloc( block, 50000, NULL );
    assert_non_null( moved );
    assert_ptr_not_equal( dmheap_ctx_of( moved ), second );
    assert_int_equal( moved[29999], 7 );
    assert_int_equal( live_blocks_of( "m" ), 1 );
}

static void a_failed_realloc_across_heaps_leaves_the_old_block( void** state )
{
    (void)state;
    dmheap_context_t* second = second_heap();
    dmheap_ctx_set_default( second, DMHEAP_LAST );
    unsigned char* block = dmheap_malloc( 30000, "m" );
    memset( block, 7, 30000 );
    assert_null( dmheap_realloc( block, 90000, NULL ) );
    assert_int_equal( block[29999], 7 );
    assert_valid();
    dmheap_free( block, true );
    assert_int_equal( live_blocks_of( "m" ), 0 );
}

static void a_handle_falls_back_to_the_other_default_heaps( void** state )
{
    (void)state;
    dmheap_context_t* second = second_heap();
    dmheap_ctx_set_default( second, DMHEAP_LAST );
    dmheap_module_t m = dmheap_module_open( "m" );
    assert_non_null( dmheap_module_malloc( m, 60000 ) );
    assert_ptr_equal( dmheap_ctx_of( dmheap_module_malloc( m, 60000 ) ), second );
    assert_null( dmheap_module_malloc( m, 60000 ) );
    assert_int_equal( live_blocks_of( "m" ), 2 );
}

static void a_heap_inside_of_a_block_works( void** state )
{
    (void)state;
    void*             room   = dmheap_malloc( 8192, "plugin" );
    dmheap_context_t* nested = dmheap_ctx_init( room, 8192, 8, "second" );
    assert_non_null( nested );
    void* inner = dmheap_ctx_malloc( nested, 100, "m" );
    assert_ptr_equal( dmheap_ctx_of( inner ), nested );
    assert_ptr_not_equal( dmheap_ctx_of( room ), nested );
    dmheap_free( inner, true );
    assert_int_equal( used_in( nested ), 0 );
    assert_true( dmheap_ctx_deinit( nested ) );
    dmheap_free( room, true );
}

static void a_default_heap_in_whose_free_memory_another_one_is_made_is_forgotten( void** state )
{
    (void)state;
    for( unsigned overruns = 0; overruns < 2; overruns++ )
    {
        assert_true( fixture_heap( 16384, 8, 0 ) );
        unsigned char* block = dmheap_malloc( 2000, "m" );
        assert_non_null( block );
        dmheap_context_t* other = dmheap_ctx_init( block + ( overruns ? 1000 : 4000 ), 2000, 8, NULL );
        assert_non_null( other );
        assert_false( dmheap_is_initialized() );
        assert_true( dmheap_ctx_deinit( other ) );
    }
    assert_true( fixture_heap( 16384, 8, 0 ) );
}

static void a_default_heap_in_whose_block_another_one_is_made_lives_on( void** state )
{
    (void)state;
    for( size_t offset = 0; offset <= 6000; offset += 1000 )
    {
        unsigned char*    block = dmheap_malloc( 8000, "m" );
        dmheap_context_t* other = dmheap_ctx_init( block + offset, 2000, 8, NULL );
        assert_non_null( other );
        assert_true( dmheap_is_initialized() );
        assert_true( dmheap_ctx_deinit( other ) );
        dmheap_free( block, false );
    }
}

static void deinit_warns_of_blocks_that_are_left( void** state )
{
    (void)state;
    dmheap_context_t* second = second_heap();
    void*             block  = dmheap_ctx_malloc( second, 100, "m" );
    (void)fixture_log();
    assert_true( dmheap_ctx_deinit( second ) );
    assert_int_equal( fixture_logged( "[WARN]" ), 1 );
    assert_non_null( strstr( fixture_log(), "104 bytes still allocated" ) );
    assert_refused( dmheap_free( block, true ), "in no heap" );
    assert_refused( dmheap_ctx_deinit( second ), "No heap here" );
    assert_refused( dmheap_ctx_malloc( second, 8, NULL ), "No heap here" );
    assert_refused( dmheap_ctx_free( second, block, true ), "No heap here" );
    assert_refused( dmheap_ctx_set_default( second, 0 ), "No heap here" );
    second = second_heap();
    dmheap_ctx_free( second, dmheap_ctx_malloc( second, 100, "m" ), false );
    (void)fixture_log();
    assert_true( dmheap_ctx_deinit( second ) );
    assert_int_equal( fixture_logged( "[WARN]" ), 0 );
}

static void null_for_a_context_is_refused( void** state )
{
    int x;
    (void)state;
    assert_refused( dmheap_ctx_malloc( NULL, 8, NULL ), "No heap" );
    assert_refused( dmheap_ctx_calloc( NULL, 8, 8, NULL ), "No heap" );
    assert_refused( dmheap_ctx_aligned_alloc( NULL, 8, 8, NULL ), "No heap" );
    assert_refused( dmheap_ctx_realloc( NULL, &x, 8, NULL ), "No heap" );
    assert_refused( dmheap_ctx_aligned_realloc( NULL, &x, 8, 8, NULL ), "No heap" );
    assert_refused( dmheap_ctx_free( NULL, &x, true ), "No heap" );
    assert_refused( dmheap_ctx_usable_size( NULL, &x ), "No heap" );
    assert_refused( dmheap_ctx_retag( NULL, &x, NULL ), "No heap" );
    assert_refused( dmheap_ctx_register_module( NULL, "m" ), "No heap" );
    assert_refused( dmheap_ctx_unregister_module( NULL, "m" ), "No heap" );
    assert_refused( dmheap_ctx_rename_module( NULL, "m", "n" ), "No heap" );
    assert_refused( dmheap_ctx_set_module_limit( NULL, "m", 1 ), "No heap" );
    assert_refused( dmheap_ctx_module_open( NULL, "m" ), "No heap" );
    assert_refused( dmheap_ctx_deinit( NULL ), "No heap" );
    assert_refused( dmheap_ctx_set_default( NULL, 0 ), "No heap" );
    assert_false( dmheap_ctx_unset_default( NULL ) );
    dmheap_stats_t stats;
    assert_false( dmheap_ctx_get_stats( NULL, &stats ) );
    assert_int_equal( dmheap_ctx_check( NULL, NULL ), DMHEAP_CHECK_NOT_INITIALIZED );
}

static void null_for_what_is_to_be_filled_or_called_is_refused( void** state )
{
    dmheap_module_stats_t module_stats;
    dmheap_context_t*     second = second_heap();
    (void)state;
    assert_refused( dmheap_get_stats( NULL ), "NULL" );
    assert_refused( dmheap_get_module_stats( "m", NULL ), "NULL" );
    assert_refused( dmheap_visit_blocks( NULL, NULL ), "NULL" );
    assert_refused( dmheap_visit_modules( NULL, NULL ), "NULL" );
    assert_refused( dmheap_ctx_get_stats( second, NULL ), "NULL" );
    assert_refused( dmheap_ctx_get_module_stats( second, "m", NULL ), "NULL" );
    assert_refused( dmheap_ctx_visit_blocks( second, NULL, NULL ), "NULL" );
    assert_refused( dmheap_ctx_visit_modules( second, NULL, NULL ), "NULL" );
    assert_refused( dmheap_ctx_visit_blocks( NULL, NULL, NULL ), "No heap" );
    assert_refused( dmheap_ctx_visit_modules( NULL, NULL, NULL ), "No heap" );
    assert_refused( dmheap_ctx_check( NULL, NULL ), "No heap" );
    assert_refused( dmheap_ctx_get_stats( NULL, NULL ), "No heap" );
    assert_false( dmheap_get_module_stats( "unknown", &module_stats ) );
    assert_false( dmheap_ctx_get_module_stats( second, "unknown", &module_stats ) );
    assert_int_equal( fixture_logged( "[WARN] dmheap: Module unknown is not registered." ), 2 );
}

static void bad_arguments_of_one_heap_are_refused( void** state )
{
    dmheap_context_t* second = second_heap();
    int               x;
    (void)state;
    assert_false( dmheap_ctx_register_module( second, "" ) );
    assert_false( dmheap_ctx_retag( second, &x, "m" ) );
    dmheap_ctx_unregister_module( second, "" );
    assert_false( dmheap_ctx_rename_module( second, "", "m" ) );
    assert_int_equal( fixture_logged( "[ERROR]" ), 4 );
    assert_false( dmheap_ctx_rename_module( second, "unknown", "m" ) );
    assert_null( dmheap_ctx_init( NULL, 4096, 8, "name" ) );
}

static void a_heap_that_has_no_room_for_its_name_is_refused( void** state )
{
    char     text[NAME_ROOM];
    unsigned refused = 0, made = 0;
    (void)state;
    for( size_t size = 150; size < 350; size++ )
        if( dmheap_ctx_init( fixture_second_buffer(), size, 8, name_of( text, NAME_MOST ) ) != NULL )
            made++;
        else if( dmheap_ctx_init( fixture_second_buffer(), size, 8, NULL ) != NULL )
            refused++;
    assert_true( refused >= NAME_MOST - 7 ); /* sizes for which the name alone is too large */
    assert_true( made > 0 );
}

static void the_initial_heap_can_be_moved_among_the_default_ones( void** state )
{
    (void)state;
    dmheap_context_t* second  = second_heap();
    dmheap_context_t* initial = dmheap_ctx_of( dmheap_malloc( 8, NULL ) );
    assert_true( dmheap_ctx_set_default( second, DMHEAP_LAST ) );
    assert_true( dmheap_ctx_set_default( initial, DMHEAP_LAST ) );
    assert_ptr_equal( dmheap_ctx_of( dmheap_malloc( 8, NULL ) ), second );
    assert_true( dmheap_ctx_unset_default( initial ) );
    /* it is in use all the same, and what dmheap_init() replaces */
    assert_true( dmheap_init( fixture_buffer(), 65536, 8 ) );
    assert_int_equal( stats_now().used_blocks, 1 );
}

static void the_initial_heap_is_the_first_default_one_and_keeps_its_place( void** state )
{
    (void)state;
    dmheap_context_t* second = second_heap();
    assert_true( dmheap_ctx_set_default( second, DMHEAP_LAST ) );
    assert_true( dmheap_ctx_deinit( dmheap_ctx_of( dmheap_malloc( 8, NULL ) ) ) );
    assert_true( dmheap_init( fixture_buffer(), 65536, 8 ) ); /* in front of the others */
    dmheap_context_t* initial = dmheap_ctx_of( dmheap_malloc( 8, NULL ) );
    assert_ptr_not_equal( initial, second );
    assert_true( dmheap_ctx_set_default( initial, DMHEAP_LAST ) );
    assert_true( dmheap_init( fixture_buffer(), 65536, 8 ) ); /* behind them as before */
    assert_ptr_equal( dmheap_ctx_of( dmheap_malloc( 8, NULL ) ), second );
}

static void every_place_of_the_registry_can_be_used( void** state )
{
    dmheap_context_t* made[64];
    unsigned          count = 0;
    int               x;
    (void)state;
    while( ( made[count] = dmheap_ctx_init( fixture_second_buffer() + 1024 * count, 1024, 8, NULL ) ) != NULL )
        count++;
    assert_refused( dmheap_free( &x, false ), "in no heap" );
    assert_refused( dmheap_ctx_malloc( (void*)&x, 8, NULL ), "No heap" );
    assert_null( dmheap_ctx_find( "unknown" ) );
    (void)fixture_log();
    dmheap_unregister_module( "unknown" );
    assert_int_equal( fixture_logged( "[WARN]" ), 1 );
    /* one more takes the place of the one at the same address */
    assert_ptr_equal( dmheap_ctx_init( made[0], 1024, 8, NULL ), made[0] );
    while( count != 0 )
        assert_true( dmheap_ctx_deinit( made[--count] ) );
}

static void too_many_heaps_are_refused( void** state )
{
    dmheap_context_t* made[64];
    unsigned          count = 0;
    (void)state;
    while( count < 64 )
    {
        made[count] = dmheap_ctx_init( fixture_second_buffer() + 1024 * count, 1024, 8, NULL );
        if( made[count] == NULL ) break;
        count++;
    }
    assert_int_equal( count, DMHEAP_MAX_CONTEXTS - 1 );
    assert_non_null( strstr( fixture_log(), "DMHEAP_MAX_CONTEXTS" ) );
    while( count != 0 )
        assert_true( dmheap_ctx_deinit( made[--count] ) );
}

static void a_name_that_a_heap_cannot_have_is_refused( void** state )
{
    char text[NAME_ROOM];
    (void)state;
    assert_null( dmheap_ctx_init( fixture_second_buffer(), 4096, 8, "" ) );
    assert_null( dmheap_ctx_init( fixture_second_buffer(), 4096, 8, name_of( text, NAME_MOST + 1 ) ) );
    assert_int_equal( fixture_logged( "[ERROR]" ), 2 );
}

static void limits_count_for_each_default_heap( void** state )
{
    (void)state;
    dmheap_context_t* second = second_heap();
    dmheap_ctx_set_default( second, DMHEAP_LAST );
    assert_true( dmheap_set_module_limit( "m", 1000 ) );
    assert_null( dmheap_malloc( 2000, "m" ) );
    assert_null( dmheap_ctx_malloc( second, 2000, "m" ) );
    assert_non_null( dmheap_malloc( 900, "m" ) );
    assert_null( dmheap_malloc( 900, "m" ) ); /* a limit is no reason to try the next heap */
}

static int teardown( void** state )
{
    fixture_interrupt = NULL;
    int result        = heap_holds( state );
    fixture_no_heap();
    return result;
}

static void a_heap_of_init_comes_first_where_the_former_was_no_default_heap( void** state )
{
    static char             buffer[4096];
    dmheap_context_t*       second = second_heap();
    const dmheap_context_t* former = dmheap_ctx_of( dmheap_malloc( 100, NULL ) );
    (void)state;
    assert_true( dmheap_ctx_set_default( second, DMHEAP_LAST ) );
    assert_true( dmheap_ctx_unset_default( (dmheap_context_t*)(uintptr_t)former ) );
    assert_true( dmheap_init( buffer, sizeof buffer, 8 ) );
    char* block = dmheap_malloc( 100, NULL );
    assert_true( block >= buffer && block < buffer + sizeof buffer );
    dmheap_free( block, false );
}

static void heaps_that_lie_in_one_are_taken_down_with_it( void** state )
{
    (void)state;
    dmheap_context_t* second = second_heap();
    char*             room   = dmheap_ctx_malloc( second, 4096, "m" );
    dmheap_context_t* inner  = dmheap_ctx_init( room, 2048, 8, "inner" );
    dmheap_context_t* beside = dmheap_ctx_init( room + 2048, 2048, 8, "beside" );
    assert_non_null( inner );
    assert_true( dmheap_ctx_deinit( second ) );
    assert_null( dmheap_ctx_find( "inner" ) );
    assert_false( dmheap_ctx_deinit( inner ) );
    assert_null( dmheap_ctx_find( "beside" ) );
    assert_false( dmheap_ctx_deinit( beside ) );
}

#define CONTEXT_TEST( name ) cmocka_unit_test_setup_teardown( name, fresh_heap, teardown )

int test_contexts( void )
{
    const struct CMUnitTest tests[] = {
        CONTEXT_TEST( a_context_is_a_heap_of_its_own ),
        CONTEXT_TEST( the_whole_api_works_on_a_context ),
        CONTEXT_TEST( the_heap_that_a_pointer_lies_in_says_what_it_is ),
        CONTEXT_TEST( a_context_is_found_by_its_name ),
        CONTEXT_TEST( default_heaps_are_tried_in_order ),
        CONTEXT_TEST( heaps_that_lie_in_one_are_taken_down_with_it ),
        CONTEXT_TEST( a_heap_of_init_comes_first_where_the_former_was_no_default_heap ),
        CONTEXT_TEST( a_realloc_moves_to_another_default_heap ),
        CONTEXT_TEST( a_realloc_within_a_heap_is_refused_what_only_another_one_has ),
        CONTEXT_TEST( a_failed_realloc_across_heaps_leaves_the_old_block ),
        CONTEXT_TEST( a_handle_falls_back_to_the_other_default_heaps ),
        CONTEXT_TEST( a_heap_inside_of_a_block_works ),
        CONTEXT_TEST( a_default_heap_in_whose_free_memory_another_one_is_made_is_forgotten ),
        CONTEXT_TEST( a_default_heap_in_whose_block_another_one_is_made_lives_on ),
        CONTEXT_TEST( deinit_warns_of_blocks_that_are_left ),
        CONTEXT_TEST( null_for_a_context_is_refused ),
        CONTEXT_TEST( null_for_what_is_to_be_filled_or_called_is_refused ),
        CONTEXT_TEST( bad_arguments_of_one_heap_are_refused ),
        CONTEXT_TEST( a_heap_that_has_no_room_for_its_name_is_refused ),
        CONTEXT_TEST( the_initial_heap_can_be_moved_among_the_default_ones ),
        CONTEXT_TEST( the_initial_heap_is_the_first_default_one_and_keeps_its_place ),
        CONTEXT_TEST( every_place_of_the_registry_can_be_used ),
        CONTEXT_TEST( too_many_heaps_are_refused ),
        CONTEXT_TEST( a_name_that_a_heap_cannot_have_is_refused ),
        CONTEXT_TEST( limits_count_for_each_default_heap ),
    };
    return cmocka_run_group_tests_name( "contexts", tests, NULL, NULL );
}
