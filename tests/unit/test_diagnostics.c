/*
 * Why memory is refused: the hook, the counts by reason, and starting figures anew; reports, and marks. Built with
 * DMHEAP_DIAGNOSTICS.
 */
#include "unit.h"

#include <limits.h>
#include <stdlib.h>

enum
{
    ROOM = 8192
};

static struct
{
    unsigned         calls;
    dmheap_refusal_t last;
    char             module[DMHEAP_NAME_SIZE];
    bool             locked;
    bool             again; /* what the hook answers */
    void*            spare; /* what it frees first */
    size_t           asks;  /* what it asks for itself, 0: nothing */
} hook;

static bool refused( const dmheap_refusal_t* refusal, void* user )
{
    assert_ptr_equal( user, &hook );
    hook.calls++;
    hook.last   = *refusal;
    hook.locked = fixture_is_locked();
    (void)snprintf( hook.module, sizeof hook.module, "%s", refusal->module != NULL ? refusal->module : "" );
    if( hook.asks != 0 ) assert_null( dmheap_malloc( hook.asks, "inside" ) );
    dmheap_free( hook.spare, false );
    hook.spare = NULL;
    return hook.again;
}

static int heap_with_hook( void** state )
{
    (void)state;
    memset( &hook, 0, sizeof hook );
    assert_true( fixture_heap( ROOM, 8, 0 ) );
    dmheap_set_refusal_hook( refused, &hook );
    return 0;
}

static int without_hook( void** state )
{
    (void)state;
    assert_valid();
    dmheap_set_refusal_hook( NULL, NULL );
    fixture_no_heap();
    return 0;
}

static dmheap_refusals_t refusals_of( dmheap_context_t* context )
{
    dmheap_refusals_t refusals;
    assert_true( dmheap_ctx_get_refusals( context, &refusals ) );
    return refusals;
}

static size_t largest( void )
{
    return stats_now().largest_free_block;
}

static void the_hook_is_told_what_is_refused( void** state )
{
    (void)state;
    assert_true( dmheap_register_module( "net" ) );
    void* kept = dmheap_malloc( largest() - 40, "net" );
    assert_non_null( kept );
    (void)fixture_log();
    assert_null( dmheap_aligned_alloc( 64, 3000, "net" ) );
    assert_int_equal( hook.calls, 1 );
    assert_false( hook.locked );
    assert_int_equal( hook.last.size, 3000 );
    assert_int_equal( hook.last.alignment, 64 );
    assert_string_equal( hook.module, "net" );
    assert_int_equal( hook.last.reason, DMHEAP_REASON_NO_MEMORY );
    assert_int_equal( fixture_logged( "[ERROR]" ), 1 );
    assert_null( dmheap_realloc( kept, ROOM, NULL ) );
    assert_int_equal( hook.calls, 2 );
    assert_string_equal( hook.module, "net" );
    assert_int_equal( stats_now().failed_allocations, 2 );
}

/* Each way to ask for memory: what the hook frees is had in the second try, and nobody has seen a refusal. */
static void what_the_hook_frees_is_granted( void** state )
{
    (void)state;
    dmheap_module_t handle = dmheap_module_open( "m" );
    assert_true( dmheap_register_module( "cache" ) );
    for( unsigned way = 0; way < 5; way++ )
    {
        void* small = dmheap_malloc( 16, "m" );
        hook.spare  = dmheap_malloc( largest(), "cache" );
        hook.again  = true;
        hook.calls  = 0;
        assert_non_null( hook.spare );
        (void)fixture_log();
        void* had = way == 0   ? dmheap_malloc( 2000, "m" )
                    : way == 1 ? dmheap_realloc( small, 2000, "m" )
                    : way == 2 ? dmheap_module_malloc( handle, 2000 )
                    : way == 3 ? dmheap_calloc( 20, 100, "newcomer" )
                               : dmheap_module_realloc( handle, small, 2000 );
        assert_non_null( had );
        assert_int_equal( hook.calls, 1 );
        assert_int_equal( fixture_logged( "[ERROR]" ), 0 );
        assert_int_equal( stats_now().failed_allocations, 0 );
        dmheap_unregister_module( "newcomer" );
        dmheap_free( had, false );
        if( had != small && way != 1 && way != 4 ) dmheap_free( small, false );
    }
}

static void the_hook_is_asked_once_a_request( void** state )
{
    (void)state;
    hook.again = true;
    assert_null( dmheap_malloc( ROOM, "m" ) );
    assert_int_equal( hook.calls, 1 );
    assert_int_equal( stats_now().failed_allocations, 1 );
    assert_int_equal( fixture_logged( "out of memory" ), 1 );
}

static void a_refusal_inside_of_the_hook_does_not_call_it( void** state )
{
    (void)state;
    hook.asks = ROOM;
    assert_null( dmheap_malloc( ROOM, "m" ) );
    assert_int_equal( hook.calls, 1 );
    assert_int_equal( fixture_logged( "out of memory" ), 2 );
    assert_null( dmheap_malloc( ROOM, "m" ) );
    assert_int_equal( hook.calls, 2 );
}

static void wrong_arguments_do_not_call_the_hook( void** state )
{
    (void)state;
    assert_null( dmheap_aligned_alloc( 3, 10, "m" ) );
    assert_null( dmheap_realloc( &hook, 10, "m" ) );
    assert_null( dmheap_calloc( SIZE_MAX, 2, "m" ) );
    assert_int_equal( hook.calls, 0 );
}

static void each_reason_is_counted( void** state )
{
    (void)state;
    dmheap_context_t* context = first_context();
    void*             hole    = dmheap_malloc( 1000, NULL );
    assert_non_null( dmheap_malloc( 10, NULL ) );
    void* other = dmheap_malloc( 1000, NULL );
    assert_non_null( dmheap_malloc( largest(), NULL ) );
    dmheap_free( hole, false );
    dmheap_free( other, false );
    assert_null( dmheap_malloc( 1500, NULL ) );
    assert_int_equal( hook.last.reason, DMHEAP_REASON_FRAGMENTED );
    assert_null( dmheap_malloc( 5000, NULL ) );
    assert_int_equal( hook.last.reason, DMHEAP_REASON_NO_MEMORY );
    assert_true( dmheap_set_module_limit( "m", 100 ) );
    assert_null( dmheap_malloc( 200, "m" ) );
    assert_int_equal( hook.last.reason, DMHEAP_REASON_LIMIT );
    dmheap_refusals_t refusals = refusals_of( context );
    assert_int_equal( refusals.count[DMHEAP_REASON_FRAGMENTED], 1 );
    assert_int_equal( refusals.count[DMHEAP_REASON_NO_MEMORY], 1 );
    assert_int_equal( refusals.count[DMHEAP_REASON_LIMIT], 1 );
    assert_int_equal( refusals.count[DMHEAP_REASON_TABLE_FULL], 0 );
    assert_int_equal( refusals.largest_size, 5000 );
    assert_int_equal( refusals.served_for_others, 0 );
    assert_null( dmheap_aligned_alloc( 64, 2 * ROOM, NULL ) ); /* that no heap of this size ever has */
    assert_int_equal( hook.last.reason, DMHEAP_REASON_NO_MEMORY );
}

static void a_full_table_is_a_reason( void** state )
{
    (void)state;
    assert_true( fixture_heap( 65536, 8, 0 ) );
    char name[8];
    for( unsigned i = 0; i < DMHEAP_MAX_MODULES; i++ )
    {
        (void)snprintf( name, sizeof name, "%u", i );
        assert_true( dmheap_register_module( name ) );
    }
    assert_null( dmheap_malloc( 10, "one more" ) );
    assert_int_equal( hook.last.reason, DMHEAP_REASON_TABLE_FULL );
    assert_int_equal( refusals_of( first_context() ).count[DMHEAP_REASON_TABLE_FULL], 1 );
}

static void the_heap_that_serves_for_another_is_known( void** state )
{
    (void)state;
    dmheap_context_t* second = fixture_second_heap( ROOM, 8, 0 );
    assert_true( dmheap_ctx_set_default( second, DMHEAP_LAST ) );
    assert_non_null( dmheap_malloc( 5000, "m" ) );
    void* there = dmheap_malloc( 5000, "m" );
    assert_ptr_equal( dmheap_ctx_of( there ), second );
    assert_int_equal( refusals_of( first_context() ).count[DMHEAP_REASON_NO_MEMORY], 1 );
    assert_int_equal( refusals_of( first_context() ).served_for_others, 0 );
    assert_int_equal( refusals_of( second ).served_for_others, 1 );
    assert_int_equal( hook.calls, 0 );
    dmheap_free( there, false );
    void* moves = dmheap_malloc( 100, "m" );
    assert_ptr_equal( dmheap_ctx_of( dmheap_realloc( moves, 4000, "m" ) ), second );
    assert_int_equal( refusals_of( second ).served_for_others, 2 );
    assert_int_equal( refusals_of( first_context() ).largest_size, 5000 );
}

