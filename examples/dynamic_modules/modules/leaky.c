/*
 * A module that forgets what it allocated: every tenth round it loses a block for good.
 */
#include "../module.h"

#include <stdio.h>

#include "dmod.h"

static char* last;

bool module_start( void )
{
    return true;
}

bool module_run( unsigned round )
{
    char* text = Dmod_Malloc( 48 );
    if( text == NULL ) return false;
    snprintf( text, 48, "forgotten in round %u", round );
    if( round % 10 != 0 ) Dmod_Free( last );
    last = text;
    return true;
}

void module_stop( void )
{
    Dmod_Free( last );
    last = NULL;
}
