/*
 * The system's side: DMOD's kernel on dmheap. Modules are loaded, import the heap, allocate, lose memory, and are unloaded.
 */
#include <stdio.h>
#include <string.h>

#include "dmheap.h"
#include "kernel.h"

#define REQUIRE( condition )                                                                                           \
    do                                                                                                                 \
    {                                                                                                                  \
        if( condition ) break;                                                                                         \
        printf( "line %d: %s\n", __LINE__, #condition );                                                               \
        return false;                                                                                                  \
    } while( 0 )

typedef void* ( *allocate_t )( size_t size, const char* module_name );

static _Alignas( 16 ) char heap[64 * 1024];
static int depth;

/* A platform's critical section: DMOD's own does nothing. */
void Dmod_EnterCritical( void )
{
    depth++;
}

void Dmod_ExitCritical( void )
{
    depth--;
}

static const char* const imports[]       = { "\021DMOD\022_malloc@dmheap:2.7", "\021DMOD\022_MallocEx@Dmod:1.0" };
static const char* const outdated[]      = { "\021DMOD\022_malloc@dmheap:20.0" };
static const char* const context_first[] = { "\021DMOD\022_malloc@dmheap:1.0" };
static const char* const unknown[]       = { "\021DMOD\022_mallo@dmheap:2.0" };

static const kernel_module_t library     = { "net", true, false, 3000, imports, 2 };
static const kernel_module_t packed      = { "shell", false, true, 3000, imports, 2 };
static const kernel_module_t of_the_past = { "old", false, false, 3000, outdated, 1 };
static const kernel_module_t upstreams   = { "driver", false, false, 3000, context_first, 1 };
static const kernel_module_t misspelled  = { "odd", false, false, 3000, unknown, 1 };

/* Runs a module: allocates through what it imports, keeps nothing of it. */
static bool run( const kernel_context_t* context )
{
    const char* name = kernel_allocator( context );
    for( size_t i = 0; i < 2; i++ )
    {
        void*      function = kernel_import( context, i );
        allocate_t allocate;
        memcpy( &allocate, &function, sizeof allocate );
        if( allocate( 100, name ) == NULL ) return false;
    }
    return true;
}

/* Of the modules none is known, only the two parts of the system that allocate. */
static bool all_is_free( size_t before )
{
    dmheap_stats_t stats;
    return dmheap_get_stats( &stats ) && stats.free_bytes == before && stats.modules == 2 && stats.used_blocks == 0 &&
           dmheap_check( NULL ) == DMHEAP_CHECK_OK && depth == 0;
}

static bool signatures_are_dmods( void )
{
    REQUIRE( strcmp( dmheap_malloc_registration.Signature, "\021DMOD\022_malloc@dmheap:2.0" ) == 0 );
    REQUIRE( dmheap_malloc_registration.Function == kernel_find( imports[0] ) );
    return true;
}

/* Instances under names of up to 55 characters, which differ in the last ones. */
static bool a_thousand_instances_leave_nothing_behind( size_t before )
{
    static const char path[]  = "/flash/applications/of/the/user/programs/shell.dmf";
    size_t            longest = 0;
    for( unsigned i = 0; i < 1000; i++ )
    {
        kernel_context_t* from_file    = kernel_load( path, &packed );
        kernel_context_t* twin         = kernel_load( path, &packed );
        kernel_context_t* a_library    = kernel_load( "/flash/net.dmf", &library );
        kernel_context_t* from_package = kernel_load( NULL, &packed );
        REQUIRE( from_file != NULL && twin != NULL && a_library != NULL && from_package != NULL );
        REQUIRE( run( from_file ) && run( twin ) && run( a_library ) && run( from_package ) );
        dmheap_module_stats_t stats;
        REQUIRE( dmheap_get_module_stats( "net", &stats ) && stats.live_blocks == 4 );
        longest = strlen( kernel_allocator( twin ) );
        kernel_unload( from_file );
        REQUIRE( dmheap_get_module_stats( kernel_allocator( twin ), &stats ) && stats.live_blocks == 4 );
        kernel_unload( a_library );
        kernel_unload( twin );
        kernel_unload( from_package );
        REQUIRE( all_is_free( before ) );
    }
    REQUIRE( longest == DMOD_MAX_MODULE_NAME_LENGTH + 23 );
    return true;
}

static bool a_module_of_another_interface_is_refused( size_t before )
{
    REQUIRE( kernel_load( "/flash/old.dmf", &of_the_past ) == NULL );
    REQUIRE( kernel_load( "/flash/driver.dmf", &upstreams ) == NULL );
    REQUIRE( kernel_load( "/flash/odd.dmf", &misspelled ) == NULL );
    REQUIRE( all_is_free( before ) );
    return true;
}

static bool the_system_allocates_under_its_name( size_t before )
{
    dmheap_module_stats_t stats;
    void*                 block = Dmod_Malloc( 100 );
    REQUIRE( block != NULL && dmheap_get_module_stats( "kernel_on_dmheap", &stats ) && stats.live_blocks == 1 );
    Dmod_Free( block );
    REQUIRE( all_is_free( before ) );
    return true;
}

int main( void )
{
    dmheap_stats_t stats;
    if( !dmheap_init( heap, sizeof heap, sizeof( void* ) ) ) return 1;
    if( !dmheap_register_module( "dmod_system" ) || !dmheap_register_module( "kernel_on_dmheap" ) ) return 1;
    if( !dmheap_get_stats( &stats ) ) return 1;
    bool passed = signatures_are_dmods() && the_system_allocates_under_its_name( stats.free_bytes ) &&
                  a_thousand_instances_leave_nothing_behind( stats.free_bytes ) &&
                  a_module_of_another_interface_is_refused( stats.free_bytes );
    if( passed ) printf( "The kernel runs on dmheap.\n" );
    return passed ? 0 : 1;
}
