/*
 * The one place that words what a call came to. Called outside of the critical section. May not touch a heap.
 */
#ifndef DMHEAP_REPORT_H
#define DMHEAP_REPORT_H

#include "dmheap.h"
#include "prefix.h"
#include "status.h"

/* What there is to say, nothing of STATUS_OK; members that a status does not need stay 0. */
typedef struct
{
    status_t    status;
    size_t      size, alignment, largest; /* bytes */
    const char* module;
    const void* address;
} report_t;

#ifdef DMOD_NO_LOGGING
static inline void report( const report_t* what )
{
    (void)what;
}
#else
void report( const report_t* what );
#endif

#endif
