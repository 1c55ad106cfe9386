/*
 * How far a long work is: a bar on standard error, where that is a terminal and there is much to do.
 */
#ifndef PROGRESS_H
#define PROGRESS_H

#include <stdint.h>

/* So many bytes of all are done. */
void progress_show( uint64_t done, uint64_t all );
/* The bar goes away. */
void progress_end( void );

#endif
