/*
 * Reads and makes the bytes of traces; see records.h. May not trust a number in them.
 */
#include "records.h"

#include <string.h>

/* ---- Reading ---- */

typedef struct
{
    const unsigned char *at, *end;
    bool                 is_short;
} bytes_t;

static uint64_t varint( bytes_t* from )
{
    uint64_t value = 0;
    for( unsigned shift = 0; shift < 64 && from->at != from->end; shift += 7 )
    {
        unsigned char byte = *from->at++;
        value |= (uint64_t)( byte & 0x7f ) << shift;
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

static void text( bytes_t* from, char name[NAME_SIZE] )
{
    uint64_t length = varint( from );
    if( from->is_short || length > (uint64_t)( from->end - from->at ) )
    {
        from->is_short = true;
        return;
    }
    size_t kept = length < NAME_SIZE ? (size_t)length : NAME_SIZE - 1;
    memcpy( name, from->at, kept );
    name[kept] = '\0';
    from->at += length;
}

static void sizes( bytes_t* from, event_t* event )
{
    event->requested = varint( from );
    event->block     = varint( from );
    event->alignment = varint( from );
}

static void call( bytes_t* from, event_t* event )
{
    event->caller = varint( from );
    event->thread = varint( from );
}

static void fields( bytes_t* from, event_t* event )
{
    switch( event->op )
    {
    case OP_MALLOC:
    case OP_IS_BLOCK:
        event->owner = varint( from );
        sizes( from, event );
        call( from, event );
        break;
    case OP_FREE:
        event->owner = varint( from );
        event->block = varint( from );
        call( from, event );
        break;
    case OP_REALLOC:
        event->owner       = varint( from );
        event->old_block   = varint( from );
        event->new_address = event->address + 4 * zigzag( from );
        event->new_owner   = varint( from );
        sizes( from, event );
        call( from, event );
        break;
    case OP_RETAG:
        event->owner     = varint( from );
        event->block     = varint( from );
        event->new_owner = varint( from );
        break;
    case OP_REFUSED:
        event->requested = varint( from );
        event->alignment = varint( from );
        event->reason    = varint( from );
        text( from, event->name );
        call( from, event );
        break;
    case OP_REGISTER:
    case OP_RENAME:
    case OP_IS_OWNER:
        event->owner = varint( from );
        text( from, event->name );
        break;
    case OP_UNREGISTER: event->owner = varint( from ); break;
    case OP_HEAP_MADE:
    case OP_IS_HEAP:
        event->bytes   = varint( from );
        event->control = varint( from );
        event->granule = varint( from );
        text( from, event->name );
        break;
    case OP_LEFT:
        event->owner = varint( from );
        event->block = varint( from );
        break;
    case OP_LOST: event->count = varint( from ); break;
    default: break; /* of a later version */
    }
}

size_t records_header( records_t* records, const unsigned char* from, size_t size )
{
    bytes_t rest = { from + 8, from + size, false };
    if( size < 9 || memcmp( from, "DMHT", 4 ) != 0 || from[4] != TRACE_VERSION ) return 0;
    *records = ( records_t ){ .is_big = from[5] != 0, .pointer = from[6], .ticks = varint( &rest ) };
    return rest.is_short ? 0 : (size_t)( rest.at - from );
}

size_t records_next( records_t* records, const unsigned char* from, size_t size, event_t* event )
{
    bytes_t  rest   = { from, from + size, false };
    uint64_t length = varint( &rest );
    if( rest.is_short || length == 0 || length > (uint64_t)( rest.end - rest.at ) ) return 0;
    rest.end = rest.at + length;
    *event   = ( event_t ){ .op = *rest.at++ };
    records->time += varint( &rest );
    records->address += 4 * zigzag( &rest );
    event->time    = records->time;
    event->address = records->address;
    fields( &rest, event );
    return rest.is_short ? 0 : (size_t)( rest.end - from );
}

/* ---- The ring in a target's memory ---- */

enum
{
    RING_MAGIC = 0x52484d44
};

static uint32_t word( const unsigned char head[RING_HEAD], unsigned number )
{
    const unsigned char* at = head + (size_t)4 * number;
    return head[5] != 0 ? (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3]
                        : (uint32_t)at[3] << 24 | (uint32_t)at[2] << 16 | (uint32_t)at[1] << 8 | at[0];
}

size_t records_ring( const unsigned char head[RING_HEAD] )
{
    bool is_ring = word( head, 0 ) == RING_MAGIC && head[4] == TRACE_VERSION && ( head[6] == 4 || head[6] == 8 ) &&
                   word( head, 4 ) < word( head, 3 ) && word( head, 5 ) < word( head, 3 );
    return is_ring ? word( head, 3 ) : 0;
}

static unsigned char* put( unsigned char* to, uint64_t value )
{
    for( ; value > 0x7f; value >>= 7 )
        *to++ = (unsigned char)( value | 0x80 );
    *to++ = (unsigned char)value;
    return to;
}

size_t records_of_ring( const unsigned char head[RING_HEAD], const unsigned char* ring, unsigned char* trace )
{
    uint32_t size = word( head, 3 ), tail = word( head, 4 ), end = word( head, 5 );
    uint64_t address = (uint64_t)word( head, 10 ) << 32 | word( head, 9 );
    memcpy( trace, "DMHT", 4 );
    memcpy( trace + 4, head + 4, 4 );
    unsigned char* length = put( trace + 8, word( head, 2 ) );
    unsigned char* to     = length + 1;
    *to++                 = OP_LOST;
    to                    = put( to, (uint64_t)word( head, 8 ) << 32 | word( head, 7 ) );
    to                    = put( to, address << 1 ^ ( 0 - ( address >> 63 ) ) );
    to                    = put( to, word( head, 6 ) );
    *length               = (unsigned char)( to - length - 1 );
    for( ; tail != end; tail = tail + 1 == size ? 0 : tail + 1 )
        *to++ = ring[tail];
    return (size_t)( to - trace );
}
