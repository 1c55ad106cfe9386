/*
 * Places in a program's source, asked of addr2line.
 */
#ifndef PLACES_H
#define PLACES_H

#include <stdbool.h>
#include <stdint.h>

/* Starts it for a program with debug information. False where it cannot be. */
bool places_open( const char* program );

/* How far behind where it was linked to the program ran, from now on. */
void places_moved( uint64_t distance );

/* "function at file:line" of the call that returns to an address, until the next one is asked; NULL: not known. */
const char* places_of( uint64_t caller );

void places_close( void );

#endif
