/*
 * A module's side: in a module the name of a function is a pointer, which is the signature's text until a loader has set it.
 * Compiled with the header of each generation, IMPORTS_OF being the name of what it tells.
 */
#include "dmheap.h"
#include "imports.h"

#define SIGNATURE( FUNCTION ) ( (const char*)(uintptr_t)( FUNCTION ) )

void IMPORTS_OF( const char* signatures[IMPORTS] )
{
    signatures[0]  = SIGNATURE( dmheap_init );
    signatures[1]  = SIGNATURE( dmheap_is_initialized );
    signatures[2]  = SIGNATURE( dmheap_register_module );
    signatures[3]  = SIGNATURE( dmheap_unregister_module );
    signatures[4]  = SIGNATURE( dmheap_malloc );
    signatures[5]  = SIGNATURE( dmheap_aligned_alloc );
    signatures[6]  = SIGNATURE( dmheap_realloc );
    signatures[7]  = SIGNATURE( dmheap_free );
    signatures[8]  = SIGNATURE( dmheap_concatenate_free_blocks );
    signatures[9]  = SIGNATURE( dmheap_retag );
    signatures[10] = SIGNATURE( dmheap_get_stats );
}
