/*
 * What a call works on may be gone at any moment that it does not hold the lock: the heap is taken down, the module is
 * unregistered, or comes back as another, after each of its steps in turn.
 */
#include "unit.h"

static dmheap_context_t* second;
static unsigned char*    block; /* in the second heap, of 200 bytes, behind `front` of 400 */
static unsigned char*    front;
static dmheap_module_t   handle; /* of "m", there */

static unsigned countdown;
static void ( *happens )( void );

static void count_down( void )
{
    if( countdown != 0 && --countdown == 0 ) happens();
}

static void make_second( void )
{
    second = fixture_second_heap( 8192, 8, 0 );
    assert_non_null( second );
    assert_true( dmheap_ctx_set_default( second, 0 ) );
    assert_true( dmheap_register_module( "m" ) );
    assert_true( dmheap_register_module( "n" ) );
    front  = dmheap_malloc( 400, "n" );
    block  = dmheap_malloc( 200, "m" );
    handle = dmheap_module_open( "m" );
    assert_ptr_equal( dmheap_ctx_of( block ), second );
    memset( front, 0x22, 400 );
    memset( block, 0x11, 200 );
    assert_non_null( dmheap_malloc( 24, NULL ) );
    assert_non_null( dmheap_malloc( 100, "m" ) );
    assert_ptr_equal( handle.context, second );
}

static void two_heaps( void )
{
    assert_true( fixture_heap( 16384, 8, 0 ) );
    make_second();
}

/* ---- Calls ---- */

static bool look_at_block( const dmheap_block_info_t* info, void* user )
{
    (void)info;
    (void)user;
    return true;
}

static bool look_at_module( const dmheap_module_info_t* info, void* user )
{
    (void)info;
    (void)user;
    return true;
}

static void call_malloc( void )
{
    (void)dmheap_malloc( 50, "new" );
}

static void call_malloc_for_another_heap( void )
{
    (void)dmheap_malloc( 10000, "m" );
}

static void call_ctx_malloc( void )
{
    (void)dmheap_ctx_malloc( second, 50, "new" );
}

static void call_realloc_that_moves( void )
{
    (void)dmheap_realloc( block, 1000, NULL );
}

static void call_realloc_that_slides( void )
{
    dmheap_free( front, false );
    (void)dmheap_realloc( block, 500, NULL );
}

static void call_realloc_to_another_heap( void )
{
    (void)dmheap_realloc( block, 9000, NULL );
}

static void call_realloc_beyond_the_limit( void )
{
    (void)dmheap_ctx_set_module_limit( second, "m", 1000 );
    (void)dmheap_realloc( block, 2000, NULL );
}

static void call_realloc_to_nowhere( void )
{
    (void)dmheap_realloc( block, 30000, NULL );
}

static void call_free( void )
{
    dmheap_free( block, false );
}

static void call_register( void )
{
    (void)dmheap_register_module( "new" );
}

static void call_open( void )
{
    (void)dmheap_module_open( "new" );
}

static void call_unregister( void )
{
    dmheap_unregister_module( "m" );
}

static void call_unregister_all( void )
{
    for( char name[2] = "a"; name[0] <= 'n'; name[0]++ )
        (void)dmheap_register_module( name );
    for( char name[2] = "a"; name[0] <= 'n'; name[0]++ )
        dmheap_unregister_module( name );
}

static void call_rename_to_a_free_name( void )
{
    (void)dmheap_rename_module( "m", "new" );
}

static void call_rename_to_a_taken_name( void )
{
    (void)dmheap_rename_module( "m", "n" );
}

static void call_limit( void )
{
    (void)dmheap_set_module_limit( "m", 5000 );
}

static void call_module_malloc( void )
{
    (void)dmheap_module_malloc( handle, 50 );
}

static void call_retag( void )
{
    (void)dmheap_retag( block, "new" );
}

static void call_figures( void )
{
    dmheap_stats_t        stats;
    dmheap_module_stats_t module_stats;
    (void)dmheap_ctx_get_stats( second, &stats );
    (void)dmheap_get_stats( &stats );
    (void)dmheap_get_module_stats( "m", &module_stats );
    (void)dmheap_ctx_get_module_stats( second, "m", &module_stats );
}

