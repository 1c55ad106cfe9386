/*
 * DMOD's types, as far as a heap meets them.
 */
#ifndef DMOD_TREE_TYPES_H
#define DMOD_TREE_TYPES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What the system offers to modules. */
typedef struct
{
    void*       Function;
    const char* Signature;
} Dmod_ApiRegistration_t;

/* What a module wants of the system: signatures, until the loader has put addresses in their place. */
typedef struct
{
    void* Entries[0];
} Dmod_OutputsSection_t;

typedef enum
{
    Dmod_LogLevel_Error,
    Dmod_LogLevel_Warn,
    Dmod_LogLevel_Info,
    Dmod_LogLevel_Verbose,
} Dmod_LogLevel_t;

#endif
