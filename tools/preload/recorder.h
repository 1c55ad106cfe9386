/*
 * What the recorder adds to preload.c; nothing in a build without DMHEAP_TRACE. May not allocate.
 */
#ifndef RECORDER_H
#define RECORDER_H

#ifdef DMHEAP_TRACE

#include <stdint.h>

/* Where in the calling library or program, counted from its start, the call is that is being served: what the trace says. */
extern _Thread_local uintptr_t recorder_caller;

/* Begins to write to the file that DMHEAP_RECORD names; before the heap is made, so that the trace has all. */
void recorder_begin( void );

/* The program ends: what is still recorded is written at once. */
void recorder_end( void );

#else

#define recorder_begin() ( (void)0 )
#define recorder_end()   ( (void)0 )

#endif

#endif
