/*
 * The trace; see trace.h, and docs/trace.md for what is written. A part of dmheap.c, behind inspect.c. May not allocate: what
 * it writes to is the user's. What lies in a ring may be overwritten, and may not lead it out of there.
 */
#ifdef DMHEAP_TRACE

enum
{
    TRACE_VERSION = 1,
    TRACE_RECORD  = 96 + DMHEAP_NAME_SIZE, /* bytes that a record has at the most, length included */
    TRACE_LENGTH  = 2,                     /* of these, for the length */
    TRACE_LOOKS   = 4,                     /* at the start map, in a hold */

    TRACE_MALLOC     = 1,
    TRACE_FREE       = 2,
    TRACE_REALLOC    = 3,
    TRACE_RETAG      = 4,
    TRACE_REFUSED    = 5,
    TRACE_REGISTER   = 6,
    TRACE_RENAME     = 7,
    TRACE_UNREGISTER = 8,
    TRACE_HEAP_MADE  = 9,
    TRACE_HEAP_ENDS  = 10,
    TRACE_LEFT       = 11,
    TRACE_IS_HEAP    = 12,
    TRACE_IS_OWNER   = 13,
    TRACE_IS_BLOCK   = 14,
    TRACE_LOST       = 15
};

#define TRACE_RING_MAGIC 0x52484d44u /* "DMHR" */

/* The front of a ring. Who halts the processor reads it in the midst of a write: the order of its accesses is kept. */
typedef struct
{
    uint32_t magic;
    uint8_t  version, big_endian, pointer, unused;
    uint32_t ticks;               /* a second */
    uint32_t size;                /* of the bytes */
    uint32_t tail, head;          /* where the oldest record begins; the next one will */
    uint32_t lost;                /* records that were dropped at the tail, since that was last told to a reader */
    uint32_t time[2], address[2]; /* the sums that the record at the tail counts from: low half, high half */
    uint32_t changing;
    uint8_t  bytes[];
} ring_t;

_Static_assert( sizeof( ring_t ) == 48, "the bytes of a ring follow at 48" );
_Static_assert( DMHEAP_TRACE_RING_LEAST > sizeof( ring_t ) + WORD_SIZE + TRACE_RECORD,
                "a ring has room for any record" );

static struct
{
    bool             on;
    dmheap_trace_t   to;
    volatile ring_t* ring;             /* NULL: records go to a function */
    uint8_t*         bytes;            /* of it */
    uint32_t         size, tail, head; /* as in the ring, where they may be overwritten */
    uint32_t         time;             /* of the record before, as the clock said */
    uintptr_t        address;          /* of the record before / 4 */
    uint32_t         next_time;        /* the same of the one that is being made */
    uintptr_t        next_address;
    uint32_t         lost;         /* records that the function has not taken, since that was last told to it */
    bool             is_begun;     /* the reader of the ring has the header */
    uint64_t         read_time;    /* the sums of what the reader has */
    uint64_t         read_address; /* counted in 4 bytes */

    const dmheap_context_t* leaving_heap; /* of the owner told of last */
    uint32_t                leaving;      /* its key */
    struct
    {
        const void* address;
        uint32_t    owner; /* its key */
        size_t      block; /* bytes */
    } noted;               /* what is going to change */

    uint8_t  record[TRACE_RECORD]; /* that is being made: the length is put in front at the end */
    uint32_t length;
} trace;

/* ---- Making a record ---- */

static void put( uintptr_t value )
{
    uint8_t* to = trace.record + trace.length;
    for( ; value > 0x7f; value >>= 7 )
        *to++ = (uint8_t)( value | 0x80 );
    *to++        = (uint8_t)value;
    trace.length = (uint32_t)( to - trace.record );
}

/* What needs 64 bits on every processor. */
static void put_long( uint64_t value )
{
    for( ; value > 0x7f; value >>= 7 )
        trace.record[trace.length++] = (uint8_t)( value | 0x80 );
    trace.record[trace.length++] = (uint8_t)value;
}

/* A distance in either direction. */
static void put_signed( uintptr_t value )
{
    put( value << 1 ^ ( 0 - ( value >> ( sizeof value * 8 - 1 ) ) ) );
}

