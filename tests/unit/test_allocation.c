/*
 * Allocating and freeing.
 */
#include "unit.h"

static void malloc_gives_separate_writable_memory( void** state )
{
    unsigned char* blocks[100];
    (void)state;
    for( unsigned i = 0; i < 100; i++ )
    {
        blocks[i] = dmheap_malloc( 1 + i * 5, "m" );
        assert_non_null( blocks[i] );
        memset( blocks[i], (int)i, 1 + i * 5 );
    }
    for( unsigned i = 0; i < 100; i++ )
        for( unsigned k = 0; k < 1 + i * 5; k++ )
            assert_int_equal( blocks[i][k], i );
    assert_valid();
    for( unsigned i = 0; i < 100; i += 2 )
        dmheap_free( blocks[i], false );
    assert_valid();
    for( unsigned i = 1; i < 100; i += 2 )
        dmheap_free( blocks[i], true );
    assert_int_equal( live_blocks_of( "m" ), 0 );
}

static void malloc_of_0_gives_a_block_that_can_be_freed( void** state )
{
    (void)state;
    void* one = dmheap_malloc( 0, "m" );
    void* two = dmheap_malloc( 0, "m" );
    assert_non_null( one );
    assert_non_null( two );
    assert_ptr_not_equal( one, two );
    assert_int_equal( live_blocks_of( "m" ), 2 );
    dmheap_free( one, false );
    dmheap_free( two, false );
    assert_int_equal( live_blocks_of( "m" ), 0 );
}

static void sizes_that_overflow_fail_cleanly( void** state )
{
    (void)state;
    void* keep = dmheap_malloc( 8, "m" );
    for( size_t less = 0; less < 70; less++ )
    {
        assert_null( dmheap_malloc( SIZE_MAX - less, "m" ) );
        assert_null( dmheap_aligned_alloc( 64, SIZE_MAX - less, "m" ) );
        assert_null( dmheap_realloc( keep, SIZE_MAX - less, "m" ) );
        assert_null( dmheap_malloc( UINT32_MAX - less, "m" ) );
        assert_null( dmheap_malloc( ( SIZE_MAX >> 1 ) - less, "m" ) );
        assert_valid();
    }
    assert_null( dmheap_calloc( SIZE_MAX / 2, 3, "m" ) );
    assert_null( dmheap_calloc( 3, SIZE_MAX / 2, "m" ) );
    assert_null( dmheap_aligned_alloc( ~( SIZE_MAX >> 1 ), 8, "m" ) );
    assert_int_equal( live_blocks_of( "m" ), 1 );
}

static void a_failed_malloc_names_size_module_and_largest_free_block( void** state )
{
    char expected[100];
    (void)state;
    assert_non_null( dmheap_malloc( 100, "eater" ) );
    (void)fixture_log();
    assert_null( dmheap_malloc( 70000, "eater" ) );
    snprintf( expected, sizeof expected, "70000 bytes for module eater: out of memory; largest free block is %lu",
              (unsigned long)stats_now().largest_free_block );
    assert_non_null( strstr( fixture_log(), expected ) );
    assert_int_equal( stats_now().failed_allocations, 1 );
}

static void the_largest_free_block_that_is_reported_can_be_allocated( void** state )
{
    void* blocks[200];
    (void)state;
    for( unsigned i = 0; i < 200; i++ )
        blocks[i] = dmheap_malloc( 20 + i, NULL );
    for( unsigned i = 0; i < 200; i += 3 )
        dmheap_free( blocks[i], false );
    for( unsigned left = 30; left-- != 0; )
    {
        size_t largest = stats_now().largest_free_block;
        assert_non_null( dmheap_malloc( largest, NULL ) );
        assert_valid();
    }
}

static void aligned_alloc_aligns_and_gives_the_front_back( void** state )
{
    (void)state;
    for( size_t alignment = 1; alignment <= 16384; alignment *= 2 )
        for( size_t size = 1; size < 200; size += 37 )
        {
            size_t before = stats_now().used_bytes;
            void*  block  = dmheap_aligned_alloc( alignment, size, NULL );
            assert_non_null( block );
            assert_int_equal( (uintptr_t)block % alignment, 0 );
            assert_true( stats_now().used_bytes - before <= size + 24 );
            memset( block, 0x5A, size );
            assert_valid();
            dmheap_free( block, false );
            assert_int_equal( stats_now().free_blocks, 1 );
        }
}

