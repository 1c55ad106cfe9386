/*
 * A well-behaved library: keeps the last lines of a log in a ring, and frees what it no longer needs.
 */
#include "module.h"

enum
{
    LINES = 16
};

static char** lines;

static bool module_start( void )
{
    lines = dmheap_calloc( LINES, sizeof *lines, DMOD_MODULE_NAME );
    return lines != NULL;
}

static bool module_run( unsigned round )
{
    char** slot = &lines[round % LINES];
    Dmod_Free( *slot );
    *slot = Dmod_Malloc( 24 + round % 40 );
    if( *slot == NULL ) return false;
    example_format( *slot, 24, "line %u", round );
    return true;
}

static void module_stop( void )
{
    for( unsigned i = 0; i < LINES; i++ )
        Dmod_Free( lines[i] );
    Dmod_Free( lines );
    lines = NULL;
}
