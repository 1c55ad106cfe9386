/*
 * Replays a trace on one heap of a Cortex-M4, as target.c measures: QEMU's mps2-an386 with -icount shift=6. The steps,
 * which `replay TRACE steps` writes, are the file "steps", read by semihosting into the board's second memory. Prints a
 * line "METRIC VALUE" each, in instructions: the mean of all calls; and of those that are no realloc, which copies, what
 * 999 of 1,000 do not exceed, and the worst. Prints nothing where the heap refuses.
 */
#include <stdint.h>

#include "heap.h"

enum
{
    OP_MALLOC   = 1,
    OP_REALLOC  = 3,
    STACK_BYTES = 64 * 1024,
    COUNTS      = 1 << 20, /* calls are told apart up to so many instructions */
    NOT_ALIGNED = 3        /* log2 of what every heap gives by itself */
};

#define SYSTICK ( (volatile uint32_t*)0xE000E010 )

extern uint32_t      stack_top;
extern unsigned char end[]; /* of the program: the heap's memory begins there */
static void          reset( void );

__attribute__( ( section( ".vectors" ), used ) ) static void* const vectors[16] = { &stack_top, (void*)reset };

/* The second memory, 16 MiB: how often a call took so many instructions, the steps, the payloads by block. */
static uint32_t* const counts = (uint32_t*)0x21000000;
static uint32_t* const words  = (uint32_t*)0x21000000 + COUNTS;

static uint32_t uncalled; /* what reading the timer twice is counted as */
static uint64_t sum;
static uint32_t calls;           /* all */
static uint32_t worst, measured; /* no realloc */

static int semihost( int operation, const void* argument )
{
    register int         r0 __asm__( "r0" ) = operation;
    register const void* r1 __asm__( "r1" ) = argument;
    __asm__ volatile( "bkpt 0xAB" : "+r"( r0 ) : "r"( r1 ) : "memory" );
    return r0;
}

static void print( const char* metric, uint32_t value )
{
    char  digits[16];
    char* digit = digits + sizeof digits;
    *--digit    = '\0';
    *--digit    = '\n';
    do
    {
        *--digit = (char)( '0' + value % 10 );
        value /= 10;
    } while( value > 0 );
    semihost( 4, metric );
    semihost( 4, digit );
}

/* How many words of steps there are. */
static uint32_t read_steps( void )
{
    static const char name[]  = "steps";
    const uint32_t    open[3] = { (uint32_t)name, 1, sizeof name - 1 };
    const uint32_t    file    = (uint32_t)semihost( 1, open );
    const uint32_t    size    = (uint32_t)semihost( 0x0C, &file );
    const uint32_t    read[3] = { file, (uint32_t)words, size };
    return semihost( 6, read ) == 0 ? size / 4 : 0;
}

/* The timer counts down, in 24 bits. */
static uint32_t instructions( uint32_t from, uint32_t to )
{
    return ( ( ( from - to ) & 0xFFFFFF ) * 5 + 4 ) / 8 - uncalled;
}

static void note( uint32_t count, int copies )
{
    sum += count;
    calls++;
    if( copies ) return;
    measured++;
    if( count > worst ) worst = count;
    counts[count < COUNTS ? count : COUNTS - 1]++;
}

/* A step has two words: the block, the operation in 2 bits, the owner in 4, log2 of the alignment in 4; and the size. */
static int replay( const uint32_t* step, const uint32_t* last, void** payload )
{
    for( ; step < last; step += 2 )
    {
        void**         block     = &payload[step[0] >> 10];
        const unsigned operation = step[0] & 3, owner = step[0] >> 2 & 15, alignment = step[0] >> 6 & 15;
        const uint32_t size = step[1];
        const uint32_t from = SYSTICK[2];
        if( operation == OP_MALLOC && alignment > NOT_ALIGNED )
            *block = heap_aligned( (size_t)1 << alignment, size, owner );
        else if( operation == OP_MALLOC )
            *block = heap_malloc( size, owner );
        else if( operation == OP_REALLOC )
            *block = heap_realloc( *block, size, owner );
        else
            heap_free( *block );
        note( instructions( from, SYSTICK[2] ), operation == OP_REALLOC );
        if( *block == 0 ) return 0;
    }
    return 1;
}

static uint32_t not_exceeded( void )
{
    uint32_t above = 0, count = COUNTS - 1;
    while( count > 0 && ( above += counts[count] ) * 1000ull <= measured )
        count--;
    return count;
}

static void reset( void )
{
    static const uint32_t end_of_program[2] = { 0x20026, 0 };
    const uint32_t        size              = read_steps();
    SYSTICK[1]                              = 0xFFFFFF;
    SYSTICK[2]                              = 0;
    SYSTICK[0]                              = 5;
    const uint32_t from                     = SYSTICK[2];
    uncalled                                = instructions( from, SYSTICK[2] );
    unsigned char* const buffer             = (unsigned char*)( ( (uint32_t)end + 63 ) / 64 * 64 );
    heap_begin( buffer, (size_t)( (unsigned char*)&stack_top - STACK_BYTES - buffer ) );
    if( size > 0 && replay( words, words + size, (void**)( words + size ) ) )
    {
        print( "mean ", (uint32_t)( ( sum + calls / 2 ) / calls ) );
        print( "of_1000 ", not_exceeded() );
        print( "worst ", worst );
    }
    semihost( 0x20, end_of_program );
    for( ;; )
    {
    }
}