/* A text that may be NULL, or have no end before a name's. */
static void put_text( const char* text )
{
    uint32_t length = 0;
    while( text != NULL && length < DMHEAP_NAME_SIZE - 1 && text[length] != '\0' )
        length++;
    put( length );
    for( uint32_t i = 0; i < length; i++ )
        trace.record[trace.length++] = (uint8_t)text[i];
}

static void put_caller( const void* caller )
{
    put( (uintptr_t)caller );
    put( trace.to.thread != NULL ? trace.to.thread() : 0 );
}

static void record_begin( unsigned op )
{
    trace.length                 = TRACE_LENGTH;
    trace.record[trace.length++] = (uint8_t)op;
}

/* The record that was made, with its length in front. */
static const uint8_t* record_whole( uint32_t* length )
{
    uint32_t behind = trace.length - TRACE_LENGTH;
    uint32_t front  = TRACE_LENGTH;
    if( behind > 0x7f )
    {
        trace.record[--front] = (uint8_t)( behind >> 7 );
        behind |= 0x80;
    }
    trace.record[--front] = (uint8_t)behind;
    *length               = trace.length - front;
    return trace.record + front;
}

/* What stands in front of all records. */
static void header_make( void )
{
    static const uint8_t front[] = { 'D', 'M', 'H', 'T', TRACE_VERSION, IMAGE_BIG_ENDIAN, sizeof( void* ), 0 };
    for( trace.length = 0; trace.length < sizeof front; trace.length++ )
        trace.record[trace.length] = front[trace.length];
    put( trace.to.ticks_per_second );
}

/* ---- The ring ---- */

static uint32_t ring_place( uint32_t offset )
{
    return offset < trace.size ? offset : offset - trace.size;
}

static uintptr_t ring_varint( uint32_t* offset )
{
    uintptr_t value = 0;
    unsigned  shift = 0;
    uint8_t   byte;
    do
    {
        byte = trace.bytes[*offset];
        value |= ( byte & (uintptr_t)0x7f ) << shift;
        shift += 7;
        *offset = ring_place( *offset + 1 );
    } while( byte > 0x7f && shift < sizeof value * 8 );
    return value;
}

static uint64_t ring_sum( const volatile uint32_t sum[2] )
{
    return (uint64_t)sum[1] << 32 | sum[0];
}

static void ring_add( volatile uint32_t sum[2], uint64_t value )
{
    value += ring_sum( sum );
    sum[0] = (uint32_t)value;
    sum[1] = (uint32_t)( value >> 32 );
}

static uint32_t ring_used( void )
{
    return trace.head - trace.tail + ( trace.tail > trace.head ? trace.size : 0 );
}

/* Bytes of the record at the tail, length included; where that is overwritten, no more than there are. */
static uint32_t ring_oldest( void )
{
    uint32_t  offset = trace.tail;
    uintptr_t behind = ring_varint( &offset );
    uint32_t  used   = ring_used();
    return behind < used - 1 ? (uint32_t)behind + ( behind > 0x7f ? 2 : 1 ) : used;
}

/* What is written up to here is in memory before what is written afterwards, for one who halts the processor. */
static inline void ring_order( void )
{
    __atomic_signal_fence( __ATOMIC_SEQ_CST );
}

/* Takes the record at the tail away. */
static void ring_drop( void )
{
    volatile ring_t* ring   = trace.ring;
    uint32_t         offset = trace.tail;
    trace.tail              = ring_place( trace.tail + ring_oldest() );
    (void)ring_varint( &offset );
    offset         = ring_place( offset + 1 ); /* behind the op */
    ring->changing = 1;
    ring_add( ring->time, ring_varint( &offset ) );
    uintptr_t distance = ring_varint( &offset );
    ring_add( ring->address, (uint64_t)(intptr_t)( distance >> 1 ^ ( 0 - ( distance & 1 ) ) ) );
    ring->tail     = trace.tail;
    ring->changing = 0;
    ring_order();
}

static void ring_write( const uint8_t* record, uint32_t length )
{
    while( trace.size - ring_used() <= length )
    {
        ring_drop();
        trace.ring->lost++;
    }
    uint32_t head = trace.head;
    for( uint32_t i = 0; i < length; i++ )
    {
        trace.bytes[head] = record[i];
        head              = ring_place( head + 1 );
    }
    ring_order();
    trace.head       = head;
    trace.ring->head = head;
}

