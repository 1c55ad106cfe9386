/*
 * What a module may hold, and what it is booked for: limits, peaks, and all or nothing over several heaps.
 */
#include "unit.h"

static unsigned countdown;

static dmheap_context_t* second_default( size_t size )
{
    dmheap_context_t* second = fixture_second_heap( size, 8, 0 );
    assert_non_null( second );
    assert_true( dmheap_ctx_set_default( second, DMHEAP_LAST ) );
    return second;
}

/* ---- One rule for realloc ---- */

/* A module holds one block of `held` bytes and another of `old`, both with header and rounding, and gets `new`. */
typedef struct
{
    size_t held, old, new, limit;
    bool   admitted;
} resize_t;

static const resize_t resizes[] = {
    { 104, 504, 504, 100, true },                                    /* above its limit: the same */
    { 104, 504, 200, 100, true },                                    /* above its limit: less, which is still above */
    { 104, 504, 104, 4, true },                                      /* and far above */
    { 104, 504, 512, 600, false },                                   /* above its limit: more */
    { 104, 504, 1000, 1104, true },                                  /* up to the limit */
    { 104, 504, 1000, 1100, false }, { 104, 504, 1904, 2008, true }, /* both copies together would be above */
    { 8, 2000, 3992, 4000, true },   { 8, 2000, 4000, 4000, false },
};

enum
{
    RESIZES = sizeof resizes / sizeof *resizes
};

/* How the block is kept from being resized where it is. */
typedef enum
{
    IN_PLACE,
    BY_A_WALL,
    BY_ALIGNMENT,
    BY_A_FULL_HEAP, /* it moves to another one */
    WAYS
} way_t;

static void a_resize_is_admitted_by_what_the_module_would_hold( const resize_t* row, way_t way )
{
    assert_true( fixture_heap( 16384, 8, 0 ) );
    (void)dmheap_malloc( 60, NULL ); /* the block is not at 4096 by chance */
    if( way == BY_A_FULL_HEAP ) second_default( 32768 );
    unsigned char* block = dmheap_malloc( row->old - 4, "m" );
    void*          wall  = way == IN_PLACE ? NULL : dmheap_malloc( 8, NULL );
    void*          held  = row->held > 8 && way != BY_A_FULL_HEAP ? dmheap_malloc( row->held - 4, "m" ) : NULL;
    size_t         other = held != NULL ? row->held : 0;
    size_t         limit = row->limit - ( row->held - other ); /* to another heap nothing else is booked there */
    (void)wall;
    if( way == BY_A_FULL_HEAP ) fill_up( first_context() );
    assert_true( dmheap_set_module_limit( "m", limit ) );
    memset( block, 9, row->old - 4 );
    void* moved = way == BY_ALIGNMENT ? dmheap_aligned_realloc( block, 4096, row->new - 8, NULL )
                                      : dmheap_realloc( block, row->new - 4, NULL );
    assert_int_equal( moved != NULL, row->admitted );
    if( !row->admitted ) assert_int_equal( fixture_logged( "limit is reached" ), 1 );
    assert_int_equal( live_bytes_of( "m" ), other + ( row->admitted ? row->new : row->old ) );
    assert_int_equal( ( (unsigned char*)( row->admitted ? moved : block ) )[90], 9 );
    assert_valid();
}

static void a_realloc_is_admitted_by_what_the_module_would_hold_in_place_or_moved( void** state )
{
    (void)state;
    for( unsigned i = 0; i < RESIZES; i++ )
        for( way_t way = IN_PLACE; way < BY_A_FULL_HEAP; way++ )
            a_resize_is_admitted_by_what_the_module_would_hold( &resizes[i], way );
}

static void a_realloc_beyond_the_limit_does_not_move_to_another_heap( void** state )
{
    (void)state;
    for( unsigned i = 0; i < RESIZES; i++ )
        if( !resizes[i].admitted ) a_resize_is_admitted_by_what_the_module_would_hold( &resizes[i], BY_A_FULL_HEAP );
    assert_true( fixture_heap( 16384, 8, 0 ) );
    dmheap_context_t* second = second_default( 262144 );
    void*             block  = dmheap_malloc( 500, "m" );
    assert_true( dmheap_set_module_limit( "m", 1000 ) );
    assert_counted( dmheap_realloc( block, 100000, NULL ), 1, "limit is reached" ); /* the first heap is not as large */
    assert_counted( dmheap_aligned_realloc( block, 64, 100000, NULL ), 1, "limit is reached" );
    assert_int_equal( stats_of( second ).used_blocks, 0 );
}

