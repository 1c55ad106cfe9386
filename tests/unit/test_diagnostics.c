/*
 * Why memory is refused: the hook, the counts by reason, and starting figures anew. Built with DMHEAP_DIAGNOSTICS.
 */
#include "unit.h"

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

/* ---- Reports ---- */

static struct
{
    char     text[16384];
    unsigned length;
    unsigned widest; /* columns of a piece */
    bool     locked;
} printed;

static void print( const char* text, void* user )
{
    size_t length = strlen( text );
    assert_ptr_equal( user, &printed );
    assert_true( printed.length + length < sizeof printed.text );
    memcpy( printed.text + printed.length, text, length + 1 );
    printed.length += (unsigned)length;
    printed.locked |= fixture_is_locked();
    if( length - ( text[length - 1] == '\n' ) > printed.widest ) printed.widest = (unsigned)length;
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
        HOOK_TEST( a_heap_that_is_made_anew_has_refused_nothing ),
        HOOK_TEST( the_reason_is_that_of_the_heap_that_was_asked_first ),
        HOOK_TEST( what_the_hook_takes_away_is_refused ),
        HOOK_TEST( a_handle_that_the_hook_makes_stale_is_refused ),
        HOOK_TEST( figures_of_a_heap_start_anew ),
        HOOK_TEST( the_peak_of_a_module_starts_anew ),
        HOOK_TEST( what_is_no_heap_or_no_module_is_refused ),
        HOOK_TEST( a_report_shows_who_holds_what ),
        HOOK_TEST( a_report_for_programs_says_the_same ),
        HOOK_TEST( the_blocks_of_a_module_are_shown ),
        HOOK_TEST( there_is_nothing_to_report_without_a_heap_or_a_printer ),
    };
    return cmocka_run_group_tests_name( "diagnostics", tests, NULL, NULL );
}
