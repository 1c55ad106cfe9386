/*
 * Lets the n-th block that the library takes be refused; see fail_at.c.
 */
#ifndef FAIL_AT_H
#define FAIL_AT_H

/* Counts from 1 on again; the n-th is refused, 0: none. */
void fail_at( unsigned long n );

/* How often a block was asked for since. */
unsigned long fail_count( void );

#endif
