/*
 * As freertos/FreeRTOS.h of this folder.
 */
#ifndef ESP_ROM_SYS_H
#define ESP_ROM_SYS_H

int esp_rom_printf( const char* fmt, ... );

#endif
