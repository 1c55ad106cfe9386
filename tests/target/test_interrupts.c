/*
 * A timer interrupt that allocates and frees on the heap, at whatever moment it comes: while the main program allocates,
 * while a realloc moves a large block, while an unregister walks. Cortex-M and RISC-V; uses the critical sections of the
 * port.
 */
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "dmheap.h"

enum
{
    HEAP_SIZE = 1 << 20,
    HELD      = 8,
    BLOCKS    = 64
};

static unsigned char heap[HEAP_SIZE];
static void* volatile held[HELD];
static volatile unsigned ticks, refusals;
static unsigned          failures;

/* What the interrupt does. */
static void tick( void )
{
    unsigned n = ticks++;
    unsigned i = n % HELD;
    dmheap_free( held[i], false );
    held[i] = dmheap_malloc( 8 + n * 37 % 600, n % 3 ? "interrupt" : NULL );
    if( held[i] == NULL ) refusals++;
}

/* ---- The processor ---- */

#if defined( __arm__ )

#define SYST_CSR ( *(volatile uint32_t*)0xE000E010 )
#define SYST_RVR ( *(volatile uint32_t*)0xE000E014 )

enum
{
    PERIOD = 6250 /* of 25 MHz, of most boards: 250 us */
};

/* What picolibc's vectors have for SysTick, and vectors.c. */
void arm_systick_isr( void );
void arm_systick_isr( void )
{
    tick();
}

static void timer_start( void )
{
    SYST_RVR = PERIOD;
    SYST_CSR = 7;
}

static void interrupts_disable( void )
{
    __asm__ volatile( "cpsid i" ::: "memory" );
}

static void interrupts_enable( void )
{
    __asm__ volatile( "cpsie i" ::: "memory" );
}

static bool interrupts_are_enabled( void )
{
    uint32_t masked;
    __asm__ volatile( "mrs %0, primask" : "=r"( masked ) );
    return masked == 0;
}

#elif defined( __riscv )

#define MTIMECMP           ( *(volatile uint64_t*)0x02004000 )
#define MTIME              ( *(volatile uint64_t*)0x0200BFF8 )
#define CSR( instruction ) ".option push\n\t.option arch, +zicsr\n\t" instruction "\n\t.option pop"

enum
{
    PERIOD = 2500 /* of 10 MHz: 250 us */
};

static __attribute__( ( interrupt( "machine" ), aligned( 4 ) ) ) void on_timer( void )
{
    tick();
    MTIMECMP = MTIME + PERIOD; /* from now on: on a slow emulator the main program has its turn too */
}

static void interrupts_disable( void )
{
    __asm__ volatile( CSR( "csrc mstatus, %0" )::"r"( 8ul ) : "memory" );
}

static void interrupts_enable( void )
{
    __asm__ volatile( CSR( "csrs mstatus, %0" )::"r"( 8ul ) : "memory" );
}

static bool interrupts_are_enabled( void )
{
    unsigned long status;
    __asm__ volatile( CSR( "csrr %0, mstatus" ) : "=r"( status ) );
    return ( status & 8ul ) != 0;
}

static void timer_start( void )
{
    __asm__ volatile( CSR( "csrw mtvec, %0" )::"r"( on_timer ) );
    MTIMECMP = MTIME + PERIOD;
    __asm__ volatile( CSR( "csrs mie, %0" )::"r"( 128ul ) );
    interrupts_enable();
}

#endif

/* ---- The main program ---- */

static void expect( bool holds, const char* what )
{
    if( holds ) return;
    failures++;
    printf( "FAILED: %s, after %u interrupts\n", what, ticks );
}

static bool is_filled( const unsigned char* block, size_t size, unsigned seed )
{
    for( size_t i = 0; i < size; i++ )
        if( block[i] != (unsigned char)( seed + i * 7 ) ) return false;
    return true;
}

static void fill( unsigned char* block, size_t size, unsigned seed )
{
    for( size_t i = 0; i < size; i++ )
        block[i] = (unsigned char)( seed + i * 7 );
}