static void aligned_alloc_finds_a_freed_aligned_block_again( void** state )
{
    void* blocks[20];
    (void)state;
    for( unsigned i = 0; i < 20; i++ )
        blocks[i] = dmheap_aligned_alloc( 64, 1500, "net" );
    void* rest = NULL;
    while( ( rest = dmheap_malloc( 100, NULL ) ) != NULL )
        continue;
    for( unsigned round = 0; round < 5; round++ )
        for( unsigned i = 0; i < 20; i++ )
        {
            dmheap_free( blocks[i], false );
            blocks[i] = dmheap_aligned_alloc( 64, 1500, "net" );
            assert_non_null( blocks[i] );
        }
}

static void aligned_alloc_refuses_what_is_no_power_of_two( void** state )
{
    (void)state;
    assert_refused( dmheap_aligned_alloc( 0, 8, NULL ), "no power of two" );
    assert_refused( dmheap_aligned_alloc( 24, 8, NULL ), "no power of two" );
    assert_refused( dmheap_aligned_realloc( NULL, 24, 8, NULL ), "no power of two" );
}

static void calloc_zeroes( void** state )
{
    (void)state;
    unsigned char* dirty = dmheap_malloc( 400, NULL );
    memset( dirty, 0xFF, 400 );
    dmheap_free( dirty, false );
    unsigned char* clean = dmheap_calloc( 40, 10, "m" );
    for( unsigned i = 0; i < 400; i++ )
        assert_int_equal( clean[i], 0 );
    assert_non_null( dmheap_calloc( 0, 10, "m" ) );
}

static void free_of_null_does_nothing( void** state )
{
    (void)state;
    fixture_remember();
    dmheap_free( NULL, true );
    dmheap_free( NULL, false );
    assert_true( fixture_is_unchanged() );
    assert_string_equal( fixture_log(), "" );
}

/* Frees three neighbours in each of the six orders. */
static void freed_neighbours_merge_in_every_order( void** state )
{
    static const unsigned orders[6][3] = { { 0, 1, 2 }, { 0, 2, 1 }, { 1, 0, 2 },
                                           { 1, 2, 0 }, { 2, 0, 1 }, { 2, 1, 0 } };
    (void)state;
    for( unsigned order = 0; order < 6; order++ )
        for( unsigned concatenate = 0; concatenate < 2; concatenate++ )
        {
            void* blocks[3];
            for( unsigned i = 0; i < 3; i++ )
                blocks[i] = dmheap_malloc( 100, NULL );
            void* behind = dmheap_malloc( 8, NULL );
            for( unsigned i = 0; i < 3; i++ )
            {
                dmheap_free( blocks[orders[order][i]], concatenate );
                assert_valid();
            }
            assert_int_equal( stats_now().free_blocks, 2 );
            dmheap_free( behind, concatenate );
            assert_int_equal( stats_now().free_blocks, 1 );
        }
}

static void no_memory_is_refused_that_merging_would_provide( void** state )
{
    void*    blocks[2000];
    unsigned count = 0;
    (void)state;
    size_t all = stats_now().largest_free_block;
    while( ( blocks[count] = dmheap_malloc( 30, NULL ) ) != NULL )
        count++;
    for( unsigned i = 0; i < count; i += 2 )
        dmheap_free( blocks[i], false );
    for( unsigned i = 1; i < count; i += 2 )
        dmheap_free( blocks[i], false );
    assert_int_equal( stats_now().largest_free_block, all );
    assert_non_null( dmheap_malloc( all, NULL ) );
}

static void a_block_behind_a_smaller_one_of_its_list_is_found( void** state )
{
    (void)state;
    void* large     = dmheap_malloc( 1140, NULL ); /* one list has 1,088 to 1,151 bytes in a heap of 64 KiB */
    void* wall      = dmheap_malloc( 8, NULL );
    void* small     = dmheap_malloc( 1100, NULL );
    void* last_wall = dmheap_malloc( 8, NULL );
    while( dmheap_malloc( 1000, NULL ) != NULL || dmheap_malloc( 8, NULL ) != NULL )
    {
    }
    dmheap_free( large, false );
    dmheap_free( small, false );
    assert_ptr_equal( dmheap_malloc( 1130, NULL ), large );
    dmheap_free( wall, false );
    dmheap_free( last_wall, false );
    assert_valid();
}

