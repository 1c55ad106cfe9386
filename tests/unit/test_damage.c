/*
 * Damage that only one who knows the image can do: each check of it is met by what it is for. test_faults finds the rest
 * by chance. Looks into the image (src/image.h) by the core's own layers (core.h).
 */
#include "core.h"
#include "unit.h"

static dmheap_context_t* context( void )
{
    return core_context( fixture_buffer() );
}

static uint32_t place_of( const void* payload )
{
    return core_place( context(), payload );
}

/* The entry of the table for an owner. */
static word_t* entry( owner_t owner )
{
    return image_word( context(), context()->table_at + owner - OWNER_FIRST_MODULE );
}

static module_t* first_module( void )
{
    return module_of( context(), OWNER_FIRST_MODULE );
}

#define assert_found( fault ) assert_int_equal( dmheap_check( NULL ), fault )

static int small_heap( void** state )
{
    (void)state;
    if( !fixture_heap( 4096, 8, 0 ) ) return -1;
    fixture_fence();
    return 0;
}

#define DAMAGE_TEST( name ) cmocka_unit_test_setup( name, small_heap )

/* ---- Lists ---- */

/* A free block that only its list knows, in the payload of a live one: `size` words, at the head of the list of free
 * blocks of `of` words. */
static word_t* plant_in_list( uint32_t size, uint32_t of )
{
    word_t*  payload = dmheap_malloc( 400, "m" );
    word_t*  fake    = payload + 4;
    uint32_t list    = index_list( context(), of );
    fake[-1]         = header_of( context(), OWNER_FREE, size );
    fake[0]          = list - 1;
    fake[1]          = 0;

    *image_word( context(), list ) = place_of( fake );
    *bitmap_word( context(), list ) |= bit_of( list );
    context()->list_summary |= bit_of( list >> BITS_SHIFT );
    return fake;
}

static void a_block_of_a_list_that_is_none_is_found( void** state )
{
    (void)state;
    (void)plant_in_list( 20, 20 );
    assert_found( DMHEAP_CHECK_INDEX ); /* there are more than are counted */
}

static void a_bit_of_a_list_that_is_none_is_not_followed( void** state )
{
    (void)state;
    void*    most   = dmheap_malloc( stats_now().largest_free_block, NULL );
    uint32_t beyond = ( context()->map_at - 1u ) | ( BITS_OF_WORD - 1 );
    assert_non_null( most );
    assert_true( beyond >= context()->map_at );
    *bitmap_word( context(), beyond ) |= bit_of( beyond );
    context()->list_summary |= bit_of( beyond >> BITS_SHIFT );
    assert_null( dmheap_malloc( 40, NULL ) );
    assert_non_null( strstr( fixture_log(), "out of memory" ) );
    assert_found( DMHEAP_CHECK_INDEX );
}

static void a_summary_of_lists_that_are_none_is_not_followed( void** state )
{
    (void)state;
    assert_non_null( dmheap_malloc( stats_now().largest_free_block, NULL ) );
    for( uint32_t word = ( context()->map_at - 1u ) >> BITS_SHIFT; word < BITS_OF_WORD; word++ )
    {
        uint32_t was = context()->list_summary;
        context()->list_summary |= bit_of( word );
        assert_null( dmheap_malloc( 40, NULL ) );
        assert_found( DMHEAP_CHECK_INDEX );
        context()->list_summary = was;
    }
    assert_found( DMHEAP_CHECK_OK );
}

static void a_live_block_in_a_list_is_found( void** state )
{
    (void)state;
    plant_in_list( 20, 20 )[-1] |= OWNER_NOBODY << HEADER_OWNER_SHIFT;
    context()->free_blocks++;
    assert_found( DMHEAP_CHECK_FREE_LIST );
}

static void a_free_block_with_a_flag_is_found( void** state )
{
    (void)state;
    plant_in_list( 20, 20 )[-1] |= HEADER_PREVIOUS_FREE;
    context()->free_blocks++;
    assert_found( DMHEAP_CHECK_FREE_LIST );
}

static void a_block_in_the_wrong_list_is_found( void** state )
{
    (void)state;
    (void)plant_in_list( 24, 20 );
    assert_found( DMHEAP_CHECK_FREE_LIST );
}

static void a_block_of_a_list_that_is_too_small_is_found( void** state )
{
    (void)state;
    (void)plant_in_list( 2, 20 );
    assert_found( DMHEAP_CHECK_FREE_LIST );
}

static void a_list_that_leads_out_of_the_heap_is_found( void** state )
{
    (void)state;
    plant_in_list( 20, 20 )[1] = 0x00ffffff;
    assert_found( DMHEAP_CHECK_INDEX );
}

static void a_head_that_does_not_lead_back_is_found( void** state )
{
    (void)state;
    plant_in_list( 20, 20 )[0] = 1;
    assert_found( DMHEAP_CHECK_INDEX );
}

static void a_head_out_of_the_heap_is_found( void** state )
{
    (void)state;
    (void)plant_in_list( 20, 20 );
    *image_word( context(), index_list( context(), 20 ) ) = 0x00ffffff;
    assert_found( DMHEAP_CHECK_INDEX );
}

static void a_list_that_goes_round_is_found( void** state )
{
    (void)state;
    word_t* fake = plant_in_list( 20, 20 );
    fake[1]      = place_of( fake );
    assert_found( DMHEAP_CHECK_INDEX );
}

/* A block of `size` words at the head of its list that is not what it seems in one word, as `spoil` leaves it: it is not
 * handed out; where it seems too small, or is found no more, another may be. */
static void assert_not_handed_out( void ( *spoil )( word_t* block, uint32_t size ) )
{
    void* hole = dmheap_malloc( 100, NULL );
    assert_non_null( dmheap_malloc( 8, NULL ) );
    uint32_t size = block_size( context(), block_at( place_of( hole ) ) );
    dmheap_free( hole, false );
    spoil( hole, size );
    void* other = dmheap_malloc( 100, NULL );
    assert_ptr_not_equal( other, hole );
    if( other == NULL ) assert_int_equal( fixture_logged( "overwritten" ), 1 );
    assert_refused( dmheap_ctx_aligned_alloc( context(), 64, 10, NULL ), "overwritten" );
    assert_int_not_equal( dmheap_check( NULL ), DMHEAP_CHECK_OK );
}

static void a_head_out_of_the_heap_is_not_followed( void** state )
{
    (void)state;
    void* hole = dmheap_malloc( 100, NULL );
    assert_non_null( dmheap_malloc( 8, NULL ) );
    uint32_t size = block_size( context(), block_at( place_of( hole ) ) );
    dmheap_free( hole, false );
    *image_word( context(), index_list( context(), size ) ) = 0x3fffffff;
    assert_refused( dmheap_malloc( 60, NULL ), "overwritten" ); /* that list is the next larger one */
}

