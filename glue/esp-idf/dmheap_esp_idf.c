/*
 * What ESP-IDF gives in place of the weak functions of port/freestanding: a spinlock that also keeps the other core out,
 * and the console of the ROM, which may be used from everywhere.
 */
#include "esp_rom_sys.h"
#include "freertos/FreeRTOS.h"

#include "dmod.h"

void Dmod_PutChar( char Character );

static portMUX_TYPE critical = portMUX_INITIALIZER_UNLOCKED;

DMOD_INPUT_API_DECLARATION( Dmod, 1.0, void, _EnterCritical, (void))
{
    portENTER_CRITICAL_SAFE( &critical );
}

DMOD_INPUT_API_DECLARATION( Dmod, 1.0, void, _ExitCritical, (void))
{
    portEXIT_CRITICAL_SAFE( &critical );
}

void Dmod_PutChar( char Character )
{
    esp_rom_printf( "%c", Character );
}
