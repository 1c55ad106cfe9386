/*
 * Searches in the index of free blocks; see index.h. May not change anything.
 */
#include "index.h"

block_t index_probe( const dmheap_context_t* context, uint32_t size )
{
    uint32_t candidate = context_bins( context )[index_bin( context, size )];
    for( unsigned probe = 0; probe < INDEX_LAST_RESORT_PROBES && block_in_heap( context, candidate ); probe++ )
    {
        if( index_size_at( context, candidate ) >= size ) return block_at( candidate );
        candidate = *free_next( context, block_at( candidate ) );
    }
    return block_at( 0 );
}

block_t index_largest( const dmheap_context_t* context )
{
    uint32_t word = context->bin_summary != 0 ? bits_highest( context->bin_summary ) : 0;
    uint32_t bits = context_bitmaps( context )[word];
    return block_at( bits != 0 ? context_bins( context )[word * BITS_OF_WORD + bits_highest( bits )] : 0 );
}
