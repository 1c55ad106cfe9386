/*
 * Searches in the index of free blocks; see index.h. May not change anything.
 */
#include "index.h"

block_t index_probe( const dmheap_context_t* context, uint32_t size )
{
    block_t block = block_at( *image_word( context, index_list( context, size ) ) );
    for( unsigned probe = 0; probe < INDEX_LAST_RESORT_PROBES && block_in_heap( context, block.at ); probe++ )
    {
        if( header_size( context, *block_header( context, block ) ) >= size ) return block;
        block = block_at( *free_next( context, block ) );
    }
    return block_at( 0 );
}

block_t index_largest( const dmheap_context_t* context )
{
    uint32_t word = context->list_summary != 0 ? bits_highest( context->list_summary ) : 0;
    uint32_t bits = *bitmap_word( context, word << BITS_SHIFT );
    if( bits == 0 ) return block_at( 0 );
    uint32_t list = ( word << BITS_SHIFT ) + bits_highest( bits );
    return block_at( list < context->lists_end ? *image_word( context, list ) : 0 );
}
