/*
 * Threads on one heap, with the hosted port's own critical section: each allocates, reallocates, hands blocks to others,
 * frees theirs, retags, and registers, limits, renames and unregisters a module of its own, by name and by handle; one
 * takes a second heap up and down. A thread knows all that its module holds, and compares after every call. Contents are
 * kept, every refusal is counted once, and at the end every counter is zero. Also built with ThreadSanitizer.
 */
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "dmheap.h"
#include "random.h"

enum
{
    THREADS   = 8,
    ROUNDS    = 3000,
    KEPT      = 16,
    MAILBOXES = 32,
    SLACK     = 16 /* bytes by which the last block may pass a limit, less than */
};

typedef struct
{
    size_t        size;
    unsigned char pattern;
    unsigned char bytes[];
} block_t;

/* A thread, and what it knows of its module, in bytes. */
typedef struct
{
    unsigned        state; /* of the numbers that it draws */
    char            names[2][16];
    unsigned        name; /* that the module has at present */
    bool            known;
    dmheap_module_t handle;
    block_t*        kept[KEPT];
    size_t          bytes[KEPT];
    size_t          live, peak, limit;
    unsigned        blocks;
} thread_t;

static _Alignas( 16 ) unsigned char heap[256 * 1024];
static _Alignas( 16 ) unsigned char second[16 * 1024];
static _Atomic( block_t* ) mailboxes[MAILBOXES];
static atomic_uint         faults;
static atomic_uint         refusals;
static _Thread_local bool  provokes; /* errors that are wanted */

static void require( bool holds )
{
    if( !holds ) atomic_fetch_add( &faults, 1 );
}

static int look( const char* format, va_list arguments )
{
    char line[200];
    int  written = vsnprintf( line, sizeof line, format, arguments );
    if( provokes ) return 0;
    if( strstr( line, "[ERROR] dmheap: Pointer" ) != NULL || strstr( line, "Check failed" ) != NULL )
        atomic_fetch_add( &faults, 1 );
    return written;
}

int Dmod_Printf( const char* format, ... )
{
    va_list arguments;
    va_start( arguments, format );
    int written = look( format, arguments );
    va_end( arguments );
    return written;
}

int Dmod_FPrintf( void* file, const char* format, ... ); /* by which DMOD's own log writes */
int Dmod_FPrintf( void* file, const char* format, ... )
{
    va_list arguments;
    (void)file;
    va_start( arguments, format );
    int written = look( format, arguments );
    va_end( arguments );
    return written;
}

static void verify( const block_t* block )
{
    for( size_t i = 0; i < block->size; i++ )
        if( block->bytes[i] != block->pattern )
        {
            require( false );
            return;
        }
}

static const char* name_of( const thread_t* thread )
{
    return thread->names[thread->name];
}

/* Compares the figures of the module with what the thread knows. */
static void judge( thread_t* thread )
{
    dmheap_module_stats_t stats;
    bool                  by_handle = draw_from( &thread->state, 2 ) != 0;
    provokes                        = !thread->known;
    bool found                      = by_handle ? dmheap_module_get_stats( thread->handle, &stats )
                                                : dmheap_get_module_stats( name_of( thread ), &stats );
    provokes                        = false;
    require( found == thread->known );
    require( !found || ( stats.live_bytes == thread->live && stats.live_blocks == thread->blocks &&
                         stats.peak_bytes == thread->peak && stats.limit_bytes == thread->limit ) );
}

/* Books what the module holds more or less after a call that gave a block of at least `least` bytes instead of `old`. */
static size_t book( thread_t* thread, size_t old, size_t least )
{
    dmheap_module_stats_t stats = { 0 };
    require( dmheap_get_module_stats( name_of( thread ), &stats ) );
    size_t bytes = stats.live_bytes - ( thread->live - old );
    require( bytes >= least );
    require( stats.live_bytes <= thread->live || stats.live_bytes < thread->limit ||
             stats.live_bytes - thread->limit < SLACK );
    thread->live = stats.live_bytes;
    if( thread->live > thread->peak ) thread->peak = thread->live;
    return bytes;
}

