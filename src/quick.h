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

/* Locked. BLOCK_NONE or BLOCK_DAMAGED where it takes more. */
static inline block_t take_named( dmheap_context_t* context, size_t size, const char* name )
{
    module_t* module     = NULL;
    owner_t   owner      = OWNER_NOBODY;
    uint32_t  block_size = block_size_for( context, size );
    if( block_size == 0 ) return block_at( BLOCK_NONE );
    if( name != NULL )
    {
        module = module_find_by_hint( context, name, &owner );
        if( module == NULL || module_admits( module, block_size, 0 ) != STATUS_OK ) return block_at( BLOCK_NONE );
    }
    block_t block = take_block( context, &block_size, owner );
    if( block.at > BLOCK_DAMAGED && module != NULL ) module_charge( module, block_size );
    return block;
}

static inline void* take_quickly( size_t size, const char* name )
{
    block_t block = { BLOCK_NONE };
    lock();
    dmheap_context_t* context = context_registry.all[0];
    if( context_registry.defaults != 0 ) block = take_named( context, size, name );
    unlock();
    return block.at > BLOCK_DAMAGED ? block_payload( context, block ) : NULL;
}

/* Locked. */
static inline bool release_live( dmheap_context_t* context, block_t block, uint32_t bit )
{
    uint32_t  size;
    owner_t   owner  = block_owner( context, block );
    module_t* module = NULL;
    if( owner != OWNER_NOBODY && ( module = module_of( context, owner ) ) == NULL ) return false;
    if( release_block( context, block, bit, &size ) != STATUS_OK ) return false;
    if( module != NULL ) module_discharge( module, size );
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
