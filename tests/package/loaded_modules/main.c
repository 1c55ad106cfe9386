/*
 * What a loader does to the heap, as DMOD's kernel does: modules come and go by the thousand, under names as long as the
 * kernel makes them, and the heap is as it was. One line a case; ends with 0 where all passed.
 *   loaded_modules FOLDER      where the .dmf files are; damaged ones are written there
 */
#define _DEFAULT_SOURCE
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "dmheap.h"
#include "loader.h"

enum
{
    HEAP_SIZE = 64 * 1024,
    TIMES     = 1000,
    ROUNDS    = 25
};

#define REQUIRE( condition )                                                                                           \
    do                                                                                                                 \
    {                                                                                                                  \
        if( !( condition ) )                                                                                           \
        {                                                                                                              \
            printf( "line %d: %s\n", __LINE__, #condition );                                                           \
            return false;                                                                                              \
        }                                                                                                              \
    } while( 0 )

static const char*    folder;
static dmheap_stats_t before;
static unsigned       complaints;

/* An export whose version begins as that of an import which is not it. */
static const Dmod_ApiRegistration_t newest
    __attribute__( ( section( ".dmod.inputs" ), used ) ) = { &before, "\021DMOD\022_newest@example:30.0" };

/* The log: warnings and errors are counted and shown, the rest is not wanted a thousand times. */
int Dmod_Printf( const char* format, ... )
{
    char    line[512];
    va_list arguments;
    va_start( arguments, format );
    int length = vsnprintf( line, sizeof line, format, arguments );
    va_end( arguments );
    if( strstr( line, "[WARN]" ) == NULL && strstr( line, "[ERROR]" ) == NULL ) return length;
    complaints++;
    return printf( "%s", line );
}

/* The path is longer than an allocator name, whatever the folder's. */
static loaded_t* load( const char* name )
{
    char path[1024];
    snprintf( path, sizeof path, "%s/././././././././././././././././././././././././././%s.dmf", folder, name );
    return loader_load( path );
}

static void unload( loaded_t* loaded )
{
    loader_stop( loaded );
    loader_unload( loaded );
}

static bool run( loaded_t* loaded )
{
    for( unsigned round = 0; round < ROUNDS; round++ )
        if( !loader_run( loaded, round ) ) return false;
    return true;
}

static void remember_heap( void )
{
    dmheap_get_stats( &before );
    complaints = 0;
}

static bool heap_is_as_it_was( void )
{
    dmheap_stats_t now;
    REQUIRE( dmheap_check( NULL ) == DMHEAP_CHECK_OK );
    REQUIRE( dmheap_get_stats( &now ) );
    REQUIRE( now.used_blocks == before.used_blocks );
    REQUIRE( now.used_bytes == before.used_bytes );
    REQUIRE( now.modules == before.modules );
    REQUIRE( now.free_blocks == before.free_blocks );
    REQUIRE( now.free_bytes == before.free_bytes );
    REQUIRE( now.largest_free_block == before.largest_free_block );
    return true;
}

static bool holds( const char* name, unsigned blocks )
{
    dmheap_module_stats_t stats;
    return dmheap_get_module_stats( name, &stats ) && stats.live_blocks == blocks;
}

/* One more instance of a file: it runs, leaks two blocks, and goes. */
static bool instance_comes_and_goes( char* last_name )
{
    loaded_t* leaky = load( "leaky" );
    REQUIRE( leaky != NULL );
    REQUIRE( strcmp( leaky->allocator_name, last_name ) != 0 );
    strcpy( last_name, leaky->allocator_name );
    REQUIRE( run( leaky ) );
    loader_stop( leaky );
    REQUIRE( holds( last_name, 2 + 2 ) ); /* image, context, and what it forgot */
    loader_unload( leaky );
    return true;
}

static bool library_comes_and_goes( const char* name )
{
    loaded_t* library = load( name );
    REQUIRE( library != NULL );
    REQUIRE( run( library ) );
    unload( library );
    return true;
}

static bool come_and_go( void )
{
    char last_name[DMOD_MAX_MODULE_NAME_LENGTH + 24] = "";
    for( unsigned i = 0; i < TIMES; i++ )
    {
        REQUIRE( instance_comes_and_goes( last_name ) );
        REQUIRE( heap_is_as_it_was() );
        REQUIRE( library_comes_and_goes( i % 2 == 0 ? "logger" : "collector" ) );
        REQUIRE( heap_is_as_it_was() );
    }
    REQUIRE( complaints == 0 );
    return true;
}

static bool beside_another_instance( void )
{
    loaded_t* resident = load( "leaky" );
    REQUIRE( resident != NULL && run( resident ) );
    remember_heap();
    REQUIRE( come_and_go() );
    REQUIRE( run( resident ) );
    unload( resident );
    return true;
}

static bool an_application_keeps_its_number( void )
{
    loaded_t* leaky = load( "leaky" );
    REQUIRE( leaky != NULL );
    REQUIRE( strlen( leaky->allocator_name ) == DMOD_MAX_MODULE_NAME_LENGTH + 23 );
    REQUIRE( strstr( leaky->allocator_name, "/leaky.dmf#" ) != NULL );
    REQUIRE( (uintptr_t)leaky->image % 16 == 0 );
    REQUIRE( holds( leaky->allocator_name, 2 ) );
    unload( leaky );
    return true;
}

static bool a_library_gets_its_name( void )
{
    loaded_t*      logger = load( "logger" );
    dmheap_stats_t stats;
    REQUIRE( logger != NULL );
    REQUIRE( strcmp( logger->allocator_name, "logger" ) == 0 );
    REQUIRE( holds( "logger", 3 ) ); /* image, context, its ring */
    REQUIRE( dmheap_get_stats( &stats ) && stats.modules == 1 && stats.used_blocks == before.used_blocks + 3 );
    REQUIRE( load( "logger" ) == NULL ); /* once */
    REQUIRE( holds( "logger", 3 ) );
    unload( logger );
    return true;
}

/* Two libraries of one source: what they are called lies at the same address, one after the other. Another module takes
 * the place of the first in the heap's table. */
static bool the_same_address_can_hold_another_name( void )
{
    loaded_t* first = load( "twin_1" );
    REQUIRE( first != NULL && run( first ) );
    const char* name = first->module->name;
    unload( first );
    REQUIRE( dmheap_register_module( "other" ) );
    loaded_t* second = load( "twin_2" );
    REQUIRE( second != NULL && second->module->name == name && run( second ) );
    REQUIRE( holds( "twin_2", 2 + 3 ) && holds( "other", 0 ) );
    unload( second );
    Dmod_FreeModule( "other" );
    return true;
}

static bool imports_bind_up_to_the_first_dot( void )
{
    static const char* const good[] = { "same", "other_minor", "only_major" };
    for( unsigned i = 0; i < sizeof good / sizeof *good; i++ )
    {
        loaded_t* loaded = load( good[i] );
        REQUIRE( loaded != NULL && loader_run( loaded, 42 ) );
        unload( loaded );
    }
    return true;
}

static bool other_imports_are_refused( void )
{
    static const char* const bad[] = { "other_major",  "longer_major", "shorter_major", "other_heap",
                                       "shorter_name", "longer_name",  "longer_module", "shorter_module" };
    for( unsigned i = 0; i < sizeof bad / sizeof *bad; i++ )
    {
        REQUIRE( load( bad[i] ) == NULL );
        REQUIRE( heap_is_as_it_was() );
    }
    return true;
}

static bool one_that_does_not_start_leaves_nothing( void )
{
    REQUIRE( load( "no_start" ) == NULL );
    return true;
}

/* ---- Damaged files ---- */

static unsigned char contents[16 * 1024];
static size_t        length;

static bool read_contents( const char* name )
{
    char path[1024];
    snprintf( path, sizeof path, "%s/%s.dmf", folder, name );
    FILE* file = fopen( path, "rb" );
    REQUIRE( file != NULL );
    length = fread( contents, 1, sizeof contents, file );
    fclose( file );
    REQUIRE( length > sizeof( module_header_t ) && length < sizeof contents );
    return true;
}

static loaded_t* load_contents( size_t bytes )
{
    char path[1024];
    snprintf( path, sizeof path, "%s/damaged.dmf", folder );
    FILE* file = fopen( path, "wb" );
    if( file == NULL ) exit( 1 );
    fwrite( contents, 1, bytes, file );
    fclose( file );
    return loader_load( path );
}

static bool a_word_is_refused( size_t place, uint32_t value )
{
    uint32_t kept;
    memcpy( &kept, contents + place, sizeof kept );
    memcpy( contents + place, &value, sizeof value );
    REQUIRE( load_contents( length ) == NULL );
    memcpy( contents + place, &kept, sizeof kept );
    REQUIRE( heap_is_as_it_was() );
    return true;
}

static bool damaged_files_are_refused( void )
{
    REQUIRE( read_contents( "logger" ) );
    module_header_t header;
    memcpy( &header, contents, sizeof header );
    for( size_t bytes = 0; bytes < header.relocations_end; bytes++ )
        REQUIRE( load_contents( bytes ) == NULL && heap_is_as_it_was() );
    for( size_t place = 0; place < sizeof header; place += sizeof( uint32_t ) )
        REQUIRE( a_word_is_refused( place, 0 ) && a_word_is_refused( place, UINT32_MAX ) );
    REQUIRE( a_word_is_refused( offsetof( module_header_t, image_size ), HEAP_SIZE ) );
    REQUIRE( a_word_is_refused( offsetof( module_header_t, module ), header.outputs - 1 ) );
    REQUIRE( a_word_is_refused( header.relocations, header.image_size - 1 ) );        /* where it is to be applied */
    REQUIRE( a_word_is_refused( header.relocations + sizeof( uintptr_t ), 0x7ffe ) ); /* what kind it is */
    loaded_t* whole = load_contents( length );
    REQUIRE( whole != NULL );
    unload( whole );
    return true;
}

static bool a_missing_file_is_refused( void )
{
    REQUIRE( load( "missing" ) == NULL );
    return true;
}

int main( int argc, char** argv )
{
    static const struct
    {
        const char* sentence;
        bool ( *holds )( void );
    } cases[] = {
        { "modules that come and go a thousand times leave the heap as it was", come_and_go },
        { "so they do beside another instance of the same file", beside_another_instance },
        { "an application's image, context and blocks belong to a name with its number",
          an_application_keeps_its_number },
        { "a library's belong to its own name, and it is loaded once", a_library_gets_its_name },
        { "blocks go to the name that an address holds now", the_same_address_can_hold_another_name },
        { "imports bind by function, module, and version up to its first dot", imports_bind_up_to_the_first_dot },
        { "a module with any other import is refused", other_imports_are_refused },
        { "a module that does not start leaves nothing", one_that_does_not_start_leaves_nothing },
        { "damaged files are refused", damaged_files_are_refused },
        { "a missing file is refused", a_missing_file_is_refused },
    };
    void* heap = mmap( NULL, HEAP_SIZE, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0 );
    folder     = argc > 1 ? argv[1] : ".";
    if( heap == MAP_FAILED ) return 1;
    for( unsigned i = 0; i < sizeof cases / sizeof *cases; i++ )
    {
        if( !dmheap_init( heap, HEAP_SIZE, 8 ) ) return 1;
        remember_heap();
        dmheap_stats_t whole  = before;
        bool           passed = cases[i].holds();
        before                = whole;
        passed                = passed && heap_is_as_it_was();
        printf( "%s  %s\n", passed ? "ok  " : "FAIL", cases[i].sentence );
        if( !passed ) return 1; /* the loader still knows of modules in a heap that is gone */
    }
    return 0;
}