static void call_visitors( void )
{
    dmheap_visit_blocks( look_at_block, NULL );
    dmheap_ctx_visit_blocks( second, look_at_block, NULL );
    dmheap_visit_modules( look_at_module, NULL );
    dmheap_ctx_visit_modules( second, look_at_module, NULL );
}

static void call_check( void )
{
    assert_int_equal( dmheap_check( NULL ), DMHEAP_CHECK_OK );
    dmheap_check_t found = dmheap_ctx_check( second, NULL );
    assert_true( found == DMHEAP_CHECK_OK || dmheap_ctx_find( "second" ) == NULL );
}

static void call_order( void )
{
    (void)dmheap_ctx_unset_default( second );
    (void)dmheap_ctx_set_default( second, 0 );
}

/* Between two of their steps these copy contents: their heap may be taken down then, but its memory is in use. */
static void ( *const copying[] )( void ) = { call_realloc_that_moves, call_realloc_that_slides,
                                             call_realloc_to_another_heap };

static void ( *const calls[] )( void ) = {
    call_malloc,
    call_malloc_for_another_heap,
    call_ctx_malloc,
    call_realloc_beyond_the_limit,
    call_realloc_to_nowhere,
    call_free,
    call_register,
    call_open,
    call_unregister,
    call_unregister_all,
    call_rename_to_a_free_name,
    call_rename_to_a_taken_name,
    call_limit,
    call_module_malloc,
    call_retag,
    call_figures,
    call_visitors,
    call_check,
    call_order,
};

/* Makes a call, and lets something happen after each of its steps; `remains` is what must hold then. */
static void happen_during( void ( *const call )( void ), void ( *what )( void ), void ( *remains )( void ) )
{
    EACH_STEP
    {
        two_heaps();
        countdown         = step;
        happens           = what;
        fixture_interrupt = count_down;
        call();
        fixture_interrupt = NULL;
        remains();
        assert_valid();
    }
}

static void happen_everywhere( void ( *what )( void ), void ( *remains )( void ) )
{
    for( unsigned i = 0; i < sizeof calls / sizeof *calls; i++ )
        happen_during( calls[i], what, remains );
    for( unsigned i = 0; i < sizeof copying / sizeof *copying; i++ )
        happen_during( copying[i], what, remains );
}

/* ---- What happens ---- */

static void take_heap_down( void )
{
    assert_true( dmheap_ctx_deinit( second ) );
}

static void one_heap_remains( void )
{
    (void)dmheap_ctx_deinit( second );
    assert_null( dmheap_ctx_of( block ) );
}

static void a_heap_may_vanish_at_any_moment_of_any_call( void** state )
{
    (void)state;
    happen_everywhere( take_heap_down, one_heap_remains );
}

static void make_an_empty_heap_in_its_place( void )
{
    second = fixture_second_heap( 8192, 8, 0 );
    assert_true( dmheap_ctx_set_default( second, 0 ) );
}

static void make_the_same_heap_in_its_place( void )
{
    make_second();
}

static void nothing_more( void )
{
}

static dmheap_stats_t second_stats( void )
{
    dmheap_stats_t stats = { 0 };
    assert_true( dmheap_ctx_get_stats( second, &stats ) );
    return stats;
}

/* What the call had found in the former heap is not taken for something of the new one. */
static void the_new_heap_has_what_was_asked_for_since( void )
{
    assert_ptr_equal( dmheap_ctx_find( "second" ), second );
    assert_int_equal( dmheap_ctx_check( second, NULL ), DMHEAP_CHECK_OK );
    if( countdown == 0 ) assert_true( second_stats().used_blocks <= 1 );
}

static void assert_holds( const unsigned char* payload, unsigned char value, size_t size )
{
    for( size_t i = 0; i < size; i++ )
        assert_int_equal( payload[i], value );
}

