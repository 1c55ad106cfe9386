/*
 * Taking, releasing and resizing blocks; see block.h.
 */
#include "block.h"

enum
{
    NO_BIN = UINT16_MAX
};

/* Whether a free block is what its header says, and is in the list of its bin. */
static HOT bool is_free_in( const dmheap_context_t* context, block_t block, uint32_t size, uint32_t bin )
{
    return size <= context->end - block.at && *block_header( context, block ) == header_of_free( context, size ) &&
           index_holds( context, block, bin );
}

/* The bin of a free block, NO_BIN where the block is not what its header says, or its list is overwritten. */
static uint32_t bin_of( const dmheap_context_t* context, block_t block, uint32_t size )
{
    uint32_t bin = size >= context->min_size ? index_bin( context, size ) : 0;
    return size >= context->min_size && is_free_in( context, block, size, bin ) ? bin : (uint32_t)NO_BIN;
}

/* The bin for a block of this size that is to become free, NO_BIN where its list is overwritten. */
static inline uint32_t bin_for( const dmheap_context_t* context, uint32_t size )
{
    uint32_t bin = index_bin( context, size );
    return index_accepts( context, bin ) ? bin : (uint32_t)NO_BIN;
}

/* Makes a free block; the header behind it must say so already. */
static HOT void make_free( dmheap_context_t* context, block_t block, uint32_t size, uint32_t bin )
{
    *block_header( context, block )                            = header_of_free( context, size );
    *block_foot_before( context, block_at( block.at + size ) ) = size;
    index_insert( context, block, bin );
}

/* Makes a live block of a free one in `bin`, `lead` bytes behind where that begins; what is left in front and behind
 * stays free. BLOCK_DAMAGED where the free block is not large enough, or anything around it is overwritten. */
static HOT block_t carve( dmheap_context_t* context, block_t block, uint32_t bin, uint32_t lead, uint32_t size,
                          owner_t owner )
{
    if( !block_in_heap( context, block.at ) ) return block_at( BLOCK_DAMAGED );
    uint32_t whole    = header_size( context, *block_header( context, block ) );
    uint32_t rest     = whole - lead - size;
    uint32_t lead_bin = 0, rest_bin = 0;
    if( whole < lead + size || !is_free_in( context, block, whole, bin ) ) return block_at( BLOCK_DAMAGED );
    if( rest >= context->min_size )
    {
        rest_bin = bin_for( context, rest );
        if( rest_bin == NO_BIN ) return block_at( BLOCK_DAMAGED );
    }
    else
    {
        size += rest;
        rest = 0;
    }
    if( lead != 0 )
    {
        lead_bin = bin_for( context, lead );
        if( lead_bin == NO_BIN ) return block_at( BLOCK_DAMAGED );
    }

    index_remove( context, block, bin );
    uint32_t header = header_of( context, owner, size );
    if( lead != 0 )
    {
        make_free( context, block, lead, lead_bin );
        header |= HEADER_PREVIOUS_FREE;
        block.at += lead;
    }
    block_t next = block_at( block.at + size );
    if( rest != 0 )
        make_free( context, next, rest, rest_bin );
    else
        *block_header( context, next ) &= ~(uint32_t)HEADER_PREVIOUS_FREE;
    *block_header( context, block ) = header;
    map_set( context, block );
    context->taken++;
    uint32_t left       = context->free_bytes - size;
    context->free_bytes = left;
    if( left < context->free_lowest ) context->free_lowest = left;
    return block;
}

/* carve() for what is not every allocation. */
static __attribute__(( noinline )) block_t carve_rarely( dmheap_context_t* context, block_t block, uint32_t lead,
                                                         uint32_t size, owner_t owner )
{
    uint32_t whole = index_size_at( context, block.at );
    if( whole < context->min_size ) return block_at( BLOCK_DAMAGED );
    return carve( context, block, index_bin( context, whole ), lead, size, owner );
}