/* Larger than any block of the first heap: the limit is asked of what it would hold instead, not as well. */
static void a_realloc_within_the_limit_moves_to_a_heap_that_is_large_enough( void** state )
{
    (void)state;
    assert_true( fixture_heap( 4096, 8, 0 ) );
    dmheap_context_t* second = second_default( 65536 );
    void*             block  = dmheap_malloc( 1000, "m" );
    assert_true( dmheap_ctx_set_module_limit( first_context(), "m", 10000 ) );
    assert_ptr_equal( dmheap_ctx_of( dmheap_realloc( block, 9500, NULL ) ), second );
}

/* Larger than any block of the first heap, whose limit is asked of the whole block all the same, not of the payload. */
static void a_request_that_no_block_of_the_heap_can_be_is_asked_of_its_limit_as_a_whole( void** state )
{
    (void)state;
    assert_true( fixture_heap( 4096, 8, 0 ) );
    dmheap_context_t* second = second_default( 65536 );
    void*             block  = dmheap_malloc( 100, "m" );
    assert_true( dmheap_ctx_set_module_limit( first_context(), "m", 10104 ) );
    assert_counted( dmheap_malloc( 9997, "m" ), 1, "limit is reached" );
    assert_counted( dmheap_aligned_alloc( 64, 9993, "m" ), 1, "limit is reached" );
    assert_counted( dmheap_realloc( block, 10101, NULL ), 1, "limit is reached" );
    assert_int_equal( stats_of( second ).used_blocks, 0 );
    assert_ptr_equal( dmheap_ctx_of( dmheap_malloc( 9996, "m" ) ), second );
    assert_ptr_equal( dmheap_ctx_of( dmheap_aligned_alloc( 64, 9992, "m" ) ), second );
    assert_ptr_equal( dmheap_ctx_of( dmheap_realloc( block, 10100, NULL ) ), second );
}

static void the_limit_in_the_heap_that_a_block_moves_to_holds_there( void** state )
{
    (void)state;
    dmheap_context_t* second = second_default( 262144 );
    void*             block  = dmheap_malloc( 1000, "m" );
    assert_true( dmheap_ctx_set_module_limit( second, "m", 100000 ) );
    assert_non_null( dmheap_ctx_malloc( second, 996, "m" ) );
    assert_null( dmheap_realloc( block, 99004, NULL ) );
    assert_int_equal( fixture_logged( "limit is reached" ), 1 );
    assert_int_equal( module_in( second, "m" ).live_bytes, 1000 );
    void* moved = dmheap_realloc( block, 98996, NULL );
    assert_ptr_equal( dmheap_ctx_of( moved ), second );
    assert_int_equal( module_in( second, "m" ).live_bytes, 100000 );
    assert_int_equal( module_in( first_context(), "m" ).live_bytes, 0 );
}

static void*    watched;
static unsigned admitted;

/* Everything by which a module gets memory, while a realloc of it is between two steps. */
static void get_more_for_m( void )
{
    dmheap_module_t handle = dmheap_module_open( "m" );
    assert_true( live_bytes_of( "m" ) <= 2000 );
    for( unsigned i = 0; i < 4; i++ )
    {
        admitted += dmheap_malloc( 500, "m" ) != NULL;
        admitted += dmheap_module_malloc( handle, 500 ) != NULL;
        admitted += dmheap_aligned_alloc( 64, 500, "m" ) != NULL;
        admitted += dmheap_retag( watched, "m" );
        assert_true( live_bytes_of( "m" ) <= 2000 );
    }
}

static void nothing_else_is_admitted_between_the_steps_of_a_realloc_that_was( void** state )
{
    (void)state;
    for( unsigned kind = 0; kind < 3; kind++ )
    {
        assert_true( fixture_heap( 65536, 8, 0 ) );
        void* block = dmheap_malloc( 1000, "m" );
        void* wall  = dmheap_malloc( 8, NULL );
        watched     = dmheap_malloc( 500, "other" );
        assert_true( dmheap_set_module_limit( "m", 2000 ) );
        admitted          = 0;
        fixture_interrupt = get_more_for_m;
        void* moved       = kind == 0   ? dmheap_realloc( block, 1900, NULL )
                            : kind == 1 ? dmheap_ctx_realloc( first_context(), block, 1900, NULL )
                                        : dmheap_aligned_realloc( block, 256, 1880, NULL );
        fixture_interrupt = NULL;
        assert_non_null( moved );
        assert_int_equal( admitted, 0 );
        assert_in_range( live_bytes_of( "m" ), 1880, 2000 );
        assert_int_equal( live_blocks_of( "m" ), 1 );
        assert_valid();
        dmheap_free( wall, false );
        (void)fixture_log();
    }
}

static size_t before_move, after_move;

