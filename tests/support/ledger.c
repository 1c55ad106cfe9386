/*
 * See ledger.h.
 */
#include "ledger.h"

#include <string.h>

/* ---- What is known ---- */

ledger_block_t* ledger_find( ledger_t* ledger, uint64_t address )
{
    for( unsigned i = 0; i < ledger->blocks; i++ )
        if( ledger->block[i].address == address ) return &ledger->block[i];
    return NULL;
}

const char* ledger_name( const ledger_t* ledger, uint64_t owner )
{
    if( owner <= 3 ) return "";
    for( unsigned i = 0; i < ledger->owners; i++ )
        if( ledger->owner[i].key == owner ) return ledger->owner[i].name;
    return NULL;
}

static void fail( ledger_t* ledger, const char* why )
{
    if( ledger->wrong == NULL ) ledger->wrong = why;
}

/* The heap that a block lies in, the innermost; LEDGER_HEAPS: in none. A block may begin where a heap in it does. */
static unsigned heap_at( const ledger_t* ledger, uint64_t address )
{
    unsigned found = LEDGER_HEAPS;
    for( unsigned i = 0; i < ledger->heaps; i++ )
        if( address - 4 - ledger->heap[i].address - ledger->heap[i].control <
                ledger->heap[i].bytes - ledger->heap[i].control &&
            ( found == LEDGER_HEAPS || ledger->heap[i].bytes < ledger->heap[found].bytes ) )
            found = i;
    return found;
}

static void forget( ledger_t* ledger, ledger_block_t* block )
{
    *block = ledger->block[--ledger->blocks];
}

/* Whether a block can be there, if all is known. */
static void look_at_block( ledger_t* ledger, unsigned heap, uint64_t address, uint64_t owner, const event_t* event )
{
    if( heap == LEDGER_HEAPS )
        fail( ledger, "a block in no heap" );
    else if( address - 4 + event->block > ledger->heap[heap].address + ledger->heap[heap].bytes - 4 )
        fail( ledger, "a block that reaches beyond its heap" );
    else if( event->block % ledger->heap[heap].granule != 0 )
        fail( ledger, "a block that is no multiple of the granule" );
    if( event->requested > event->block - 4 ) fail( ledger, "a block with less than was asked for" );
    if( event->alignment != 0 && address % event->alignment != 0 ) fail( ledger, "a block at a wrong alignment" );
    if( owner > 3 && ledger_name( ledger, owner ) == NULL ) fail( ledger, "an owner without a name" );
}

static void add( ledger_t* ledger, uint64_t address, uint64_t owner, const event_t* event )
{
    unsigned heap = heap_at( ledger, address );
    if( !ledger->late ) look_at_block( ledger, heap, address, owner, event );
    for( unsigned i = ledger->blocks; i-- > 0; )
    {
        ledger_block_t* other = &ledger->block[i];
        if( other->address - 4 >= address - 4 + event->block || address - 4 >= other->address - 4 + other->block ||
            heap_at( ledger, other->address ) != heap )
            continue;
        if( !ledger->late && event->op != OP_IS_BLOCK ) fail( ledger, "two blocks overlap" );
        forget( ledger, other );
    }
    if( ledger->blocks == LEDGER_BLOCKS )
    {
        fail( ledger, "more blocks than there is room for" );
        return;
    }
    ledger->block[ledger->blocks++] =
        ( ledger_block_t ){ address, event->requested, event->block, owner, event->caller, false };
}

/* The block that an event takes away. */
static void take_away( ledger_t* ledger, const event_t* event, uint64_t bytes )
{
    ledger_block_t* block = ledger_find( ledger, event->address );
    if( block == NULL )
    {
        if( !ledger->late ) fail( ledger, "a block that is not known changes" );
        return;
    }
    if( !ledger->late && ( block->block != bytes || block->owner != event->owner ) )
        fail( ledger, "a block is not what the record says that it was" );
    forget( ledger, block );
}

