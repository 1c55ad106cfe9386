/*
 * What others do between the steps of a long call: an interrupt is made of every end of a critical section.
 */
#include "unit.h"

static unsigned countdown;
static unsigned interrupts;
static void*    held[4];

static void allocate_and_free( void )
{
    void** slot = &held[++interrupts % 4];
    dmheap_free( *slot, false );
    *slot = dmheap_malloc( 10 + interrupts % 300, "interrupt" );
}

static void release_held( void )
{
    fixture_interrupt = NULL;
    for( unsigned i = 0; i < 4; i++ )
    {
        dmheap_free( held[i], false );
        held[i] = NULL;
    }
}

static void a_realloc_that_moves_lets_interrupts_use_the_heap( void** state )
{
    (void)state;
    unsigned char* block = dmheap_malloc( 100, "m" );
    for( size_t size = 100; size < 8000; size += 300 )
    {
        memset( block, 0x77, size );
        fixture_interrupt    = allocate_and_free;
        unsigned char* moved = dmheap_realloc( block, size + 300, NULL );
        fixture_interrupt    = NULL;
        assert_non_null( moved );
        for( size_t i = 0; i < size; i++ )
            assert_int_equal( moved[i], 0x77 );
        assert_valid();
        block = moved;
    }
    assert_true( interrupts > 20 );
    release_held();
}

static unsigned granted, refused;

static void allocate_for_the_leaving_module( void )
{
    void* for_leaving = dmheap_malloc( 8, "leaving" );
    void* for_another = dmheap_malloc( 8, "another" );
    if( for_leaving == NULL ) refused++;
    if( for_another != NULL ) granted++;
    dmheap_free( for_another, false );
}

static void an_unregister_in_progress_refuses_its_module_and_no_other( void** state )
{
    (void)state;
    granted = refused = 0;
    for( unsigned i = 0; i < 200; i++ )
        dmheap_malloc( 50, i & 1 ? "leaving" : "staying" );
    dmheap_malloc( 8, "another" );
    fixture_interrupt = allocate_for_the_leaving_module;
    dmheap_unregister_module( "leaving" );
    fixture_interrupt = NULL;
    assert_true( refused > 90 );
    assert_true( granted > 90 );
    assert_int_equal( live_blocks_of( "staying" ), 100 );
    dmheap_unregister_module( "leaving" );
    assert_int_equal( live_blocks_of( "leaving" ), 0 );
}

static void look_at_the_leaving_module( void )
{
    dmheap_module_stats_t stats;
    if( !dmheap_get_module_stats( "leaving", &stats ) ) return;
    granted++;
    assert_int_equal( stats.peak_bytes, stats.live_bytes );
    assert_true( stats.limit_bytes == SIZE_MAX );
}

static void the_peak_of_a_module_that_leaves_is_what_it_holds( void** state )
{
    (void)state;
    granted = 0;
    for( unsigned i = 0; i < 20; i++ )
        dmheap_malloc( 50, "leaving" );
    fixture_interrupt = look_at_the_leaving_module;
    dmheap_unregister_module( "leaving" );
    fixture_interrupt = NULL;
    assert_true( granted > 5 );
}

static unsigned holds;

static void count_holds( void )
{
    holds++;
}

static void a_check_holds_the_lock_for_few_granules_at_a_time( void** state )
{
    (void)state;
    unsigned times[2];
    for( unsigned i = 0; i < 2; i++ )
    {
        assert_true( fixture_heap( (size_t)FIXTURE_MOST / 2 << i, 8, 0 ) );
        holds             = 0;
        fixture_interrupt = count_holds;
        assert_int_equal( dmheap_check( NULL ), DMHEAP_CHECK_OK );
        fixture_interrupt = NULL;
        times[i]          = holds;
    }
    assert_true( times[1] - times[0] >= FIXTURE_MOST / 2 / 8 / 128 );
}

static void unregister_holds_the_lock_for_few_blocks_at_a_time( void** state )
{
    (void)state;
    interrupts = 0;
    for( unsigned i = 0; i < 1000; i++ )
        dmheap_malloc( 20, "m" );
    fixture_interrupt = allocate_and_free;
    dmheap_unregister_module( "m" );
    assert_true( interrupts > 900 );
    release_held();
}

static unsigned disturbed; /* steps of a call after which something has happened */

static bool its_turn( void )
{
    if( countdown == 0 || --countdown != 0 ) return false;
    disturbed++;
    return true;
}

/* Blocks of others are passed over in steps as well, and the sweep ends with the module's last block. */
static void unregister_passes_over_few_blocks_of_others_at_a_time( void** state )
{
    (void)state;
    for( unsigned last = 0; last < 1000; last += 200 ) /* where its last block is */
    {
        assert_true( fixture_heap( 65536, 8, 0 ) );
        assert_non_null( dmheap_malloc( 20, "m" ) );
        for( unsigned i = 0; i < 1000; i++ )
            assert_non_null( dmheap_malloc( 20, i == last ? "m" : "other" ) );
        interrupts        = 0;
        fixture_interrupt = allocate_and_free;
        dmheap_unregister_module( "m" );
        release_held();
        assert_true( interrupts >= last / 12 );
        assert_true( interrupts <= last / 3 + 20 );
        assert_int_equal( live_blocks_of( "m" ), 0 );
    }
}

