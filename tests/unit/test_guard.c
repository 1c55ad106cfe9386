/*
 * The guard: what is written behind a block or into free memory is found, and the one who allocated it is named. Needs a
 * library built with DMHEAP_GUARD.
 */
#include "unit.h"

static __attribute__( ( noinline ) ) unsigned char* allocate_here( size_t size )
{
    unsigned char* block = dmheap_malloc( size, "culprit" );
    assert_non_null( block );
    return block;
}

static bool note_caller( const dmheap_block_info_t* block, void* user )
{
    if( block->use == DMHEAP_BLOCK_LIVE ) *(const void**)user = block->caller;
    return true;
}

/* The one who allocated the last live block. */
static const void* caller_of_last( void )
{
    const void* caller = NULL;
    dmheap_visit_blocks( note_caller, &caller );
    return caller;
}

static bool note_block( const dmheap_block_info_t* block, void* user )
{
    dmheap_block_info_t* noted = user;
    if( block->address == noted->address ) *noted = *block;
    return true;
}

/* Bytes of heap that it takes. */
static size_t block_bytes_of( void* block )
{
    dmheap_block_info_t info = { .address = block };
    dmheap_visit_blocks( note_block, &info );
    return info.block_bytes;
}

/* What was logged is that a block of `size` was written behind its end. */
static void assert_names_the_culprit( const unsigned char* block, size_t size, const void* caller )
{
    char expected[160];
    snprintf( expected, sizeof expected, "Written behind the end of %p, %lu bytes of module culprit, allocated at %p.",
              (const void*)block, (unsigned long)size, caller );
    assert_int_equal( fixture_logged( "[ERROR]" ), 1 );
    assert_non_null( strstr( fixture_log(), expected ) );
    assert_false( fixture_logged_while_locked() );
}

static void the_usable_size_is_what_was_asked_for( void** state )
{
    (void)state;
    for( size_t size = 1; size < 100; size++ )
    {
        unsigned char* block = dmheap_malloc( size, "m" );
        assert_int_equal( dmheap_usable_size( block ), size );
        memset( block, 0, size );
        block = dmheap_realloc( block, 2 * size, "m" );
        assert_int_equal( dmheap_usable_size( block ), 2 * size );
        block = dmheap_aligned_realloc( block, 64, size / 2 + 1, "m" );
        assert_int_equal( dmheap_usable_size( block ), size / 2 + 1 );
        memset( block, 0xff, size / 2 + 1 );
        assert_valid();
        dmheap_free( block, false );
    }
    assert_int_equal( fixture_logged( "[ERROR]" ), 0 );
}

static void the_usable_size_of_nobodys_block_is_what_was_asked_for( void** state )
{
    unsigned char* block = dmheap_malloc( 10, NULL );
    (void)state;
    assert_int_equal( dmheap_usable_size( block ), 10 );
    dmheap_free( block, false );
}

static void a_byte_behind_a_block_is_found_when_it_is_freed( void** state )
{
    (void)state;
    for( size_t size = 1; size < 60; size++ )
        for( size_t behind = 0; behind < 4; behind++ )
        {
            unsigned char* block  = allocate_here( size );
            const void*    caller = caller_of_last();
            block[size + behind] ^= 1;
            (void)fixture_log();
            dmheap_free( block, false );
            assert_names_the_culprit( block, size, caller );
            assert_valid();
        }
}

static void it_is_found_by_the_check_with_the_block( void** state )
{
    const void*    where;
    unsigned char* block = allocate_here( 10 );
    (void)state;
    assert_int_equal( dmheap_check( NULL ), DMHEAP_CHECK_OK );
    block[10] = 0;
    assert_int_equal( dmheap_check( &where ), DMHEAP_CHECK_GUARD );
    assert_ptr_equal( where, block );
}

static void a_block_of_nobodys_is_looked_at_too( void** state )
{
    const void*    where;
    unsigned char* block = dmheap_malloc( 10, NULL );
    (void)state;
    block[10] ^= 1;
    assert_int_equal( dmheap_check( &where ), DMHEAP_CHECK_GUARD );
    assert_ptr_equal( where, block );
    assert_non_null( caller_of_last() );
    (void)fixture_log();
    dmheap_free( block, false );
    assert_int_equal( fixture_logged( "10 bytes of module (none), allocated at 0x" ), 1 );
}

