/*
 * See report.h.
 */
#include "report.h"

#include <stdio.h>
#include <string.h>

#include "dmheap.h"

static bool print_module( const dmheap_module_info_t* module, void* user )
{
    (void)user;
    printf( "    %-10s %7lu bytes %4lu blocks   peak %7lu\n", module->name, (unsigned long)module->stats.live_bytes,
            (unsigned long)module->stats.live_blocks, (unsigned long)module->stats.peak_bytes );
    return true;
}

void report_heap( const char* title )
{
    dmheap_stats_t stats;
    if( !dmheap_get_stats( &stats ) ) return;
    printf( "--- %s: %lu of %lu bytes free in %lu blocks, the largest %lu\n", title, (unsigned long)stats.free_bytes,
            (unsigned long)stats.heap_size, (unsigned long)stats.free_blocks, (unsigned long)stats.largest_free_block );
    dmheap_visit_modules( print_module, NULL );
}

static bool print_block( const dmheap_block_info_t* block, void* user )
{
    const char* module = user;
    if( block->use == DMHEAP_BLOCK_LIVE && strcmp( block->owner, module ) == 0 )
        printf( "    %p %5lu bytes \"%.24s\"\n", block->address, (unsigned long)block->size,
                (const char*)block->address );
    return true;
}

void report_blocks( const char* module )
{
    char name[DMOD_MAX_MODULE_NAME_LENGTH];
    snprintf( name, sizeof name, "%s", module );
    printf( "--- held by %s:\n", name );
    dmheap_visit_blocks( print_block, name );
}
