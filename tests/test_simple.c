/*
 * The smallest test there is: what a port must do before anything else is tried on it.
 */
#include "dmheap.h"

static bool passed = true;

static void print( const char* text )
{
    (void)Dmod_Printf( "%s", text );
}

static void report_result( const char* what, bool result )
{
    print( what );
    print( result ? ": PASS\n" : ": FAIL\n" );
    passed &= result;
}

int main( void )
{
    static char buffer[1024];
    print( "=== Simple DMHEAP Test ===\n" );
    report_result( "Init", dmheap_init( buffer, sizeof buffer, 8 ) );
    report_result( "Is Initialized", dmheap_is_initialized() );
    char* block = dmheap_malloc( 64, "simple" );
    report_result( "Malloc", block != NULL );
    bool written = block != NULL;
    for( int i = 0; written && i < 64; i++ )
        block[i] = (char)i;
    for( int i = 0; written && i < 64; i++ )
        written = block[i] == (char)i;
    report_result( "Write", written );
    dmheap_free( block, true );
    dmheap_module_stats_t stats;
    report_result( "Free", dmheap_get_module_stats( "simple", &stats ) && stats.live_blocks == 0 );
    if( passed ) print( "All simple tests completed!\n" );
    return passed ? 0 : 1;
}
