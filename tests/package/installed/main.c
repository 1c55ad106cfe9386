/* The least that a program does with the library. */
#include "dmheap.h"
#include "dmod.h"

int main( void )
{
    static char heap[4096];
    return dmheap_init( heap, sizeof heap, 8 ) && dmheap_malloc( 10, "m" ) != NULL ? 0 : 1;
}