static void allocate_and_free( void )
{
    unsigned char* blocks[BLOCKS] = { NULL };
    for( unsigned round = 0; round < 20000; round++ )
    {
        unsigned i    = round * 31 % BLOCKS;
        size_t   size = 16 + i * 5;
        if( blocks[i] != NULL ) expect( is_filled( blocks[i], size, i ), "a block's contents" );
        dmheap_free( blocks[i], false );
        blocks[i] = dmheap_malloc( size, i % 2 ? "main" : NULL );
        expect( blocks[i] != NULL, "an allocation" );
        if( blocks[i] != NULL ) fill( blocks[i], size, i );
    }
    for( unsigned i = 0; i < BLOCKS; i++ )
        dmheap_free( blocks[i], false );
}

static void move_a_large_block( void )
{
    unsigned char* block = dmheap_malloc( 1000, "main" );
    size_t         size  = 1000;
    fill( block, size, 3 );
    for( unsigned round = 0; round < 200; round++ )
    {
        void*          wall  = dmheap_malloc( 8, "main" ); /* so that it cannot grow where it is */
        size_t         next  = 1000 + round * 7919 % 150000;
        unsigned char* moved = dmheap_realloc( block, next, NULL );
        expect( moved != NULL, "a realloc" );
        if( moved == NULL ) break;
        expect( is_filled( moved, size < next ? size : next, 3 ), "contents after a realloc" );
        block = moved;
        size  = next;
        fill( block, size, 3 );
        dmheap_free( wall, false );
    }
    dmheap_free( block, false );
}

static void unregister_many( void )
{
    for( unsigned round = 0; round < 20; round++ )
    {
        for( unsigned i = 0; i < 1500; i++ )
            expect( dmheap_malloc( 8 + i % 50, i % 4 ? "leaving" : "staying" ) != NULL, "an allocation" );
        dmheap_unregister_module( "leaving" );
        dmheap_module_stats_t stats;
        expect( dmheap_get_module_stats( "staying", &stats ) && stats.live_blocks == 375, "who stays" );
        dmheap_unregister_module( "staying" );
    }
}

static void leaves_interrupts_as_they_were( void )
{
    expect( interrupts_are_enabled(), "interrupts are enabled" );
    dmheap_free( dmheap_malloc( 10, "main" ), true );
    expect( interrupts_are_enabled(), "interrupts are enabled after a call" );
    Dmod_EnterCritical();
    expect( !interrupts_are_enabled(), "interrupts are masked in a critical section" );
    dmheap_free( dmheap_malloc( 10, "main" ), true );
    expect( !interrupts_are_enabled(), "interrupts stay masked after a call in it" );
    Dmod_ExitCritical();
    expect( interrupts_are_enabled(), "interrupts are enabled after it" );
    interrupts_disable();
    dmheap_free( dmheap_malloc( 10, "main" ), true );
    expect( !interrupts_are_enabled(), "interrupts stay disabled" );
    interrupts_enable();
}

static void run( const char* what, void ( *phase )( void ) )
{
    unsigned before = ticks;
    phase();
    printf( "%s: %u interrupts\n", what, ticks - before );
    expect( dmheap_check( NULL ) == DMHEAP_CHECK_OK, "the check" );
}

int main( void )
{
    if( !dmheap_init( heap, sizeof heap, 8 ) ) return 1;
    expect( dmheap_register_module( "interrupt" ), "registering" );
    timer_start();
    leaves_interrupts_as_they_were();
    for( unsigned before = ticks; ticks < before + 200; )
        run( "allocating", allocate_and_free );
    for( unsigned before = ticks; ticks < before + 100; )
        run( "moving", move_a_large_block );
    for( unsigned before = ticks; ticks < before + 100; )
        run( "unregistering", unregister_many );
    interrupts_disable();
    for( unsigned i = 0; i < HELD; i++ )
        dmheap_free( held[i], false );
    dmheap_unregister_module( "main" );
    dmheap_unregister_module( "interrupt" );
    dmheap_stats_t stats;
    expect( dmheap_get_stats( &stats ) && stats.used_blocks == 0 && stats.free_blocks == 1, "all memory came back" );
    expect( dmheap_check( NULL ) == DMHEAP_CHECK_OK, "the check" );
    expect( refusals == 0, "an allocation of the interrupt" );
    printf( "%u interrupts, %u failures\n", ticks, failures );
    return failures != 0;
}
