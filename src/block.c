/*
 * Taking, releasing and resizing blocks; see block.h. What every malloc and free does is in block_hot.h.
 */
#include "block_hot.h"

/* Makes a live block of a free one, `lead` words behind where that begins; what is left in front and behind stays free.
 * BLOCK_DAMAGED where the free block is not large enough, or anything around it is overwritten. */
static block_t carve( dmheap_context_t* context, block_t block, uint32_t lead, uint32_t* size, owner_t owner )
{
    uint32_t whole;
    uint32_t header = header_of( context, owner, 0 );
    if( !free_is_valid( context, block, &whole ) || whole < lead + *size ) return block_at( BLOCK_DAMAGED );
    index_unlink( context, block );
    guard_wipe( context, block, whole );
    if( lead != 0 )
    {
        make_free( context, block, lead );
        context->free_blocks++;
        header |= HEADER_PREVIOUS_FREE;
        block.at += lead;
    }
    uint32_t rest = split( context, block, whole - lead, size, header );
    if( rest != 0 ) make_free( context, block_at( block.at + *size ), rest );
    return block;
}

/* Words to leave free in front of a payload at `alignment` in a free block; `end` where that is beyond the heap. The
 * block need not be one: its address is counted, not formed. */
static uint32_t lead_of( const dmheap_context_t* context, block_t block, size_t alignment )
{
    size_t address = (uintptr_t)context + (size_t)block.at * WORD_SIZE;
    size_t lead    = ( 0 - address ) & ( alignment - 1 );
    while( lead != 0 && lead < context->min_size * (size_t)WORD_SIZE )
        lead += alignment;
    return lead >> WORD_SHIFT < context->end ? (uint32_t)( lead >> WORD_SHIFT ) : context->end;
}

/* A free block of at least `size` words, or none. */
static block_t find( const dmheap_context_t* context, uint32_t size )
{
    block_t block = index_find( context, size );
    return block.at != BLOCK_NONE ? block : index_probe( context, size );
}

block_t block_take( dmheap_context_t* context, block_request_t* request, owner_t owner )
{
    size_t   alignment = request->alignment;
    uint32_t lead      = 0;
    uint32_t room      = request->size;
    if( request->anywhere )
    {
        if( alignment >> WORD_SHIFT >= context->end ) return block_at( BLOCK_NONE );
        room += (uint32_t)( alignment >> WORD_SHIFT ) + context->min_size;
    }
    block_t block = find( context, room );
    if( block.at == BLOCK_NONE ) return block;
    if( alignment != 0 )
    {
        if( !block_in_heap( context, block.at ) ) return block_at( BLOCK_DAMAGED );
        lead = lead_of( context, block, alignment );
        if( lead + request->size > block_size( context, block ) ) return block_at( BLOCK_NONE );
    }
    block = carve( context, block, lead, &request->size, owner );
    if( block.at == BLOCK_DAMAGED ) return block;
    guard_verify( context, block.at, block.at + request->size - 1 );
    block_set_alignment( context, block, alignment );
    return block;
}

/* Releases a block whose contents are still needed. */
static status_t vacate( dmheap_context_t* context, block_t block )
{
    uint32_t size;
    return release_block( context, block, map_bit( context, block ), &size );
}

status_t block_release( dmheap_context_t* context, block_t block )
{
    uint32_t header    = *block_header( context, block );
    block_t  next      = block_at( block.at + header_size( context, header ) );
    bool     is_joined = next.at < context->end && *block_header( context, next ) & HEADER_FREE;
    status_t status    = vacate( context, block );
    /* all that is not the header, the links or the foot of the free block that it is a part of now */
    if( status != STATUS_OK ) return status;
    guard_fill( context, header & HEADER_PREVIOUS_FREE ? block.at - 2 : block.at + 2,
                is_joined ? next.at + 2 : next.at - 2 );
    guard_close( context, block.at - 1, next.at - 1 );
    return status;
}

static void set_size( dmheap_context_t* context, block_t block, uint32_t size )
{
    word_t* header = block_header( context, block );
    *header        = ( *header & ~context->size_mask ) | size >> header_scale( context );
}

