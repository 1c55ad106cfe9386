/*
 * Loads modules built as shared objects, as a DMOD kernel loads .dmf files: finds each import of the module among the
 * system's exports by its signature. May not allocate for the modules.
 */
#ifndef LOADER_H
#define LOADER_H

#include <stdbool.h>

typedef struct
{
    const char* name;
    void*       library;
    bool ( *start )( void );
    bool ( *run )( unsigned round );
    void ( *stop )( void );
} loaded_t;

/* Loads DIRECTORY/NAME.dmf and starts it. False and a line on stderr where that fails. */
bool loader_load( const char* directory, const char* name, loaded_t* module );

/* Stops a module, closes it, and gives back all that it held: Dmod_FreeModule(). */
void loader_unload( loaded_t* module );

#endif
