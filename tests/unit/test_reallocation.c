/*
 * Changing a block's size.
 */
#include "unit.h"

static unsigned char* filled( size_t size, const char* module )
{
    unsigned char* block = dmheap_malloc( size, module );
    for( size_t i = 0; block != NULL && i < size; i++ )
        block[i] = (unsigned char)( i * 3 + 1 );
    return block;
}

static void assert_filled( const unsigned char* block, size_t size )
{
    assert_non_null( block );
    for( size_t i = 0; i < size; i++ )
        assert_int_equal( block[i], (unsigned char)( i * 3 + 1 ) );
}

/* Leaves one hole of `size` bytes in a heap that is otherwise full; returns the block in front of the hole. */
static void* only_a_hole_of( size_t size )
{
    void* front = dmheap_malloc( 24, NULL );
    void* hole  = dmheap_malloc( size, NULL );
    while( dmheap_malloc( 2000, NULL ) != NULL )
        continue;
    while( dmheap_malloc( 16, NULL ) != NULL )
        continue;
    while( dmheap_malloc( 1, NULL ) != NULL )
        continue;
    dmheap_free( hole, false );
    (void)fixture_log();
    return front;
}

static void realloc_of_null_allocates( void** state )
{
    (void)state;
    assert_non_null( dmheap_realloc( NULL, 100, "m" ) );
    assert_int_equal( live_blocks_of( "m" ), 1 );
}

static void realloc_to_0_frees( void** state )
{
    (void)state;
    void* block = dmheap_malloc( 100, "m" );
    assert_null( dmheap_realloc( block, 0, "m" ) );
    assert_int_equal( live_blocks_of( "m" ), 0 );
    assert_string_equal( strstr( fixture_log(), "[ERROR]" ) ? "error" : "none", "none" );
}

static void realloc_shrinks_in_place_and_gives_the_tail_back( void** state )
{
    (void)state;
    unsigned char* block = filled( 1000, "m" );
    void*          wall  = dmheap_malloc( 8, NULL );
    for( size_t size = 990; size > 14; size -= 14 )
    {
        assert_ptr_equal( dmheap_realloc( block, size, NULL ), block );
        assert_filled( block, size );
        assert_true( dmheap_usable_size( block ) < size + 24 );
        assert_valid();
    }
    assert_true( live_bytes_of( "m" ) <= 32 );
    dmheap_free( wall, false );
}

static void realloc_grows_in_place_into_the_free_block_behind( void** state )
{
    (void)state;
    unsigned char* block = filled( 16, "m" );
    for( size_t size = 17; size < 60000; size += 777 )
    {
        assert_ptr_equal( dmheap_realloc( block, size, NULL ), block );
        assert_filled( block, 16 );
        assert_valid();
    }
    assert_in_range( live_bytes_of( "m" ), 59000, 60100 );
}

static void realloc_grows_into_all_of_the_free_block_behind( void** state )
{
    (void)state;
    void* block = dmheap_malloc( 100, NULL );
    void* hole  = dmheap_malloc( 100, NULL );
    assert_non_null( dmheap_malloc( 8, NULL ) );
    size_t both = dmheap_usable_size( block ) + dmheap_usable_size( hole ) + 4;
    dmheap_free( hole, false );
    assert_ptr_equal( dmheap_realloc( block, both, NULL ), block );
    assert_int_equal( dmheap_usable_size( block ), both );
    assert_ptr_equal( dmheap_realloc( block, both, NULL ), block );
}

