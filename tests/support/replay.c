/*
 * See replay.h.
 */
#include "replay.h"

#include <string.h>

/* ---- Reading ---- */

typedef struct
{
    const uint8_t *at, *end;
    bool           is_short;
} bytes_t;

static uint64_t varint( bytes_t* from )
{
    uint64_t value = 0;
    for( unsigned shift = 0; shift < 64; shift += 7 )
    {
        if( from->at == from->end ) break;
        uint8_t byte = *from->at++;
        value |= (uint64_t)( byte & 0x7fu ) << shift;
        if( byte < 0x80 ) return value;
    }
    from->is_short = true;
    return 0;
}

static uint64_t zigzag( bytes_t* from )
{
    uint64_t value = varint( from );
    return value >> 1 ^ ( 0 - ( value & 1 ) );
}

static void text( bytes_t* from, char* to )
{
    uint64_t length = varint( from );
    if( length > (uint64_t)( from->end - from->at ) || length >= REPLAY_NAME )
    {
        from->is_short = true;
        return;
    }
    memcpy( to, from->at, (size_t)length );
    to[length] = '\0';
    from->at += length;
}

size_t replay_header( replay_t* replay, const uint8_t* from, size_t size )
{
    bytes_t bytes = { from + 8, from + size, false };
    if( size < 9 || memcmp( from, "DMHT\1", 5 ) != 0 || from[7] != 0 ) return 0;
    replay->big_endian = from[5];
    replay->pointer    = from[6];
    replay->ticks      = varint( &bytes );
    return bytes.is_short ? 0 : (size_t)( bytes.at - from );
}

static void sized( bytes_t* from, replay_event_t* event )
{
    event->requested = varint( from );
    event->block     = varint( from );
    event->alignment = varint( from );
}

static void called( bytes_t* from, replay_event_t* event )
{
    event->caller = varint( from );
    event->thread = varint( from );
}

static void fields( bytes_t* from, replay_event_t* event )
{
    switch( event->op )
    {
    case REPLAY_MALLOC:
    case REPLAY_IS_BLOCK:
        event->owner = varint( from );
        sized( from, event );
        called( from, event );
        break;
    case REPLAY_FREE:
        event->owner = varint( from );
        event->block = varint( from );
        called( from, event );
        break;
    case REPLAY_REALLOC:
        event->owner       = varint( from );
        event->old_block   = varint( from );
        event->new_address = event->address + 4 * zigzag( from );
        event->new_owner   = varint( from );
        sized( from, event );
        called( from, event );
        break;
    case REPLAY_RETAG:
        event->owner     = varint( from );
        event->block     = varint( from );
        event->new_owner = varint( from );
        break;
    case REPLAY_REFUSED:
        event->requested = varint( from );
        event->alignment = varint( from );
        event->reason    = varint( from );
        text( from, event->name );
        called( from, event );
        break;
    case REPLAY_REGISTER:
    case REPLAY_RENAME:
    case REPLAY_IS_OWNER:
        event->owner = varint( from );
        text( from, event->name );
        break;
    case REPLAY_UNREGISTER: event->owner = varint( from ); break;
    case REPLAY_HEAP_MADE:
    case REPLAY_IS_HEAP:
        event->bytes   = varint( from );
        event->control = varint( from );
        event->granule = varint( from );
        text( from, event->name );
        break;
    case REPLAY_LEFT:
        event->owner = varint( from );
        event->block = varint( from );
        break;
    case REPLAY_LOST: event->count = varint( from ); break;
    default: break; /* of a later version: skipped */
    }
}

size_t replay_record( replay_t* replay, const uint8_t* from, size_t size, replay_event_t* event )
{
    bytes_t  whole  = { from, from + size, false };
    uint64_t length = varint( &whole );
    if( whole.is_short || length > (uint64_t)( whole.end - whole.at ) || length < 3 ) return 0;
    whole.end = whole.at + length;
    memset( event, 0, sizeof *event );
    event->op = *whole.at++;
    replay->time += varint( &whole );
    replay->address += 4 * zigzag( &whole );
    event->time    = replay->time;
    event->address = replay->address;
    fields( &whole, event );
    if( whole.is_short ) return 0;
    return (size_t)( whole.end - from );
}

/* ---- What is known ---- */

replay_block_t* replay_find( replay_t* replay, uint64_t address )
{
    for( unsigned i = 0; i < replay->blocks; i++ )
        if( replay->block[i].address == address ) return &replay->block[i];
    return NULL;
}

const char* replay_name( const replay_t* replay, uint64_t owner )
{
    if( owner <= 3 ) return "";
    for( unsigned i = 0; i < replay->owners; i++ )
        if( replay->owner[i].key == owner ) return replay->owner[i].name;
    return NULL;
}

