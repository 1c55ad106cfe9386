/*
 * Hands every address from 64 bytes in front of a heap to 64 bytes behind it to free, realloc, retag and usable_size:
 * what is a live payload is accepted, everything else is refused with an error, and changes no byte.
 *   test_every_pointer [STATES]     random states (default 60)
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fixture.h"
#include "random.h"

enum
{
    HEAP_SIZE = 1200,
    BLOCKS    = 30,
    AROUND    = 64
};

static uint32_t       state = 1;
static unsigned char* blocks[BLOCKS];
static unsigned long  accepted, refused;

/* A heap in a random state, whose payloads imitate headers and addresses. */
static bool make_state( unsigned number )
{
    static const size_t alignments[] = { 4, 8, 16 };
    if( !fixture_heap( HEAP_SIZE, alignments[number % 3], number % 7 ) ) return false;
    memset( blocks, 0, sizeof blocks );
    for( unsigned i = 0; i < 200; i++ )
    {
        unsigned char** slot = &blocks[draw_from( &state, BLOCKS )];
        dmheap_free( *slot, false );
        size_t size = 1 + draw_from( &state, 70 );
        *slot       = draw_from( &state, 4 ) == 0 ? dmheap_aligned_alloc( 32, size, "m" )
                                                  : dmheap_malloc( size, i % 2 ? "m" : NULL );
        for( size_t byte = 0; *slot != NULL && byte < size; byte++ )
            ( *slot )[byte] = fixture_buffer()[draw_from( &state, HEAP_SIZE )];
    }
    return true;
}

static bool is_live( const unsigned char* at )
{
    for( unsigned i = 0; i < BLOCKS; i++ )
        if( blocks[i] == at ) return true;
    return false;
}

/* Whether a call that has just been made was refused, with one error and nothing changed. */
static bool was_refused( void )
{
    bool held = fixture_is_unchanged() && fixture_logged( "[ERROR]" ) == 1;
    (void)fixture_log();
    refused++;
    return held;
}

static bool refuses( unsigned char* at )
{
    bool held = dmheap_usable_size( at ) == 0 && was_refused();
    dmheap_free( at, true );
    held &= was_refused();
    held &= dmheap_realloc( at, 20, "m" ) == NULL;
    held &= was_refused();
    held &= dmheap_realloc( at, 0, "m" ) == NULL;
    held &= was_refused();
    held &= !dmheap_retag( at, NULL );
    return held & was_refused();
}

static bool accepts( unsigned char* at )
{
    unsigned char copy[HEAP_SIZE];
    memcpy( copy, fixture_buffer(), HEAP_SIZE );
    size_t size = dmheap_usable_size( at );
    bool   held = size != 0 && dmheap_retag( at, NULL ) && dmheap_realloc( at, size, NULL ) == at;
    dmheap_free( at, false );
    held &= fixture_logged( "[ERROR]" ) == 0 && dmheap_usable_size( at ) == 0 && fixture_is_valid();
    (void)fixture_log();
    memcpy( fixture_buffer(), copy, HEAP_SIZE );
    accepted++;
    return held;
}

int main( int argc, char** argv )
{
    unsigned states = argc > 1 ? (unsigned)atoi( argv[1] ) : 60;
    for( unsigned number = 0; number < states; number++ )
    {
        if( !make_state( number ) || !fixture_is_valid() ) return 1;
        (void)fixture_log();
        fixture_remember();
        for( unsigned char* at = fixture_buffer() - AROUND; at < fixture_buffer() + HEAP_SIZE + AROUND; at++ )
            if( is_live( at ) ? !accepts( at ) : !refuses( at ) )
            {
                printf( "state %u: the address at %ld is not treated as it must be\n", number,
                        (long)( at - fixture_buffer() ) );
                return 1;
            }
    }
    printf( "pointers: %lu live ones accepted, %lu calls with others refused\n", accepted, refused );
    return 0;
}
