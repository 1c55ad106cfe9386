/*
 * Several heaps: making and taking them down, their order, what they have together, and heaps that go or change their place
 * while a call is on its way from one to the next.
 */
#include "unit.h"

enum
{
    AREA = 65536 /* of a heap in the second buffer */
};

/* The place of one of several heaps in the second buffer. */
static unsigned char* area( unsigned number )
{
    return fixture_second_buffer() + (size_t)AREA * number;
}

static dmheap_context_t* second_default( size_t size )
{
    dmheap_context_t* second = fixture_second_heap( size, 8, 0 );
    assert_non_null( second );
    assert_true( dmheap_ctx_set_default( second, DMHEAP_LAST ) );
    return second;
}

static unsigned countdown;

static bool its_turn( void )
{
    return countdown != 0 && --countdown == 0;
}

/* ---- Making and taking down ---- */

static void a_heap_made_where_the_initial_one_was_is_not_replaced_with_it( void** state )
{
    (void)state;
    assert_true( dmheap_ctx_deinit( first_context() ) );
    dmheap_context_t* mine = dmheap_ctx_init( fixture_buffer(), 65536, 8, "mine" );
    assert_ptr_equal( mine, first_context() );
    assert_non_null( dmheap_ctx_malloc( mine, 100, "m" ) );
    assert_true( dmheap_init( area( 0 ), 8192, 8 ) );
    assert_ptr_equal( dmheap_ctx_find( "mine" ), mine );
    assert_int_equal( module_in( mine, "m" ).live_blocks, 1 );
    assert_true( dmheap_init( area( 1 ), 8192, 8 ) ); /* this replaces the one before */
    assert_ptr_equal( dmheap_ctx_find( "mine" ), mine );
    assert_int_equal( stats_now().heap_size, 8192 );
    assert_ptr_equal( dmheap_ctx_of( dmheap_malloc( 8, NULL ) ), area( 1 ) );
    assert_true( dmheap_ctx_deinit( mine ) );
}

static bool count_context( const dmheap_block_info_t* info, void* user )
{
    *(unsigned*)user += info->use == DMHEAP_BLOCK_FREE;
    return true;
}

static void a_heap_that_is_made_again_as_the_initial_one_is_known_once( void** state )
{
    (void)state;
    for( unsigned was_default = 0; was_default < 2; was_default++ )
        for( unsigned is_initial = 0; is_initial < 2; is_initial++ ) /* the buffer of the initial one, or another */
        {
            fixture_no_heap();
            if( is_initial ) assert_true( dmheap_init( area( 2 ), 8192, 8 ) );
            dmheap_context_t* context = dmheap_ctx_init( area( 0 ), 8192, 8, "again" );
            assert_non_null( dmheap_ctx_malloc( context, 100, "m" ) );
            if( was_default ) assert_true( dmheap_ctx_set_default( context, 0 ) );
            assert_true( dmheap_init( area( 0 ), 8192, 8 ) );
            unsigned heaps = 0;
            dmheap_visit_blocks( count_context, &heaps );
            assert_int_equal( heaps, 1 );
            assert_int_equal( stats_now().heap_size, 8192 );
            assert_int_equal( live_blocks_of( "m" ), 0 );
            assert_null( dmheap_ctx_find( "again" ) );
            assert_true( dmheap_ctx_deinit( context ) );
            assert_false( dmheap_ctx_deinit( context ) );
            assert_false( dmheap_is_initialized() );
            (void)fixture_log();
        }
    assert_true( fixture_heap( 65536, 8, 0 ) );
}

/* The first heap has blocks; `call` must be refused, and all is as it was. */
#define assert_heaps_unchanged( call, text )                                                                           \
    do                                                                                                                 \
    {                                                                                                                  \
        void*             payload_ = dmheap_malloc( 100, "keeper" );                                                   \
        dmheap_context_t* found_   = dmheap_ctx_find( "second" );                                                      \
        assert_non_null( payload_ );                                                                                   \
        assert_refused( call, text );                                                                                  \
        assert_ptr_equal( dmheap_ctx_find( "second" ), found_ );                                                       \
        assert_ptr_equal( dmheap_ctx_of( payload_ ), first_context() );                                                \
        assert_valid();                                                                                                \
        dmheap_free( payload_, false );                                                                                \
    } while( 0 )

static void a_heap_that_cannot_be_made_leaves_the_one_that_is_there( void** state )
{
    char              text[NAME_ROOM];
    dmheap_context_t* second = fixture_second_heap( 4096, 8, 0 );
    (void)state;
    void* block = dmheap_ctx_malloc( second, 100, "m" );
    name_of( text, NAME_MOST );
    for( size_t size = 100; size < 400; size += 4 ) /* room for a heap, but not for its name as well */
    {
        fixture_remember();
        if( dmheap_ctx_init( area( 2 ), size, 8, NULL ) == NULL ) continue;
        assert_true( dmheap_ctx_deinit( (void*)area( 2 ) ) );
        dmheap_context_t* named = dmheap_ctx_init( area( 2 ), size, 8, text );
        if( named != NULL )
        {
            assert_true( dmheap_ctx_deinit( named ) );
            break;
        }
        assert_heaps_unchanged( dmheap_ctx_init( second, size, 8, text ), "no room" );
        assert_heaps_unchanged( dmheap_ctx_init( first_context(), size, 8, text ), "no room" );
    }
    assert_heaps_unchanged( dmheap_ctx_init( second, 4096, 8, "" ), "Invalid" );
    assert_heaps_unchanged( dmheap_ctx_init( second, 4096, 3, "name" ), "power of two" );
    assert_heaps_unchanged( dmheap_ctx_init( second, 60, 8, NULL ), "no room" );
    assert_heaps_unchanged( dmheap_init( second, 60, 8 ), "no room" );
    assert_heaps_unchanged( dmheap_init( second, 4096, 0 ), "power of two" );
    assert_ptr_equal( dmheap_ctx_of( block ), second );
    assert_int_equal( module_in( second, "m" ).live_blocks, 1 );
}