static void spoil_the_foot( word_t* block, uint32_t size )
{
    block[size - 2] ^= 1u << HEADER_SIZE_SHIFT;
}

static void spoil_the_owner( word_t* block, uint32_t size )
{
    (void)size;
    block[-1] |= OWNER_NOBODY << HEADER_OWNER_SHIFT;
}

static void spoil_the_link( word_t* block, uint32_t size )
{
    (void)size;
    block[0]++;
}

static void spoil_the_link_far( word_t* block, uint32_t size )
{
    (void)size;
    block[0] = 0x10000000;
}

static void spoil_the_link_to_the_context( word_t* block, uint32_t size )
{
    (void)size;
    block[0] = offsetof( dmheap_context_t, first ) / WORD_SIZE - 1;
    assert_int_equal( *free_next( context(), block_at( block[0] ) ), place_of( block ) );
}

static void spoil_the_next( word_t* block, uint32_t size )
{
    (void)size;
    block[1] = place_of( block );
}

static void spoil_the_next_far( word_t* block, uint32_t size )
{
    (void)size;
    block[1] = 0x10000000;
}

static void spoil_the_size( word_t* block, uint32_t size )
{
    block[-1] = header_of( context(), OWNER_FREE, size + 0x10000 );
}

static void spoil_the_size_small( word_t* block, uint32_t size )
{
    (void)size;
    block[-1] = header_of( context(), OWNER_FREE, 6 );
    block[4]  = block[-1];
}

static void spoil_the_head( word_t* block, uint32_t size )
{
    (void)block;
    *image_word( context(), index_list( context(), size ) ) = 0x00ffffff;
}

static void a_free_block_that_is_not_what_it_seems_is_not_handed_out( void** state )
{
    static void ( *const spoilers[] )( word_t*, uint32_t ) = {
        spoil_the_link_to_the_context,
        spoil_the_foot,
        spoil_the_owner,
        spoil_the_link,
        spoil_the_link_far,
        spoil_the_next,
        spoil_the_head,
        spoil_the_next_far,
        spoil_the_size,
    };
    (void)state;
    for( unsigned i = 0; i < sizeof spoilers / sizeof *spoilers; i++ )
    {
        assert_true( fixture_heap( 4096, 8, 0 ) );
        assert_not_handed_out( spoilers[i] );
    }
}

/* A block that seems smaller than the least of its list. Of the own list it is passed over; of a larger one it is refused. */
static void a_free_block_that_is_too_small_for_its_list_is_not_handed_out( void** state )
{
    (void)state;
    void* hole = dmheap_malloc( 400, NULL );
    assert_non_null( dmheap_malloc( 8, NULL ) );
    dmheap_free( hole, false );
    spoil_the_size_small( hole, 0 );
    assert_refused( dmheap_malloc( 300, NULL ), "overwritten" );
    assert_true( dmheap_malloc( 400, NULL ) != hole ); /* a request of the block's own list finds another */
}

static void a_damaged_block_at_the_far_end_is_not_taken_for_a_record( void** state )
{
    (void)state;
    void* all = dmheap_malloc( stats_now().largest_free_block, NULL );
    dmheap_free( all, false );
    spoil_the_link( all, 0 );
    assert_refused( dmheap_register_module( "a" ), "overwritten" );
}

/* The second of its list, where all larger lists are empty. */
static void a_damaged_block_that_is_found_last_is_not_handed_out( void** state )
{
    (void)state;
    assert_true( fixture_heap( 65536, 8, 0 ) );
    void* large = dmheap_malloc( 1140, NULL ); /* one list has 1,088 to 1,151 bytes */
    assert_non_null( dmheap_malloc( 8, NULL ) );
    void* small = dmheap_malloc( 1100, NULL );
    assert_non_null( dmheap_malloc( 8, NULL ) );
    fill_up( context() );
    dmheap_free( large, false );
    dmheap_free( small, false );
    spoil_the_foot( large, block_size( context(), block_at( place_of( large ) ) ) );
    assert_refused( dmheap_malloc( 1130, NULL ), "overwritten" );
}

/* A free block at the head of a list, in a word of which the next block of the list is not confirmed, is dropped from it
 * when another is freed. */
static void a_head_that_its_block_does_not_confirm_is_not_followed( void** state )
{
    (void)state;
    void* one = dmheap_malloc( 100, NULL );
    assert_non_null( dmheap_malloc( 8, NULL ) );
    void* other = dmheap_malloc( 100, NULL );
    assert_non_null( dmheap_malloc( 8, NULL ) );
    dmheap_free( one, false );
    uint32_t list                  = index_list( context(), block_size( context(), block_at( place_of( other ) ) ) );
    *image_word( context(), list ) = 0x00ffffff;
    dmheap_free( other, false );
    assert_int_equal( *image_word( context(), list ), place_of( other ) );
    assert_int_equal( *free_next( context(), block_at( place_of( other ) ) ), 0 );
    assert_found( DMHEAP_CHECK_FREE_LIST ); /* what the head led to is missed */
}

/* Neither in front of the first block, nor where no block has room, though the word there says what a head's would. */
static void a_head_where_no_block_can_be_is_not_written_to( void** state )
{
    (void)state;
    const uint32_t places[] = { offsetof( dmheap_context_t, failures ) / WORD_SIZE, image_end( context() ) };
    for( unsigned i = 0; i < 2; i++ )
    {
        void* block = dmheap_malloc( 100, NULL );
        assert_non_null( dmheap_malloc( 8, NULL ) );
        uint32_t list  = index_list( context(), block_size( context(), block_at( place_of( block ) ) ) );
        word_t*  place = image_word( context(), places[i] );
        word_t   was   = *place;
        *place         = list - 1;
        *image_word( context(), list ) = places[i];
        dmheap_free( block, false );
        assert_int_equal( *place, list - 1 );
        assert_int_equal( *free_next( context(), block_at( place_of( block ) ) ), 0 );
        *place = was;
    }
    assert_valid();
}

static void a_word_of_the_bitmap_without_a_bit_is_not_followed( void** state )
{
    (void)state;
    uint32_t list = index_first( context(), index_list( context(), BLOCK_MIN_SIZE ) );
    assert_true( list < context()->map_at );
    *bitmap_word( context(), list ) = 0;
    assert_int_equal( stats_now().largest_free_block, 0 );
    assert_null( dmheap_malloc( 40, NULL ) );
    assert_found( DMHEAP_CHECK_INDEX );
}

