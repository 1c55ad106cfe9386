/*
 * Modules by their handle: how long it is good for, and that it reaches nobody else's memory.
 */
#include "unit.h"

static dmheap_context_t* second_default( size_t size )
{
    dmheap_context_t* second = fixture_second_heap( size, 8, 0 );
    assert_non_null( second );
    assert_true( dmheap_ctx_set_default( second, DMHEAP_LAST ) );
    return second;
}

/* Every function that a handle is given to. NULL or false: refused. */
typedef enum
{
    BY_MALLOC,
    BY_CALLOC,
    BY_ALIGNED_ALLOC,
    BY_REALLOC_OF_NULL,
    BY_ALIGNED_REALLOC_OF_NULL,
    BY_REALLOC,
    BY_ALIGNED_REALLOC,
    BY_REALLOC_TO_0,
    BY_FREE,
    BY_GET_STATS,
    FACES
} face_t;

static void call( face_t face, dmheap_module_t handle, void* block )
{
    dmheap_module_stats_t stats;
    switch( face )
    {
    case BY_MALLOC: assert_null( dmheap_module_malloc( handle, 100 ) ); break;
    case BY_CALLOC: assert_null( dmheap_module_calloc( handle, 10, 10 ) ); break;
    case BY_ALIGNED_ALLOC: assert_null( dmheap_module_aligned_alloc( handle, 64, 100 ) ); break;
    case BY_REALLOC_OF_NULL: assert_null( dmheap_module_realloc( handle, NULL, 100 ) ); break;
    case BY_ALIGNED_REALLOC_OF_NULL: assert_null( dmheap_module_aligned_realloc( handle, NULL, 64, 100 ) ); break;
    case BY_REALLOC: assert_null( dmheap_module_realloc( handle, block, 50 ) ); break;
    case BY_ALIGNED_REALLOC: assert_null( dmheap_module_aligned_realloc( handle, block, 64, 300 ) ); break;
    case BY_REALLOC_TO_0: assert_null( dmheap_module_realloc( handle, block, 0 ) ); break;
    case BY_FREE: dmheap_module_free( handle, block ); break;
    case BY_GET_STATS: assert_false( dmheap_module_get_stats( handle, &stats ) ); break;
    case FACES:
    default: break;
    }
}

/* Refused whatever it is given to. */
static void assert_stale( dmheap_module_t handle, void* block )
{
    for( face_t face = 0; face < FACES; face++ )
        assert_refused( call( face, handle, block ), "handle is not or no longer valid" );
}

/* Refused where it is given somebody else's block, which stays what it was. */
static void assert_not_its_own( dmheap_module_t handle, void* block, const char* why )
{
    for( face_t face = BY_REALLOC; face <= BY_FREE; face++ )
        assert_refused( call( face, handle, block ), why );
}

/* ---- What a handle is good for ---- */

static void a_handle_does_what_its_name_does( void** state )
{
    (void)state;
    dmheap_module_t       net   = dmheap_module_open( "net" );
    unsigned char*        dirty = dmheap_malloc( 400, NULL );
    dmheap_module_stats_t stats, by_name;
    memset( dirty, 0xFF, 400 );
    dmheap_free( dirty, false );
    unsigned char* zeroed = dmheap_module_calloc( net, 40, 10 );
    for( unsigned i = 0; i < 400; i++ )
        assert_int_equal( zeroed[i], 0 );
    memset( zeroed, 4, 400 );
    void* wall = dmheap_malloc( 8, NULL );
    zeroed     = dmheap_module_realloc( net, zeroed, 1000 );
    assert_int_equal( zeroed[399], 4 );
    zeroed = dmheap_module_aligned_realloc( net, zeroed, 512, 2000 );
    assert_int_equal( (uintptr_t)zeroed % 512, 0 );
    assert_int_equal( zeroed[399], 4 );
    zeroed = dmheap_module_realloc( net, zeroed, 9000 ); /* keeps it */
    assert_int_equal( (uintptr_t)zeroed % 512, 0 );
    void* aligned = dmheap_module_aligned_realloc( net, NULL, 256, 10 );
    assert_int_equal( (uintptr_t)aligned % 256, 0 );
    void* plain = dmheap_module_realloc( net, NULL, 10 );
    assert_int_equal( live_blocks_of( "net" ), 3 );
    assert_true( dmheap_module_get_stats( net, &stats ) );
    assert_true( dmheap_get_module_stats( "net", &by_name ) );
    assert_same_figures( &stats, &by_name );
    dmheap_module_free( net, aligned );
    assert_null( dmheap_module_realloc( net, plain, 0 ) );
    dmheap_module_free( net, NULL );
    assert_int_equal( live_blocks_of( "net" ), 1 );
    assert_int_equal( fixture_logged( "[ERROR]" ), 0 );
    dmheap_module_free( net, zeroed );
    assert_int_equal( live_blocks_of( "net" ), 0 );
    assert_refused( dmheap_module_free( net, zeroed ), "freed already" );
    assert_refused( dmheap_module_realloc( net, zeroed, 10 ), "freed already" );
    assert_refused( dmheap_module_get_stats( net, NULL ), "NULL" );
    assert_refused( dmheap_module_aligned_realloc( net, wall, 24, 10 ), "power of two" );
    assert_refused( dmheap_module_calloc( net, SIZE_MAX / 2, 3 ), "overflows" );
    dmheap_free( wall, false );
}

