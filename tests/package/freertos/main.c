/*
 * FreeRTOS's memory interface on dmheap, with a scheduler of two names.
 */
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "FreeRTOS.h"
#include "task.h"

#include "dmheap.h"

static char       task[16];
static BaseType_t scheduler = taskSCHEDULER_NOT_STARTED;
static unsigned   refused, failures;

char* pcTaskGetName( TaskHandle_t xTaskToQuery )
{
    if( xTaskToQuery != NULL || scheduler == taskSCHEDULER_NOT_STARTED ) failures++; /* a real one asserts */
    return task;
}

BaseType_t xTaskGetSchedulerState( void )
{
    return scheduler;
}

void vApplicationMallocFailedHook( void )
{
    refused++;
}

static void expect( bool holds, const char* what )
{
    printf( "%s: %s\n", holds ? "PASS" : "FAIL", what );
    if( !holds ) failures++;
}

static uint32_t blocks_of( const char* module )
{
    dmheap_module_stats_t stats = { 0 };
    return dmheap_get_module_stats( module, &stats ) ? stats.live_blocks : 0;
}

static HeapStats_t heap_stats( void )
{
    HeapStats_t stats;
    vPortGetHeapStats( &stats );
    return stats;
}

int main( void )
{
    static _Alignas( 8 ) char memory[16384];
    if( !dmheap_init( memory, sizeof memory, portBYTE_ALIGNMENT ) ) return 1;
    size_t fresh = xPortGetFreeHeapSize();
    expect( fresh > sizeof memory * 9 / 10 && xPortGetMinimumEverFreeHeapSize() == fresh, "a fresh heap is free" );

    void* early = pvPortMalloc( 100 );
    expect( early != NULL && dmheap_register_module( "blinky" ) && blocks_of( "blinky" ) == 0,
            "what is allocated before the scheduler runs is nobody's" );

    scheduler = taskSCHEDULER_RUNNING;
    strcpy( task, "blinky" );
    void* first = pvPortMalloc( 200 );
    expect( blocks_of( "blinky" ) == 1, "the owner is the task" );
    task[0]    = '\0';
    void* anon = pvPortMalloc( 10 );
    expect( anon != NULL, "a task without a name allocates" );
    strcpy( task, "shell" );
    unsigned char* zeroed = pvPortCalloc( 30, 10 );
    expect( blocks_of( "shell" ) == 1 && zeroed[0] == 0 && zeroed[299] == 0, "pvPortCalloc fills with zeros" );
    expect( pvPortCalloc( SIZE_MAX / 2, 3 ) == NULL && refused == 1, "a product that overflows is refused" );

    size_t low = xPortGetFreeHeapSize();
    expect( xPortGetMinimumEverFreeHeapSize() == low, "the least that was free is what is free now" );
    expect( pvPortMalloc( sizeof memory ) == NULL && refused == 2, "a refused request calls the hook" );

    vPortFree( first );
    HeapStats_t stats = heap_stats();
    expect( stats.xAvailableHeapSpaceInBytes == xPortGetFreeHeapSize() && stats.xAvailableHeapSpaceInBytes > low + 200,
            "a free gives the memory back" );
    expect( stats.xMinimumEverFreeBytesRemaining == low, "the least that was free is remembered" );
    expect( stats.xNumberOfSuccessfulAllocations == 4 && stats.xNumberOfSuccessfulFrees == 1, "calls are counted" );
    expect( stats.xNumberOfFreeBlocks == 2 && stats.xSizeOfSmallestFreeBlockInBytes >= 200 &&
                stats.xSizeOfSmallestFreeBlockInBytes < 256 &&
                stats.xSizeOfLargestFreeBlockInBytes + stats.xSizeOfSmallestFreeBlockInBytes <=
                    stats.xAvailableHeapSpaceInBytes,
            "the sizes of free blocks are told" );

    vPortFree( NULL );
    vPortFree( early );
    vPortFree( anon );
    vPortFree( zeroed );
    expect( heap_stats().xNumberOfSuccessfulFrees == 4, "a free of NULL is none" );
    dmheap_unregister_module( "blinky" );
    dmheap_unregister_module( "shell" );
    expect( xPortGetFreeHeapSize() == fresh && xPortGetMinimumEverFreeHeapSize() == low, "everything is back" );
    expect( pvPortMalloc( fresh - 256 ) != NULL && heap_stats().xNumberOfFreeBlocks <= 1, "the heap can be filled" );
    printf( "%u failures\n", failures );
    return failures != 0;
}
