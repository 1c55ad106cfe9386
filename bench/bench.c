/*
 * Fixed work on the heap, for scripts/bench to count the instructions of. The critical section is empty here: its cost is
 * the system's.
 *   bench pair LIVE ROUNDS      replaces ROUNDS times one of LIVE blocks of 16 to 1,023 bytes owned by 16 modules
 *   bench unregister BLOCKS     unregisters one of 16 modules that hold BLOCKS blocks together
 *   bench fill HEAP SIZE        prints the share of a heap of HEAP bytes that blocks of SIZE bytes can use
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dmheap.h"

enum
{
    MOST_LIVE = 20000
};

static const char* const names[16] = { "audio", "config", "crypto", "display", "fs",    "http",   "logger", "main",
                                       "motor", "mqtt",   "net",    "radio",   "shell", "sensor", "update", "usb" };
static void*             live[MOST_LIVE];
static uint32_t          state = 2463534242u;

void Dmod_EnterCritical( void )
{
}

void Dmod_ExitCritical( void )
{
}

int Dmod_Printf( const char* format, ... )
{
    (void)format;
    return 0;
}

static uint32_t draw( void )
{
    state ^= state << 13;
    state ^= state >> 17;
    state ^= state << 5;
    return state;
}

static size_t draw_size( void )
{
    size_t power = (size_t)16 << draw() % 6;
    return power + draw() % power;
}

/* What the counting tools look for. */
__attribute__( ( noinline ) ) void* measured_malloc( size_t size, const char* name )
{
    return dmheap_malloc( size, name );
}

__attribute__( ( noinline ) ) void measured_free( void* block )
{
    dmheap_free( block, false );
}

__attribute__( ( noinline ) ) void measured_unregister( const char* name )
{
    dmheap_unregister_module( name );
}

static void* make_heap( size_t size )
{
    void* buffer = malloc( size );
    return buffer != NULL && dmheap_init( buffer, size, 8 ) ? buffer : NULL;
}

static void fill_with( unsigned blocks )
{
    for( unsigned i = 0; i < blocks; i++ )
        live[i] = measured_malloc( draw_size(), names[i % 16] );
}

static void pair( unsigned blocks, unsigned rounds )
{
    fill_with( blocks );
    for( unsigned round = 0; round < rounds; round++ )
    {
        unsigned i = draw() % blocks;
        measured_free( live[i] );
        live[i] = measured_malloc( draw_size(), names[i % 16] );
    }
}

static void print_share( size_t heap, size_t size )
{
    size_t count = 0;
    while( dmheap_malloc( size, names[0] ) != NULL )
        count++;
    printf( "%.1f\n", 100.0 * (double)( count * size ) / (double)heap );
}

int main( int argc, char** argv )
{
    unsigned long first  = argc > 2 ? strtoul( argv[2], NULL, 0 ) : 0;
    unsigned long second = argc > 3 ? strtoul( argv[3], NULL, 0 ) : 0;
    bool          fills  = argc > 1 && strcmp( argv[1], "fill" ) == 0;
    if( argc < 3 || ( !fills && first > MOST_LIVE ) ) return 2;
    void* buffer = make_heap( fills ? first : first * 1024 );
    if( buffer == NULL ) return 1;
    if( fills )
        print_share( first, second );
    else if( strcmp( argv[1], "pair" ) == 0 )
        pair( (unsigned)first, (unsigned)second );
    else
    {
        fill_with( (unsigned)first );
        measured_unregister( names[3] );
    }
    free( buffer );
    return 0;
}