/* Where the sweep goes on may be the middle of somebody's payload by then, which imitates blocks of the module. */
static uint32_t* swept[60];
static uint32_t* imitation;
static uint32_t  imitated; /* the header of a block of the module */

enum
{
    IMITATION_WORDS = 2000
};

static void put_a_payload_where_the_sweep_is( void )
{
    if( !its_turn() ) return;
    for( unsigned i = 0; i < 60; i++ )
        if( dmheap_ctx_of( swept[i] ) != NULL ) dmheap_free( swept[i], false );
    imitation = dmheap_malloc( IMITATION_WORDS * sizeof( uint32_t ), "other" );
    assert_non_null( imitation );
    for( unsigned i = 0; i < IMITATION_WORDS; i++ )
        imitation[i] = imitated;
}

static void a_sweep_does_not_take_a_payload_for_blocks( void** state )
{
    (void)state;
    disturbed = 0;
    EACH_STEP
    {
        assert_true( fixture_heap( 16384, 8, 0 ) );
        for( unsigned i = 0; i < 60; i++ )
            swept[i] = dmheap_malloc( 100, i % 2 ? "other" : "m" );
        imitated = swept[58][-1];
        assert_non_null( dmheap_malloc( 100, "m" ) );
        imitation         = NULL;
        countdown         = step;
        fixture_interrupt = put_a_payload_where_the_sweep_is;
        dmheap_unregister_module( "m" );
        fixture_interrupt = NULL;
        assert_int_equal( live_blocks_of( "m" ), 0 );
        for( unsigned i = 0; imitation != NULL && i < IMITATION_WORDS; i++ )
            assert_int_equal( imitation[i], imitated );
        assert_int_equal( live_blocks_of( "other" ), imitation != NULL ? 1 : 30 );
        assert_valid();
        (void)fixture_log();
    }
    assert_true( disturbed > 30 );
}

static bool is_one_of_those( const dmheap_block_info_t* info, void* user )
{
    bool known = info->use != DMHEAP_BLOCK_LIVE || info->address == imitation || info->address == user;
    for( unsigned i = 0; i < 60; i++ )
        known |= info->address == swept[i];
    assert_true( known );
    assert_true( strcmp( info->owner, "" ) == 0 || strcmp( info->owner, "m" ) == 0 ||
                 strcmp( info->owner, "other" ) == 0 );
    return true;
}

static void a_walk_does_not_take_a_payload_for_blocks( void** state )
{
    (void)state;
    for( unsigned visits = 0; visits < 2; visits++ )
    {
        disturbed = 0;
        EACH_STEP
        {
            assert_true( fixture_heap( 16384, 8, 0 ) );
            for( unsigned i = 0; i < 60; i++ )
                swept[i] = dmheap_malloc( 100, i % 2 ? "other" : "m" );
            imitated          = swept[58][-1];
            void* last        = dmheap_malloc( 100, "m" );
            imitation         = NULL;
            countdown         = step;
            fixture_interrupt = put_a_payload_where_the_sweep_is;
            if( visits )
                dmheap_visit_blocks( is_one_of_those, last );
            else
                assert_int_equal( dmheap_check( NULL ), DMHEAP_CHECK_OK );
            fixture_interrupt = NULL;
            assert_int_equal( fixture_logged( "[ERROR]" ), 0 );
            assert_valid();
            (void)fixture_log();
        }
        assert_true( disturbed > 30 );
    }
}

static void unregister_at_the_nth_step( void )
{
    if( its_turn() ) dmheap_unregister_module( "m" );
}

/* A realloc of 1,000 bytes, which `front` of 2,000 lies before and `wall` behind. */
typedef struct
{
    size_t wall;        /* its size */
    bool   frees_front; /* before the call */
    bool   frees_wall;
    size_t size, alignment;
    bool   has_second; /* another default heap */
    bool   moves;
} resize_kind_t;

static const resize_kind_t resize_kinds[] = {
    { .wall = 8, .size = 3000, .moves = true },
    { .wall = 8, .size = 1000, .alignment = 2048, .moves = true },
    { .wall = 12000, .frees_front = true, .size = 1900, .moves = true },
    { .wall = 12000, .size = 3000, .has_second = true, .moves = true },
    { .wall = 8, .size = 15000, .has_second = true, .moves = true },
    { .wall = 8, .frees_wall = true, .size = 3000 },
    { .wall = 8, .size = 100 },
};

enum
{
    RESIZE_KINDS = sizeof resize_kinds / sizeof *resize_kinds
};

static unsigned char* resize_block;
static void*          resize_front;
static void*          resize_wall;

/* Prepares the heaps for a call of a kind, and returns their free bytes when they were empty. */
static size_t resize_begin( const resize_kind_t* kind )
{
    assert_true( fixture_heap( 16384, 8, 0 ) );
    if( kind->has_second ) assert_true( dmheap_ctx_set_default( fixture_second_heap( 32768, 8, 0 ), DMHEAP_LAST ) );
    size_t empty = stats_now().free_bytes;
    assert_true( dmheap_register_module( "m" ) );
    resize_front = dmheap_malloc( 2000, NULL );
    resize_block = dmheap_malloc( 1000, "m" );
    resize_wall  = dmheap_malloc( kind->wall, NULL );
    assert_non_null( resize_wall );
    memset( resize_block, 3, 1000 );
    if( kind->frees_front ) dmheap_free( resize_front, false );
    if( kind->frees_wall ) dmheap_free( resize_wall, false );
    return empty;
}

