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
    assert_refused( dmheap_free( fixture_buffer() + 65536, true ), "in no heap" );
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

static void a_corrupted_free_block_found_while_allocating_is_not_handed_out( void** state )
{
    (void)state;
    uint32_t* one  = dmheap_malloc( 100, NULL );
    void*     wall = dmheap_malloc( 100, NULL );
    dmheap_free( one, false );
    uint32_t before = one[-1];
    uint32_t link   = one[0];
    one[-1]         = before ^ 4; /* it is no free one */
    assert_refused( assert_null( dmheap_malloc( 100, NULL ) ), "overwritten" );
    one[-1] = before;
    one[0]  = 0x1234560u;
    assert_null( dmheap_malloc( 100, NULL ) );
    assert_non_null( strstr( fixture_log(), "overwritten" ) );
    one[0] = link;
    assert_ptr_equal( dmheap_malloc( 100, NULL ), one );
    dmheap_free( wall, false );
}

/* ---- A call that meets damage leaves every payload as it was ---- */

static void* damaged_blocks[3]; /* 200 bytes each, with a free block of 200 behind the second, if need be */

static void fill_payloads( bool frees )
{
    assert_true( fixture_heap( 65536, 8, 0 ) );
    void* hole = NULL;
    for( unsigned i = 0; i < 3; i++ )
    {
        damaged_blocks[i] = dmheap_malloc( 200, "m" );
        memset( damaged_blocks[i], 0x40 + (int)i, 200 );
        if( i == 1 && frees ) hole = dmheap_malloc( 200, NULL );
    }
    dmheap_free( hole, false );
}

static void assert_payloads( void )
{
    for( unsigned i = 0; i < 3; i++ )
        for( unsigned k = 0; k < 200; k++ )
            assert_int_equal( ( (unsigned char*)damaged_blocks[i] )[k], 0x40 + i );
}

/* Words of the free block behind the second one: its header, its links, its foot. */
static void a_realloc_in_front_of_a_damaged_free_block_is_refused( void** state )
{
    static const uint32_t sizes[] = { 0x7FFFFF, 1, 2, 3 }, links[] = { 0xFFFFFFFFu, 8, 0x7FFFFFF0u, 0x400 };
    (void)state;
    for( unsigned word = 0; word < 4; word++ )
        for( unsigned value = 0; value < 4; value++ )
            for( size_t size = 40; size < 400; size += 40 )
            {
                if( size > 180 && size <= 204 ) continue; /* nothing to do */
                fill_payloads( true );
                uint32_t* second = damaged_blocks[1];
                uint32_t* hole   = second + 52; /* behind 200 bytes, a word that fills up, and a header */
                uint32_t* at     = word == 3 ? (uint32_t*)damaged_blocks[2] - 2 : hole - 1 + word;
                uint32_t  before = *at;
                *at              = word == 0 ? sizes[value] << HEADER_SIZE_SHIFT : links[value];
                assert_refused( assert_null( dmheap_realloc( second, size, NULL ) ), "overwritten" );
                assert_payloads();
                *at = before;
                assert_valid();
            }
}

static void a_realloc_of_a_block_whose_size_is_damaged_is_refused( void** state )
{
    (void)state;
    for( unsigned damage = 0; damage < 4; damage++ )
        for( size_t size = 20; size < 2000; size += 180 )
        {
            static const uint32_t sizes[] = { 0, 2, 0x7FFFFF, 0x4000 };
            fill_payloads( false );
            uint32_t* header = (uint32_t*)damaged_blocks[1] - 1;
            uint32_t  before = *header;
            *header          = ( before & ( ( 1u << HEADER_SIZE_SHIFT ) - 1 ) ) | sizes[damage] << HEADER_SIZE_SHIFT;
            assert_refused( assert_null( dmheap_realloc( damaged_blocks[1], size, NULL ) ), "overwritten" );
            assert_refused( assert_null( dmheap_aligned_realloc( damaged_blocks[1], 128, size, NULL ) ),
                            "overwritten" );
            assert_refused( dmheap_free( damaged_blocks[1], false ), "overwritten" );
            assert_payloads();
            *header = before;
            assert_valid();
        }
}

/* The head of the list that a block comes to lie in says that the first is somewhere in a payload. */
static void a_list_that_leads_into_a_payload_leaves_the_payload_alone( void** state )
{
    (void)state;
    for( unsigned at = 0; at < 50; at++ )
    {
        fill_payloads( true );
        dmheap_context_t* context = first_context();
        uint32_t*         hole    = (uint32_t*)damaged_blocks[1] + 52;
        uint32_t          list    = hole[0] + 1; /* of which it is the first */
        uint32_t          payload = (uint32_t)( (uint32_t*)damaged_blocks[2] - (uint32_t*)(void*)context );
        void*             again   = dmheap_malloc( 200, NULL );
        assert_ptr_equal( again, hole );
        *image_word( context, list ) = payload + at;
        dmheap_free( again, false );
        assert_payloads();
        assert_int_equal( *image_word( context, list ), payload - 52 );
    }
}

/* What an owner's record was is overwritten when it is given back: the next registration finds a place all the same. */
static void an_entry_of_a_module_that_is_gone_that_is_overwritten_is_not_used( void** state )
{
    (void)state;
    for( uint32_t value = 1; value != 0; value <<= 1 )
    {
        assert_true( fixture_heap( 65536, 8, 0 ) );
        for( unsigned i = 0; i < 3; i++ )
            assert_true( dmheap_register_module( i == 0 ? "a" : i == 1 ? "b" : "c" ) );
        unsigned char* payload = dmheap_malloc( 400, "c" );
        memset( payload, 0x5A, 400 );
        dmheap_unregister_module( "b" );
        dmheap_context_t* context = first_context();
        uint32_t*         entry   = image_word( context, context->table_at + 1 );
        assert_int_equal( *entry, 0 );
        *entry = value;
        (void)dmheap_register_module( "d" );
        (void)dmheap_malloc( 100, "e" );
        for( unsigned i = 0; i < 400; i++ )
            assert_int_equal( payload[i], 0x5A );
        assert_int_equal( *entry, value ); /* it is somebody's, as far as that can be told */
        assert_int_not_equal( dmheap_check( NULL ), DMHEAP_CHECK_OK );
        *entry = 0;
        assert_valid();
        assert_true( dmheap_register_module( "f" ) );
        assert_int_not_equal( *entry, 0 );
        (void)fixture_log();
    }
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
        HEAP_TEST( a_corrupted_free_block_found_while_allocating_is_not_handed_out ),
        HEAP_TEST( a_realloc_in_front_of_a_damaged_free_block_is_refused ),
        HEAP_TEST( a_realloc_of_a_block_whose_size_is_damaged_is_refused ),
        DAMAGED_TEST( a_list_that_leads_into_a_payload_leaves_the_payload_alone ),
        HEAP_TEST( an_entry_of_a_module_that_is_gone_that_is_overwritten_is_not_used ),
    };
    return cmocka_run_group_tests_name( "pointers", tests, NULL, NULL );
}