static void fail( replay_t* replay, const char* why )
{
    if( replay->wrong == NULL ) replay->wrong = why;
}

/* The heap that a block lies in, the innermost; REPLAY_HEAPS: in none. A block may begin where a heap in it does. */
static unsigned heap_at( const replay_t* replay, uint64_t address )
{
    unsigned found = REPLAY_HEAPS;
    for( unsigned i = 0; i < replay->heaps; i++ )
        if( address - 4 - replay->heap[i].address - replay->heap[i].control <
                replay->heap[i].bytes - replay->heap[i].control &&
            ( found == REPLAY_HEAPS || replay->heap[i].bytes < replay->heap[found].bytes ) )
            found = i;
    return found;
}

static void forget( replay_t* replay, replay_block_t* block )
{
    *block = replay->block[--replay->blocks];
}

/* Whether a block can be there, if all is known. */
static void look_at_block( replay_t* replay, unsigned heap, uint64_t address, uint64_t owner,
                           const replay_event_t* event )
{
    if( heap == REPLAY_HEAPS )
        fail( replay, "a block in no heap" );
    else if( address - 4 + event->block > replay->heap[heap].address + replay->heap[heap].bytes - 4 )
        fail( replay, "a block that reaches beyond its heap" );
    else if( event->block % replay->heap[heap].granule != 0 )
        fail( replay, "a block that is no multiple of the granule" );
    if( event->requested > event->block - 4 ) fail( replay, "a block with less than was asked for" );
    if( event->alignment != 0 && address % event->alignment != 0 ) fail( replay, "a block at a wrong alignment" );
    if( owner > 3 && replay_name( replay, owner ) == NULL ) fail( replay, "an owner without a name" );
}

static void add( replay_t* replay, uint64_t address, uint64_t owner, const replay_event_t* event )
{
    unsigned heap = heap_at( replay, address );
    if( !replay->late ) look_at_block( replay, heap, address, owner, event );
    for( unsigned i = replay->blocks; i-- > 0; )
    {
        replay_block_t* other = &replay->block[i];
        if( other->address - 4 >= address - 4 + event->block || address - 4 >= other->address - 4 + other->block ||
            heap_at( replay, other->address ) != heap )
            continue;
        if( !replay->late && event->op != REPLAY_IS_BLOCK ) fail( replay, "two blocks overlap" );
        forget( replay, other );
    }
    if( replay->blocks == REPLAY_BLOCKS )
    {
        fail( replay, "more blocks than there is room for" );
        return;
    }
    replay->block[replay->blocks++] =
        ( replay_block_t ){ address, event->requested, event->block, owner, event->caller, false };
}

/* The block that an event takes away. */
static void take_away( replay_t* replay, const replay_event_t* event, uint64_t bytes )
{
    replay_block_t* block = replay_find( replay, event->address );
    if( block == NULL )
    {
        if( !replay->late ) fail( replay, "a block that is not known changes" );
        return;
    }
    if( !replay->late && ( block->block != bytes || block->owner != event->owner ) )
        fail( replay, "a block is not what the record says that it was" );
    forget( replay, block );
}

static void retag( replay_t* replay, const replay_event_t* event )
{
    replay_block_t* block = replay_find( replay, event->address );
    if( block != NULL && !replay->late && ( block->block != event->block || block->owner != event->owner ) )
        fail( replay, "a block is not what the record says that it was" );
    if( block != NULL )
        block->owner = event->new_owner;
    else if( !replay->late )
        fail( replay, "a block that is not known gets another owner" );
}

static void name( replay_t* replay, const replay_event_t* event )
{
    unsigned i = 0;
    while( i < replay->owners && replay->owner[i].key != event->owner )
        i++;
    bool known = i < replay->owners;
    if( event->op == REPLAY_REGISTER && known && !replay->late ) fail( replay, "a number of an owner is used again" );
    if( event->op != REPLAY_REGISTER && !known && !replay->late && event->op != REPLAY_IS_OWNER )
        fail( replay, "an owner that is not known is renamed" );
    if( event->op == REPLAY_IS_OWNER && known && !replay->late && strcmp( replay->owner[i].name, event->name ) != 0 )
        fail( replay, "an owner has another name than before" );
    if( i == REPLAY_OWNERS )
    {
        fail( replay, "more owners than there is room for" );
        return;
    }
    if( !known ) replay->owners++;
    replay->owner[i].key     = event->owner;
    replay->owner[i].heap    = event->address;
    replay->owner[i].is_gone = false;
    strcpy( replay->owner[i].name, event->name );
}

