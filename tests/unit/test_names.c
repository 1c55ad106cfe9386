/*
 * Names: long ones that differ at their end, ones that are too long, the empty one, and ones that lie in a block that
 * vanishes in the call that they are given to.
 */
#include "unit.h"

enum
{
    FACES = 12
};

/* Each way in which a block of 40 bytes comes to an owner. */
static void* give( unsigned face, const char* owner )
{
    void* block = NULL;
    switch( face )
    {
    case 0: return dmheap_malloc( 40, owner );
    case 1: return dmheap_aligned_alloc( 64, 40, owner );
    case 2: return dmheap_calloc( 5, 8, owner );
    case 3: return dmheap_realloc( NULL, 40, owner );
    case 4: return dmheap_aligned_realloc( NULL, 64, 40, owner );
    case 5: return dmheap_ctx_malloc( first_context(), 40, owner );
    case 6: return dmheap_ctx_aligned_alloc( first_context(), 64, 40, owner );
    case 7: return dmheap_ctx_realloc( first_context(), NULL, 40, owner );
    case 8: return Dmod_MallocEx( 40, owner );
    case 9: return Dmod_AlignedMallocEx( 40, 64, owner );
    case 10: return Dmod_ReallocEx( NULL, 40, owner );
    default: block = dmheap_malloc( 40, "giver" );
    }
    if( Dmod_RetagEx( block, owner ) ) return block;
    dmheap_free( block, false );
    return NULL;
}

static void long_names_that_differ_in_the_last_character_are_two_owners( void** state )
{
    char one[NAME_ROOM], other[NAME_ROOM];
    (void)state;
    for( unsigned face = 0; face < FACES; face++ )
        for( size_t length = NAME_MOST - 8; length <= NAME_MOST; length++ )
        {
            name_of( one, length );
            name_of( other, length );
            other[length - 1] = '2';
            void* block       = give( face, one );
            assert_non_null( block );
            assert_int_equal( live_blocks_of( one ), 1 );
            assert_int_equal( live_blocks_of( other ), 0 );
            assert_non_null( give( face, other ) );
            assert_int_equal( live_blocks_of( other ), 1 );
            dmheap_module_t handle = dmheap_module_open( one );
            assert_refused( dmheap_module_free( dmheap_module_open( other ), block ), "another module" );
            assert_true( dmheap_set_module_limit( other, 200 ) );
            assert_null( dmheap_malloc( 300, other ) );
            assert_non_null( dmheap_malloc( 300, one ) );
            Dmod_FreeModule( other );
            assert_int_equal( live_blocks_of( other ), 0 );
            assert_int_equal( live_blocks_of( one ), 2 );
            assert_true( Dmod_RenameTag( one, other ) );
            assert_int_equal( live_blocks_of( one ), 0 );
            assert_int_equal( live_blocks_of( other ), 2 );
            dmheap_module_free( handle, block );
            assert_int_equal( live_blocks_of( other ), 1 );
            dmheap_unregister_module( other );
            if( face == FACES - 1 ) dmheap_unregister_module( "giver" );
            assert_int_equal( stats_now().used_blocks, 0 );
            assert_int_equal( stats_now().modules, 0 );
            (void)fixture_log();
        }
}

static void a_name_that_is_too_long_is_refused_with_what_holds( void** state )
{
    char text[NAME_ROOM];
    char expected[60];
    (void)state;
    name_of( text, NAME_MOST + 1 );
    snprintf( expected, sizeof expected, "it must have 1 to %u characters", (unsigned)NAME_MOST );
    assert_true( dmheap_register_module( "giver" ) );
    for( unsigned face = 0; face < FACES + 5; face++ )
    {
        (void)fixture_log();
        switch( face )
        {
        case FACES: assert_false( dmheap_register_module( text ) ); break;
        case FACES + 1: assert_false( Dmod_RenameTag( "giver", text ) ); break;
        case FACES + 2: assert_false( dmheap_set_module_limit( text, 100 ) ); break;
        case FACES + 3: assert_null( dmheap_module_open( text ).context ); break;
        case FACES + 4: Dmod_FreeModule( text ); break;
        default: assert_null( give( face, text ) ); break;
        }
        assert_int_equal( fixture_logged( expected ), 1 );
        assert_int_equal( fixture_logged( "] dmheap: " ), 1 );
        assert_int_equal( stats_now().modules, 1 );
        assert_int_equal( stats_now().used_blocks, 0 );
    }
}

static bool is_nobodys( const dmheap_block_info_t* block, void* user )
{
    if( block->use == DMHEAP_BLOCK_LIVE && block->owner[0] == '\0' ) ++*(unsigned*)user;
    return true;
}

static void the_empty_name_is_nobody( void** state )
{
    (void)state;
    for( unsigned face = 0; face < FACES; face++ )
    {
        unsigned found = 0;
        (void)fixture_log();
        void* block = give( face, "" );
        assert_non_null( block );
        dmheap_visit_blocks( is_nobodys, &found );
        assert_int_equal( found, 1 );
        assert_int_equal( stats_now().modules, face == FACES - 1 ? 1 : 0 );
        assert_int_equal( fixture_logged( "[ERROR]" ), 0 );
        dmheap_free( block, false );
    }
    void* block = dmheap_malloc( 8, "m" );
    assert_true( Dmod_RetagEx( block, NULL ) );
    assert_int_equal( live_blocks_of( "m" ), 0 );
    assert_refused( dmheap_register_module( "" ), "Invalid module name" );
    assert_refused( dmheap_set_module_limit( "", 100 ), "Invalid module name" );
    assert_refused( dmheap_unregister_module( "" ), "Invalid module name" );
    assert_refused( dmheap_rename_module( "m", "" ), "Invalid module name" );
    assert_refused( dmheap_rename_module( "", "m" ), "Invalid module name" );
    assert_refused( Dmod_FreeModule( "" ), "Invalid module name" );
    assert_null( dmheap_malloc( 100000, "" ) );
    assert_int_equal( fixture_logged( "for module (none): out of memory" ), 1 );
}