static unsigned char* resize_call( const resize_kind_t* kind )
{
    return kind->alignment != 0 ? dmheap_aligned_realloc( resize_block, kind->alignment, kind->size, NULL )
                                : dmheap_realloc( resize_block, kind->size, NULL );
}

static void resize_end( const resize_kind_t* kind )
{
    if( !kind->frees_front ) dmheap_free( resize_front, false );
    if( !kind->frees_wall ) dmheap_free( resize_wall, false );
}

static void a_module_unregistered_while_its_block_moves_leaves_nothing_behind( void** state )
{
    (void)state;
    for( const resize_kind_t* kind = resize_kinds; kind < resize_kinds + RESIZE_KINDS; kind++ )
    {
        disturbed = 0;
        EACH_STEP
        {
            size_t empty         = resize_begin( kind );
            countdown            = step;
            fixture_interrupt    = unregister_at_the_nth_step;
            unsigned char* moved = resize_call( kind );
            fixture_interrupt    = NULL;
            assert_valid();
            assert_int_equal( live_blocks_of( "m" ), countdown != 0 );
            if( kind->moves && step == 1 ) assert_null( moved ); /* it was freed on its way */
            if( countdown != 0 ) assert_int_equal( moved[kind->size < 1000 ? kind->size - 1 : 999], 3 );
            assert_int_equal( kind->moves && countdown != 0, moved != resize_block && countdown != 0 );
            dmheap_unregister_module( "m" );
            resize_end( kind );
            assert_valid();
            assert_int_equal( stats_now().free_bytes, empty );
            assert_int_equal( stats_now().free_blocks, kind->has_second ? 2 : 1 );
            assert_int_equal( stats_now().modules, 0 );
        }
        assert_true( disturbed >= ( kind->moves ? 2 : 1 ) );
    }
}

static void merge_at_the_nth_step( void )
{
    if( its_turn() ) assert_true( dmheap_rename_module( "m", "heir" ) );
}

static void a_block_that_moves_while_its_module_is_merged_goes_to_the_heir( void** state )
{
    (void)state;
    for( const resize_kind_t* kind = resize_kinds; kind < resize_kinds + RESIZE_KINDS; kind++ )
    {
        disturbed = 0;
        EACH_STEP
        {
            (void)resize_begin( kind );
            assert_non_null( dmheap_malloc( 8, "heir" ) );
            countdown            = step;
            fixture_interrupt    = merge_at_the_nth_step;
            unsigned char* moved = resize_call( kind );
            fixture_interrupt    = NULL;
            assert_non_null( moved );
            assert_int_equal( moved[kind->size < 1000 ? kind->size - 1 : 999], 3 );
            assert_valid();
            if( countdown == 0 )
            {
                assert_int_equal( live_blocks_of( "heir" ), 2 );
                assert_int_equal( live_blocks_of( "m" ), 0 );
            }
            dmheap_unregister_module( "m" );
            dmheap_unregister_module( "heir" );
            resize_end( kind );
            assert_int_equal( stats_now().modules, 0 );
            assert_int_equal( stats_now().used_blocks, 0 );
        }
        assert_true( disturbed >= ( kind->moves ? 2 : 1 ) );
    }
}

static void allocate_for_the_merged_module( void )
{
    void* for_merged = dmheap_malloc( 8, "merged" );
    if( for_merged == NULL ) refused++;
    dmheap_free( for_merged, false );
}

static void a_merge_in_progress_refuses_its_module( void** state )
{
    (void)state;
    refused = 0;
    for( unsigned i = 0; i < 100; i++ )
        dmheap_malloc( 50, "merged" );
    dmheap_malloc( 8, "heir" );
    fixture_interrupt = allocate_for_the_merged_module;
    dmheap_rename_module( "merged", "heir" );
    fixture_interrupt = NULL;
    assert_true( refused > 90 );
    assert_int_equal( live_blocks_of( "heir" ), 101 );
    dmheap_unregister_module( "merged" );
}

static void take_heir_down_and_merge( void )
{
    if( !its_turn() ) return;
    dmheap_unregister_module( "heir" );
    (void)dmheap_rename_module( "m", "heir" );
}

static void a_rename_to_an_heir_that_is_leaving_is_refused_and_keeps_all_blocks( void** state )
{
    (void)state;
    disturbed = 0;
    EACH_STEP
    {
        assert_true( fixture_heap( 16384, 8, 0 ) );
        size_t empty = stats_now().free_bytes;
        void*  block = dmheap_malloc( 1000, "heir" );
        void*  wall  = dmheap_malloc( 8, NULL );
        for( unsigned i = 0; i < 10; i++ )
            dmheap_malloc( 20, "m" );
        countdown         = step;
        fixture_interrupt = take_heir_down_and_merge;
        (void)dmheap_realloc( block, 3000, NULL );
        fixture_interrupt = NULL;
        assert_valid();
        if( countdown == 0 )
        {
            assert_int_equal( live_blocks_of( "m" ) + live_blocks_of( "heir" ), 10 );
            assert_int_equal( stats_now().modules, 1 );
        }
        if( step == 1 ) assert_int_equal( live_blocks_of( "m" ), 10 ); /* the heir's block was moving */
        dmheap_unregister_module( "m" );
        dmheap_unregister_module( "heir" ); /* a later one of this name, where the move had ended before */
        dmheap_free( wall, false );
        assert_valid();
        assert_int_equal( stats_now().free_bytes, empty );
    }
    assert_true( disturbed >= 2 );
}

