/*
 * Reads and writes files; see file.h.
 */
#include "file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static bool ends_in( const char* path, const char* end )
{
    size_t length = strlen( path ), last = strlen( end );
    return length > last && strcmp( path + length - last, end ) == 0;
}

static const char* packer_of( const char* path )
{
    return ends_in( path, ".xz" ) ? "xz" : ends_in( path, ".zst" ) ? "zstd" : NULL;
}

bool file_is_packed( const char* path )
{
    return packer_of( path ) != NULL;
}

/* The end of a pipe from which comes what a program makes of a file; negative where that fails. */
static int filtered( int file, const char* program, const char* option, pid_t* child )
{
    int ends[2];
    if( pipe( ends ) != 0 ) return -1;
    *child = fork();
    if( *child == 0 )
    {
        (void)dup2( file, STDIN_FILENO );
        (void)dup2( ends[1], STDOUT_FILENO );
        (void)close( ends[0] );
        (void)close( ends[1] );
        (void)execlp( program, program, option, (char*)NULL );
        (void)fprintf( stderr, "dmheap: %s: %s\n", program, strerror( errno ) );
        _exit( 127 );
    }
    (void)close( ends[1] );
    if( *child > 0 ) return ends[0];
    (void)close( ends[0] );
    return -1;
}

static bool read_all( int file, unsigned char** bytes, size_t* size )
{
    size_t  room = 0;
    ssize_t got  = 1;
    for( ; got > 0; *size += (size_t)( got > 0 ? got : 0 ) )
    {
        if( room - *size < 65536 )
        {
            unsigned char* more = realloc( *bytes, room = room * 2 + 65536 );
            if( more == NULL ) return false;
            *bytes = more;
        }
        got = read( file, *bytes + *size, room - *size );
    }
    unsigned char* exact = got == 0 ? realloc( *bytes, *size + 1 ) : NULL; /* so that sanitizers see reads behind it */
    if( exact != NULL ) *bytes = exact;
    return got == 0;
}

/* What a program makes of a file. False, with the reason in errno, and nothing to be freed. */
static bool read_through( int file, const char* program, const char* option, unsigned char** bytes, size_t* size )
{
    pid_t child  = 0;
    int   status = 0;
    int   from   = program != NULL ? filtered( file, program, option, &child ) : file;
    *bytes       = NULL;
    *size        = 0;
    bool is_read = from >= 0 && read_all( from, bytes, size );
    int  why     = errno;
    if( from >= 0 && from != file ) (void)close( from );
    if( child > 0 && ( waitpid( child, &status, 0 ) != child || status != 0 ) ) is_read = false, why = EINVAL;
    if( is_read ) return true;
    free( *bytes );
    *bytes = NULL;
    errno  = why;
    return false;
}

bool file_read( const char* path, unsigned char** bytes, size_t* size )
{
    int  file    = open( path, O_RDONLY );
    bool is_read = read_through( file, file >= 0 ? packer_of( path ) : NULL, "-dc", bytes, size );
    int  why     = errno;
    if( file >= 0 ) (void)close( file );
    errno = why;
    return is_read;
}

bool file_pack( const void* bytes, size_t size, unsigned char** packed, size_t* packed_size )
{
    FILE* plain = tmpfile();
    *packed     = NULL;
    if( plain == NULL ) return false;
    bool is_packed = fwrite( bytes, 1, size, plain ) == size && fflush( plain ) == 0 &&
                     lseek( fileno( plain ), 0, SEEK_SET ) == 0 &&
                     read_through( fileno( plain ), "gzip", "-nc", packed, packed_size );
    (void)fclose( plain );
    return is_packed;
}

static const char* called( const char* path )
{
    return path == NULL || strcmp( path, "-" ) == 0 ? NULL : path;
}

static void complain( const char* path )
{
    (void)fprintf( stderr, "dmheap: %s: %s\n", called( path ) != NULL ? path : "standard output", strerror( errno ) );
}

FILE* file_create( const char* path )
{
    FILE* file = called( path ) != NULL ? fopen( path, "wb" ) : stdout;
    if( file == NULL ) complain( path );
    return file;
}

bool file_finish( FILE* file, const char* path )
{
    if( file == stdout ) return true;
    bool is_written = fflush( file ) == 0 && ferror( file ) == 0;
    if( !is_written ) complain( path );
    if( fclose( file ) == 0 || !is_written ) return is_written;
    complain( path );
    return false;
}
