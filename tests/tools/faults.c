/*
 * One fault that a program can have with memory of the heap, by its name, for tests/tools/run to see what the tools say.
 * "none" is a long run without a fault: the tools must be silent.
 */
#include <stdio.h>
#include <string.h>

#include "dmheap.h"
#include "random.h"

enum
{
    BLOCKS = 60
};

static unsigned char memory[65536];
static unsigned char second[8192];

static volatile unsigned char sink;

/* Every byte of a block is the program's: writes them, and sees that the first `kept` are what they were. */
static bool use( unsigned char* block, size_t kept, size_t size )
{
    for( size_t i = 0; i < kept; i++ )
        if( block[i] != (unsigned char)( 7 * i + 1 ) ) return false;
    for( size_t i = 0; i < size; i++ )
        block[i] = (unsigned char)( 7 * i + 1 );
    return true;
}

static int none( void )
{
    static const char* const names[]        = { NULL, "one", "two", "three" };
    unsigned char*           blocks[BLOCKS] = { NULL };
    size_t                   sizes[BLOCKS]  = { 0 };
    uint32_t                 state          = 1;
    dmheap_context_t*        other          = dmheap_ctx_init( second, sizeof second, 8, "other" );
    (void)dmheap_ctx_set_default( other, DMHEAP_LAST );
    for( unsigned round = 0; round < 20000; round++ )
    {
        unsigned    at   = draw_from( &state, BLOCKS );
        size_t      size = 1 + draw_from( &state, draw_from( &state, 20 ) == 0 ? 4000 : 200 );
        const char* name = names[draw_from( &state, 4 )];
        bool        held = true;
        switch( draw_from( &state, 6 ) )
        {
        case 0:
            if( blocks[at] != NULL ) break;
            blocks[at] = dmheap_malloc( size, name );
            sizes[at]  = size;
            if( blocks[at] != NULL ) held = use( blocks[at], 0, size );
            break;
        case 1:
            if( blocks[at] != NULL ) break;
            blocks[at] = dmheap_aligned_alloc( 64, size, name );
            sizes[at]  = size;
            if( blocks[at] != NULL ) held = use( blocks[at], 0, size );
            break;
        case 2:
        case 3:
        {
            unsigned char* moved = blocks[at] != NULL ? dmheap_realloc( blocks[at], size, name ) : NULL;
            if( moved == NULL ) break;
            held       = use( moved, size < sizes[at] ? size : sizes[at], size );
            blocks[at] = moved;
            sizes[at]  = size;
            break;
        }
        default:
            if( blocks[at] != NULL ) held = use( blocks[at], sizes[at], 0 );
            dmheap_free( blocks[at], false );
            blocks[at] = NULL;
            break;
        }
        if( !held || ( round % 1000 == 0 && dmheap_check( NULL ) != DMHEAP_CHECK_OK ) ) return 1;
    }
    for( unsigned i = 1; i < 4; i++ )
        dmheap_unregister_module( names[i] );
    for( unsigned i = 0; i < BLOCKS; i++ )
        if( blocks[i] != NULL && dmheap_ctx_of( blocks[i] ) != NULL ) dmheap_free( blocks[i], false );
    dmheap_stats_t stats;
    bool           empty = dmheap_get_stats( &stats ) && stats.used_blocks == 0;
    (void)dmheap_ctx_deinit( other );
    memset( second, 0, sizeof second ); /* the program's again */
    return empty ? 0 : 1;
}

int main( int argc, char** argv )
{
    const char* fault = argc > 1 ? argv[1] : "none";
    if( !dmheap_init( memory, sizeof memory, 8 ) ) return 1;
    if( strcmp( fault, "none" ) == 0 )
    {
        int result = none();
        puts( result == 0 ? "nothing was wrong" : "the heap was wrong" );
        return result;
    }

    unsigned char* before = dmheap_malloc( 40, "victim" );
    unsigned char* block  = dmheap_malloc( 20, "culprit" );
    memset( before, 0, 40 );
    if( strcmp( fault, "overflow" ) == 0 ) block[20] = 1;
    if( strcmp( fault, "overflow_after_realloc" ) == 0 )
    {
        block     = dmheap_realloc( block, 12, "culprit" );
        block[12] = 1;
    }
    if( strcmp( fault, "underflow" ) == 0 ) block[-1] = 1;
    if( strcmp( fault, "use_after_free" ) == 0 )
    {
        dmheap_free( block, false );
        sink = block[16];
    }
    if( strcmp( fault, "use_after_unregister" ) == 0 )
    {
        dmheap_unregister_module( "culprit" );
        sink = block[16];
    }
    if( strcmp( fault, "uninitialised" ) == 0 && block[5] == 3 ) puts( "by chance" );
    return 0;
}
