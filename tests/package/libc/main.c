/*
 * A program on an emulated board whose C library has its memory from dmheap: every block lies in the heap, and is owned by
 * the module that runs.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <malloc.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dmheap.h"
#include "dmheap_glue.h"

static const char* running;
static unsigned    failures;

const char* dmheap_glue_owner( void )
{
    return running;
}

void Dmod_PutChar( char character );
int  posix_memalign( void** pointer, size_t alignment, size_t size ); /* newlib does not declare it everywhere */

void Dmod_PutChar( char character ) /* not by stdio, whose memory this is about */
{
    (void)character;
}

static void expect( bool holds, const char* what )
{
    printf( "%s: %s\n", holds ? "PASS" : "FAIL", what );
    if( !holds ) failures++;
}

static bool is_ours( void* block )
{
    return dmheap_ctx_of( block ) != NULL;
}

static uint32_t blocks_of( const char* module )
{
    dmheap_module_stats_t stats = { 0 };
    return dmheap_get_module_stats( module, &stats ) ? stats.live_blocks : 0;
}

int main( void )
{
    static _Alignas( 8 ) char memory[65536];
    if( !dmheap_init( memory, sizeof memory, 8 ) ) return 1;
    running = "libc";
    printf( "a line, and a number: %d %g\n", 1, 0.1 );
    running = "program";

    char* block = malloc( 100 );
    char* copy  = strdup( "a text" );
    char* text  = NULL;
    int   size  = asprintf( &text, "%s of %d", copy, 7 );
    expect( is_ours( block ) && is_ours( copy ) && is_ours( text ), "malloc, strdup and asprintf are served" );
    expect( size == 11 && strcmp( text, "a text of 7" ) == 0, "what they write is there" );
    uint32_t before = blocks_of( "program" );
    expect( before >= 3, "the blocks are the module's" );

    memset( block, 'x', 100 );
    block = realloc( block, 1000 );
    expect( is_ours( block ) && block[0] == 'x' && block[99] == 'x', "realloc keeps what there was" );
    unsigned char* zeroed = calloc( 30, 10 );
    expect( is_ours( zeroed ) && zeroed[0] == 0 && zeroed[299] == 0, "calloc fills with zeros" );
    void* aligned = memalign( 64, 10 );
    void* other   = aligned_alloc( 128, 128 );
    expect( is_ours( aligned ) && (uintptr_t)aligned % 64 == 0 && is_ours( other ) && (uintptr_t)other % 128 == 0,
            "memalign and aligned_alloc align" );
    expect( malloc_usable_size( block ) >= 1000 && malloc_usable_size( block ) < 1100,
            "malloc_usable_size tells the size" );
    void* third = NULL;
    expect( posix_memalign( &third, 32, 5 ) == 0 && is_ours( third ) && (uintptr_t)third % 32 == 0,
            "posix_memalign aligns" );
    void* kept = third;
    expect( posix_memalign( &third, 24, 5 ) == EINVAL && third == kept,
            "posix_memalign refuses what is no power of two" );
    expect( posix_memalign( &third, 2, 5 ) == EINVAL && posix_memalign( &third, 0, 5 ) == EINVAL,
            "posix_memalign refuses what is less than a pointer" );
    expect( posix_memalign( &third, 32, sizeof memory ) == ENOMEM && third == kept,
            "posix_memalign says that there is none" );
    free( third );
    errno = 0;
    expect( malloc( sizeof memory ) == NULL && errno == ENOMEM, "a refused malloc sets errno" );
    errno = 0;
    expect( realloc( block, sizeof memory ) == NULL && errno == ENOMEM && block[99] == 'x', "so does a realloc" );
    errno                = 0;
    volatile size_t half = SIZE_MAX / 2; /* the compiler would see it */
    expect( calloc( half, 3 ) == NULL && errno == ENOMEM, "so does a calloc whose product overflows" );
    errno = 0;
    expect( memalign( 64, sizeof memory ) == NULL && errno == ENOMEM, "so does a memalign" );
    errno = 0;
    expect( realloc( other, 0 ) == NULL && errno == 0, "a realloc to 0 frees, and nothing failed" );
    void* grown = realloc( NULL, 20 );
    expect( is_ours( grown ), "a realloc of NULL allocates" );

    free( NULL );
    free( grown );
    free( aligned );
    free( zeroed );
    free( block );
    free( text );
    free( copy );
    expect( blocks_of( "program" ) == 0, "every block came back" );
    expect( dmheap_check( NULL ) == DMHEAP_CHECK_OK, "the heap holds" );
    printf( "%u failures\n", failures );
    return failures != 0;
}