static void a_heap_that_is_made_with_a_name_has_it( void** state )
{
    char text[NAME_ROOM];
    (void)state;
    for( size_t length = 1; length <= NAME_MOST; length++ )
    {
        unsigned made = 0, refused = 0;
        for( size_t size = 160; size < 400; size += 4 )
        {
            dmheap_context_t* named = dmheap_ctx_init( area( 0 ), size, 8, name_of( text, length ) );
            refused += named == NULL;
            made += named != NULL;
            assert_ptr_equal( dmheap_ctx_find( text ), named );
            if( named == NULL ) continue;
            assert_int_equal( dmheap_ctx_check( named, NULL ), DMHEAP_CHECK_OK );
            assert_true( dmheap_ctx_deinit( named ) );
            (void)fixture_log();
        }
        assert_true( made != 0 && refused != 0 );
    }
}

static void a_full_registry_refuses_and_leaves_everything( void** state )
{
    (void)state;
    dmheap_context_t* second = fixture_second_heap( 4096, 8, 0 );
    void*             block  = dmheap_ctx_malloc( second, 100, "m" );
    for( size_t i = 2; i < DMHEAP_MAX_CONTEXTS; i++ )
        assert_non_null( dmheap_ctx_init( area( 0 ) + 8192 * i, 4096, 8, NULL ) );
    memset( area( 9 ), 0x77, 4096 );
    assert_heaps_unchanged( dmheap_ctx_init( area( 9 ), 4096, 8, "one more" ), "DMHEAP_MAX_CONTEXTS" );
    /* without an initial heap there is none that another could replace */
    assert_true( dmheap_ctx_deinit( first_context() ) );
    assert_ptr_equal( dmheap_ctx_init( fixture_buffer(), 65536, 8, "first" ), first_context() );
    assert_true( dmheap_ctx_set_default( first_context(), 0 ) );
    assert_heaps_unchanged( dmheap_init( area( 9 ), 4096, 8 ), "DMHEAP_MAX_CONTEXTS" );
    for( size_t i = 0; i < 4096; i++ )
        assert_int_equal( area( 9 )[i], 0x77 );
    assert_ptr_equal( dmheap_ctx_of( block ), second );
    for( size_t i = 2; i < DMHEAP_MAX_CONTEXTS; i++ )
        assert_true( dmheap_ctx_deinit( (void*)( area( 0 ) + 8192 * i ) ) );
}

/* ... wherever it begins in the buffer; one that the buffer lies in lives on. */
static void a_heap_that_lies_in_the_buffer_of_a_new_one_is_forgotten( void** state )
{
    (void)state;
    for( unsigned initial = 0; initial < 2; initial++ )
        for( size_t offset = 0; offset <= 12000; offset += 4000 )
        {
            assert_true( fixture_heap( 65536, 8, 0 ) );
            if( initial ) assert_true( dmheap_ctx_deinit( first_context() ) );
            dmheap_context_t* inner  = dmheap_ctx_init( area( 0 ) + offset, 4096, 8, "inner" );
            dmheap_context_t* beside = dmheap_ctx_init( area( 0 ) + 16384, 4096, 8, "beside" );
            assert_true( dmheap_ctx_set_default( inner, DMHEAP_LAST ) );
            assert_true( dmheap_ctx_set_default( beside, DMHEAP_LAST ) );
            void* block = dmheap_ctx_malloc( inner, 100, "m" );
            if( initial )
                assert_true( dmheap_init( area( 0 ), 16384, 8 ) );
            else
                assert_non_null( dmheap_ctx_init( area( 0 ), 16384, 8, NULL ) );
            memset( area( 0 ) + 8192, 0xFF, 8192 - 64 ); /* free memory of the new heap is anybody's */
            assert_null( dmheap_ctx_find( "inner" ) );
            assert_true( offset == 0 || dmheap_ctx_of( block ) == NULL );
            assert_false( offset != 0 && dmheap_ctx_deinit( inner ) );
            assert_ptr_equal( dmheap_ctx_find( "beside" ), beside );
            void* nested = dmheap_ctx_malloc( beside, 2048, NULL );
            assert_non_null( dmheap_ctx_init( nested, 2048, 8, "nested" ) );
            assert_ptr_equal( dmheap_ctx_find( "beside" ), beside );
            assert_true( dmheap_ctx_deinit( dmheap_ctx_find( "nested" ) ) );
            assert_true( dmheap_ctx_deinit( beside ) );
            assert_true( dmheap_ctx_deinit( (void*)area( 0 ) ) );
            (void)fixture_log();
        }
    assert_true( fixture_heap( 65536, 8, 0 ) );
}

static void all_heaps_that_lie_in_the_buffer_of_a_new_one_are_forgotten( void** state )
{
    (void)state;
    static const char* const names[] = { "one", "two", "three" };
    for( size_t i = 0; i < 3; i++ )
        assert_non_null( dmheap_ctx_init( area( 0 ) + 4096 * ( i + 1 ), 4096, 8, names[i] ) );
    dmheap_context_t* around = dmheap_ctx_init( area( 0 ), 16384, 8, NULL );
    assert_non_null( around );
    for( size_t i = 0; i < 3; i++ )
        assert_null( dmheap_ctx_find( names[i] ) );
    assert_true( dmheap_ctx_deinit( around ) );
}

/* Of two that the buffer lies in, the outer one has it in a block, the inner one has not. */
static void of_default_heaps_around_a_new_one_those_that_do_not_hold_it_are_forgotten( void** state )
{
    (void)state;
    unsigned char*    room  = dmheap_malloc( 32768, "m" );
    dmheap_context_t* inner = dmheap_ctx_init( room, 32768, 8, "inner" );
    assert_true( dmheap_ctx_set_default( inner, DMHEAP_LAST ) );
    dmheap_context_t* new = dmheap_ctx_init( room + 16384, 4096, 8, NULL );
    assert_non_null( new );
    assert_null( dmheap_ctx_find( "inner" ) );
    assert_ptr_equal( dmheap_ctx_of( room ), first_context() );
    assert_true( dmheap_ctx_deinit( new ) );
    dmheap_free( room, false );
}