static void each_heap_counts_its_own_reason( void** state )
{
    (void)state;
    dmheap_context_t* second = fixture_second_heap( ROOM, 8, 0 );
    assert_true( dmheap_ctx_set_default( second, DMHEAP_LAST ) );
    assert_non_null( dmheap_malloc( largest(), NULL ) );
    void* hole = dmheap_ctx_malloc( second, 2500, NULL );
    assert_non_null( dmheap_ctx_malloc( second, 10, NULL ) );
    void* other = dmheap_ctx_malloc( second, 2500, NULL );
    fill_up( second );
    dmheap_free( hole, false );
    dmheap_free( other, false );
    dmheap_refusals_t before = refusals_of( second );
    assert_null( dmheap_malloc( 4000, NULL ) );
    assert_int_equal( refusals_of( second ).count[DMHEAP_REASON_FRAGMENTED],
                      before.count[DMHEAP_REASON_FRAGMENTED] + 1 );
    assert_int_equal( refusals_of( first_context() ).count[DMHEAP_REASON_FRAGMENTED], 0 );
}

static bool takes_all( const dmheap_refusal_t* refusal, void* user )
{
    (void)refusal;
    (void)user;
    return dmheap_malloc( largest(), NULL ) != NULL;
}

static void what_is_free_in_the_second_try_is_said( void** state )
{
    (void)state;
    void* block = dmheap_malloc( 100, "m" );
    dmheap_set_refusal_hook( takes_all, NULL );
    assert_null( dmheap_realloc( block, ROOM, NULL ) );
    assert_int_equal( fixture_logged( "largest free block is 0 bytes." ), 1 );
}

static void a_handles_heap_refuses_a_request_once( void** state )
{
    (void)state;
    dmheap_context_t* second = fixture_second_heap( ROOM, 8, 0 );
    dmheap_module_t   handle = dmheap_module_open( "m" );
    assert_true( dmheap_ctx_set_default( second, DMHEAP_LAST ) );
    assert_null( dmheap_module_malloc( handle, ROOM ) );
    assert_int_equal( refusals_of( first_context() ).count[DMHEAP_REASON_NO_MEMORY], 1 );
    assert_int_equal( refusals_of( second ).count[DMHEAP_REASON_NO_MEMORY], 1 );
}

static void a_heap_that_is_made_anew_has_refused_nothing( void** state )
{
    (void)state;
    assert_null( dmheap_malloc( ROOM, "m" ) );
    assert_true( fixture_heap( ROOM, 8, 0 ) );
    assert_int_equal( refusals_of( first_context() ).count[DMHEAP_REASON_NO_MEMORY], 0 );
    assert_int_equal( refusals_of( first_context() ).largest_size, 0 );
}

/* Not why the last one has, which may be another reason. */
static void the_reason_is_that_of_the_heap_that_was_asked_first( void** state )
{
    (void)state;
    dmheap_context_t* second = fixture_second_heap( 2 * ROOM, 8, 0 );
    assert_true( dmheap_ctx_set_default( second, DMHEAP_LAST ) );
    assert_true( dmheap_ctx_set_module_limit( second, "m", 1000 ) );
    void* block = dmheap_malloc( 100, "m" );
    assert_null( dmheap_malloc( ROOM, "m" ) );
    assert_int_equal( hook.calls, 1 );
    assert_int_equal( hook.last.reason, DMHEAP_REASON_NO_MEMORY );
    assert_null( dmheap_realloc( block, ROOM, "m" ) );
    assert_int_equal( hook.calls, 2 );
    assert_int_equal( hook.last.reason, DMHEAP_REASON_NO_MEMORY );
    assert_true( dmheap_ctx_set_default( second, 0 ) );
    assert_null( dmheap_malloc( ROOM, "m" ) );
    assert_int_equal( hook.last.reason, DMHEAP_REASON_LIMIT );
}

/* What a request is for may be gone in its second try. */
static void what_the_hook_takes_away_is_refused( void** state )
{
    (void)state;
    assert_non_null( fixture_second_heap( ROOM, 8, 0 ) );
    void* block = dmheap_malloc( 100, "m" );
    hook.again  = true;
    hook.spare  = block;
    (void)fixture_log();
    assert_null( dmheap_realloc( block, ROOM, NULL ) );
    assert_int_equal( hook.calls, 1 );
    assert_int_equal( fixture_logged( "freed already" ) + fixture_logged( "in no heap" ), 1 );
    assert_int_equal( stats_now().failed_allocations, 0 );
}

static void* room;

static bool takes_second_down( const dmheap_refusal_t* refusal, void* user )
{
    (void)refusal;
    (void)user;
    dmheap_free( room, false );
    return dmheap_ctx_deinit( second_context() );
}

static void a_handle_that_the_hook_makes_stale_is_refused( void** state )
{
    (void)state;
    dmheap_context_t* second = fixture_second_heap( ROOM, 8, 0 );
    dmheap_module_t   handle = dmheap_ctx_module_open( second, "m" );
    room                     = dmheap_malloc( largest() - 40, NULL );
    assert_non_null( dmheap_ctx_malloc( second, ROOM / 2, NULL ) );
    dmheap_set_refusal_hook( takes_second_down, NULL );
    (void)fixture_log();
    assert_null( dmheap_module_malloc( handle, ROOM / 2 ) );
    assert_int_equal( fixture_logged( "no longer valid" ), 1 );
    assert_int_equal( stats_now().modules, 0 );
    second = fixture_second_heap( ROOM, 8, 0 );
    room   = NULL;
    assert_null( dmheap_ctx_malloc( second, ROOM, NULL ) );
    assert_int_equal( fixture_logged( "No heap here" ), 1 );
}

static void figures_of_a_heap_start_anew( void** state )
{
    (void)state;
    dmheap_module_stats_t stats;
    void*                 kept = dmheap_malloc( 100, "m" );
    dmheap_free( dmheap_malloc( 3000, "m" ), false );
    dmheap_free( dmheap_malloc( 3000, NULL ), false );
    assert_null( dmheap_malloc( ROOM, "m" ) );
    assert_true( dmheap_ctx_restart_figures( first_context() ) );
    dmheap_stats_t now = stats_now();
    assert_int_equal( now.failed_allocations, 0 );
    assert_true( now.peak_used_bytes < 1000 );
    assert_int_equal( refusals_of( first_context() ).count[DMHEAP_REASON_NO_MEMORY], 0 );
    assert_true( dmheap_get_module_stats( "m", &stats ) );
    assert_int_equal( stats.peak_bytes, stats.live_bytes );
    assert_valid();
    dmheap_free( kept, false );
    assert_true( dmheap_get_module_stats( "m", &stats ) );
    assert_true( stats.peak_bytes > stats.live_bytes );
}

static void the_peak_of_a_module_starts_anew( void** state )
{
    (void)state;
    dmheap_module_stats_t m, n;
    dmheap_free( dmheap_malloc( 3000, "m" ), false );
    dmheap_free( dmheap_malloc( 3000, "n" ), false );
    assert_true( dmheap_set_module_limit( "m", 5000 ) );
    assert_true( dmheap_restart_module_peak( "m" ) );
    assert_true( dmheap_get_module_stats( "m", &m ) );
    assert_true( dmheap_get_module_stats( "n", &n ) );
    assert_int_equal( m.peak_bytes, 0 );
    assert_int_equal( m.limit_bytes, 5000 );
    assert_true( n.peak_bytes >= 3000 );
    assert_valid();
    dmheap_free( dmheap_malloc( 2000, "m" ), false );
    assert_true( dmheap_get_module_stats( "m", &m ) );
    assert_true( m.peak_bytes >= 2000 && m.peak_bytes < 2100 );
}

static void the_peak_of_a_module_starts_anew_in_every_heap( void** state )
{
    (void)state;
    dmheap_context_t* second = fixture_second_heap( ROOM, 8, 0 );
    dmheap_free( dmheap_malloc( 3000, "m" ), false );
    dmheap_ctx_free( second, dmheap_ctx_malloc( second, 3000, "m" ), false );
    assert_true( dmheap_restart_module_peak( "m" ) );
    assert_int_equal( module_in( first_context(), "m" ).peak_bytes, 0 );
    assert_int_equal( module_in( second, "m" ).peak_bytes, 0 );
}

static void start_figures_anew( void )
{
    assert_true( dmheap_ctx_restart_figures( first_context() ) );
    (void)dmheap_restart_module_peak( "old" );
}

static void blocks_reach_their_new_owner_although_figures_start_anew( void** state )
{
    (void)state;
    assert_true( dmheap_register_module( "new" ) );
    for( unsigned i = 0; i < 30; i++ )
        assert_non_null( dmheap_malloc( 40, "old" ) );
    fixture_interrupt = start_figures_anew;
    assert_true( dmheap_rename_module( "old", "new" ) );
    fixture_interrupt = NULL;
    assert_int_equal( module_in( first_context(), "new" ).live_blocks, 30 );
}

static unsigned countdown;

static void start_figures_anew_at_the_nth_step( void )
{
    if( countdown != 0 && --countdown == 0 ) start_figures_anew();
}