/* Behind the canary are the bytes that were asked for, the caller and the number. */
static void a_size_that_is_overwritten_is_found_and_leads_nowhere( void** state )
{
    enum
    {
        TRAILER = 2 * 4 + sizeof( void* )
    };
    const void*    where;
    unsigned char* block = allocate_here( 10 );
    size_t         bytes = block_bytes_of( block );
    (void)state;
    assert_non_null( dmheap_malloc( 10, "m" ) );
    memset( block + bytes - 4 - TRAILER, 0x7f, 4 );
    assert_int_equal( dmheap_check( &where ), DMHEAP_CHECK_GUARD );
    assert_ptr_equal( where, block );
    assert_true( dmheap_usable_size( block ) < bytes );
}

static void it_is_found_when_the_block_is_reallocated( void** state )
{
    unsigned char* block  = allocate_here( 10 );
    const void*    caller = caller_of_last();
    (void)state;
    block[10] = 0;
    (void)fixture_log();
    unsigned char* other = dmheap_realloc( block, 1000, "m" );
    assert_non_null( other );
    assert_names_the_culprit( block, 10, caller );
    assert_valid();
}

static void it_is_said_once_when_the_block_moves( void** state )
{
    unsigned char* block  = allocate_here( 10 );
    const void*    caller = caller_of_last();
    (void)state;
    assert_non_null( dmheap_malloc( 10, "m" ) );
    block[10] = 0;
    (void)fixture_log();
    assert_ptr_not_equal( dmheap_realloc( block, 1000, "m" ), block );
    assert_names_the_culprit( block, 10, caller );
}

static void it_is_found_when_the_block_moves_at_once( void** state )
{
    unsigned char* block  = allocate_here( 10 );
    const void*    caller = caller_of_last();
    (void)state;
    block[10] = 0;
    (void)fixture_log();
    unsigned char* other = dmheap_aligned_realloc( block, 1024, 10, "m" ); /* an address that it has not */
    assert_true( other != NULL && other != block );
    assert_names_the_culprit( block, 10, caller );
    assert_valid();
}

static void it_is_found_when_the_module_is_unregistered( void** state )
{
    unsigned char* block  = allocate_here( 33 );
    const void*    caller = caller_of_last();
    (void)state;
    block[33] = 0;
    (void)fixture_log();
    dmheap_unregister_module( "culprit" );
    assert_names_the_culprit( block, 33, caller );
    assert_valid();
}

static void a_write_after_free_is_found_by_the_next_allocation( void** state )
{
    (void)state;
    size_t bytes = 100;
    for( size_t at = 8; at <= bytes - 8; at += 4 ) /* up to its last word */
    {
        unsigned char* block = allocate_here( 100 );
        bytes                = block_bytes_of( block );
        dmheap_free( block, false );
        block[at] = 1;
        (void)fixture_log();
        void* again = dmheap_malloc( 100, "innocent" );
        char  expected[80];
        snprintf( expected, sizeof expected, "Written to free memory at %p:", (void*)( block + at ) );
        assert_int_equal( fixture_logged( "[ERROR]" ), 1 );
        assert_non_null( strstr( fixture_log(), expected ) );
        dmheap_free( again, false );
        assert_valid();
    }
}

/* Every call that makes free memory a part of a block looks at what it was. */
static void a_write_after_free_is_found_when_a_realloc_grows_into_it( void** state )
{
    (void)state;
    size_t bytes[2] = { 200, 200 };         /* of the block when it has grown */
    size_t hole_at  = 100;                  /* behind the block */
    for( unsigned all = 0; all < 2; all++ ) /* of the free block, or a part of it: that has its foot at the end */
        for( size_t at = 8; hole_at + at + 8 + 4 * all <= bytes[all]; at += 4 )
        {
            unsigned char* block = dmheap_malloc( 100, "innocent" );
            unsigned char* hole  = allocate_here( 200 );
            void*          wall  = dmheap_malloc( 8, "m" );
            char           expected[80];
            dmheap_free( hole, false );
            hole[at] = 1;
            (void)fixture_log();
            assert_ptr_equal( dmheap_realloc( block, all ? 320 : 280, NULL ), block );
            bytes[all] = block_bytes_of( block );
            hole_at    = (size_t)( hole - block );
            snprintf( expected, sizeof expected, "Written to free memory at %p:", (void*)( hole + at ) );
            assert_int_equal( fixture_logged( "[ERROR]" ), 1 );
            assert_non_null( strstr( fixture_log(), expected ) );
            assert_valid();
            dmheap_free( block, false );
            dmheap_free( wall, false );
        }
}