/* ---- What the default heaps have together ---- */

static void statistics_of_several_heaps_are_sums_and_the_largest_block_is_the_largest( void** state )
{
    (void)state;
    for( unsigned moved = 0; moved < 2; moved++ )
    {
        assert_true( fixture_heap( 65536, 8, 0 ) );
        dmheap_context_t* first  = first_context();
        dmheap_context_t* second = second_default( 16384 );
        if( moved ) assert_true( dmheap_ctx_set_default( second, 0 ) );
        for( unsigned i = 0; i < 7; i++ )
            (void)dmheap_ctx_malloc( i % 3 ? first : second, 300, i % 2 ? "m" : "n" );
        void* high = dmheap_ctx_malloc( second, 3000, "m" );
        dmheap_ctx_free( second, high, false );
        (void)dmheap_ctx_malloc( second, 40000, "m" );
        (void)dmheap_ctx_malloc( first, 70000, "m" );
        (void)dmheap_ctx_malloc( first, 70000, "m" );
        dmheap_stats_t one = stats_of( first ), two = stats_of( second ), both = stats_now();
        assert_int_equal( one.failed_allocations, 2 );
        assert_int_equal( two.failed_allocations, 1 );
        assert_int_equal( both.heap_size, one.heap_size + two.heap_size );
        assert_int_equal( both.free_bytes, one.free_bytes + two.free_bytes );
        assert_int_equal( both.used_bytes, one.used_bytes + two.used_bytes );
        assert_int_equal( both.overhead_bytes, one.overhead_bytes + two.overhead_bytes );
        assert_int_equal( both.peak_used_bytes, one.peak_used_bytes + two.peak_used_bytes );
        assert_int_equal( both.used_blocks, one.used_blocks + two.used_blocks );
        assert_int_equal( both.free_blocks, one.free_blocks + two.free_blocks );
        assert_int_equal( both.modules, one.modules + two.modules );
        assert_int_equal( both.failed_allocations, 3 );
        assert_true( one.largest_free_block > two.largest_free_block );
        assert_int_equal( both.largest_free_block, one.largest_free_block );

        dmheap_module_stats_t m, m1 = module_in( first, "m" ), m2 = module_in( second, "m" );
        assert_true( dmheap_get_module_stats( "m", &m ) );
        assert_int_equal( m.live_bytes, m1.live_bytes + m2.live_bytes );
        assert_int_equal( m.peak_bytes, m1.peak_bytes + m2.peak_bytes );
        assert_int_equal( m.live_blocks, m1.live_blocks + m2.live_blocks );
        assert_true( m2.peak_bytes > m2.live_bytes + 2900 );
        (void)fixture_log();
    }
}

static bool count_by_context( const dmheap_block_info_t* info, void* user )
{
    unsigned* counts = user;
    counts[info->context != first_context()] += info->use == DMHEAP_BLOCK_LIVE;
    return true;
}

static bool count_module( const dmheap_module_info_t* info, void* user )
{
    unsigned* counts = user;
    counts[info->context != first_context()]++;
    return true;
}

static void visitors_show_every_default_heap_and_no_other( void** state )
{
    (void)state;
    dmheap_context_t* second = fixture_second_heap( 16384, 8, 0 );
    for( unsigned i = 0; i < 9; i++ )
        (void)dmheap_ctx_malloc( i % 3 ? first_context() : second, 50, i % 2 ? "m" : "n" );
    for( unsigned is_default = 0; is_default < 2; is_default++ )
    {
        unsigned blocks[2] = { 0 }, modules[2] = { 0 };
        if( is_default ) assert_true( dmheap_ctx_set_default( second, is_default ) );
        dmheap_visit_blocks( count_by_context, blocks );
        dmheap_visit_modules( count_module, modules );
        assert_int_equal( blocks[0], 6 );
        assert_int_equal( blocks[1], is_default ? 3 : 0 );
        assert_int_equal( modules[0], 2 );
        assert_int_equal( modules[1], is_default ? 2 : 0 );
        unsigned only[2] = { 0 };
        dmheap_ctx_visit_blocks( second, count_by_context, only );
        assert_int_equal( only[0], 0 );
        assert_int_equal( only[1], 3 );
    }
}

static void damage_in_any_default_heap_is_found_by_the_check( void** state )
{
    const void* where;
    (void)state;
    dmheap_context_t* second = second_default( 16384 );
    for( unsigned number = 0; number < 2; number++ )
    {
        uint32_t* block  = dmheap_ctx_malloc( number == 0 ? first_context() : second, 100, "m" );
        uint32_t  header = block[-1];
        block[-1] |= HEADER_OWNER_MASK;
        assert_int_equal( dmheap_check( &where ), DMHEAP_CHECK_OWNER );
        assert_ptr_equal( where, block );
        assert_int_equal( dmheap_ctx_check( number == 0 ? second : first_context(), &where ), DMHEAP_CHECK_OK );
        assert_null( where );
        block[-1] = header;
        assert_int_equal( dmheap_check( &where ), DMHEAP_CHECK_OK );
    }
    second->free_words++;
    assert_int_equal( dmheap_check( NULL ), DMHEAP_CHECK_COUNTERS );
    assert_true( dmheap_ctx_unset_default( second ) );
    assert_int_equal( dmheap_check( NULL ), DMHEAP_CHECK_OK );
    second->free_words--;
    (void)fixture_log();
}

static bool end_at( const dmheap_block_info_t* info, void* user )
{
    unsigned* left = user;
    assert_true( info->context == first_context() || info->context == second_context() );
    assert_true( *left != 0 );
    return --*left != 0;
}

static bool end_at_module( const dmheap_module_info_t* info, void* user )
{
    unsigned* left = user;
    assert_true( info->name[0] != '\0' );
    assert_true( *left != 0 );
    return --*left != 0;
}