/* ---- Blocks ---- */

static void an_end_mark_with_a_size_is_found( void** state )
{
    (void)state;
    *block_header( context(), block_at( image_end( context() ) ) ) |= 1u << HEADER_SIZE_SHIFT;
    assert_found( DMHEAP_CHECK_HEADER );
}

static void an_end_mark_of_another_owner_is_found( void** state )
{
    (void)state;
    block_set_owner( context(), block_at( image_end( context() ) ), OWNER_NOBODY );
    assert_found( DMHEAP_CHECK_HEADER );
}

static void a_start_behind_the_last_block_is_found( void** state )
{
    (void)state;
    map_set( context(), image_granules( context() ) );
    assert_found( DMHEAP_CHECK_HEADER );
}

static void a_live_block_of_an_owner_that_is_none_is_found( void** state )
{
    (void)state;
    void* block = dmheap_malloc( 100, "m" );
    block_set_owner( context(), block_at( place_of( block ) ), OWNER_FIRST_MODULE + 9 );
    assert_found( DMHEAP_CHECK_OWNER );
    assert_refused( dmheap_free( block, false ), "overwritten" );
    assert_refused( dmheap_realloc( block, 200, NULL ), "overwritten" );
    assert_refused( dmheap_retag( block, NULL ), "overwritten" );
}

static void a_live_block_that_says_it_is_free_is_found( void** state )
{
    (void)state;
    void* block = dmheap_malloc( 100, "m" );
    block_set_owner( context(), block_at( place_of( block ) ), OWNER_FREE );
    assert_found( DMHEAP_CHECK_HEADER );
    assert_refused( dmheap_free( block, false ), "overwritten" );
    assert_refused( dmheap_ctx_free( context(), block, false ), "overwritten" );
    assert_refused( dmheap_realloc( block, 200, NULL ), "overwritten" );
}

static void a_block_on_its_way_is_neither_freed_nor_moved( void** state )
{
    (void)state;
    void* block = dmheap_malloc( 100, "m" );
    block_set_owner( context(), block_at( place_of( block ) ), OWNER_MOVING );
    assert_found( DMHEAP_CHECK_COUNTERS ); /* none is on its way */
    assert_null( dmheap_ctx_of( block ) );
    assert_refused( dmheap_ctx_free( context(), block, false ), "copying" );
    assert_null( dmheap_ctx_of( block ) );
    assert_refused( dmheap_realloc( block, 200, NULL ), "copying" );
    assert_null( dmheap_ctx_of( block ) );
    assert_refused( dmheap_free( block, false ), "" );
}

static void a_size_that_is_no_multiple_of_the_granule_is_found( void** state )
{
    (void)state;
    void* block = dmheap_malloc( 100, NULL );
    *block_header( context(), block_at( place_of( block ) ) ) += 1u << HEADER_SIZE_SHIFT;
    assert_found( DMHEAP_CHECK_HEADER );
}

static void an_alignment_beyond_any_is_found( void** state )
{
    (void)state;
    void*    block = dmheap_aligned_alloc( 64, 100, NULL );
    uint32_t size  = block_size( context(), block_at( place_of( block ) ) );
    word_t*  last  = block_foot_before( context(), block_at( place_of( block ) + size ) );
    assert_int_equal( *last, 6 );
    *last += sizeof( size_t ) * 8; /* which a processor may take for the same */
    assert_found( DMHEAP_CHECK_HEADER );
}

static void a_size_that_leads_just_out_of_the_heap_is_refused( void** state )
{
    (void)state;
    assert_true( fixture_heap( 4096, 4, 0 ) );
    void* last = dmheap_malloc( stats_now().largest_free_block, NULL );
    *block_header( context(), block_at( place_of( last ) ) ) += 1u << HEADER_SIZE_SHIFT;
    assert_refused( dmheap_free( last, false ), "overwritten" );
    assert_refused( dmheap_realloc( last, 8, NULL ), "overwritten" );
    assert_found( DMHEAP_CHECK_HEADER );
}

static void a_foot_that_leads_out_of_the_heap_is_not_followed( void** state )
{
    (void)state;
    void*   hole  = dmheap_malloc( 100, "m" );
    word_t* block = dmheap_malloc( 100, "m" );
    dmheap_free( hole, false );
    block[-2] = 0x10000000;
    assert_found( DMHEAP_CHECK_FOOT );
    assert_null( dmheap_realloc( block, 8000, "m" ) );
    assert_refused( dmheap_free( block, false ), "overwritten" );
}

static void a_foot_of_no_size_is_not_followed( void** state )
{
    (void)state;
    void*   hole  = dmheap_malloc( 100, "m" );
    word_t* block = dmheap_malloc( 100, "m" );
    dmheap_free( hole, false );
    block[-2] = 0;
    assert_found( DMHEAP_CHECK_FOOT );
    assert_refused( dmheap_free( block, false ), "overwritten" );
}

/* There is a free block where the foot leads to; it ends in front of where the foot is. */
static void a_foot_that_leads_to_a_smaller_free_block_is_not_followed( void** state )
{
    (void)state;
    word_t* hole  = dmheap_malloc( 400, NULL );
    word_t* block = dmheap_malloc( 100, NULL );
    dmheap_free( hole, false );
    word_t*  fake                  = hole + 20;
    uint32_t list                  = index_list( context(), 16 );
    fake[-1]                       = header_of( context(), OWNER_FREE, 16 );
    fake[0]                        = list - 1;
    fake[1]                        = 0;
    fake[16 - 2]                   = fake[-1];
    *image_word( context(), list ) = place_of( fake );
    block[-2]                      = header_of( context(), OWNER_FREE, place_of( block ) - place_of( fake ) );
    assert_refused( dmheap_free( block, false ), "overwritten" );
}

static void a_damaged_block_of_a_module_that_leaves_is_nobodys( void** state )
{
    (void)state;
    void*   hole  = dmheap_malloc( 100, "m" );
    word_t* block = dmheap_malloc( 100, "m" );
    dmheap_free( hole, false );
    block[-2] = 0;
    dmheap_unregister_module( "m" );
    assert_int_equal( stats_now().modules, 0 );
    assert_int_equal( context()->nobody.blocks, 1 );
    assert_int_equal( fixture_logged( "overwritten" ), 1 );
}

static void a_retag_of_a_block_of_an_owner_that_is_none_registers_nobody( void** state )
{
    (void)state;
    void* block = dmheap_malloc( 100, NULL );
    block_set_owner( context(), block_at( place_of( block ) ), OWNER_FIRST_MODULE + 1 );
    assert_false( dmheap_retag( block, "new" ) );
    assert_int_equal( stats_now().modules, 0 );
}

