/*
 * The heaps in a target's memory, each as an image with the reader that its layout asks for.
 */
#ifndef HEAPS_H
#define HEAPS_H

#include "reader.h"
#include "target.h"

typedef struct
{
    image_t         image;
    void*           memory; /* that the image lies in */
    const reader_t* reader;
    const char*     fault;                  /* that the check found, NULL: none */
    uint64_t        where;                  /* the block at fault, 0: none */
    char            note[READER_NOTE_SIZE]; /* what else is wrong; empty: nothing */
} heap_t;

typedef struct
{
    heap_t* heaps;
    size_t  count;
} heaps_t;

/* Finds them by their magic word; where `at` is not NULL, the one at this address, whatever it begins with. False where
 * there is no memory. */
bool heaps_find( const target_t* target, const uint64_t* at, heaps_t* heaps );
void heaps_free( heaps_t* heaps );

static inline bool heap_is_damaged( const heap_t* heap )
{
    return heap->fault != NULL || heap->note[0] != '\0';
}

#endif
