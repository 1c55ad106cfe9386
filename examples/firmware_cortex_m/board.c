/*
 * Start-up and devices of a Cortex-M3 as in ARM's mps2-an385; see board.h. May not use the heap.
 */
#include "board.h"

#include <stdint.h>

extern uint32_t stack_top, data_load, data_begin, data_end, bss_begin, bss_end;
extern char     __heap_start__, __heap_end__;

int  main( void );
void reset( void );

enum
{
    CLOCK = 25000000
};

#define UART  ( (volatile uint32_t*)0x40004000 ) /* data, state, control, interrupt, divider */
#define UART1 ( (volatile uint32_t*)0x40005000 ) /* the same */
#define SYST  ( (volatile uint32_t*)0xE000E010 )
#define AIRCR ( *(volatile uint32_t*)0xE000ED0C )

static void put( volatile uint32_t* uart, char character )
{
    while( uart[1] & 1u )
        continue;
    uart[0] = (unsigned char)character;
}

void serial_open( void )
{
    UART[4] = CLOCK / 115200;
    UART[2] = 3; /* transmit and receive */
}

void serial_put( char character )
{
    put( UART, character );
}

void port_open( void )
{
    UART1[4] = CLOCK / 1000000;
    UART1[2] = 1; /* transmit */
}

void port_put( char byte )
{
    put( UART1, byte );
}

char serial_get( void )
{
    while( !( UART[1] & 2u ) )
        continue;
    return (char)UART[0];
}

void timer_start( unsigned frequency )
{
    SYST[0] = 0;
    if( frequency == 0 ) return;
    SYST[1] = CLOCK / frequency - 1;
    SYST[2] = 0;
    SYST[0] = 7;
}

void* heap_memory( size_t* size )
{
    *size = (size_t)( &__heap_end__ - &__heap_start__ );
    return &__heap_start__;
}

void* external_memory( size_t* size )
{
    *size = 16u << 20;
    return (void*)0x21000000;
}

_Noreturn void board_reset( void )
{
    AIRCR = 0x05FA0004;
    for( ;; )
        continue;
}

void reset( void )
{
    for( uint32_t *from = &data_load, *to = &data_begin; to < &data_end; )
        *to++ = *from++;
    for( uint32_t* to = &bss_begin; to < &bss_end; )
        *to++ = 0;
    (void)main();
    board_reset();
}

static void fault( void )
{
    board_reset();
}

__attribute__( ( section( ".vectors" ), used ) ) static const void* const vectors[16] = {
    &stack_top,         (const void*)reset, (const void*)fault, (const void*)fault,
    (const void*)fault, (const void*)fault, (const void*)fault, [15] = (const void*)timer_tick,
};