static bool count_blocks( const dmheap_block_info_t* info, void* user )
{
    assert_in_range( (uintptr_t)info->address, (uintptr_t)fixture_buffer(), (uintptr_t)fixture_buffer() + 4096 );
    ++*(unsigned*)user;
    return true;
}

static void visitors_do_not_follow_a_foot_out_of_the_heap( void** state )
{
    unsigned seen = 0, all = 0;
    (void)state;
    void*   hole  = dmheap_malloc( 100, "m" );
    word_t* block = dmheap_malloc( 100, "m" );
    dmheap_free( hole, false );
    dmheap_visit_blocks( count_blocks, &all );
    block[-2] = 0x10000000;
    dmheap_visit_blocks( count_blocks, &seen );
    assert_int_equal( seen, all - 1 ); /* the free one in front is not shown */
}

/* Its last words look as if a free block began there. */
static void a_block_that_does_not_reach_its_neighbour_is_found( void** state )
{
    (void)state;
    for( unsigned is_free = 0; is_free < 2; is_free++ )
    {
        const void* where;
        assert_true( fixture_heap( 4096, 8, 0 ) );
        word_t* block  = dmheap_malloc( 100, "m" );
        void*   next   = dmheap_malloc( 100, "m" );
        void*   behind = dmheap_malloc( 100, "m" );
        if( is_free ) dmheap_free( next, false );
        memset( block, 0, 100 );
        block[-1] -= 4u << HEADER_SIZE_SHIFT;
        assert_int_equal( dmheap_check( &where ), DMHEAP_CHECK_NEIGHBOUR );
        assert_ptr_equal( where, is_free ? behind : next );
    }
}

static void an_alignment_that_a_block_needs_not_or_has_not_is_found( void** state )
{
    const void* where;
    (void)state;
    word_t* block     = dmheap_malloc( 100, "m" );
    word_t* aligned   = dmheap_aligned_alloc( 64, 100, "m" );
    word_t* kept      = &aligned[header_size( context(), aligned[-1] ) - 2];
    word_t  alignment = *kept;
    assert_found( DMHEAP_CHECK_OK );
    *kept = 20;
    assert_int_equal( dmheap_check( &where ), DMHEAP_CHECK_HEADER );
    assert_ptr_equal( where, aligned );
    *kept                                          = alignment;
    block[header_size( context(), block[-1] ) - 2] = 3; /* every block of the heap has that */
    block[-1] |= HEADER_ALIGNED;
    assert_int_equal( dmheap_check( &where ), DMHEAP_CHECK_HEADER );
    assert_ptr_equal( where, block );
}

static void a_start_with_no_room_for_a_block_is_found( void** state )
{
    (void)state;
    map_set( context(), image_granules( context() ) - 1 );
    assert_found( DMHEAP_CHECK_HEADER );
}

static void a_record_that_says_the_number_of_another_is_found( void** state )
{
    (void)state;
    assert_true( dmheap_register_module( "m" ) );
    assert_true( dmheap_register_module( "n" ) );
    first_module()->key++;
    assert_found( DMHEAP_CHECK_MODULE );
}

/* ---- Counters ---- */

static void a_lowest_mark_above_the_free_words_is_found( void** state )
{
    (void)state;
    context()->free_lowest = context()->free_words;
    assert_found( DMHEAP_CHECK_OK );
    context()->free_lowest++;
    assert_found( DMHEAP_CHECK_COUNTERS );
}

static void register_as_many_as_there_may_be( void )
{
    char name[8];
    assert_true( fixture_heap( 65536, 8, 0 ) );
    for( unsigned i = 0; i < DMHEAP_MAX_MODULES; i++ )
    {
        (void)snprintf( name, sizeof name, "%u", i );
        assert_true( dmheap_register_module( name ) );
    }
}

static void room_for_more_modules_than_there_may_be_is_found( void** state )
{
    (void)state;
    register_as_many_as_there_may_be();
    assert_found( DMHEAP_CHECK_OK );
    context()->table_room++;
    assert_found( DMHEAP_CHECK_MODULE );
}

static void one_module_too_few_in_the_count_makes_none_too_many( void** state )
{
    (void)state;
    register_as_many_as_there_may_be();
    context()->modules--;
    assert_refused( assert_false( dmheap_register_module( "more" ) ), "overwritten" );
}

static void one_module_too_many_in_the_count_is_found( void** state )
{
    (void)state;
    dmheap_register_module( "m" );
    assert_found( DMHEAP_CHECK_OK );
    context()->modules++;
    assert_found( DMHEAP_CHECK_MODULE );
    context()->modules = 0;
    assert_found( DMHEAP_CHECK_MODULE );
}

static void counts_that_are_not_those_of_the_blocks_are_found( void** state )
{
    (void)state;
    assert_non_null( dmheap_malloc( 100, "m" ) );
    word_t* counts[] = { &context()->free_words, &context()->taken, &context()->released, &context()->moving };
    for( unsigned i = 0; i < sizeof counts / sizeof *counts; i++ )
    {
        --*counts[i];
        assert_found( DMHEAP_CHECK_COUNTERS );
        ++*counts[i];
    }
    context()->free_blocks++;
    assert_found( DMHEAP_CHECK_COUNTERS );
    context()->free_blocks -= 2;
    assert_found( DMHEAP_CHECK_INDEX );
    context()->free_blocks++;
    assert_found( DMHEAP_CHECK_OK );
}

static void what_an_owner_holds_is_compared_with_its_blocks( void** state )
{
    (void)state;
    assert_non_null( dmheap_malloc( 100, "m" ) );
    assert_non_null( dmheap_malloc( 100, NULL ) );
    holding_t* all[] = { &first_module()->holding, &context()->nobody };
    for( unsigned i = 0; i < sizeof all / sizeof *all; i++ )
    {
        all[i]->live--;
        assert_found( DMHEAP_CHECK_MODULE );
        all[i]->live++;
        all[i]->blocks++;
        assert_found( DMHEAP_CHECK_MODULE );
        all[i]->blocks--;
        uint32_t peak    = all[i]->peak;
        uint32_t ceiling = all[i]->ceiling;
        all[i]->peak     = all[i]->live - 1;
        assert_found( DMHEAP_CHECK_MODULE );
        all[i]->peak    = peak;
        all[i]->ceiling = CEILING_NONE + 1;
        assert_found( DMHEAP_CHECK_MODULE );
        all[i]->ceiling = ceiling;
    }
    context()->nobody.ceiling--; /* nobody has none */
    assert_found( DMHEAP_CHECK_MODULE );
    context()->nobody.ceiling++;
    /* what one has too much another has too little */
    all[0]->live++;
    all[1]->live--;
    all[0]->peak = all[0]->live;
    assert_found( DMHEAP_CHECK_MODULE );
}