/* What the call took for a moment was no peak, and figures that started anew meanwhile stay so. */
static void figures_that_start_anew_during_a_rename_that_is_refused_are_those_of_now( void** state )
{
    (void)state;
    char              name[NAME_ROOM];
    dmheap_context_t* second    = fixture_second_heap( ROOM, 8, 0 );
    unsigned          disturbed = 0;
    assert_true( dmheap_register_module( "m" ) );
    assert_true( dmheap_ctx_register_module( second, "m" ) );
    fill_up( second );
    EACH_STEP
    {
        dmheap_free( dmheap_malloc( 3000, NULL ), false );
        countdown         = step;
        fixture_interrupt = start_figures_anew_at_the_nth_step;
        assert_false( dmheap_rename_module( "m", name_of( name, NAME_MOST ) ) );
        fixture_interrupt = NULL;
        if( countdown != 0 ) break;
        size_t peak = stats_of( first_context() ).peak_used_bytes;
        start_figures_anew();
        assert_int_equal( peak, stats_of( first_context() ).peak_used_bytes );
        disturbed++;
    }
    assert_true( disturbed >= 3 );
}

static void what_is_no_heap_or_no_module_is_refused( void** state )
{
    (void)state;
    dmheap_refusals_t refusals;
    dmheap_context_t* none = (dmheap_context_t*)(void*)&hook;
    assert_refused( assert_false( dmheap_ctx_get_refusals( none, &refusals ) ), "No heap here" );
    assert_refused( assert_false( dmheap_ctx_get_refusals( NULL, &refusals ) ), "No heap here" );
    assert_refused( assert_false( dmheap_ctx_get_refusals( first_context(), NULL ) ), "NULL" );
    assert_refused( assert_false( dmheap_ctx_restart_figures( none ) ), "No heap here" );
    assert_refused( assert_false( dmheap_restart_module_peak( NULL ) ), "Invalid module name" );
    assert_false( dmheap_restart_module_peak( "unknown" ) );
    assert_int_equal( fixture_logged( "Module unknown is not registered" ), 1 );
}

/* The block would fit, what the heap has to note of a new module would not. */
static void a_new_module_that_finds_no_room_beside_its_block_is_no_fragmentation( void** state )
{
    (void)state;
    size_t largest = stats_now().largest_free_block;
    assert_null( dmheap_malloc( largest, "new" ) );
    assert_int_equal( hook.last.reason, DMHEAP_REASON_NO_MEMORY );
    assert_int_equal( refusals_of( first_context() ).count[DMHEAP_REASON_NO_MEMORY], 1 );
    assert_int_equal( refusals_of( first_context() ).count[DMHEAP_REASON_FRAGMENTED], 0 );
    assert_non_null( dmheap_malloc( largest, NULL ) );
}

/* ---- Reports ---- */

static struct
{
    char     text[16384];
    unsigned length;
    unsigned widest; /* columns of a piece */
    bool     locked;
} printed;

static void print_alone( const char* text, void* user )
{
    size_t length = strlen( text );
    assert_ptr_equal( user, &printed );
    assert_true( printed.length + length < sizeof printed.text );
    memcpy( printed.text + printed.length, text, length + 1 );
    printed.length += (unsigned)length;
    printed.locked |= fixture_is_locked();
    if( length - ( text[length - 1] == '\n' ) > printed.widest ) printed.widest = (unsigned)length;
}

static void print( const char* text, void* user )
{
    print_alone( text, user );
    dmheap_free( dmheap_malloc( 8, "net" ), false ); /* it may use the heap */
}

static const char* after( const char* text )
{
    const char* found = strstr( printed.text, text );
    assert_non_null( found );
    return found + strlen( text );
}

static void make_a_heap_to_show( void )
{
    char long_name[NAME_ROOM];
    assert_non_null( dmheap_malloc( 1000, "net" ) );
    void* hole = dmheap_malloc( 300, "net" );
    assert_non_null( dmheap_aligned_alloc( 256, 500, name_of( long_name, NAME_MOST ) ) );
    assert_non_null( dmheap_malloc( 50, NULL ) );
    dmheap_free( hole, false );
    memset( &printed, 0, sizeof printed );
}

static void a_report_shows_who_holds_what( void** state )
{
    (void)state;
    dmheap_module_stats_t net;
    make_a_heap_to_show();
    assert_true( dmheap_report( print, &printed ) );
    assert_true( printed.widest <= 80 );
    assert_false( printed.locked );
    assert_true( dmheap_get_module_stats( "net", &net ) );
    assert_int_equal( strtoul( after( "\nnet" ), NULL, 10 ), net.live_bytes );
    assert_non_null( strstr( printed.text, "nn..nn" ) );
    assert_valid();
    printed.length = 0;
    assert_true( dmheap_ctx_report( first_context(), print, &printed ) );
    assert_int_equal( strtoul( after( "\nnet" ), NULL, 10 ), net.live_bytes );
}

static void a_report_for_programs_says_the_same( void** state )
{
    (void)state;
    make_a_heap_to_show();
    assert_true( dmheap_ctx_report_json( first_context(), print, &printed ) );
    dmheap_stats_t now = stats_now();
    assert_int_equal( strtoul( after( "\"size\":" ), NULL, 10 ), now.heap_size );
    assert_int_equal( strtoul( after( "\"used\":" ), NULL, 10 ), now.used_bytes );
    assert_int_equal( strtoul( after( "\"free\":" ), NULL, 10 ), now.free_bytes );
    int depth = 0;
    for( const char* c = printed.text; *c != '\0'; c++ )
    {
        depth += *c == '{' ? 1 : *c == '}' ? -1 : 0;
        assert_true( depth >= 0 && ( *c != '\n' || depth == 0 ) ); /* an object a line */
    }
    assert_int_equal( depth, 0 );
}

/* What a program reads of the default heap. */
static void report_json( void )
{
    memset( &printed, 0, sizeof printed );
    assert_true( dmheap_ctx_report_json( first_context(), print_alone, &printed ) );
}

/* The next line from here on that has this member; NULL: there is none. */
static const char* line_with( const char* from, const char* member )
{
    const char* found = strstr( from, member );
    while( found != NULL && found != printed.text && found[-1] != '\n' )
        found--;
    return found;
}

static const char* line_behind( const char* line )
{
    return line + strcspn( line, "\n" ) + 1;
}

/* A number in a line. */
static unsigned long member_of( const char* line, const char* key )
{
    char quoted[40];
    (void)snprintf( quoted, sizeof quoted, "\"%s\":", key );
    const char* found = strstr( line, quoted );
    assert_true( found != NULL && found < line_behind( line ) );
    found += strlen( quoted );
    return *found == '"' ? strtoul( found + 1, NULL, 16 ) : strtoul( found, NULL, 10 );
}

static void all_figures_of_a_heap_are_told_to_programs( void** state )
{
    (void)state;
    make_a_heap_to_show();
    for( unsigned i = 0; i < 7; i++ )
        assert_null( dmheap_malloc( ROOM, NULL ) );
    dmheap_stats_t now = stats_now();
    report_json();
    const char* heap = line_with( printed.text, "\"kind\":\"heap\"" );
    assert_int_equal( member_of( heap, "size" ), now.heap_size );
    assert_int_equal( member_of( heap, "used" ), now.used_bytes );
    assert_int_equal( member_of( heap, "peak" ), now.peak_used_bytes );
    assert_int_equal( member_of( heap, "free" ), now.free_bytes );
    assert_int_equal( member_of( heap, "largest" ), now.largest_free_block );
    assert_int_equal( member_of( heap, "modules" ), now.modules );
    assert_int_equal( member_of( heap, "overhead" ), now.overhead_bytes );
    assert_int_equal( member_of( heap, "used_blocks" ), now.used_blocks );
    assert_int_equal( member_of( heap, "free_blocks" ), now.free_blocks );
    assert_int_equal( member_of( heap, "failed" ), 7 );
}

static bool note_largest_free( const dmheap_block_info_t* block, void* user )
{
    size_t* bytes = user;
    if( block->use == DMHEAP_BLOCK_FREE && block->block_bytes > *bytes ) *bytes = block->block_bytes;
    return true;
}

static void fragmented_is_what_the_largest_free_block_is_not( void** state )
{
    (void)state;
    void* holes[20];
    for( unsigned i = 0; i < 20; i++ )
    {
        holes[i] = dmheap_malloc( 100, NULL );
        assert_non_null( dmheap_malloc( 8, NULL ) );
    }
    for( unsigned i = 0; i < 20; i++ )
    {
        size_t bytes = 0;
        dmheap_free( holes[i], false );
        dmheap_visit_blocks( note_largest_free, &bytes );
        size_t free = stats_now().free_bytes;
        report_json();
        assert_int_equal( member_of( printed.text, "fragmented" ), 100 - ( bytes * 100 + free / 2 ) / free );
    }
}

static void a_heap_without_free_memory_is_not_fragmented( void** state )
{
    (void)state;
    assert_non_null( dmheap_malloc( largest(), NULL ) );
    assert_int_equal( stats_now().free_bytes, 0 );
    report_json();
    assert_int_equal( member_of( printed.text, "fragmented" ), 0 );
}

