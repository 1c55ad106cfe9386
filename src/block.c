/*
 * Taking, releasing and resizing blocks; see block.h. What every malloc and free does is in block_hot.h.
 */
#include "block_hot.h"

/* Makes a live block of a free one, `lead` bytes behind where that begins; what is left in front and behind stays free.
 * BLOCK_DAMAGED where the free block is not large enough, or anything around it is overwritten. */
static block_t carve( dmheap_context_t* context, block_t block, uint32_t lead, uint32_t size, owner_t owner )
{
    uint32_t      whole      = index_size_at( context, block.at );
    uint32_t      bin        = whole >= lead + size ? bin_of( context, block, whole ) : (uint32_t)NO_BIN;
    uint32_t      rest       = whole - lead - size;
    index_place_t lead_place = { 0, NULL };
    index_place_t rest_place = { 0, NULL };
    uint32_t      header     = owner << context->owner_shift;
    if( bin == NO_BIN || ( lead != 0 && !index_find_place( context, lead, &lead_place ) ) ||
        ( rest >= context->min_size && !index_find_place( context, rest, &rest_place ) ) )
        return block_at( BLOCK_DAMAGED );

    index_remove( context, block, bin );
    if( lead != 0 )
    {
        make_free( context, block, lead, lead_place );
        context->free_blocks++;
        header |= HEADER_PREVIOUS_FREE;
        block.at += lead;
    }
    split( context, block, whole - lead, &size, rest_place, header );
    return block;
}

/* Bytes to leave free in front of a payload at `alignment` in a free block; `end` where that is beyond the heap. */
static uint32_t lead_of( const dmheap_context_t* context, block_t block, size_t alignment )
{
    size_t lead = ( 0 - (size_t)(uintptr_t)block_payload( context, block ) ) & ( alignment - 1 );
    while( lead != 0 && lead < context->min_size )
        lead += alignment;
    return lead < context->end ? (uint32_t)lead : context->end;
}

/* A free block of at least `size` bytes, or none. */
static block_t find( const dmheap_context_t* context, uint32_t size )
{
    uint32_t bin;
    block_t  block = index_find( context, size, &bin );
    return block.at != 0 ? block : index_probe( context, size );
}

block_t block_take( dmheap_context_t* context, uint32_t size, size_t alignment, owner_t owner )
{
    uint32_t lead  = 0;
    block_t  block = find( context, size );
    if( block.at == 0 ) return block;
    if( alignment != 0 )
    {
        if( !block_in_heap( context, block.at ) ) return block_at( BLOCK_DAMAGED );
        /* The block that would hold the payload unaligned is tried before one that is large enough at any address: freed
         * aligned blocks are found again that way. */
        lead = lead_of( context, block, alignment );
        if( lead + size > block_size( context, block ) )
        {
            if( alignment >= context->end ) return block_at( BLOCK_NONE );
            block = find( context, size + (uint32_t)alignment + context->min_size );
            if( block.at == 0 ) return block;
            if( !block_in_heap( context, block.at ) ) return block_at( BLOCK_DAMAGED );
            lead = lead_of( context, block, alignment );
        }
    }
    block = carve( context, block, lead, size, owner );
    if( alignment != 0 && block.at != BLOCK_DAMAGED ) block_set_alignment( context, block, alignment );
    return block;
}

status_t block_release( dmheap_context_t* context, block_t block )
{
    uint32_t size;
    return release_block( context, block, map_bit( context, block ), &size );
}

block_t block_take_system( dmheap_context_t* context, size_t payload )
{
    uint32_t size  = block_size_for( context, payload );
    block_t  block = size != 0 ? block_take( context, size, 0, OWNER_SYSTEM ) : block_at( BLOCK_NONE );
    if( block.at <= BLOCK_DAMAGED ) return block;
    context->system_bytes += block_size( context, block );
    context->system_blocks++;
    return block;
}

status_t block_release_system( dmheap_context_t* context, block_t block )
{
    uint32_t size   = block_size( context, block );
    status_t status = block_release( context, block );
    if( status != STATUS_OK ) return status;
    context->system_bytes -= size;
    context->system_blocks--;
    return STATUS_OK;
}

static void set_size( dmheap_context_t* context, block_t block, uint32_t size )
{
    word_t* header = block_header( context, block );
    *header        = ( *header & ~context->size_mask ) | size >> context->size_scale;
}