/* ---- Owners ---- */

static void a_name_without_an_end_is_found( void** state )
{
    (void)state;
    dmheap_register_module( "m" );
    module_t* module = first_module();
    uint32_t  size   = block_size( context(), block_at( place_of( module ) ) );
    memset( module->name, 'x', ( size - 1 ) * WORD_SIZE - sizeof( module_t ) );
    assert_found( DMHEAP_CHECK_MODULE );
}

static void a_name_that_its_record_has_no_room_for_is_found( void** state )
{
    char name[NAME_ROOM];
    (void)state;
    dmheap_register_module( name_of( name, 20 ) );
    block_t  record = block_at( place_of( first_module() ) );
    uint32_t size   = block_size( context(), record );
    assert_found( DMHEAP_CHECK_OK );
    /* a record of 2 words less, and a block of these */
    *block_header( context(), record ) -= header_of( context(), OWNER_FREE, 4 );
    block_t rest                     = block_at( record.at + size - 4 );
    *block_header( context(), rest ) = header_of( context(), OWNER_SYSTEM, 4 );
    map_set( context(), map_bit( context(), rest ) );
    context()->system.blocks++;
    context()->taken++;
    assert_found( DMHEAP_CHECK_MODULE );
}

static void a_name_that_is_empty_is_found( void** state )
{
    (void)state;
    dmheap_register_module( "m" );
    first_module()->name[0] = '\0';
    assert_found( DMHEAP_CHECK_MODULE );
}

static void a_name_that_is_another_is_found( void** state )
{
    (void)state;
    dmheap_register_module( "m" );
    first_module()->name[0] = 'n';
    assert_found( DMHEAP_CHECK_MODULE ); /* it is not found by it */
}

static bool note_module( const dmheap_module_info_t* info, void* user )
{
    strcpy( user, info->name );
    return true;
}

static void a_record_at_the_end_of_the_heap_has_no_name( void** state )
{
    char name[DMHEAP_NAME_SIZE] = "none";
    (void)state;
    dmheap_register_module( "m" );
    uint32_t end = image_end( context() );

    *entry( OWNER_FIRST_MODULE ) = entry_of( context(), block_at( end - MODULE_WORDS ), 0 );
    dmheap_visit_modules( note_module, name );
    assert_string_equal( name, "none" ); /* the record is out of reach */

    *entry( OWNER_FIRST_MODULE ) = entry_of( context(), block_at( end - MODULE_WORDS - 1 ), 0 );
    dmheap_visit_modules( note_module, name );
    assert_string_equal( name, "" );

    *entry( OWNER_FIRST_MODULE )      = entry_of( context(), block_at( end - MODULE_WORDS - 2 ), 0 );
    *image_word( context(), end - 2 ) = 0xffffffff; /* the name has no end before the heap does */
    dmheap_visit_modules( note_module, name );
    assert_int_equal( strlen( name ), 4 );
}

static void two_owners_of_one_record_are_found( void** state )
{
    (void)state;
    dmheap_register_module( "one" );
    dmheap_register_module( "two" );
    *entry( OWNER_FIRST_MODULE + 1 ) = *entry( OWNER_FIRST_MODULE );
    assert_found( DMHEAP_CHECK_MODULE );
}

static void two_records_of_one_name_are_found( void** state )
{
    (void)state;
    dmheap_register_module( "one" );
    dmheap_register_module( "two" );
    strcpy( module_of( context(), OWNER_FIRST_MODULE + 1 )->name, "one" );
    uint32_t tag                     = *entry( OWNER_FIRST_MODULE ) & TABLE_TAG_MASK;
    *entry( OWNER_FIRST_MODULE + 1 ) = ( *entry( OWNER_FIRST_MODULE + 1 ) & ~(uint32_t)TABLE_TAG_MASK ) | tag;
    assert_found( DMHEAP_CHECK_MODULE );
}

static void a_record_that_is_a_block_of_a_user_is_found( void** state )
{
    (void)state;
    dmheap_register_module( "m" );
    module_t* forged = dmheap_malloc( 40, NULL );
    memcpy( forged, first_module(), sizeof( module_t ) + 4 );
    *entry( OWNER_FIRST_MODULE ) =
        entry_of( context(), block_at( place_of( forged ) ), *entry( OWNER_FIRST_MODULE ) & TABLE_TAG_MASK );
    assert_found( DMHEAP_CHECK_MODULE );
}

static void more_owners_than_headers_have_room_for_are_found( void** state )
{
    char     name[16];
    unsigned count = 0;
    (void)state;
    assert_true( fixture_heap( 65536, 8, 0 ) );
    do
        snprintf( name, sizeof name, "%u", count++ );
    while( dmheap_register_module( name ) );
    assert_int_equal( fixture_logged( "table is full" ), 1 );
    assert_int_equal( count, DMHEAP_MAX_MODULES + 1 );
    assert_int_equal( context()->table_span, DMHEAP_MAX_MODULES );
    assert_int_equal( context()->table_room, DMHEAP_MAX_MODULES );
    assert_found( DMHEAP_CHECK_OK );
    context()->table_span++;
    assert_found( DMHEAP_CHECK_MODULE );
    context()->table_room++;
    assert_found( DMHEAP_CHECK_MODULE );
}

static void a_table_that_leads_out_of_the_heap_is_found( void** state )
{
    (void)state;
    for( char name[2] = "a"; name[0] < 'f'; name[0]++ )
        assert_true( dmheap_register_module( name ) );
    context()->table_at = 0x10000000;
    assert_found( DMHEAP_CHECK_MODULE );
    context()->table_at = 0;
    assert_found( DMHEAP_CHECK_MODULE );
    assert_true( fixture_heap( 4096, 8, 0 ) );
    void* block         = dmheap_malloc( 8, "a" );
    context()->table_at = 0x10000000;
    assert_found( DMHEAP_CHECK_OWNER );
    assert_refused( dmheap_malloc( 8, "f" ), "overwritten" );
    assert_refused( dmheap_malloc( 8, "a" ), "overwritten" );
    assert_refused( dmheap_register_module( "a" ), "overwritten" );
    assert_refused( dmheap_free( block, false ), "overwritten" );
    assert_false( dmheap_rename_module( "a", "b" ) );
    dmheap_unregister_module( "a" );
}