/* Of all that is not free, in percent of the heap. */
static void shares_are_of_the_whole_heap_and_rounded( void** state )
{
    (void)state;
    void* block = dmheap_malloc( 8, "m" );
    for( size_t size = 100; size < 2000; size += 100 )
    {
        block = dmheap_realloc( block, size, NULL );
        report_json();
        unsigned    lines = 0;
        long        heap  = (long)stats_now().heap_size;
        const char* line  = printed.text;
        for( ; ( line = line_with( line, "\"share\":" ) ) != NULL; line = line_behind( line ), lines++ )
        {
            long off = (long)member_of( line, "share" ) * heap - 100 * (long)member_of( line, "bytes" );
            assert_true( labs( off ) <= heap / 2 + 200 );
        }
        assert_int_equal( lines, 3 ); /* nobody, the module, the heap's own */
    }
}

static void assert_figures_told( const char* line, const dmheap_module_stats_t* stats )
{
    assert_non_null( line );
    assert_int_equal( member_of( line, "bytes" ), stats->live_bytes );
    assert_int_equal( member_of( line, "blocks" ), stats->live_blocks );
    assert_int_equal( member_of( line, "peak" ), stats->peak_bytes );
}

/* Those that hold most come first, nobody among them. */
static void what_each_module_holds_is_told_to_programs( void** state )
{
    (void)state;
    static const char* const names[] = { "much", "little", "nothing" };
    dmheap_free( dmheap_malloc( 2000, NULL ), false );
    assert_non_null( dmheap_malloc( 200, "little" ) );
    assert_non_null( dmheap_malloc( 300, NULL ) );
    assert_non_null( dmheap_malloc( 500, "much" ) );
    dmheap_free( dmheap_malloc( 700, "nothing" ), false );
    report_json();
    const char* line = printed.text;
    for( unsigned i = 0; i < 3; i++ )
    {
        dmheap_module_stats_t stats = module_in( first_context(), names[i] );
        line                        = line_with( line_behind( line ), "\"kind\":\"module\"" );
        assert_figures_told( line, &stats );
        assert_true( line_with( line, names[i] ) == line );
    }
    const char* nobody = line_with( printed.text, "\"kind\":\"nobody\"" );
    assert_true( nobody > line_with( printed.text, "much" ) && nobody < line_with( printed.text, "little" ) );
    assert_true( member_of( nobody, "peak" ) >= 2000 );
    assert_int_equal( member_of( line_with( line, "\"kind\":\"own\"" ), "bytes" ), stats_now().overhead_bytes );
    assert_true( dmheap_ctx_restart_figures( first_context() ) );
    report_json();
    nobody = line_with( printed.text, "\"kind\":\"nobody\"" );
    assert_int_equal( member_of( nobody, "peak" ), member_of( nobody, "bytes" ) );
}

static void what_a_new_module_gets_is_no_peak_of_nobodys( void** state )
{
    (void)state;
    assert_non_null( dmheap_malloc( 100, NULL ) );
    assert_non_null( dmheap_malloc( 1000, "new" ) );
    report_json();
    const char* nobody = line_with( printed.text, "\"kind\":\"nobody\"" );
    assert_int_equal( member_of( nobody, "peak" ), member_of( nobody, "bytes" ) );
}

static unsigned leaving_shown;

static void report_meanwhile( void )
{
    memset( &printed, 0, sizeof printed );
    assert_true( dmheap_ctx_report( first_context(), print_alone, &printed ) );
    leaving_shown += strstr( printed.text, " leaving\n" ) != NULL;
}

static void limits_are_shown_as_they_are( void** state )
{
    (void)state;
    assert_true( dmheap_set_module_limit( "m", 1000 ) );
    report_json();
    assert_int_equal( member_of( line_with( printed.text, "\"name\":\"m\"" ), "limit" ), 1000 );
    assert_non_null( strstr( printed.text, "\"limit\":null" ) ); /* nobody's */
    assert_non_null( dmheap_malloc( 100, "m" ) );
    leaving_shown     = 0;
    fixture_interrupt = report_meanwhile;
    dmheap_unregister_module( "m" );
    fixture_interrupt = NULL;
    assert_true( leaving_shown != 0 );
}

static void names_are_printable_and_whole_for_programs( void** state )
{
    (void)state;
    assert_true( dmheap_register_module( "a\"b\\c\x01\x7f\xe9z" ) );
    report_json();
    assert_non_null( strstr( printed.text, "\"a\\\"b\\\\c\\u0001\\u007f\\u00e9z\"" ) );
    report_meanwhile();
    assert_non_null( strstr( printed.text, "\na\"b\\c???z " ) );
}

static void free_sizes_are_shown_by_powers_of_two( void** state )
{
    (void)state;
    void* holes[6];
    for( unsigned i = 0; i < 6; i++ )
    {
        holes[i] = dmheap_malloc( 20u << i, NULL );
        assert_non_null( dmheap_malloc( 8, NULL ) );
    }
    for( unsigned i = 0; i < 6; i++ )
        dmheap_free( holes[i], false );
    report_json();
    unsigned long bytes = 0, blocks = 0, to = 0;
    const char*   line = printed.text;
    for( ; ( line = line_with( line, "\"kind\":\"free\"" ) ) != NULL; line = line_behind( line ) )
    {
        unsigned long from = member_of( line, "from" ), count = member_of( line, "blocks" );
        assert_true( from > to && ( from & ( from - 1 ) ) == 0 );
        to = member_of( line, "to" );
        assert_int_equal( to, 2 * from - 1 );
        assert_true( member_of( line, "bytes" ) >= count * from && member_of( line, "bytes" ) <= count * to );
        bytes += member_of( line, "bytes" );
        blocks += count;
    }
    assert_int_equal( bytes, stats_now().free_bytes );
    assert_int_equal( blocks, stats_now().free_blocks );
}

/* In the order of their addresses. */
static void the_8_largest_blocks_are_shown_although_they_are_equal( void** state )
{
    (void)state;
    void* block[12];
    for( unsigned i = 0; i < 12; i++ )
        block[i] = dmheap_malloc( i == 5 ? 200 : 100, "m" );
    report_json();
    const char* line = printed.text;
    for( unsigned i = 0; i < 8; i++, line = line_behind( line ) )
    {
        line = line_with( line, "\"kind\":\"block\"" );
        assert_non_null( line );
        void* expected = i == 0 ? block[5] : block[i <= 5 ? i - 1 : i];
        assert_int_equal( member_of( line, "address" ), (unsigned long)(uintptr_t)expected );
    }
    assert_null( strstr( line, "\"kind\":\"block\"" ) );
}

static bool map_free[2 * ROOM]; /* of each byte from the heap's first on */

static bool note_free( const dmheap_block_info_t* block, void* user )
{
    size_t from = (size_t)( (unsigned char*)block->address - (unsigned char*)user ) - 4;
    memset( map_free + from, block->use == DMHEAP_BLOCK_FREE, block->block_bytes );
    return true;
}

/* Each cell of a map says how much of its bytes is in use; the last may have less. */
static void a_map_shows_where_memory_is_free( void** state )
{
    (void)state;
    uint32_t random = 1;
    unsigned halves = 0;
    for( unsigned round = 0; round < 60; round++ )
    {
        assert_true( fixture_heap( 2048 + 96 * round, 8, 0 ) );
        void* blocks[24];
        for( unsigned i = 0; i < 24; i++ )
        {
            random    = random * 1664525u + 1013904223u;
            blocks[i] = dmheap_malloc( ( random >> 16 ) % 90, NULL );
        }
        (void)fixture_log();
        for( unsigned i = 0; i < 24; i++ )
            if( ( random >> i & 1 ) != 0 ) dmheap_free( blocks[i], false );
        memset( map_free, 0, sizeof map_free );
        dmheap_visit_blocks( note_free, first_context() );
        report_json();
        const char*   line  = line_with( printed.text, "\"cells\":" );
        const char*   cells = strstr( line, "\"cells\":\"" ) + 9;
        size_t        heap  = stats_now().heap_size;
        unsigned long cell  = member_of( line, "cell_bytes" );
        for( size_t at = 0; at < heap; at += cell, cells++ )
        {
            size_t end = at + cell < heap ? at + cell : heap, used = 0;
            for( size_t i = at; i < end; i++ )
                used += !map_free[i];
            halves += used * 2 == end - at;
            assert_int_equal( *cells, used == 0 ? '.' : used == end - at ? '#' : used * 2 > end - at ? '+' : ':' );
        }
        assert_int_equal( *cells, '"' );
        assert_true( heap / cell < 64 || ( heap / cell == 64 && heap % cell == 0 ) );
    }
    assert_true( halves > 0 );
    assert_true( fixture_heap( ROOM, 8, 0 ) );
}

static void the_blocks_of_nobody_are_shown_alone( void** state )
{
    (void)state;
    unsigned lines = 0;
    make_a_heap_to_show();
    assert_true( dmheap_ctx_report_blocks( first_context(), "", print_alone, &printed ) );
    for( const char* c = printed.text; *c != '\0'; c++ )
        lines += *c == '\n';
    assert_int_equal( lines, 2 ); /* a heading, and the one that it holds */
}

static const char* shown_line; /* of the block that comes next */

