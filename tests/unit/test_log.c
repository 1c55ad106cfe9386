/*
 * What is written to the log and what is counted instead: a log function that allocates from the heap, reports that come
 * while another is written, refusals that repeat themselves.
 */
#include "unit.h"

#include <stdlib.h>

static unsigned reports( void )
{
    return fixture_logged( "] dmheap: " );
}

/* The sum of the numbers that the log has behind a text. */
static unsigned long told( const char* log, const char* text )
{
    unsigned long sum = 0;
    for( const char* at = log; ( at = strstr( at, text ) ) != NULL; )
        sum += strtoul( at += strlen( text ), NULL, 10 );
    return sum;
}

/* ---- A log function that allocates ---- */

static unsigned    depth, deepest, printed, refused;
static const char* printer; /* whose its buffers are */

/* As DMOD's printf does for long lines. */
static void print_from_a_buffer( const char* line )
{
    size_t size = strlen( line ) + 1;
    printed++;
    if( ++depth > deepest ) deepest = depth;
    if( depth < 8 ) /* a test that fails ends nevertheless */
    {
        char* buffer = Dmod_MallocEx( size, printer );
        if( buffer == NULL ) refused++;
        if( buffer != NULL ) memcpy( buffer, line, size );
        Dmod_FreeEx( buffer, false );
    }
    depth--;
}

static void print_from_the_heap( const char* owner )
{
    (void)fixture_log();
    depth = deepest = printed = refused = 0;
    printer                             = owner;
    fixture_line                        = print_from_a_buffer;
}

/* Calls each of which is refused by a heap that is full or damaged, for owners of their own. */
static void ask_in_vain( unsigned number, void* block )
{
    char name[NAME_ROOM];
    snprintf( name, sizeof name, "asks%u", number );
    switch( number % 6 )
    {
    case 0: assert_null( dmheap_malloc( 10000, name ) ); break;
    case 1: assert_null( dmheap_aligned_alloc( 64, 10000, name ) ); break;
    case 2: assert_null( dmheap_calloc( 100, 100, name ) ); break;
    case 3: assert_null( dmheap_realloc( block, 10000 + number, name ) ); break;
    case 4: assert_false( dmheap_register_module( name ) ); break;
    default: assert_false( dmheap_retag( block, name ) ); break;
    }
}

static void assert_print_is_no_recursion( void* block )
{
    char expected[40];
    for( unsigned number = 0; number < 120; number++ )
    {
        print_from_the_heap( "printer" );
        ask_in_vain( number, block );
        assert_int_equal( deepest, 1 );
        assert_in_range( printed, 1, 2 );
        assert_int_equal( refused, printed );
        assert_int_equal( reports(), 1 );
        /* what the log function was refused is no line, and the next one says so */
        fixture_line = NULL;
        assert_null( dmheap_calloc( SIZE_MAX, 2, "after" ) );
        snprintf( expected, sizeof expected, " (+%u not shown)\n", refused );
        assert_non_null( strstr( strrchr( fixture_log(), '.' ), expected ) );
    }
}

static void a_log_function_may_allocate_when_there_is_no_memory( void** state )
{
    (void)state;
    void* block = dmheap_malloc( 100, "m" );
    fill_up( first_context() );
    assert_print_is_no_recursion( block );
    assert_valid();
}

static void a_log_function_may_allocate_from_a_damaged_heap( void** state )
{
    (void)state;
    void* block = dmheap_malloc( 100, "m" );
    first_context()->first ^= 4u;
    assert_print_is_no_recursion( block );
    first_context()->first ^= 4u;
    assert_valid();
}

static void a_log_function_may_allocate_where_free_memory_is_overwritten( void** state )
{
    (void)state;
    void*  block = dmheap_malloc( 100, "m" );
    size_t size  = dmheap_usable_size( block );
    memset( (char*)block + size, 0xFF, 40 ); /* the header behind it, and what leads to its neighbours */
    assert_print_is_no_recursion( block );
}

