/*
 * A request that is refused: what it says, what it counts, and that it leaves nothing behind.
 */
#include "unit.h"

static dmheap_context_t* second_default( size_t size )
{
    dmheap_context_t* second = fixture_second_heap( size, 8, 0 );
    assert_non_null( second );
    assert_true( dmheap_ctx_set_default( second, DMHEAP_LAST ) );
    return second;
}

/* ---- What asks for memory ---- */

static dmheap_module_t handle; /* of "m" */
static void*           block;  /* of "m", 100 bytes, that cannot grow where it is */

static void* ask_malloc( size_t size )
{
    return dmheap_malloc( size, "m" );
}

static void* ask_malloc_for_nobody( size_t size )
{
    return dmheap_malloc( size, NULL );
}

static void* ask_malloc_for_a_new_module( size_t size )
{
    return dmheap_malloc( size, "a module with a long name" );
}

static void* ask_aligned_alloc( size_t size )
{
    return dmheap_aligned_alloc( 64, size, "m" );
}

static void* ask_aligned_alloc_for_a_new_module( size_t size )
{
    return dmheap_aligned_alloc( 64, size, "a module with a long name" );
}

static void* ask_calloc( size_t size )
{
    return dmheap_calloc( 1, size, "m" );
}

static void* ask_calloc_for_a_new_module( size_t size )
{
    return dmheap_calloc( 1, size, "a module with a long name" );
}

static void* ask_realloc_of_null( size_t size )
{
    return dmheap_realloc( NULL, size, "m" );
}

static void* ask_realloc( size_t size )
{
    return dmheap_realloc( block, size, NULL );
}

static void* ask_aligned_realloc( size_t size )
{
    return dmheap_aligned_realloc( block, 64, size, NULL );
}

static void* ask_module_malloc( size_t size )
{
    return dmheap_module_malloc( handle, size );
}

static void* ask_module_calloc( size_t size )
{
    return dmheap_module_calloc( handle, 1, size );
}

static void* ask_module_aligned_alloc( size_t size )
{
    return dmheap_module_aligned_alloc( handle, 64, size );
}

static void* ask_module_realloc( size_t size )
{
    return dmheap_module_realloc( handle, block, size );
}

static void* ask_module_aligned_realloc( size_t size )
{
    return dmheap_module_aligned_realloc( handle, block, 64, size );
}

static void* ask_dmod( size_t size )
{
    return Dmod_MallocEx( size, "m" );
}

static void* ask_dmod_aligned( size_t size )
{
    return Dmod_AlignedMallocEx( size, 64, "m" );
}

static void* ask_dmod_realloc( size_t size )
{
    return Dmod_ReallocEx( block, size, "m" );
}

static void* ( *const asks[] )( size_t size ) = {
    ask_malloc,
    ask_malloc_for_nobody,
    ask_malloc_for_a_new_module,
    ask_aligned_alloc,
    ask_aligned_alloc_for_a_new_module,
    ask_calloc,
    ask_calloc_for_a_new_module,
    ask_realloc_of_null,
    ask_realloc,
    ask_aligned_realloc,
    ask_module_malloc,
    ask_module_calloc,
    ask_module_aligned_alloc,
    ask_module_realloc,
    ask_module_aligned_realloc,
    ask_dmod,
    ask_dmod_aligned,
    ask_dmod_realloc,
};

enum
{
    ASKS = sizeof asks / sizeof *asks
};

/* The first heap of so many bytes, with what is asked for. */
static void heap_to_ask( size_t size )
{
    assert_true( fixture_heap( size, 8, 0 ) );
    handle = dmheap_module_open( "m" );
    block  = dmheap_malloc( 100, "m" );
    assert_non_null( dmheap_malloc( 8, NULL ) );
    memset( block, 5, 100 );
}

/* ---- One heap ---- */

