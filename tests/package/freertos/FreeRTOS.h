/*
 * What the glue to FreeRTOS needs of its headers, for a machine without FreeRTOS: names and types as FreeRTOS has them.
 */
#ifndef FREERTOS_H
#define FREERTOS_H

#include <assert.h>
#include <stddef.h>

#define configUSE_MALLOC_FAILED_HOOK 1
#define configASSERT( x )            assert( x )
#define portBYTE_ALIGNMENT           8

typedef struct xHeapStats
{
    size_t xAvailableHeapSpaceInBytes;
    size_t xSizeOfLargestFreeBlockInBytes;
    size_t xSizeOfSmallestFreeBlockInBytes;
    size_t xNumberOfFreeBlocks;
    size_t xMinimumEverFreeBytesRemaining;
    size_t xNumberOfSuccessfulAllocations;
    size_t xNumberOfSuccessfulFrees;
} HeapStats_t;

void*  pvPortMalloc( size_t xWantedSize );
void*  pvPortCalloc( size_t xNum, size_t xSize );
void   vPortFree( void* pv );
size_t xPortGetFreeHeapSize( void );
size_t xPortGetMinimumEverFreeHeapSize( void );
void   vPortGetHeapStats( HeapStats_t* pxHeapStats );
void   vApplicationMallocFailedHook( void );

#endif
