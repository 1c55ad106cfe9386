/*
 * Lets the n-th search of the library for a free block fail; see dmheap_failing.c.
 */
#ifndef FAIL_AT_H
#define FAIL_AT_H

/* Counts from 1 on again; the n-th fails, 0: none. */
void fail_at( unsigned long n );

/* How often was searched since. */
unsigned long fail_count( void );

#endif
