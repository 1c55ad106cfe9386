/*
 * In front of every file that Eva reads: what compilers have built in, which Eva does not know.
 */
#ifndef EVA_BUILTINS_H
#define EVA_BUILTINS_H

int  eva_clz( unsigned value );
int  eva_ctz( unsigned value );
int  eva_ctzl( unsigned long value );
void eva_copy( void* to, const void* from, unsigned long size );
void eva_move( void* to, const void* from, unsigned long size );
void eva_fill( void* to, int value, unsigned long size );

#define __builtin_clz     eva_clz
#define __builtin_ctz     eva_ctz
#define __builtin_ctzl    eva_ctzl
#define __builtin_memcpy  eva_copy
#define __builtin_memmove eva_move
#define __builtin_memset  eva_fill

/* Eva takes this attribute of a function for one of the type that it returns, and forgets the members of a struct that is. */
#define cold noinline

#endif