static void look_at_the_moving_block( void )
{
    size_t live = live_bytes_of( "m" );
    assert_true( live == before_move || ( live >= after_move && live < after_move + 16 ) );
    assert_int_equal( live_blocks_of( "m" ), 1 );
}

static void a_block_that_moves_is_booked_once( void** state )
{
    (void)state;
    for( unsigned kind = 0; kind < 4; kind++ )
    {
        assert_true( fixture_heap( 16384, 8, 0 ) );
        second_default( 65536 );
        void* block = dmheap_malloc( 996, "m" );
        assert_non_null( dmheap_malloc( 8, NULL ) );
        before_move       = 1000;
        after_move        = kind == 0 ? 2000 : kind == 1 ? 504 : 20000;
        fixture_interrupt = look_at_the_moving_block;
        void* moved       = kind == 0   ? dmheap_realloc( block, 1996, NULL )
                            : kind == 1 ? dmheap_aligned_realloc( block, 4096, 500, NULL )
                                        : dmheap_realloc( block, 19996, NULL );
        fixture_interrupt = NULL;
        assert_non_null( moved );
        assert_in_range( live_bytes_of( "m" ), after_move, after_move + 15 );
        assert_true( kind < 2 || dmheap_ctx_of( moved ) == second_context() );
        dmheap_module_stats_t m;
        assert_true( dmheap_get_module_stats( "m", &m ) );
        /* peaks of several heaps are summed */
        assert_int_equal( m.peak_bytes, kind == 0 ? after_move : kind == 1 ? before_move : before_move + after_move );
    }
}

static void a_limit_is_passed_by_less_than_the_smallest_block( void** state )
{
    (void)state;
    for( size_t alignment = 4; alignment <= 64; alignment *= 2 )
        for( size_t limit = 200; limit < 1500; limit += 37 )
        {
            assert_true( fixture_heap( 8192, alignment, 0 ) );
            assert_true( dmheap_set_module_limit( "m", limit ) );
            assert_int_equal( module_in( first_context(), "m" ).limit_bytes, limit / 4 * 4 );
            void* holes[20];
            for( unsigned i = 0; i < 20; i++ ) /* of sizes that fit the requests badly */
            {
                holes[i] = dmheap_malloc( 60 + 4 * i, NULL );
                assert_non_null( dmheap_malloc( 4, NULL ) );
            }
            for( unsigned i = 0; i < 20; i++ )
                dmheap_free( holes[i], false );
            for( size_t size = 130; size != 0; size-- )
                (void)dmheap_malloc( size, "m" );
            assert_true( live_bytes_of( "m" ) < limit + ( alignment > 16 ? alignment : 16 ) );
            assert_true( live_bytes_of( "m" ) + ( alignment > 16 ? alignment : 16 ) > limit );
            (void)fixture_log();
        }
}

/* ---- Peaks ---- */

static unsigned granted;

static void take_what_is_free( void )
{
    void* block = dmheap_malloc( 50000, "another" );
    granted += block != NULL;
    dmheap_free( block, false );
}

static void a_realloc_that_grows_takes_no_more_from_others_than_the_block_has( void** state )
{
    (void)state;
    for( unsigned kind = 0; kind < 2; kind++ )
    {
        assert_true( fixture_heap( 65536, 8, 0 ) );
        dmheap_register_module( "m" );
        dmheap_register_module( "another" );
        void* front = dmheap_malloc( 60000, NULL );
        void* block = dmheap_malloc( 96, "m" );
        void* wall  = kind == 0 ? dmheap_malloc( 8, NULL ) : NULL;
        dmheap_free( front, false ); /* a large free block in front */
        granted           = 0;
        fixture_interrupt = take_what_is_free;
        block             = dmheap_realloc( block, 200, NULL );
        fixture_interrupt = NULL;
        assert_non_null( block );
        assert_true( granted > 0 );
        assert_int_equal( fixture_logged( "[ERROR]" ), 0 );
        dmheap_module_stats_t m = module_in( first_context(), "m" );
        assert_int_equal( m.live_bytes, 208 );
        assert_int_equal( m.peak_bytes, 208 );
        dmheap_free( wall, false );
    }
}