static void unregister( replay_t* replay, const replay_event_t* event )
{
    for( unsigned i = 0; i < replay->blocks; i++ )
        if( replay->block[i].owner == event->owner && !replay->late )
            fail( replay, "an owner who is forgotten has a block" );
    for( unsigned i = 0; i < replay->owners; i++ )
        if( replay->owner[i].key == event->owner ) replay->owner[i].is_gone = true;
}

static void heap_ends( replay_t* replay, uint64_t address )
{
    for( unsigned heap = 0; heap < replay->heaps; heap++ )
    {
        if( replay->heap[heap].address != address ) continue;
        for( unsigned i = replay->blocks; i-- > 0; )
            if( heap_at( replay, replay->block[i].address ) == heap ) forget( replay, &replay->block[i] );
        replay->heap[heap] = replay->heap[--replay->heaps];
        return;
    }
    if( !replay->late ) fail( replay, "a heap that is not known is taken down" );
}

static void heap_is( replay_t* replay, const replay_event_t* event )
{
    unsigned heap = 0;
    while( heap < replay->heaps && replay->heap[heap].address != event->address )
        heap++;
    if( heap < replay->heaps && event->op == REPLAY_HEAP_MADE && !replay->late ) fail( replay, "a heap is made twice" );
    if( heap == REPLAY_HEAPS )
    {
        fail( replay, "more heaps than there is room for" );
        return;
    }
    if( heap == replay->heaps ) replay->heaps++;
    replay->heap[heap].address = event->address;
    replay->heap[heap].bytes   = event->bytes;
    replay->heap[heap].control = event->control;
    replay->heap[heap].granule = event->granule;
    strcpy( replay->heap[heap].name, event->name );
}

void replay_apply( replay_t* replay, const replay_event_t* event )
{
    if( event->op < REPLAY_OPS ) replay->events[event->op]++;
    switch( event->op )
    {
    case REPLAY_MALLOC:
    case REPLAY_IS_BLOCK: add( replay, event->address, event->owner, event ); break;
    case REPLAY_FREE:
    case REPLAY_LEFT: take_away( replay, event, event->block ); break;
    case REPLAY_REALLOC:
        take_away( replay, event, event->old_block );
        add( replay, event->new_address, event->new_owner, event );
        break;
    case REPLAY_RETAG: retag( replay, event ); break;
    case REPLAY_REGISTER:
    case REPLAY_RENAME:
    case REPLAY_IS_OWNER: name( replay, event ); break;
    case REPLAY_UNREGISTER: unregister( replay, event ); break;
    case REPLAY_HEAP_MADE:
    case REPLAY_IS_HEAP: heap_is( replay, event ); break;
    case REPLAY_HEAP_ENDS: heap_ends( replay, event->address ); break;
    case REPLAY_LOST:
        replay->lost += event->count;
        if( event->count != 0 ) replay->late = true;
        break;
    default: break;
    }
}

size_t replay_all( replay_t* replay, const uint8_t* from, size_t size )
{
    size_t         done = 0;
    size_t         length;
    replay_event_t event;
    while( ( length = replay_record( replay, from + done, size - done, &event ) ) != 0 )
    {
        replay_apply( replay, &event );
        done += length;
    }
    return done;
}

/* ---- The ring ---- */

static uint32_t word( const uint8_t* ring, unsigned offset )
{
    uint32_t value;
    memcpy( &value, ring + offset, sizeof value );
    return value;
}

static void put( uint8_t** to, uint64_t value )
{
    for( ; value > 0x7f; value >>= 7 )
        *( *to )++ = (uint8_t)( value | 0x80 );
    *( *to )++ = (uint8_t)value;
}

size_t replay_of_ring( const uint8_t* ring, uint8_t* trace, size_t room )
{
    uint8_t* to = trace;
    if( word( ring, 0 ) != 0x52484d44u || word( ring, 44 ) != 0 ) return 0;
    uint32_t size = word( ring, 12 ), tail = word( ring, 16 ), head = word( ring, 20 );
    if( room < size + 64u || tail >= size || head >= size ) return 0;
    memcpy( to, "DMHT", 4 );
    memcpy( to + 4, ring + 4, 4 );
    to += 8;
    put( &to, word( ring, 8 ) );

    uint8_t* length  = to++;
    uint64_t address = (uint64_t)word( ring, 40 ) << 32 | word( ring, 36 );
    *to++            = REPLAY_LOST;
    put( &to, (uint64_t)word( ring, 32 ) << 32 | word( ring, 28 ) );
    put( &to, address << 1 ^ ( 0 - ( address >> 63 ) ) );
    put( &to, word( ring, 24 ) );
    *length = (uint8_t)( to - length - 1 );
    for( ; tail != head; tail = ( tail + 1 ) % size )
        *to++ = ring[48 + tail];
    return (size_t)( to - trace );
}
