/*
 * The numbers that random tests draw: the same on every machine, from a state that the test keeps.
 */
#ifndef RANDOM_H
#define RANDOM_H

#include <stdint.h>

/* A number below `below`. xorshift, 32 bits: G. Marsaglia, "Xorshift RNGs", 2003. `state` must not be 0. */
static inline uint32_t draw_from( uint32_t* state, uint32_t below )
{
    *state ^= *state << 13;
    *state ^= *state >> 17;
    *state ^= *state << 5;
    return *state % below;
}

#endif
