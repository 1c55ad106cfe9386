/*
 * Starts a test on a bare Cortex-M in QEMU: memory, main, and semihosting for the log and the exit status.
 */
#include <stdint.h>

extern uint32_t stack_top, data_load, data_begin, data_end, bss_begin, bss_end;
int             main( void );
void            Dmod_PutChar( char character );
void            reset( void );
void            fault( void );

enum
{
    SYS_WRITEC        = 0x03,
    SYS_EXIT_EXTENDED = 0x20,
    STOPPED_BY_EXIT   = 0x20026
};

static void semihost( uint32_t operation, const void* argument )
{
    register uint32_t    r0 __asm__( "r0" ) = operation;
    register const void* r1 __asm__( "r1" ) = argument;
    __asm__ volatile( "bkpt 0xAB" : "+r"( r0 ) : "r"( r1 ) : "memory" );
}

static void leave( int status )
{
    const uint32_t block[2] = { STOPPED_BY_EXIT, (uint32_t)status };
    semihost( SYS_EXIT_EXTENDED, block );
    for( ;; )
    {
    }
}

void Dmod_PutChar( char character )
{
    semihost( SYS_WRITEC, &character );
}

void fault( void )
{
    leave( 2 );
}

void reset( void )
{
    for( uint32_t *from = &data_load, *to = &data_begin; to < &data_end; )
        *to++ = *from++;
    for( uint32_t* to = &bss_begin; to < &bss_end; )
        *to++ = 0;
    leave( main() );
}

__attribute__( ( section( ".vectors" ), used ) ) static const void* const vectors[16] = { &stack_top,
                                                                                          (void*)(uintptr_t)reset,
                                                                                          (void*)(uintptr_t)fault,
                                                                                          (void*)(uintptr_t)fault,
                                                                                          (void*)(uintptr_t)fault,
                                                                                          (void*)(uintptr_t)fault,
                                                                                          (void*)(uintptr_t)fault };