static void a_handle_survives_a_rename( void** state )
{
    static const char* const names[] = { "net", "n", "a longer name than before", "net2", "m", "net" };
    (void)state;
    dmheap_module_t net   = dmheap_module_open( "net" );
    void*           block = dmheap_module_malloc( net, 100 );
    for( unsigned i = 0; i < 5; i++ )
    {
        assert_true( dmheap_rename_module( names[i], names[i + 1] ) );
        block = dmheap_module_realloc( net, block, 100 + 300 * (size_t)i );
        assert_non_null( block );
        dmheap_module_free( net, dmheap_module_malloc( net, 10 ) );
    }
    assert_int_equal( fixture_logged( "[ERROR]" ), 0 );
    assert_int_equal( live_blocks_of( "net" ), 1 );
    dmheap_module_t again = dmheap_module_open( "net" );
    assert_ptr_equal( again.context, net.context );
    assert_int_equal( again.key, net.key );
}

/* ---- Until when ---- */

static void a_handle_is_stale_when_its_module_is_gone( void** state )
{
    (void)state;
    for( unsigned how = 0; how < 5; how++ )
    {
        assert_true( fixture_heap( 65536, 8, 0 ) );
        dmheap_module_t net = dmheap_module_open( "net" );
        assert_non_null( dmheap_module_malloc( net, 100 ) );
        (void)dmheap_malloc( 8, "heir" );
        switch( how )
        {
        case 0: dmheap_unregister_module( "net" ); break;
        case 1: dmheap_ctx_unregister_module( first_context(), "net" ); break;
        case 2: assert_true( dmheap_rename_module( "net", "heir" ) ); break;
        case 3: assert_true( dmheap_rename_module( "net", NULL ) ); break;
        default:
            assert_true( dmheap_init( fixture_buffer(), 65536, 8 ) );
            assert_true( dmheap_register_module( "net" ) ); /* has the same place and number */
            break;
        }
        void* other = dmheap_malloc( 100, "other" );
        assert_stale( net, other );
        assert_true( how == 4 || dmheap_register_module( "net" ) );
        void* block = dmheap_malloc( 100, "net" );
        assert_stale( net, block );
        assert_stale( net, other );
        assert_int_equal( live_blocks_of( "other" ), 1 );
    }
}

static void a_handle_of_a_heap_that_was_taken_down_or_made_anew_is_stale( void** state )
{
    (void)state;
    for( unsigned registrations = 0; registrations < 4; registrations++ )
    {
        dmheap_context_t* second = fixture_second_heap( 16384, 8, 0 );
        dmheap_module_t   net    = dmheap_ctx_module_open( second, "net" );
        void*             block  = dmheap_module_malloc( net, 100 );
        assert_ptr_equal( dmheap_ctx_of( block ), second );
        void* other = dmheap_malloc( 100, "other" );
        assert_true( dmheap_ctx_deinit( second ) );
        assert_stale( net, other );
        second = fixture_second_heap( 16384, 8, 0 );
        for( unsigned i = 0; i < registrations; i++ )
            assert_true( dmheap_ctx_register_module( second, i == 0 ? "net" : i == 1 ? "b" : "c" ) );
        void* now = dmheap_ctx_malloc( second, 100, "net" );
        assert_stale( net, now );
        assert_int_equal( module_in( second, "net" ).live_blocks, 1 );
        assert_true( dmheap_ctx_deinit( second ) );
        dmheap_free( other, false );
    }
}

static void a_handle_is_stale_for_many_registrations( void** state )
{
    (void)state;
    dmheap_module_t net = dmheap_module_open( "net" );
    dmheap_unregister_module( "net" );
    for( unsigned i = 0; i < 70000; i++ )
    {
        dmheap_module_t again = dmheap_module_open( "net" );
        assert_false( again.key == net.key );
        if( i % 997 == 0 ) assert_null( dmheap_module_malloc( net, 100 ) );
        dmheap_unregister_module( "net" );
        (void)fixture_log();
    }
    assert_int_equal( stats_now().used_blocks, 0 );
    assert_stale( net, dmheap_malloc( 8, "net" ) );
}