/* A module's peak is the highest of what it held, whatever call it came by. */
static void the_peak_is_the_highest_that_was_held( void** state )
{
    static const size_t sizes[] = { 100, 396, 196, 1996, 4, 1500, 3004, 20 };
    size_t              most    = 0;
    void*               block   = NULL;
    (void)state;
    for( unsigned i = 0; i < sizeof sizes / sizeof *sizes; i++ )
    {
        block = dmheap_realloc( block, sizes[i], "m" );
        (void)dmheap_malloc( 8, NULL );
        dmheap_module_stats_t m = module_in( first_context(), "m" );
        if( m.live_bytes > most ) most = m.live_bytes;
        assert_in_range( m.live_bytes, sizes[i] + 4, sizes[i] + 16 );
        assert_int_equal( m.peak_bytes, most );
    }
    void* other = dmheap_malloc( 4004, "other" );
    assert_true( dmheap_retag( other, "m" ) );
    assert_int_equal( module_in( first_context(), "m" ).peak_bytes, live_bytes_of( "m" ) );
    assert_int_equal( module_in( first_context(), "other" ).peak_bytes, 4008 );
    size_t both = live_bytes_of( "m" );
    assert_non_null( dmheap_malloc( 100, "heir" ) );
    assert_true( dmheap_rename_module( "m", "heir" ) );
    assert_int_equal( module_in( first_context(), "heir" ).peak_bytes, both + 104 );
}

static void a_peak_that_passed_a_limit_that_was_set_later_stays( void** state )
{
    (void)state;
    void* block = dmheap_malloc( 996, "m" );
    dmheap_free( block, false );
    assert_true( dmheap_set_module_limit( "m", 500 ) );
    assert_null( dmheap_malloc( 996, "m" ) );
    assert_non_null( dmheap_malloc( 396, "m" ) );
    assert_int_equal( module_in( first_context(), "m" ).peak_bytes, 1000 );
    assert_true( dmheap_set_module_limit( "m", SIZE_MAX ) );
    assert_non_null( dmheap_malloc( 996, "m" ) );
    assert_int_equal( module_in( first_context(), "m" ).peak_bytes, 1400 );
}

/* ---- Limits ---- */

static void a_retag_to_the_owner_that_a_block_has_changes_nothing( void** state )
{
    (void)state;
    void* block = dmheap_malloc( 996, "m" );
    void* other = dmheap_malloc( 996, NULL );
    for( size_t limit = 4; limit <= 1000; limit += 996 )
    {
        assert_true( dmheap_set_module_limit( "m", limit ) );
        dmheap_stats_t        before = stats_now();
        dmheap_module_stats_t m      = module_in( first_context(), "m" );
        (void)fixture_log();
        assert_true( dmheap_retag( block, "m" ) );
        assert_true( dmheap_ctx_retag( first_context(), block, "m" ) );
        assert_true( dmheap_retag( other, NULL ) );
        assert_string_equal( fixture_log(), "" );
        dmheap_stats_t after = stats_now();
        assert_memory_equal( &before, &after, sizeof before );
        dmheap_module_stats_t now = module_in( first_context(), "m" );
        assert_same_figures( &m, &now );
        assert_int_equal( dmheap_usable_size( block ), 996 );
    }
}

static void a_limit_that_is_reached_counts_and_changes_nothing_else( void** state )
{
    (void)state;
    dmheap_context_t* second = second_default( 65536 );
    void*             block  = dmheap_malloc( 500, "m" );
    dmheap_module_t   handle = dmheap_module_open( "m" );
    void*             wall   = dmheap_malloc( 8, NULL );
    assert_true( dmheap_set_module_limit( "m", 1000 ) );
    assert_counted( dmheap_malloc( 500, "m" ), 1, "limit is reached" );
    assert_counted( dmheap_aligned_alloc( 64, 500, "m" ), 1, "limit is reached" );
    assert_counted( dmheap_calloc( 5, 100, "m" ), 1, "limit is reached" );
    assert_counted( dmheap_module_malloc( handle, 500 ), 1, "limit is reached" );
    assert_counted( dmheap_module_calloc( handle, 5, 100 ), 1, "limit is reached" );
    assert_counted( dmheap_module_aligned_alloc( handle, 64, 500 ), 1, "limit is reached" );
    assert_counted( dmheap_realloc( block, 1200, NULL ), 1, "limit is reached" );
    assert_counted( dmheap_aligned_realloc( block, 1024, 1200, NULL ), 1, "limit is reached" );
    assert_counted( dmheap_module_realloc( handle, block, 1200 ), 1, "limit is reached" );
    assert_counted( dmheap_module_aligned_realloc( handle, block, 1024, 1200 ), 1, "limit is reached" );
    assert_counted( dmheap_ctx_malloc( first_context(), 500, "m" ), 1, "limit is reached" );
    assert_counted( dmheap_ctx_realloc( first_context(), block, 1200, "m" ), 1, "limit is reached" );
    /* more than the first heap has at all: a reason to ask the second, if the limit were not there */
    assert_counted( dmheap_malloc( 65530, "m" ), 1, "limit is reached" );
    assert_counted( dmheap_module_malloc( handle, 65530 ), 1, "limit is reached" );
    assert_counted( dmheap_realloc( block, 65530, NULL ), 1, "limit is reached" );
    assert_int_equal( stats_of( second ).used_blocks, 0 );
    assert_int_equal( stats_of( second ).failed_allocations, 0 );
    assert_int_equal( live_bytes_of( "m" ), 504 );
    dmheap_free( wall, false );
}

