/*
 * Where a block is found: that what is free and large enough is granted, and that the figure which says so is exact.
 */
#include "random.h"
#include "unit.h"

/* ---- The largest free block ---- */

static void assert_largest_is_exact( void )
{
    size_t largest = stats_now().largest_free_block;
    assert_null( dmheap_malloc( largest + 1, NULL ) );
    void* block = dmheap_malloc( largest, NULL );
    if( stats_now().free_blocks == 0 && block == NULL ) return;
    if( largest == 0 && block == NULL ) return;
    assert_non_null( block );
    assert_true( dmheap_usable_size( block ) >= largest );
    dmheap_free( block, false );
    assert_int_equal( stats_now().largest_free_block, largest );
    (void)fixture_log();
}

static void the_largest_free_block_is_exactly_what_malloc_grants( void** state )
{
    void*    blocks[300];
    uint32_t numbers = 12345;
    (void)state;
    for( unsigned round = 0; round < 400; round++ )
    {
        static const size_t sizes[] = { 300, 400, 700, 1024, 1500, 4096, 16384, 65536, 300000 };
        size_t              size    = sizes[round % 9] + draw_from( &numbers, 64 ) * 4;
        size_t              most    = size / 8 + 2;
        if( !fixture_heap( size, (size_t)4 << round % 4, round % 8 ) ) continue;
        unsigned count = 0;
        for( ; count < 300; count++ )
        {
            size_t asked  = 1 + draw_from( &numbers, draw_from( &numbers, 4 ) == 0 ? (uint32_t)most : 60 );
            blocks[count] = dmheap_malloc( asked, round % 3 == 0 ? "m" : NULL );
            if( blocks[count] == NULL ) break;
        }
        if( draw_from( &numbers, 2 ) == 0 ) fill_up( dmheap_ctx_of( blocks[0] ) );
        assert_largest_is_exact();
        for( unsigned i = 0; i < count; i++ )
        {
            if( draw_from( &numbers, 3 ) == 0 ) continue;
            dmheap_free( blocks[i], false );
            if( i % 4 == 0 ) assert_largest_is_exact();
        }
        assert_largest_is_exact();
        assert_valid();
    }
}

static void of_two_holes_the_larger_is_the_largest_free_block( void** state )
{
    (void)state;
    for( size_t less = 16; less < 900; less += 24 )
        for( size_t more = less + 8; more < 1000; more += 56 )
            for( unsigned order = 0; order < 2; order++ )
            {
                assert_true( fixture_heap( 4096, 8, 0 ) );
                void* small = dmheap_malloc( less, NULL );
                void* wall  = dmheap_malloc( 8, NULL );
                void* large = dmheap_malloc( more, NULL );
                assert_non_null( dmheap_malloc( wall == NULL ? 0 : 8, NULL ) );
                fill_up( first_context() );
                dmheap_free( order ? small : large, false );
                dmheap_free( order ? large : small, false );
                assert_true( stats_now().largest_free_block >= more );
                assert_ptr_equal( dmheap_malloc( stats_now().largest_free_block, NULL ), large );
            }
}

/* ---- Lists ---- */

/* In a heap of this size a list has more than one size: the first block of the request's own list may be too small, and the
 * second large enough. It is taken, whether it is the only one or there is a larger one too. */
static void the_second_block_of_the_own_list_that_fits_is_found( void** state )
{
    (void)state;
    for( size_t base = 200; base < 2000; base += 104 )
        for( size_t less = 8; less < 64; less += 8 )
            for( unsigned kind = 0; kind < 4; kind++ )
            {
                assert_true( fixture_heap( 16384, 8, 0 ) );
                void* fits = dmheap_malloc( base, NULL );
                void* wall = dmheap_malloc( 8, NULL );
                void* tiny = dmheap_malloc( base - less, NULL );
                assert_non_null( wall );
                assert_non_null( dmheap_malloc( 8, NULL ) );
                void* large = dmheap_malloc( 5000, NULL );
                assert_non_null( dmheap_malloc( 8, NULL ) );
                fill_up( first_context() );
                size_t size = kind / 2 != 0 ? base : dmheap_usable_size( tiny ) + 1;
                if( kind % 2 != 0 ) dmheap_free( large, false );
                dmheap_free( fits, false );
                dmheap_free( tiny, false ); /* in front of its list, if it is the same */
                assert_ptr_equal( dmheap_malloc( size, NULL ), fits );
                assert_int_equal( fixture_logged( "[ERROR]" ), 0 );
                (void)fixture_log();
            }
}

/* ---- Alignment ---- */