/* The walk ends there, and does not go on in the next heap. */
static void a_visitor_can_end_the_walk_in_any_heap( void** state )
{
    (void)state;
    dmheap_context_t* second = second_default( 16384 );
    for( unsigned i = 0; i < 8; i++ )
        (void)dmheap_ctx_malloc( i % 2 ? first_context() : second, 50, i % 3 ? "m" : "n" );
    for( unsigned most = 1; most < 15; most++ )
    {
        unsigned left = most;
        dmheap_visit_blocks( end_at, &left );
        assert_int_equal( left, 0 );
    }
    for( unsigned most = 1; most <= 4; most++ )
    {
        unsigned left = most;
        dmheap_visit_modules( end_at_module, &left );
        assert_int_equal( left, 0 );
    }
}

/* ---- One heap of several ---- */

static void a_call_on_one_heap_leaves_the_others_alone( void** state )
{
    (void)state;
    for( unsigned order = 0; order < 2; order++ )
    {
        assert_true( fixture_heap( 65536, 8, 0 ) );
        dmheap_context_t* one   = first_context();
        dmheap_context_t* other = second_default( 65536 );
        if( order )
        {
            one   = other;
            other = first_context();
        }
        void* here  = dmheap_ctx_malloc( one, 200, "m" );
        void* there = dmheap_ctx_malloc( other, 200, "m" );
        memset( there, 1, 200 );
        (void)dmheap_ctx_malloc( other, 100, "n" );
        assert_refused( dmheap_ctx_free( one, there, false ), "in no heap" );
        assert_refused( assert_null( dmheap_ctx_realloc( one, there, 10, "m" ) ), "in no heap" );
        assert_refused( assert_null( dmheap_ctx_realloc( one, there, 0, "m" ) ), "in no heap" );
        assert_refused( assert_null( dmheap_ctx_aligned_realloc( one, there, 64, 10, "m" ) ), "in no heap" );
        assert_refused( assert_int_equal( dmheap_ctx_usable_size( one, there ), 0 ), "in no heap" );
        assert_refused( assert_false( dmheap_ctx_retag( one, there, "n" ) ), "in no heap" );
        dmheap_stats_t        before = stats_of( other );
        dmheap_module_stats_t m      = module_in( other, "m" );
        assert_true( dmheap_ctx_register_module( one, "x" ) );
        assert_true( dmheap_ctx_set_module_limit( one, "m", 1000 ) );
        assert_true( dmheap_ctx_rename_module( one, "m", "renamed" ) );
        assert_false( dmheap_ctx_rename_module( one, "n", "p" ) ); /* is not known there */
        assert_ptr_equal( dmheap_ctx_module_open( one, "m" ).context, one );
        here = dmheap_ctx_realloc( one, here, 900, NULL );
        assert_true( dmheap_ctx_retag( one, here, "y" ) );
        dmheap_ctx_unregister_module( one, "y" );
        dmheap_ctx_unregister_module( one, "renamed" );
        dmheap_ctx_unregister_module( one, "m" );
        dmheap_ctx_unregister_module( one, "n" );
        dmheap_stats_t        after = stats_of( other );
        dmheap_module_stats_t now   = module_in( other, "m" );
        assert_memory_equal( &before, &after, sizeof before );
        assert_same_figures( &m, &now );
        assert_int_equal( stats_of( one ).used_blocks, 0 );
        assert_int_equal( stats_of( one ).modules, 1 );
        assert_int_equal( ( (unsigned char*)there )[199], 1 );
    }
}

static void a_call_without_a_heap_reaches_those_that_are_no_default_ones_too( void** state )
{
    (void)state;
    dmheap_context_t* second = fixture_second_heap( 65536, 8, 0 );
    void*             block  = dmheap_ctx_malloc( second, 200, "m" );
    assert_int_equal( dmheap_usable_size( block ), 204 );
    assert_true( dmheap_retag( block, "n" ) );
    assert_int_equal( stats_of( first_context() ).modules, 0 ); /* the name is registered where the block lies */
    assert_int_equal( module_in( second, "n" ).live_blocks, 1 );
    assert_int_equal( live_blocks_of( "n" ), 1 );
    assert_true( dmheap_rename_module( "n", "o" ) );
    assert_int_equal( module_in( second, "o" ).live_blocks, 1 );
    dmheap_free( block, false );
    assert_int_equal( stats_of( second ).used_blocks, 0 );
    assert_non_null( dmheap_ctx_malloc( second, 200, "o" ) );
    dmheap_unregister_module( "o" );
    dmheap_unregister_module( "m" );
    assert_int_equal( stats_of( second ).used_blocks, 0 );
    assert_int_equal( stats_of( second ).modules, 0 );
    assert_int_equal( fixture_logged( "[ERROR]" ), 0 );
}

