/*
 * What the files of the public API share: the critical section, and finding owners and blocks. May not decide what a
 * heap does.
 *
 * "Locked" in a comment below means: inside of the critical section when called and on return.
 */
#ifndef DMHEAP_API_H
#define DMHEAP_API_H

#include "context.h"
#include "report.h"

enum
{
    /* Of a call whose ground is taken away between two of its steps: by others, or for ever in a heap that is damaged. */
    ATTEMPTS   = 8,
    STEPS_MOST = 1000 /* ten times what the deepest tree needs */
};

static inline void lock( void )
{
    Dmod_EnterCritical();
    guard_locked();
}

static inline void unlock( void )
{
    guard_unlocking();
    Dmod_ExitCritical();
    guard_unlocked();
}

/* Whether the caller of a function on one heap named one; reports it if not. */
static inline bool context_given( const dmheap_context_t* context )
{
    if( context == NULL ) report( &( report_t ){ .status = STATUS_NO_HEAP } );
    return context != NULL;
}

/* The n-th of all heaps, NULL behind the last. Not locked. */
static inline dmheap_context_t* context_number( size_t n )
{
    lock();
    dmheap_context_t* context = n < DMHEAP_MAX_CONTEXTS ? context_registry.all[n] : NULL;
    unlock();
    return context;
}

/* The n-th default heap, NULL behind the last. Not locked. */
static inline dmheap_context_t* default_number( size_t n )
{
    lock();
    dmheap_context_t* context = n < context_registry.defaults ? context_registry.all[n] : NULL;
    unlock();
    return context;
}

/* Carries out a task step by step, and gives back what it has brought together and not used. What the last step has
 * returned, STATUS_NO_HEAP, or STATUS_BUSY where others always changed what it looks at. Not locked. */
status_t module_in_steps( dmheap_context_t* context, module_step_t step, module_task_t* task );

/* Finds a module, and its key. STATUS_KNOWN_MODULE, STATUS_UNKNOWN_MODULE, STATUS_NO_HEAP. Not locked. */
status_t owner_find( dmheap_context_t* context, const module_name_t* name, uint32_t* key );

/* Finds a module, and its key, or registers it. STATUS_KNOWN_MODULE or STATUS_REGISTERED; STATUS_BAD_NAME,
 * STATUS_NO_HEAP, or why it failed. Not locked. */
status_t owner_enroll( dmheap_context_t* context, const char* name, uint32_t* key );

/* owner_enroll() with the hint tried first; NULL is nobody. Not locked. */
status_t owner_resolve( dmheap_context_t* context, const char* name, uint32_t* key );

/* The record of the owner with this key, NULL where it or the heap is gone. Locked. */
static inline holding_t* owner_holding( const dmheap_context_t* context, uint32_t key )
{
    return context_exists( context ) ? holding_with_key( context, key ) : NULL;
}

/* Whether one of these has found an owner. */
static inline bool is_resolved( status_t status )
{
    return status == STATUS_KNOWN_MODULE || status == STATUS_REGISTERED;
}

/* Finds the live block that `pointer` is, in `only` or, where that is NULL, in any heap. Locked. */
status_t block_locate( dmheap_context_t* only, const void* pointer, dmheap_context_t** context, block_t* block );

/* Copies an owner's name; empty where it has none. Locked. */
void owner_name( const dmheap_context_t* context, owner_t owner, char name[DMOD_MAX_MODULE_NAME_LENGTH] );

/* Runs a step function, holding the lock for one step at a time, until there is nothing left or the heap is gone. */
#define IN_STEPS( context, step )                                                                                      \
    for( bool more = true; more; )                                                                                     \
    {                                                                                                                  \
        lock();                                                                                                        \
        more = context_exists( context ) && ( step );                                                                  \
        unlock();                                                                                                      \
    }

/* Forgets a module if it has left and holds nothing any more, and gives back what only modules needed. Not locked. */
void owner_reap( dmheap_context_t* context, owner_t owner );

/* The largest size that an allocation can get. Locked. */
static inline size_t largest_free( const dmheap_context_t* context )
{
    block_t block = index_largest( context );
    return block_in_heap( context, block.at ) ? block_usable_size( context, block ) : 0;
}

#ifdef DMHEAP_GUARD
/* The functions of the public API, for callers who are called themselves. */
void* guarded_malloc( size_t size, const char* name, const void* caller );
void* guarded_realloc( void* pointer, size_t size, const char* name, const void* caller );
void* guarded_aligned_alloc( size_t alignment, size_t size, const char* name, const void* caller );
#endif

#endif