/* Takes what is missing from the free block behind, and joins it. */
static status_t grow( dmheap_context_t* context, block_t block, uint32_t old_size, uint32_t size )
{
    block_t  next   = block_at( block.at + old_size );
    uint32_t header = *block_header( context, next );
    if( !( header & HEADER_FREE ) || old_size + header_size( context, header ) < size ) return STATUS_NO_MEMORY;
    next = carve( context, next, 0, size - old_size, OWNER_NOBODY );
    if( next.at == BLOCK_DAMAGED ) return STATUS_CORRUPTED;
    map_clear( context, map_bit( context, next ) );
    context->released++; /* of two live blocks one is left */
    set_size( context, block, old_size + block_size( context, next ) );
    return STATUS_OK;
}

/* Makes a block of the tail, and releases it. */
static status_t shrink( dmheap_context_t* context, block_t block, uint32_t old_size, uint32_t size )
{
    block_t  tail   = block_at( block.at + size );
    word_t*  header = block_header( context, tail );
    uint32_t over   = *header; /* the tail's header takes the place of payload that a refusal has to bring back */
    bool     joins  = *block_header( context, block_at( block.at + old_size ) ) & HEADER_FREE;
    if( old_size - size < context->min_size && !joins ) return STATUS_OK;
    *header         = header_of( context, OWNER_NOBODY, old_size - size );
    status_t status = block_release( context, tail );
    if( status != STATUS_OK )
        *header = over;
    else
    {
        set_size( context, block, size );
        context->taken++;
    }
    return status;
}

status_t block_resize( dmheap_context_t* context, block_t block, uint32_t size )
{
    uint32_t old_size = block_size( context, block );
    if( old_size < context->min_size || old_size > context->end - block.at ) return STATUS_CORRUPTED;
    if( size == old_size ) return STATUS_OK;
    return size > old_size ? grow( context, block, old_size, size ) : shrink( context, block, old_size, size );
}

status_t block_extend_forward( dmheap_context_t* context, block_t* block, uint32_t size, size_t alignment )
{
    uint32_t header = *block_header( context, *block );
    uint32_t own    = header_size( context, header );
    if( !( header & HEADER_PREVIOUS_FREE ) || own < context->min_size || own > context->end - block->at )
        return STATUS_NO_MEMORY;
    block_t  before = block_at( block->at - *block_foot_before( context, *block ) );
    block_t  next   = block_at( block->at + own );
    uint32_t behind = *block_header( context, next );
    uint32_t whole  = next.at - before.at + ( behind & HEADER_FREE ? header_size( context, behind ) : 0 );
    if( whole < size || ( alignment != 0 && lead_of( context, before, alignment ) != 0 ) ) return STATUS_NO_MEMORY;

    /* The foot of the merged block takes the place of the last word of the contents, if nothing free is behind. */
    uint32_t last   = *block_foot_before( context, next );
    status_t status = block_release( context, *block );
    if( status != STATUS_OK ) return status;
    *block                              = carve( context, before, 0, whole, header_owner( context, header ) );
    *block_foot_before( context, next ) = last;
    return STATUS_OK;
}

size_t block_alignment( const dmheap_context_t* context, block_t block )
{
    uint32_t header = *block_header( context, block );
    if( !( header & header_aligned( context ) ) ) return 0;
    uint32_t log2 = *block_foot_before( context, block_at( block.at + header_size( context, header ) ) );
    return log2 < sizeof( size_t ) * 8 ? (size_t)1 << log2 : 0;
}

void block_set_alignment( dmheap_context_t* context, block_t block, size_t alignment )
{
    word_t* header = block_header( context, block );
    *header &= ~header_aligned( context );
    if( alignment == 0 ) return;
    *header |= header_aligned( context );
    uint32_t log2 = 0;
    while( alignment >>= 1 )
        log2++;
    *block_foot_before( context, block_at( block.at + header_size( context, *header ) ) ) = log2;
}

size_t block_usable_size( const dmheap_context_t* context, block_t block )
{
    uint32_t header = *block_header( context, block );
    return header_size( context, header ) - WORD_SIZE - ( header & header_aligned( context ) ? WORD_SIZE : 0u );
}