static void retag( ledger_t* ledger, const event_t* event )
{
    ledger_block_t* block = ledger_find( ledger, event->address );
    if( block != NULL && !ledger->late && ( block->block != event->block || block->owner != event->owner ) )
        fail( ledger, "a block is not what the record says that it was" );
    if( block != NULL )
        block->owner = event->new_owner;
    else if( !ledger->late )
        fail( ledger, "a block that is not known gets another owner" );
}

static void name( ledger_t* ledger, const event_t* event )
{
    unsigned i = 0;
    while( i < ledger->owners && ledger->owner[i].key != event->owner )
        i++;
    bool known = i < ledger->owners;
    if( event->op == OP_REGISTER && known && !ledger->late ) fail( ledger, "a number of an owner is used again" );
    if( event->op != OP_REGISTER && !known && !ledger->late && event->op != OP_IS_OWNER )
        fail( ledger, "an owner that is not known is renamed" );
    if( event->op == OP_IS_OWNER && known && !ledger->late && strcmp( ledger->owner[i].name, event->name ) != 0 )
        fail( ledger, "an owner has another name than before" );
    if( i == LEDGER_OWNERS )
    {
        fail( ledger, "more owners than there is room for" );
        return;
    }
    if( !known ) ledger->owners++;
    ledger->owner[i].key     = event->owner;
    ledger->owner[i].heap    = event->address;
    ledger->owner[i].is_gone = false;
    strcpy( ledger->owner[i].name, event->name );
}

static void unregister( ledger_t* ledger, const event_t* event )
{
    for( unsigned i = 0; i < ledger->blocks; i++ )
        if( ledger->block[i].owner == event->owner && !ledger->late )
            fail( ledger, "an owner who is forgotten has a block" );
    for( unsigned i = 0; i < ledger->owners; i++ )
        if( ledger->owner[i].key == event->owner ) ledger->owner[i].is_gone = true;
}

static void heap_ends( ledger_t* ledger, uint64_t address )
{
    for( unsigned heap = 0; heap < ledger->heaps; heap++ )
    {
        if( ledger->heap[heap].address != address ) continue;
        for( unsigned i = ledger->blocks; i-- > 0; )
            if( heap_at( ledger, ledger->block[i].address ) == heap ) forget( ledger, &ledger->block[i] );
        ledger->heap[heap] = ledger->heap[--ledger->heaps];
        return;
    }
    if( !ledger->late ) fail( ledger, "a heap that is not known is taken down" );
}

static void heap_is( ledger_t* ledger, const event_t* event )
{
    unsigned heap = 0;
    while( heap < ledger->heaps && ledger->heap[heap].address != event->address )
        heap++;
    if( heap < ledger->heaps && event->op == OP_HEAP_MADE && !ledger->late ) fail( ledger, "a heap is made twice" );
    if( heap == LEDGER_HEAPS )
    {
        fail( ledger, "more heaps than there is room for" );
        return;
    }
    if( heap == ledger->heaps ) ledger->heaps++;
    ledger->heap[heap].address = event->address;
    ledger->heap[heap].bytes   = event->bytes;
    ledger->heap[heap].control = event->control;
    ledger->heap[heap].granule = event->granule;
    strcpy( ledger->heap[heap].name, event->name );
}

void ledger_apply( ledger_t* ledger, const event_t* event )
{
    if( event->op < OPS ) ledger->events[event->op]++;
    switch( event->op )
    {
    case OP_MALLOC:
    case OP_IS_BLOCK: add( ledger, event->address, event->owner, event ); break;
    case OP_FREE:
    case OP_LEFT: take_away( ledger, event, event->block ); break;
    case OP_REALLOC:
        take_away( ledger, event, event->old_block );
        add( ledger, event->new_address, event->new_owner, event );
        break;
    case OP_RETAG: retag( ledger, event ); break;
    case OP_REGISTER:
    case OP_RENAME:
    case OP_IS_OWNER: name( ledger, event ); break;
    case OP_UNREGISTER: unregister( ledger, event ); break;
    case OP_HEAP_MADE:
    case OP_IS_HEAP: heap_is( ledger, event ); break;
    case OP_HEAP_ENDS: heap_ends( ledger, event->address ); break;
    case OP_LOST:
        ledger->lost += event->count;
        if( event->count != 0 ) ledger->late = true;
        break;
    default: break;
    }
}
