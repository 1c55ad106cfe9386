/*
 * A firmware to start from: brings up the heap, serves malloc() from it, lets an interrupt allocate, and answers on the
 * serial port, where it shows who holds what. "help" lists the commands.
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

static dmheap_context_t* heap;

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

/* ---- Modules ---- */

/* Takes a packet and is done with it. */
static void net_works( void )
{
    dmheap_free( dmheap_malloc( 1500, "net" ), false );
}

/* Writes a line by means of the C library, in front of those that it has. Keeps the newest ones. */
typedef struct line
{
    struct line* next;
    char         text[56];
} line_t;

static line_t*  lines;
static unsigned lines_kept;

static void log_works( unsigned keeps )
{
    static unsigned number;
    running      = "log";
    line_t* line = malloc( sizeof *line );
    if( line != NULL )
    {
        snprintf( line->text, sizeof line->text, "line %u", number++ );
        line->next = lines;
        lines      = line;
        lines_kept++;
    }
    for( line_t** last = &lines; lines_kept > keeps; )
    {
        while( ( *last )->next != NULL )
            last = &( *last )->next;
        free( *last );
        *last = NULL;
        last  = &lines;
        lines_kept--;
    }
    running = "system";
}

/* Frees three messages of four. */
static void leaky_works( void )
{
    static unsigned round;
    char*           message = dmheap_malloc( 100, "leaky" );
    if( message == NULL ) return;
    snprintf( message, 100, "message %u", round );
    if( round++ % 4 != 0 ) dmheap_free( message, false );
}

/* ---- The console ---- */

void Dmod_PutChar( char character );

void Dmod_PutChar( char character )
{
    if( character == '\n' ) serial_put( '\r' );
    serial_put( character );
}

/* Not inlined: where a debugger stops between two commands. */
static __attribute__( ( noinline ) ) void read_line( char line[LINE_MOST] )
{
    size_t length = 0;
    for( char c; ( c = serial_get() ) != '\r' && c != '\n'; )
        if( length < LINE_MOST - 1 ) line[length++] = c;
    line[length] = '\0';
}

static void print( const char* text, void* user )
{
    (void)user;
    Dmod_Printf( "%s", text );
}

/* ---- Commands: each gets what is behind its name ---- */

static void report( const char* nothing )
{
    (void)nothing;
    (void)dmheap_report( print, NULL );
    Dmod_Printf( "the interrupt took %lu samples, %lu had no room\n", (unsigned long)samples, (unsigned long)lost );
}

static bool print_module( const dmheap_module_info_t* module, void* user )
{
    (void)user;
    Dmod_Printf( "  %s: %lu bytes in %lu blocks, peak %lu\n", module->name, (unsigned long)module->stats.live_bytes,
                 (unsigned long)module->stats.live_blocks, (unsigned long)module->stats.peak_bytes );
    return true;
}

static void modules( const char* nothing )
{
    (void)nothing;
    dmheap_visit_modules( print_module, NULL );
}

static void blocks( const char* module )
{
    (void)dmheap_ctx_report_blocks( heap, module, print, NULL );
}

static dmheap_mark_t marked;

static void mark( const char* nothing )
{
    (void)nothing;
    static dmheap_mark_entry_t entries[16];
    (void)dmheap_mark( &marked, entries, sizeof entries / sizeof *entries );
}

static void since( const char* nothing )
{
    (void)nothing;
    (void)dmheap_report_since( &marked, print, NULL );
}

static void check( const char* nothing )
{
    (void)nothing;
    const void*    where;
    dmheap_check_t fault = dmheap_check( &where );
    if( fault == DMHEAP_CHECK_OK )
        Dmod_Printf( "the heap holds\n" );
    else
        Dmod_Printf( "fault %lu at %p\n", (unsigned long)fault, where );
}

static const char* const reasons[DMHEAP_REASONS] = {
    [DMHEAP_REASON_NO_MEMORY]  = "no memory",
    [DMHEAP_REASON_FRAGMENTED] = "fragmented",
    [DMHEAP_REASON_LIMIT]      = "over its limit",
    [DMHEAP_REASON_TABLE_FULL] = "too many modules",
};

static bool say_why( const dmheap_refusal_t* refusal, void* user )
{
    (void)user;
    const char* who = refusal->module != NULL && refusal->module[0] != '\0' ? refusal->module : "nobody";
    Dmod_Printf( "%s asks for %lu bytes: %s\n", who, (unsigned long)refusal->size, reasons[refusal->reason] );
    return false; /* a program that has something to spare frees it here, and says true */
}

static void refused( const char* nothing )
{
    (void)nothing;
    dmheap_refusals_t refusals;
    if( !dmheap_ctx_get_refusals( heap, &refusals ) ) return;
    for( unsigned i = 0; i < DMHEAP_REASONS; i++ )
        Dmod_Printf( "  %s: %lu\n", reasons[i], (unsigned long)refusals.count[i] );
    Dmod_Printf( "  the largest: %lu bytes\n", (unsigned long)refusals.largest_size );
}

#ifdef DMHEAP_TRACE
static uint32_t ring[4096];

/* Whoever allocates waits for the port: nothing is lost, and interrupts are masked as long. */
static bool to_port( const void* bytes, size_t size, void* user )
{
    (void)user;
    for( size_t i = 0; i < size; i++ )
        port_put( ( (const char*)bytes )[i] );
    return true;
}

static void trace( const char* where )
{
    static bool    on;
    dmheap_trace_t sinks[] = { { .ring = ring, .ring_size = sizeof ring }, { .write = to_port } };
    bool           is_port = strcmp( where, "port" ) == 0;
    if( on ) dmheap_trace_stop();
    if( is_port ) port_open();
    on = !on && dmheap_trace_start( &sinks[is_port] );
    Dmod_Printf( "the trace is %s, its ring of %lu bytes at %p\n", on ? "on" : "off", (unsigned long)sizeof ring,
                 (void*)ring );
}
#endif

