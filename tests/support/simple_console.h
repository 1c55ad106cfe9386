/*
 * Where test_simple prints: the log's own function, which every port has.
 */
#ifndef SIMPLE_CONSOLE_H
#define SIMPLE_CONSOLE_H

#include "dmod.h"

static inline void console_print( const char* text )
{
    (void)Dmod_Printf( "%s", text );
}

#endif