/* The next of what a reader has not got, if there is room for it: the header, how many records were dropped, or a record.
 * Returns its bytes. Locked. */
static uint32_t ring_read( uint8_t* to, size_t room )
{
    volatile ring_t* ring   = trace.ring;
    uint32_t         length = 0;
    const uint8_t*   from   = trace.record;
    if( ring == NULL ) return 0;
    if( !trace.is_begun )
    {
        header_make();
        length = trace.length;
    }
    else if( ring->lost != 0 )
    {
        uint64_t distance = ring_sum( ring->address ) - trace.read_address;
        record_begin( TRACE_LOST );
        put_long( ring_sum( ring->time ) - trace.read_time );
        put_long( distance << 1 ^ ( 0 - ( distance >> 63 ) ) );
        put( ring->lost );
        from = record_whole( &length );
    }
    else if( trace.tail != trace.head )
    {
        length = ring_oldest();
        from   = NULL;
    }
    if( length > room ) return 0;
    for( uint32_t i = 0; i < length; i++ )
        to[i] = from != NULL ? from[i] : trace.bytes[ring_place( trace.tail + i )];
    if( length == 0 ) return 0;
    if( from == NULL )
        ring_drop();
    else if( trace.is_begun )
        ring->lost = 0;
    if( trace.is_begun )
    {
        trace.read_time    = ring_sum( ring->time );
        trace.read_address = ring_sum( ring->address );
    }
    trace.is_begun = true;
    return length;
}

/* Makes an empty ring of the user's memory. */
static void ring_make( void )
{
    size_t skip       = ( 0u - (uintptr_t)trace.to.ring ) & ( WORD_SIZE - 1 );
    size_t size       = trace.to.ring_size - skip - sizeof( ring_t );
    ring_t ring       = { .version    = TRACE_VERSION,
                          .big_endian = IMAGE_BIG_ENDIAN,
                          .pointer    = sizeof( void* ),
                          .ticks      = trace.to.ticks_per_second,
                          .size       = size < INT32_MAX ? (uint32_t)size : INT32_MAX };
    trace.ring        = (ring_t*)( (uintptr_t)trace.to.ring + skip );
    trace.bytes       = (uint8_t*)trace.to.ring + skip + sizeof( ring_t );
    trace.size        = ring.size;
    *trace.ring       = ring;
    trace.ring->magic = TRACE_RING_MAGIC; /* at last: what carries it is a ring */
}

/* ---- Events ---- */

/* A function may not take a record: the next one counts from the last that it took, and how many are lost comes first. */
static bool is_taken( void )
{
    uint32_t       length;
    const uint8_t* record = record_whole( &length );
    if( trace.ring == NULL ) return trace.to.write( record, length, trace.to.user );
    ring_write( record, length );
    return true;
}

/* Begins a record; its fields follow. False where nothing is traced. */
static RARE bool event( unsigned op, const void* address )
{
    if( !trace.on ) return false;
    if( trace.lost != 0 )
    {
        record_begin( TRACE_LOST );
        put( 0 );
        put( 0 );
        put( trace.lost );
        if( is_taken() ) trace.lost = 0;
    }
    trace.next_time    = trace.to.clock != NULL ? trace.to.clock() : 0;
    trace.next_address = (uintptr_t)address >> WORD_SHIFT;
    record_begin( op );
    put( (uint32_t)( trace.next_time - trace.time ) );
    put_signed( trace.next_address - trace.address );
    return true;
}

/* A record is complete. */
static RARE void event_ends( void )
{
    if( trace.lost != 0 || !is_taken() )
        trace.lost++;
    else
    {
        trace.time    = trace.next_time;
        trace.address = trace.next_address;
    }
}

static size_t block_bytes_of( const dmheap_context_t* context, block_t block )
{
    return block_size( context, block ) * (size_t)WORD_SIZE;
}

static void trace_note( const dmheap_context_t* context, block_t block )
{
    if( !trace.on ) return;
    trace.noted.address = block_payload( context, block );
    trace.noted.owner   = key_of( context, block_owner( context, block ) );
    trace.noted.block   = block_bytes_of( context, block );
}

