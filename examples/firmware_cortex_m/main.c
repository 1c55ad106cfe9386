/*
 * A firmware to start from: brings up the heap, serves malloc() from it, lets an interrupt allocate, and answers on the
 * serial port. "help" lists the commands.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "board.h"
#include "dmheap.h"
#include "dmheap_glue.h"

enum
{
    LINE_MOST = 64
};

/* ---- Whose malloc() is ---- */

static const char* running = "system";

const char* dmheap_glue_owner( void )
{
    return running;
}

/* ---- An interrupt that uses the heap ---- */

static volatile unsigned samples, lost;

void timer_tick( void )
{
    static void* held;
    dmheap_free( held, false );
    held = dmheap_malloc( 16 + samples % 200, "sampler" );
    if( held == NULL ) lost++;
    samples++;
}

/* ---- The console ---- */

void Dmod_PutChar( char character );

void Dmod_PutChar( char character )
{
    if( character == '\n' ) serial_put( '\r' );
    serial_put( character );
}

static void read_line( char line[LINE_MOST] )
{
    size_t length = 0;
    for( char c; ( c = serial_get() ) != '\r' && c != '\n'; )
        if( length < LINE_MOST - 1 ) line[length++] = c;
    line[length] = '\0';
}

/* ---- Commands ---- */

static bool print_module( const dmheap_module_info_t* module, void* user )
{
    (void)user;
    Dmod_Printf( "  %s: %lu bytes in %lu blocks, peak %lu\n", module->name, (unsigned long)module->stats.live_bytes,
                 (unsigned long)module->stats.live_blocks, (unsigned long)module->stats.peak_bytes );
    return true;
}

static void report( void )
{
    dmheap_stats_t stats;
    if( !dmheap_get_stats( &stats ) ) return;
    Dmod_Printf( "heap: %lu bytes, %lu used, %lu free, the largest block %lu\n", (unsigned long)stats.heap_size,
                 (unsigned long)stats.used_bytes, (unsigned long)stats.free_bytes,
                 (unsigned long)stats.largest_free_block );
    dmheap_visit_modules( print_module, NULL );
    Dmod_Printf( "  the interrupt took %lu samples, %lu had no room\n", (unsigned long)samples, (unsigned long)lost );
}

static void check( void )
{
    const void*    where;
    dmheap_check_t fault = dmheap_check( &where );
    if( fault == DMHEAP_CHECK_OK )
        Dmod_Printf( "the heap holds\n" );
    else
        Dmod_Printf( "fault %lu at %p\n", (unsigned long)fault, where );
}

/* A module that uses the C library and forgets a part of what it allocates. */
static void run( void )
{
    running = "app";
    for( int i = 0; i < 20; i++ )
    {
        char* text = malloc( 32 );
        char* copy = text != NULL ? realloc( text, 100 ) : NULL;
        if( copy == NULL ) break;
        snprintf( copy, 100, "message %d", i );
        if( i % 4 != 0 ) free( copy );
    }
    running = "system";
    Dmod_Printf( "app ran\n" );
}

static void unload( void )
{
    dmheap_unregister_module( "app" );
}

/* The second heap is there when its memory is, and goes when it does. */
static void external( void )
{
    dmheap_context_t* context = dmheap_ctx_find( "external" );
    if( context != NULL )
    {
        dmheap_ctx_deinit( context );
        return;
    }
    size_t size;
    void*  memory = external_memory( &size );
    context       = dmheap_ctx_init( memory, size, 8, "external" );
    if( context != NULL ) dmheap_ctx_set_default( context, DMHEAP_LAST );
}

/* A frame that only the external memory has room for. */
static void frame( void )
{
    void* pixels = dmheap_aligned_alloc( 64, 640 * 480 * 2, "display" );
    Dmod_Printf( pixels != NULL ? "a frame at %p\n" : "no room for a frame (%p)\n", pixels );
    dmheap_free( pixels, false );
}

static void help( void );

static const struct
{
    const char* name;
    void ( *run )( void );
    const char* what;
} commands[] = {
    { "report", report, "who holds what" },
    { "check", check, "verify every invariant of the heap" },
    { "run", run, "run a module that leaks" },
    { "unload", unload, "unload that module" },
    { "external", external, "bring up the second heap, or take it down" },
    { "frame", frame, "allocate what only the second heap has room for" },
    { "help", help, "this list" },
    { "reset", board_reset, "end" },
};

static void help( void )
{
    for( size_t i = 0; i < sizeof commands / sizeof *commands; i++ )
        Dmod_Printf( "  %s: %s\n", commands[i].name, commands[i].what );
}

int main( void )
{
    size_t size;
    void*  memory = heap_memory( &size );
    serial_open();
    if( !dmheap_init( memory, size, 8 ) ) return 1;
    (void)dmheap_register_module( "sampler" );
    timer_start( 1000 );
    for( ;; )
    {
        char   line[LINE_MOST];
        size_t i = 0;
        Dmod_Printf( "> " );
        read_line( line );
        Dmod_Printf( "%s\n", line );
        while( i < sizeof commands / sizeof *commands && strcmp( commands[i].name, line ) != 0 )
            i++;
        if( i < sizeof commands / sizeof *commands )
            commands[i].run();
        else if( line[0] != '\0' )
            Dmod_Printf( "no such command; try help\n" );
    }
}