static void a_table_whose_end_is_out_of_the_heap_is_found( void** state )
{
    (void)state;
    dmheap_register_module( "a" );
    context()->table_at = image_end( context() ) - 1;
    assert_found( DMHEAP_CHECK_MODULE );
    assert_refused( dmheap_malloc( 8, "f" ), "overwritten" );
}

static void a_table_that_is_a_block_of_a_user_is_found( void** state )
{
    (void)state;
    dmheap_register_module( "a" );
    uint32_t* forged    = dmheap_malloc( 100, NULL );
    *forged             = *entry( OWNER_FIRST_MODULE );
    context()->table_at = place_of( forged );
    assert_found( DMHEAP_CHECK_MODULE );
}

static void a_table_whose_size_is_overwritten_does_not_shrink( void** state )
{
    char name[] = "a";
    (void)state;
    for( ; name[0] <= 'e'; name[0]++ )
        assert_true( dmheap_register_module( name ) );
    *block_header( context(), block_at( context()->table_at ) ) |= 0xffffffffu << HEADER_SIZE_SHIFT;
    dmheap_unregister_module( "e" );
    assert_int_equal( context()->table_room, 8 );
    assert_found( DMHEAP_CHECK_HEADER );
}

static void a_table_where_none_should_be_is_found( void** state )
{
    (void)state;
    context()->table_room = 1;
    assert_found( DMHEAP_CHECK_MODULE );
    assert_refused( dmheap_register_module( "a" ), "overwritten" );
    context()->table_room = 0;
    context()->unused     = 1;
    assert_found( DMHEAP_CHECK_MODULE );
    context()->unused = 0;
    assert_found( DMHEAP_CHECK_OK );
}

static void a_table_larger_than_its_block_is_found( void** state )
{
    (void)state;
    dmheap_register_module( "a" );
    context()->table_room = (uint8_t)block_size( context(), block_at( context()->table_at ) );
    assert_found( DMHEAP_CHECK_MODULE );
}

static void an_entry_of_an_owner_given_back_that_is_not_empty_is_found( void** state )
{
    (void)state;
    dmheap_register_module( "a" );
    dmheap_register_module( "b" );
    dmheap_unregister_module( "a" );
    assert_found( DMHEAP_CHECK_OK );
    *entry( OWNER_FIRST_MODULE ) |= 1u << 20;
    assert_found( DMHEAP_CHECK_MODULE );
}

static void a_last_entry_that_is_empty_is_found( void** state )
{
    (void)state;
    dmheap_register_module( "a" );
    *entry( OWNER_FIRST_MODULE + 1 ) = 0;
    context()->table_span++;
    assert_found( DMHEAP_CHECK_MODULE );
}

static void a_place_of_the_hints_may_say_anything( void** state )
{
    (void)state;
    dmheap_register_module( "a" );
    dmheap_register_module( "b" );
    unsigned char* end = (unsigned char*)block_header( context(), block_at( context()->first ) );
    for( unsigned byte = 0; byte < 256; byte++ )
    {
        memset( end - hint_words( context() ) * WORD_SIZE, (int)byte, hint_words( context() ) * WORD_SIZE );
        void* block = dmheap_malloc( 8, "b" );
        assert_non_null( block );
        assert_int_equal( live_blocks_of( "b" ), 1 );
        dmheap_free( block, false );
        assert_valid();
    }
}

static void a_place_of_the_records_may_say_anything( void** state )
{
    (void)state;
    for( uint32_t at = 0; at < image_end( context() ) + 10; at++ )
    {
        context()->records_at = at;
        assert_true( dmheap_register_module( "m" ) );
        assert_valid();
        dmheap_unregister_module( "m" );
        assert_valid();
    }
    context()->records_at = UINT32_MAX;
    assert_true( dmheap_register_module( "m" ) );
    assert_valid();
}

/* ---- The geometry ---- */

static bool see_module( const dmheap_module_info_t* info, void* user )
{
    (void)info;
    ++*(unsigned*)user;
    return true;
}

static void assert_all_refused( dmheap_module_t handle, void* block )
{
    dmheap_stats_t        stats;
    dmheap_module_stats_t module_stats;
    unsigned              seen = 0;
    assert_refused( dmheap_malloc( 8, NULL ), "overwritten" );
    assert_refused( dmheap_malloc( 8, "m" ), "overwritten" );
    assert_refused( dmheap_malloc( 8, "new" ), "overwritten" );
    assert_refused( dmheap_aligned_alloc( 64, 8, "m" ), "overwritten" );
    assert_refused( dmheap_ctx_malloc( context(), 8, "m" ), "overwritten" );
    assert_refused( dmheap_module_malloc( handle, 8 ), "overwritten" );
    assert_refused( dmheap_module_aligned_alloc( handle, 64, 8 ), "overwritten" );
    assert_refused( dmheap_free( block, false ), "overwritten" );
    assert_refused( dmheap_ctx_free( context(), block, false ), "overwritten" );
    assert_refused( dmheap_module_free( handle, block ), "overwritten" );
    assert_refused( dmheap_realloc( block, 4, NULL ), "overwritten" );
    assert_refused( dmheap_realloc( block, 400, NULL ), "overwritten" );
    assert_refused( dmheap_module_realloc( handle, block, 400 ), "overwritten" );
    assert_refused( dmheap_retag( block, "new" ), "overwritten" );
    assert_refused( dmheap_usable_size( block ), "overwritten" );
    assert_refused( dmheap_register_module( "new" ), "overwritten" );
    assert_refused( dmheap_module_open( "m" ), "overwritten" );
    assert_refused( dmheap_set_module_limit( "m", 100 ), "overwritten" );
    assert_refused( dmheap_rename_module( "m", "new" ), "overwritten" );
    assert_refused( dmheap_check( NULL ), "Check failed" );
    fixture_remember();
    assert_null( dmheap_ctx_of( block ) );
    assert_false( dmheap_get_stats( &stats ) );
    assert_false( dmheap_get_module_stats( "m", &module_stats ) );
    assert_false( dmheap_module_get_stats( handle, &module_stats ) );
    dmheap_unregister_module( "m" );
    dmheap_visit_blocks( count_blocks, &seen );
    dmheap_visit_modules( see_module, &seen );
    assert_int_equal( seen, 0 );
    assert_true( fixture_is_unchanged() );
}

static void a_heap_of_another_layout_is_found( void** state )
{
    (void)state;
    context()->layout++; /* is in front of what the seal is of */
    assert_found( DMHEAP_CHECK_GEOMETRY );
}