static void the_new_blocks_are_untouched( void )
{
    assert_int_equal( dmheap_ctx_check( second, NULL ), DMHEAP_CHECK_OK );
    if( dmheap_ctx_of( front ) == second ) assert_holds( front, 0x22, 400 );
    if( dmheap_ctx_of( block ) == second ) assert_holds( block, 0x11, 200 );
    assert_in_range( second_stats().used_blocks, 1, 5 ); /* nobody's block is the least */
}

static void the_new_blocks_are_all_there_is( void )
{
    the_new_blocks_are_untouched();
    if( countdown == 0 ) assert_int_equal( second_stats().used_blocks, 4 );
}

static void a_heap_may_be_made_anew_at_any_moment_of_any_call( void** state )
{
    (void)state;
    for( unsigned i = 0; i < sizeof calls / sizeof *calls; i++ )
    {
        happen_during( calls[i], make_an_empty_heap_in_its_place, the_new_heap_has_what_was_asked_for_since );
        happen_during( calls[i], make_the_same_heap_in_its_place, the_new_blocks_are_untouched );
    }
    happen_during( call_module_malloc, make_the_same_heap_in_its_place, the_new_blocks_are_all_there_is );
    happen_during( call_free, make_the_same_heap_in_its_place, the_new_blocks_are_all_there_is );
    happen_during( call_retag, make_the_same_heap_in_its_place, the_new_blocks_are_all_there_is );
    happen_during( call_realloc_to_nowhere, make_the_same_heap_in_its_place, the_new_blocks_are_all_there_is );
}

static void unregister_m( void )
{
    dmheap_unregister_module( "m" );
}

/* It is refused as long as a realloc keeps the module from having left. */
static void register_m( void )
{
    if( !dmheap_register_module( "m" ) ) assert_non_null( strstr( fixture_log(), "being unregistered" ) );
}

static void renew_m( void )
{
    dmheap_unregister_module( "m" );
    register_m();
}

static void replace_m( void )
{
    dmheap_unregister_module( "m" );
    assert_true( dmheap_register_module( "new" ) );
    register_m();
}

static void rename_m( void )
{
    (void)dmheap_rename_module( "m", "o" );
}

static void register_new( void )
{
    (void)dmheap_register_module( "new" );
}

static bool look_at_moving( const dmheap_block_info_t* info, void* user )
{
    *(bool*)user |= info->use == DMHEAP_BLOCK_MOVING;
    return true;
}

static bool saw_moving;

static void look_at_everything( void )
{
    call_figures();
    call_visitors();
    call_limit();
    dmheap_visit_blocks( look_at_moving, &saw_moving );
    assert_int_equal( dmheap_check( NULL ), DMHEAP_CHECK_OK );
}

static void nothing_remains_of_the_modules( void )
{
    static const char* const names[] = { "m", "n", "o", "new", "a" };
    for( unsigned i = 0; i < sizeof names / sizeof *names; i++ )
        dmheap_unregister_module( names[i] );
    assert_int_equal( stats_now().modules, 0 );
    for( unsigned i = 0; i < sizeof names / sizeof *names; i++ )
        assert_int_equal( live_blocks_of( names[i] ), 0 );
}

static void a_module_may_leave_at_any_moment_of_any_call( void** state )
{
    (void)state;
    happen_everywhere( unregister_m, nothing_remains_of_the_modules );
}

static void a_module_may_become_another_at_any_moment_of_any_call( void** state )
{
    (void)state;
    happen_everywhere( renew_m, nothing_remains_of_the_modules );
    happen_everywhere( replace_m, nothing_remains_of_the_modules );
}

static void a_module_may_be_renamed_at_any_moment_of_any_call( void** state )
{
    (void)state;
    happen_everywhere( rename_m, nothing_remains_of_the_modules );
}

static void everything_may_be_looked_at_at_any_moment_of_any_call( void** state )
{
    (void)state;
    saw_moving = false;
    happen_everywhere( look_at_everything, nothing_more );
    assert_true( saw_moving );
}

