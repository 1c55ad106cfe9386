/*
 * The vectors of a Cortex-M that newlib's _start is reached by; a fault ends the test.
 */
#include <stdint.h>
#include <stdlib.h>

extern uint32_t __stack;
void            _start( void );

static void fault( void )
{
    abort();
}

/* What a test may bring; the name is picolibc's. */
__attribute__( ( weak, alias( "fault" ) ) ) void arm_systick_isr( void );

__attribute__( ( section( ".vectors" ), used ) ) static const void* const vectors[16] = {
    &__stack,
    (void*)(uintptr_t)_start,
    (void*)(uintptr_t)fault,
    (void*)(uintptr_t)fault,
    (void*)(uintptr_t)fault,
    (void*)(uintptr_t)fault,
    (void*)(uintptr_t)fault,
    [15] = (void*)(uintptr_t)arm_systick_isr,
};
