/*
 * Heaps: laying one out in a buffer, and keeping the registry of those that exist. May not allocate or log.
 */
#ifndef DMHEAP_CONTEXT_H
#define DMHEAP_CONTEXT_H

#include "module.h"

/* A heap that could be made of a buffer. */
typedef struct
{
    dmheap_context_t* context;
    dmheap_context_t  image;
} context_plan_t;

/* Plans the layout without touching the buffer. STATUS_NO_BUFFER, STATUS_BAD_BUFFER_ALIGNMENT,
 * STATUS_BUFFER_TOO_SMALL, STATUS_BUFFER_TOO_LARGE. */
status_t context_plan( void* buffer, size_t size, size_t alignment, context_plan_t* plan );

/* Writes the image: one free block in an empty heap. */
void context_make( const context_plan_t* plan );

/* Puts a heap into the registry at a position among the default heaps, or behind them. STATUS_TOO_MANY_HEAPS. */
status_t context_add( dmheap_context_t* context, bool is_default, size_t position );

/* Takes a heap out of the registry without reading it. False where it was not there. */
bool context_forget( const dmheap_context_t* context );

static inline bool context_exists( const dmheap_context_t* context )
{
    for( size_t i = 0; i < DMHEAP_MAX_CONTEXTS && context_registry.all[i] != NULL; i++ )
        if( context_registry.all[i] == context ) return true;
    return false;
}

#endif
