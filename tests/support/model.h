/*
 * A plain model of what must hold in a heap: which blocks live, what they contain, who owns them. The property tests and
 * the fuzzers run the same calls on the heap and on the model and compare after every step.
 */
#ifndef MODEL_H
#define MODEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The heap of a run. */
typedef struct
{
    size_t size, alignment; /* bytes */
    size_t offset;          /* from a 4096-byte boundary */
    bool   several;         /* two more heaps, of other granules, come and go, and are default ones at times */
    bool   may_fail;        /* a block may be refused although there is room */
} model_heap_t;

/* One run of `steps` calls drawn from a seed. NULL, or what went wrong. */
const char* model_run( uint32_t seed, unsigned steps, model_heap_t heap );

/* One run of the calls that `bytes` stand for, heap included. NULL, or what went wrong. */
const char* model_run_bytes( const uint8_t* bytes, size_t length );

#endif
