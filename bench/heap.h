/*
 * One heap under measurement, as host.c, target.c and replay.c see it. heap_*.c implement it, each for one heap. The
 * counting tools look for these functions by their names, so they lie in a file of their own, where no call of them is
 * inlined.
 */
#ifndef HEAP_H
#define HEAP_H

#include <stddef.h>

enum
{
    OWNERS = 16
};

extern const char* const owner_names[OWNERS];

void  heap_begin( void* buffer, size_t size ); /* an empty heap in this buffer; one that existed before is forgotten */
void* heap_malloc( size_t size, unsigned owner );
void* heap_aligned( size_t alignment, size_t size, unsigned owner );
void  heap_free( void* block );
void* heap_realloc( void* block, size_t size, unsigned owner );
int   heap_unregister( unsigned owner ); /* 0: the heap has no such thing */

/* Bytes in live blocks as a whole, in free ones, and in the largest free one; 0: the heap does not tell, which a heap_*.c
 * need not say: replay.c does. */
int heap_about( size_t* live, size_t* unused, size_t* largest );

#endif