static void a_retag_beyond_the_limit_is_refused( void** state )
{
    (void)state;
    void* block = dmheap_malloc( 500, "other" );
    void* own   = dmheap_malloc( 500, "m" );
    assert_true( dmheap_set_module_limit( "m", 1004 ) );
    assert_refused( dmheap_retag( block, "m" ), "limit is reached" );
    assert_true( dmheap_set_module_limit( "m", 1008 ) );
    assert_true( dmheap_retag( block, "m" ) );
    assert_int_equal( live_bytes_of( "m" ), 1008 );
    dmheap_free( own, false );
}

static void a_limit_is_rounded_down_to_words( void** state )
{
    (void)state;
    for( size_t limit = 100; limit < 104; limit++ )
    {
        assert_true( dmheap_set_module_limit( "m", limit ) );
        assert_int_equal( module_in( first_context(), "m" ).limit_bytes, 100 );
    }
}

static void a_rename_to_the_own_name_is_no_matter_of_the_limit( void** state )
{
    (void)state;
    assert_non_null( dmheap_malloc( 996, "m" ) );
    assert_true( dmheap_set_module_limit( "m", 1000 ) );
    assert_true( dmheap_rename_module( "m", "m" ) );
    assert_int_equal( live_bytes_of( "m" ), 1000 );
}

static void the_limit_is_none_where_one_heap_sets_none( void** state )
{
    dmheap_module_stats_t stats;
    (void)state;
    dmheap_context_t* second = second_default( 65536 );
    assert_true( dmheap_ctx_register_module( second, "m" ) );
    assert_true( dmheap_ctx_set_module_limit( first_context(), "m", 1000 ) );
    assert_true( dmheap_get_module_stats( "m", &stats ) );
    assert_true( stats.limit_bytes == SIZE_MAX );
    assert_true( dmheap_ctx_set_module_limit( second, "m", 504 ) );
    assert_true( dmheap_get_module_stats( "m", &stats ) );
    assert_int_equal( stats.limit_bytes, 1504 );
    assert_true( dmheap_ctx_set_module_limit( first_context(), "m", SIZE_MAX ) );
    assert_true( dmheap_get_module_stats( "m", &stats ) );
    assert_true( stats.limit_bytes == SIZE_MAX );
    assert_int_equal( module_in( second, "m" ).limit_bytes, 504 );
}

/* ---- Merging ---- */

static void a_rename_to_a_taken_name_joins_up_to_the_heirs_limit( void** state )
{
    (void)state;
    for( unsigned most = 0; most < 2; most++ )
    {
        assert_true( fixture_heap( 65536, 8, 0 ) );
        for( unsigned i = 0; i < 20; i++ )
            assert_non_null( dmheap_malloc( 100, i % 2 ? "m" : "heir" ) );
        size_t together = live_bytes_of( "m" ) + live_bytes_of( "heir" );
        assert_true( dmheap_set_module_limit( "m", 4 ) ); /* the module's own is no matter */
        assert_true( dmheap_set_module_limit( "heir", together - 4 + 4 * most ) );
        if( most == 0 )
        {
            assert_refused( assert_false( dmheap_rename_module( "m", "heir" ) ), "limit is reached" );
            assert_int_equal( live_blocks_of( "m" ), 10 );
            continue;
        }
        assert_true( dmheap_rename_module( "m", "heir" ) );
        assert_int_equal( live_bytes_of( "heir" ), together );
        assert_int_equal( live_blocks_of( "m" ), 0 );
        assert_int_equal( stats_now().modules, 1 );
        assert_int_equal( module_in( first_context(), "heir" ).peak_bytes, together );
        assert_null( dmheap_malloc( 1, "heir" ) );
    }
}

static void limit_both( void )
{
    if( countdown == 0 || --countdown != 0 ) return;
    (void)dmheap_set_module_limit( "m", 4 );
    (void)dmheap_set_module_limit( "heir", 4 );
}

static void a_merge_that_began_carries_all_blocks_over_whatever_limits_are_set_meanwhile( void** state )
{
    (void)state;
    EACH_STEP
    {
        assert_true( fixture_heap( 65536, 8, 0 ) );
        for( unsigned i = 0; i < 40; i++ )
            assert_non_null( dmheap_malloc( 100, i % 2 ? "m" : "heir" ) );
        countdown         = step;
        fixture_interrupt = limit_both;
        assert_true( dmheap_rename_module( "m", "heir" ) );
        fixture_interrupt = NULL;
        assert_int_equal( live_blocks_of( "heir" ), 40 );
        assert_valid();
        (void)fixture_log();
    }
}