/* A hole of the size that is asked for begins off the alignment: there is no room in front of the payload. */
static void an_aligned_request_is_granted_by_a_larger_hole_where_the_smaller_has_no_room_in_front( void** state )
{
    (void)state;
    for( size_t alignment = 16; alignment <= 256; alignment *= 2 )
        for( size_t size = 40; size < 700; size += 60 )
            for( size_t off = 8; off < alignment; off += 8 )
            {
                assert_true( fixture_heap( 16384, 8, 0 ) );
                void* pad   = dmheap_malloc( off + 4, NULL );
                void* exact = dmheap_malloc( size + 4, NULL );
                void* wall  = dmheap_malloc( 12, NULL );
                void* large = dmheap_malloc( size + 2 * alignment + 64, NULL );
                assert_non_null( pad );
                assert_non_null( dmheap_malloc( 12, NULL ) );
                fill_up( first_context() );
                if( (uintptr_t)exact % alignment == 0 ) continue;
                dmheap_free( large, false );
                dmheap_free( exact, false );
                void* block = dmheap_aligned_alloc( alignment, size, NULL );
                assert_non_null( block );
                assert_int_equal( (uintptr_t)block % alignment, 0 );
                assert_valid();
                dmheap_free( wall, false );
                (void)fixture_log();
            }
}

/* An aligned block that was just freed can be had again, in heaps that have other holes. */
static void an_aligned_block_that_was_freed_can_be_had_again( void** state )
{
    uint32_t numbers = 777;
    unsigned refused = 0;
    (void)state;
    for( unsigned heap = 0; heap < 400; heap++ )
    {
        void*    blocks[400];
        void*    aligned[20];
        unsigned count = 0, most = 0;
        assert_true( fixture_heap( 16384 + heap * 64, 8, 0 ) );
        size_t alignment = (size_t)32 << heap % 5;
        size_t size      = 100 + draw_from( &numbers, 900 );
        for( unsigned i = 0; i < 400; i++ )
        {
            if( i % 20 == 0 && most < 20 ) aligned[most] = dmheap_aligned_alloc( alignment, size, NULL );
            if( i % 20 == 0 && most < 20 && aligned[most] != NULL ) most++;
            blocks[count] = dmheap_malloc( 1 + draw_from( &numbers, draw_from( &numbers, 5 ) == 0 ? 600 : 80 ), NULL );
            if( blocks[count] == NULL ) break;
            count++;
        }
        fill_up( first_context() );
        for( unsigned i = 0; i < count; i++ )
            if( draw_from( &numbers, 4 ) == 0 ) dmheap_free( blocks[i], false );
        assert_true( most > 1 );
        void* freed = aligned[draw_from( &numbers, most )];
        dmheap_free( freed, false );
        (void)fixture_log();
        void* again = dmheap_aligned_alloc( alignment, size, NULL );
        refused += again == NULL;
        if( again != NULL ) assert_int_equal( (uintptr_t)again % alignment, 0 );
        assert_valid();
        (void)fixture_log();
    }
    assert_true( refused <= 8 );
}

/* What a heap's granule gives is asked of no other search: the block costs what malloc takes. */
static void an_alignment_that_every_block_has_costs_nothing( void** state )
{
    (void)state;
    for( size_t heap_alignment = 8; heap_alignment <= 64; heap_alignment *= 2 )
        for( size_t alignment = 1; alignment <= heap_alignment; alignment *= 2 )
        {
            assert_true( fixture_heap( 16384, heap_alignment, 0 ) );
            size_t size = 100;
            void*  one  = dmheap_malloc( size, "a" );
            void*  two  = dmheap_aligned_alloc( alignment, size, "b" );
            assert_int_equal( live_bytes_of( "a" ), live_bytes_of( "b" ) );
            assert_int_equal( dmheap_usable_size( one ), dmheap_usable_size( two ) );
        }
}

int test_fits( void )
{
    const struct CMUnitTest tests[] = {
        HEAP_TEST( the_largest_free_block_is_exactly_what_malloc_grants ),
        HEAP_TEST( of_two_holes_the_larger_is_the_largest_free_block ),
        HEAP_TEST( the_second_block_of_the_own_list_that_fits_is_found ),
        HEAP_TEST( an_aligned_request_is_granted_by_a_larger_hole_where_the_smaller_has_no_room_in_front ),
        HEAP_TEST( an_aligned_block_that_was_freed_can_be_had_again ),
        HEAP_TEST( an_alignment_that_every_block_has_costs_nothing ),
    };
    return cmocka_run_group_tests_name( "fits", tests, NULL, NULL );
}
