/*
 * A well-behaved module: keeps the last lines of a log in a ring, and frees what it no longer needs.
 */
#include "../module.h"

#include <stdio.h>
#include <string.h>

#include "dmod.h"

enum
{
    LINES = 16
};

static char** lines;

bool module_start( void )
{
    lines = Dmod_Malloc( LINES * sizeof *lines );
    if( lines != NULL ) memset( lines, 0, LINES * sizeof *lines );
    return lines != NULL;
}

bool module_run( unsigned round )
{
    char** slot = &lines[round % LINES];
    Dmod_Free( *slot );
    *slot = Dmod_Malloc( 24 + round % 40 );
    if( *slot == NULL ) return false;
    snprintf( *slot, 24, "line %u", round );
    return true;
}

void module_stop( void )
{
    for( unsigned i = 0; i < LINES; i++ )
        Dmod_Free( lines[i] );
    Dmod_Free( lines );
    lines = NULL;
}
