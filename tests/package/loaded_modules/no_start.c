/* A module that takes memory, and then does not start. */
#include "module.h"

static bool module_start( void )
{
    Dmod_Malloc( 100 );
    return false;
}

static bool module_run( unsigned round )
{
    (void)round;
    return false;
}

static void module_stop( void )
{
}
