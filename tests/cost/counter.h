/*
 * Counts instructions in QEMU with -icount, where every instruction takes the same time: by the SysTick timer of a
 * Cortex-M, by the counter of a RISC-V. May not be used on a real processor, where it counts time.
 */
#ifndef COUNTER_H
#define COUNTER_H

#include <stdint.h>

enum
{
    COUNTER_LOOPS = 10000
};

static uint32_t counter_of_loops; /* what so many loops of two instructions are counted as */

#if defined( __riscv )

static inline uint32_t counter_now( void )
{
    unsigned long now;
    __asm__ volatile( ".option push\n\t.option arch, +zicsr\n\tcsrr %0, minstret\n\t.option pop"
                      : "=r"( now )::"memory" );
    return (uint32_t)now;
}

static inline uint32_t counter_between( uint32_t from, uint32_t to )
{
    return to - from;
}

static inline void counter_setup( void )
{
}

static inline void counter_loop( unsigned long loops )
{
    __asm__ volatile( "1:\taddi %0, %0, -1\n\tbnez %0, 1b" : "+r"( loops ) );
}

#else

#define SYSTICK ( (volatile uint32_t*)0xE000E010 )

static inline uint32_t counter_now( void )
{
    return SYSTICK[2];
}

/* The timer counts down, in 24 bits. */
static inline uint32_t counter_between( uint32_t from, uint32_t to )
{
    return ( from - to ) & 0xFFFFFF;
}

static inline void counter_setup( void )
{
    SYSTICK[1] = 0xFFFFFF;
    SYSTICK[2] = 0;
    SYSTICK[0] = 5;
}

static inline void counter_loop( unsigned long loops )
{
    __asm__ volatile( ".syntax unified\n1:\tsubs %0, %0, #1\n\tbne 1b" : "+l"( loops )::"cc" );
}

#endif

/* Starts the counter, and finds out what an instruction is counted as. */
static inline void counter_start( void )
{
    counter_setup();
    uint32_t start = counter_now();
    counter_loop( COUNTER_LOOPS );
    counter_of_loops = counter_between( start, counter_now() );
}

static inline uint32_t counter_instructions( uint32_t count )
{
    return (uint32_t)( ( (uint64_t)count * 2 * COUNTER_LOOPS + counter_of_loops / 2 ) / counter_of_loops );
}

#endif