static void open_module( thread_t* thread )
{
    thread->handle = dmheap_module_open( name_of( thread ) );
    if( thread->handle.context == NULL || thread->known ) return;
    thread->known = true;
    thread->peak  = 0;
    thread->limit = SIZE_MAX;
}

static void make( thread_t* thread, unsigned slot )
{
    size_t   size  = 1 + draw_from( &thread->state, 300 );
    size_t   whole = sizeof( block_t ) + size;
    block_t* block = NULL;
    if( !thread->known ) open_module( thread );
    if( !thread->known ) return;
    uint32_t way = draw_from( &thread->state, 3 );
    switch( way )
    {
    case 0: block = dmheap_module_malloc( thread->handle, whole ); break;
    case 1: block = dmheap_module_calloc( thread->handle, 1, whole ); break;
    default: block = dmheap_malloc( whole, name_of( thread ) ); break;
    }
    thread->kept[slot] = block;
    if( block == NULL )
    {
        atomic_fetch_add( &refusals, 1 );
        return;
    }
    thread->bytes[slot] = book( thread, 0, whole );
    thread->blocks++;
    for( size_t i = 0; i < size && way == 1; i++ )
        require( block->bytes[i] == 0 );
    block->size    = size;
    block->pattern = (unsigned char)draw_from( &thread->state, 256 );
    memset( block->bytes, block->pattern, size );
}

/* Frees a block that is nobody's. */
static void discard( block_t* block )
{
    if( block == NULL ) return;
    verify( block );
    dmheap_free( block, false );
}

/* What a slot has is not the module's any more. */
static void forget( thread_t* thread, unsigned slot )
{
    thread->kept[slot] = NULL;
    thread->live -= thread->bytes[slot];
    thread->blocks--;
}

static void free_own( thread_t* thread, unsigned slot )
{
    if( thread->kept[slot] == NULL ) return;
    verify( thread->kept[slot] );
    if( draw_from( &thread->state, 2 ) != 0 )
        dmheap_module_free( thread->handle, thread->kept[slot] );
    else
        dmheap_free( thread->kept[slot], false );
    forget( thread, slot );
}

static void resize( thread_t* thread, unsigned slot )
{
    block_t* block  = thread->kept[slot];
    size_t   size   = 1 + draw_from( &thread->state, 600 );
    size_t   usable = dmheap_usable_size( block );
    block_t* moved  = draw_from( &thread->state, 2 ) != 0
                          ? dmheap_module_realloc( thread->handle, block, sizeof *block + size )
                          : dmheap_realloc( block, sizeof *block + size, NULL );
    if( moved == NULL )
    {
        require( sizeof *block + size > usable );
        atomic_fetch_add( &refusals, 1 );
        return;
    }
    if( size < moved->size ) moved->size = size;
    verify( moved );
    thread->kept[slot]  = moved;
    thread->bytes[slot] = book( thread, thread->bytes[slot], sizeof *block + size );
}

/* What is handed on belongs to nobody: an unregister must not take it away. And its former owner cannot free it. */
static void hand_on( thread_t* thread, unsigned slot )
{
    block_t* block = thread->kept[slot];
    if( block == NULL ) return;
    require( dmheap_retag( block, NULL ) );
    forget( thread, slot );
    provokes = true;
    dmheap_module_free( thread->handle, block );
    require( dmheap_module_realloc( thread->handle, block, 1 ) == NULL );
    provokes = false;
    discard( atomic_exchange( &mailboxes[draw_from( &thread->state, MAILBOXES )], block ) );
}

