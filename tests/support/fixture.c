/*
 * See fixture.h. Defines Dmod_Printf, Dmod_FPrintf (by which DMOD's own log writes), Dmod_EnterCritical and
 * Dmod_ExitCritical in place of the system's.
 */
#include "fixture.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#if defined( __SANITIZE_ADDRESS__ )
#define FENCES 1
#elif defined( __has_feature )
#if __has_feature( address_sanitizer )
#define FENCES 1
#endif
#endif
#ifdef FENCES
#include <sanitizer/asan_interface.h>
#define UNFENCED __attribute__( ( no_sanitize_address ) )
#else
#define ASAN_POISON_MEMORY_REGION( from, size )   ( (void)( from ), (void)( size ) )
#define ASAN_UNPOISON_MEMORY_REGION( from, size ) ( (void)( from ), (void)( size ) )
#define UNFENCED
#endif

static _Alignas( 4096 ) unsigned char memory[2][4096 + FIXTURE_MOST + 4096];
static unsigned char  copy[2][FIXTURE_MOST];
static unsigned char* buffer[2] = { memory[0] + 4096, memory[1] + 4096 };
static size_t         buffer_size[2]; /* 0: no heap was made there by the fixture */

static char   text[65536];
static size_t text_length;
static bool   text_lost;
static int    depth;
static bool   logged_while_locked;
static bool   muted;

void Dmod_EnterCritical( void )
{
    depth++;
}

void ( *fixture_interrupt )( void );
static bool running; /* it */

void Dmod_ExitCritical( void )
{
    depth--;
    if( depth != 0 || running || fixture_interrupt == NULL ) return;
    running = true;
    fixture_interrupt();
    running = false;
}

void ( *fixture_line )( const char* line );

/* What was to be said in one line, but was too long for it, is one again: the second begins with a space. */
static void join( char* line )
{
    char* behind = strstr( line, "dmheap:  " );
    if( behind == NULL || line == text ) return;
    text_length -= (size_t)( behind + 8 - line ) + 1;
    memmove( line - 1, behind + 8, strlen( behind + 8 ) + 1 );
}

static int note( const char* format, va_list arguments )
{
    if( depth != 0 ) logged_while_locked = true;
    if( muted ) return 0;
    if( text_length + 512 > sizeof text )
    {
        text_length = 0;
        text_lost   = true;
    }
    int written = vsnprintf( text + text_length, sizeof text - text_length, format, arguments );
    if( written <= 0 ) return written; /* the end of a colour */
    if( fixture_line != NULL ) fixture_line( text + text_length );
    text_length += (size_t)written;
    join( text + text_length - written );
    return written;
}

int Dmod_Printf( const char* format, ... )
{
    va_list arguments;
    va_start( arguments, format );
    int written = note( format, arguments );
    va_end( arguments );
    return written;
}

int Dmod_FPrintf( void* file, const char* format, ... );
int Dmod_FPrintf( void* file, const char* format, ... )
{
    va_list arguments;
    (void)file;
    if( format[0] == '\033' ) format = strchr( format, 'm' ) + 1; /* a colour */
    va_start( arguments, format );
    int written = note( format, arguments );
    va_end( arguments );
    return written;
}

bool fixture_is_locked( void )
{
    return depth != 0;
}

bool fixture_logged_while_locked( void )
{
    return logged_while_locked;
}

/* So that the next refusal is said, also if the last one was the same. */
static void say_something_else( void )
{
    bool was_muted = muted, was_running = running;
    muted = running = true;
    dmheap_unregister_module( NULL );
    muted   = was_muted;
    running = was_running;
}

const char* fixture_log( void )
{
    static char taken[sizeof text];
    memcpy( taken, text, text_length );
    taken[text_length] = '\0';
    text_length        = 0;
    text[0]            = '\0';
    say_something_else();
    return taken;
}

bool fixture_log_started_over( void )
{
    bool lost = text_lost;
    text_lost = false;
    return lost;
}

unsigned fixture_logged( const char* what )
{
    unsigned times = 0;
    for( const char* at = text; ( at = strstr( at, what ) ) != NULL; at++ )
        times++;
    return times;
}

