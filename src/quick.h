/*
 * The short way for what nearly every call is: default alignment, an owner whom the hint knows, the first heap. Whatever
 * is different, wrong or worth a word in the log is left to the general way in api.c, with nothing changed. Builds
 * for size, and with the guard, have no short way.
 */
#ifndef DMHEAP_QUICK_H
#define DMHEAP_QUICK_H

#include "api.h"
#include "block_hot.h"

#if defined( __OPTIMIZE_SIZE__ ) || defined( DMHEAP_GUARD )

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
static HOT void* take_locked( size_t size, const char* name )
{
    dmheap_context_t* context = context_registry.all[0];
    owner_t           owner   = OWNER_NOBODY;
    uint32_t          whole;
    if( context_registry.defaults == 0 ) return NULL;
    uint32_t   taken   = block_size_for( context, size );
    holding_t* holding = name == NULL ? &context->nobody : module_find_by_hint( context, name, &owner );
    if( taken == 0 || holding == NULL || holding_admits( holding, taken, 0 ) != STATUS_OK ) return NULL;

    block_t block = index_find( context, taken );
    if( !free_is_valid( context, block, &whole ) || whole < taken ) return NULL;
    index_unlink( context, block );
    uint32_t rest = split( context, block, whole, &taken, header_of( context, owner, 0 ) );
    holding_charge( holding, taken );
    if( rest != 0 ) make_free( context, block_at( block.at + taken ), rest );
    return block_payload( context, block );
}

static inline void* take_quickly( size_t size, const char* name )
{
    lock();
    void* payload = take_locked( size, name );
    unlock();
    return payload;
}

/* A block with a free neighbour, or that is not what it should be. Locked. Not in line: it has much to keep in
 * registers, of which nothing is to be saved where no neighbour is free. */
static __attribute__( ( noinline ) ) bool release_merging( dmheap_context_t* context, block_t block, uint32_t bit,
                                                           holding_t* holding )
{
    uint32_t size;
    if( release_block( context, block, bit, &size ) != STATUS_OK ) return false;
    holding_discharge( holding, size );
    return true;
}

/* Locked. False where it takes more. */
static HOT bool release_locked( const void* pointer )
{
    dmheap_context_t* context = context_registry.all[0];
    block_t           block;
    uint32_t          bit;
    if( context == NULL || block_of( context, pointer, &block, &bit ) != STATUS_OK ) return false;
    uint32_t   header  = *block_header( context, block );
    uint32_t   size    = header_size( context, header );
    holding_t* holding = user_holding( context, header_owner( context, header ) );
    if( holding == NULL ) return false;
    if( header & ( HEADER_FREE | HEADER_PREVIOUS_FREE ) || size < context->min_size || size > context->end - block.at )
        return release_merging( context, block, bit, holding );
    word_t* next = block_header( context, block_at( block.at + size ) );
    if( *next & HEADER_FREE ) return release_merging( context, block, bit, holding );

    *next |= HEADER_PREVIOUS_FREE;
    release_book( context, bit, size );
    make_free( context, block, size );
    holding_discharge( holding, size );
    return true;
}

static inline bool release_quickly( const void* pointer )
{
    lock();
    bool released = release_locked( pointer );
    unlock();
    return released;
}

#endif

#endif
