/*
 * A small system with two modules on a 256 KiB heap. Shows who holds what at each step, and that unloading a module
 * gives back all that it holds while the other runs on.
 */
#include <stdio.h>
#include <string.h>

#include "dmheap.h"

enum
{
    HEAP_SIZE           = 256 * 1024,
    NETWORK_BUFFERS     = 10,
    NETWORK_BUFFER_SIZE = 1500,
    DMA_ALIGNMENT       = 64
};

typedef struct
{
    int   id;
    float temperature, humidity;
    char  location[32];
} sensor_t;

static unsigned char  heap[HEAP_SIZE];
static sensor_t*      sensor;
static unsigned char* buffers[NETWORK_BUFFERS];

static bool print_module( const dmheap_module_info_t* module, void* user )
{
    (void)user;
    printf( "    %-8s %6lu bytes in %2lu blocks\n", module->name, (unsigned long)module->stats.live_bytes,
            (unsigned long)module->stats.live_blocks );
    return true;
}

static void print_holdings( void )
{
    dmheap_stats_t stats;
    dmheap_visit_modules( print_module, NULL );
    if( dmheap_get_stats( &stats ) )
        printf( "    %-8s %6lu bytes, the largest block %lu\n", "(free)", (unsigned long)stats.free_bytes,
                (unsigned long)stats.largest_free_block );
}

static bool sensor_load( void )
{
    if( !dmheap_register_module( "sensor" ) || ( sensor = dmheap_malloc( sizeof *sensor, "sensor" ) ) == NULL )
        return false;
    *sensor = ( sensor_t ){ .id = 1, .temperature = 25.5f, .humidity = 60.0f, .location = "Room A" };
    printf( "Sensor module initialized with data at %p\n", (void*)sensor );
    return true;
}

static bool network_load( void )
{
    if( !dmheap_register_module( "network" ) ) return false;
    for( int i = 0; i < NETWORK_BUFFERS; i++ )
    {
        buffers[i] = dmheap_aligned_alloc( DMA_ALIGNMENT, NETWORK_BUFFER_SIZE, "network" );
        if( buffers[i] == NULL ) return false;
    }
    printf( "Network module initialized with %d buffers\n", NETWORK_BUFFERS );
    return true;
}

static void run( void )
{
    for( int i = 0; i < NETWORK_BUFFERS; i++ )
        memset( buffers[i], i, NETWORK_BUFFER_SIZE );
    if( sensor != NULL ) sensor->temperature += 0.5f;
}

int main( void )
{
    printf( "=== Embedded System with dmheap ===\n" );
    if( !dmheap_init( heap, sizeof heap, 8 ) ) return 1;
    printf( "Heap initialized: %d KB\n", HEAP_SIZE / 1024 );
    print_holdings();
    if( !sensor_load() || !network_load() ) return 1;
    print_holdings();

    printf( "--- Modules running ---\n" );
    run();
    print_holdings();

    printf( "--- Shutting down sensor module ---\n" );
    dmheap_unregister_module( "sensor" );
    sensor = NULL;
    printf( "Sensor module cleaned up\n" );
    print_holdings();

    printf( "--- Network module still running ---\n" );
    run();
    print_holdings();

    printf( "--- System shutdown ---\n" );
    dmheap_unregister_module( "network" );
    printf( "Network module cleaned up\n" );
    print_holdings();

    dmheap_stats_t stats;
    if( !dmheap_get_stats( &stats ) || stats.used_blocks != 0 || dmheap_check( NULL ) != DMHEAP_CHECK_OK ) return 1;
    printf( "All modules cleaned up successfully!\n" );
    return 0;
}
