/*
 * Every wrong pointer is recognised, reported, and changes nothing.
 */
#include "image.h"
#include "unit.h"

static void a_double_free_is_refused( void** state )
{
    (void)state;
    void* block = dmheap_malloc( 100, "m" );
    dmheap_free( block, false );
    assert_refused( dmheap_free( block, false ), "freed already" );
    assert_refused( dmheap_free( block, true ), "freed already" );
    assert_refused( dmheap_realloc( block, 10, "m" ), "freed already" );
}

static void a_pointer_into_a_block_is_refused_whatever_the_payload_imitates( void** state )
{
    (void)state;
    uint32_t* block = dmheap_malloc( 400, "m" );
    uint32_t* other = dmheap_malloc( 400, "m" );
    for( unsigned i = 0; i < 100; i++ )
        block[i] = other[-1]; /* headers all over the payload */
    for( unsigned char* at = (unsigned char*)block + 1; at < (unsigned char*)block + 400; at++ )
    {
        assert_refused( dmheap_free( at, true ), "refused" );
        assert_refused( dmheap_realloc( at, 8, NULL ), "refused" );
    }
}

static void every_address_of_the_heap_is_told_apart( void** state )
{
    unsigned char* live[40];
    (void)state;
    assert_true( fixture_heap( 4096, 8, 0 ) );
    for( unsigned i = 0; i < 40; i++ )
        live[i] = dmheap_malloc( 10 + i * 3 % 50, i % 3 ? "m" : NULL );
    for( unsigned i = 0; i < 40; i += 4 )
        dmheap_free( live[i], false );
    for( unsigned char* at = fixture_buffer() - 64; at < fixture_buffer() + 4096 + 64; at++ )
    {
        bool is_live = false;
        for( unsigned i = 0; i < 40; i++ )
            is_live |= i % 4 != 0 && live[i] == at;
        if( is_live )
        {
            assert_true( dmheap_usable_size( at ) >= 10 );
            continue;
        }
        assert_refused( dmheap_free( at, true ), "refused" );
        assert_refused( dmheap_realloc( at, 100, "m" ), "refused" );
        assert_refused( dmheap_retag( at, NULL ), "refused" );
        assert_refused( dmheap_usable_size( at ), "refused" );
    }
}

static void a_foreign_pointer_is_refused( void** state )
{
    static int somewhere;
    (void)state;
    assert_refused( dmheap_free( &somewhere, true ), "in no heap" );
    assert_refused( dmheap_free( (void*)(uintptr_t)UINTPTR_MAX, true ), "in no heap" );
    assert_refused( dmheap_free( (void*)(uintptr_t)8, true ), "in no heap" );
    assert_refused( dmheap_free( fixture_buffer() + 40001, true ), "misaligned" );
}

static void the_heaps_own_records_are_refused( void** state )
{
    (void)state;
    dmheap_register_module( "m" );
    dmheap_register_module( "n" );
    unsigned refused = 0;
    for( unsigned char* at = fixture_buffer(); at < fixture_buffer() + 65536; at += 8 )
    {
        (void)fixture_log();
        fixture_remember();
        dmheap_free( at, true );
        assert_true( fixture_is_unchanged() );
        refused += fixture_logged( "the heap's own record" );
    }
    assert_int_equal( refused, 3 ); /* the modules' records, and the table that leads to them */
}

/* Overwrites one word of the heap, makes a call that meets it, and expects it to be refused and named by the check. */
static void assert_corruption( uint32_t* word, uint32_t value, void* to_free, dmheap_check_t fault )
{
    uint32_t before = *word;
    *word           = value;
    assert_refused( dmheap_free( to_free, true ), "overwritten" );
    assert_int_equal( dmheap_check( NULL ), fault );
    *word = before;
    assert_valid();
}

