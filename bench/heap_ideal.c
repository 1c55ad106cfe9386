/*
 * No heap, but what one could reach: the best fit among all free blocks, the lowest of several, found by looking at each.
 * Its control data lies elsewhere; a block costs four bytes and is rounded up to eight, as in dmheap. What a heap falls
 * short of this is the price of its control data and of finding a block quickly.
 */
#include <stdlib.h>
#include <string.h>

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
    struct block* previous_free; /* in no order */
    struct block* next_free;
    size_t        offset;
    size_t        size;
    int           live;
} block_t;

static block_t*  first;
static block_t*  first_free;
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

static void list_free( block_t* block )
{
    block->live          = 0;
    block->previous_free = NULL;
    block->next_free     = first_free;
    if( first_free != NULL ) first_free->previous_free = block;
    first_free = block;
}

static void unlist_free( block_t* block )
{
    if( block->next_free != NULL ) block->next_free->previous_free = block->previous_free;
    *( block->previous_free != NULL ? &block->previous_free->next_free : &first_free ) = block->next_free;
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
    first_free  = NULL;
    start       = buffer;
    list_free( first );
}

/* Where in a block a payload at this alignment can begin. */
static size_t padding( const block_t* block, size_t alignment )
{
    return ( 0 - ( (size_t)start + block->offset ) ) & ( alignment - 1 );
}

static block_t* best_fit( size_t alignment, size_t size )
{
    block_t* best = NULL;
    for( block_t* block = first_free; block != NULL; block = block->next_free )
        if( block->size >= size + padding( block, alignment ) &&
            ( best == NULL || block->size < best->size ||
              ( block->size == best->size && block->offset < best->offset ) ) )
            best = block;
    return best;
}

/* What is behind so many bytes of a block becomes a free one. */
static block_t* split( block_t* block, size_t size )
{
    if( block->size == size ) return NULL;
    block_t* rest = zeroed( 1, sizeof( block_t ) );
    rest->offset  = block->offset + size;
    rest->size    = block->size - size;
    link_behind( rest, block->next );
    link_behind( block, rest );
    block->size = size;
    list_free( rest );
    return rest;
}

static void merge_with_next( block_t* block )
{
    block_t* next = block->next;
    if( next == NULL || next->live || block->live ) return;
    unlist_free( next );
    block->size += next->size;
    link_behind( block, next->next );
    free( next );
}

static size_t rounded( size_t size )
{
    return ( size + HEADER + GRANULE - 1 ) / GRANULE * GRANULE;
}

void* heap_aligned( size_t alignment, size_t size, unsigned owner )
{
    (void)owner;
    size           = rounded( size );
    block_t* block = best_fit( alignment, size );
    if( block == NULL ) return NULL;
    size_t front = padding( block, alignment );
    if( front > 0 ) block = split( block, front );
    split( block, size );
    unlist_free( block );
    block->live                 = 1;
    at[block->offset / GRANULE] = block;
    return start + block->offset;
}

void* heap_malloc( size_t size, unsigned owner )
{
    return heap_aligned( GRANULE, size, owner );
}

static block_t* block_of( const void* pointer )
{
    return at[(size_t)( (const char*)pointer - start ) / GRANULE];
}

void heap_free( void* pointer )
{
    if( pointer == NULL ) return;
    block_t* block = block_of( pointer );
    list_free( block );
    merge_with_next( block );
    if( block->previous != NULL ) merge_with_next( block->previous );
}

/* Where it is, if there is room behind it. */
void* heap_realloc( void* pointer, size_t size, unsigned owner )
{
    if( pointer == NULL ) return heap_malloc( size, owner );
    block_t* block  = block_of( pointer );
    size_t   wanted = rounded( size );
    if( block->next != NULL && !block->next->live && block->size < wanted && block->size + block->next->size >= wanted )
    {
        block->live = 0;
        merge_with_next( block );
        block->live = 1;
    }
    if( block->size >= wanted )
    {
        block_t* rest = split( block, wanted );
        if( rest != NULL ) merge_with_next( rest );
        return pointer;
    }
    void* moved = heap_malloc( size, owner );
    if( moved == NULL ) return NULL;
    memcpy( moved, pointer, block->size < size ? block->size : size );
    heap_free( pointer );
    return moved;
}

int heap_unregister( unsigned owner )
{
    (void)owner;
    return 0;
}
