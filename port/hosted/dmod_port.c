/*
 * What the system gives on a host with a C library: stdio for the log, a recursive mutex as the critical section.
 * Every function is weak: a program puts its own in its place by defining it. May not use the heap.
 */
#define _XOPEN_SOURCE 700 /* recursive mutexes */
#include "dmod.h"

#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

static pthread_mutex_t critical;
static pthread_once_t  critical_once = PTHREAD_ONCE_INIT;

static void make_critical( void )
{
    pthread_mutexattr_t attributes;
    pthread_mutexattr_init( &attributes );
    pthread_mutexattr_settype( &attributes, PTHREAD_MUTEX_RECURSIVE );
    pthread_mutex_init( &critical, &attributes );
    pthread_mutexattr_destroy( &attributes );
}

DMOD_INPUT_WEAK_API_DECLARATION( Dmod, 1.0, void, _EnterCritical, (void))
{
    pthread_once( &critical_once, make_critical );
    pthread_mutex_lock( &critical );
}

DMOD_INPUT_WEAK_API_DECLARATION( Dmod, 1.0, void, _ExitCritical, (void))
{
    pthread_mutex_unlock( &critical );
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
