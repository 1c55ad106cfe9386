/*
 * What the system gives on a host with a C library: stdio for the log, a mutex as the critical section.
 * Every function is weak: a program puts its own in its place by defining it. May not use the heap.
 */
#include "dmod.h"

#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

static pthread_mutex_t        critical = PTHREAD_MUTEX_INITIALIZER;
static _Thread_local unsigned critical_depth; /* of the calling thread: critical sections nest */

DMOD_INPUT_WEAK_API_DECLARATION( Dmod, 1.0, void, _EnterCritical, (void))
{
    if( critical_depth++ == 0 ) pthread_mutex_lock( &critical );
}

DMOD_INPUT_WEAK_API_DECLARATION( Dmod, 1.0, void, _ExitCritical, (void))
{
    if( --critical_depth == 0 ) pthread_mutex_unlock( &critical );
}

/* A fork waits for the critical section, so that the child finds all heaps whole and the section free. */
static __attribute__( ( constructor ) ) void stay_whole_in_children( void )
{
    pthread_atfork( Dmod_EnterCritical, Dmod_ExitCritical, Dmod_ExitCritical );
}

DMOD_INPUT_WEAK_API_DECLARATION( Dmod, 1.0, int, _Printf, ( const char* Format, ... ) )
{
    va_list arguments;
    va_start( arguments, Format );
    int written = vprintf( Format, arguments );
    va_end( arguments );
    return written;
}

DMOD_INPUT_WEAK_API_DECLARATION( Dmod, 1.0, void, _Assert,
                                 ( int Condition, const char* Message, const char* File, int Line,
                                   const char* Function ) )
{
    if( Condition ) return;
    fprintf( stderr, "%s:%d: %s: assertion failed: %s\n", File, Line, Function, Message );
    abort();
}
