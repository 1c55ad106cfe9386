/* A module with one import, whose signature the build gives. */
#include "dmod.h"
#include "module_file.h"

#define DECLARE( module, version, name )                                                                               \
    DMOD_BUILTIN_API( module, version, int, name, ( char* text, size_t size, const char* format, ... ) )
#define JOIN( module, name )   module##name
#define IMPORT( module, name ) JOIN( module, name )
DECLARE( IMPORT_MODULE, IMPORT_VERSION, IMPORT_NAME );

static bool start( void )
{
    return true;
}

static bool run( unsigned round )
{
    char text[16];
    return IMPORT( IMPORT_MODULE, IMPORT_NAME )( text, sizeof text, "%u", round ) == 2 && text[0] == '4' &&
           text[1] == '2';
}

static void stop( void )
{
}

static const module_t this_module
    __attribute__( ( section( ".dmod.module" ), used ) ) = { MODULE_NAME, true, start, run, stop };
