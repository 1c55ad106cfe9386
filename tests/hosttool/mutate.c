/*
 * Overwrites each word of an image in several ways, then several at once, cuts it short, and lets the tool look at it in
 * every way, built with the sanitizers. Damage may be told in whatever words: no read or write outside, no crash, no end
 * that does not come.
 *   mutate IMAGE SECONDS [PATTERNS]
 */
#define main tool_main
#include "main.c"
#undef main

#include <time.h>
#include <unistd.h>

static uint32_t seed = 1;

static uint32_t draw( uint32_t below )
{
    seed = seed * 1664525u + 1013904223u;
    return ( seed >> 4 ) % below;
}

static uint32_t damaged( uint32_t word, unsigned pattern )
{
    static const uint32_t values[] = { 0, 0xffffffff, 0x7fffffff, 0x80000000, 4, 0x50484d44 };
    if( pattern < 32 ) return word ^ UINT32_C( 1 ) << pattern;
    if( pattern - 32 < sizeof values / sizeof *values ) return values[pattern - 32];
    return word ^ ( draw( UINT32_MAX ) | 1u );
}

static unsigned long looked, found;

static void look( const unsigned char* bytes, size_t size, bool placed, const uint64_t* at )
{
    unsigned char* copy   = malloc( size );
    region_t       region = { placed ? 0x20000000 : 0, copy, size };
    target_t       target = { .regions = &region, .count = 1, .placed = placed };
    heaps_t        heaps;
    memcpy( copy, bytes, size );
    alarm( 20 ); /* one look takes far less */
    if( !heaps_find( &target, at, &heaps ) ) exit( 3 );
    for( size_t i = 0; i < heaps.count; i++ )
    {
        options.json = draw( 2 ) == 0;
        for( what_t what = SHOW_REPORT; what <= SHOW_MAP; what++ )
            show_heap( what, &heaps.heaps[i], draw( 2 ) == 0 ? NULL : "sensor" );
        holdings_t all = { .side = 0 };
        heaps.heaps[i].reader->blocks( &heaps.heaps[i].image, gather_block, &all );
        all.side = 1;
        heaps.heaps[i].reader->blocks( &heaps.heaps[i].image, gather_block, &all );
        if( show_changes( &all, false ) != 0 ) exit( 4 );
        release( &all );
        found++;
    }
    looked++;
    heaps_free( &heaps );
    free( copy );
}

int main( int argc, char** argv )
{
    static unsigned char image[1 << 16], copy[1 << 16];
    uint32_t             word;
    FILE*                file     = argc > 2 ? fopen( argv[1], "rb" ) : NULL;
    size_t               size     = file != NULL ? fread( image, 1, sizeof image, file ) & ~(size_t)3 : 0;
    time_t               end      = time( NULL ) + atoi( argc > 2 ? argv[2] : "0" );
    unsigned             patterns = argc > 3 ? (unsigned)atoi( argv[3] ) : 39;
    uint64_t             at       = 0;
    FILE*                said     = fdopen( dup( STDOUT_FILENO ), "w" );
    if( size == 0 || said == NULL || freopen( "/dev/null", "w", stdout ) == NULL ||
        freopen( "/dev/null", "w", stderr ) == NULL )
        return 2;
    for( size_t place = 0; place < size; place += 4 )
        for( unsigned pattern = 0; pattern < patterns && time( NULL ) < end; pattern++ )
        {
            memcpy( copy, image, size );
            memcpy( &word, copy + place, 4 );
            word = damaged( word, ( pattern * 39 ) / patterns );
            memcpy( copy + place, &word, 4 );
            look( copy, size, draw( 2 ) == 0, pattern == 0 ? &at : NULL );
        }
    while( time( NULL ) < end )
    {
        memcpy( copy, image, size );
        for( unsigned count = 2 + draw( 6 ); count != 0; count-- )
        {
            size_t place = draw( draw( 2 ) == 0 ? 40 : (uint32_t)size / 4 ) * 4u;
            memcpy( &word, copy + place, 4 );
            word = damaged( word, draw( 39 ) );
            memcpy( copy + place, &word, 4 );
        }
        at = draw( 16 ) == 0 ? draw( (uint32_t)size / 4 ) * 4u : 0;
        look( copy, draw( 4 ) == 0 ? 4 + draw( (uint32_t)size - 4 ) : size, false, draw( 2 ) == 0 ? &at : NULL );
    }
    (void)fprintf( said, "%lu images looked at, %lu heaps found in them\n", looked, found );
    return fclose( said ) != 0 || found == 0;
}
