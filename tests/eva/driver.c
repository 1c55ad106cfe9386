/*
 * What Frama-C's Eva runs: the whole API on a small heap, with sizes, addresses and contents that it takes for unknown
 * within bounds. Not a test by itself: tests/eva/run says what Eva found.
 *
 * Memory is at numbers of its own choice (-absolute-valid-range), since Eva knows nothing of the address of a variable.
 */
#include <__fc_builtin.h>

#include "dmheap.h"

enum
{
    HEAP   = 0x10000,
    SECOND = 0x12000,
    NAMES  = 0x14000,
    SIZE   = 640
};

int eva_clz( unsigned value )
{
    int bits = 0;
    //@ assert value != 0;
    while( ( value & 0x80000000u ) == 0 )
    {
        value <<= 1;
        bits++;
    }
    return bits;
}

int eva_ctzl( unsigned long value )
{
    int bits = 0;
    //@ assert value != 0;
    while( ( value & 1u ) == 0 )
    {
        value >>= 1;
        bits++;
    }
    return bits;
}

int eva_ctz( unsigned value )
{
    return eva_ctzl( value );
}

void eva_move( void* to, const void* from, unsigned long size )
{
    unsigned char*       t = to;
    const unsigned char* f = from;
    if( t < f )
        for( unsigned long i = 0; i < size; i++ )
            t[i] = f[i];
    else
        for( unsigned long i = size; i != 0; i-- )
            t[i - 1] = f[i - 1];
}

void eva_copy( void* to, const void* from, unsigned long size )
{
    const unsigned char* f = from;
    for( unsigned long i = 0; i < size; i++ )
        ( (unsigned char*)to )[i] = f[i];
}

void eva_fill( void* to, int value, unsigned long size )
{
    for( unsigned long i = 0; i < size; i++ )
        ( (unsigned char*)to )[i] = (unsigned char)value;
}

void Dmod_EnterCritical( void )
{
}

void Dmod_ExitCritical( void )
{
}

static const char* name( int n )
{
    char* text = (char*)( NAMES + 4 * n );
    text[0]    = (char)( 'a' + n );
    text[1]    = 0;
    return text;
}

/* One of n numbers: Eva goes on with each by itself. */
static int choose( int n )
{
    int choice = Frama_C_interval( 0, n - 1 );
    //@ split choice;
    return choice;
}

static bool look_at_block( const dmheap_block_info_t* block, void* user )
{
    ++*(int*)user;
    return block->size != 0;
}

static bool look_at_module( const dmheap_module_info_t* module, void* user )
{
    ++*(int*)user;
    return module->name[0] != 0;
}

static void look( dmheap_context_t* second )
{
    dmheap_stats_t        stats;
    dmheap_module_stats_t module_stats;
    int                   seen = 0;
    (void)dmheap_get_stats( &stats );
    (void)dmheap_ctx_get_stats( second, &stats );
    (void)dmheap_get_module_stats( name( 0 ), &module_stats );
    dmheap_visit_blocks( look_at_block, &seen );
    dmheap_visit_modules( look_at_module, &seen );
    //@ assert seen > 0;
    dmheap_check_t fault = dmheap_check( 0 );
    //@ assert fault == DMHEAP_CHECK_OK;
}

int main( void )
{
    if( !dmheap_init( (void*)( HEAP + 4 ), SIZE, 8 ) ) return 1;
    dmheap_context_t* second = dmheap_ctx_init( (void*)SECOND, 400, 4, name( 3 ) );
    (void)dmheap_ctx_set_default( second, DMHEAP_LAST );

    void* p = dmheap_malloc( (size_t)choose( 3 ) * 24, name( 0 ) );
    void* q = dmheap_aligned_alloc( 32, 10, name( 0 ) );
    void* r = dmheap_calloc( 3, 8, 0 );
    look( second );
    p = dmheap_realloc( p, (size_t)choose( 2 ) * 50 + 1, name( 0 ) );
    dmheap_free( q, false );
    p = dmheap_realloc( p, 150, name( 0 ) );
    (void)dmheap_retag( p, name( 1 ) );
    (void)dmheap_rename_module( name( 1 ), name( choose( 2 ) * 2 ) );
    (void)dmheap_set_module_limit( name( 0 ), 100 );
    look( second );
    dmheap_module_t       handle = dmheap_module_open( name( 2 ) );
    dmheap_module_stats_t figures;
    void*                 s = dmheap_module_malloc( handle, 4 );
    s                       = dmheap_module_realloc( handle, s, 20 );
    (void)dmheap_module_get_stats( handle, &figures );
    dmheap_module_free( handle, r ); /* nobody's: refused */
    dmheap_module_free( handle, s );
    s = dmheap_module_calloc( handle, 2, 4 );
    s = dmheap_module_aligned_realloc( handle, s, 16, 4 );
    (void)dmheap_module_aligned_alloc( handle, 16, 4 );
    (void)dmheap_malloc( 300, name( 2 ) );
    dmheap_free( r, true );
    dmheap_free( r, true );
    for( int i = -8; i < SIZE + 8; i += 4 * 7 )
        if( dmheap_usable_size( (void*)( HEAP + i ) ) == 0 ) dmheap_free( (void*)( HEAP + i ), true );
    dmheap_unregister_module( name( 0 ) );
    dmheap_unregister_module( name( 2 ) );
    look( second );
    (void)dmheap_ctx_deinit( second );
    return 0;
}
