/*
 * The modules that heaps in a target's memory have: what the events of a ring there may not say.
 */
#ifndef NAMES_H
#define NAMES_H

#include "target.h"

/* Shows each with the key of its registration. */
void names_visit( const target_t* target, void ( *visit )( uint64_t key, const char* name, void* user ), void* user );

#endif