static void limit( thread_t* thread )
{
    size_t bytes = draw_from( &thread->state, 2 ) != 0 ? SIZE_MAX : draw_from( &thread->state, 4000 );
    if( !thread->known ) return;
    require( dmheap_set_module_limit( name_of( thread ), bytes ) );
    thread->limit = bytes == SIZE_MAX ? SIZE_MAX : bytes & ~(size_t)3;
}

static void rename_own( thread_t* thread )
{
    if( !thread->known ) return;
    if( dmheap_rename_module( name_of( thread ), thread->names[1 - thread->name] ) ) thread->name = 1 - thread->name;
}

static void unregister( thread_t* thread )
{
    dmheap_unregister_module( name_of( thread ) );
    thread->known = false;
    memset( thread->kept, 0, sizeof thread->kept );
    thread->live   = 0;
    thread->blocks = 0;
    provokes       = true;
    require( dmheap_module_malloc( thread->handle, 1 ) == NULL );
    provokes = false;
}

static void take_second_heap_up_and_down( void )
{
    dmheap_context_t* context = dmheap_ctx_init( second, sizeof second, 8, "second" );
    if( context == NULL ) return;
    for( unsigned i = 0; i < 20; i++ )
        (void)dmheap_ctx_malloc( context, 100, "guest" );
    dmheap_ctx_unregister_module( context, "guest" );
    require( dmheap_ctx_check( context, NULL ) == DMHEAP_CHECK_OK );
    require( dmheap_ctx_deinit( context ) );
}

static void* run( void* argument )
{
    unsigned number = (unsigned)(uintptr_t)argument;
    thread_t thread = { .state = number * 2654435761u + 1 };
    snprintf( thread.names[0], sizeof thread.names[0], "thread%u", number );
    snprintf( thread.names[1], sizeof thread.names[1], "renamed%u", number );
    for( unsigned round = 0; round < ROUNDS; round++ )
    {
        unsigned slot = draw_from( &thread.state, KEPT );
        switch( draw_from( &thread.state, 9 ) )
        {
        case 0:
        case 1:
        case 2:
            free_own( &thread, slot );
            make( &thread, slot );
            break;
        case 3:
        case 4:
            if( thread.kept[slot] != NULL ) resize( &thread, slot );
            break;
        case 5: hand_on( &thread, slot ); break;
        case 6: discard( atomic_exchange( &mailboxes[draw_from( &thread.state, MAILBOXES )], NULL ) ); break;
        case 7:
            if( round % 2 == 0 )
                rename_own( &thread );
            else
                limit( &thread );
            break;
        default:
            if( round % 16 != 0 ) break;
            unregister( &thread );
            if( number == 0 ) take_second_heap_up_and_down();
            if( number == 1 ) require( dmheap_check( NULL ) == DMHEAP_CHECK_OK );
            break;
        }
        judge( &thread );
    }
    unregister( &thread );
    return NULL;
}

int main( void )
{
    pthread_t      threads[THREADS];
    dmheap_stats_t empty, after;
    if( !dmheap_init( heap, sizeof heap, 8 ) || !dmheap_get_stats( &empty ) ) return 1;
    for( uintptr_t i = 0; i < THREADS; i++ )
        if( pthread_create( &threads[i], NULL, run, (void*)i ) != 0 ) return 1;
    for( unsigned i = 0; i < THREADS; i++ )
        pthread_join( threads[i], NULL );
    for( unsigned i = 0; i < MAILBOXES; i++ )
        discard( mailboxes[i] );
    require( dmheap_get_stats( &after ) && after.failed_allocations == atomic_load( &refusals ) );
    bool back = dmheap_get_stats( &after ) && after.free_bytes == empty.free_bytes && after.used_blocks == 0 &&
                after.modules == 0;
    bool valid = dmheap_check( NULL ) == DMHEAP_CHECK_OK;
    printf( "threads: %u faults, heap %s, memory %s\n", atomic_load( &faults ), valid ? "valid" : "damaged",
            back ? "all back" : "missing" );
    return faults != 0 || !valid || !back;
}
