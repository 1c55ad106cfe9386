/*
 * What the board gives: a serial port, a timer, a second memory, an end.
 */
#ifndef BOARD_H
#define BOARD_H

#include <stddef.h>

/* The serial port. serial_get() waits. */
void serial_open( void );
void serial_put( char character );
char serial_get( void );

/* Another one, for what is no text. */
void port_open( void );
void port_put( char byte );

/* Calls timer_tick(), which the program defines, from an interrupt, so many times a second; 0: not any more. */
void timer_start( unsigned frequency );
void timer_tick( void );

/* The memory that the linker script leaves for the heap; and the external one. */
void* heap_memory( size_t* size );
void* external_memory( size_t* size );

/* Ends the program. */
_Noreturn void board_reset( void );

#endif