static void unregister_heir_at_the_nth_step( void )
{
    if( its_turn() ) dmheap_unregister_module( "heir" );
}

static void an_heir_unregistered_during_a_merge_takes_all_with_it( void** state )
{
    (void)state;
    EACH_STEP
    {
        assert_true( fixture_heap( 16384, 8, 0 ) );
        size_t empty = stats_now().free_bytes;
        for( unsigned i = 0; i < 40; i++ )
            dmheap_malloc( 20, i & 1 ? "m" : "heir" );
        countdown         = step;
        fixture_interrupt = unregister_heir_at_the_nth_step;
        dmheap_rename_module( "m", "heir" );
        fixture_interrupt = NULL;
        assert_valid();
        dmheap_unregister_module( "heir" );
        dmheap_unregister_module( "m" );
        assert_valid();
        assert_int_equal( stats_now().free_bytes, empty );
    }
}

static void rename_heir_at_the_nth_step( void )
{
    if( its_turn() ) assert_true( dmheap_rename_module( "heir", "third" ) );
}

/* No block is freed, and all are those of whom the heir has become. */
static void an_heir_merged_during_a_merge_takes_all_with_it( void** state )
{
    (void)state;
    EACH_STEP
    {
        assert_true( fixture_heap( 16384, 8, 0 ) );
        for( unsigned i = 0; i < 42; i++ )
            dmheap_malloc( 20, i % 3 == 0 ? "m" : i % 3 == 1 ? "heir" : "third" );
        countdown         = step;
        fixture_interrupt = rename_heir_at_the_nth_step;
        assert_true( dmheap_rename_module( "m", "heir" ) );
        fixture_interrupt = NULL;
        assert_valid();
        assert_int_equal( stats_now().used_blocks, 42 );
        assert_int_equal( live_blocks_of( "m" ), 0 );
        assert_int_equal( live_blocks_of( "heir" ) + live_blocks_of( "third" ), 42 );
    }
}

static void unregister_other_at_the_nth_step( void )
{
    if( its_turn() ) dmheap_unregister_module( "other" );
}

static void a_merge_goes_to_its_heir_whatever_other_module_leaves( void** state )
{
    (void)state;
    disturbed = 0;
    EACH_STEP
    {
        assert_true( fixture_heap( 16384, 8, 0 ) );
        for( unsigned i = 0; i < 42; i++ )
            assert_non_null( dmheap_malloc( 20, i % 3 == 0 ? "m" : i % 3 == 1 ? "heir" : "other" ) );
        countdown         = step;
        fixture_interrupt = unregister_other_at_the_nth_step;
        assert_true( dmheap_rename_module( "m", "heir" ) );
        fixture_interrupt = NULL;
        assert_valid();
        assert_int_equal( live_blocks_of( "heir" ), 28 );
        assert_int_equal( stats_now().used_blocks, countdown == 0 ? 28 : 42 );
    }
    assert_true( disturbed > 10 );
}

/* An heir that has come and gone: its name is free again when the rename comes to its second round. */
static void a_merge_whose_heir_has_gone_frees_nothing( void** state )
{
    (void)state;
    assert_true( fixture_heap( 16384, 8, 0 ) );
    for( unsigned i = 0; i < 10; i++ )
        dmheap_malloc( 20, "m" );
    assert_true( dmheap_register_module( "heir" ) );
    countdown         = 1;
    fixture_interrupt = unregister_heir_at_the_nth_step;
    assert_true( dmheap_rename_module( "m", "heir" ) );
    fixture_interrupt = NULL;
    assert_valid();
    assert_int_equal( live_blocks_of( "heir" ), 10 );
    assert_int_equal( stats_now().modules, 1 );
}

static void register_at_the_nth_step( void )
{
    if( its_turn() ) assert_non_null( dmheap_malloc( 16, "same" ) );
}

static void two_registrations_of_one_name_become_one_module( void** state )
{
    (void)state;
    EACH_STEP
    {
        assert_true( fixture_heap( 16384, 8, 0 ) );
        size_t empty      = stats_now().free_bytes;
        countdown         = step;
        fixture_interrupt = register_at_the_nth_step;
        assert_non_null( dmheap_malloc( 16, "same" ) );
        fixture_interrupt = NULL;
        assert_int_equal( stats_now().modules, 1 );
        assert_valid();
        dmheap_unregister_module( "same" );
        assert_int_equal( stats_now().free_bytes, empty );
    }
}

static void unregister_m( void )
{
    dmheap_unregister_module( "m" );
}