static void default_heaps_are_asked_in_the_order_that_was_set( void** state )
{
    static const struct
    {
        unsigned    which;
        size_t      position; /* SIZE_MAX - 1: it is taken out */
        const char* order;
    } steps[] = {
        { 1, DMHEAP_LAST, "01" },
        { 2, 0, "201" },
        { 3, 1, "2301" },
        { 0, 0, "0231" },
        { 0, 2, "2301" },
        { 2, 3, "3012" },
        { 3, DMHEAP_LAST, "0123" },
        { 1, SIZE_MAX - 1, "023" },
        { 3, 99, "023" },
        { 0, SIZE_MAX - 1, "23" },
        { 2, 1, "32" },
        { 1, 1, "312" },
        { 3, SIZE_MAX - 1, "12" },
        { 1, SIZE_MAX - 1, "2" },
        { 2, SIZE_MAX - 1, "" },
        { 0, 7, "0" },
    };
    dmheap_context_t* all[4] = { first_context() };
    (void)state;
    for( unsigned i = 1; i < 4; i++ )
        all[i] = dmheap_ctx_init( area( i ), 8192, 8, NULL );
    for( unsigned step = 0; step < sizeof steps / sizeof *steps; step++ )
    {
        dmheap_context_t* which = all[steps[step].which];
        bool              out   = steps[step].position == SIZE_MAX - 1;
        assert_true( out ? dmheap_ctx_unset_default( which ) : dmheap_ctx_set_default( which, steps[step].position ) );
        assert_int_equal( dmheap_is_initialized(), steps[step].order[0] != '\0' );
        void*    taken[4];
        unsigned count = 0;
        for( const char* at = steps[step].order; *at != '\0'; at++ ) /* each in turn has no room for another */
        {
            dmheap_context_t* expected = all[*at - '0'];
            size_t            most     = stats_of( expected ).largest_free_block;
            void*             one      = dmheap_malloc( 100, NULL );
            assert_ptr_equal( dmheap_ctx_of( one ), expected );
            dmheap_free( one, false );
            taken[count] = dmheap_ctx_malloc( expected, most, NULL );
            assert_non_null( taken[count++] );
        }
        assert_null( dmheap_malloc( 100, NULL ) );
        while( count != 0 )
            dmheap_free( taken[--count], false );
        (void)fixture_log();
    }
    assert_true( dmheap_ctx_set_default( all[1], DMHEAP_LAST ) );
    assert_true( dmheap_ctx_deinit( all[0] ) ); /* the next one is the first */
    assert_true( dmheap_is_initialized() );
    assert_ptr_equal( dmheap_ctx_of( dmheap_malloc( 100, NULL ) ), all[1] );
    assert_true( dmheap_ctx_deinit( all[1] ) );
    assert_false( dmheap_is_initialized() );
    assert_true( fixture_heap( 65536, 8, 0 ) );
}

static void heaps_are_found_by_the_whole_of_their_names( void** state )
{
    char texts[3][NAME_ROOM];
    (void)state;
    name_of( texts[0], NAME_MOST );
    name_of( texts[1], NAME_MOST - 1 );
    name_of( texts[2], NAME_MOST );
    texts[2][NAME_MOST - 1] = 'm';
    dmheap_context_t* made[3];
    for( unsigned i = 0; i < 3; i++ )
        made[i] = dmheap_ctx_init( area( i ), 4096, 8, texts[i] );
    for( unsigned i = 0; i < 3; i++ )
    {
        assert_ptr_equal( dmheap_ctx_find( texts[i] ), made[i] );
        assert_int_equal( dmheap_ctx_check( made[i], NULL ), DMHEAP_CHECK_OK );
        while( dmheap_ctx_malloc( made[i], 100, "m" ) != NULL )
            continue;
        assert_ptr_equal( dmheap_ctx_find( texts[i] ), made[i] );
    }
    assert_null( dmheap_ctx_find( "n" ) );
    assert_true( dmheap_ctx_deinit( made[0] ) );
    assert_null( dmheap_ctx_find( texts[0] ) );
    assert_ptr_equal( dmheap_ctx_find( texts[2] ), made[2] );
}

/* ---- From one heap to the next ---- */

static void a_full_module_table_sends_a_new_name_to_the_next_heap( void** state )
{
    char name[16];
    (void)state;
    dmheap_context_t* second = second_default( 16384 );
    for( unsigned i = 0; i < DMHEAP_MAX_MODULES; i++ )
    {
        snprintf( name, sizeof name, "m%u", i );
        assert_true( dmheap_ctx_register_module( first_context(), name ) );
        (void)fixture_log();
    }
    void* plain   = dmheap_malloc( 100, "new" );
    void* aligned = dmheap_aligned_alloc( 64, 100, "newer" );
    void* zeroed  = dmheap_calloc( 10, 10, "newest" );
    assert_ptr_equal( dmheap_ctx_of( plain ), second );
    assert_ptr_equal( dmheap_ctx_of( aligned ), second );
    assert_ptr_equal( dmheap_ctx_of( zeroed ), second );
    assert_int_equal( fixture_logged( "[ERROR]" ), 0 );
    assert_int_equal( stats_now().failed_allocations, 0 );
    assert_ptr_equal( dmheap_ctx_of( dmheap_malloc( 100, "m5" ) ), first_context() );
    /* a block whose owner the other heap cannot know stays */
    void* block = dmheap_ctx_malloc( second, 8000, "new" );
    void* wall  = dmheap_ctx_malloc( second, 4000, NULL );
    assert_non_null( wall );
    assert_counted( dmheap_realloc( block, 30000, NULL ), 1, "the module table is full" );
}

static void a_name_is_registered_where_its_block_lies_and_nowhere_else( void** state )
{
    (void)state;
    dmheap_context_t* second = second_default( 262144 );
    void*             large  = dmheap_malloc( 100000, "large" );
    assert_ptr_equal( dmheap_ctx_of( large ), second );
    assert_int_equal( stats_of( first_context() ).modules, 0 );
    assert_int_equal( stats_of( second ).modules, 1 );
    void* small = dmheap_malloc( 100, "large" );
    assert_ptr_equal( dmheap_ctx_of( small ), first_context() );
    assert_int_equal( stats_now().modules, 2 );
}

/* Two walls with a hole of exactly an aligned block's size between them, at an address that is aligned for it. */
static void an_aligned_block_that_fits_by_chance_only_is_found_in_the_next_heap( void** state )
{
    (void)state;
    for( size_t alignment = 32; alignment <= 1024; alignment *= 2 )
    {
        assert_true( fixture_heap( 16384, 8, 0 ) );
        dmheap_context_t* second = second_default( 16384 );
        fill_up( first_context() );
        void* hole = dmheap_ctx_aligned_alloc( second, alignment, 500, NULL );
        fill_up( second );
        assert_null( dmheap_aligned_alloc( alignment, 500, "m" ) );
        dmheap_ctx_free( second, hole, false );
        (void)fixture_log();
        void* block = dmheap_aligned_alloc( alignment, 500, NULL );
        assert_ptr_equal( block, hole );
        assert_int_equal( fixture_logged( "[ERROR]" ), 0 );
    }
}