static bool is_shown_in_its_line( const dmheap_block_info_t* block, void* user )
{
    static const char* const uses[] = { "free", "live", "system", "moving" };
    char                     address[32], use[8], owner[32] = "";
    unsigned long            bytes, size;
    (void)user;
    char line[100];
    (void)snprintf( line, sizeof line, "%.*s", (int)strcspn( shown_line, "\n" ), shown_line );
    assert_true( sscanf( line, "%31s %lu %lu %7s %31s", address, &bytes, &size, use, owner ) >= 4 );
    assert_int_equal( strtoull( address, NULL, 16 ), (uintptr_t)block->address );
    assert_int_equal( bytes, block->block_bytes );
    assert_int_equal( size, block->size );
    assert_string_equal( use, uses[block->use] );
    if( block->owner[0] != '\0' ) assert_string_equal( owner, block->owner );
    shown_line = line_behind( shown_line );
    return true;
}

static void every_block_is_shown_as_a_visitor_is_told( void** state )
{
    (void)state;
    void* hole = dmheap_malloc( 300, "net" );
    assert_non_null( dmheap_aligned_alloc( 256, 500, "ui" ) );
    assert_non_null( dmheap_malloc( 50, NULL ) );
    dmheap_free( hole, false );
    memset( &printed, 0, sizeof printed );
    assert_true( dmheap_ctx_report_blocks( first_context(), NULL, print_alone, &printed ) );
    shown_line = line_behind( printed.text );
    dmheap_visit_blocks( is_shown_in_its_line, NULL );
    assert_int_equal( *shown_line, '\0' );
}

static void a_report_is_of_every_heap( void** state )
{
    (void)state;
    dmheap_context_t* second = fixture_second_heap( ROOM, 8, 0 );
    assert_non_null( dmheap_ctx_malloc( second, 100, "there" ) );
    memset( &printed, 0, sizeof printed );
    assert_true( dmheap_report( print_alone, &printed ) );
    assert_non_null( strstr( printed.text, " second\n" ) );
    assert_non_null( strstr( printed.text, "\nthere " ) );
}

static void the_blocks_of_a_module_are_shown( void** state )
{
    (void)state;
    unsigned lines = 0;
    make_a_heap_to_show();
    assert_true( dmheap_ctx_report_blocks( first_context(), "net", print, &printed ) );
    for( const char* c = printed.text; *c != '\0'; c++ )
        lines += *c == '\n';
    assert_int_equal( lines, 2 ); /* a heading, and the one that it holds */
    assert_non_null( strstr( printed.text, " net" ) );
}

static void a_part_that_has_nothing_to_show_leaves_no_gap( void** state )
{
    (void)state;
    memset( &printed, 0, sizeof printed );
    assert_true( dmheap_ctx_report( first_context(), print, &printed ) );
    assert_null( strstr( printed.text, "\n\n\n" ) );
    assert_null( strstr( printed.text, "caller" ) ); /* there are no blocks */
}

static unsigned lines_of( const char* name )
{
    char line[NAME_ROOM];
    (void)snprintf( line, sizeof line, "\n%s ", name );
    unsigned lines = 0;
    for( const char* at = printed.text; ( at = strstr( at, line ) ) != NULL; at++ )
        lines++;
    return lines;
}

static void* held_by_printer; /* NULL: nothing is */

/* One that keeps more and more, or gives back what it has. */
static void print_and_hold( const char* text, void* user )
{
    print( text, user );
    if( held_by_printer == NULL )
        assert_non_null( dmheap_malloc( 40, "printer" ) );
    else
        held_by_printer = dmheap_realloc( held_by_printer, dmheap_usable_size( held_by_printer ) - 40, NULL );
}

static void a_module_that_grows_or_shrinks_meanwhile_is_shown_once( void** state )
{
    (void)state;
    static const char* const names[] = { "one", "two", "three", "printer" };
    for( unsigned shrinks = 0; shrinks < 2; shrinks++ )
    {
        assert_true( fixture_heap( ROOM, 8, 0 ) );
        for( unsigned i = 0; i < 4; i++ )
            assert_non_null( dmheap_malloc( 8 + 40 * i, names[i] ) );
        held_by_printer = shrinks ? dmheap_malloc( 3000, "printer" ) : NULL;
        memset( &printed, 0, sizeof printed );
        assert_true( dmheap_ctx_report( first_context(), print_and_hold, &printed ) );
        for( unsigned i = 0; i < 4; i++ )
            assert_int_equal( lines_of( names[i] ), 1 );
    }
}

static _Alignas( 16 ) char place[65536];
static unsigned pieces;

/* One in whose first piece of a map another, larger heap takes the place of the one that is shown. */
static void print_and_replace( const char* text, void* user )
{
    dmheap_context_t** shown = user;
    assert_true( ++pieces < 1000 );
    if( *shown == NULL || strstr( text, "\"cells\"" ) == NULL ) return;
    assert_true( dmheap_ctx_deinit( *shown ) );
    assert_ptr_equal( dmheap_ctx_init( place, sizeof place, 8, NULL ), *shown );
    void* hole[100];
    for( unsigned i = 0; i < 100; i++ )
    {
        hole[i] = dmheap_ctx_malloc( *shown, 300, NULL );
        assert_non_null( dmheap_ctx_malloc( *shown, 8, NULL ) );
    }
    for( unsigned i = 0; i < 100; i++ )
        dmheap_ctx_free( *shown, hole[i], false );
    *shown = NULL;
}

static void a_map_ends_although_another_heap_is_made_in_its_place( void** state )
{
    (void)state;
    dmheap_context_t* context = dmheap_ctx_init( place, 2048, 8, NULL );
    dmheap_context_t* shown   = context;
    void*             block[100];
    unsigned          blocks = 0;
    while( ( block[blocks] = dmheap_ctx_malloc( context, 16, NULL ) ) != NULL )
        blocks++;
    for( unsigned i = 0; i < blocks; i += 2 )
        dmheap_ctx_free( context, block[i], false );
    pieces = 0;
    assert_true( dmheap_ctx_report_json( context, print_and_replace, &shown ) );
    assert_null( shown ); /* it was replaced */
    assert_true( dmheap_ctx_deinit( context ) );
}

static void a_heap_that_is_overwritten_has_no_report( void** state )
{
    (void)state;
    dmheap_context_t*   context = dmheap_ctx_init( place, 2048, 8, NULL );
    dmheap_mark_entry_t entry;
    dmheap_mark_t       none;
    memset( context, 0xFF, 64 );
    assert_refused( assert_false( dmheap_ctx_report( context, print, &printed ) ), "No heap here" );
    assert_refused( assert_false( dmheap_ctx_report_json( context, print, &printed ) ), "No heap here" );
    assert_refused( assert_false( dmheap_ctx_report_blocks( context, NULL, print, &printed ) ), "No heap here" );
    assert_refused( assert_false( dmheap_ctx_mark( context, &none, &entry, 1 ) ), "No heap here" );
    assert_true( dmheap_ctx_deinit( context ) );
}

static void there_is_nothing_to_report_without_a_heap_or_a_printer( void** state )
{
    (void)state;
    assert_refused( assert_false( dmheap_ctx_report( NULL, print, &printed ) ), "No heap here" );
    assert_refused( assert_false( dmheap_ctx_report( first_context(), NULL, NULL ) ), "NULL" );
    assert_refused( assert_false( dmheap_ctx_report_json( first_context(), NULL, NULL ) ), "NULL" );
    fixture_no_heap();
    (void)fixture_log();
    assert_false( dmheap_report( print, &printed ) );
    assert_int_equal( fixture_logged( "No heap here" ), 1 );
    assert_true( fixture_heap( ROOM, 8, 0 ) );
}

/* ---- Marks ---- */

enum
{
    ENTRIES = 8
};

static dmheap_mark_entry_t entries[ENTRIES];
static dmheap_mark_t       mark;

/* What a report says of one module. */
typedef struct
{
    unsigned long then, now;
    long          bytes, blocks;
    char          word[8];
} since_t;

static void report_since( void )
{
    memset( &printed, 0, sizeof printed );
    assert_true( dmheap_report_since( &mark, print, &printed ) );
    assert_true( printed.widest <= 80 );
    assert_false( printed.locked );
}

static bool is_told( const char* name, since_t* since )
{
    char line[NAME_ROOM];
    memset( since, 0, sizeof *since );
    (void)snprintf( line, sizeof line, "\n%s ", name );
    const char* found = strstr( printed.text, line );
    if( found == NULL ) return false;
    assert_null( strstr( found + 1, line ) ); /* once */
    char rest[120];
    (void)snprintf( rest, sizeof rest, "%.*s", (int)strcspn( found + 1, "\n" ), found + 1 );
    int read = sscanf( rest + strlen( name ), "%lu %lu %ld %ld %7s", &since->then, &since->now, &since->bytes,
                       &since->blocks, since->word );
    assert_true( read >= 4 );
    assert_int_equal( (long)( since->now - since->then ), since->bytes );
    return true;
}

static since_t told_of( const char* name )
{
    since_t since;
    assert_true( is_told( name, &since ) );
    return since;
}