static void an_allocation_whose_module_leaves_after_each_step_leaves_nothing_behind( void** state )
{
    (void)state;
    size_t empty      = stats_now().free_bytes;
    fixture_interrupt = unregister_m;
    (void)dmheap_malloc( 100, "m" );
    fixture_interrupt = NULL;
    assert_valid();
    assert_int_equal( stats_now().modules, 0 );
    assert_int_equal( stats_now().free_bytes, empty );
    assert_non_null( dmheap_malloc( 100, "m" ) );
}

static unsigned period, takes_at, gives_up_at;

static void take_the_name_and_give_it_up( void )
{
    unsigned step = countdown++ % period;
    if( step == takes_at ) assert_true( dmheap_register_module( "taken" ) );
    if( step == gives_up_at ) dmheap_unregister_module( "taken" );
}

/* In some of these rhythms the name is always taken when the rename is about to take it, and free when it looks again. */
static void a_rename_to_a_name_that_comes_and_goes_ends( void** state )
{
    (void)state;
    for( period = 2; period < 10; period++ )
        for( takes_at = 0; takes_at < period; takes_at++ )
            for( gives_up_at = 0; gives_up_at < period; gives_up_at++ )
            {
                assert_true( fixture_heap( 4096, 8, 0 ) );
                assert_non_null( dmheap_malloc( 100, "m" ) );
                countdown         = 0;
                fixture_interrupt = take_the_name_and_give_it_up;
                (void)dmheap_rename_module( "m", "taken" );
                fixture_interrupt = NULL;
                assert_valid();
            }
}

static bool count_block( const dmheap_block_info_t* block, void* user )
{
    if( block->use == DMHEAP_BLOCK_LIVE && strcmp( block->owner, "constant" ) == 0 ) ++*(unsigned*)user;
    return true;
}

static void walks_survive_changes_between_their_steps( void** state )
{
    unsigned count = 0;
    (void)state;
    interrupts = 0;
    for( unsigned i = 0; i < 300; i++ )
        dmheap_malloc( 30 + i % 100, "constant" );
    fixture_interrupt = allocate_and_free;
    dmheap_visit_blocks( count_block, &count );
    dmheap_check_t found = dmheap_check( NULL );
    release_held();
    assert_int_equal( count, 300 );
    assert_int_equal( found, DMHEAP_CHECK_OK );
    assert_true( interrupts > 300 );
}

static bool byte_was_shown[65536];

static bool free_what_is_shown( const dmheap_block_info_t* info, void* user )
{
    size_t from = (size_t)( (unsigned char*)info->address - fixture_buffer() ) - 4;
    (void)user;
    for( size_t i = from; i < from + info->block_bytes; i++ )
    {
        assert_false( byte_was_shown[i] );
        byte_was_shown[i] = true;
    }
    if( info->use == DMHEAP_BLOCK_LIVE ) dmheap_free( info->address, false );
    return true;
}

static void no_byte_is_shown_twice_to_a_visitor_who_frees( void** state )
{
    (void)state;
    void* holes[20];
    for( unsigned i = 0; i < 60; i++ )
    {
        void* block = dmheap_malloc( 100, NULL );
        assert_non_null( block );
        if( i % 3 == 0 ) holes[i / 3] = block;
    }
    for( unsigned i = 0; i < 20; i++ )
        dmheap_free( holes[i], false );
    memset( byte_was_shown, 0, sizeof byte_was_shown );
    dmheap_visit_blocks( free_what_is_shown, NULL );
    assert_int_equal( stats_now().used_blocks, 0 );
}

static void free_one( void )
{
    dmheap_free( held[interrupts++ % 4], false );
    held[( interrupts - 1 ) % 4] = NULL;
}

static void a_check_survives_blocks_that_are_freed_between_its_steps( void** state )
{
    (void)state;
    for( unsigned i = 0; i < 4; i++ )
    {
        held[i] = dmheap_malloc( 50, "m" );
        assert_non_null( dmheap_malloc( 50, "m" ) );
    }
    interrupts           = 0;
    fixture_interrupt    = free_one;
    dmheap_check_t found = dmheap_check( NULL );
    fixture_interrupt    = NULL;
    assert_int_equal( found, DMHEAP_CHECK_OK );
    assert_true( interrupts > 4 );
}

/* ---- A check that others come between ---- */

static void*    checked[12]; /* blocks of "a" and "b" in turn */
static unsigned disturbance;

static void change_at_the_nth_step( void )
{
    if( !its_turn() ) return;
    switch( disturbance )
    {
    case 0: assert_true( dmheap_retag( checked[4], "b" ) ); break;
    case 1: assert_true( dmheap_retag( checked[11], NULL ) ); break;
    case 2: assert_true( dmheap_retag( checked[0], "new" ) ); break;
    case 3: dmheap_unregister_module( "a" ); break;
    case 4: dmheap_unregister_module( "b" ); break;
    case 5: assert_true( dmheap_rename_module( "a", "b" ) ); break;
    case 6: assert_true( dmheap_rename_module( "a", "a longer name" ) ); break;
    case 7: assert_true( dmheap_rename_module( "b", NULL ) ); break;
    case 8: assert_true( dmheap_set_module_limit( "a", 4 ) ); break;
    case 9: assert_true( dmheap_register_module( "new" ) ); break;
    case 10: dmheap_free( checked[5], false ); break;
    case 11: assert_non_null( dmheap_malloc( 30, "a" ) ); break;
    case 12: assert_non_null( dmheap_realloc( checked[3], 300, NULL ) ); break;
    case 13: assert_non_null( dmheap_realloc( checked[6], 20, NULL ) ); break;
    case 14: assert_non_null( dmheap_aligned_alloc( 256, 100, "new" ) ); break;
    default: assert_null( dmheap_malloc( 100000, "another" ) ); break;
    }
}