static void a_write_after_free_is_found_when_a_registration_takes_it( void** state )
{
    (void)state;
    unsigned char* end = fixture_buffer() + 65536 - 64; /* in what the first record is made of */
    *( end - (uintptr_t)end % 4 ) ^= 1;
    (void)fixture_log();
    assert_true( dmheap_register_module( "m" ) );
    assert_int_equal( fixture_logged( "Written to free memory" ), 1 );
    assert_false( fixture_logged_while_locked() );
    assert_valid();
}

static void a_write_after_free_is_found_by_the_check( void** state )
{
    const void*    where;
    unsigned char* block = allocate_here( 100 );
    void*          fence = dmheap_malloc( 8, "m" );
    (void)state;
    dmheap_free( block, false );
    for( size_t at = 8; at < 100; at++ ) /* behind the links */
    {
        block[at] ^= 1;
        assert_int_equal( dmheap_check( &where ), DMHEAP_CHECK_GUARD );
        assert_ptr_equal( where, block );
        block[at] ^= 1;
    }
    assert_valid();
    /* up to the last word in front of the foot */
    *( (unsigned char*)fence - 4 - 4 - 1 ) ^= 1;
    assert_int_equal( dmheap_check( &where ), DMHEAP_CHECK_GUARD );
    dmheap_free( fence, false );
}

static __attribute__( ( noinline ) ) void* resize_here( void* block, size_t size )
{
    void* resized = dmheap_realloc( block, size, NULL );
    assert_non_null( resized );
    return resized;
}

static void a_block_that_is_resized_has_who_did_it_for_a_caller( void** state )
{
    (void)state;
    void*       block  = allocate_here( 100 );
    const void* caller = caller_of_last();
    assert_ptr_equal( resize_here( block, 90 ), block );
    assert_ptr_not_equal( caller_of_last(), caller );
    assert_true( (uintptr_t)caller_of_last() - (uintptr_t)resize_here < 256 );
    dmheap_free( block, false );
}

static __attribute__( ( noinline ) ) void* allocate_there( void )
{
    void* block = Dmod_MallocEx( 8, "m" );
    assert_non_null( block );
    return block;
}

static void dmods_functions_name_who_called_them( void** state )
{
    (void)state;
    void*       here    = Dmod_MallocEx( 8, "m" );
    const void* caller  = caller_of_last();
    void*       there   = allocate_there();
    const void* another = caller_of_last();
    assert_ptr_not_equal( caller, another );
    here = Dmod_ReallocEx( here, 20000, "m" );
    assert_ptr_not_equal( caller_of_last(), caller );
    assert_ptr_not_equal( caller_of_last(), another );
    void* aligned = Dmod_AlignedMallocEx( 30000, 64, "m" );
    assert_ptr_not_equal( caller_of_last(), caller );
    Dmod_FreeEx( here, false );
    Dmod_FreeEx( there, false );
    Dmod_FreeEx( aligned, false );
}

int main( void )
{
    const struct CMUnitTest tests[] = {
        HEAP_TEST( the_usable_size_is_what_was_asked_for ),
        HEAP_TEST( the_usable_size_of_nobodys_block_is_what_was_asked_for ),
        HEAP_TEST( a_byte_behind_a_block_is_found_when_it_is_freed ),
        DAMAGED_TEST( a_size_that_is_overwritten_is_found_and_leads_nowhere ),
        DAMAGED_TEST( it_is_found_by_the_check_with_the_block ),
        DAMAGED_TEST( a_block_of_nobodys_is_looked_at_too ),
        HEAP_TEST( it_is_found_when_the_block_is_reallocated ),
        HEAP_TEST( it_is_said_once_when_the_block_moves ),
        HEAP_TEST( it_is_found_when_the_block_moves_at_once ),
        HEAP_TEST( it_is_found_when_the_module_is_unregistered ),
        HEAP_TEST( a_write_after_free_is_found_by_the_next_allocation ),
        HEAP_TEST( a_write_after_free_is_found_when_a_realloc_grows_into_it ),
        HEAP_TEST( a_write_after_free_is_found_when_a_registration_takes_it ),
        DAMAGED_TEST( a_write_after_free_is_found_by_the_check ),
        HEAP_TEST( a_block_that_is_resized_has_who_did_it_for_a_caller ),
        HEAP_TEST( dmods_functions_name_who_called_them ),
    };
    return cmocka_run_group_tests_name( "guard", tests, NULL, NULL );
}