/* Bytes to leave free in front of a payload at `alignment` in a free block; `end` where that is beyond the heap. */
static uint32_t lead_of( const dmheap_context_t* context, block_t block, size_t alignment )
{
    size_t lead = ( 0 - (size_t)(uintptr_t)block_payload( context, block ) ) & ( alignment - 1 );
    while( lead != 0 && lead < context->min_size ) lead += alignment;
    return lead < context->end ? (uint32_t)lead : context->end;
}

/* The first block that would hold the payload unaligned is tried before one that is large enough at any address: freed
 * aligned blocks are found again that way. */
static __attribute__(( noinline )) block_t take_aligned( dmheap_context_t* context, uint32_t size, size_t alignment, owner_t owner )
{
    uint32_t bin;
    block_t  block = index_find( context, size, &bin );
    uint32_t lead  = 0;
    for( unsigned attempt = 0; block.at != 0; attempt++ )
    {
        if( !block_in_heap( context, block.at ) ) return block_at( BLOCK_DAMAGED );
        lead = lead_of( context, block, alignment );
        if( attempt != 0 || lead + size <= block_size( context, block ) ) break;
        block = block_at( 0 );
        if( alignment < context->end )
            block = index_find( context, size + (uint32_t)alignment + context->min_size, &bin );
    }
    if( block.at == 0 ) return block;
    block = carve_rarely( context, block, lead, size, owner );
    if( block.at != BLOCK_DAMAGED ) block_set_alignment( context, block, alignment );
    return block;
}

block_t block_take( dmheap_context_t* context, uint32_t size, size_t alignment, owner_t owner )
{
    if( alignment != 0 ) return take_aligned( context, size, alignment, owner );
    uint32_t bin;
    block_t  block = index_find( context, size, &bin );
    return block.at != 0 ? carve( context, block, bin, 0, size, owner ) : block;
}

status_t block_release( dmheap_context_t* context, block_t block )
{
    uint32_t header   = *block_header( context, block );
    uint32_t size     = header_size( context, header );
    uint32_t merged   = size;
    uint32_t next_bin = 0, before_bin = 0;
    block_t  before   = block;
    block_t  next     = block_at( block.at + size );
    if( header & HEADER_FREE || size > context->end - block.at ) return STATUS_CORRUPTED;
    uint32_t next_flags = *block_header( context, next ) & HEADER_FLAGS;
    if( next_flags != 0 )
    {
        uint32_t next_size = header_size( context, *block_header( context, next ) );
        merged += next_size;
        next_bin = bin_of( context, next, next_size );
    }
    if( header & HEADER_PREVIOUS_FREE )
    {
        uint32_t before_size = *block_foot_before( context, block );
        merged += before_size;
        before.at -= before_size;
        before_bin = block_in_heap( context, before.at ) ? bin_of( context, before, before_size ) : (uint32_t)NO_BIN;
    }
    if( next_bin == NO_BIN || before_bin == NO_BIN || merged < context->min_size ) return STATUS_CORRUPTED;
    uint32_t bin = bin_for( context, merged );
    if( bin == NO_BIN ) return STATUS_CORRUPTED;

    if( before.at != block.at ) index_remove( context, before, before_bin );
    if( next_flags != 0 )
        index_remove( context, next, next_bin );
    else
        *block_header( context, next ) |= HEADER_PREVIOUS_FREE;
    map_clear( context, block );
    make_free( context, before, merged, bin );
    context->released++;
    context->free_bytes += size;
    return STATUS_OK;
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
    next = carve_rarely( context, next, 0, size - old_size, OWNER_NOBODY );
    if( next.at == BLOCK_DAMAGED ) return STATUS_CORRUPTED;
    map_clear( context, next );
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
    *block = carve_rarely( context, before, 0, whole, header_owner( context, header ) );
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
    while( alignment >>= 1 ) log2++;
    *block_foot_before( context, block_at( block.at + header_size( context, *header ) ) ) = log2;
}

size_t block_usable_size( const dmheap_context_t* context, block_t block )
{
    uint32_t header = *block_header( context, block );
    return header_size( context, header ) - WORD_SIZE - ( header & header_aligned( context ) ? WORD_SIZE : 0u );
}