static void a_corrupted_neighbour_found_while_merging_is_refused( void** state )
{
    uint32_t* blocks[7];
    (void)state;
    for( unsigned i = 0; i < 7; i++ )
        blocks[i] = dmheap_malloc( 100, NULL );
    dmheap_free( blocks[1], false );
    dmheap_free( blocks[3], false );
    dmheap_free( blocks[5], false );
    /* the foot and the header of the free block in front, the links and the header of the one behind */
    uint32_t granule = 2u << HEADER_SIZE_SHIFT, most = 0xFFFFFFFFu << HEADER_SIZE_SHIFT;
    assert_corruption( blocks[2] - 2, 0, blocks[2], DMHEAP_CHECK_FOOT );
    assert_corruption( blocks[2] - 2, blocks[2][-2] - granule, blocks[2], DMHEAP_CHECK_FOOT );
    assert_corruption( blocks[2] - 2, blocks[2][-2] + granule, blocks[2], DMHEAP_CHECK_FOOT );
    assert_corruption( blocks[2] - 2, most, blocks[2], DMHEAP_CHECK_FOOT );
    assert_corruption( blocks[1] - 1, blocks[1][-1] ^ granule, blocks[2], DMHEAP_CHECK_FOOT );
    assert_corruption( blocks[1] - 1, blocks[1][-1] ^ HEADER_PREVIOUS_FREE, blocks[2], DMHEAP_CHECK_NEIGHBOUR );
    assert_corruption( blocks[3], 0x7FFFFFF8u, blocks[2], DMHEAP_CHECK_FREE_LIST );
    assert_corruption( blocks[3], 12, blocks[2], DMHEAP_CHECK_FREE_LIST );
    assert_corruption( blocks[3] + 1, 0xFFFFFFF1u, blocks[4], DMHEAP_CHECK_FREE_LIST );
    assert_corruption( blocks[3] - 1, most, blocks[2], DMHEAP_CHECK_FOOT );
    assert_corruption( blocks[2] - 1, blocks[2][-1] | most, blocks[2], DMHEAP_CHECK_HEADER );
    assert_corruption( blocks[2] - 1, blocks[2][-1] & ~most, blocks[2], DMHEAP_CHECK_HEADER );
    assert_corruption( blocks[2] - 1, blocks[2][-1] & ~(uint32_t)HEADER_OWNER_MASK, blocks[2], DMHEAP_CHECK_HEADER );
}

static void a_corrupted_free_list_found_while_allocating_is_refused( void** state )
{
    (void)state;
    uint32_t* one  = dmheap_malloc( 100, NULL );
    void*     wall = dmheap_malloc( 100, NULL );
    dmheap_free( one, false );
    uint32_t before = one[-1];
    uint32_t link   = one[0];
    one[-1]         = before ^ 4;
    assert_null( dmheap_malloc( 100, NULL ) );
    assert_non_null( strstr( fixture_log(), "overwritten" ) );
    one[-1] = before;
    one[0]  = 0x1234560u;
    assert_null( dmheap_malloc( 100, NULL ) );
    assert_non_null( strstr( fixture_log(), "overwritten" ) );
    one[0] = link;
    assert_non_null( dmheap_malloc( 100, NULL ) );
    dmheap_free( wall, false );
}

int test_pointers( void )
{
    const struct CMUnitTest tests[] = {
        HEAP_TEST( a_double_free_is_refused ),
        HEAP_TEST( a_pointer_into_a_block_is_refused_whatever_the_payload_imitates ),
        HEAP_TEST( every_address_of_the_heap_is_told_apart ),
        HEAP_TEST( a_foreign_pointer_is_refused ),
        HEAP_TEST( the_heaps_own_records_are_refused ),
        HEAP_TEST( a_corrupted_neighbour_found_while_merging_is_refused ),
        HEAP_TEST( a_corrupted_free_list_found_while_allocating_is_refused ),
    };
    return cmocka_run_group_tests_name( "pointers", tests, NULL, NULL );
}
