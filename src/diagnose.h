/*
 * Why memory was refused: counted by heap and reason, and told to a hook that may free something and have the call try once
 * more. Built with DMHEAP_DIAGNOSTICS; without it all of this is nothing. May not change what a heap does otherwise.
 */
#ifndef DMHEAP_DIAGNOSE_H
#define DMHEAP_DIAGNOSE_H

#include "image.h"

#ifdef DMHEAP_DIAGNOSTICS

/* A heap has taken this place in the registry. Locked. */
static void diagnose_begins( unsigned place );

/* A heap was asked for `size` bytes, after `first` was, and that came to `status`. Locked. */
static void diagnose_asked( const dmheap_context_t* context, const dmheap_context_t* first, size_t size,
                            size_t alignment, status_t status );

/* Whether a request that is refused is to be tried anew: what the hook says, which is asked once a request, and told why
 * `first` has refused it. Not locked. */
static bool diagnose_retries( const dmheap_context_t* first, status_t at_first, const report_t* why, bool* retried );

/* A module is about to leave a heap with what it holds there: adds that to what it has left in others. Locked. */
static void diagnose_leaves( const holding_t* holding, dmheap_module_stats_t* left );

/* It has left this heap, and its blocks are not freed yet: says where they were allocated, if the guard knows. Not locked. */
static void diagnose_blocks( dmheap_context_t* context, const char* name );

/* It has left all heaps: says what it has left in them. Not locked. */
static void diagnose_left( const char* name, const dmheap_module_stats_t* left );

#else

#define diagnose_begins( place )                                  ( (void)0 )
#define diagnose_asked( context, first, size, alignment, status ) ( (void)0 )
#define diagnose_retries( first, at_first, why, retried )         ( (void)( at_first ), (void)( retried ), false )
#define diagnose_leaves( holding, left )                          ( (void)0 )
#define diagnose_blocks( context, name )                          ( (void)0 )
#define diagnose_left( name, left )                               ( (void)( left ) )

#endif

#endif