/* ---- All or nothing ---- */

/* Why a call over three heaps cannot be done in one of them. */
typedef enum
{
    THE_HEIR_HAS_A_LIMIT,
    THERE_IS_NO_MEMORY,
    THE_TABLE_IS_FULL,
    THE_MODULE_IS_LEAVING,
    REASONS
} reason_t;

static dmheap_context_t* three[3];

/* Three heaps, the first two default ones; "m" has five blocks in each. */
static void three_heaps( void )
{
    assert_true( fixture_heap( 16384, 8, 0 ) );
    three[0] = first_context();
    three[1] = fixture_second_heap( 16384, 8, 0 );
    three[2] = dmheap_ctx_init( fixture_second_buffer() + 65536, 16384, 8, "third" );
    assert_true( dmheap_ctx_set_default( three[1], DMHEAP_LAST ) );
    for( unsigned i = 0; i < 15; i++ )
        assert_non_null( dmheap_ctx_malloc( three[i % 3], 100, "m" ) );
}

static void fill_table( dmheap_context_t* context )
{
    char name[16];
    for( unsigned i = 0; i < DMHEAP_MAX_MODULES; i++ )
    {
        snprintf( name, sizeof name, "filler%u", i );
        (void)dmheap_ctx_register_module( context, name );
        (void)fixture_log();
    }
    assert_int_equal( stats_of( context ).modules, DMHEAP_MAX_MODULES );
}

static void begin_to_leave( dmheap_context_t* context )
{
    /* a block that is booked on the module and moves keeps it from being forgotten: see the interrupt below */
    (void)dmheap_ctx_unregister_module( context, "m" );
}

typedef struct
{
    dmheap_stats_t        heap[3];
    dmheap_module_stats_t m[3], heir[3];
} figures_t;

static void take_figures( figures_t* figures )
{
    for( unsigned i = 0; i < 3; i++ )
    {
        figures->heap[i] = stats_of( three[i] );
        figures->m[i]    = module_in( three[i], "m" );
        figures->heir[i] = module_in( three[i], "heir" );
    }
}

static unsigned obstacle;
static bool     call_is_rename;
static bool     table_grows; /* in another heap: it does not move back */
static reason_t why_not;

static void try_all_or_nothing( void )
{
    char      text[NAME_ROOM];
    figures_t before, after;
    fixture_interrupt = NULL;
    if( why_not == THE_MODULE_IS_LEAVING ) begin_to_leave( three[obstacle] );
    const char* name = why_not == THE_HEIR_HAS_A_LIMIT ? "heir" : name_of( text, NAME_MOST );
    (void)fixture_log();
    take_figures( &before );
    assert_false( call_is_rename ? dmheap_rename_module( "m", name ) : dmheap_set_module_limit( "m", 4000 ) );
    assert_int_equal( fixture_logged( "[ERROR]" ), 1 );
    take_figures( &after );
    for( unsigned i = 0; table_grows && i < 3; i++ )
    {
        after.heap[i].free_blocks        = before.heap[i].free_blocks;
        after.heap[i].largest_free_block = before.heap[i].largest_free_block;
    }
    assert_memory_equal( before.heap, after.heap, sizeof before.heap );
    for( unsigned i = 0; i < 3; i++ )
    {
        assert_same_figures( &before.m[i], &after.m[i] );
        assert_same_figures( &before.heir[i], &after.heir[i] );
        assert_int_equal( dmheap_ctx_check( three[i], NULL ), DMHEAP_CHECK_OK );
    }
}

/* Has the interrupt called while a block of "m" moves in the heap at fault. */
static void while_a_block_moves( void ( *what )( void ) )
{
    void* block = dmheap_ctx_malloc( three[obstacle], 200, "m" );
    void* wall  = dmheap_ctx_malloc( three[obstacle], 8, NULL );
    assert_non_null( wall );
    fixture_interrupt = what;
    (void)dmheap_ctx_realloc( three[obstacle], block, 600, NULL );
    assert_null( fixture_interrupt );
}

static void a_rename_over_several_heaps_is_all_or_nothing( void** state )
{
    (void)state;
    call_is_rename = true;
    table_grows    = false;
    for( why_not = 0; why_not < REASONS; why_not++ )
        for( obstacle = 0; obstacle < 3; obstacle++ )
        {
            if( why_not == THE_TABLE_IS_FULL ) continue; /* a rename needs no place in it */
            three_heaps();
            if( why_not == THE_HEIR_HAS_A_LIMIT )
                for( unsigned i = 0; i < 3; i++ )
                    assert_true( dmheap_ctx_set_module_limit( three[i], "heir", i == obstacle ? 516 : 520 ) );
            if( why_not == THERE_IS_NO_MEMORY ) fill_up( three[obstacle] );
            if( why_not == THE_MODULE_IS_LEAVING )
                while_a_block_moves( try_all_or_nothing );
            else
                try_all_or_nothing();
        }
}