static void renaming_to_a_taken_name_joins_the_two( void** state )
{
    (void)state;
    assert_non_null( Dmod_MallocEx( 10, "lib#1" ) );
    assert_non_null( Dmod_MallocEx( 10, "lib" ) );
    assert_true( Dmod_RenameTag( "lib#1", "lib" ) );
    assert_int_equal( live_blocks_of( "lib" ), 2 );
    assert_int_equal( stats_now().modules, 1 );
}

/* A name in a block of its own owner, of a module's image as it were. */
static char* image_of( const char* name )
{
    char* image = Dmod_AlignedMallocEx( 200, 16, name );
    assert_non_null( image );
    memset( image, 'x', 200 );
    strcpy( image + 50, name );
    return image;
}

static void a_name_may_lie_in_a_block_that_vanishes_in_the_call( void** state )
{
    char text[NAME_ROOM];
    (void)state;
    name_of( text, NAME_MOST );
    for( unsigned i = 0; i < 9; i++ )
    {
        char* image = image_of( text );
        char* name  = image + 50;
        void* wall  = dmheap_malloc( 8, "wall" );
        (void)fixture_log();
        switch( i )
        {
        case 0: Dmod_FreeModule( name ); break;
        case 1: dmheap_unregister_module( name ); break;
        case 2: dmheap_ctx_unregister_module( first_context(), name ); break;
        case 3: assert_true( Dmod_RenameTag( name, "new" ) ); break;
        case 4: assert_true( Dmod_RenameTag( name, "wall" ) ); break; /* its blocks go to another */
        case 5: assert_true( Dmod_RetagEx( image, name ) ); break;
        case 6: /* it moves, and the name with it */
            image = Dmod_ReallocEx( image, 2000, name );
            assert_non_null( image );
            assert_string_equal( image + 50, text );
            break;
        case 7: assert_null( Dmod_ReallocEx( image, 0, name ) ); break;
        default: assert_null( Dmod_ReallocEx( image, 100000, name ) ); break;
        }
        assert_int_equal( live_blocks_of( text ), i == 5 || i == 6 || i == 8 ? 1 : 0 );
        if( i == 1 || i == 2 ) assert_int_equal( fixture_logged( "unregistered successfully" ), 1 );
        assert_valid();
        Dmod_FreeModule( text );
        Dmod_FreeModule( "new" );
        if( i != 4 ) dmheap_free( wall, false );
        Dmod_FreeModule( "wall" );
        assert_int_equal( stats_now().used_blocks, 0 );
        assert_int_equal( stats_now().modules, 0 );
    }
}

/* The address at which a name was found holds another one later. */
static void another_name_at_the_same_address_is_another_owner( void** state )
{
    (void)state;
    char* image = image_of( "one#1" );
    assert_non_null( dmheap_malloc( 8, image + 50 ) );
    assert_int_equal( live_blocks_of( "one#1" ), 2 );
    strcpy( image + 50, "one#2" );
    assert_non_null( dmheap_malloc( 8, image + 50 ) );
    assert_int_equal( live_blocks_of( "one#2" ), 1 );
    image[50] = '\0';
    assert_non_null( dmheap_malloc( 8, image + 50 ) );
    assert_int_equal( live_blocks_of( "one#1" ), 2 );
    assert_int_equal( live_blocks_of( "one#2" ), 1 );
    assert_int_equal( stats_now().used_blocks, 4 );
}

static void unloading_a_module_that_no_heap_has_heard_of_says_nothing( void** state )
{
    (void)state;
    (void)fixture_log();
    Dmod_FreeModule( "never_seen" );
    fixture_no_heap();
    Dmod_FreeModule( "never_seen" );
    assert_string_equal( fixture_log(), "" );
    dmheap_unregister_module( "never_seen" );
    assert_string_equal( fixture_log(), "[WARN] dmheap: Module never_seen is not registered.\n" );
    assert_true( fixture_heap( 65536, 8, 0 ) );
}

int test_names( void )
{
    const struct CMUnitTest tests[] = {
        HEAP_TEST( long_names_that_differ_in_the_last_character_are_two_owners ),
        HEAP_TEST( a_name_that_is_too_long_is_refused_with_what_holds ),
        HEAP_TEST( the_empty_name_is_nobody ),
        HEAP_TEST( renaming_to_a_taken_name_joins_the_two ),
        HEAP_TEST( a_name_may_lie_in_a_block_that_vanishes_in_the_call ),
        HEAP_TEST( another_name_at_the_same_address_is_another_owner ),
        HEAP_TEST( unloading_a_module_that_no_heap_has_heard_of_says_nothing ),
    };
    return cmocka_run_group_tests_name( "names", tests, NULL, NULL );
}
