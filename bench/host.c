/*
 * Fixed work on one heap of this machine, for scripts/bench.
 *   space                  prints what of a heap blocks can use: a line "METRIC VALUE" each
 *   pairs LIVE ROUNDS      replaces ROUNDS times one of LIVE blocks of 16 to 1,023 bytes: its instructions are counted
 *   unregister BLOCKS      unregisters one of 16 owners that hold BLOCKS blocks together: likewise
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "heap.h"

enum
{
    KIB       = 1024,
    MOST_LIVE = 65536,
    ROUNDS    = 20000
};

static void*    live[MOST_LIVE];
static size_t   sizes[MOST_LIVE];
static uint64_t state = 88172645463325252u;

static uint32_t draw( void )
{
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return (uint32_t)( state >> 16 );
}

/* Of 2^from to 2^to - 1, every power of two as often. */
static size_t draw_size( unsigned from, unsigned to )
{
    size_t power = (size_t)1 << ( from + draw() % ( to - from ) );
    return power + draw() % power;
}

/* What lies in the buffer must not matter: it begins as no heap leaves it. */
static void begin( size_t size )
{
    static void* buffer;
    free( buffer );
    buffer = aligned_alloc( 4096, ( size + 4095 ) / 4096 * 4096 );
    if( buffer == NULL ) abort();
    memset( buffer, 0xA5, size );
    heap_begin( buffer, size );
}

static void print( const char* metric, size_t of, double value )
{
    printf( "%s.%zu %.4g\n", metric, of, value );
}

static void fill( unsigned blocks )
{
    for( unsigned i = 0; i < blocks; i++ )
        live[i] = heap_malloc( draw_size( 4, 10 ), i % OWNERS );
}

static void pairs( unsigned blocks, unsigned rounds )
{
    begin( (size_t)blocks * KIB );
    fill( blocks );
    for( unsigned round = 0; round < rounds; round++ )
    {
        unsigned i    = draw() % blocks;
        size_t   size = draw_size( 4, 10 );
        heap_free( live[i] );
        live[i] = heap_malloc( size, i % OWNERS );
        if( live[i] == NULL ) abort(); /* a heap that refuses does less work than the others */
    }
}

static void unregister( unsigned blocks )
{
    begin( (size_t)blocks * KIB );
    fill( blocks );
    heap_unregister( 3 );
}

static size_t blocks_in( size_t heap, size_t size )
{
    size_t count = 0;
    begin( heap );
    while( heap_malloc( size, 0 ) != NULL )
        count++;
    return count;
}

static void print_capacity( void )
{
    static const size_t payloads[] = { 8, 16, 24, 32, 40, 64, 100, 256, 1000, 1500 };
    for( size_t i = 0; i < sizeof payloads / sizeof *payloads; i++ )
        print( "capacity_percent", payloads[i],
               100.0 * (double)blocks_in( 64 * KIB, payloads[i] ) * (double)payloads[i] / ( 64 * KIB ) );
}

static void print_small_heaps( void )
{
    for( size_t heap = 256; heap <= 16 * KIB; heap *= 2 )
        print( "small_heap_percent", heap, 100.0 * (double)blocks_in( heap, 16 ) * 16 / (double)heap );
}

static void take_out( unsigned i, unsigned* blocks )
{
    ( *blocks )--;
    live[i]  = live[*blocks];
    sizes[i] = sizes[*blocks];
}

/* Full load: whenever a request is refused, random blocks are freed until it is granted. What was live at the refusals, as
 * a part of the heap; the first half of them only brings the heap into the state that it stays in. */
static double sustained( size_t heap, unsigned from, unsigned to )
{
    unsigned blocks = 0, refusals = 0;
    size_t   payload = 0;
    double   sum     = 0;
    begin( heap );
    while( refusals < ROUNDS )
    {
        size_t size  = draw_size( from, to );
        void*  block = heap_malloc( size, draw() % OWNERS );
        if( block == NULL )
        {
            if( refusals++ >= ROUNDS / 2 ) sum += (double)payload / (double)heap;
            while( block == NULL && blocks > 0 )
            {
                unsigned i = draw() % blocks;
                heap_free( live[i] );
                payload -= sizes[i];
                take_out( i, &blocks );
                block = heap_malloc( size, draw() % OWNERS );
            }
            if( block == NULL ) abort(); /* not even the empty heap grants it */
        }
        live[blocks]    = block;
        sizes[blocks++] = size;
        payload += size;
    }
    return sum / ( ROUNDS / 2 );
}

static void print_sustained( void )
{
    print( "sustained_8_to_64_in_KiB", 64, sustained( 64 * KIB, 3, 6 ) );
    print( "sustained_16_to_512_in_KiB", 64, sustained( 64 * KIB, 4, 9 ) );
    print( "sustained_16_to_2K_in_KiB", 256, sustained( 256 * KIB, 4, 11 ) );
    print( "sustained_16_to_8K_in_KiB", 1024, sustained( 1024 * KIB, 4, 13 ) );
}

/* One block alone in 1 MiB, grown in steps of 64 bytes until that is refused. */
static void print_growth( void )
{
    size_t   heap = 1024 * KIB, size = 16;
    unsigned moves = 0;
    begin( heap );
    void* block = heap_malloc( size, 0 );
    for( void* grown; ( grown = heap_realloc( block, size + 64, 0 ) ) != NULL; block = grown, size += 64 )
        moves += grown != block;
    print( "grow_reaches_percent_of", heap, 100.0 * (double)size / (double)heap );
    print( "grow_moves_of", heap, moves );
}

static size_t largest_granted( size_t below )
{
    size_t low = 0;
    while( below - low > 1 )
    {
        size_t middle = ( low + below ) / 2;
        void*  block  = heap_malloc( middle, 0 );
        heap_free( block );
        if( block != NULL )
            low = middle;
        else
            below = middle;
    }
    return low;
}

/* What can be had at once after a time of full load, when all blocks are free again and all owners still known. */
static void print_in_one_piece( size_t heap )
{
    unsigned blocks = 0;
    begin( heap );
    for( unsigned round = 0; round < ROUNDS; round++ )
    {
        void* block = heap_malloc( draw_size( 3, 8 ), draw() % OWNERS );
        if( block != NULL )
            live[blocks++] = block;
        else if( blocks > 0 )
        {
            unsigned i = draw() % blocks;
            heap_free( live[i] );
            take_out( i, &blocks );
        }
    }
    while( blocks > 0 )
        heap_free( live[--blocks] );
    print( "in_one_piece_percent", heap, 100.0 * (double)largest_granted( heap ) / (double)heap );
}

int main( int argc, char** argv )
{
    unsigned blocks = argc > 2 ? (unsigned)strtoul( argv[2], NULL, 0 ) : 0;
    unsigned rounds = argc > 3 ? (unsigned)strtoul( argv[3], NULL, 0 ) : 0;
    if( blocks > MOST_LIVE ) return 2;
    if( argc == 4 && strcmp( argv[1], "pairs" ) == 0 )
        pairs( blocks, rounds );
    else if( argc == 3 && strcmp( argv[1], "unregister" ) == 0 )
        unregister( blocks );
    else if( argc == 2 && strcmp( argv[1], "space" ) == 0 )
    {
        print_capacity();
        print_small_heaps();
        print_sustained();
        print_growth();
        print_in_one_piece( 6 * KIB );
        print_in_one_piece( 64 * KIB );
    }
    else
        return 2;
    return 0;
}
