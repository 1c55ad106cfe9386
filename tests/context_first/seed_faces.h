/*
 * For tests that are written for the seed's generation, in a build of the context-first one: its calls, made of those on the
 * default heaps. The build includes it in front of them.
 */
#ifndef SEED_FACES_H
#define SEED_FACES_H

#include "dmheap.h"

static inline bool seed_init( void* buffer, size_t size, size_t alignment )
{
    return dmheap_init( buffer, size, alignment ) != NULL;
}

static inline void* seed_realloc( void* pointer, size_t size, const char* module )
{
    if( pointer != NULL && size == 0 )
    {
        dmheap_free( NULL, pointer, false );
        return NULL;
    }
    return dmheap_realloc( NULL, pointer, size, module );
}

/* To nobody: upstream refuses it. */
static inline bool seed_retag( void* pointer, const char* module )
{
    return module != NULL ? dmheap_retag( NULL, pointer, module )
                          : dmheap_ctx_retag( dmheap_get_default_context(), pointer, NULL );
}

static inline bool seed_get_stats( dmheap_heap_stats_t* stats )
{
    return dmheap_ctx_get_stats( dmheap_get_default_context(), stats ); /* of one heap: more need a sum */
}

#define dmheap_stats_t                                  dmheap_heap_stats_t
#define dmheap_block_visitor_t                          dmheap_block_info_visitor_t
#define dmheap_init( buffer, size, alignment )          seed_init( buffer, size, alignment )
#define dmheap_is_initialized()                         dmheap_is_initialized( NULL )
#define dmheap_register_module( name )                  dmheap_register_module( NULL, name )
#define dmheap_unregister_module( name )                dmheap_unregister_module( NULL, name )
#define dmheap_malloc( size, module )                   dmheap_malloc( NULL, size, module )
#define dmheap_aligned_alloc( alignment, size, module ) dmheap_aligned_alloc( NULL, alignment, size, module )
#define dmheap_realloc( pointer, size, module )         seed_realloc( pointer, size, module )
#define dmheap_free( pointer, concatenate )             dmheap_free( NULL, pointer, concatenate )
#define dmheap_concatenate_free_blocks()                dmheap_concatenate_free_blocks( NULL )
#define dmheap_retag( pointer, module )                 seed_retag( pointer, module )
#define dmheap_get_stats( stats )                       seed_get_stats( stats )

#endif