static void a_request_that_is_refused_counts_once_and_changes_nothing_else( void** state )
{
    static const size_t sizes[] = { 3000, 16000, 16384, 16500, 40000, (size_t)1 << 30, SIZE_MAX / 2, SIZE_MAX - 64 };
    (void)state;
    for( unsigned ask = 0; ask < ASKS; ask++ )
        for( unsigned i = 0; i < sizeof sizes / sizeof *sizes; i++ )
        {
            heap_to_ask( 16384 );
            if( sizes[i] < 16000 )
            {
                void* hole = dmheap_malloc( 600, NULL ); /* there is something free */
                void* wall = dmheap_malloc( 8, NULL );
                assert_non_null( wall );
                fill_up( first_context() );
                dmheap_free( hole, false );
            }
            assert_counted( asks[ask]( sizes[i] ), 1, "out of memory" );
            assert_int_equal( ( (unsigned char*)block )[99], 5 );
            assert_int_equal( stats_now().modules, 1 );
        }
}

static void requests_that_are_refused_register_nobody( void** state )
{
    char name[24];
    (void)state;
    for( unsigned heaps = 1; heaps < 3; heaps++ )
    {
        assert_true( fixture_heap( 16384, 8, 0 ) );
        dmheap_context_t* second = heaps == 2 ? second_default( 16384 ) : NULL;
        dmheap_stats_t    before = stats_now();
        for( unsigned i = 0; i < 250; i++ )
        {
            snprintf( name, sizeof name, "unknown%u", i );
            assert_null( i % 2 ? dmheap_malloc( 20000, name ) : dmheap_aligned_alloc( 64, 16000 + i, name ) );
            (void)fixture_log();
        }
        dmheap_stats_t after = stats_now();
        assert_int_equal( after.failed_allocations, 250 );
        after.failed_allocations = 0;
        assert_memory_equal( &before, &after, sizeof before );
        if( second != NULL ) assert_int_equal( stats_of( second ).failed_allocations, 0 );
        assert_non_null( dmheap_malloc( 8, "known" ) );
    }
}

/* Where blocks are, whose, and how large. */
typedef struct
{
    uint32_t count, hash;
} layout_t;

static bool add_to_layout( const dmheap_block_info_t* info, void* user )
{
    layout_t* layout = user;
    layout->count++;
    layout->hash = ( layout->hash * 31 + (uint32_t)(uintptr_t)info->address ) * 31 + (uint32_t)info->block_bytes;
    layout->hash = ( layout->hash * 31 + (uint32_t)info->use ) * 31 + (unsigned char)info->owner[0];
    return true;
}

static layout_t layout_now( void )
{
    layout_t layout = { 0, 0 };
    dmheap_visit_blocks( add_to_layout, &layout );
    return layout;
}

/* A new name needs a record as well: what is free is taken by steps of a granule, so that at some sizes the block alone
 * would fit. */
static void a_new_module_whose_record_takes_what_was_left_is_refused_without_a_trace( void** state )
{
    unsigned refused = 0, granted = 0;
    (void)state;
    for( size_t free = 16; free < 400; free += 8 )
        for( unsigned known = 0; known < 2; known++ )
        {
            assert_true( fixture_heap( 4096, 8, 0 ) );
            if( known ) assert_true( dmheap_register_module( "known" ) ); /* there is a table already */
            void* front = dmheap_malloc( free, NULL );
            void* wall  = dmheap_malloc( 8, NULL );
            fill_up( first_context() );
            dmheap_free( front, false );
            dmheap_stats_t before = stats_now();
            layout_t       layout = layout_now();
            void*          got    = dmheap_malloc( free / 2, "new" );
            granted += got != NULL;
            refused += got == NULL;
            before.failed_allocations += got == NULL;
            dmheap_stats_t after     = stats_now();
            layout_t       layout_is = layout_now();
            if( got == NULL ) assert_memory_equal( &before, &after, sizeof before );
            if( got == NULL ) assert_memory_equal( &layout, &layout_is, sizeof layout );
            assert_int_equal( stats_now().modules, known + ( got != NULL ) );
            assert_valid();
            dmheap_free( wall, false );
            (void)fixture_log();
        }
    assert_true( granted > 10 && refused > 10 );
}