static void what_only_a_heap_that_is_no_default_one_has_is_refused( void** state )
{
    (void)state;
    dmheap_context_t* second = fixture_second_heap( 262144, 8, 0 );
    dmheap_module_t   m      = dmheap_module_open( "m" );
    void*             block  = dmheap_malloc( 1000, "m" );
    assert_non_null( dmheap_ctx_malloc( second, 100, "m" ) );
    assert_counted( dmheap_malloc( 100000, "m" ), 1, "out of memory" );
    assert_counted( dmheap_aligned_alloc( 64, 100000, "m" ), 1, "out of memory" );
    assert_counted( dmheap_calloc( 100, 1000, "m" ), 1, "out of memory" );
    assert_counted( dmheap_realloc( block, 100000, "m" ), 1, "out of memory" );
    assert_counted( dmheap_aligned_realloc( block, 64, 100000, "m" ), 1, "out of memory" );
    assert_counted( dmheap_module_malloc( m, 100000 ), 1, "out of memory" );
    assert_counted( dmheap_module_aligned_alloc( m, 64, 100000 ), 1, "out of memory" );
    assert_counted( dmheap_module_realloc( m, block, 100000 ), 1, "out of memory" );
    assert_true( dmheap_ctx_set_default( second, DMHEAP_LAST ) );
    assert_ptr_equal( dmheap_ctx_of( dmheap_realloc( block, 100000, "m" ) ), second );
}

/* ---- Alignment from heap to heap ---- */

static void a_block_that_moves_to_another_heap_keeps_its_alignment( void** state )
{
    (void)state;
    for( size_t heap_alignment = 4; heap_alignment <= 64; heap_alignment *= 2 )
        for( size_t alignment = 0; alignment <= 1024; alignment = alignment == 0 ? 8 : alignment * 2 )
            for( unsigned pad = 0; pad < 8; pad++ ) /* the place in the other heap is not aligned by chance */
            {
                assert_true( fixture_heap( 16384, heap_alignment, 0 ) );
                dmheap_context_t* second = fixture_second_heap( 65536, 4, 0 );
                assert_true( dmheap_ctx_set_default( second, DMHEAP_LAST ) );
                for( unsigned i = 0; i <= pad; i++ )
                    (void)dmheap_ctx_malloc( second, 12 + 4 * ( i % 3 ), NULL );
                size_t         expected = alignment > heap_alignment ? alignment : heap_alignment;
                unsigned char* block =
                    alignment == 0 ? dmheap_malloc( 300, "m" ) : dmheap_aligned_alloc( alignment, 300, "m" );
                memset( block, 0x3C, 300 );
                for( size_t size = 20000; size < 24000; size += 1000 )
                {
                    void* wall = dmheap_ctx_malloc( second, 12, NULL ); /* what is behind it is taken */
                    block      = dmheap_realloc( block, size, NULL );
                    dmheap_free( wall, false );
                    assert_ptr_equal( dmheap_ctx_of( block ), second );
                    assert_int_equal( (uintptr_t)block % expected, 0 );
                    assert_int_equal( block[299], 0x3C );
                }
                block = dmheap_realloc( block, 100, NULL );
                assert_int_equal( (uintptr_t)block % expected, 0 );
                assert_valid();
                (void)fixture_log();
            }
}

/* ---- A block of a heap that is no default one ---- */

static void a_block_of_a_heap_that_is_no_default_one_stays_in_it( void** state )
{
    (void)state;
    for( unsigned face = 0; face < 4; face++ )
    {
        assert_true( fixture_heap( 65536, 8, 0 ) );
        dmheap_context_t* dma   = fixture_second_heap( 16384, 8, 0 );
        unsigned char*    block = dmheap_ctx_malloc( dma, 1000, "m" );
        assert_non_null( dmheap_ctx_malloc( dma, 8, NULL ) );
        memset( block, 6, 1000 );
        for( unsigned grows = 0; grows < 2;
             grows++ ) /* to what its heap can give, and to what only the default one can */
        {
            size_t size  = grows == 0 ? 2000 : 30000;
            void*  moved = face == 0   ? dmheap_realloc( block, size, "m" )
                           : face == 1 ? Dmod_ReallocEx( block, size, "m" )
                           : face == 2 ? dmheap_aligned_realloc( block, 128, size, "m" )
                                       : Dmod_Realloc( block, size );
            if( grows )
                assert_null( moved );
            else
                block = moved;
            assert_ptr_equal( dmheap_ctx_of( block ), dma );
            assert_int_equal( block[999], 6 );
        }
        assert_int_equal( fixture_logged( "out of memory" ), 1 );
        assert_int_equal( stats_of( first_context() ).used_blocks, 0 );
        (void)fixture_log();
    }
}

/* ---- Heaps in payloads ---- */

static void unregister_takes_down_the_heaps_in_the_modules_blocks_first( void** state )
{
    (void)state;
    for( unsigned shape = 0; shape < 4; shape++ )
    {
        char expected[80];
        assert_true( fixture_heap( 65536, 8, 0 ) );
        void*             outer  = dmheap_malloc( 16000, "plugin" );
        void*             beside = dmheap_malloc( 6000, "other" );
        dmheap_context_t* inner  = dmheap_ctx_init( (char*)outer + ( shape == 1 ? 4000 : 0 ), 8000, 8, "inner" );
        dmheap_context_t* apart  = dmheap_ctx_init( beside, 4000, 8, "apart" );
        void*             block  = dmheap_ctx_malloc( inner, 4000, "guest" );
        dmheap_context_t* deep   = shape == 2 ? dmheap_ctx_init( block, 2000, 8, "deep" ) : NULL;
        if( shape == 3 ) assert_true( dmheap_ctx_set_default( inner, 0 ) );
        if( shape == 3 ) assert_non_null( dmheap_malloc( 100, "plugin" ) ); /* it owns blocks in both */
        (void)fixture_log();
        dmheap_unregister_module( "plugin" );
        snprintf( expected, sizeof expected, "[WARN] dmheap: Heap at %p taken down: it lies in a block", (void*)inner );
        assert_int_equal( fixture_logged( expected ), 1 );
        assert_int_equal( fixture_logged( "block of module plugin." ), deep != NULL ? 2 : 1 );
        assert_int_equal( fixture_logged( "[WARN] dmheap: Heap at" ), deep != NULL ? 2 : 1 );
        assert_int_equal( fixture_logged( "Module plugin unregistered" ), 1 );
        assert_null( dmheap_ctx_find( "inner" ) );
        assert_null( dmheap_ctx_find( "deep" ) );
        assert_ptr_equal( dmheap_ctx_find( "apart" ), apart );
        assert_null( dmheap_ctx_of( block ) );
        assert_false( dmheap_ctx_deinit( inner ) );
        /* what takes the place is memory like any other */
        unsigned char* again = dmheap_malloc( 16000, "next" );
        assert_ptr_equal( again, outer );
        memset( again, 0xFF, 16000 );
        assert_null( dmheap_ctx_malloc( inner, 8, NULL ) );
        dmheap_unregister_module( "guest" );
        dmheap_unregister_module( "next" );
        dmheap_unregister_module( "other" );
        assert_null( dmheap_ctx_find( "apart" ) );
        assert_valid();
        assert_int_equal( stats_now().used_blocks, 0 );
        (void)fixture_log();
    }
}