static void assert_told( const char* name, long bytes, long blocks, const char* word )
{
    since_t since = told_of( name );
    assert_int_equal( since.bytes, bytes );
    assert_int_equal( since.blocks, blocks );
    assert_string_equal( since.word, word );
}

#ifdef DMHEAP_GUARD

/* A line of blocks and one of callers, by a pattern of what is in front of its bytes. */
static const char* next_line( const char* line )
{
    return line + strcspn( line, "\n" ) + 1;
}

/* The first line behind a heading; "" where there is no such part. */
static const char* part_of( const char* heading )
{
    const char* found = strstr( printed.text, heading );
    return found != NULL ? next_line( found ) : "";
}

/* What is new and what is gone come to the total, and what all places asked for to what is new. */
static void assert_blocks_add_up( void )
{
    since_t total = told_of( "total" ), old = told_of( "in those that are not" );
    since_t new         = told_of( "in blocks that are new" );
    unsigned long bytes = 0, blocks = 0, all_bytes = 0, all_blocks = 0;
    assert_int_equal( new.then, 0 );
    assert_true( old.bytes <= 0 && old.blocks <= 0 );
    assert_int_equal( new.bytes + old.bytes, total.bytes );
    assert_int_equal( new.blocks + old.blocks, total.blocks );
    for( const char* line = part_of( "caller " ); *line != '\0'; line = next_line( line ) )
    {
        assert_int_equal( sscanf( line, "%*s %lu %lu", &bytes, &blocks ), 2 );
        all_bytes += bytes;
        all_blocks += blocks;
    }
    assert_int_equal( all_bytes, new.now );
    assert_int_equal( all_blocks, new.blocks );
}

#else

static void assert_blocks_add_up( void )
{
    assert_null( strstr( printed.text, "caller" ) );
}

#endif

/* By module, and in all as the heap's own figures differ. */
static void what_is_held_since_a_mark_is_told_exactly( void** state )
{
    (void)state;
    static const char* const modules[]  = { "net", "ui", "log", "", "still" };
    void*                    blocks[60] = { NULL };
    dmheap_module_stats_t    before[5];
    uint32_t                 random = 1;
    since_t                  since;
    dmheap_stats_t           then = stats_now();
    assert_true( dmheap_register_module( "net" ) ); /* the printer uses it */
    assert_non_null( dmheap_malloc( 100, "still" ) );
    for( unsigned round = 0; round < 2000; round++ )
    {
        random      = random * 1664525u + 1013904223u;
        void** slot = &blocks[( random >> 8 ) % 60];
        if( *slot == NULL )
            *slot = dmheap_malloc( ( random >> 16 ) % 150, modules[( random >> 24 ) % 4] );
        else if( random >> 31 )
        {
            dmheap_free( *slot, false );
            *slot = NULL;
        }
        else
        {
            void* moved = dmheap_realloc( *slot, 1 + ( random >> 16 ) % 150, NULL );
            if( moved != NULL ) *slot = moved;
        }
        if( round % 50 == 0 )
        {
            then = stats_now();
            assert_true( dmheap_mark( &mark, entries, ENTRIES ) );
            for( unsigned i = 0; i < 5; i++ )
                before[i] = module_in( first_context(), modules[i] );
        }
        if( round % 50 != 49 ) continue;
        report_since();
        for( unsigned i = 0; i < 5; i++ )
        {
            dmheap_module_stats_t now = module_in( first_context(), modules[i] );
            if( modules[i][0] == '\0' ) continue;
            if( !is_told( modules[i], &since ) ) since.now = since.then = before[i].live_bytes;
            assert_int_equal( since.then, before[i].live_bytes );
            assert_int_equal( since.now, now.live_bytes );
            assert_int_equal( since.blocks, (long)now.live_blocks - (long)before[i].live_blocks );
        }
        assert_null( strstr( printed.text, "still" ) );
        dmheap_stats_t now = stats_now();
        assert_told( "total", (long)now.used_bytes - (long)then.used_bytes,
                     (long)now.used_blocks - (long)then.used_blocks, "" );
        assert_int_equal( told_of( "total" ).then, then.used_bytes );
        assert_blocks_add_up();
    }
}

static void what_nobody_holds_since_a_mark_is_told( void** state )
{
    (void)state;
    assert_non_null( dmheap_malloc( 40, "net" ) );
    assert_true( dmheap_mark( &mark, entries, ENTRIES ) );
    assert_non_null( dmheap_malloc( 40, NULL ) );
    report_since();
    assert_told( "(nobody)", (long)stats_now().used_bytes - (long)told_of( "total" ).then, 1, "" );
}

/* One that was unloaded and loaded again is the same. */
static void modules_that_came_or_are_gone_are_told( void** state )
{
    (void)state;
    char    long_name[NAME_ROOM];
    since_t since;
    void*   there = dmheap_malloc( 100, "net" );
    assert_non_null( dmheap_malloc( 100, "gone" ) );
    assert_non_null( dmheap_malloc( 100, "again" ) );
    assert_true( dmheap_mark( &mark, entries, ENTRIES ) );
    long whole = (long)module_in( first_context(), "gone" ).live_bytes;
    dmheap_unregister_module( "gone" );
    dmheap_unregister_module( "again" );
    assert_non_null( dmheap_malloc( 100, "again" ) );
    assert_non_null( dmheap_malloc( 100, "came" ) );
    assert_true( dmheap_register_module( name_of( long_name, NAME_MOST ) ) );
    report_since();
    assert_told( "gone", -whole, -1, "gone" );
    assert_told( "came", whole, 1, "came" );
    assert_false( is_told( "again", &since ) );
    assert_false( is_told( "net", &since ) );
    assert_non_null( strstr( printed.text, "nn..nn" ) );
    assert_told( "total", 0, 0, "" );
    assert_true( dmheap_rename_module( "came", "renamed" ) );
    dmheap_free( there, false );
    report_since();
    assert_told( "renamed", whole, 1, "came" );
    assert_told( "net", -whole, -1, "" );
}

static void modules_that_find_no_room_in_a_mark_are_summed( void** state )
{
    (void)state;
    for( unsigned count = 0; count < 4; count++ )
    {
        assert_true( fixture_heap( ROOM, 8, 0 ) );
        assert_non_null( dmheap_malloc( 100, "net" ) );
        assert_non_null( dmheap_malloc( 200, "ui" ) );
        assert_non_null( dmheap_malloc( 50, NULL ) );
        size_t         before = stats_now().used_bytes;
        void*          none   = dmheap_malloc( 400, NULL );
        long           whole  = (long)( stats_now().used_bytes - before );
        void*          gone   = dmheap_malloc( 300, "log" );
        dmheap_stats_t then   = stats_now();
        since_t        since;
        assert_true( dmheap_mark( &mark, count != 0 ? entries : NULL, count ) );
        assert_non_null( dmheap_malloc( 500, "came" ) );
        dmheap_free( gone, false );
        dmheap_free( none, false );
        report_since();
        dmheap_stats_t now = stats_now();
        assert_told( "total", (long)now.used_bytes - (long)then.used_bytes, -1, "" );
        assert_told( "(others)", (long)now.used_bytes - (long)then.used_bytes + ( count != 0 ? whole : 0 ),
                     count != 0 ? 0 : -1, "" );
        assert_false( is_told( "came", &since ) );
    }
}

static void a_mark_of_zeros_is_one_of_nothing( void** state )
{
    (void)state;
    assert_non_null( dmheap_malloc( 100, "net" ) );
    assert_non_null( dmheap_malloc( 100, NULL ) );
    memset( &mark, 0, sizeof mark );
    report_since();
    assert_told( "net", (long)module_in( first_context(), "net" ).live_bytes, 1, "came" );
    assert_int_equal( told_of( "(nobody)" ).blocks, 1 );
    assert_told( "total", (long)stats_now().used_bytes, 2, "" );
}

static void a_mark_is_of_all_heaps_those_that_come_and_go_as_well( void** state )
{
    (void)state;
    assert_non_null( dmheap_malloc( 100, "net" ) );
    assert_true( dmheap_mark( &mark, entries, ENTRIES ) );
    dmheap_context_t* second = fixture_second_heap( ROOM, 8, 0 );
    assert_non_null( dmheap_ctx_malloc( second, 100, "net" ) );
    assert_non_null( dmheap_ctx_malloc( second, 100, "came" ) );
    assert_non_null( dmheap_ctx_malloc( first_context(), 300, "came" ) );
    assert_non_null( dmheap_ctx_malloc( second, 100, NULL ) );
    report_since();
    long whole = (long)module_in( second, "net" ).live_bytes;
    assert_told( "net", whole, 1, "" );
    assert_told( "came", whole + (long)module_in( first_context(), "came" ).live_bytes, 2, "came" );
    assert_told( "(nobody)", whole, 1, "" );
    assert_int_equal( told_of( "total" ).now, stats_of( first_context() ).used_bytes + stats_of( second ).used_bytes );

    assert_true( dmheap_mark( &mark, entries, ENTRIES ) );
    long held = (long)stats_of( second ).used_bytes;
    assert_true( dmheap_ctx_deinit( second ) );
    report_since();
    assert_told( "net", -whole, -1, "" );
    assert_told( "came", -whole, -1, "" );
    assert_told( "total", -held, -3, "" );
}