static void a_block_costs_one_word( void** state )
{
    (void)state;
    for( size_t size = 12; size < 500; size += 8 )
    {
        size_t before = stats_now().used_bytes;
        dmheap_malloc( size, NULL );
        assert_int_equal( stats_now().used_bytes - before, size + 4 );
    }
}

static void stress_by_filling_and_emptying( void** state )
{
    void*    blocks[4000];
    unsigned count = 0;
    (void)state;
    size_t empty = stats_now().free_bytes;
    for( unsigned round = 0; round < 10; round++ )
    {
        while( count < 4000 && ( blocks[count] = dmheap_malloc( 1 + ( count * 37 + round * 11 ) % 90, NULL ) ) != NULL )
            count++;
        assert_valid();
        while( count != 0 )
            dmheap_free( blocks[--count], round & 1 );
        assert_int_equal( stats_now().free_bytes, empty );
    }
}

static void calloc_of_nothing_is_a_block( void** state )
{
    (void)state;
    void* block = dmheap_calloc( 5, 0, "m" );
    assert_non_null( block );
    dmheap_free( block, false );
}

static void few_of_many_blocks_that_are_too_small_are_looked_at( void** state )
{
    void*    blocks[32];
    unsigned count = 0;
    (void)state;
    assert_true( fixture_heap( 16384, 8, 0 ) );
    while( count < 32 && ( blocks[count] = dmheap_malloc( count % 2 ? 8 : count == 0 ? 1012 : 996, NULL ) ) != NULL )
        count++;
    while( dmheap_malloc( 8, NULL ) != NULL )
        continue;
    for( unsigned i = 0; i < count; i += 2 )
        dmheap_free( blocks[i], false );
    assert_true( count > 20 );
    /* all of them are in one list; the one that fits is the last of it */
    assert_null( dmheap_malloc( 1010, NULL ) );
    assert_non_null( dmheap_malloc( 996, NULL ) );
}

static void an_alignment_beyond_the_heap_is_out_of_memory( void** state )
{
    (void)state;
    for( size_t alignment = (size_t)FIXTURE_MOST * 2; alignment != 0; alignment *= 2 )
    {
        uintptr_t begin = (uintptr_t)fixture_buffer();
        if( begin / alignment != ( begin + FIXTURE_MOST ) / alignment )
            continue; /* an address that has it is in the heap */
        (void)fixture_log();
        assert_null( dmheap_aligned_alloc( alignment, 10, NULL ) );
        assert_int_equal( fixture_logged( "out of memory" ), 1 );
    }
}

int test_allocation( void )
{
    const struct CMUnitTest tests[] = {
        HEAP_TEST( malloc_gives_separate_writable_memory ),
        HEAP_TEST( malloc_of_0_gives_a_block_that_can_be_freed ),
        HEAP_TEST( an_alignment_beyond_the_heap_is_out_of_memory ),
        HEAP_TEST( sizes_that_overflow_fail_cleanly ),
        HEAP_TEST( a_failed_malloc_names_size_module_and_largest_free_block ),
        HEAP_TEST( the_largest_free_block_that_is_reported_can_be_allocated ),
        HEAP_TEST( aligned_alloc_aligns_and_gives_the_front_back ),
        HEAP_TEST( aligned_alloc_finds_a_freed_aligned_block_again ),
        HEAP_TEST( aligned_alloc_refuses_what_is_no_power_of_two ),
        HEAP_TEST( calloc_zeroes ),
        HEAP_TEST( free_of_null_does_nothing ),
        HEAP_TEST( freed_neighbours_merge_in_every_order ),
        HEAP_TEST( no_memory_is_refused_that_merging_would_provide ),
        HEAP_TEST( a_block_behind_a_smaller_one_of_its_list_is_found ),
        HEAP_TEST( a_block_costs_one_word ),
        HEAP_TEST( stress_by_filling_and_emptying ),
        HEAP_TEST( calloc_of_nothing_is_a_block ),
        HEAP_TEST( few_of_many_blocks_that_are_too_small_are_looked_at ),
    };
    return cmocka_run_group_tests_name( "allocation", tests, NULL, NULL );
}
