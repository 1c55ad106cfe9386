/*
 * The system that the glue is built on: its console.
 */
#include "esp_rom_sys.h"

#include <stdarg.h>
#include <stdio.h>

int system_critical_depth, system_critical_entries;

int esp_rom_printf( const char* fmt, ... )
{
    va_list arguments;
    va_start( arguments, fmt );
    int written = vprintf( fmt, arguments );
    va_end( arguments );
    return written;
}