static void a_heap_whose_geometry_is_overwritten_refuses_everything( void** state )
{
    (void)state;
    void*           block  = dmheap_malloc( 100, "m" );
    dmheap_module_t handle = dmheap_module_open( "m" );
    for( word_t* word = &context()->first; word <= &context()->seal; word++ )
        for( unsigned bit = 0; bit < BITS_OF_WORD; bit++ )
        {
            *word ^= 1u << bit;
            assert_all_refused( handle, block );
            *word ^= 1u << bit;
        }
    assert_valid();
    dmheap_free( block, false );
    assert_valid();
}

static void memory_that_is_filled_with_any_byte_is_no_heap( void** state )
{
    (void)state;
    for( int byte = 0; byte < 256; byte++ ) /* erased, or switched off and on again */
    {
        assert_true( fixture_heap( 4096, 8, 0 ) );
        void*           block  = dmheap_malloc( 100, "m" );
        dmheap_module_t handle = dmheap_module_open( "m" );
        memset( fixture_buffer(), byte, 4096 );
        assert_all_refused( handle, block );
    }
}

/* ---- Damage between two steps of a call ---- */

static unsigned char* moving;
static unsigned       countdown;

static void overwrite_the_entry( void )
{
    if( countdown == 0 || --countdown != 0 ) return;
    *entry( OWNER_FIRST_MODULE ) = 0;
}

static void a_record_that_is_lost_during_a_realloc_is_not_followed( void** state )
{
    (void)state;
    for( unsigned step = 1; step < 12; step++ )
    {
        assert_true( fixture_heap( 4096, 8, 0 ) );
        dmheap_register_module( "m" );
        moving = dmheap_malloc( 200, "m" );
        assert_non_null( dmheap_malloc( 8, NULL ) );
        countdown         = step;
        fixture_interrupt = overwrite_the_entry;
        (void)dmheap_realloc( moving, 500, NULL );
        fixture_interrupt = NULL;
        assert_true( ( countdown == 0 ) == ( dmheap_check( NULL ) != DMHEAP_CHECK_OK ) );
        if( step == 1 ) assert_int_equal( countdown, 0 );
    }
}

static void overwrite_the_size( void )
{
    if( countdown != 0 && --countdown == 0 )
        *block_header( context(), block_at( place_of( moving ) ) ) |= ~0u << HEADER_SIZE_SHIFT;
}

static void a_size_that_is_lost_during_a_realloc_is_not_followed( void** state )
{
    (void)state;
    moving = dmheap_malloc( 200, "m" );
    assert_non_null( dmheap_malloc( 8, NULL ) );
    memset( moving, 'x', 200 );
    countdown         = 1;
    fixture_interrupt = overwrite_the_size;
    unsigned char* to = dmheap_realloc( moving, 500, NULL );
    fixture_interrupt = NULL;
    assert_int_equal( countdown, 0 );
    assert_int_equal( fixture_logged( "overwritten" ), 1 ); /* the old place is not given back */
    assert_non_null( to );
    assert_memory_equal( to, moving, 200 );
    assert_int_equal( dmheap_check( NULL ), DMHEAP_CHECK_HEADER );
}

static void overwrite_the_table( void )
{
    if( countdown != 0 && --countdown == 0 ) context()->table_at = 0x20000000;
}

static word_t   geometry; /* what is overwritten: which word, */
static uint32_t nonsense; /* and with what */

static void overwrite_the_geometry( void )
{
    if( countdown != 0 && --countdown == 0 ) *( &context()->first + geometry ) = nonsense;
}

static void rename_a( void )
{
    (void)dmheap_rename_module( "a", "c" );
}

static void merge_a( void )
{
    (void)dmheap_rename_module( "a", "b" );
}

static void unregister_a( void )
{
    dmheap_unregister_module( "a" );
}

static void limit_a( void )
{
    (void)dmheap_set_module_limit( "a", 1000 );
}

static void move_a( void )
{
    (void)dmheap_realloc( moving, 500, NULL );
}

static void retag_a( void )
{
    (void)dmheap_retag( moving, "c" );
}

static void walk( void )
{
    unsigned seen = 0;
    dmheap_visit_blocks( count_blocks, &seen );
    dmheap_visit_modules( see_module, &seen );
}

static void check( void )
{
    (void)dmheap_check( NULL );
}

static bool heir_is_itself;

static void overwrite_the_heir( void )
{
    holding_t* holding = &module_of( context(), OWNER_FIRST_MODULE )->holding;
    if( !holding_is_leaving( holding ) ) return;
    fixture_interrupt = NULL;
    holding->peak     = heir_is_itself ? key_of( context(), OWNER_FIRST_MODULE ) : nonsense;
}

/* A key of no module, or the leaving module's own: nothing is freed, and the module is gone. */
static void blocks_whose_heir_is_overwritten_are_nobodys( void** state )
{
    (void)state;
    nonsense = 0x7FFF0000u;
    for( unsigned own = 0; own < 2; own++ )
    {
        assert_true( fixture_heap( 16384, 8, 0 ) );
        for( unsigned i = 0; i < 40; i++ )
            assert_non_null( dmheap_malloc( 20, "a" ) );
        assert_true( dmheap_register_module( "b" ) );
        heir_is_itself    = own != 0;
        fixture_interrupt = overwrite_the_heir;
        merge_a();
        assert_null( fixture_interrupt );
        assert_valid();
        assert_int_equal( live_blocks_of( "a" ), 0 );
        assert_int_equal( stats_now().used_blocks, 40 );
        assert_int_equal( stats_now().modules, 1 );
    }
}

static void damage_during_calls( void ( *damage )( void ) )
{
    static void ( *const calls[] )( void ) = { rename_a, merge_a, unregister_a, limit_a, move_a, retag_a, walk, check };
    for( unsigned call = 0; call < sizeof calls / sizeof *calls; call++ )
        EACH_STEP
        {
            assert_true( fixture_heap( 4096, 8, 0 ) );
            dmheap_register_module( "a" );
            dmheap_register_module( "b" );
            moving = dmheap_malloc( 100, "a" );
            assert_non_null( dmheap_malloc( 100, "a" ) );
            fixture_fence();
            countdown         = step;
            fixture_interrupt = damage;
            calls[call]();
            fixture_interrupt = NULL;
            if( countdown == 0 ) assert_int_not_equal( dmheap_check( NULL ), DMHEAP_CHECK_OK );
        }
}

static void a_table_that_is_lost_during_a_call_is_not_followed( void** state )
{
    (void)state;
    damage_during_calls( overwrite_the_table );
}

static void a_geometry_that_is_lost_during_a_call_is_not_followed( void** state )
{
    (void)state;
    for( geometry = 0; geometry < 4; geometry++ )
        for( unsigned bit = 0; bit <= BITS_OF_WORD + 1; bit++ )
        {
            nonsense = bit < BITS_OF_WORD ? 1u << bit : bit == BITS_OF_WORD ? 0 : UINT32_MAX;
            damage_during_calls( overwrite_the_geometry );
        }
}