enum
{
    DISTURBANCES = 16
};

static void begin_disturbance( void )
{
    assert_true( fixture_heap( 16384, 8, 0 ) );
    for( unsigned i = 0; i < 12; i++ )
        checked[i] = dmheap_malloc( 60 + i * 10, i % 2 ? "a" : "b" );
    dmheap_free( checked[7], false );
    (void)fixture_log();
}

static void a_check_finds_all_well_whatever_others_do_between_its_steps( void** state )
{
    (void)state;
    for( disturbance = 0; disturbance < DISTURBANCES; disturbance++ )
    {
        disturbed = 0;
        EACH_STEP
        {
            begin_disturbance();
            countdown            = step;
            fixture_interrupt    = change_at_the_nth_step;
            dmheap_check_t found = dmheap_check( NULL );
            fixture_interrupt    = NULL;
            assert_int_equal( found, DMHEAP_CHECK_OK );
            assert_valid();
        }
        assert_true( disturbed > 20 );
    }
}

static unsigned checks;

static void check_everything( void )
{
    checks++;
    assert_int_equal( dmheap_check( NULL ), DMHEAP_CHECK_OK );
}

static void a_check_finds_all_well_between_any_two_steps_of_others( void** state )
{
    (void)state;
    for( disturbance = 0; disturbance < DISTURBANCES; disturbance++ )
    {
        begin_disturbance();
        checks            = 0;
        countdown         = 1;
        fixture_interrupt = check_everything;
        change_at_the_nth_step();
        fixture_interrupt = NULL;
        assert_true( checks > 0 );
        assert_valid();
    }
}

/* ---- A module that leaves ---- */

static bool     rename_is_pending;
static unsigned renames_refused;

static void rename_the_leaving_module( void )
{
    if( dmheap_rename_module( "leaving", "thief" ) || dmheap_rename_module( "leaving", "free name" ) ||
        dmheap_rename_module( "leaving", NULL ) || dmheap_rename_module( "thief", "leaving" ) ||
        dmheap_set_module_limit( "leaving", SIZE_MAX ) || dmheap_retag( held[0], "leaving" ) )
        rename_is_pending = true; /* it had left */
    else
        renames_refused++;
}

static void a_module_that_is_being_unregistered_is_not_renamed_and_gives_no_block_away( void** state )
{
    (void)state;
    for( unsigned i = 0; i < 100; i++ )
        assert_non_null( dmheap_malloc( 50, i % 2 ? "leaving" : "thief" ) );
    held[0]           = dmheap_malloc( 8, "owner" );
    rename_is_pending = false;
    renames_refused   = 0;
    fixture_interrupt = rename_the_leaving_module;
    dmheap_unregister_module( "leaving" );
    fixture_interrupt = NULL;
    assert_true( renames_refused > 40 );
    assert_int_equal( live_blocks_of( "free name" ), 0 );
    assert_true( live_blocks_of( "thief" ) + live_blocks_of( "leaving" ) >= 50 );
    assert_int_equal( stats_now().used_blocks, 51 );
    assert_valid();
    release_held();
}

/* Of a module that leaves, the last block: it is the last that the sweep comes to. */
static unsigned char* last_block;
static unsigned       resizes_refused;

static void resize_a_block_of_the_leaving_module( void )
{
    if( dmheap_ctx_of( last_block ) == NULL ) return;
    if( dmheap_realloc( last_block, 400, NULL ) == NULL ) resizes_refused++;
    if( dmheap_realloc( last_block, 30000, NULL ) == NULL ) resizes_refused++; /* only the second heap has that */
    if( dmheap_aligned_realloc( last_block, 512, 30000, NULL ) == NULL ) resizes_refused++;
    assert_int_equal( last_block[99], 0x6B );
}

static void a_block_of_a_module_that_is_being_unregistered_gets_no_more_memory( void** state )
{
    (void)state;
    assert_true( fixture_heap( 16384, 8, 0 ) );
    dmheap_context_t* second = fixture_second_heap( 65536, 8, 0 );
    assert_true( dmheap_ctx_set_default( second, DMHEAP_LAST ) );
    for( unsigned i = 0; i < 30; i++ )
        assert_non_null( dmheap_malloc( 50, i % 2 ? "leaving" : "staying" ) );
    last_block = dmheap_malloc( 100, "leaving" );
    memset( last_block, 0x6B, 100 );
    resizes_refused   = 0;
    fixture_interrupt = resize_a_block_of_the_leaving_module;
    dmheap_ctx_unregister_module( first_context(), "leaving" );
    fixture_interrupt = NULL;
    assert_true( resizes_refused >= 3 * 15 );
    assert_int_equal( stats_of( second ).used_blocks, 0 );
    assert_int_equal( stats_of( second ).modules, 0 );
    assert_int_equal( live_blocks_of( "leaving" ), 0 );
    assert_int_equal( stats_now().failed_allocations, 0 );
    assert_valid();
}

