/*
 * dmheap-view TEMPLATE FILE OUT: makes the page that shows a trace, a heap's image or a dump.
 */
#include "embed.h"

#include <stdlib.h>
#include <string.h>

/* The bytes of a file and a 0 behind them; NULL where it cannot be read. */
static char* read_file( const char* path, size_t* size )
{
    FILE*  file = fopen( path, "rb" );
    char*  all  = NULL;
    size_t room = 1 << 16;
    size_t read = 1;
    *size       = 0;
    if( file == NULL ) return NULL;
    while( read != 0 )
    {
        room *= 2;
        char* more = realloc( all, room );
        if( more == NULL ) break;
        all  = more;
        read = fread( all + *size, 1, room - 1 - *size, file );
        *size += read;
    }
    if( read != 0 || ferror( file ) )
    {
        free( all );
        all = NULL;
    }
    fclose( file );
    if( all != NULL ) all[*size] = '\0';
    return all;
}

int main( int count, char** arguments )
{
    size_t page_size, size;
    if( count != 4 )
    {
        fputs( "usage: dmheap-view TEMPLATE FILE OUT\n", stderr );
        return 2;
    }
    const char* slash  = strrchr( arguments[2], '/' );
    const char* name   = slash != NULL ? slash + 1 : arguments[2];
    char*       page   = read_file( arguments[1], &page_size );
    char*       bytes  = read_file( arguments[2], &size );
    FILE*       out    = page != NULL && bytes != NULL ? fopen( arguments[3], "wb" ) : NULL;
    int         status = out != NULL && view_write( out, page, bytes, size, name ) == 0 ? 0 : 1;
    if( out != NULL && fclose( out ) != 0 ) status = 1;
    if( status != 0 )
        fprintf( stderr, "dmheap-view: cannot make %s of %s and %s\n", arguments[3], arguments[1], arguments[2] );
    free( page );
    free( bytes );
    return status;
}