int test_damage( void )
{
    const struct CMUnitTest tests[] = {
        DAMAGE_TEST( a_block_of_a_list_that_is_none_is_found ),
        DAMAGE_TEST( a_bit_of_a_list_that_is_none_is_not_followed ),
        DAMAGE_TEST( a_summary_of_lists_that_are_none_is_not_followed ),
        DAMAGE_TEST( a_live_block_in_a_list_is_found ),
        DAMAGE_TEST( a_free_block_with_a_flag_is_found ),
        DAMAGE_TEST( a_block_in_the_wrong_list_is_found ),
        DAMAGE_TEST( a_block_of_a_list_that_is_too_small_is_found ),
        DAMAGE_TEST( a_list_that_leads_out_of_the_heap_is_found ),
        DAMAGE_TEST( a_head_that_does_not_lead_back_is_found ),
        DAMAGE_TEST( a_head_out_of_the_heap_is_found ),
        DAMAGE_TEST( a_list_that_goes_round_is_found ),
        DAMAGE_TEST( a_free_block_that_is_not_what_it_seems_is_not_handed_out ),
        DAMAGE_TEST( a_head_out_of_the_heap_is_not_followed ),
        DAMAGE_TEST( a_free_block_that_is_too_small_for_its_list_is_not_handed_out ),
        DAMAGE_TEST( a_damaged_block_at_the_far_end_is_not_taken_for_a_record ),
        DAMAGE_TEST( a_damaged_block_that_is_found_last_is_not_handed_out ),
        DAMAGE_TEST( a_head_that_its_block_does_not_confirm_is_not_followed ),
        DAMAGED_TEST( a_head_where_no_block_can_be_is_not_written_to ),
        DAMAGE_TEST( a_word_of_the_bitmap_without_a_bit_is_not_followed ),
        DAMAGE_TEST( an_end_mark_with_a_size_is_found ),
        DAMAGE_TEST( an_end_mark_of_another_owner_is_found ),
        DAMAGE_TEST( a_start_behind_the_last_block_is_found ),
        DAMAGE_TEST( a_live_block_of_an_owner_that_is_none_is_found ),
        DAMAGE_TEST( a_live_block_that_says_it_is_free_is_found ),
        DAMAGE_TEST( a_block_on_its_way_is_neither_freed_nor_moved ),
        DAMAGE_TEST( a_size_that_is_no_multiple_of_the_granule_is_found ),
        DAMAGE_TEST( an_alignment_beyond_any_is_found ),
        DAMAGE_TEST( a_size_that_leads_just_out_of_the_heap_is_refused ),
        DAMAGE_TEST( a_foot_that_leads_out_of_the_heap_is_not_followed ),
        DAMAGE_TEST( a_foot_of_no_size_is_not_followed ),
        DAMAGE_TEST( a_foot_that_leads_to_a_smaller_free_block_is_not_followed ),
        DAMAGE_TEST( a_damaged_block_of_a_module_that_leaves_is_nobodys ),
        DAMAGE_TEST( a_retag_of_a_block_of_an_owner_that_is_none_registers_nobody ),
        DAMAGE_TEST( visitors_do_not_follow_a_foot_out_of_the_heap ),
        DAMAGE_TEST( a_block_that_does_not_reach_its_neighbour_is_found ),
        DAMAGE_TEST( an_alignment_that_a_block_needs_not_or_has_not_is_found ),
        DAMAGE_TEST( a_start_with_no_room_for_a_block_is_found ),
        DAMAGE_TEST( a_record_that_says_the_number_of_another_is_found ),
        DAMAGE_TEST( a_lowest_mark_above_the_free_words_is_found ),
        DAMAGE_TEST( room_for_more_modules_than_there_may_be_is_found ),
        DAMAGE_TEST( one_module_too_few_in_the_count_makes_none_too_many ),
        DAMAGE_TEST( one_module_too_many_in_the_count_is_found ),
        DAMAGE_TEST( counts_that_are_not_those_of_the_blocks_are_found ),
        DAMAGE_TEST( what_an_owner_holds_is_compared_with_its_blocks ),
        DAMAGE_TEST( a_name_without_an_end_is_found ),
        DAMAGE_TEST( a_name_that_its_record_has_no_room_for_is_found ),
        DAMAGE_TEST( a_name_that_is_empty_is_found ),
        DAMAGE_TEST( a_name_that_is_another_is_found ),
        DAMAGE_TEST( a_record_at_the_end_of_the_heap_has_no_name ),
        DAMAGE_TEST( two_owners_of_one_record_are_found ),
        DAMAGE_TEST( two_records_of_one_name_are_found ),
        DAMAGE_TEST( a_record_that_is_a_block_of_a_user_is_found ),
        DAMAGE_TEST( more_owners_than_headers_have_room_for_are_found ),
        DAMAGE_TEST( a_table_that_leads_out_of_the_heap_is_found ),
        DAMAGE_TEST( a_table_whose_end_is_out_of_the_heap_is_found ),
        DAMAGE_TEST( a_table_that_is_a_block_of_a_user_is_found ),
        DAMAGE_TEST( a_table_whose_size_is_overwritten_does_not_shrink ),
        DAMAGE_TEST( a_table_where_none_should_be_is_found ),
        DAMAGE_TEST( a_table_larger_than_its_block_is_found ),
        DAMAGE_TEST( an_entry_of_an_owner_given_back_that_is_not_empty_is_found ),
        DAMAGE_TEST( a_last_entry_that_is_empty_is_found ),
        DAMAGE_TEST( a_place_of_the_hints_may_say_anything ),
        DAMAGE_TEST( a_place_of_the_records_may_say_anything ),
        DAMAGE_TEST( a_heap_of_another_layout_is_found ),
        DAMAGE_TEST( a_heap_whose_geometry_is_overwritten_refuses_everything ),
        DAMAGE_TEST( memory_that_is_filled_with_any_byte_is_no_heap ),
        DAMAGE_TEST( a_record_that_is_lost_during_a_realloc_is_not_followed ),
        DAMAGE_TEST( a_size_that_is_lost_during_a_realloc_is_not_followed ),
        DAMAGE_TEST( blocks_whose_heir_is_overwritten_are_nobodys ),
        DAMAGE_TEST( a_table_that_is_lost_during_a_call_is_not_followed ),
        DAMAGE_TEST( a_geometry_that_is_lost_during_a_call_is_not_followed ),
    };
    return cmocka_run_group_tests_name( "damage", tests, NULL, NULL );
}
