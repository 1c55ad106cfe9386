/*
 * The short way for what nearly every call is: default alignment, an owner whom the hint knows, the first heap. Whatever
 * is different, wrong or worth a word in the log is left to the general way in api.c, with nothing changed. A build for
 * size has no short way.
 */
#ifndef DMHEAP_QUICK_H
#define DMHEAP_QUICK_H

#include "api.h"
#include "block_hot.h"

#ifdef __OPTIMIZE_SIZE__

static inline void* take_quickly( size_t size, const char* name )
{
    (void)size;
    (void)name;
    return NULL;
}

static inline bool release_quickly( const void* pointer )
{
    (void)pointer;
    return false;
}

#else

/* Locked. NULL where it takes more. */
static inline void* take_named( dmheap_context_t* context, size_t size, const char* name )
{
    owner_t    owner      = OWNER_NOBODY;
    uint32_t   block_size = block_size_for( context, size );
    holding_t* holding    = name == NULL ? &context->nobody : module_find_by_hint( context, name, &owner );
    if( block_size == 0 || holding == NULL || holding_admits( holding, block_size, 0 ) != STATUS_OK ) return NULL;
    block_t block = take_block( context, &block_size, owner );
    if( block.at <= BLOCK_DAMAGED ) return NULL;
    holding_charge( holding, block_size );
    return block_payload( context, block );
}

static inline void* take_quickly( size_t size, const char* name )
{
    void* payload = NULL;
    lock();
    dmheap_context_t* context = context_registry.all[0];
    if( context_registry.defaults != 0 ) payload = take_named( context, size, name );
    unlock();
    return payload;
}

/* Locked. */
static inline bool release_live( dmheap_context_t* context, block_t block, uint32_t bit )
{
    uint32_t   size;
    holding_t* holding = user_holding( context, block_owner( context, block ) );
    if( holding == NULL || release_block( context, block, bit, &size ) != STATUS_OK ) return false;
    holding_discharge( holding, size );
    return true;
}

static inline bool release_quickly( const void* pointer )
{
    bool     released = false;
    block_t  block;
    uint32_t bit;
    lock();
    dmheap_context_t* context = context_registry.all[0];
    if( context != NULL && block_of( context, pointer, &block, &bit ) == STATUS_OK )
        released = release_live( context, block, bit );
    unlock();
    return released;
}

#endif

#endif
