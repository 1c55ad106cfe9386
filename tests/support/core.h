/*
 * For tests that look inside: the layers of the core below its API, as functions on an image. They are compiled once more
 * for each such test: what the library keeps outside of its images, the registry, is not seen here.
 */
#ifndef CORE_H
#define CORE_H

#include <stddef.h>

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wunused-function" /* no test needs them all */
#pragma GCC diagnostic ignored "-Wunused-const-variable"

#undef DMHEAP_TRACE /* its hooks lead to the layers above */
#include "blocks.c"
#include "contexts.c"
#include "owners.c"
#include "report.c"
#include "guard.c"

#pragma GCC diagnostic pop

static inline dmheap_context_t* core_context( void* buffer )
{
    return (dmheap_context_t*)buffer;
}

/* The place of a payload, or of any other word of the image. */
static inline uint32_t core_place( const dmheap_context_t* context, const void* payload )
{
    return (uint32_t)( (const word_t*)payload - image_word( context, 0 ) );
}

#endif
