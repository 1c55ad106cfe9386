/*
 * See report.h.
 */
#include "report.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "dmheap.h"

static bool print_module( const dmheap_module_info_t* module, void* user )
{
    (void)user;
    printf( "    %7lu bytes %4lu blocks   peak %7lu   %s\n", (unsigned long)module->stats.live_bytes,
            (unsigned long)module->stats.live_blocks, (unsigned long)module->stats.peak_bytes, module->name );
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

static int text_length( const char* text, size_t size )
{
    size_t length = 0;
    while( length < size && length < 24 && isprint( (unsigned char)text[length] ) )
        length++;
    return (int)length;
}

static bool print_block( const dmheap_block_info_t* block, void* user )
{
    const char** module = user;
    const char*  text   = block->address;
    if( block->use == DMHEAP_BLOCK_LIVE && strcmp( block->owner, *module ) == 0 )
        printf( "    %p %5lu bytes \"%.*s\"\n", block->address, (unsigned long)block->size,
                text_length( text, block->size ), text );
    return true;
}

void report_blocks( const char* module )
{
    printf( "--- held by %s:\n", module );
    dmheap_visit_blocks( print_block, &module );
}