static void a_log_function_may_be_a_new_module( void** state )
{
    (void)state;
    print_from_the_heap( "printer" );
    assert_true( dmheap_register_module( "m" ) );
    assert_int_equal( deepest, 1 );
    assert_int_equal( live_blocks_of( "printer" ), 0 );
    fixture_line = NULL;
    dmheap_unregister_module( "m" );
    assert_string_equal( fixture_log(), "[INFO] dmheap: Module m registered successfully.\n"
                                        "[INFO] dmheap: Module m unregistered successfully. (+1 not shown)\n" );
}

static void report_of_another_heap( const char* line )
{
    (void)line;
    assert_null( dmheap_ctx_malloc( second_context(), 100000, "other" ) );
    assert_null( dmheap_ctx_malloc( NULL, 8, "other" ) );
    dmheap_unregister_module( "unknown" );
}

static void reports_of_all_heaps_wait_for_one( void** state )
{
    (void)state;
    assert_non_null( fixture_second_heap( 4096, 8, 0 ) );
    fixture_line = report_of_another_heap;
    assert_null( dmheap_malloc( 100000, "m" ) );
    fixture_line = NULL;
    assert_int_equal( reports(), 1 );
    assert_null( dmheap_malloc( 100000, "n" ) );
    assert_int_equal( reports(), 2 );
    unsigned long untold = told( fixture_log(), "(+" );
    assert_true( untold >= 3 && untold % 3 == 0 );
}

static void a_report_that_was_counted_is_told_once( void** state )
{
    (void)state;
    print_from_the_heap( "printer" );
    assert_true( dmheap_register_module( "m" ) );
    fixture_line = NULL;
    (void)dmheap_ctx_malloc( NULL, 8, "m" );
    assert_non_null( strstr( fixture_log(), "(+1 not shown)" ) );
    (void)dmheap_ctx_malloc( NULL, 8, "m" );
    assert_null( strstr( fixture_log(), "not shown" ) );
}

static unsigned frees_meanwhile; /* of what is no pointer */

static void free_in_vain_or_unload( const char* line )
{
    (void)line;
    for( unsigned i = 0; i < frees_meanwhile; i++ )
        dmheap_free( &frees_meanwhile, false );
    Dmod_FreeModule( "unknown" ); /* of which nothing is said */
}

static void what_is_counted_is_what_would_be_said_up_to_a_most( void** state )
{
    (void)state;
    for( unsigned many = 0; many < 2; many++ )
    {
        frees_meanwhile = many ? UINT16_MAX + 2 : 0;
        fixture_line    = free_in_vain_or_unload;
        (void)dmheap_ctx_malloc( NULL, 8, "m" );
        fixture_line = NULL;
        (void)dmheap_ctx_malloc( NULL, 8, "m" );
        const char* log = fixture_log();
        assert_int_equal( strstr( log, "(+65535 not shown)" ) != NULL, many != 0 );
        assert_int_equal( strstr( log, "not shown" ) != NULL, many != 0 );
    }
}

static unsigned interrupts;

static void interrupt_is_refused( void )
{
    char name[NAME_ROOM];
    snprintf( name, sizeof name, "interrupt%u", interrupts++ );
    assert_null( dmheap_malloc( 100000, name ) );
}

/* An interrupt may come in the middle of a report: it does not wait, and is counted. */
static void no_report_of_an_interrupt_is_lost( void** state )
{
    (void)state;
    (void)fixture_log();
    interrupts        = 0;
    fixture_interrupt = interrupt_is_refused;
    for( unsigned i = 0; i < 20; i++ )
        assert_null( dmheap_malloc( 100000, i % 2 ? "m" : "n" ) );
    fixture_interrupt = NULL;
    dmheap_unregister_module( "unknown" );
    assert_true( interrupts >= 40 );
    unsigned      said   = reports();
    unsigned long untold = told( fixture_log(), "(+" );
    assert_true( untold >= 20 );
    assert_int_equal( said + untold, 20 + interrupts + 1 );
}

/* ---- Refusals that repeat themselves ---- */

static void refuse_m( void )
{
    assert_null( dmheap_malloc( 100000, "m" ) );
}

static void the_same_refusal_is_said_at_each_power_of_two( void** state )
{
    (void)state;
    (void)fixture_log();
    for( unsigned times = 1; times <= 1000; times++ )
    {
        bool     is_power = ( times & ( times - 1 ) ) == 0;
        unsigned before   = reports();
        refuse_m();
        assert_int_equal( reports() - before, is_power ? 1 : 0 );
    }
    assert_int_equal( fixture_logged( "for module m: out of memory" ), 10 );
    assert_int_equal( fixture_logged( " (512 times)\n" ), 1 );
    const char* log = fixture_log();
    assert_int_equal( told( log, "bytes. (" ), 1022 ); /* not behind the first */
    assert_null( strstr( log, "The last refusal" ) );
}

