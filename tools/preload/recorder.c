/*
 * Writes the trace of the heap (docs/trace.md) to a file: see recorder.h. May not call anything that allocates, nor anything
 * that takes a lock of the program.
 *
 *   DMHEAP_RECORD    the file, which must not exist yet: so what the program itself starts is not written over it
 *
 * A child of a fork has a copy of the heap, but is not recorded: two processes cannot write one trace.
 */
#define _GNU_SOURCE
#include "recorder.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "dmheap.h"

enum
{
    OUT_OF_THE_WAY = 500 /* programs close, and use as they like, the lowest descriptors */
};

/* All 0 where nothing is recorded, as it is in memory that a fork wipes in the child. */
typedef struct
{
    int     file;
    bool    is_ending;
    size_t  used;
    uint8_t bytes[1 << 16];
} file_t;

_Thread_local uintptr_t recorder_caller;

static file_t* out;

static void complain( const char* text )
{
    (void)!write( STDERR_FILENO, text, strlen( text ) );
}

/* A file that has not taken everything is no whole trace: nothing is added to it. */
static void flush( void )
{
    size_t done = 0;
    while( done < out->used )
    {
        ssize_t count = write( out->file, out->bytes + done, out->used - done );
        if( count < 0 && errno == EINTR ) continue;
        if( count <= 0 )
        {
            complain( "dmheap: the file of DMHEAP_RECORD takes no more\n" );
            close( out->file );
            out->file = 0;
            break;
        }
        done += (size_t)count;
    }
    out->used = 0;
}

/* Inside of the heap's critical section, so one at a time. */
static bool take( const void* bytes, size_t size, void* user )
{
    int error = errno;
    (void)user;
    if( out->file == 0 ) return false;
    if( out->used + size > sizeof out->bytes ) flush();
    memcpy( out->bytes + out->used, bytes, size );
    out->used += size;
    if( out->is_ending ) flush();
    errno = error;
    return true;
}

static uint32_t thread( void )
{
    static atomic_uint            threads;
    static _Thread_local unsigned number;
    if( number == 0 ) number = ++threads;
    return number;
}

static int file_made( const char* path )
{
    int file = open( path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666 );
    int high = file < 0 ? -1 : fcntl( file, F_DUPFD_CLOEXEC, OUT_OF_THE_WAY );
    if( high < 0 ) return file;
    close( file );
    return high;
}

void recorder_begin( void )
{
    const char* path = getenv( "DMHEAP_RECORD" );
    if( path == NULL ) return;
    int file = file_made( path );
    if( file < 0 && errno == EEXIST ) return;
    out = mmap( NULL, sizeof *out, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0 );
    if( file < 0 || out == MAP_FAILED || madvise( out, sizeof *out, MADV_WIPEONFORK ) != 0 )
    {
        complain( "dmheap: DMHEAP_RECORD cannot be written\n" );
        _exit( 127 );
    }
    out->file = file;
    dmheap_trace_start( &( dmheap_trace_t ){ .write = take, .thread = thread } );
}

void recorder_end( void )
{
    if( out == NULL || out->file == 0 ) return;
    Dmod_EnterCritical();
    out->is_ending = true;
    flush();
    Dmod_ExitCritical();
}