static void a_module_is_opened_again_without_a_word( void** state )
{
    (void)state;
    dmheap_module_t one = dmheap_module_open( "m" );
    (void)fixture_log();
    dmheap_module_t other = dmheap_module_open( "m" );
    assert_string_equal( fixture_log(), "" );
    assert_ptr_equal( other.context, one.context );
    assert_int_equal( other.key, one.key );
}

static void nobody_has_no_handle( void** state )
{
    (void)state;
    void*           block  = dmheap_malloc( 8, NULL );
    dmheap_module_t nobody = { first_context(), OWNER_NOBODY };
    assert_refused( dmheap_module_free( nobody, block ), "handle" );
    assert_refused( dmheap_module_malloc( nobody, 8 ), "handle" );
}

static void what_is_no_handle_is_refused( void** state )
{
    static int x;
    (void)state;
    void* block = dmheap_malloc( 100, "net" );
    for( uint32_t key = 0; key < 300; key++ )
    {
        dmheap_module_t guess = { first_context(), key };
        if( key != dmheap_module_open( "net" ).key ) assert_null( dmheap_module_malloc( guess, 8 ) );
        (void)fixture_log();
    }
    assert_stale( ( dmheap_module_t ){ NULL, 0 }, block );
    assert_stale( ( dmheap_module_t ){ NULL, 4 }, block );
    assert_stale( ( dmheap_module_t ){ first_context(), 0 }, block );
    assert_stale( ( dmheap_module_t ){ (dmheap_context_t*)(void*)&x, dmheap_module_open( "net" ).key }, block );
}

/* ---- Whose blocks ---- */

static void a_handle_does_not_touch_the_blocks_of_others( void** state )
{
    (void)state;
    dmheap_module_t net     = dmheap_module_open( "net" );
    dmheap_module_t fs      = dmheap_module_open( "fs" );
    void*           of_net  = dmheap_module_malloc( net, 200 );
    void*           of_fs   = dmheap_module_malloc( fs, 200 );
    void*           nobodys = dmheap_malloc( 200, NULL );
    assert_not_its_own( net, of_fs, "a block of another module" );
    assert_not_its_own( fs, of_net, "a block of another module" );
    assert_not_its_own( net, nobodys, "a block of another module" );
    assert_not_its_own( net, (char*)of_net + 8, "inside of a block" );
    assert_not_its_own( net, &net, "in no heap" );
    assert_true( dmheap_retag( of_net, "fs" ) );
    assert_not_its_own( net, of_net, "a block of another module" );
    dmheap_module_free( fs, of_net );
    dmheap_module_free( fs, of_fs );
    assert_int_equal( fixture_logged( "[ERROR]" ), 0 );
    assert_int_equal( live_blocks_of( "fs" ), 0 );
}

/* A stale pointer whose place somebody else has got. */
static void a_stale_pointer_to_what_others_got_since_is_refused( void** state )
{
    (void)state;
    dmheap_module_t net   = dmheap_module_open( "net" );
    void*           block = dmheap_module_malloc( net, 200 );
    dmheap_module_free( net, block );
    assert_ptr_equal( dmheap_malloc( 200, "fs" ), block );
    assert_not_its_own( net, block, "a block of another module" );
    assert_int_equal( live_blocks_of( "fs" ), 1 );
}

