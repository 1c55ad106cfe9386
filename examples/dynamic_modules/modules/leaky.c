/*
 * An application that forgets what it allocated: every tenth round it loses a block for good.
 */
#include "module.h"

static char* last;

static bool module_start( void )
{
    return true;
}

static bool module_run( unsigned round )
{
    char* text = Dmod_Malloc( 48 );
    if( text == NULL ) return false;
    example_format( text, 48, "forgotten in round %u", round );
    if( round % 10 != 0 ) Dmod_Free( last );
    last = text;
    return true;
}

static void module_stop( void )
{
    Dmod_Free( last );
    last = NULL;
}