static void shrink_a_block_of_the_leaving_module( void )
{
    size_t size = dmheap_ctx_of( last_block ) != NULL ? dmheap_usable_size( last_block ) : 0;
    if( size < 100 ) return;
    assert_ptr_equal( dmheap_realloc( last_block, size - 32, NULL ), last_block );
    disturbed++;
}

/* What it leaves is freed all the same, or goes to the heir. */
static void a_block_of_a_module_that_is_being_taken_down_can_shrink( void** state )
{
    (void)state;
    for( unsigned merges = 0; merges < 2; merges++ )
    {
        assert_true( fixture_heap( 16384, 8, 0 ) );
        assert_true( dmheap_register_module( "heir" ) );
        for( unsigned i = 0; i < 20; i++ )
            assert_non_null( dmheap_malloc( 50, "leaving" ) );
        last_block        = dmheap_malloc( 2000, "leaving" );
        disturbed         = 0;
        fixture_interrupt = shrink_a_block_of_the_leaving_module;
        if( merges )
            assert_true( dmheap_rename_module( "leaving", "heir" ) );
        else
            dmheap_unregister_module( "leaving" );
        fixture_interrupt = NULL;
        assert_true( disturbed > 10 );
        assert_int_equal( live_blocks_of( "heir" ), merges ? 21 : 0 );
        assert_int_equal( stats_now().used_blocks, merges ? 21 : 0 );
        assert_int_equal( stats_now().modules, 1 );
        assert_valid();
    }
}

/* ---- How often the lock is held ---- */

static void count_interrupt( void )
{
    interrupts++;
}

static unsigned holds_of( void ( *call )( void ) )
{
    (void)fixture_log();
    interrupts        = 0;
    fixture_interrupt = count_interrupt;
    call();
    fixture_interrupt = NULL;
    return interrupts - 2 * fixture_logged( "dmheap: " );
}

static void hold_malloc( void )
{
    held[1] = dmheap_malloc( 20, "known" );
}

static void hold_malloc_of_a_new_name( void )
{
    (void)dmheap_malloc( 20, "new" );
}

static void hold_malloc_for_nobody( void )
{
    (void)dmheap_malloc( 20, NULL );
}

static void hold_free( void )
{
    dmheap_free( held[1], false );
}

static void hold_realloc_in_place( void )
{
    held[0] = dmheap_realloc( held[0], 90, NULL );
}

static void hold_realloc_that_moves( void )
{
    held[0] = dmheap_realloc( held[0], 500, NULL );
    assert_non_null( held[0] );
}

static void hold_unregister_of_an_empty_module( void )
{
    dmheap_unregister_module( "empty" );
}

static void hold_unregister_of_one_block_in_front( void )
{
    dmheap_unregister_module( "early" );
}

static void hold_rename( void )
{
    assert_true( dmheap_rename_module( "known", "renamed" ) );
}

static void the_lock_is_held_so_often_and_no_more_whatever_the_heap_holds( void** state )
{
    /* the most in the first heap, and in each other default heap */
    static const struct
    {
        void ( *call )( void );
        unsigned first, other;
    } rows[] = {
        { hold_malloc, 1, 0 },
        { hold_malloc_of_a_new_name, 2, 0 },
        { hold_malloc_for_nobody, 1, 0 },
        { hold_realloc_in_place, 1, 0 },
        { hold_realloc_that_moves, 4, 0 },
        { hold_free, 1, 0 },
        { hold_unregister_of_an_empty_module, 3, 1 },
        { hold_unregister_of_one_block_in_front, 5, 1 },
        { hold_rename, 4, 2 },
    };
    (void)state;
    for( unsigned blocks = 0; blocks <= 1000; blocks += 500 )
        for( unsigned heaps = 0; heaps < 3; heaps++ )
        {
            assert_true( fixture_heap( 131072, 8, 0 ) );
            dmheap_context_t* second = heaps > 0 ? fixture_second_heap( 16384, 8, 0 ) : NULL;
            dmheap_context_t* third  = NULL;
            if( heaps > 0 ) assert_true( dmheap_ctx_set_default( second, DMHEAP_LAST ) );
            if( heaps > 1 ) third = dmheap_ctx_init( fixture_second_buffer() + 65536, 16384, 8, NULL );
            assert_non_null( dmheap_malloc( 20, "early" ) );
            held[0] = dmheap_malloc( 106, "known" );
            assert_true( dmheap_register_module( "empty" ) );
            for( unsigned i = 0; i < blocks + 1; i++ )
                assert_non_null( dmheap_malloc( 30, i % 2 ? "other" : NULL ) );
            hold_malloc(); /* the hint has the name that was asked for last */
            for( unsigned row = 0; row < sizeof rows / sizeof *rows; row++ )
            {
                unsigned times = holds_of( rows[row].call );
                assert_true( times >= 1 && times <= rows[row].first + heaps * rows[row].other );
            }
            assert_valid();
            if( third != NULL ) assert_true( dmheap_ctx_deinit( third ) );
            memset( held, 0, sizeof held );
            (void)fixture_log();
        }
}

static void take_down_second( void )
{
    if( its_turn() ) dmheap_ctx_deinit( dmheap_ctx_find( "second" ) );
}