static bool take_down( const dmheap_block_info_t* block, void* user )
{
    *(const dmheap_context_t**)user = block->context;
    return false;
}

void fixture_no_heap( void )
{
    muted = true;
    for( dmheap_context_t* context = NULL;; context = NULL )
    {
        dmheap_visit_blocks( take_down, &context );
        if( context == NULL || !dmheap_ctx_deinit( context ) ) break;
    }
    dmheap_context_t* second;
    while( ( second = dmheap_ctx_find( "second" ) ) != NULL )
        dmheap_ctx_deinit( second );
    muted = false;
}

/* Notes which bytes of one of the two are a heap's; all around them is to stay what it is. */
static void surround( unsigned which, size_t size, size_t offset )
{
    buffer[which]      = memory[which] + 4096 + offset;
    buffer_size[which] = size;
    memset( memory[which], 0xA5, 4096 + offset + size + FIXTURE_GUARD );
}

bool fixture_heap( size_t size, size_t alignment, size_t offset )
{
    ASAN_UNPOISON_MEMORY_REGION( memory, sizeof memory );
    fixture_no_heap();
    surround( 0, size, offset );
    surround( 1, 0, 0 );
    logged_while_locked = false;
    running             = false; /* a test that failed may not have returned */
    bool made           = dmheap_init( buffer[0], size, alignment );
    if( made ) (void)fixture_log();
    return made;
}

dmheap_context_t* fixture_second_heap( size_t size, size_t alignment, size_t offset )
{
    surround( 1, size, offset );
    dmheap_context_t* context = dmheap_ctx_init( buffer[1], size, alignment, "second" );
    if( context != NULL ) (void)fixture_log();
    return context;
}

void fixture_fence( void )
{
    unsigned char* end = memory[0] + sizeof memory[0];
    ASAN_POISON_MEMORY_REGION( memory[0], (size_t)( buffer[0] - memory[0] ) );
    ASAN_POISON_MEMORY_REGION( buffer[0] + buffer_size[0], (size_t)( end - buffer[0] ) - buffer_size[0] );
}

unsigned char* fixture_buffer( void )
{
    return buffer[0];
}

unsigned char* fixture_second_buffer( void )
{
    return buffer[1];
}

static UNFENCED bool guards_are_intact( void )
{
    for( unsigned which = 0; which < 2; which++ )
        for( size_t i = 1; i <= FIXTURE_GUARD; i++ )
        {
            bool is_heap = buffer_size[which] != 0;
            if( *( buffer[which] - i ) != 0xA5 ) return false;
            if( is_heap && buffer[which][buffer_size[which] + i - 1] != 0xA5 ) return false;
        }
    return true;
}

bool fixture_is_valid( void )
{
    const void*       where  = NULL;
    dmheap_context_t* second = dmheap_ctx_find( "second" );
    if( second != NULL && dmheap_ctx_check( second, &where ) != DMHEAP_CHECK_OK ) return false;
    return depth == 0 && !logged_while_locked && dmheap_check( &where ) == DMHEAP_CHECK_OK && guards_are_intact();
}

void fixture_remember( void )
{
    for( unsigned which = 0; which < 2; which++ )
        memcpy( copy[which], buffer[which], buffer_size[which] );
}

bool fixture_is_unchanged( void )
{
    for( unsigned which = 0; which < 2; which++ )
        if( memcmp( copy[which], buffer[which], buffer_size[which] ) != 0 ) return false;
    return guards_are_intact() && depth == 0;
}

size_t live_bytes_of( const char* module )
{
    dmheap_module_stats_t stats;
    return dmheap_get_module_stats( module, &stats ) ? stats.live_bytes : 0;
}

unsigned live_blocks_of( const char* module )
{
    dmheap_module_stats_t stats;
    return dmheap_get_module_stats( module, &stats ) ? stats.live_blocks : 0;
}

dmheap_heap_stats_t stats_now( void )
{
    dmheap_stats_t stats = { 0 };
    (void)dmheap_get_stats( &stats );
    return stats;
}