static void realloc_grows_into_the_free_block_in_front( void** state )
{
    (void)state;
    dmheap_register_module( "m" );
    void*          front = dmheap_malloc( 400, NULL );
    unsigned char* block = filled( 300, "m" );
    while( dmheap_malloc( 2000, NULL ) != NULL )
        continue;
    while( dmheap_malloc( 1, NULL ) != NULL )
        continue;
    dmheap_free( front, false );
    for( size_t size = 301; size < 690; size += 97 )
    {
        unsigned char* moved = dmheap_realloc( block, size, NULL );
        assert_filled( moved, 300 );
        assert_ptr_equal( moved, front );
        assert_valid();
        block = moved;
    }
    assert_null( dmheap_realloc( block, 800, NULL ) );
    assert_filled( block, 300 );
    assert_int_equal( live_blocks_of( "m" ), 1 );
}

static void realloc_does_not_slide_into_the_free_block_in_front( void** state )
{
    (void)state;
    dmheap_register_module( "m" );
    void*          front  = dmheap_malloc( 200, NULL );
    unsigned char* block  = filled( 100, "m" );
    void*          behind = dmheap_malloc( 200, NULL );
    while( dmheap_malloc( 2000, NULL ) != NULL )
        continue;
    while( dmheap_malloc( 1, NULL ) != NULL )
        continue;
    dmheap_free( front, false );
    dmheap_free( behind, false );
    assert_null( dmheap_realloc( block, 500, NULL ) ); /* only all three together would do */
    assert_filled( block, 100 );
    assert_ptr_equal( dmheap_realloc( block, 250, NULL ), block );
    assert_filled( block, 100 );
}

static void realloc_moves_and_keeps_contents_and_owner( void** state )
{
    (void)state;
    unsigned char* block = filled( 100, "m" );
    void*          wall  = dmheap_malloc( 8, NULL );
    unsigned char* moved = dmheap_realloc( block, 5000, "somebody_else" );
    assert_ptr_not_equal( moved, block );
    assert_filled( moved, 100 );
    assert_int_equal( live_blocks_of( "m" ), 1 );
    assert_int_equal( live_blocks_of( "somebody_else" ), 0 );
    assert_refused( dmheap_free( block, true ), "refused" );
    dmheap_free( wall, true );
}

static void a_failed_realloc_leaves_the_old_block( void** state )
{
    (void)state;
    unsigned char* block = filled( 100, "m" );
    only_a_hole_of( 600 );
    (void)fixture_log();
    assert_null( dmheap_realloc( block, 5000, NULL ) );
    assert_filled( block, 100 );
    assert_int_equal( live_blocks_of( "m" ), 1 );
    char expected[80];
    snprintf( expected, sizeof expected, "for module m: out of memory; largest free block is %lu bytes",
              (unsigned long)stats_now().largest_free_block );
    assert_int_equal( fixture_logged( expected ), 1 );
    assert_int_equal( fixture_logged( "[ERROR] " ), 1 );
    assert_non_null( strstr( fixture_log(), "5000 bytes" ) );
    unsigned char* moved = dmheap_realloc( block, 500, NULL );
    assert_filled( moved, 100 );
}

static void a_moved_block_keeps_the_alignment_it_was_asked_for( void** state )
{
    (void)state;
    for( size_t alignment = 16; alignment <= 4096; alignment *= 2 )
    {
        void* block = dmheap_aligned_alloc( alignment, 40, "m" );
        for( size_t size = 100; size < 8000; size += 1900 )
        {
            void* wall = dmheap_malloc( 8, NULL );
            block      = dmheap_realloc( block, size, NULL );
            assert_non_null( block );
            assert_int_equal( (uintptr_t)block % alignment, 0 );
            assert_valid();
            dmheap_free( wall, false );
        }
        dmheap_free( block, false );
    }
}

static void aligned_realloc_moves_to_an_alignment_and_keeps_it( void** state )
{
    (void)state;
    void*          pad   = dmheap_malloc( 8, NULL );
    unsigned char* block = filled( 100, "m" );
    block                = dmheap_aligned_realloc( block, 1024, 100, "m" );
    assert_filled( block, 100 );
    assert_int_equal( (uintptr_t)block % 1024, 0 );
    void* wall = dmheap_malloc( 8, NULL );
    block      = dmheap_realloc( block, 9000, NULL );
    assert_filled( block, 100 );
    assert_int_equal( (uintptr_t)block % 1024, 0 );
    block = dmheap_aligned_realloc( block, 8, 9000, NULL );
    assert_filled( block, 100 );
    assert_non_null( dmheap_aligned_realloc( NULL, 256, 10, "m" ) );
    dmheap_free( pad, false );
    dmheap_free( wall, false );
}

