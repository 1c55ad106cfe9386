/*
 * What lies in a module's file: one image, to be copied to any address that is a multiple of 16. Between loader and
 * modules; module.ld writes the header.
 */
#ifndef MODULE_FILE_H
#define MODULE_FILE_H

#include <stdbool.h>
#include <stdint.h>

#define MODULE_MAGIC 0x444f4d44 /* "DMOD" */

/* The front of the image. Places are in bytes from its start. The file has the image up to relocations_end; the rest is
 * zero. */
typedef struct
{
    uint32_t magic;
    uint32_t image_size;
    uint32_t module;               /* the place of its module_t */
    uint32_t outputs, outputs_end; /* .dmod.outputs, its imports: pointers to signatures until they are linked */
    uint32_t relocations, relocations_end; /* what its linker left to the loader */
} module_header_t;

/* What a module tells of itself. Everything that it points to lies in the image, and vanishes with it. */
typedef struct
{
    const char* name;
    bool        is_library; /* its blocks belong to its name; those of an application to what the loader calls it */
    bool ( *start )( void );
    bool ( *run )( unsigned round );
    void ( *stop )( void );
} module_t;

#endif