static void a_mark_of_one_heap_knows_no_other( void** state )
{
    (void)state;
    since_t           since;
    dmheap_context_t* second = fixture_second_heap( ROOM, 8, 0 );
    assert_non_null( dmheap_ctx_malloc( second, 100, "ui" ) );
    assert_non_null( dmheap_ctx_malloc( first_context(), 100, NULL ) );
    assert_true( dmheap_ctx_mark( second, &mark, entries, ENTRIES ) );
    assert_non_null( dmheap_ctx_malloc( first_context(), 100, "ui" ) );
    assert_non_null( dmheap_ctx_malloc( first_context(), 100, NULL ) );
    assert_non_null( dmheap_ctx_malloc( first_context(), 100, "came" ) );
    report_since();
    assert_told( "total", 0, 0, "" );
    assert_blocks_add_up();
    assert_null( strstr( printed.text, " number " ) ); /* no block is new */
    assert_false( is_told( "ui", &since ) );
    assert_true( dmheap_ctx_mark( second, &mark, entries, 1 ) );
    assert_non_null( dmheap_ctx_malloc( first_context(), 100, "came" ) );
    report_since();
    assert_false( is_told( "(others)", &since ) );
    assert_true( dmheap_ctx_mark( second, &mark, entries, ENTRIES ) );
    void* more = dmheap_ctx_malloc( second, 100, "ui" );
    assert_non_null( more );
    report_since();
    assert_int_equal( told_of( "ui" ).blocks, 1 );
    dmheap_free( more, false );
    assert_true( dmheap_ctx_deinit( second ) );
    report_since();
    assert_int_equal( told_of( "ui" ).blocks, -1 );
    assert_string_equal( told_of( "ui" ).word, "gone" );
    assert_false( is_told( "(nobody)", &since ) );
    assert_int_equal( told_of( "total" ).now, 0 );
}

#ifdef DMHEAP_GUARD

static bool note_caller( const dmheap_block_info_t* block, void* user )
{
    const void** noted = user;
    if( block->address == noted[0] ) noted[1] = block->caller;
    return true;
}

static bool find_its_line( const dmheap_block_info_t* block, void* user )
{
    char        expected[40];
    const char* caller = block->use == DMHEAP_BLOCK_LIVE ? block->caller : NULL;
    (void)user;
    (void)snprintf( expected, sizeof expected, " 0x%lx\n", (unsigned long)(uintptr_t)caller );
    if( caller != NULL ) assert_non_null( strstr( printed.text, expected ) );
    return true;
}

/* Whether there is room for the longest addresses in front of a caller and for itself. */
static bool has_room_for_callers( void )
{
    enum
    {
        LONGEST  = sizeof "0x7fffffffffff" - 1,
        SHORTEST = 10 /* an address's column */
    };
    const char* caller = strstr( printed.text, " caller\n" );
    const char* line   = caller;
    assert_non_null( caller );
    while( line != printed.text && line[-1] != '\n' )
        line--;
    return ( caller - line ) + 1 + ( LONGEST - SHORTEST ) + LONGEST <= 80;
}

static void callers_are_shown_whole( void** state )
{
    (void)state;
    char text[NAME_ROOM];
    assert_true( dmheap_mark( &mark, entries, ENTRIES ) );
    assert_non_null( dmheap_malloc( 1000, name_of( text, NAME_MOST ) ) );
    memset( &printed, 0, sizeof printed );
    assert_true( dmheap_ctx_report_blocks( first_context(), text, print, &printed ) );
    dmheap_visit_blocks( find_its_line, NULL );
    assert_true( has_room_for_callers() );
    report_since();
    dmheap_visit_blocks( find_its_line, NULL );
    assert_true( has_room_for_callers() );
}

static void the_oldest_new_blocks_are_told_in_their_order( void** state )
{
    (void)state;
    void* expected[20];
    void* hole = dmheap_malloc( 40, "ui" );
    void* old  = dmheap_malloc( 100, "ui" );
    assert_non_null( dmheap_malloc( 400, "log" ) );
    assert_true( dmheap_mark( &mark, entries, ENTRIES ) );
    expected[0] = dmheap_malloc( 200, "ui" );
    expected[1] = dmheap_realloc( old, 90, "ui" ); /* in its place, and yet new */
    assert_ptr_equal( expected[1], old );
    dmheap_free( hole, false );
    for( unsigned i = 2; i < 20; i++ ) /* the first in front of all others */
        expected[i] = dmheap_malloc( i, "log" );
    report_since();
    assert_blocks_add_up();
    assert_int_equal( told_of( "in blocks that are new" ).blocks, 20 );
    unsigned long last = 0;
    const char*   line = part_of( " number " );
    for( unsigned i = 0; i < 16; i++, line = next_line( line ) )
    {
        unsigned long number, bytes, size;
        char          owner[21], caller[32], address[32], pointer[32];
        const void*   noted[2] = { expected[i], NULL };
        assert_int_equal( sscanf( line, "%lu %31s %lu %lu %20s %31s", &number, address, &bytes, &size, owner, caller ),
                          6 );
        dmheap_visit_blocks( note_caller, noted );
        assert_true( number > last );
        (void)snprintf( pointer, sizeof pointer, "%p", expected[i] );
        assert_string_equal( address, pointer );
        (void)snprintf( pointer, sizeof pointer, "%p", noted[1] );
        assert_string_equal( caller, pointer );
        assert_int_equal( size, dmheap_usable_size( expected[i] ) );
        assert_true( bytes > size );
        assert_string_equal( owner, i < 2 ? "ui" : "log" );
        last = number;
    }
    assert_int_equal( *line, '\n' );
}

/* Numbers begin anew after 2^32: of a mark from shortly before. */
static void new_blocks_are_told_although_their_numbers_are_smaller( void** state )
{
    (void)state;
    assert_non_null( dmheap_malloc( 100, "ui" ) );
    assert_true( dmheap_mark( &mark, entries, ENTRIES ) );
    mark.number = UINT32_MAX - 100;
    assert_non_null( dmheap_malloc( 100, "ui" ) );
    report_since();
    assert_int_equal( told_of( "in blocks that are new" ).now, stats_now().used_bytes );
    assert_int_equal( told_of( "in those that are not" ).now, 0 );
}

/* Each of them is a place of its own for the compiler. */
#define PLACE( n )                                                                                                     \
    static __attribute__( ( noinline ) ) void* allocate_##n( void )                                                    \
    {                                                                                                                  \
        void* block = dmheap_malloc( 40 + ( (n)*7 % 20 ) * 16, "ui" );                                                 \
        __asm__ volatile( "" ::"i"( n ) );                                                                             \
        return block;                                                                                                  \
    }
PLACE( 0 )
PLACE( 1 )
PLACE( 2 )
PLACE( 3 )
PLACE( 4 )
PLACE( 5 )
PLACE( 6 )
PLACE( 7 )
PLACE( 8 )
PLACE( 9 )
PLACE( 10 )
PLACE( 11 )
PLACE( 12 )
PLACE( 13 )
PLACE( 14 )
PLACE( 15 )
PLACE( 16 )
PLACE( 17 )
PLACE( 18 )
PLACE( 19 )

static void* ( *const places[] )( void ) = {
    allocate_0,  allocate_1,  allocate_2,  allocate_3,  allocate_4,  allocate_5,  allocate_6,
    allocate_7,  allocate_8,  allocate_9,  allocate_10, allocate_11, allocate_12, allocate_13,
    allocate_14, allocate_15, allocate_16, allocate_17, allocate_18, allocate_19,
};

static void the_places_that_asked_for_most_are_told( void** state )
{
    (void)state;
    unsigned long bytes, blocks, before = ULONG_MAX, least = 0;
    assert_true( fixture_heap( 65536, 8, 0 ) );
    assert_non_null( places[3]() );
    assert_true( dmheap_mark( &mark, entries, ENTRIES ) );
    for( unsigned i = 0; i < 40; i++ )
        assert_non_null( places[i % 20]() );
    report_since();
    assert_blocks_add_up();
    const char* line = part_of( "caller " );
    for( unsigned i = 0; i < 16; i++, line = next_line( line ) )
    {
        assert_int_equal( sscanf( line, "0x%*s %lu %lu", &bytes, &blocks ), 2 );
        assert_true( bytes <= before );
        assert_int_equal( blocks, 2 );
        before = bytes;
        if( i == 0 ) assert_true( bytes > 2 * ( 40 + 19 * 16 ) );
    }
    assert_int_equal( sscanf( line, "(others) %lu %lu", &least, &blocks ), 2 );
    assert_int_equal( blocks, 8 );
    assert_true( least < 4 * before );
}

#endif