static void put_block( const dmheap_context_t* context, block_t block, size_t bytes, size_t alignment,
                       const void* caller )
{
    put( bytes );
    put( block_bytes_of( context, block ) );
    put( alignment );
    put_caller( caller );
}

static RARE void tell_of_block( unsigned op, const dmheap_context_t* context, block_t block, size_t bytes,
                                size_t alignment, const void* caller )
{
    if( !event( op, block_payload( context, block ) ) ) return;
    put( key_of( context, block_owner( context, block ) ) );
    put_block( context, block, bytes, alignment, caller );
    event_ends();
}

static void trace_malloc( const dmheap_context_t* context, block_t block, size_t bytes, size_t alignment,
                          const void* caller )
{
    tell_of_block( TRACE_MALLOC, context, block, bytes, alignment, caller );
}

static void trace_answer( status_t status, const dmheap_context_t* context, block_t block, size_t bytes,
                          size_t alignment, const void* caller )
{
    if( block_is_had( status ) ) trace_malloc( context, block, bytes, alignment, caller );
}

/* Begins a record of the block that was noted. */
static bool event_of_noted( unsigned op )
{
    if( !event( op, trace.noted.address ) ) return false;
    put( trace.noted.owner );
    put( trace.noted.block );
    return true;
}

static void trace_free( const void* caller )
{
    if( !event_of_noted( TRACE_FREE ) ) return;
    put_caller( caller );
    event_ends();
}

static void trace_left( void )
{
    if( event_of_noted( TRACE_LEFT ) ) event_ends();
}

static void trace_retag( const dmheap_context_t* context, block_t block )
{
    if( !event_of_noted( TRACE_RETAG ) ) return;
    put( key_of( context, block_owner( context, block ) ) );
    event_ends();
}

static void trace_realloc( const dmheap_context_t* context, block_t block, size_t bytes, size_t alignment,
                           const void* caller )
{
    if( !event_of_noted( TRACE_REALLOC ) ) return;
    put_signed( ( (uintptr_t)block_payload( context, block ) >> WORD_SHIFT ) - trace.next_address );
    put( key_of( context, block_owner( context, block ) ) );
    put_block( context, block, bytes, alignment, caller );
    event_ends();
}

static void tell_of_owner( unsigned op, const dmheap_context_t* context, owner_t owner )
{
    char name[DMHEAP_NAME_SIZE];
    if( !event( op, context ) ) return;
    owner_name( context, owner, name );
    put( key_of( context, owner ) );
    put_text( name );
    event_ends();
}

static void trace_register( const dmheap_context_t* context, owner_t owner )
{
    tell_of_owner( TRACE_REGISTER, context, owner );
}

static void trace_rename( const dmheap_context_t* context, owner_t owner )
{
    tell_of_owner( TRACE_RENAME, context, owner );
}

static void trace_owner( const dmheap_context_t* context, owner_t owner )
{
    tell_of_owner( TRACE_IS_OWNER, context, owner );
    trace.leaving_heap = context;
    trace.leaving      = key_of( context, owner );
}

static void trace_unregister( void )
{
    if( !event( TRACE_UNREGISTER, trace.leaving_heap ) ) return;
    put( trace.leaving );
    event_ends();
}

static void tell_of_heap( unsigned op, const dmheap_context_t* context )
{
    if( !event( op, context ) ) return;
    put( bytes( image_end( context ) ) );
    put( bytes( context->first - 1 ) );
    put( bytes( 1u << context->granule_shift ) );
    put_text( context_name( context ) );
    event_ends();
}

static void trace_heap_made( const dmheap_context_t* context )
{
    block_t name = block_at( context->name );
    tell_of_heap( TRACE_HEAP_MADE, context );
    if( name.at != 0 ) trace_malloc( context, name, block_usable_size( context, name ), 0, NULL );
}

static void trace_heap_ends( const dmheap_context_t* context )
{
    if( event( TRACE_HEAP_ENDS, context ) ) event_ends();
}