static void a_limit_over_several_heaps_is_all_or_nothing( void** state )
{
    (void)state;
    call_is_rename = false;
    for( why_not = THERE_IS_NO_MEMORY; why_not < REASONS; why_not++ )
        for( obstacle = 0; obstacle < 2; obstacle++ )
            for( unsigned known = 0; known < 3; known++ ) /* in the other heap; 2: not, and its table has to grow */
            {
                three_heaps();
                table_grows = known == 2;
                for( char name[2] = "a"; known == 2 && name[0] <= 'g'; name[0]++ )
                    assert_true( dmheap_ctx_register_module( three[1 - obstacle], name ) );
                if( why_not != THE_MODULE_IS_LEAVING ) dmheap_ctx_unregister_module( three[obstacle], "m" );
                if( known != 1 ) dmheap_ctx_unregister_module( three[1 - obstacle], "m" );
                if( known == 2 ) assert_true( dmheap_ctx_register_module( three[1 - obstacle], "h" ) );
                if( why_not == THERE_IS_NO_MEMORY ) fill_up( three[obstacle] );
                if( why_not == THE_TABLE_IS_FULL ) fill_table( three[obstacle] );
                if( why_not == THE_MODULE_IS_LEAVING )
                    while_a_block_moves( try_all_or_nothing );
                else
                    try_all_or_nothing();
            }
}

/* What others do in the first heap at one of the steps of a call that the second refuses. */
static unsigned steps_to_go;
static size_t   taken_meanwhile;
static void*    kept_meanwhile; /* of "m" */

static void take_and_give_back( void )
{
    if( steps_to_go != 0 && --steps_to_go == 0 )
        dmheap_ctx_free( three[0], dmheap_ctx_malloc( three[0], taken_meanwhile, NULL ), false );
}

static void take_for_the_new_module( void )
{
    if( steps_to_go != 0 && --steps_to_go == 0 ) kept_meanwhile = dmheap_ctx_malloc( three[0], 100, "m" );
}

/* Has the second heap refuse a rename of "m", or a limit for it, which both do not know yet. */
static void refuse_at_last( bool is_rename, unsigned step, void ( *meanwhile )( void ) )
{
    char text[NAME_ROOM];
    steps_to_go       = step;
    fixture_interrupt = meanwhile;
    assert_false( is_rename ? dmheap_rename_module( "m", name_of( text, NAME_MOST ) )
                            : dmheap_set_module_limit( "m", 4000 ) );
    fixture_interrupt = NULL;
}

static void begin_to_refuse( bool is_rename )
{
    three_heaps();
    for( unsigned i = 0; !is_rename && i < 2; i++ )
        dmheap_ctx_unregister_module( three[i], "m" );
    fill_up( three[1] );
    (void)fixture_log();
}

/* Of what the call itself took for a moment, no peak is left: not where others took more at the same time, nor where the
 * highest before was in between. */
static void a_peak_of_others_is_neither_lost_nor_raised_by_a_call_that_is_refused( void** state )
{
    (void)state;
    for( unsigned kind = 0; kind < 4; kind++ )
    {
        bool     is_rename = ( kind & 1 ) != 0;
        unsigned disturbed = 0;
        for( unsigned step = 1; step == 1 || steps_to_go == 0; step++ )
        {
            begin_to_refuse( is_rename );
            taken_meanwhile = 4000;
            if( kind >= 2 ) dmheap_ctx_free( three[0], dmheap_ctx_malloc( three[0], 4016, NULL ), false );
            size_t before = stats_of( three[0] ).peak_used_bytes;
            refuse_at_last( is_rename, step, take_and_give_back );
            size_t after = stats_of( three[0] ).peak_used_bytes;
            dmheap_ctx_free( three[0], dmheap_ctx_malloc( three[0], taken_meanwhile, NULL ), false );
            assert_int_equal( after, steps_to_go == 0 && kind < 2 ? stats_of( three[0] ).peak_used_bytes : before );
            disturbed += steps_to_go == 0;
        }
        assert_true( disturbed >= 2 );
    }
}