static void refuse_m_often( unsigned times )
{
    (void)fixture_log();
    while( times-- > 0 )
        refuse_m();
}

static void anything_else_tells_how_often_the_last_refusal_came( void** state )
{
    (void)state;
    refuse_m_often( 7 );
    assert_int_equal( reports(), 3 );
    assert_true( dmheap_register_module( "m" ) );
    assert_non_null( strstr( fixture_log(), "[ERROR] dmheap: The last refusal came 7 times.\n"
                                            "[INFO] dmheap: Module m registered successfully.\n" ) );
    /* from the beginning */
    refuse_m_often( 1 );
    assert_null( strstr( fixture_log(), "times" ) );

    /* nothing that was said already */
    refuse_m_often( 8 );
    dmheap_unregister_module( "unknown" );
    assert_int_equal( reports(), 5 );
    assert_null( strstr( fixture_log(), "The last refusal" ) );
}

static void another_module_heap_reason_or_purpose_is_another_refusal( void** state )
{
    (void)state;
    dmheap_context_t* second = fixture_second_heap( 4096, 8, 0 );
    void*             block  = dmheap_malloc( 1000, "m" );
    assert_non_null( second );
    for( unsigned i = 0; i < 6; i++ )
    {
        refuse_m_often( 3 );
        unsigned before = reports();
        switch( i )
        {
        case 0: assert_null( dmheap_malloc( 100000, "n" ) ); break;
        case 1: assert_null( dmheap_ctx_malloc( second, 100000, "m" ) ); break;
        case 2:
            assert_true( dmheap_set_module_limit( "m", 1100 ) );
            assert_null( dmheap_malloc( 1000, "m" ) );
            break;
        case 3: assert_null( dmheap_malloc( 100000, NULL ) ); break;
        case 4:
            fill_up( first_context() );
            (void)fixture_log();
            for( unsigned times = 0; times < 3; times++ )
                assert_null( dmheap_malloc( 8, "x" ) );
            before = reports();
            assert_false( dmheap_register_module( "x" ) );
            break;
        default: assert_null( dmheap_realloc( (char*)block + 1, 100000, "m" ) ); break;
        }
        assert_int_equal( reports() - before, 2 );
        assert_int_equal( fixture_logged( "The last refusal came 3 times." ), 1 );
        assert_true( dmheap_set_module_limit( "m", SIZE_MAX ) );
        refuse_m();
        assert_int_equal( reports() - before, 3 );
    }
}

static void a_refusal_is_the_same_by_whatever_face_and_of_whatever_size( void** state )
{
    (void)state;
    dmheap_module_t module = dmheap_module_open( "m" );
    void*           block  = dmheap_malloc( 100, "m" );
    refuse_m_often( 0 );
    assert_null( dmheap_malloc( 100000, "m" ) );
    assert_null( dmheap_calloc( 300, 300, "m" ) );
    assert_null( dmheap_aligned_alloc( 64, 200000, "m" ) );
    assert_null( dmheap_realloc( block, 100001, "m" ) );
    assert_null( dmheap_realloc( NULL, 100001, "m" ) );
    assert_null( dmheap_module_malloc( module, 100002 ) );
    assert_null( dmheap_module_realloc( module, block, 100002 ) );
    assert_null( dmheap_ctx_malloc( first_context(), 100002, "m" ) );
    assert_int_equal( reports(), 4 );
    assert_int_equal( fixture_logged( "Cannot allocate 100002 bytes for module m" ), 1 );
    assert_int_equal( fixture_logged( " (8 times)" ), 1 );
}