static void a_name_may_be_registered_at_any_moment_of_any_call( void** state )
{
    (void)state;
    happen_everywhere( register_new, nothing_more );
}

/* All places of the registry are taken while a heap is made. */
static void take_all_places( void )
{
    for( unsigned i = 0; i < 16; i++ )
        (void)dmheap_ctx_init( fixture_second_buffer() + 65536 + 1024 * (size_t)i, 1024, 8, NULL );
}

static void a_heap_that_lost_its_place_meanwhile_is_refused( void** state )
{
    (void)state;
    for( unsigned step = 1; step < 6; step++ )
    {
        two_heaps();
        assert_true( dmheap_ctx_deinit( second ) );
        countdown           = step;
        happens             = take_all_places;
        fixture_interrupt   = count_down;
        dmheap_context_t* b = dmheap_ctx_init( fixture_second_buffer(), 8192, 8, "second" );
        fixture_interrupt   = NULL;
        assert_true( b != NULL || fixture_logged( "DMHEAP_MAX_CONTEXTS" ) != 0 );
        assert_valid();
        for( unsigned i = 0; i < 16; i++ )
            (void)dmheap_ctx_deinit( (void*)( fixture_second_buffer() + 65536 + 1024 * (size_t)i ) );
        if( b != NULL ) assert_true( dmheap_ctx_deinit( b ) );
        (void)fixture_log();
    }
}

static void an_init_that_lost_its_place_meanwhile_is_refused( void** state )
{
    (void)state;
    two_heaps();
    countdown         = 1;
    happens           = take_all_places;
    fixture_interrupt = count_down;
    bool made         = dmheap_init( fixture_buffer(), 4096, 8 );
    fixture_interrupt = NULL;
    assert_false( made );
    /* the interrupt's own, that find every place but the second's taken, and the call's */
    assert_int_equal( fixture_logged( "DMHEAP_MAX_CONTEXTS" ), 16 - ( DMHEAP_MAX_CONTEXTS - 1 ) + 1 );
    for( unsigned i = 0; i < 16; i++ )
        (void)dmheap_ctx_deinit( (void*)( fixture_second_buffer() + 65536 + 1024 * (size_t)i ) );
}

static int teardown( void** state )
{
    (void)state;
    fixture_interrupt = NULL;
    fixture_no_heap();
    return 0;
}

static void take_second_down( void )
{
    assert_true( dmheap_ctx_deinit( second ) );
}

/* What is copied at that moment is written to it all the same. */
static void make_second_anew( void )
{
    take_second_down();
    assert_ptr_equal( fixture_second_heap( 65536, 8, 0 ), second );
}

static void a_realloc_leaves_the_block_as_it_was( void ( *when )( void ) )
{
    unsigned lost = 0;
    happens       = when;
    EACH_STEP
    {
        assert_true( fixture_heap( 4096, 8, 0 ) );
        second = fixture_second_heap( 65536, 8, 0 );
        assert_true( dmheap_ctx_set_default( second, DMHEAP_LAST ) );
        unsigned char* here = dmheap_malloc( 300, "m" );
        size_t         live = live_bytes_of( "m" );
        memset( here, 0x33, 300 );
        (void)fixture_log();
        countdown         = step;
        fixture_interrupt = count_down;
        void* moved       = dmheap_realloc( here, 20000, NULL );
        fixture_interrupt = NULL;
        if( countdown != 0 || moved != NULL ) continue;
        lost++;
        assert_int_equal( fixture_logged( "[ERROR]" ), 1 );
        assert_holds( here, 0x33, 300 );
        assert_int_equal( live_bytes_of( "m" ), live );
        assert_int_equal( live_blocks_of( "m" ), 1 );
        assert_int_equal( dmheap_ctx_check( first_context(), NULL ), DMHEAP_CHECK_OK );
        dmheap_free( here, false );
        assert_int_equal( live_blocks_of( "m" ), 0 );
    }
    assert_true( lost >= 2 ); /* before it moves, and while it copies */
}