static void work( const char* rounds )
{
    for( long i = atol( rounds ); i > 0; i-- )
    {
        net_works();
        log_works( 8 );
        leaky_works();
    }
}

static void unload( const char* module )
{
    if( strcmp( module, "log" ) == 0 )
    {
        lines      = NULL;
        lines_kept = 0;
    }
    dmheap_unregister_module( module );
}

static void leak( const char* nothing )
{
    (void)nothing;
    for( int i = 0; i < 20; i++ )
        leaky_works();
    unload( "leaky" );
}

/* Short lives and long ones side by side. */
static void burst( const char* packets )
{
    void** first = NULL;
    for( long i = atol( packets ); i > 0; i-- )
    {
        void** packet = dmheap_malloc( 1500, "net" );
        if( packet == NULL ) break;
        *packet = first;
        first   = packet;
        log_works( 100 );
    }
    while( first != NULL )
    {
        void** next = *first;
        dmheap_free( first, false );
        first = next;
    }
}

static void get( const char* bytes )
{
    void* block = dmheap_malloc( (size_t)atol( bytes ), "system" );
    Dmod_Printf( block != NULL ? "it fits\n" : "it does not fit\n" );
    dmheap_free( block, false );
}

static void write_name( char* to, const char* name )
{
    while( ( *to++ = *name++ ) != '\0' )
        continue;
}

/* Forgets the end of the text. */
static void smash( const char* nothing )
{
    (void)nothing;
    static const char name[] = "a name of 24 characters.";
    static char*      copy;
    dmheap_free( copy, false );
    copy = dmheap_malloc( strlen( name ), "codec" );
    if( copy != NULL ) write_name( copy, name );
}

static void sampler( const char* nothing )
{
    (void)nothing;
    static bool on;
    on = !on;
    (void)dmheap_register_module( "sampler" );
    timer_start( on ? 1000 : 0 );
}

/* The second heap is there when its memory is, and goes when it does. */
static void external( const char* nothing )
{
    (void)nothing;
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
static void frame( const char* nothing )
{
    (void)nothing;
    void* pixels = dmheap_aligned_alloc( 64, 640 * 480 * 2, "display" );
    Dmod_Printf( pixels != NULL ? "a frame at %p\n" : "no room for a frame (%p)\n", pixels );
    dmheap_free( pixels, false );
}

static void end( const char* nothing )
{
    (void)nothing;
    board_reset();
}

static void help( const char* nothing );

static const struct
{
    const char* name;
    void ( *run )( const char* argument );
    const char* what;
} commands[] = {
    { "report", report, "each heap: figures, modules, free blocks, a map" },
    { "modules", modules, "who holds how much" },
    { "blocks", blocks, "MODULE: its blocks" },
    { "mark", mark, "remember what each module holds" },
    { "since", since, "who holds more, or less, than at the mark" },
    { "check", check, "verify every invariant of the heap" },
    { "refused", refused, "what was refused, and why" },
#ifdef DMHEAP_TRACE
    { "trace", trace, "begin to write each event to a ring in memory, of \"port\" to the second port, or end it" },
#endif
    { "work", work, "ROUNDS: have net, log and leaky work" },
    { "leak", leak, "have leaky work for 20 rounds, and unload it" },
    { "unload", unload, "MODULE: what it holds is freed" },
    { "burst", burst, "PACKETS: have net hold so many while log writes of each" },
    { "get", get, "BYTES: whether they fit" },
    { "smash", smash, "have codec write behind its block" },
    { "sampler", sampler, "begin to allocate in an interrupt, or end it" },
    { "external", external, "bring up the second heap, or take it down" },
    { "frame", frame, "allocate what only the second heap has room for" },
    { "help", help, "this list" },
    { "reset", end, "end" },
};

static void help( const char* nothing )
{
    (void)nothing;
    for( size_t i = 0; i < sizeof commands / sizeof *commands; i++ )
        Dmod_Printf( "  %s: %s\n", commands[i].name, commands[i].what );
}

/* What stays allocated as long as the firmware runs. */
static void start_modules( void )
{
    static const struct
    {
        const char* module;
        size_t      bytes;
    } needs[] = { { "net", 36 * 1024 }, { "display", 48 * 1024 } };
    for( size_t i = 0; i < sizeof needs / sizeof *needs; i++ )
        if( dmheap_malloc( needs[i].bytes, needs[i].module ) == NULL )
            Dmod_Printf( "%s does not start\n", needs[i].module );
}

int main( void )
{
    size_t size;
    void*  memory = heap_memory( &size );
    serial_open();
    heap = dmheap_ctx_init( memory, size, 8, "main" );
    if( heap == NULL || !dmheap_ctx_set_default( heap, 0 ) ) return 1;
    dmheap_set_refusal_hook( say_why, NULL );
    start_modules();
    for( ;; )
    {
        char   line[LINE_MOST];
        size_t i = 0;
        Dmod_Printf( "> " );
        read_line( line );
        Dmod_Printf( "%s\n", line );
        size_t length   = strcspn( line, " " );
        char*  argument = line + length + strspn( line + length, " " );
        line[length]    = '\0';
        while( i < sizeof commands / sizeof *commands && strcmp( commands[i].name, line ) != 0 )
            i++;
        if( i < sizeof commands / sizeof *commands )
            commands[i].run( argument );
        else if( line[0] != '\0' )
            Dmod_Printf( "no such command; try help\n" );
    }
}