static void unregistering_a_module_tells_how_often_it_was_refused( void** state )
{
    (void)state;
    assert_true( dmheap_register_module( "m" ) );
    refuse_m_often( 3 );
    dmheap_unregister_module( "m" );
    assert_non_null( strstr( fixture_log(), "The last refusal came 3 times.\n"
                                            "[INFO] dmheap: Module m unregistered successfully.\n" ) );
    /* one that got nothing, and so is no module, as a kernel unloads it */
    refuse_m_often( 3 );
    Dmod_FreeModule( "another" );
    assert_int_equal( fixture_logged( "The last refusal" ), 0 );
    Dmod_FreeModule( "m" );
    assert_int_equal( reports(), 3 );
    assert_non_null( strstr( fixture_log(), "(2 times)\n[ERROR] dmheap: The last refusal came 3 times.\n" ) );
}

static void a_module_that_is_registered_on_the_way_is_said_once( void** state )
{
    (void)state;
    void* block = dmheap_malloc( 8, NULL );
    for( unsigned again = 0; again < 2; again++ )
    {
        (void)dmheap_malloc( 8, "allocates" );
        assert_true( dmheap_retag( block, "is given to" ) );
        assert_true( dmheap_set_module_limit( "is limited", 1000 ) );
        assert_non_null( dmheap_module_open( "is opened" ).context );
    }
    assert_string_equal( fixture_log(), "[INFO] dmheap: Module allocates registered successfully.\n"
                                        "[INFO] dmheap: Module is given to registered successfully.\n"
                                        "[INFO] dmheap: Module is limited registered successfully.\n"
                                        "[INFO] dmheap: Module is opened registered successfully.\n" );
}

static void a_name_that_is_too_long_for_its_line_is_shortened_in_the_log_alone( void** state )
{
    char text[NAME_ROOM];
    char line[300];
    (void)state;
    size_t most = sizeof( void* ) > 4 ? 160 : 99;
    name_of( text, NAME_MOST );
    memcpy( text, "/modules/", 9 );
    memcpy( text + NAME_MOST - 3, "#17", 3 );
    assert_true( dmheap_register_module( text ) );
    snprintf( line, sizeof line, "[INFO] dmheap: Module %s registered successfully.\n", text );
    const char* log = fixture_log();
    if( strlen( line ) - 7 + 15 > most )
    {
        assert_int_equal( strlen( log ) - 7 + 15, most );
        assert_non_null( strstr( log, "Module /modules/nnn" ) );
        assert_non_null( strstr( log, "n..n" ) );
        assert_non_null( strstr( log, "nnn#17 registered successfully.\n" ) );
    }
    else
        assert_string_equal( log, line );
    assert_true( dmheap_rename_module( text, "short" ) );
}

static int teardown( void** state )
{
    fixture_line = NULL;
    return heap_holds( state );
}

static int teardown_damaged( void** state )
{
    (void)state;
    fixture_line = NULL;
    return 0;
}

#define LOG_TEST( name ) cmocka_unit_test_setup_teardown( name, fresh_heap, teardown )

int test_log( void )
{
    const struct CMUnitTest tests[] = {
        LOG_TEST( a_log_function_may_allocate_when_there_is_no_memory ),
        LOG_TEST( a_log_function_may_allocate_from_a_damaged_heap ),
        cmocka_unit_test_setup_teardown( a_log_function_may_allocate_where_free_memory_is_overwritten, fresh_heap,
                                         teardown_damaged ),
        LOG_TEST( a_log_function_may_be_a_new_module ),
        LOG_TEST( reports_of_all_heaps_wait_for_one ),
        LOG_TEST( a_report_that_was_counted_is_told_once ),
        LOG_TEST( what_is_counted_is_what_would_be_said_up_to_a_most ),
        LOG_TEST( no_report_of_an_interrupt_is_lost ),
        LOG_TEST( the_same_refusal_is_said_at_each_power_of_two ),
        LOG_TEST( anything_else_tells_how_often_the_last_refusal_came ),
        LOG_TEST( another_module_heap_reason_or_purpose_is_another_refusal ),
        LOG_TEST( a_refusal_is_the_same_by_whatever_face_and_of_whatever_size ),
        LOG_TEST( unregistering_a_module_tells_how_often_it_was_refused ),
        LOG_TEST( a_module_that_is_registered_on_the_way_is_said_once ),
        LOG_TEST( a_name_that_is_too_long_for_its_line_is_shortened_in_the_log_alone ),
    };
    return cmocka_run_group_tests_name( "log", tests, NULL, NULL );
}
