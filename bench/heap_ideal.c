/*
 * No heap, but what one could reach: the best fit among all free blocks, the lowest of several, found by looking at each.
 * Its control data lies elsewhere; a block costs four bytes and is rounded up to eight, as in dmheap. What a heap falls
 * short of this is the price of its control data and of finding a block quickly.
 */
#include <stdlib.h>

#include "heap.h"

enum
{
    HEADER  = 4,
    GRANULE = 8
};

typedef struct block
{
    struct block* previous; /* in the order of their addresses */
    struct block* next;
    size_t        offset;
    size_t        size;
    int           live;
} block_t;

static block_t*  first;
static block_t** at; /* by the granule that the block begins in */
static char*     start;

static void* zeroed( size_t count, size_t size )
{
    void* memory = calloc( count, size );
    if( memory == NULL ) abort();
    return memory;
}

static void link_behind( block_t* block, block_t* next )
{
    block->next = next;
    if( next != NULL ) next->previous = block;
}

void heap_begin( void* buffer, size_t size )
{
    while( first != NULL )
    {
        block_t* next = first->next;
        free( first );
        first = next;
    }
    free( at );
    at          = zeroed( size / GRANULE + 1, sizeof( block_t* ) );
    first       = zeroed( 1, sizeof( block_t ) );
    first->size = size;
    start       = buffer;
}

static block_t* best_fit( size_t size )
{
    block_t* best = NULL;
    for( block_t* block = first; block != NULL; block = block->next )
        if( !block->live && block->size >= size && ( best == NULL || block->size < best->size ) ) best = block;
    return best;
}

static void split( block_t* block, size_t size )
{
    if( block->size == size ) return;
    block_t* rest = zeroed( 1, sizeof( block_t ) );
    rest->offset  = block->offset + size;
    rest->size    = block->size - size;
    link_behind( rest, block->next );
    link_behind( block, rest );
    block->size = size;
}

void* heap_malloc( size_t size, unsigned owner )
{
    (void)owner;
    size           = ( size + HEADER + GRANULE - 1 ) / GRANULE * GRANULE;
    block_t* block = best_fit( size );
    if( block == NULL ) return NULL;
    split( block, size );
    block->live                 = 1;
    at[block->offset / GRANULE] = block;
    return start + block->offset;
}

static void merge_with_next( block_t* block )
{
    block_t* next = block->next;
    if( next == NULL || next->live || block->live ) return;
    block->size += next->size;
    link_behind( block, next->next );
    free( next );
}

void heap_free( void* pointer )
{
    if( pointer == NULL ) return;
    block_t* block = at[(size_t)( (char*)pointer - start ) / GRANULE];
    block->live    = 0;
    merge_with_next( block );
    if( block->previous != NULL ) merge_with_next( block->previous );
}

/* Growing shows how a heap moves blocks; an ideal says nothing about that. */
void* heap_realloc( void* block, size_t size, unsigned owner )
{
    (void)block;
    (void)size;
    (void)owner;
    return NULL;
}

int heap_unregister( unsigned owner )
{
    (void)owner;
    return 0;
}
