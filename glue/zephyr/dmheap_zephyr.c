/*
 * What Zephyr gives in place of the weak functions of port/freestanding: its interrupt lock, which on several cores keeps
 * the others out as well, and printk().
 */
#include <zephyr/irq.h>
#include <zephyr/sys/printk.h>

#include "dmod.h"

void Dmod_PutChar( char Character );

/* Interrupts as they were when the outermost critical section began; only touched while they are locked. */
static unsigned depth;
static unsigned before;

DMOD_INPUT_API_DECLARATION( Dmod, 1.0, void, _EnterCritical, (void))
{
    unsigned key = irq_lock();
    if( depth++ == 0 ) before = key;
}

DMOD_INPUT_API_DECLARATION( Dmod, 1.0, void, _ExitCritical, (void))
{
    if( --depth == 0 ) irq_unlock( before );
}

void Dmod_PutChar( char Character )
{
    printk( "%c", Character );
}
