/*
 * All static memory of the library: which heaps there are. Read and changed inside of the critical section only.
 */
#ifndef DMHEAP_REGISTRY_H
#define DMHEAP_REGISTRY_H

#include "image.h"

#ifndef DMHEAP_MAX_CONTEXTS
/* Heaps that can exist at a time; a pointer of static memory each. */
#define DMHEAP_MAX_CONTEXTS 6
#endif

/* First the default heaps in their order, then the others. */
typedef struct
{
    dmheap_context_t* all[DMHEAP_MAX_CONTEXTS];
    dmheap_context_t* initial; /* the one that dmheap_init() made; may be stale memory, never read through */
    uint32_t          defaults;

    /* Counts the changes of trees of modules, of all heaps together and since ever: a heap that is made anew in the same
     * place does not come back to a version that was. */
    uint32_t tree_version;
} context_registry_t;

extern context_registry_t context_registry;

#endif