/* In a heap that was never full: what was tried is no peak. */
static void what_a_new_module_was_refused_is_no_peak( void** state )
{
    unsigned refused = 0;
    (void)state;
    for( size_t free = 32; free < 400; free += 8 )
        for( size_t less = 0; less < 32; less += 8 )
            for( unsigned aligned = 0; aligned < 2; aligned++ )
            {
                assert_true( fixture_heap( 4096, 8, 0 ) );
                assert_non_null( dmheap_malloc( stats_now().largest_free_block - free, NULL ) );
                dmheap_stats_t before = stats_now();
                size_t         size   = before.largest_free_block > less ? before.largest_free_block - less : 1;
                void*          got    = aligned ? dmheap_aligned_alloc( 8, size, "new" ) : dmheap_malloc( size, "new" );
                refused += got == NULL;
                before.failed_allocations += got == NULL;
                dmheap_stats_t after = stats_now();
                if( got == NULL ) assert_memory_equal( &before, &after, sizeof before );
                (void)fixture_log();
            }
    assert_true( refused > 100 );
}

static void a_registration_that_is_refused_changes_nothing( void** state )
{
    char text[NAME_ROOM];
    (void)state;
    void* given = dmheap_malloc( 400, NULL );
    fill_up( first_context() );
    assert_refused( assert_false( dmheap_register_module( "new" ) ), "Cannot register module new: out of memory" );
    assert_refused( assert_null( dmheap_module_open( "new" ).context ), "Cannot register module new: out of memory" );
    assert_refused( assert_false( dmheap_set_module_limit( "new", 100 ) ), "Cannot limit module new: out of memory" );
    assert_refused( assert_false( dmheap_retag( given, "new" ) ), "Cannot give a block to module new: out of memory" );
    dmheap_free( given, false );
    assert_true( dmheap_register_module( "m" ) );
    fill_up( first_context() );
    assert_refused( assert_false( dmheap_rename_module( "m", name_of( text, NAME_MOST ) ) ),
                    "Cannot rename module m: out of memory" );
}

static void a_full_table_refuses_without_a_trace( void** state )
{
    char name[16];
    (void)state;
    void* given = dmheap_malloc( 100, NULL );
    for( unsigned i = 0; i < DMHEAP_MAX_MODULES; i++ )
    {
        snprintf( name, sizeof name, "m%u", i );
        assert_true( dmheap_register_module( name ) );
        (void)fixture_log();
    }
    assert_counted( dmheap_malloc( 8, "more" ), 1, "table is full" );
    assert_counted( dmheap_aligned_alloc( 64, 8, "more" ), 1, "table is full" );
    assert_refused( assert_false( dmheap_register_module( "more" ) ), "Cannot register module more: the module table" );
    assert_refused( assert_null( dmheap_module_open( "more" ).context ), "table is full" );
    assert_refused( assert_false( dmheap_retag( given, "more" ) ), "table is full" );
    assert_refused( assert_false( dmheap_set_module_limit( "more", 8 ) ), "table is full" );
    assert_non_null( dmheap_malloc( 8, "m0" ) );
    assert_true( dmheap_rename_module( "m0", "more" ) ); /* needs no place */
}

