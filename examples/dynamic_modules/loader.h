/*
 * Loads modules from files, runs and unloads them, with the heap called as DMOD's kernel calls it. A module's image and
 * context are blocks of the heap, whose memory must be executable. May keep nothing of a module that is unloaded. For one
 * thread.
 */
#ifndef LOADER_H
#define LOADER_H

#include "dmod.h"
#include "module_file.h"

/* The context of a loaded module. */
typedef struct loaded
{
    char            allocator_name[DMOD_MAX_MODULE_NAME_LENGTH + 24]; /* who owns image, context and blocks */
    unsigned char*  image;
    const module_t* module; /* in the image */
    struct loaded*  next;
} loaded_t;

/* Loads a file, links it, and starts the module. NULL and a line on stderr where that fails; nothing is left then. The
 * allocator name of an application is the end of its path and a number of its own; that of a library is its name, and it
 * is loaded once. The file is trusted: beyond its header only what links it is looked at. */
loaded_t* loader_load( const char* path );

/* Lets a module work for one round. False where it can't go on. */
bool loader_run( loaded_t* loaded, unsigned round );

/* Lets a module give back what it holds, or as much as it remembers. */
void loader_stop( loaded_t* loaded );

/* Takes a stopped module away, with all that belongs to it. */
void loader_unload( loaded_t* loaded );

#endif
