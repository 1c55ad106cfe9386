/*
 * The guard, for those who hunt a fault: a canary behind every payload, a pattern in all free memory, the address that
 * allocated each block and when, and word to ASan and Valgrind of what may be touched. Built with DMHEAP_GUARD; without it
 * all of this is nothing. May not change what a heap does otherwise.
 *
 *   live:  [ header ][ payload, exactly the bytes asked for | canary ... | bytes | caller | number ]( log2 of the alignment )
 *   free:  [ header ][ link ][ next ][ pattern ... ][ foot ]
 *
 * The number is that of the allocation in the order of all there were, in whatever heap; a realloc is an allocation too.
 * The heap's own blocks have no canary. Filling and comparing are linear in the block and happen under the lock: a build
 * with the guard does not keep the bounds of one without. What is found is noted, and said when the lock is left.
 */
#ifndef DMHEAP_GUARD_H
#define DMHEAP_GUARD_H

#include "image.h"

#ifdef DMHEAP_GUARD

/* What a caller's address is written down as: another type where images of another processor are read. */
#ifndef GUARD_POINTER
#define GUARD_POINTER uintptr_t
#endif

enum
{
    GUARD_TRAILER = 2 + sizeof( GUARD_POINTER ) / WORD_SIZE, /* words: bytes, caller, number */
    GUARD_BYTES   = ( GUARD_TRAILER + 1 ) * WORD_SIZE        /* that a block has more; at least 4 are canary */
};

/* A heap is about to be made in `bytes`; has been made; is no more, and its memory is not read. */
static void guard_heap_begins( const dmheap_context_t* context, size_t bytes );
static void guard_heap_made( dmheap_context_t* context );
static void guard_heap_ends( const dmheap_context_t* context );

/* The library itself is going to write to a block. */
static void guard_open( const dmheap_context_t* context, block_t block );

/* A block with a complete header is given to a user who asked for so many bytes. */
static void guard_give( dmheap_context_t* context, block_t block, size_t bytes, const void* caller );

/* A user's block is another, or has another size, with the first `kept` bytes of what was at `before`. */
static void guard_change( dmheap_context_t* context, const void* before, size_t kept, block_t block, size_t bytes,
                          const void* caller );

/* A user's block comes back. */
static void guard_take( dmheap_context_t* context, block_t block );

/* Compares the canary of a user's block. */
static void guard_inspect( dmheap_context_t* context, block_t block );

/* A free block has left its list: what it held there is pattern again. */
static void guard_wipe( dmheap_context_t* context, block_t block, uint32_t size );

/* Fills, or compares, free words from one place up to another. */
static void guard_fill( dmheap_context_t* context, uint32_t from, uint32_t to );
static void guard_verify( const dmheap_context_t* context, uint32_t from, uint32_t to );

/* Nobody may touch the words from one place up to another. */
static void guard_close( const dmheap_context_t* context, uint32_t from, uint32_t to );

/* A live block of so many words has become a part of a free one, which begins in front of it or ends behind it. */
static void guard_released( dmheap_context_t* context, const word_t* payload, uint32_t size, bool before, bool behind );

/* Whether the canary of a user's block, and the pattern of a free one, are as they should be. */
static bool guard_live_holds( const dmheap_context_t* context, block_t block );
static bool guard_free_holds( const dmheap_context_t* context, block_t block, uint32_t size );

/* Payload bytes of a user's block, and who allocated it. */
static size_t      guard_bytes( const dmheap_context_t* context, block_t block );
static const void* guard_caller( const dmheap_context_t* context, block_t block );

#ifdef DMHEAP_DIAGNOSTICS
/* The number of the last allocation, and that of a user's block. */
static uint32_t guard_last( void );
static uint32_t guard_number( const dmheap_context_t* context, block_t block );
#endif

/* The lock was entered; is about to be left; was left. */
static void guard_locked( void );
static void guard_unlocking( void );
static void guard_unlocked( void );

#else

enum
{
    GUARD_BYTES = 0
};

#define guard_heap_begins( context, bytes )                         ( (void)0 )
#define guard_heap_made( context )                                  ( (void)0 )
#define guard_heap_ends( context )                                  ( (void)0 )
#define guard_open( context, block )                                ( (void)0 )
#define guard_give( context, block, bytes, caller )                 ( (void)( caller ) )
#define guard_change( context, before, kept, block, bytes, caller ) ( (void)( caller ) )
#define guard_take( context, block )                                ( (void)0 )
#define guard_inspect( context, block )                             ( (void)0 )
#define guard_wipe( context, block, size )                          ( (void)0 )
#define guard_fill( context, from, to )                             ( (void)( from ), (void)( to ) )
#define guard_close( context, from, to )                            ( (void)0 )
#define guard_released( context, payload, size, before, behind )    ( (void)0 )
#define guard_verify( context, from, to )                           ( (void)( from ), (void)( to ) )
#define guard_bytes( context, block )                               ( (size_t)0 )
#define guard_live_holds( context, block )                          true
#define guard_free_holds( context, block, size )                    true
#define guard_caller( context, block )                              NULL
#define guard_locked()                                              ( (void)0 )
#define guard_unlocking()                                           ( (void)0 )
#define guard_unlocked()                                            ( (void)0 )

#endif

/* Who called the function of the public API that this is used in, where the guard or the trace wants to know. */
#if defined( DMHEAP_GUARD ) || defined( DMHEAP_TRACE )
#define GUARD_CALLER() __builtin_return_address( 0 )
#else
#define GUARD_CALLER() NULL
#endif

#endif
