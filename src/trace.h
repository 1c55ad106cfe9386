/*
 * The trace, for those who want to see what happens: each event of a heap as a few bytes to a ring or to a function, in the
 * format of docs/trace.md. Built with DMHEAP_TRACE; without it all of this is nothing. May not change what a heap does.
 *
 * The hooks are called inside of the critical section, after what they tell of, so that records come in the order in which
 * the heaps changed; each takes O(1).
 */
#ifndef DMHEAP_TRACE_H
#define DMHEAP_TRACE_H

#include "guard.h"
#include "status.h"

#ifdef DMHEAP_TRACE

/* What is going to change: what trace_free(), trace_left(), trace_retag() and trace_realloc() tell of. */
static void trace_note( const dmheap_context_t* context, block_t block );

/* A block with a complete header was taken, for so many bytes at an alignment (0: the heap's). */
static void trace_malloc( const dmheap_context_t* context, block_t block, size_t bytes, size_t alignment,
                          const void* caller );

/* The block that was noted was freed; by a user; since its owner is unregistered. */
static void trace_free( const void* caller );
static void trace_left( void );

/* It has another owner now. */
static void trace_retag( const dmheap_context_t* context, block_t block );

/* It is another now, or has another size. */
static void trace_realloc( const dmheap_context_t* context, block_t block, size_t bytes, size_t alignment,
                           const void* caller );

/* A module was registered; is going to have another name, or to be forgotten; has another name; was forgotten. */
static void trace_register( const dmheap_context_t* context, owner_t owner );
static void trace_owner( const dmheap_context_t* context, owner_t owner );
static void trace_rename( const dmheap_context_t* context, owner_t owner );
static void trace_unregister( void );

/* A heap was made; is no more, and its memory is not read. */
static void trace_heap_made( const dmheap_context_t* context );
static void trace_heap_ends( const dmheap_context_t* context );

/* A search for memory has asked a heap. */
#define trace_search( search )                                                                                         \
    trace_answer( ( search )->status, ( search )->context, ( search )->block, ( search )->request.size,                \
                  ( search )->request.alignment, ( search )->request.caller )
static void trace_answer( status_t status, const dmheap_context_t* context, block_t block, size_t bytes,
                          size_t alignment, const void* caller );

/* Not locked: a request for a module is refused, which this heap was the first to be asked, NULL: none was. */
#define trace_refused( first, request, module, status )                                                                \
    trace_refusal( first, ( request )->size, ( request )->alignment, ( request )->caller, module, status )
static void trace_refusal( const dmheap_context_t* first, size_t bytes, size_t alignment, const void* caller,
                           const char* module, status_t status );

#else

#define trace_note( context, block )                              ( (void)0 )
#define trace_malloc( context, block, bytes, alignment, caller )  ( (void)0 )
#define trace_free( caller )                                      ( (void)( caller ) )
#define trace_left()                                              ( (void)0 )
#define trace_retag( context, block )                             ( (void)0 )
#define trace_realloc( context, block, bytes, alignment, caller ) ( (void)0 )
#define trace_register( context, owner )                          ( (void)0 )
#define trace_owner( context, owner )                             ( (void)0 )
#define trace_rename( context, owner )                            ( (void)0 )
#define trace_unregister()                                        ( (void)0 )
#define trace_heap_made( context )                                ( (void)0 )
#define trace_heap_ends( context )                                ( (void)0 )
#define trace_search( search )                                    ( (void)0 )
#define trace_refused( first, request, module, status )           ( (void)0 )

#endif

#endif
