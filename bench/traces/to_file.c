/*
 * Linked to a program that has a heap of its own, built with DMHEAP_TRACE: writes its trace to the file that DMHEAP_RECORD
 * names, from before main() to exit().
 */
#include <stdio.h>
#include <stdlib.h>

#include "dmheap.h"

#pragma weak dmheap_trace_start /* what a build system tries to link with this has no heap */

static FILE* file;

static bool take( const void* bytes, size_t size, void* user )
{
    (void)user;
    return fwrite( bytes, 1, size, file ) == size;
}

static void end( void )
{
    if( fclose( file ) != 0 ) _Exit( 127 );
}

static __attribute__( ( constructor ) ) void begin( void )
{
    const char* path = getenv( "DMHEAP_RECORD" );
    file             = path != NULL ? fopen( path, "wb" ) : NULL;
    if( file == NULL || atexit( end ) != 0 || !dmheap_trace_start( &( dmheap_trace_t ){ .write = take } ) )
        _Exit( 127 );
}
