/*
 * Fixed work on one heap of a Cortex-M4: QEMU's mps2-an386 with -icount shift=6, where an instruction takes 64 ns and
 * a tick of SysTick, at 25 MHz, 40 ns. Prints a line "METRIC VALUE" each by semihosting, in instructions and bytes.
 */
#include <stdint.h>
#include <string.h>

#include "heap.h"

enum
{
    KIB       = 1024,
    MOST_LIVE = 4096,
    ROUNDS    = 20000,
    STACK     = 1024, /* words that are looked at */
    PAINT     = 0x5AA5C33C
};

#define SYSTICK ( (volatile uint32_t*)0xE000E010 )

extern uint32_t stack_top;
static void     reset( void );

__attribute__( ( section( ".vectors" ), used ) ) static void* const vectors[16] = { &stack_top, (void*)reset };

static unsigned char buffer[1024 * KIB] __attribute__( ( aligned( 64 ) ) );
static void*         live[MOST_LIVE];
static uint32_t      state = 2463534242u;

static int semihost( int operation, const void* argument )
{
    register int         r0 __asm__( "r0" ) = operation;
    register const void* r1 __asm__( "r1" ) = argument;
    __asm__ volatile( "bkpt 0xAB" : "+r"( r0 ) : "r"( r1 ) : "memory" );
    return r0;
}

static void print_text( const char* text )
{
    semihost( 4, text );
}

static void print_number( uint32_t number )
{
    char  digits[12];
    char* digit = digits + sizeof digits;
    *--digit    = '\0';
    do
    {
        *--digit = (char)( '0' + number % 10 );
        number /= 10;
    } while( number > 0 );
    print_text( digit );
}

static void print( const char* metric, uint32_t of, uint32_t value )
{
    print_text( metric );
    print_text( "." );
    print_number( of );
    print_text( " " );
    print_number( value );
    print_text( "\n" );
}

static uint32_t draw( void )
{
    state ^= state << 13;
    state ^= state >> 17;
    state ^= state << 5;
    return state;
}

/* Of 2^from to 2^to - 1, every power of two as often. */
static size_t draw_size( unsigned from, unsigned to )
{
    unsigned shift = from + draw() % ( to - from );
    return ( (size_t)1 << shift ) + draw() % ( (size_t)1 << shift );
}

static uint32_t uncalled; /* what reading the timer twice is counted as */

/* The timer counts down, in 24 bits. */
static uint32_t instructions( uint32_t from, uint32_t to )
{
    return ( ( ( from - to ) & 0xFFFFFF ) * 5 + 4 ) / 8 - uncalled;
}

#define COUNTED( call )                                                                                                \
    ( {                                                                                                                \
        uint32_t from_ = SYSTICK[2];                                                                                   \
        call;                                                                                                          \
        uint32_t to_ = SYSTICK[2];                                                                                     \
        instructions( from_, to_ );                                                                                    \
    } )

/* What lies below the stack is painted: the call has used all that is not painted any more. */
#define STACK_OF( call )                                                                                               \
    ( {                                                                                                                \
        uint32_t* pointer_;                                                                                            \
        __asm__ volatile( "mov %0, sp" : "=r"( pointer_ ) );                                                           \
        for( uint32_t* word_ = pointer_ - STACK; word_ < pointer_; word_++ )                                           \
            *word_ = PAINT;                                                                                            \
        call;                                                                                                          \
        uint32_t* word_ = pointer_ - STACK;                                                                            \
        while( word_ < pointer_ && *word_ == PAINT )                                                                   \
            word_++;                                                                                                   \
        ( uint32_t )( pointer_ - word_ ) * 4;                                                                          \
    } )

static void print_calls( void )
{
    for( unsigned blocks = 100; blocks <= 1000; blocks *= 10 )
    {
        uint32_t malloc_sum = 0, malloc_worst = 0, free_sum = 0, free_worst = 0;
        memset( buffer, 0xA5, sizeof buffer );
        heap_begin( buffer, blocks * KIB );
        for( unsigned i = 0; i < blocks; i++ )
            live[i] = heap_malloc( draw_size( 4, 10 ), i % OWNERS );
        for( unsigned round = 0; round < ROUNDS; round++ )
        {
            unsigned i    = draw() % blocks;
            size_t   size = draw_size( 4, 10 );
            void*    block;
            uint32_t count = COUNTED( heap_free( live[i] ) );
            free_sum += count;
            if( count > free_worst ) free_worst = count;
            count = COUNTED( block = heap_malloc( size, i % OWNERS ) );
            malloc_sum += count;
            if( count > malloc_worst ) malloc_worst = count;
            live[i] = block != NULL ? block : heap_malloc( 16, i % OWNERS );
        }
        print( "malloc_mean", blocks, malloc_sum / ROUNDS );
        print( "malloc_worst", blocks, malloc_worst );
        print( "free_mean", blocks, free_sum / ROUNDS );
        print( "free_worst", blocks, free_worst );
    }
}

static void print_stacks( void )
{
    void* volatile first;
    void* volatile second;
    heap_begin( buffer, 64 * KIB );
    print( "stack_malloc_of_a_new_name", 0, STACK_OF( first = heap_malloc( 100, 0 ) ) );
    print( "stack_malloc", 0, STACK_OF( second = heap_malloc( 100, 0 ) ) );
    print( "stack_realloc_that_moves", 0, STACK_OF( first = heap_realloc( first, 5000, 0 ) ) );
    print( "stack_free", 0, STACK_OF( heap_free( second ) ) );
    print( "stack_unregister", 0, STACK_OF( heap_unregister( 0 ) ) );
    (void)first;
}

static void reset( void )
{
    static const uint32_t end_of_program[2] = { 0x20026, 0 };
    SYSTICK[1]                              = 0xFFFFFF;
    SYSTICK[2]                              = 0;
    SYSTICK[0]                              = 5;
    uncalled                                = COUNTED( (void)0 );
    print_calls();
    print_stacks();
    semihost( 0x20, end_of_program );
    for( ;; )
    {
    }
}
