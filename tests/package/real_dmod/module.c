/* The module's side: every function of dmheap is a pointer that the loader sets. */
#include "dmheap.h"

void* use_everything( void* pointer );
void* use_everything( void* pointer )
{
    dmheap_free( pointer, false );
    return dmheap_malloc( 10, DMOD_MODULE_NAME );
}