static void a_heap_in_a_block_that_is_passed_on_lives_on( void** state )
{
    (void)state;
    void*             outer = dmheap_malloc( 16000, "plugin" );
    dmheap_context_t* inner = dmheap_ctx_init( outer, 8000, 8, "inner" );
    void*             block = dmheap_ctx_malloc( inner, 100, "guest" );
    (void)dmheap_malloc( 8, "heir" );
    assert_true( dmheap_rename_module( "plugin", "heir" ) );
    assert_ptr_equal( dmheap_ctx_of( block ), inner );
    assert_true( dmheap_retag( outer, "other" ) );
    dmheap_unregister_module( "heir" );
    assert_ptr_equal( dmheap_ctx_of( block ), inner );
    assert_int_equal( fixture_logged( "[WARN] dmheap: Heap at" ), 0 );
    dmheap_unregister_module( "other" );
    assert_null( dmheap_ctx_of( block ) );
    assert_int_equal( fixture_logged( "[WARN] dmheap: Heap at" ), 1 );
}

/* ---- Heaps that go, or change their place, while a call goes from one to the next ---- */

enum
{
    HEAPS = 4
};

static dmheap_context_t* heaps[HEAPS];

/* Four default heaps; "m" has ten blocks in each. */
static void four_heaps( void )
{
    assert_true( fixture_heap( 8192, 8, 0 ) );
    heaps[0] = first_context();
    for( unsigned i = 1; i < HEAPS; i++ )
    {
        heaps[i] = dmheap_ctx_init( area( i ), i == 3 ? 32768 : 8192, 8, NULL );
        assert_true( dmheap_ctx_set_default( heaps[i], DMHEAP_LAST ) );
    }
    for( unsigned i = 0; i < 10 * HEAPS; i++ )
        assert_non_null( dmheap_ctx_malloc( heaps[i % HEAPS], 40, "m" ) );
    (void)fixture_log();
}

static void no_heaps( void )
{
    for( unsigned i = 1; i < HEAPS; i++ )
        (void)dmheap_ctx_deinit( heaps[i] );
    (void)fixture_log();
}

static unsigned          happening; /* which heap, and what with it */
static dmheap_context_t* gone;

enum
{
    HAPPENINGS = HEAPS * 4
};

static void change_the_heaps( void )
{
    dmheap_context_t* which = heaps[happening % HEAPS];
    if( !its_turn() ) return;
    switch( happening / HEAPS )
    {
    case 0:
        gone = which;
        assert_true( dmheap_ctx_deinit( which ) );
        break;
    case 1: assert_true( dmheap_ctx_set_default( which, 0 ) ); break;
    case 2: assert_true( dmheap_ctx_set_default( which, DMHEAP_LAST ) ); break;
    default: assert_true( dmheap_ctx_set_default( which, 1 ) ); break;
    }
}

static void begin_happening( unsigned step )
{
    four_heaps();
    gone              = NULL;
    countdown         = step;
    fixture_interrupt = change_the_heaps;
}

static void unregister_leaves_no_block_behind_whatever_happens_to_the_heaps( void** state )
{
    (void)state;
    for( happening = 0; happening < HAPPENINGS; happening++ )
        EACH_STEP
        {
            begin_happening( step );
            dmheap_unregister_module( "m" );
            fixture_interrupt = NULL;
            for( unsigned i = 0; i < HEAPS; i++ )
            {
                if( heaps[i] == gone ) continue;
                assert_int_equal( stats_of( heaps[i] ).used_blocks, 0 );
                assert_int_equal( stats_of( heaps[i] ).modules, 0 );
            }
            no_heaps();
        }
}

static void rename_reaches_every_heap_whatever_happens_to_them( void** state )
{
    (void)state;
    for( happening = 0; happening < HAPPENINGS; happening++ )
        for( unsigned taken = 0; taken < 2; taken++ )
            EACH_STEP
            {
                begin_happening( 0 );
                fixture_interrupt = NULL;
                for( unsigned i = 0; taken && i < HEAPS; i++ )
                    assert_true( dmheap_ctx_register_module( heaps[i], "new" ) );
                countdown         = step;
                fixture_interrupt = change_the_heaps;
                assert_true( dmheap_rename_module( "m", "new" ) );
                fixture_interrupt = NULL;
                for( unsigned i = 0; i < HEAPS; i++ )
                    if( heaps[i] != gone ) assert_int_equal( module_in( heaps[i], "new" ).live_blocks, 10 );
                assert_valid();
                no_heaps();
            }
}

static void a_limit_reaches_every_heap_whatever_happens_to_them( void** state )
{
    (void)state;
    for( happening = 0; happening < HAPPENINGS; happening++ )
        EACH_STEP
        {
            begin_happening( step );
            assert_true( dmheap_set_module_limit( "m", 5000 ) );
            fixture_interrupt = NULL;
            for( unsigned i = 0; i < HEAPS; i++ )
                if( heaps[i] != gone ) assert_int_equal( module_in( heaps[i], "m" ).limit_bytes, 5000 );
            no_heaps();
        }
}