static void a_refused_request_that_no_memory_would_help_is_not_counted( void** state )
{
    char        text[NAME_ROOM];
    const char* bad = name_of( text, NAME_MOST + 1 );
    (void)state;
    dmheap_module_t stale = dmheap_module_open( "stale" );
    dmheap_unregister_module( "stale" );
    block = dmheap_malloc( 100, "m" );
    assert_counted( dmheap_malloc( 8, bad ), 0, "Invalid module name" );
    assert_counted( dmheap_aligned_alloc( 64, 8, bad ), 0, "Invalid module name" );
    assert_counted( dmheap_calloc( 8, 8, bad ), 0, "Invalid module name" );
    assert_counted( dmheap_realloc( NULL, 8, bad ), 0, "Invalid module name" );
    assert_counted( dmheap_aligned_alloc( 12, 8, "m" ), 0, "power of two" );
    assert_counted( dmheap_aligned_realloc( block, 12, 8, "m" ), 0, "power of two" );
    assert_counted( dmheap_calloc( SIZE_MAX / 2, 3, "m" ), 0, "overflows" );
    assert_counted( dmheap_module_malloc( stale, 8 ), 0, "handle" );
    assert_counted( dmheap_realloc( (char*)block + 8, 8, "m" ), 0, "refused" );
    assert_counted( dmheap_ctx_malloc( second_context(), 8, "m" ), 0, "No heap" );
}

static void refused_registrations_are_no_allocations( void** state )
{
    (void)state;
    fill_up( first_context() );
    uint32_t failed = stats_now().failed_allocations;
    assert_false( dmheap_register_module( "new" ) );
    assert_false( dmheap_set_module_limit( "new", 100 ) );
    assert_null( dmheap_module_open( "new" ).context );
    assert_int_equal( stats_now().failed_allocations, failed );
}

/* ---- Several heaps ---- */

static void a_request_that_another_heap_grants_is_not_refused( void** state )
{
    static const size_t sizes[] = { 3900, 4000, 4080, 4096, 4100, 5000, 8191, 65536, 262144, 700000, 1000000 };
    (void)state;
    for( unsigned ask = 0; ask < ASKS; ask++ )
        for( unsigned i = 0; i < sizeof sizes / sizeof *sizes; i++ )
            for( unsigned small = 0; small < 2;
                 small++ ) /* the first heap is empty but for a few blocks, or very small */
            {
                heap_to_ask( small ? 768 : 4096 );
                dmheap_context_t* second = second_default( FIXTURE_MOST );
                void*             got    = asks[ask]( sizes[i] );
                assert_non_null( got );
                assert_ptr_equal( dmheap_ctx_of( got ), second );
                assert_int_equal( stats_now().failed_allocations, 0 );
                assert_int_equal( fixture_logged( "[ERROR]" ), 0 );
                assert_true( dmheap_usable_size( got ) >= sizes[i] );
                (void)fixture_log();
            }
}

static void a_request_that_no_heap_grants_counts_once_in_the_first_that_was_asked( void** state )
{
    (void)state;
    for( unsigned ask = 0; ask < ASKS; ask++ )
        for( unsigned moved = 0; moved < 2; moved++ )
        {
            heap_to_ask( 16384 );
            dmheap_context_t* second = second_default( 32768 );
            if( moved ) assert_true( dmheap_ctx_set_default( second, 0 ) );
            /* a block and a handle have their heap asked first, wherever that is in the order */
            bool by_block = asks[ask] == ask_realloc || asks[ask] == ask_aligned_realloc ||
                            asks[ask] == ask_dmod_realloc || asks[ask] == ask_module_realloc ||
                            asks[ask] == ask_module_aligned_realloc || asks[ask] == ask_module_malloc ||
                            asks[ask] == ask_module_calloc || asks[ask] == ask_module_aligned_alloc;
            assert_counted( asks[ask]( 40000 ), 1, "largest free block is" );
            assert_int_equal( stats_of( moved && !by_block ? second : first_context() ).failed_allocations, 1 );
            assert_int_equal( stats_now().modules, 1 );
        }
}