/* By which number a reader knows why. */
static const uint8_t trace_reasons[] = {
    [STATUS_NO_MEMORY] = 1,    [STATUS_OVER_LIMIT] = 2,    [STATUS_TABLE_FULL] = 3,    [STATUS_LEAVING] = 4,
    [STATUS_STALE_MODULE] = 5, [STATUS_BAD_NAME] = 6,      [STATUS_BAD_ALIGNMENT] = 7, [STATUS_OVERFLOW] = 8,
    [STATUS_NO_HEAP] = 9,      [STATUS_CORRUPTED] = 10,    [STATUS_OUTSIDE] = 11,      [STATUS_MISALIGNED] = 11,
    [STATUS_NOT_LIVE] = 11,    [STATUS_SYSTEM_BLOCK] = 11, [STATUS_MOVING] = 11,       [STATUS_NOT_OWNER] = 12 };

static void trace_refusal( const dmheap_context_t* first, size_t size, size_t alignment, const void* caller,
                           const char* module, status_t status )
{
    lock();
    if( event( TRACE_REFUSED, first ) )
    {
        put( size );
        put( alignment );
        put( status < sizeof trace_reasons ? trace_reasons[status] : 0 );
        put_text( module );
        put_caller( caller );
        event_ends();
    }
    unlock();
}

/* ---- For the user ---- */

static bool header_is_taken( void )
{
    header_make();
    return trace.to.write( trace.record, trace.length, trace.to.user );
}

DMHEAP_API_BODY( bool, _trace_start, ( const dmheap_trace_t* to ) )
{
    if( to == NULL || ( to->ring == NULL && to->write == NULL ) ) return false;
    if( to->ring != NULL && to->ring_size < DMHEAP_TRACE_RING_LEAST ) return false;
    lock();
    __builtin_memset( &trace, 0, sizeof trace );
    trace.to = *to;
    if( to->ring != NULL ) ring_make();
    bool begins = to->ring != NULL || header_is_taken();
    trace.on    = begins;
    unlock();
    if( begins ) dmheap_trace_state();
    return begins;
}

DMHEAP_API_BODY( void, _trace_stop, (void))
{
    lock();
    trace.on = false;
    unlock();
}

DMHEAP_API_BODY( size_t, _trace_read, ( void* to, size_t size ) )
{
    uint8_t* bytes_to = to;
    size_t   given    = 0;
    uint32_t length;
    do
    {
        lock();
        length = ring_read( bytes_to + given, size - given );
        unlock();
        given += length;
    } while( length != 0 );
    return given;
}

/* One step through the owners of a heap: tells of one. False where there is none behind. Locked. */
static bool state_of_owner( const dmheap_context_t* context, owner_t owner )
{
    if( module_of( context, owner ) != NULL ) tell_of_owner( TRACE_IS_OWNER, context, owner );
    return owner < owner_end( context );
}

/* One step through its blocks: tells of one, and goes behind it. False where there is none behind. What moves at this
 * moment is not told of: it was, or will be, when it has moved. Locked. */
static bool state_of_block( const dmheap_context_t* context, block_t* position )
{
    if( !block_next_live( context, position, TRACE_LOOKS ) ) return position->at < image_end( context );
    if( block_owner( context, *position ) >= OWNER_SYSTEM )
        tell_of_block( TRACE_IS_BLOCK, context, *position, block_usable_size( context, *position ),
                       block_alignment( context, *position ), guard_caller( context, *position ) );
    position->at += 1u << context->granule_shift;
    return true;
}

DMHEAP_API_BODY( void, _trace_state, (void))
{
    uint32_t                visited = 0;
    const dmheap_context_t* context;
    do
    {
        owner_t owner    = OWNER_FIRST_MODULE;
        block_t position = block_at( 0 );
        lock();
        context = context_next( false, &visited );
        if( context != NULL && image_is_sealed( context ) )
        {
            tell_of_heap( TRACE_IS_HEAP, context );
            position.at = context->first;
        }
        unlock();
        for( bool more = position.at != 0; more; owner++ )
        {
            lock();
            more = context_stands( context ) && state_of_owner( context, owner );
            unlock();
        }
        for( bool more = position.at != 0; more; )
        {
            lock();
            more = context_stands( context ) && state_of_block( context, &position );
            unlock();
        }
    } while( context != NULL );
}

#endif
