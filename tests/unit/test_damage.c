/*
 * Damage that only one who knows the image can do: each check of it is met by what it is for. test_faults finds the rest
 * by chance. Looks into the image (src/image.h).
 */
#include "module.h"
#include "unit.h"

static dmheap_context_t* context( void )
{
    return (dmheap_context_t*)(void*)fixture_buffer();
}

static uint32_t place_of( const void* payload )
{
    return (uint32_t)( (const word_t*)payload - image_word( context(), 0 ) );
}

static word_t* entry_of( owner_t owner )
{
    return image_word( context(), *directory_chunk( context(), owner ) + owner );
}

#define assert_found( fault ) assert_int_equal( dmheap_check( NULL ), fault )

static int small_heap( void** state )
{
    (void)state;
    return fixture_heap( 4096, 8, 0 ) ? 0 : -1;
}

#define DAMAGE_TEST( name ) cmocka_unit_test_setup( name, small_heap )

/* A free block that only its list knows, in the payload of a live one: `size` words, at the head of the list of free
 * blocks of `of` words. */
static word_t* plant_in_list( uint32_t size, uint32_t of )
{
    word_t*  payload = dmheap_malloc( 400, "m" );
    word_t*  fake    = payload + 4;
    uint32_t list    = index_list( context(), of );
    fake[-1]         = header_of_free( context(), size );
    fake[0]          = 0;
    fake[1]          = list;

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
    uint32_t beyond = ( context()->lists_end - 1 ) | ( BITS_OF_WORD - 1 );
    assert_true( beyond >= context()->lists_end );
    *bitmap_word( context(), beyond ) |= bit_of( beyond );
    context()->list_summary |= bit_of( beyond >> BITS_SHIFT );
    assert_null( dmheap_malloc( 4000, NULL ) );
    assert_found( DMHEAP_CHECK_INDEX );
}

static void a_live_block_in_a_list_is_found( void** state )
{
    (void)state;
    plant_in_list( 20, 20 )[-1] &= ~HEADER_FREE;
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
    plant_in_list( 20, 20 )[0] = 0x00ffffff;
    assert_found( DMHEAP_CHECK_INDEX );
}

static void a_head_that_does_not_lead_back_is_found( void** state )
{
    (void)state;
    plant_in_list( 20, 20 )[1] = 1;
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
    fake[0]      = place_of( fake );
    assert_found( DMHEAP_CHECK_INDEX );
}

static void an_end_mark_with_a_size_is_found( void** state )
{
    (void)state;
    *block_header( context(), block_at( context()->end ) ) |= 1;
    assert_found( DMHEAP_CHECK_HEADER );
}