static void the_largest_free_block_of_all_heaps_is_named( void** state )
{
    char expected[64];
    (void)state;
    for( unsigned ask = 0; ask < ASKS; ask++ )
        for( unsigned moved = 0; moved < 2; moved++ )
        {
            heap_to_ask( 16384 );
            dmheap_context_t* second = second_default( 32768 );
            if( moved ) assert_true( dmheap_ctx_set_default( second, 0 ) );
            size_t largest = stats_of( second ).largest_free_block;
            assert_true( largest > stats_of( first_context() ).largest_free_block );
            snprintf( expected, sizeof expected, "largest free block is %lu bytes.", (unsigned long)largest );
            assert_null( asks[ask]( 50000 ) );
            assert_int_equal( fixture_logged( expected ), 1 );
            (void)fixture_log();
        }
}

static void that_nothing_is_free_is_said( void** state )
{
    (void)state;
    assert_non_null( dmheap_malloc( stats_now().largest_free_block, NULL ) );
    assert_null( dmheap_malloc( 8, NULL ) );
    assert_int_equal( fixture_logged( "largest free block is 0 bytes." ), 1 );
}

static void the_largest_free_block_of_all_heaps_is_named_to_a_realloc( void** state )
{
    char expected[64];
    (void)state;
    heap_to_ask( 32768 );
    dmheap_context_t* second  = second_default( 16384 );
    void*             moving  = dmheap_malloc( 100, "m" );
    size_t            largest = stats_of( first_context() ).largest_free_block;
    assert_true( largest > stats_of( second ).largest_free_block );
    snprintf( expected, sizeof expected, "largest free block is %lu bytes.", (unsigned long)largest );
    assert_null( dmheap_realloc( moving, 50000, NULL ) );
    assert_int_equal( fixture_logged( expected ), 1 );
}

/* ---- Words ---- */

#define assert_says( call, text )                                                                                      \
    do                                                                                                                 \
    {                                                                                                                  \
        (void)fixture_log();                                                                                           \
        (void)( call );                                                                                                \
        assert_string_equal( fixture_log(), text );                                                                    \
    } while( 0 )

