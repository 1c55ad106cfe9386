/*
 * A program forks while other threads use the heap: each child finds it whole and can use it. Hosted only.
 */
#define _XOPEN_SOURCE 700
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "dmheap.h"

enum
{
    FORKS       = 200,
    TIMEOUT     = 20, /* seconds until a child that hangs is given up */
    THREADS     = 2,
    CHILD_WELL  = 0,
    CHILD_WRONG = 3
};

/* The parent's threads leave the child unjoined, which ThreadSanitizer takes for a leak. */
const char* __tsan_default_options( void );
const char* __tsan_default_options( void )
{
    return "report_thread_leaks=0";
}

static char        heap[65536];
static atomic_bool ends;

static void* use_the_heap( void* name )
{
    while( !ends )
    {
        void* block = dmheap_malloc( 100, name );
        block       = dmheap_realloc( block, 500, name );
        dmheap_free( block, false );
    }
    return NULL;
}

static void* hold_the_lock( void* held )
{
    Dmod_EnterCritical();
    atomic_store( (atomic_bool*)held, true );
    nanosleep( &( struct timespec ){ .tv_nsec = 20000000 }, NULL );
    Dmod_ExitCritical();
    return NULL;
}

/* A child that uses the heap as the parent does. True if it found all well. */
static bool child_is_well( void )
{
    pid_t child = fork();
    if( child == 0 )
    {
        alarm( TIMEOUT );
        void* block = dmheap_malloc( 200, "child" );
        bool  well  = block != NULL && dmheap_check( NULL ) == DMHEAP_CHECK_OK;
        dmheap_free( block, false );
        _exit( well ? CHILD_WELL : CHILD_WRONG );
    }
    int status = -1;
    return child > 0 && waitpid( child, &status, 0 ) == child && WIFEXITED( status ) &&
           WEXITSTATUS( status ) == CHILD_WELL;
}

int main( void )
{
    pthread_t   thread[THREADS];
    static char names[THREADS][2] = { "a", "b" };
    unsigned    bad               = 0;
    if( !dmheap_init( heap, sizeof heap, 8 ) ) return 1;

    for( unsigned i = 0; i < THREADS; i++ )
        if( pthread_create( &thread[i], NULL, use_the_heap, names[i] ) != 0 ) return 1;
    for( unsigned i = 0; i < FORKS; i++ )
        bad += !child_is_well();
    ends = true;
    for( unsigned i = 0; i < THREADS; i++ )
        pthread_join( thread[i], NULL );
    printf( "forked %u times while %u threads used the heap: %u children were not well\n", (unsigned)FORKS,
            (unsigned)THREADS, bad );

    atomic_bool held = false;
    if( pthread_create( &thread[0], NULL, hold_the_lock, &held ) != 0 ) return 1;
    while( !held )
    {
    }
    bool well = child_is_well();
    pthread_join( thread[0], NULL );
    printf( "forked while another thread held the lock: %s\n", well ? "well" : "not well" );

    Dmod_EnterCritical();
    bool nested = child_is_well();
    Dmod_ExitCritical();
    nested = nested && child_is_well();
    printf( "forked inside of the critical section: %s\n", nested ? "well" : "not well" );
    return bad == 0 && well && nested ? 0 : 1;
}