static void a_start_behind_the_last_block_is_found( void** state )
{
    (void)state;
    *map_word( context(), context()->granules ) |= bit_of( context()->granules );
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

static bool count_blocks( const dmheap_block_info_t* info, void* user )
{
    assert_in_range( (uintptr_t)info->address, (uintptr_t)fixture_buffer(), (uintptr_t)fixture_buffer() + 4096 );
    ++*(unsigned*)user;
    return true;
}

static void visitors_do_not_follow_a_foot_out_of_the_heap( void** state )
{
    unsigned seen = 0;
    (void)state;
    void*   hole  = dmheap_malloc( 100, "m" );
    word_t* block = dmheap_malloc( 100, "m" );
    dmheap_free( hole, false );
    block[-2] = 0x10000000;
    dmheap_visit_blocks( count_blocks, &seen );
    assert_int_equal( seen, 3 ); /* the record, the block, the rest of the heap */
}

static void a_name_without_an_end_is_found( void** state )
{
    (void)state;
    dmheap_register_module( "m" );
    module_t* module = (module_t*)holding_of( context(), OWNER_FIRST_MODULE );
    uint32_t  size   = header_size( context(), *block_header( context(), block_at( place_of( module ) ) ) );
    memset( module->name, 'x', ( size - 1 ) * WORD_SIZE - sizeof( module_t ) );
    assert_found( DMHEAP_CHECK_MODULE );
}

static void a_name_that_is_empty_is_found( void** state )
{
    (void)state;
    dmheap_register_module( "m" );
    ( (module_t*)holding_of( context(), OWNER_FIRST_MODULE ) )->name[0] = '\0';
    assert_found( DMHEAP_CHECK_MODULE );
}

static bool note_module( const dmheap_module_info_t* info, void* user )
{
    strcpy( user, info->name );
    return true;
}

static void a_record_at_the_end_of_the_heap_has_no_name( void** state )
{
    char name[DMOD_MAX_MODULE_NAME_LENGTH] = "none";
    (void)state;
    dmheap_register_module( "m" );
    *entry_of( OWNER_FIRST_MODULE ) = context()->end - (uint32_t)( sizeof( module_t ) / WORD_SIZE );
    dmheap_visit_modules( note_module, name );
    assert_string_equal( name, "none" ); /* the record is out of reach */
    block_t last = block_at( context()->end - (uint32_t)( sizeof( module_t ) / WORD_SIZE ) - 2 );

    *entry_of( OWNER_FIRST_MODULE )  = last.at;
    *block_header( context(), last ) = 0;
    dmheap_visit_modules( note_module, name );
    assert_string_equal( name, "" );
    *block_header( context(), last ) = 0xffffffff; /* its header has no end before the heap does, nor has its name */
    *block_foot_before( context(), block_at( context()->end ) ) = 0xffffffff;
    dmheap_visit_modules( note_module, name );
    assert_int_equal( strlen( name ), 4 );
}

static void a_tree_that_goes_round_is_found( void** state )
{
    (void)state;
    dmheap_register_module( "m" );
    module_t* module = (module_t*)holding_of( context(), OWNER_FIRST_MODULE );
    module->child[0] = module->child[1] = OWNER_FIRST_MODULE;
    assert_found( DMHEAP_CHECK_MODULE );
    assert_null( dmheap_malloc( 8, "another" ) );
    assert_false( dmheap_rename_module( "m", "another" ) );
    dmheap_unregister_module( "another" );
}

static void more_owners_than_headers_have_room_for_are_found( void** state )
{
    char     name[16];
    unsigned count = 0;
    (void)state;
    do
        snprintf( name, sizeof name, "%u", count++ );
    while( dmheap_register_module( name ) );
    assert_int_equal( fixture_logged( "table is full" ), 1 );
    assert_int_equal( context()->owner_span + OWNER_NOBODY, 1u << context()->owner_bits );
    assert_found( DMHEAP_CHECK_OK );
    context()->owner_span++;
    assert_found( DMHEAP_CHECK_MODULE );
}

static void a_chunk_that_leads_out_of_the_heap_is_found( void** state )
{
    (void)state;
    for( char name[2] = "a"; name[0] < 'f'; name[0]++ )
        assert_true( dmheap_register_module( name ) );
    *directory_chunk( context(), 4 ) = 0x10000000;
    assert_found( DMHEAP_CHECK_MODULE );
    assert_null( dmheap_malloc( 8, "f" ) );
}

static void a_chunk_of_owners_given_back_that_leads_out_of_the_heap_is_found( void** state )
{
    (void)state;
    dmheap_register_module( "a" );
    dmheap_register_module( "b" );
    dmheap_unregister_module( "b" );
    assert_found( DMHEAP_CHECK_OK );
    *directory_chunk( context(), OWNER_FIRST_MODULE + 1 ) = 0x10000000;
    assert_found( DMHEAP_CHECK_MODULE );
}

static void a_free_entry_that_is_not_only_a_number_is_found( void** state )
{
    (void)state;
    dmheap_register_module( "a" );
    dmheap_register_module( "b" );
    dmheap_unregister_module( "a" );
    assert_found( DMHEAP_CHECK_OK );
    *entry_of( OWNER_FIRST_MODULE ) |= 1u << 20;
    assert_found( DMHEAP_CHECK_MODULE );
}

static void a_chain_of_owners_given_back_that_goes_round_is_found( void** state )
{
    (void)state;
    dmheap_register_module( "a" );
    dmheap_register_module( "b" );
    dmheap_unregister_module( "a" );
    *entry_of( OWNER_FIRST_MODULE ) = DIRECTORY_FREE | OWNER_FIRST_MODULE;
    assert_found( DMHEAP_CHECK_MODULE );
}

static unsigned char* moving;
static unsigned       countdown;

static void overwrite_the_directory( void )
{
    if( countdown == 0 || --countdown != 0 ) return;
    *entry_of( OWNER_FIRST_MODULE ) = 0;
}

static void a_record_that_is_lost_during_a_realloc_is_not_followed( void** state )
{
    (void)state;
    for( unsigned step = 1; step < 12; step++ )
        for( unsigned slides = 0; slides < 2; slides++ )
        {
            assert_true( fixture_heap( 4096, 8, 0 ) );
            dmheap_register_module( "m" );
            void* front = dmheap_malloc( 400, NULL );
            moving      = dmheap_malloc( 200, "m" );
            void* wall  = dmheap_malloc( 8, NULL );
            if( slides ) dmheap_free( front, false );
            countdown         = step;
            fixture_interrupt = overwrite_the_directory;
            (void)dmheap_realloc( moving, 500, NULL );
            fixture_interrupt = NULL;
            dmheap_free( wall, false );
            assert_true( ( countdown == 0 ) == ( dmheap_check( NULL ) != DMHEAP_CHECK_OK ) );
        }
}

static void overwrite_the_size( void )
{
    if( countdown != 0 && --countdown == 0 )
        *block_header( context(), block_at( place_of( moving ) ) ) |= context()->size_mask;
}

static void a_size_that_is_lost_during_a_realloc_is_not_followed( void** state )
{
    (void)state;
    void* front = dmheap_malloc( 400, NULL );
    moving      = dmheap_malloc( 200, "m" );
    assert_non_null( dmheap_malloc( 8, NULL ) );
    dmheap_free( front, false );
    countdown         = 1;
    fixture_interrupt = overwrite_the_size;
    assert_null( dmheap_realloc( moving, 500, NULL ) );
    fixture_interrupt = NULL;
    assert_int_equal( countdown, 0 );
    assert_int_equal( dmheap_check( NULL ), DMHEAP_CHECK_HEADER );
}

static void overwrite_the_chunk( void )
{
    if( countdown != 0 && --countdown == 0 ) *directory_chunk( context(), OWNER_FIRST_MODULE ) = 0x20000000;
}

static void rename_a( void )
{
    (void)dmheap_rename_module( "a", "c" );
}

static void unregister_a( void )
{
    dmheap_unregister_module( "a" );
}

static void a_directory_that_is_lost_during_a_call_is_not_followed( void** state )
{
    static void ( *const calls[] )( void ) = { rename_a, unregister_a };
    (void)state;
    for( unsigned call = 0; call < 2; call++ )
        EACH_STEP
        {
            assert_true( fixture_heap( 4096, 8, 0 ) );
            dmheap_register_module( "a" );
            dmheap_register_module( "b" );
            countdown         = step;
            fixture_interrupt = overwrite_the_chunk;
            calls[call]();
            fixture_interrupt = NULL;
            if( countdown == 0 ) assert_int_not_equal( dmheap_check( NULL ), DMHEAP_CHECK_OK );
        }
}

int test_damage( void )
{
    const struct CMUnitTest tests[] = {
        DAMAGE_TEST( a_block_of_a_list_that_is_none_is_found ),
        DAMAGE_TEST( a_bit_of_a_list_that_is_none_is_not_followed ),
        DAMAGE_TEST( a_live_block_in_a_list_is_found ),
        DAMAGE_TEST( a_block_in_the_wrong_list_is_found ),
        DAMAGE_TEST( a_block_of_a_list_that_is_too_small_is_found ),
        DAMAGE_TEST( a_list_that_leads_out_of_the_heap_is_found ),
        DAMAGE_TEST( a_head_that_does_not_lead_back_is_found ),
        DAMAGE_TEST( a_head_out_of_the_heap_is_found ),
        DAMAGE_TEST( a_list_that_goes_round_is_found ),
        DAMAGE_TEST( an_end_mark_with_a_size_is_found ),
        DAMAGE_TEST( a_start_behind_the_last_block_is_found ),
        DAMAGE_TEST( a_foot_that_leads_out_of_the_heap_is_not_followed ),
        DAMAGE_TEST( visitors_do_not_follow_a_foot_out_of_the_heap ),
        DAMAGE_TEST( a_name_without_an_end_is_found ),
        DAMAGE_TEST( a_name_that_is_empty_is_found ),
        DAMAGE_TEST( a_record_at_the_end_of_the_heap_has_no_name ),
        DAMAGE_TEST( a_tree_that_goes_round_is_found ),
        DAMAGE_TEST( more_owners_than_headers_have_room_for_are_found ),
        DAMAGE_TEST( a_chunk_that_leads_out_of_the_heap_is_found ),
        DAMAGE_TEST( a_chunk_of_owners_given_back_that_leads_out_of_the_heap_is_found ),
        DAMAGE_TEST( a_free_entry_that_is_not_only_a_number_is_found ),
        DAMAGE_TEST( a_chain_of_owners_given_back_that_goes_round_is_found ),
        DAMAGE_TEST( a_directory_that_is_lost_during_a_call_is_not_followed ),
        DAMAGE_TEST( a_size_that_is_lost_during_a_realloc_is_not_followed ),
        DAMAGE_TEST( a_record_that_is_lost_during_a_realloc_is_not_followed ),
    };
    return cmocka_run_group_tests_name( "damage", tests, NULL, NULL );
}
