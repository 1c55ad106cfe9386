/*
 * Lets the n-th search for a free block come to nothing; see dmheap_failing.c.
 */
#ifndef FAIL_AT_H
#define FAIL_AT_H

#include <stdbool.h>

/* Counts from 1 on again; the n-th is refused, 0: none. */
void fail_at( unsigned long n );

/* How often a block was asked for since. */
unsigned long fail_count( void );

/* Counts one; whether it is to be refused. */
bool fail_now( void );

#endif
