/*
 * See names.h. Heaps and events have words in common that mean different things: here is what passes from the one to the other.
 */
#include "names.h"

#include "heaps.h"

void names_visit( const target_t* target, void ( *visit )( uint64_t key, const char* name, void* user ), void* user )
{
    heaps_t heaps;
    (void)heaps_find( target, NULL, &heaps );
    for( size_t i = 0; i < heaps.count; i++ )
        heaps.heaps[i].reader->names( &heaps.heaps[i].image, visit, user );
    heaps_free( &heaps );
}
