/*
 * What tests/gdb/run looks at with a debugger: two heaps with known modules, a leak, a hole, an aligned block. At each
 * moment() it says in `facts`, by the library's own functions, what the debugger must find; how it goes on is the
 * debugger's to say, or that of an argument.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dmheap.h"

enum
{
    MAIN_SIZE  = 4096,
    OTHER_SIZE = 1024
};

static unsigned char __attribute__( ( aligned( 64 ) ) ) main_memory[MAIN_SIZE];
static unsigned char __attribute__( ( aligned( 64 ) ) ) other_memory[OTHER_SIZE];

char              facts[16384];
size_t            facts_length;
volatile unsigned goes_on; /* 0 ends, 1 overwrites words, 2 runs for ever, 3 crashes */
volatile unsigned stride = 1;
void* volatile leaked;
unsigned callers; /* blocks whose allocation is known */

void moment( void );

__attribute__( ( noinline ) ) void moment( void )
{
    __asm__ volatile( "" ::: "memory" );
}

static void say( const char* format, ... )
{
    va_list arguments;
    va_start( arguments, format );
    int length = vsnprintf( facts + facts_length, sizeof facts - facts_length, format, arguments );
    va_end( arguments );
    if( length < 0 || (size_t)length >= sizeof facts - facts_length ) exit( 2 );
    facts_length += (size_t)length;
}

static bool say_module( const dmheap_module_info_t* module, void* user )
{
    (void)user;
    say( "module %s %lu %lu %lu ", module->name, (unsigned long)module->stats.live_bytes,
         (unsigned long)module->stats.live_blocks, (unsigned long)module->stats.peak_bytes );
    if( module->stats.limit_bytes == SIZE_MAX )
        say( "-\n" );
    else
        say( "%lu\n", (unsigned long)module->stats.limit_bytes );
    return true;
}

static bool say_block( const dmheap_block_info_t* block, void* user )
{
    static const char* const uses[] = { "(free)", NULL, "(heap)", "(moving)" };
    const char*              use    = uses[block->use];
    (void)user;
    if( use == NULL ) use = block->owner[0] != '\0' ? block->owner : "(none)";
    say( "block %#lx %lu %lu %s\n", (unsigned long)(uintptr_t)block->address, (unsigned long)block->size,
         (unsigned long)block->block_bytes, use );
    if( block->caller != NULL ) callers++;
    return true;
}

static void say_heap( dmheap_context_t* context )
{
    dmheap_stats_t stats;
    const void*    where;
    dmheap_check_t found;
    say( "heap %#lx\n", (unsigned long)(uintptr_t)context );
    if( dmheap_ctx_get_stats( context, &stats ) )
        say( "stats %lu %lu %lu %lu %lu\n", (unsigned long)stats.heap_size, (unsigned long)stats.used_bytes,
             (unsigned long)stats.peak_used_bytes, (unsigned long)stats.free_bytes,
             (unsigned long)stats.largest_free_block );
    dmheap_ctx_visit_modules( context, say_module, NULL );
    dmheap_ctx_visit_blocks( context, say_block, NULL );
    found = dmheap_ctx_check( context, &where );
    say( "check %d %#lx\n", (int)found, (unsigned long)(uintptr_t)where );
}

static void say_all( dmheap_context_t* one, dmheap_context_t* other )
{
    facts_length = 0;
    say_heap( one );
    if( other != NULL ) say_heap( other );
    moment();
}

__attribute__( ( noinline ) ) static void leak( void )
{
    leaked = dmheap_malloc( 333, "leaky" );
}

/* Overwrites words of the heap, one at a time: each bit flipped, zeros, ones. Of each `stride`-th of these, a
 * moment is what the check finds something in. */
static void damage( dmheap_context_t* context )
{
    uint32_t* words  = (uint32_t*)(void*)main_memory;
    unsigned  number = 0;
    for( unsigned at = 0; at < MAIN_SIZE / sizeof *words; at++ )
        for( unsigned kind = 0; kind < 34; kind++ )
        {
            uint32_t word = words[at];
            if( number++ % stride != 0 ) continue;
            words[at] = kind < 32 ? word ^ 1u << kind : kind == 32 ? 0 : UINT32_MAX;
            if( dmheap_ctx_check( context, NULL ) != DMHEAP_CHECK_OK ) say_all( context, NULL );
            words[at] = word;
        }
}

int main( int argc, char** argv )
{
    if( argc > 1 ) goes_on = (unsigned)atoi( argv[1] );
    void*             hole;
    dmheap_context_t* one   = dmheap_ctx_init( main_memory, sizeof main_memory, 8, "main" );
    dmheap_context_t* other = dmheap_ctx_init( other_memory, sizeof other_memory, 4, NULL );
    dmheap_ctx_set_default( one, 0 );
    void* text = dmheap_malloc( 100, "app" );
    hole       = dmheap_malloc( 200, "app" );
    leak();
    void* aligned = dmheap_aligned_alloc( 64, 120, "driver" );
    void* own     = dmheap_malloc( 24, NULL );
    (void)dmheap_ctx_malloc( other, 4, "io" );
    (void)dmheap_ctx_malloc( other, 40, "a_module_with_a_name_that_is_a_little_too_long" );
    dmheap_set_module_limit( "driver", 1000 );
    dmheap_free( hole, false );
    if( text == NULL || aligned == NULL || own == NULL || other == NULL ) return 1;
    strcpy( text, "what is looked for" );
    memcpy( own, &text, sizeof text );
    say_all( one, other );
    if( goes_on == 1 )
    {
        dmheap_ctx_deinit( other );
        damage( one );
    }
    while( goes_on == 2 )
    {
        void* volatile now = dmheap_malloc( 8, "busy" );
        dmheap_free( now, false );
    }
    if( goes_on == 3 ) abort();
    return 0;
}