static void a_mark_needs_room_and_a_heap( void** state )
{
    (void)state;
    dmheap_context_t* none = (dmheap_context_t*)(void*)&hook;
    assert_refused( assert_false( dmheap_mark( NULL, entries, ENTRIES ) ), "NULL" );
    assert_refused( assert_false( dmheap_mark( &mark, NULL, 1 ) ), "NULL" );
    assert_refused( assert_false( dmheap_ctx_mark( NULL, &mark, entries, ENTRIES ) ), "No heap here" );
    assert_refused( assert_false( dmheap_ctx_mark( none, &mark, entries, ENTRIES ) ), "No heap here" );
    assert_refused( assert_false( dmheap_report_since( NULL, print, &printed ) ), "NULL" );
    assert_refused( assert_false( dmheap_report_since( &mark, NULL, NULL ) ), "NULL" );
}

/* ---- What a module leaves behind ---- */

static void what_a_module_leaves_behind_is_said( void** state )
{
    (void)state;
    char              expected[80];
    dmheap_context_t* second = fixture_second_heap( ROOM, 8, 0 );
    assert_non_null( dmheap_malloc( 100, "leaky" ) );
    dmheap_free( dmheap_malloc( 100, "tidy" ), false );
    assert_non_null( dmheap_ctx_malloc( second, 300, "leaky" ) );
    assert_non_null( dmheap_ctx_malloc( second, 10, "leaky" ) );
    size_t bytes = module_in( first_context(), "leaky" ).live_bytes + module_in( second, "leaky" ).live_bytes;
    (void)snprintf( expected, sizeof expected, "%lu bytes in 3 blocks were left by module leaky.\n",
                    (unsigned long)bytes );
    (void)fixture_log();
    dmheap_unregister_module( "leaky" );
    assert_int_equal( fixture_logged( "[WARN]" ), IMAGE_GUARD ? 4 : 1 );
    assert_int_equal( fixture_logged( "were left" ), 1 );
    assert_non_null( strstr( fixture_log(), expected ) );
    (void)fixture_log();
    dmheap_unregister_module( "tidy" );
    dmheap_unregister_module( "never" );
    assert_int_equal( fixture_logged( "were left" ), 0 );
    assert_false( fixture_logged_while_locked() );
}

static void only_the_heap_that_is_named_is_spoken_of( void** state )
{
    (void)state;
    dmheap_context_t* second = fixture_second_heap( ROOM, 8, 0 );
    assert_non_null( dmheap_malloc( 100, "leaky" ) );
    assert_true( dmheap_ctx_register_module( second, "leaky" ) );
    (void)fixture_log();
    dmheap_ctx_unregister_module( second, "leaky" );
    assert_int_equal( fixture_logged( "were left" ), 0 );
    dmheap_ctx_unregister_module( first_context(), "leaky" );
    assert_int_equal( fixture_logged( " in 1 blocks were left by module leaky." ), 1 );
}

#ifdef DMHEAP_GUARD

static void where_it_was_allocated_is_said( void** state )
{
    (void)state;
    const void* noted[2] = { places[2](), NULL };
    char        expected[80];
    assert_non_null( dmheap_malloc( 100, "other" ) );
    assert_non_null( places[2]() );
    assert_non_null( places[5]() );
    dmheap_visit_blocks( note_caller, noted );
    size_t one = dmheap_usable_size( noted[0] );
    (void)fixture_log();
    dmheap_unregister_module( "ui" );
    assert_int_equal( fixture_logged( ", allocated at " ), 2 );
    assert_int_equal( one, 40 + 14 * 16 );
    (void)snprintf( expected, sizeof expected, " bytes in 2 blocks of module ui, allocated at %p.\n", noted[1] );
    assert_int_equal( fixture_logged( expected ), 1 );
    assert_int_equal( fixture_logged( " bytes in 1 blocks of module ui, allocated at " ), 1 );
}

static void at_most_16_places_are_said( void** state )
{
    (void)state;
    assert_true( fixture_heap( 65536, 8, 0 ) );
    for( unsigned i = 0; i < 20; i++ )
        assert_non_null( places[i]() );
    (void)fixture_log();
    dmheap_unregister_module( "ui" );
    assert_int_equal( fixture_logged( ", allocated at " ), 16 );
    assert_int_equal( fixture_logged( " in 20 blocks were left by module ui." ), 1 );
}

#endif

#define HOOK_TEST( name ) cmocka_unit_test_setup_teardown( name, heap_with_hook, without_hook )

int main( void )
{
    const struct CMUnitTest tests[] = {
        HOOK_TEST( the_hook_is_told_what_is_refused ),
        HOOK_TEST( what_the_hook_frees_is_granted ),
        HOOK_TEST( the_hook_is_asked_once_a_request ),
        HOOK_TEST( a_refusal_inside_of_the_hook_does_not_call_it ),
        HOOK_TEST( wrong_arguments_do_not_call_the_hook ),
        HOOK_TEST( each_reason_is_counted ),
        HOOK_TEST( a_full_table_is_a_reason ),
        HOOK_TEST( the_heap_that_serves_for_another_is_known ),
        HOOK_TEST( each_heap_counts_its_own_reason ),
        HOOK_TEST( what_is_free_in_the_second_try_is_said ),
        HOOK_TEST( a_handles_heap_refuses_a_request_once ),
        HOOK_TEST( a_heap_that_is_made_anew_has_refused_nothing ),
        HOOK_TEST( the_reason_is_that_of_the_heap_that_was_asked_first ),
        HOOK_TEST( what_the_hook_takes_away_is_refused ),
        HOOK_TEST( a_handle_that_the_hook_makes_stale_is_refused ),
        HOOK_TEST( figures_of_a_heap_start_anew ),
        HOOK_TEST( the_peak_of_a_module_starts_anew ),
        HOOK_TEST( blocks_reach_their_new_owner_although_figures_start_anew ),
        HOOK_TEST( the_peak_of_a_module_starts_anew_in_every_heap ),
        HOOK_TEST( figures_that_start_anew_during_a_rename_that_is_refused_are_those_of_now ),
        HOOK_TEST( what_is_no_heap_or_no_module_is_refused ),
        HOOK_TEST( a_report_shows_who_holds_what ),
        HOOK_TEST( a_report_for_programs_says_the_same ),
        HOOK_TEST( all_figures_of_a_heap_are_told_to_programs ),
        HOOK_TEST( fragmented_is_what_the_largest_free_block_is_not ),
        HOOK_TEST( a_heap_without_free_memory_is_not_fragmented ),
        HOOK_TEST( shares_are_of_the_whole_heap_and_rounded ),
        HOOK_TEST( what_each_module_holds_is_told_to_programs ),
        HOOK_TEST( what_a_new_module_gets_is_no_peak_of_nobodys ),
        HOOK_TEST( limits_are_shown_as_they_are ),
        HOOK_TEST( names_are_printable_and_whole_for_programs ),
        HOOK_TEST( free_sizes_are_shown_by_powers_of_two ),
        HOOK_TEST( the_8_largest_blocks_are_shown_although_they_are_equal ),
        HOOK_TEST( a_map_shows_where_memory_is_free ),
        HOOK_TEST( the_blocks_of_nobody_are_shown_alone ),
        HOOK_TEST( every_block_is_shown_as_a_visitor_is_told ),
        HOOK_TEST( a_report_is_of_every_heap ),
        HOOK_TEST( the_blocks_of_a_module_are_shown ),
        HOOK_TEST( a_part_that_has_nothing_to_show_leaves_no_gap ),
        HOOK_TEST( a_new_module_that_finds_no_room_beside_its_block_is_no_fragmentation ),
        HOOK_TEST( a_module_that_grows_or_shrinks_meanwhile_is_shown_once ),
        HOOK_TEST( a_map_ends_although_another_heap_is_made_in_its_place ),
        HOOK_TEST( a_heap_that_is_overwritten_has_no_report ),
        HOOK_TEST( there_is_nothing_to_report_without_a_heap_or_a_printer ),
        HOOK_TEST( what_is_held_since_a_mark_is_told_exactly ),
        HOOK_TEST( what_nobody_holds_since_a_mark_is_told ),
        HOOK_TEST( modules_that_came_or_are_gone_are_told ),
        HOOK_TEST( modules_that_find_no_room_in_a_mark_are_summed ),
        HOOK_TEST( a_mark_of_zeros_is_one_of_nothing ),
        HOOK_TEST( a_mark_is_of_all_heaps_those_that_come_and_go_as_well ),
        HOOK_TEST( a_mark_of_one_heap_knows_no_other ),
        HOOK_TEST( a_mark_needs_room_and_a_heap ),
        HOOK_TEST( what_a_module_leaves_behind_is_said ),
        HOOK_TEST( only_the_heap_that_is_named_is_spoken_of ),
#ifdef DMHEAP_GUARD
        HOOK_TEST( where_it_was_allocated_is_said ),
        HOOK_TEST( at_most_16_places_are_said ),
        HOOK_TEST( callers_are_shown_whole ),
        HOOK_TEST( new_blocks_are_told_although_their_numbers_are_smaller ),
        HOOK_TEST( the_oldest_new_blocks_are_told_in_their_order ),
        HOOK_TEST( the_places_that_asked_for_most_are_told ),
#endif
    };
    return cmocka_run_group_tests_name( "diagnostics", tests, NULL, NULL );
}