/* Only the last of the heaps has what is asked for. */
static void a_request_reaches_the_heap_that_can_grant_it_whatever_happens_to_them( void** state )
{
    (void)state;
    for( happening = 0; happening < HAPPENINGS; happening++ )
    {
        if( happening == 3 ) continue; /* that is the one which is taken down */
        for( unsigned kind = 0; kind < 5; kind++ )
            EACH_STEP
            {
                begin_happening( 0 );
                fixture_interrupt      = NULL;
                dmheap_module_t handle = dmheap_module_open( "m" );
                void*           block  = dmheap_malloc( 50, "m" );
                assert_ptr_equal( dmheap_ctx_of( block ), heaps[0] );
                bool is_needed = happening == 0 && kind >= 2; /* the heap that is taken down has the block or module */
                countdown      = is_needed ? 0 : step;
                fixture_interrupt = change_the_heaps;
                void* got         = kind == 0   ? dmheap_malloc( 20000, "m" )
                                    : kind == 1 ? dmheap_aligned_alloc( 64, 20000, "unknown" )
                                    : kind == 2 ? dmheap_module_malloc( handle, 20000 )
                                    : kind == 3 ? dmheap_realloc( block, 20000, NULL )
                                                : dmheap_aligned_realloc( block, 128, 20000, NULL );
                fixture_interrupt = NULL;
                assert_non_null( got );
                assert_ptr_equal( dmheap_ctx_of( got ), heaps[3] );
                assert_int_equal( stats_now().failed_allocations, 0 );
                assert_valid();
                no_heaps();
                if( is_needed ) break;
            }
    }
}

/* A block that moves between two heaps of which one is taken down, or the order changes. */
static void figures_are_of_every_heap_whatever_happens_to_the_order( void** state )
{
    (void)state;
    for( happening = HEAPS; happening < HAPPENINGS; happening++ )
        EACH_STEP
        {
            dmheap_module_stats_t m;
            begin_happening( step );
            assert_true( dmheap_get_module_stats( "m", &m ) );
            assert_int_equal( dmheap_check( NULL ), DMHEAP_CHECK_OK );
            unsigned blocks[2] = { 0 };
            dmheap_visit_blocks( count_by_context, blocks );
            fixture_interrupt = NULL;
            assert_int_equal( m.live_blocks, 10 * HEAPS );
            assert_int_equal( blocks[0] + blocks[1], 10 * HEAPS );
            no_heaps();
        }
}

static int teardown( void** state )
{
    int result = heap_holds( state );
    fixture_no_heap();
    for( unsigned i = 0; i < 10; i++ )
        (void)dmheap_ctx_deinit( (void*)area( i ) );
    (void)fixture_log();
    return result;
}

#define HEAPS_TEST( name ) cmocka_unit_test_setup_teardown( name, fresh_heap, teardown )

int test_heaps( void )
{
    const struct CMUnitTest tests[] = {
        HEAPS_TEST( a_heap_made_where_the_initial_one_was_is_not_replaced_with_it ),
        HEAPS_TEST( a_heap_that_is_made_again_as_the_initial_one_is_known_once ),
        HEAPS_TEST( a_heap_that_cannot_be_made_leaves_the_one_that_is_there ),
        HEAPS_TEST( a_heap_that_is_made_with_a_name_has_it ),
        HEAPS_TEST( a_full_registry_refuses_and_leaves_everything ),
        HEAPS_TEST( a_heap_that_lies_in_the_buffer_of_a_new_one_is_forgotten ),
        HEAPS_TEST( all_heaps_that_lie_in_the_buffer_of_a_new_one_are_forgotten ),
        HEAPS_TEST( of_default_heaps_around_a_new_one_those_that_do_not_hold_it_are_forgotten ),
        HEAPS_TEST( statistics_of_several_heaps_are_sums_and_the_largest_block_is_the_largest ),
        HEAPS_TEST( visitors_show_every_default_heap_and_no_other ),
        HEAPS_TEST( damage_in_any_default_heap_is_found_by_the_check ),
        HEAPS_TEST( a_visitor_can_end_the_walk_in_any_heap ),
        HEAPS_TEST( a_call_on_one_heap_leaves_the_others_alone ),
        HEAPS_TEST( a_call_without_a_heap_reaches_those_that_are_no_default_ones_too ),
        HEAPS_TEST( default_heaps_are_asked_in_the_order_that_was_set ),
        HEAPS_TEST( heaps_are_found_by_the_whole_of_their_names ),
        HEAPS_TEST( a_full_module_table_sends_a_new_name_to_the_next_heap ),
        HEAPS_TEST( a_name_is_registered_where_its_block_lies_and_nowhere_else ),
        HEAPS_TEST( an_aligned_block_that_fits_by_chance_only_is_found_in_the_next_heap ),
        HEAPS_TEST( what_only_a_heap_that_is_no_default_one_has_is_refused ),
        HEAPS_TEST( a_block_that_moves_to_another_heap_keeps_its_alignment ),
        HEAPS_TEST( a_block_of_a_heap_that_is_no_default_one_stays_in_it ),
        HEAPS_TEST( unregister_takes_down_the_heaps_in_the_modules_blocks_first ),
        HEAPS_TEST( a_heap_in_a_block_that_is_passed_on_lives_on ),
        HEAPS_TEST( unregister_leaves_no_block_behind_whatever_happens_to_the_heaps ),
        HEAPS_TEST( rename_reaches_every_heap_whatever_happens_to_them ),
        HEAPS_TEST( a_limit_reaches_every_heap_whatever_happens_to_them ),
        HEAPS_TEST( a_request_reaches_the_heap_that_can_grant_it_whatever_happens_to_them ),
        HEAPS_TEST( figures_are_of_every_heap_whatever_happens_to_the_order ),
    };
    return cmocka_run_group_tests_name( "heaps", tests, NULL, NULL );
}
