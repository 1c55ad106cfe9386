/*
 * Asks addr2line, which runs beside as long as the tool does; see places.h. It answers each address with two lines: the
 * function, and file and line.
 */
#include "places.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static struct
{
    FILE*       to;
    FILE*       from;
    uint64_t    moved;
    pid_t       child;
    const char* program;
    bool        is_answered, is_found; /* any of them */
    char        text[512];
} asked;

static void run( const char* program, const int to[2], const int from[2] )
{
    (void)dup2( to[0], STDIN_FILENO );
    (void)dup2( from[1], STDOUT_FILENO );
    (void)close( to[0] );
    (void)close( to[1] );
    (void)close( from[0] );
    (void)close( from[1] );
    (void)execlp( "addr2line", "addr2line", "-C", "-f", "-s", "-e", program, (char*)NULL );
    perror( "dmheap: addr2line" );
    _exit( 127 );
}

bool places_open( const char* program )
{
    int to[2], from[2];
    if( pipe( to ) != 0 ) return false;
    if( pipe( from ) != 0 ) return (void)close( to[0] ), (void)close( to[1] ), false;
    (void)signal( SIGPIPE, SIG_IGN );
    asked.program = program;
    asked.child   = fork();
    if( asked.child == 0 ) run( program, to, from );
    (void)close( to[0] );
    (void)close( from[1] );
    asked.to   = fdopen( to[1], "w" );
    asked.from = fdopen( from[0], "r" );
    return asked.child > 0 && asked.to != NULL && asked.from != NULL;
}

/* A line, of which as much is kept as there is room for: names of functions have no end. */
static bool answer( char* line, size_t size )
{
    size_t length = 0;
    int    next;
    while( ( next = fgetc( asked.from ) ) != EOF && next != '\n' )
        if( length + 1 < size ) line[length++] = (char)next;
    line[length] = '\0';
    return next == '\n';
}

void places_moved( uint64_t distance )
{
    asked.moved = distance;
}

const char* places_of( uint64_t caller )
{
    char function[200], line[200];
    if( asked.to == NULL ) return NULL;
    /* the address behind the call may belong to the next line; its lowest bit may tell an instruction set */
    if( fprintf( asked.to, "0x%llx\n", (unsigned long long)( ( ( caller - asked.moved ) & ~UINT64_C( 1 ) ) - 1 ) ) <
            0 ||
        fflush( asked.to ) != 0 || !answer( function, sizeof function ) || !answer( line, sizeof line ) )
        return NULL;
    asked.is_answered = true;
    if( line[0] == '?' ) return NULL;
    asked.is_found = true;
    char* more     = strstr( line, " (discriminator" );
    if( more != NULL ) *more = '\0';
    (void)snprintf( asked.text, sizeof asked.text, "%s at %s", function, line );
    return asked.text;
}

void places_close( void )
{
    if( asked.to != NULL ) (void)fclose( asked.to );
    if( asked.from != NULL ) (void)fclose( asked.from );
    if( asked.child > 0 ) (void)waitpid( asked.child, NULL, 0 );
    if( asked.is_answered && !asked.is_found )
        (void)fprintf( stderr, "dmheap: %s: no line of any caller is in it: was it built with -g?\n", asked.program );
    memset( &asked, 0, sizeof asked );
}