/* Whatever is around the block, and whatever its owner may have. */
static void a_realloc_to_what_a_block_has_anyway_succeeds_where_it_is( void** state )
{
    (void)state;
    for( size_t heap_alignment = 4; heap_alignment <= 32; heap_alignment *= 2 )
        for( size_t alignment = 1; alignment <= 256; alignment *= 2 )
            for( size_t asked = 1; asked < 200; asked += 13 )
            {
                assert_true( fixture_heap( 8192, heap_alignment, 0 ) );
                (void)dmheap_malloc( 20, NULL );
                unsigned char* block =
                    alignment == 1 ? dmheap_malloc( asked, "m" ) : dmheap_aligned_alloc( alignment, asked, "m" );
                assert_non_null( dmheap_malloc( 20, NULL ) );
                fill_up( first_context() );
                assert_true( dmheap_set_module_limit( "m", 4 ) );
                size_t usable = dmheap_usable_size( block );
                memset( block, 0x21, usable );
                assert_ptr_equal( dmheap_realloc( block, usable, NULL ), block );
                assert_int_equal( dmheap_usable_size( block ), usable );
                for( size_t size = usable; size != 0; size -= size > 17 ? 17 : size )
                {
                    assert_ptr_equal( dmheap_realloc( block, size, NULL ), block );
                    assert_true( dmheap_usable_size( block ) >= size );
                    assert_int_equal( block[size - 1], 0x21 );
                }
                assert_int_equal( fixture_logged( "[ERROR]" ), 0 );
                assert_valid();
                (void)fixture_log();
            }
}

static void the_word_that_keeps_the_alignment_is_not_the_users( void** state )
{
    (void)state;
    for( size_t size = 1; size < 300; size++ )
    {
        unsigned char* block = dmheap_aligned_alloc( 128, size, NULL );
        memset( block, 0xFF, dmheap_usable_size( block ) );
        assert_valid();
        block = dmheap_realloc( block, size * 2, NULL );
        assert_int_equal( (uintptr_t)block % 128, 0 );
        memset( block, 0xFF, dmheap_usable_size( block ) );
        assert_valid();
        dmheap_free( block, false );
    }
}

int test_reallocation( void )
{
    const struct CMUnitTest tests[] = {
        HEAP_TEST( realloc_of_null_allocates ),
        HEAP_TEST( realloc_to_0_frees ),
        HEAP_TEST( realloc_shrinks_in_place_and_gives_the_tail_back ),
        HEAP_TEST( realloc_grows_in_place_into_the_free_block_behind ),
        HEAP_TEST( realloc_grows_into_all_of_the_free_block_behind ),
        HEAP_TEST( realloc_grows_into_the_free_block_in_front ),
        HEAP_TEST( realloc_does_not_slide_into_the_free_block_in_front ),
        HEAP_TEST( realloc_moves_and_keeps_contents_and_owner ),
        HEAP_TEST( a_failed_realloc_leaves_the_old_block ),
        HEAP_TEST( a_moved_block_keeps_the_alignment_it_was_asked_for ),
        HEAP_TEST( aligned_realloc_moves_to_an_alignment_and_keeps_it ),
        HEAP_TEST( a_realloc_to_what_a_block_has_anyway_succeeds_where_it_is ),
        HEAP_TEST( the_word_that_keeps_the_alignment_is_not_the_users ),
    };
    return cmocka_run_group_tests_name( "reallocation", tests, NULL, NULL );
}
