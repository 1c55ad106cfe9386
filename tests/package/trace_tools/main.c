/*
 * Runs the code of docs/trace.md: what SystemView's heap monitor is told is what happened, and what RTT has no room for is
 * skipped whole.
 */
#include <stdio.h>
#include <string.h>

#include "tools.c" /* taken out of the document */

static char        told[4096];
static unsigned    records, room;
static const char* last = "";

int SEGGER_RTT_ConfigUpBuffer( unsigned index, const char* name, void* buffer, unsigned size, unsigned flags )
{
    return index == 1 && name != NULL && buffer != NULL && size != 0 && flags == SEGGER_RTT_MODE_NO_BLOCK_SKIP ? 0 : -1;
}

unsigned SEGGER_RTT_WriteNoLock( unsigned index, const void* bytes, unsigned size )
{
    if( index != 1 || room < size ) return 0;
    room -= size;
    records++;
    last = ( (const char*)bytes )[1] == 15 ? "lost" : "another";
    return size;
}

static void tell( const char* what, const void* at, unsigned size )
{
    size_t length = strlen( told );
    snprintf( told + length, sizeof told - length, "%s %p %u\n", what, at, size );
}

void SEGGER_SYSVIEW_HeapDefine( void* heap, void* base, unsigned int size, unsigned int metadata )
{
    if( heap != NULL && metadata == 4 ) tell( "heap", base, size );
}

void SEGGER_SYSVIEW_HeapAllocEx( void* heap, void* block, unsigned int size, unsigned int tag )
{
    if( heap != NULL && tag == 3 ) tell( "alloc", block, size );
}

void SEGGER_SYSVIEW_HeapFree( void* heap, void* block )
{
    if( heap != NULL ) tell( "free", block, 0 );
}

int main( void )
{
    static _Alignas( 8 ) unsigned char buffer[8192];
    char                               expected[512];
    if( !trace_to_systemview() || !dmheap_init( buffer, sizeof buffer, 8 ) ) return 1;
    void* block = dmheap_malloc( 100, NULL );
    void* wall  = dmheap_malloc( 10, NULL );
    void* moved = dmheap_realloc( block, 1000, NULL );
    dmheap_free( moved, false );
    snprintf( expected, sizeof expected,
              "heap %p 8192\nalloc %p 100\nalloc %p 10\nfree %p 0\nalloc %p 1000\nfree %p 0\n", (void*)buffer, block,
              wall, block, moved, moved );
    printf( "expected:\n%stold:\n%s", expected, told );
    if( strcmp( expected, told ) != 0 ) return 2;

    room = 1000;
    if( !trace_to_rtt() || records < 3 ) return 3;
    room = 0;
    dmheap_free( wall, false );
    room     = 1000;
    records  = 0;
    wall     = dmheap_malloc( 10, NULL );
    bool two = records == 2; /* how many were lost, and this one */
    room     = 6;            /* for no more than that one was lost */
    dmheap_free( wall, false );
    room = 5;
    wall = dmheap_malloc( 10, NULL );
    return two && strcmp( last, "lost" ) == 0 ? 0 : 4;
}
