/*
 * What DMOD's kernel does with memory for a module, from the file to its unload. A module is described rather than read:
 * its code is the program's own. May not do for a heap what DMOD's kernel does not.
 */
#ifndef DMOD_TREE_KERNEL_H
#define DMOD_TREE_KERNEL_H

#include "dmod.h"

#define KERNEL_MOST_IMPORTS 64

typedef struct kernel_context kernel_context_t;

/* A module as its file says. */
typedef struct
{
    const char*        name; /* at most DMOD_MAX_MODULE_NAME_LENGTH - 1 characters */
    bool               is_library;
    bool               is_packed;    /* its image is read small, and grows when it is unpacked */
    size_t             image_bytes;  /* at least what name and imports take */
    const char* const* imports;      /* signatures, as they lie in .dmod.outputs */
    size_t             import_count; /* at most KERNEL_MOST_IMPORTS */
} kernel_module_t;

/* Loads from a file, or from a package where `path` is NULL, and resolves what the module imports. NULL, and all memory is
 * given back, where that or its memory is not to be had. */
kernel_context_t* kernel_load( const char* path, const kernel_module_t* module );

/* Gives back what the kernel allocated and all that the module holds, inside of the critical section. */
void kernel_unload( kernel_context_t* context );

/* The address of an import, by its place in `imports`. */
void* kernel_import( const kernel_context_t* context, size_t which );

/* As whom the module allocates: a library under its name, which lies in its image; an application under its instance's. */
const char* kernel_allocator( const kernel_context_t* context );

/* What the system offers under a signature; NULL: nothing. */
void* kernel_find( const char* signature );

#endif
