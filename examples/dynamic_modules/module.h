/*
 * What a module of this example gives to the system: three functions by these names.
 */
#ifndef MODULE_H
#define MODULE_H

#include <stdbool.h>

bool module_start( void );
bool module_run( unsigned round );
void module_stop( void );

#endif