/* Takes what is missing from the free block behind, and joins it. */
static status_t grow( dmheap_context_t* context, block_t block, uint32_t old_size, uint32_t more )
{
    block_t  next   = block_at( block.at + old_size );
    uint32_t header = *block_header( context, next );
    if( !( header & HEADER_FREE ) || header_size( context, header ) < more ) return STATUS_NO_MEMORY;
    next = carve( context, next, 0, &more, OWNER_MOVING );
    if( next.at == BLOCK_DAMAGED ) return STATUS_CORRUPTED;
    guard_verify( context, next.at, next.at + more - 1 );
    map_clear( context, map_bit( context, next ) );
    context->released++; /* of two live blocks one is left */
    set_size( context, block, old_size + more );
    return STATUS_OK;
}

/* Makes a block of the tail, and releases it. */
static status_t shrink( dmheap_context_t* context, block_t block, uint32_t size, uint32_t less )
{
    block_t  tail   = block_at( block.at + size );
    word_t*  header = block_header( context, tail );
    uint32_t over   = *header; /* the tail's header takes the place of payload that a refusal has to bring back */
    if( less < context->min_size && !( *block_header( context, block_at( tail.at + less ) ) & HEADER_FREE ) )
        return STATUS_OK;
    *header         = header_of( context, OWNER_MOVING, less );
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
    return size > old_size ? grow( context, block, old_size, size - old_size )
                           : shrink( context, block, size, old_size - size );
}

status_t block_extend_forward( dmheap_context_t* context, block_t* block, uint32_t size, size_t alignment )
{
    uint32_t header = *block_header( context, *block );
    uint32_t own    = header_size( context, header );
    block_t  before = block_at( block->at - *block_foot_before( context, *block ) );
    block_t  next   = block_at( block->at + own );
    uint32_t front = 0, behind = 0;
    if( !( header & HEADER_PREVIOUS_FREE ) ) return STATUS_NO_MEMORY;
    if( own - 1 >= context->end - block->at ) return STATUS_CORRUPTED;
    if( *block_header( context, next ) & HEADER_FREE && !free_is_valid( context, next, &behind ) )
        return STATUS_CORRUPTED;
    if( !free_is_valid( context, before, &front ) || before.at + front != block->at ) return STATUS_CORRUPTED;
    uint32_t whole = front + own + behind;
    if( whole < size || ( alignment != 0 && lead_of( context, before, alignment ) != 0 ) ) return STATUS_NO_MEMORY;

    index_unlink( context, before );
    context->free_blocks--;
    if( behind != 0 )
    {
        index_unlink( context, next );
        context->free_blocks--;
        guard_wipe( context, next, behind );
        *block_header( context, block_at( next.at + behind ) ) &= ~HEADER_PREVIOUS_FREE;
    }
    map_clear( context, map_bit( context, *block ) );
    map_set( context, map_bit( context, before ) );
    *block_header( context, before ) = header_of( context, header_owner( context, header ), whole );
    count_taken( context, front + behind );
    block_note_change( context );
    *block = before;
    return STATUS_OK;
}

size_t block_alignment( const dmheap_context_t* context, block_t block )
{
    uint32_t header = *block_header( context, block );
    uint32_t size   = header_size( context, header );
    if( !( header & HEADER_ALIGNED ) || size > context->end - block.at ) return 0;
    uint32_t log2 = *block_foot_before( context, block_at( block.at + size ) );
    return log2 < sizeof( size_t ) * 8 ? (size_t)1 << log2 : 0;
}

void block_set_alignment( dmheap_context_t* context, block_t block, size_t alignment )
{
    word_t* header = block_header( context, block );
    *header &= ~HEADER_ALIGNED;
    if( alignment == 0 ) return;
    *header |= HEADER_ALIGNED;
    *block_foot_before( context, block_at( block.at + header_size( context, *header ) ) ) =
        (uint32_t)__builtin_ctzl( alignment );
}

size_t block_usable_size( const dmheap_context_t* context, block_t block )
{
    uint32_t header = *block_header( context, block );
    size_t   bytes  = ( header_size( context, header ) - ( header & HEADER_ALIGNED ? 2u : 1u ) ) * (size_t)WORD_SIZE;
    if( GUARD_BYTES == 0 || header_owner( context, header ) == OWNER_SYSTEM ) return bytes;
    if( !( header & HEADER_FREE ) ) return guard_bytes( context, block );
    return bytes > GUARD_BYTES ? bytes - GUARD_BYTES : 0;
}