static void a_heap_taken_down_during_a_walk_ends_the_walk( void** state )
{
    (void)state;
    EACH_STEP
    {
        unsigned          count  = 0;
        dmheap_context_t* second = fixture_second_heap( 4096, 8, 0 );
        for( unsigned i = 0; i < 20; i++ )
            dmheap_ctx_malloc( second, 20, "m" );
        countdown         = step;
        fixture_interrupt = take_down_second;
        dmheap_ctx_visit_blocks( second, count_block, &count );
        dmheap_ctx_unregister_module( second, "m" );
        (void)dmheap_ctx_malloc( second, 10, "n" );
        fixture_interrupt = NULL;
        assert_valid();
        if( dmheap_ctx_find( "second" ) != NULL ) dmheap_ctx_deinit( second );
        (void)fixture_log();
    }
}

static size_t anew_size, anew_alignment;

static void make_second_anew( void )
{
    if( !its_turn() ) return;
    assert_true( dmheap_ctx_deinit( dmheap_ctx_find( "second" ) ) );
    assert_non_null( fixture_second_heap( anew_size, anew_alignment, 0 ) );
}

static void a_check_of_a_heap_that_is_made_anew_meanwhile_finds_all_well( void** state )
{
    (void)state;
    for( unsigned i = 0; i < 4; i++ )
    {
        anew_size      = i & 1 ? 8192 : 2048;
        anew_alignment = i & 2 ? 16 : 8;
        disturbed      = 0;
        EACH_STEP
        {
            dmheap_context_t* second = fixture_second_heap( 4096, 8, 0 );
            void*             block  = dmheap_ctx_malloc( second, 3000, "m" );
            assert_non_null( dmheap_ctx_malloc( second, 100, "m" ) );
            dmheap_ctx_free( second, block, false );
            countdown         = step;
            fixture_interrupt = make_second_anew;
            assert_int_equal( dmheap_ctx_check( second, NULL ), DMHEAP_CHECK_OK );
            fixture_interrupt = NULL;
            assert_int_equal( fixture_logged( "[ERROR]" ), 0 );
            assert_true( dmheap_ctx_deinit( second ) );
            (void)fixture_log();
        }
        assert_true( disturbed > 20 );
    }
}

int test_steps( void )
{
    const struct CMUnitTest tests[] = {
        HEAP_TEST( a_realloc_that_moves_lets_interrupts_use_the_heap ),
        HEAP_TEST( an_unregister_in_progress_refuses_its_module_and_no_other ),
        HEAP_TEST( the_peak_of_a_module_that_leaves_is_what_it_holds ),
        HEAP_TEST( a_check_holds_the_lock_for_few_granules_at_a_time ),
        HEAP_TEST( unregister_holds_the_lock_for_few_blocks_at_a_time ),
        HEAP_TEST( unregister_passes_over_few_blocks_of_others_at_a_time ),
        HEAP_TEST( a_sweep_does_not_take_a_payload_for_blocks ),
        HEAP_TEST( a_walk_does_not_take_a_payload_for_blocks ),
        HEAP_TEST( a_module_unregistered_while_its_block_moves_leaves_nothing_behind ),
        HEAP_TEST( a_block_that_moves_while_its_module_is_merged_goes_to_the_heir ),
        HEAP_TEST( a_merge_in_progress_refuses_its_module ),
        HEAP_TEST( a_rename_to_an_heir_that_is_leaving_is_refused_and_keeps_all_blocks ),
        HEAP_TEST( an_heir_unregistered_during_a_merge_takes_all_with_it ),
        HEAP_TEST( an_heir_merged_during_a_merge_takes_all_with_it ),
        HEAP_TEST( a_merge_goes_to_its_heir_whatever_other_module_leaves ),
        HEAP_TEST( a_merge_whose_heir_has_gone_frees_nothing ),
        HEAP_TEST( two_registrations_of_one_name_become_one_module ),
        HEAP_TEST( an_allocation_whose_module_leaves_after_each_step_leaves_nothing_behind ),
        HEAP_TEST( a_rename_to_a_name_that_comes_and_goes_ends ),
        HEAP_TEST( walks_survive_changes_between_their_steps ),
        HEAP_TEST( no_byte_is_shown_twice_to_a_visitor_who_frees ),
        HEAP_TEST( a_check_survives_blocks_that_are_freed_between_its_steps ),
        HEAP_TEST( a_check_finds_all_well_whatever_others_do_between_its_steps ),
        HEAP_TEST( a_check_finds_all_well_between_any_two_steps_of_others ),
        HEAP_TEST( a_module_that_is_being_unregistered_is_not_renamed_and_gives_no_block_away ),
        HEAP_TEST( a_block_of_a_module_that_is_being_unregistered_gets_no_more_memory ),
        HEAP_TEST( a_block_of_a_module_that_is_being_taken_down_can_shrink ),
        HEAP_TEST( the_lock_is_held_so_often_and_no_more_whatever_the_heap_holds ),
        HEAP_TEST( a_heap_taken_down_during_a_walk_ends_the_walk ),
        HEAP_TEST( a_check_of_a_heap_that_is_made_anew_meanwhile_finds_all_well ),
    };
    return cmocka_run_group_tests_name( "steps", tests, NULL, NULL );
}