static void what_is_said_names_what_was_asked_for( void** state )
{
    char expected[120];
    (void)state;
    dmheap_module_t net = dmheap_module_open( "net" );
    dmheap_unregister_module( "net" );
    block = dmheap_malloc( 100, "m" );
    assert_says( dmheap_calloc( 16, SIZE_MAX / 8, "m" ),
                 sizeof( size_t ) == 8 ? "[ERROR] dmheap: Cannot allocate 16 elements of 2305843009213693951 bytes for "
                                         "module m: it overflows.\n"
                                       : "[ERROR] dmheap: Cannot allocate 16 elements of 536870911 bytes for module m: "
                                         "it overflows.\n" );
    assert_says( dmheap_module_malloc( net, 100 ), "[ERROR] dmheap: Cannot allocate 100 bytes for module (none): "
                                                   "the module's handle is not or no longer valid.\n" );
    assert_says( dmheap_aligned_alloc( 24, 100, "m" ),
                 "[ERROR] dmheap: Cannot allocate 100 bytes (alignment 24) for module "
                 "m: the alignment is no power of two.\n" );
    assert_true( dmheap_set_module_limit( "m", 200 ) );
    assert_says( dmheap_malloc( 100, "m" ),
                 "[ERROR] dmheap: Cannot allocate 100 bytes for module m: the module's limit is reached.\n" );
    assert_says( dmheap_get_stats( NULL ),
                 "[ERROR] dmheap: NULL where figures are to be written or a function called.\n" );
    assert_says( dmheap_visit_blocks( NULL, NULL ),
                 "[ERROR] dmheap: NULL where figures are to be written or a function called.\n" );
    assert_says( dmheap_ctx_malloc( NULL, 8, "m" ), "[ERROR] dmheap: No heap here: call dmheap_init first.\n" );
    dmheap_module_stats_t stats;
    assert_says( dmheap_get_module_stats( "unknown", &stats ), "[WARN] dmheap: Module unknown is not registered.\n" );
    assert_says( dmheap_rename_module( "unknown", "other" ), "[WARN] dmheap: Module unknown is not registered.\n" );

    /* an address that was given is named */
    int               x;
    dmheap_context_t* none = (void*)&x;
    snprintf( expected, sizeof expected, "[ERROR] dmheap: No heap here: %p is none, or was taken down.", (void*)none );
    for( unsigned call = 0; call < 12; call++ )
    {
        dmheap_stats_t figures;
        (void)fixture_log();
        switch( call )
        {
        case 0: (void)dmheap_ctx_malloc( none, 8, "m" ); break;
        case 1: (void)dmheap_ctx_aligned_alloc( none, 64, 8, "m" ); break;
        case 2: (void)dmheap_ctx_realloc( none, block, 8, "m" ); break;
        case 3: dmheap_ctx_free( none, block, false ); break;
        case 4: (void)dmheap_ctx_usable_size( none, block ); break;
        case 5: (void)dmheap_ctx_retag( none, block, "m" ); break;
        case 6: dmheap_ctx_unregister_module( none, "m" ); break;
        case 7: (void)dmheap_ctx_deinit( none ); break;
        case 8: (void)dmheap_ctx_set_default( none, 0 ); break;
        case 9: (void)dmheap_ctx_get_stats( none, &figures ); break;
        case 10: (void)dmheap_ctx_check( none, NULL ); break;
        default: dmheap_ctx_visit_blocks( none, NULL, NULL ); break;
        }
        assert_int_equal( fixture_logged( expected ), 1 );
        assert_int_equal( fixture_logged( "[" ), 1 );
    }
    for( unsigned call = 0; call < 5; call++ )
    {
        (void)fixture_log();
        switch( call )
        {
        case 0: (void)dmheap_ctx_register_module( none, "m" ); break;
        case 1: (void)dmheap_ctx_module_open( none, "m" ); break;
        case 2: (void)dmheap_ctx_set_module_limit( none, "m", 8 ); break;
        case 3: (void)dmheap_ctx_get_module_stats( none, "m", &stats ); break;
        default: (void)dmheap_ctx_rename_module( none, "m", "n" ); break;
        }
        assert_int_equal( fixture_logged( expected ), 1 );
        assert_int_equal( fixture_logged( "[" ), 1 );
    }
}

static int teardown( void** state )
{
    int result = heap_holds( state );
    fixture_no_heap();
    (void)fixture_log();
    return result;
}

#define REFUSAL_TEST( name ) cmocka_unit_test_setup_teardown( name, fresh_heap, teardown )

int test_refusals( void )
{
    const struct CMUnitTest tests[] = {
        REFUSAL_TEST( a_request_that_is_refused_counts_once_and_changes_nothing_else ),
        REFUSAL_TEST( requests_that_are_refused_register_nobody ),
        REFUSAL_TEST( a_new_module_whose_record_takes_what_was_left_is_refused_without_a_trace ),
        REFUSAL_TEST( what_a_new_module_was_refused_is_no_peak ),
        REFUSAL_TEST( a_registration_that_is_refused_changes_nothing ),
        REFUSAL_TEST( a_full_table_refuses_without_a_trace ),
        REFUSAL_TEST( a_refused_request_that_no_memory_would_help_is_not_counted ),
        REFUSAL_TEST( refused_registrations_are_no_allocations ),
        REFUSAL_TEST( a_request_that_another_heap_grants_is_not_refused ),
        REFUSAL_TEST( a_request_that_no_heap_grants_counts_once_in_the_first_that_was_asked ),
        REFUSAL_TEST( the_largest_free_block_of_all_heaps_is_named ),
        REFUSAL_TEST( that_nothing_is_free_is_said ),
        REFUSAL_TEST( the_largest_free_block_of_all_heaps_is_named_to_a_realloc ),
        REFUSAL_TEST( what_is_said_names_what_was_asked_for ),
    };
    return cmocka_run_group_tests_name( "refusals", tests, NULL, NULL );
}