static void a_realloc_whose_new_heap_vanishes_leaves_the_block_as_it_was( void** state )
{
    (void)state;
    a_realloc_leaves_the_block_as_it_was( take_second_down );
    a_realloc_leaves_the_block_as_it_was( make_second_anew );
}

enum
{
    IMITATION_WORDS = 1500
};

static uint32_t* imitation; /* a payload where the blocks were: each word is what the header of the moving one was */
static uint32_t  imitated;

static void make_a_heap_that_imitates( void )
{
    imitated = ( (uint32_t*)(void*)block )[-1];
    assert_true( dmheap_ctx_deinit( second ) );
    assert_ptr_equal( fixture_second_heap( 8192, 8, 0 ), second );
    imitation = dmheap_ctx_malloc( second, IMITATION_WORDS * sizeof *imitation, NULL );
    assert_true( (unsigned char*)imitation < block && block < (unsigned char*)( imitation + IMITATION_WORDS ) );
    for( unsigned i = 0; i < IMITATION_WORDS; i++ )
        imitation[i] = imitated;
}

static void a_payload_is_not_taken_for_the_block_that_moved_there( void** state )
{
    (void)state;
    happens = make_a_heap_that_imitates;
    EACH_STEP
    {
        two_heaps();
        imitation         = NULL;
        countdown         = step;
        fixture_interrupt = count_down;
        (void)dmheap_realloc( block, 1000, NULL );
        fixture_interrupt = NULL;
        for( unsigned i = 0; imitation != NULL && i < IMITATION_WORDS; i++ )
            assert_int_equal( imitation[i], imitated );
        if( imitation != NULL ) assert_int_equal( second_stats().used_blocks, 1 );
        assert_valid();
    }
}

static unsigned refused_while_leaving;

static void register_a_leaving_module( void )
{
    (void)fixture_log();
    bool registered = dmheap_register_module( "m" );
    bool opened     = dmheap_module_open( "m" ).context != NULL;
    assert_true( registered == opened );
    if( registered ) return; /* it has left already */
    assert_true( fixture_logged( "being unregistered" ) >= 1 );
    refused_while_leaving++;
}

static void a_module_that_is_leaving_is_not_registered( void** state )
{
    (void)state;
    happens               = register_a_leaving_module;
    refused_while_leaving = 0;
    EACH_STEP
    {
        assert_true( fixture_heap( 16384, 8, 0 ) );
        for( unsigned i = 0; i < 30; i++ )
            assert_non_null( dmheap_malloc( 8, "m" ) );
        countdown         = step;
        fixture_interrupt = count_down;
        dmheap_unregister_module( "m" );
        fixture_interrupt = NULL;
    }
    assert_true( refused_while_leaving >= 10 );
}

#define VANISHING_TEST( name ) cmocka_unit_test_teardown( name, teardown )

int test_vanishing( void )
{
    const struct CMUnitTest tests[] = {
        VANISHING_TEST( a_heap_may_vanish_at_any_moment_of_any_call ),
        VANISHING_TEST( a_heap_may_be_made_anew_at_any_moment_of_any_call ),
        VANISHING_TEST( a_module_may_leave_at_any_moment_of_any_call ),
        VANISHING_TEST( a_module_may_become_another_at_any_moment_of_any_call ),
        VANISHING_TEST( a_module_may_be_renamed_at_any_moment_of_any_call ),
        VANISHING_TEST( everything_may_be_looked_at_at_any_moment_of_any_call ),
        VANISHING_TEST( a_name_may_be_registered_at_any_moment_of_any_call ),
        VANISHING_TEST( a_realloc_whose_new_heap_vanishes_leaves_the_block_as_it_was ),
        VANISHING_TEST( a_payload_is_not_taken_for_the_block_that_moved_there ),
        VANISHING_TEST( a_module_that_is_leaving_is_not_registered ),
        VANISHING_TEST( a_heap_that_lost_its_place_meanwhile_is_refused ),
        VANISHING_TEST( an_init_that_lost_its_place_meanwhile_is_refused ),
    };
    return cmocka_run_group_tests_name( "vanishing", tests, NULL, NULL );
}
