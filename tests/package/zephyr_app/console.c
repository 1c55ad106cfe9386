/*
 * The system that the glue is built on: its console, and a lock whose key says whether it was locked already.
 */
#include <zephyr/irq.h>
#include <zephyr/sys/printk.h>

#include <stdarg.h>
#include <stdio.h>

int system_critical_depth, system_critical_entries;

unsigned int irq_lock( void )
{
    system_critical_entries++;
    return system_critical_depth++ == 0 ? 7 : 8;
}

void irq_unlock( unsigned int key )
{
    if( key == 7 ) system_critical_depth = 0; /* as it was: not locked */
}

void printk( const char* fmt, ... )
{
    va_list arguments;
    va_start( arguments, fmt );
    (void)vprintf( fmt, arguments );
    va_end( arguments );
}
