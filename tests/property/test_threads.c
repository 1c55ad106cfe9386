/*
 * Threads on one heap, with the hosted port's own critical section: each allocates, reallocates, hands blocks to others,
 * frees theirs, retags, and registers and unregisters a module of its own; one takes a second heap up and down. Contents
 * are kept, and at the end every counter is zero. Also built with ThreadSanitizer.
 */
#include <pthread.h>
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
    MAILBOXES = 32
};

typedef struct
{
    size_t        size;
    unsigned char pattern;
    unsigned char bytes[];
} block_t;

static _Alignas( 16 ) unsigned char heap[256 * 1024];
static _Alignas( 16 ) unsigned char second[16 * 1024];
static _Atomic( block_t* ) mailboxes[MAILBOXES];
static atomic_uint         faults;

int Dmod_Printf( const char* format, ... )
{
    if( strstr( format, "[ERROR] dmheap: Pointer" ) != NULL || strstr( format, "Check failed" ) != NULL )
        atomic_fetch_add( &faults, 1 );
    return 0;
}

static block_t* make( unsigned* state, const char* owner )
{
    size_t   size  = 1 + draw_from( state, 300 );
    block_t* block = dmheap_malloc( sizeof *block + size, owner );
    if( block == NULL ) return NULL;
    block->size    = size;
    block->pattern = (unsigned char)draw_from( state, 256 );
    memset( block->bytes, block->pattern, size );
    return block;
}

static void verify( const block_t* block )
{
    for( size_t i = 0; i < block->size; i++ )
        if( block->bytes[i] != block->pattern )
        {
            atomic_fetch_add( &faults, 1 );
            return;
        }
}

static void discard( block_t* block )
{
    if( block == NULL ) return;
    verify( block );
    dmheap_free( block, false );
}

static block_t* resize( unsigned* state, block_t* block )
{
    size_t   size  = 1 + draw_from( state, 600 );
    block_t* moved = dmheap_realloc( block, sizeof *block + size, NULL );
    if( moved == NULL ) return block;
    if( size < moved->size ) moved->size = size;
    verify( moved );
    return moved;
}

static void take_second_heap_up_and_down( void )
{
    dmheap_context_t* context = dmheap_ctx_init( second, sizeof second, 8, "second" );
    if( context == NULL ) return;
    for( unsigned i = 0; i < 20; i++ )
        (void)dmheap_ctx_malloc( context, 100, "guest" );
    dmheap_ctx_unregister_module( context, "guest" );
    if( dmheap_ctx_check( context, NULL ) != DMHEAP_CHECK_OK ) atomic_fetch_add( &faults, 1 );
    (void)dmheap_ctx_deinit( context );
}

static void* run( void* argument )
{
    unsigned number     = (unsigned)(uintptr_t)argument;
    unsigned state      = number * 2654435761u + 1;
    block_t* kept[KEPT] = { NULL };
    char     own[16];
    snprintf( own, sizeof own, "thread%u", number );
    for( unsigned round = 0; round < ROUNDS; round++ )
    {
        block_t** slot = &kept[draw_from( &state, KEPT )];
        switch( draw_from( &state, 8 ) )
        {
        case 0:
        case 1:
        case 2:
            discard( *slot );
            *slot = make( &state, own );
            break;
        case 3:
        case 4:
            if( *slot != NULL ) *slot = resize( &state, *slot );
            break;
        case 5: /* what is handed on belongs to nobody: an unregister must not take it away */
            if( *slot == NULL || !dmheap_retag( *slot, NULL ) ) break;
            discard( atomic_exchange( &mailboxes[draw_from( &state, MAILBOXES )], *slot ) );
            *slot = NULL;
            break;
        case 6: discard( atomic_exchange( &mailboxes[draw_from( &state, MAILBOXES )], NULL ) ); break;
        default:
            if( round % 16 != 0 ) break;
            memset( kept, 0, sizeof kept );
            dmheap_unregister_module( own );
            if( number == 0 ) take_second_heap_up_and_down();
            if( number == 1 && dmheap_check( NULL ) != DMHEAP_CHECK_OK ) atomic_fetch_add( &faults, 1 );
            break;
        }
    }
    dmheap_unregister_module( own );
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
    bool back = dmheap_get_stats( &after ) && after.free_bytes == empty.free_bytes && after.used_blocks == 0 &&
                after.modules == 0;
    bool valid = dmheap_check( NULL ) == DMHEAP_CHECK_OK;
    printf( "threads: %u faults, heap %s, memory %s\n", atomic_load( &faults ), valid ? "valid" : "damaged",
            back ? "all back" : "missing" );
    return faults != 0 || !valid || !back;
}
