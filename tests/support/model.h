/*
 * A plain model of what must hold in a heap: which blocks live, what they contain, who owns them. The property tests run
 * the same calls on the heap and on the model and compare after every step.
 */
#ifndef MODEL_H
#define MODEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* One run: returns NULL, or what went wrong. `steps` calls drawn from `seed` on a heap of `size` bytes. */
const char* model_run( uint32_t seed, unsigned steps, size_t size, size_t alignment, size_t offset );

#endif