static void a_handle_reaches_its_modules_blocks_in_the_other_default_heaps( void** state )
{
    (void)state;
    for( unsigned order = 0; order < 2; order++ )
    {
        assert_true( fixture_heap( 65536, 8, 0 ) );
        dmheap_context_t* second = second_default( 65536 );
        dmheap_module_t   net    = dmheap_ctx_module_open( order ? second : first_context(), "net" );
        dmheap_context_t* other  = order ? first_context() : second;
        (void)dmheap_ctx_malloc( other, 8, "x" ); /* the name has another number there */
        void*          there = dmheap_ctx_malloc( other, 200, "net" );
        unsigned char* again = dmheap_ctx_malloc( other, 200, "net" );
        void*          of_fs = dmheap_ctx_malloc( other, 200, "fs" );
        void*          none  = dmheap_ctx_malloc( other, 200, NULL );
        memset( again, 8, 200 );
        assert_not_its_own( net, of_fs, "a block of another module" );
        assert_not_its_own( net, none, "a block of another module" );
        (void)fixture_log();
        dmheap_module_free( net, there );
        again = dmheap_module_realloc( net, again, 3000 );
        assert_ptr_equal( dmheap_ctx_of( again ), other );
        assert_int_equal( again[199], 8 );
        again = dmheap_module_aligned_realloc( net, again, 256, 4000 );
        assert_int_equal( (uintptr_t)again % 256, 0 );
        assert_int_equal( fixture_logged( "[ERROR]" ), 0 );
        assert_int_equal( module_in( other, "net" ).live_blocks, 1 );
        /* a heap that is no default one is no matter of a handle of another */
        assert_true( dmheap_ctx_unset_default( other ) );
        assert_not_its_own( net, again, "a block of another module" );
        assert_true( dmheap_ctx_set_default( other, DMHEAP_LAST ) );
        assert_true( dmheap_rename_module( "net", "renamed" ) ); /* in both */
        dmheap_module_free( net, again );
        assert_int_equal( fixture_logged( "[ERROR]" ), 0 );
        assert_int_equal( module_in( other, "renamed" ).live_blocks, 0 );
    }
}

static void a_handles_block_that_moved_to_another_heap_is_its_modules_still( void** state )
{
    (void)state;
    dmheap_context_t* second = second_default( 262144 );
    dmheap_module_t   net    = dmheap_module_open( "net" );
    unsigned char*    block  = dmheap_module_malloc( net, 1000 );
    memset( block, 8, 1000 );
    block = dmheap_module_realloc( net, block, 100000 );
    assert_ptr_equal( dmheap_ctx_of( block ), second );
    assert_int_equal( block[999], 8 );
    block = dmheap_module_realloc( net, block, 150000 );
    assert_int_equal( block[999], 8 );
    dmheap_module_free( net, block );
    assert_int_equal( stats_now().used_blocks, 0 );
    void* large = dmheap_module_calloc( net, 1000, 100 );
    assert_ptr_equal( dmheap_ctx_of( large ), second );
    void* aligned = dmheap_module_aligned_alloc( net, 1024, 100000 );
    assert_ptr_equal( dmheap_ctx_of( aligned ), second );
    assert_int_equal( live_blocks_of( "net" ), 2 );
    assert_int_equal( fixture_logged( "[ERROR]" ), 0 );
}

static void a_handle_of_a_heap_that_is_no_default_one_takes_from_it_first( void** state )
{
    (void)state;
    dmheap_context_t* second = fixture_second_heap( 16384, 8, 0 );
    dmheap_module_t   net    = dmheap_ctx_module_open( second, "net" );
    assert_ptr_equal( dmheap_ctx_of( dmheap_module_malloc( net, 100 ) ), second );
    assert_ptr_equal( dmheap_ctx_of( dmheap_module_malloc( net, 30000 ) ), first_context() );
    void* block = dmheap_ctx_malloc( second, 100, "net" );
    dmheap_module_free( net, block );
    assert_int_equal( fixture_logged( "[ERROR]" ), 0 );
    assert_int_equal( module_in( second, "net" ).live_blocks, 1 );
}

static int teardown( void** state )
{
    int result = heap_holds( state );
    fixture_no_heap();
    (void)fixture_log();
    return result;
}

#define HANDLE_TEST( name ) cmocka_unit_test_setup_teardown( name, fresh_heap, teardown )

int test_handles( void )
{
    const struct CMUnitTest tests[] = {
        HANDLE_TEST( a_handle_does_what_its_name_does ),
        HANDLE_TEST( a_handle_survives_a_rename ),
        HANDLE_TEST( a_handle_is_stale_when_its_module_is_gone ),
        HANDLE_TEST( a_handle_of_a_heap_that_was_taken_down_or_made_anew_is_stale ),
        HANDLE_TEST( a_handle_is_stale_for_many_registrations ),
        HEAP_TEST( a_module_is_opened_again_without_a_word ),
        HEAP_TEST( nobody_has_no_handle ),
        HANDLE_TEST( what_is_no_handle_is_refused ),
        HANDLE_TEST( a_handle_does_not_touch_the_blocks_of_others ),
        HANDLE_TEST( a_stale_pointer_to_what_others_got_since_is_refused ),
        HANDLE_TEST( a_handle_reaches_its_modules_blocks_in_the_other_default_heaps ),
        HANDLE_TEST( a_handles_block_that_moved_to_another_heap_is_its_modules_still ),
        HANDLE_TEST( a_handle_of_a_heap_that_is_no_default_one_takes_from_it_first ),
    };
    return cmocka_run_group_tests_name( "handles", tests, NULL, NULL );
}
