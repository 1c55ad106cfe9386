/*
 * DMOD's memory API, as the library defines it.
 */
#include "unit.h"

static void dmods_functions_reach_the_heap( void** state )
{
    (void)state;
    unsigned char* block   = Dmod_MallocEx( 100, "m" );
    void*          aligned = Dmod_AlignedMallocEx( 100, 256, "m" );
    assert_int_equal( (uintptr_t)aligned % 256, 0 );
    memset( block, 9, 100 );
    block = Dmod_ReallocEx( block, 1000, "m" );
    Dmod_FreeEx( Dmod_ReallocEx( NULL, 8, "of_realloc" ), false );
    assert_int_equal( module_in( first_context(), "of_realloc" ).peak_bytes, 16 );
    Dmod_FreeModule( "of_realloc" );
    assert_int_equal( block[99], 9 );
    assert_int_equal( live_blocks_of( "m" ), 2 );
    Dmod_FreeEx( aligned, false );
    assert_true( Dmod_RetagEx( block, "n" ) );
    assert_true( Dmod_RenameTag( "n", "o" ) );
    assert_int_equal( live_blocks_of( "o" ), 1 );
    Dmod_FreeModule( "o" );
    Dmod_FreeModule( "m" );
    assert_int_equal( stats_now().used_blocks, 0 );
}

static void dmods_functions_reach_the_blocks_of_every_heap( void** state )
{
    (void)state;
    dmheap_context_t* second = fixture_second_heap( 8192, 8, 0 );
    void*             block  = dmheap_ctx_malloc( second, 100, "m" );
    assert_non_null( dmheap_ctx_malloc( second, 100, "m" ) );
    assert_true( Dmod_RetagEx( block, "n" ) );
    assert_int_equal( module_in( second, "n" ).live_blocks, 1 );
    assert_true( Dmod_RenameTag( "m", "o" ) );
    assert_int_equal( module_in( second, "o" ).live_blocks, 1 );
    Dmod_FreeEx( block, false );
    Dmod_FreeModule( "o" );
    assert_int_equal( stats_of( second ).used_blocks, 0 );
}

static void the_functions_without_a_name_are_the_current_allocators( void** state )
{
    (void)state;
    const char* allocator = DMOD_CURRENT_ALLOCATOR; /* NULL, nobody, where the tests say none */

    void* block   = Dmod_Malloc( 100 );
    block         = Dmod_Realloc( block, 200 );
    void* aligned = Dmod_AlignedMalloc( 100, 128 );
    assert_int_equal( stats_now().used_blocks, 2 );
    assert_int_equal( stats_now().modules, allocator != NULL );
    if( allocator != NULL ) assert_int_equal( live_blocks_of( allocator ), 2 );
    Dmod_Free( block );
    Dmod_Free( aligned );
    assert_int_equal( stats_now().used_blocks, 0 );
}

static void unloading_a_module_that_never_allocated_is_no_error( void** state )
{
    (void)state;
    Dmod_FreeModule( "never_seen" );
    assert_int_equal( fixture_logged( "[ERROR]" ), 0 );
}

int test_dmod_api( void )
{
    const struct CMUnitTest tests[] = {
        HEAP_TEST( dmods_functions_reach_the_heap ),
        HEAP_TEST( dmods_functions_reach_the_blocks_of_every_heap ),
        HEAP_TEST( the_functions_without_a_name_are_the_current_allocators ),
        HEAP_TEST( unloading_a_module_that_never_allocated_is_no_error ),
    };
    return cmocka_run_group_tests_name( "dmod api", tests, NULL, NULL );
}