static void a_module_that_got_a_block_while_its_limit_was_refused_keeps_it( void** state )
{
    (void)state;
    unsigned kept = 0;
    for( unsigned step = 1; step == 1 || steps_to_go == 0; step++ )
    {
        begin_to_refuse( false );
        refuse_at_last( false, step, take_for_the_new_module );
        if( steps_to_go != 0 ) break;
        assert_non_null( kept_meanwhile );
        assert_int_equal( module_in( three[0], "m" ).live_blocks, 1 );
        assert_int_equal( dmheap_ctx_check( three[0], NULL ), DMHEAP_CHECK_OK );
        kept++;
    }
    assert_true( kept >= 2 );
}

static void a_rename_and_a_limit_reach_every_heap( void** state )
{
    (void)state;
    for( unsigned taken = 0; taken < 2; taken++ )
    {
        three_heaps();
        if( taken )
            for( unsigned i = 0; i < 3; i++ )
                assert_non_null( dmheap_ctx_malloc( three[i], 100, "heir" ) );
        assert_true( dmheap_rename_module( "m", "heir" ) );
        for( unsigned i = 0; i < 3; i++ )
        {
            assert_int_equal( module_in( three[i], "m" ).live_blocks, 0 );
            assert_int_equal( module_in( three[i], "heir" ).live_blocks, 5 + taken );
            assert_int_equal( stats_of( three[i] ).modules, 1 );
        }
        assert_true( dmheap_set_module_limit( "heir", 1000 ) );
        assert_int_equal( module_in( three[0], "heir" ).limit_bytes, 1000 );
        assert_int_equal( module_in( three[1], "heir" ).limit_bytes, 1000 );
        assert_true( module_in( three[2], "heir" ).limit_bytes == SIZE_MAX ); /* is no default one */
        assert_true( dmheap_rename_module( "heir", NULL ) );
        for( unsigned i = 0; i < 3; i++ )
        {
            assert_int_equal( stats_of( three[i] ).modules, 0 );
            assert_int_equal( stats_of( three[i] ).used_blocks, 5 + taken );
        }
    }
}

static int teardown( void** state )
{
    int result = heap_holds( state );
    fixture_no_heap();
    (void)dmheap_ctx_deinit( dmheap_ctx_find( "third" ) );
    (void)fixture_log();
    return result;
}

#define LIMIT_TEST( name ) cmocka_unit_test_setup_teardown( name, fresh_heap, teardown )

int test_limits( void )
{
    const struct CMUnitTest tests[] = {
        LIMIT_TEST( a_realloc_is_admitted_by_what_the_module_would_hold_in_place_or_moved ),
        LIMIT_TEST( a_realloc_beyond_the_limit_does_not_move_to_another_heap ),
        LIMIT_TEST( a_realloc_within_the_limit_moves_to_a_heap_that_is_large_enough ),
        LIMIT_TEST( a_request_that_no_block_of_the_heap_can_be_is_asked_of_its_limit_as_a_whole ),
        LIMIT_TEST( the_limit_in_the_heap_that_a_block_moves_to_holds_there ),
        LIMIT_TEST( nothing_else_is_admitted_between_the_steps_of_a_realloc_that_was ),
        LIMIT_TEST( a_block_that_moves_is_booked_once ),
        LIMIT_TEST( a_limit_is_passed_by_less_than_the_smallest_block ),
        LIMIT_TEST( a_realloc_that_grows_takes_no_more_from_others_than_the_block_has ),
        LIMIT_TEST( the_peak_is_the_highest_that_was_held ),
        LIMIT_TEST( a_peak_that_passed_a_limit_that_was_set_later_stays ),
        LIMIT_TEST( a_retag_to_the_owner_that_a_block_has_changes_nothing ),
        LIMIT_TEST( a_limit_that_is_reached_counts_and_changes_nothing_else ),
        LIMIT_TEST( a_retag_beyond_the_limit_is_refused ),
        LIMIT_TEST( a_limit_is_rounded_down_to_words ),
        LIMIT_TEST( a_rename_to_the_own_name_is_no_matter_of_the_limit ),
        LIMIT_TEST( the_limit_is_none_where_one_heap_sets_none ),
        LIMIT_TEST( a_rename_to_a_taken_name_joins_up_to_the_heirs_limit ),
        LIMIT_TEST( a_merge_that_began_carries_all_blocks_over_whatever_limits_are_set_meanwhile ),
        LIMIT_TEST( a_rename_over_several_heaps_is_all_or_nothing ),
        LIMIT_TEST( a_limit_over_several_heaps_is_all_or_nothing ),
        LIMIT_TEST( a_peak_of_others_is_neither_lost_nor_raised_by_a_call_that_is_refused ),
        LIMIT_TEST( a_module_that_got_a_block_while_its_limit_was_refused_keeps_it ),
        LIMIT_TEST( a_rename_and_a_limit_reach_every_heap ),
    };
    return cmocka_run_group_tests_name( "limits", tests, NULL, NULL );
}
