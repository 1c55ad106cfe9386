/*
 * FreeRTOS's memory interface on the default heaps of dmheap: stands where one of heap_1.c to heap_5.c would. May not make
 * a heap: the program does, with dmheap_init(), before it creates anything, at an alignment of portBYTE_ALIGNMENT.
 *
 * The owner of a block is the task that asks for it, by its name; before the scheduler runs it is nobody. Another rule is
 * set in FreeRTOSConfig.h: #define DMHEAP_FREERTOS_OWNER() that gives a module's name or NULL.
 */
#include <stdint.h>

#include "FreeRTOS.h"
#include "task.h"

#include "dmheap.h"

#if defined( configSUPPORT_DYNAMIC_ALLOCATION ) && configSUPPORT_DYNAMIC_ALLOCATION == 0
#error "heap_dmheap.c is not wanted where configSUPPORT_DYNAMIC_ALLOCATION is 0"
#endif

#if configUSE_MALLOC_FAILED_HOOK == 1
void vApplicationMallocFailedHook( void );
#endif

#ifndef DMHEAP_FREERTOS_OWNER
#define DMHEAP_FREERTOS_OWNER() name_of_task()
static const char* name_of_task( void )
{
    const char* name = xTaskGetSchedulerState() != taskSCHEDULER_NOT_STARTED ? pcTaskGetName( NULL ) : "";
    return name[0] != '\0' ? name : NULL;
}
#endif

/* Calls that had a block, and that gave one back; only touched in the critical section. */
static size_t allocations, frees;

static void count( size_t* counter )
{
    Dmod_EnterCritical();
    ++*counter;
    Dmod_ExitCritical();
}

static void* counted( void* payload )
{
    configASSERT( (uintptr_t)payload % portBYTE_ALIGNMENT == 0 ); /* the heap was made for less */
    if( payload != NULL ) count( &allocations );
#if configUSE_MALLOC_FAILED_HOOK == 1
    if( payload == NULL ) vApplicationMallocFailedHook();
#endif
    return payload;
}

void* pvPortMalloc( size_t xWantedSize )
{
    return counted( dmheap_malloc( xWantedSize, DMHEAP_FREERTOS_OWNER() ) );
}

void* pvPortCalloc( size_t xNum, size_t xSize )
{
    return counted( dmheap_calloc( xNum, xSize, DMHEAP_FREERTOS_OWNER() ) );
}

void vPortFree( void* pv )
{
    if( pv != NULL ) count( &frees );
    dmheap_free( pv, true );
}

size_t xPortGetFreeHeapSize( void )
{
    dmheap_stats_t stats = { 0 };
    (void)dmheap_get_stats( &stats );
    return stats.free_bytes;
}

/* What a walk over the blocks adds up. */
typedef struct
{
    size_t smallest; /* free block */
    size_t records;  /* bytes that names of owners take */
} walk_t;

static bool visit( const dmheap_block_info_t* block, void* user )
{
    walk_t* walk = user;
    if( block->use == DMHEAP_BLOCK_FREE && block->block_bytes < walk->smallest ) walk->smallest = block->block_bytes;
    if( block->use == DMHEAP_BLOCK_SYSTEM ) walk->records += block->block_bytes;
    return true;
}

void vPortGetHeapStats( HeapStats_t* pxHeapStats )
{
    dmheap_stats_t stats = { 0 };
    walk_t         walk  = { .smallest = SIZE_MAX };
    dmheap_visit_blocks( visit, &walk );
    (void)dmheap_get_stats( &stats );
    size_t held = stats.used_bytes + walk.records; /* as the peak counts; others may have changed it meanwhile */
    size_t more = stats.peak_used_bytes > held ? stats.peak_used_bytes - held : 0;

    pxHeapStats->xAvailableHeapSpaceInBytes      = stats.free_bytes;
    pxHeapStats->xSizeOfLargestFreeBlockInBytes  = stats.largest_free_block;
    pxHeapStats->xSizeOfSmallestFreeBlockInBytes = stats.free_blocks != 0 ? walk.smallest : 0;
    pxHeapStats->xNumberOfFreeBlocks             = stats.free_blocks;
    pxHeapStats->xMinimumEverFreeBytesRemaining  = stats.free_bytes > more ? stats.free_bytes - more : 0;
    Dmod_EnterCritical();
    pxHeapStats->xNumberOfSuccessfulAllocations = allocations;
    pxHeapStats->xNumberOfSuccessfulFrees       = frees;
    Dmod_ExitCritical();
}

/* A walk over the blocks, as vPortGetHeapStats() is. */
size_t xPortGetMinimumEverFreeHeapSize( void )
{
    HeapStats_t stats;
    vPortGetHeapStats( &stats );
    return stats.xMinimumEverFreeBytesRemaining;
}
