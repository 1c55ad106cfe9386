/*
 * How large a heap must be for what a trace asks for; docs/sizing.md. Makes steps of the trace and replays them in heaps of
 * different sizes, all heaps of the trace as one.
 */
#include "size.h"

#include "events.h"
#include "progress.h"
#include "replay.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum
{
    MOST   = 1 << 27,  /* bytes that are replayed */
    LARGE  = 32 << 20, /* bytes: the granule of a heap beyond need not be what it was asked for */
    FINEST = 64        /* bytes: between the smallest heap and one that is too small */
};

typedef struct
{
    step_t*   steps;
    size_t    count;
    char**    names;
    size_t    name_count;
    uint32_t* unused; /* blocks that are free again */
    size_t    unused_count, blocks, live, most_live, held, payload, largest, alignment;
    event_t*  event;
    bool      is_moved;
    size_t    moved; /* the block that a realloc or a change of owner took away */
} asked_t;

static uint32_t name_of( asked_t* asked, const char* name )
{
    for( size_t i = asked->name_count; i-- > 0; )
        if( strcmp( asked->names[i], name ) == 0 ) return (uint32_t)i;
    char* copy = malloc( strlen( name ) + 1 );
    if( copy == NULL ) exit( USAGE );
    asked->names                      = events_grown( asked->names, asked->name_count, sizeof *asked->names );
    asked->names[asked->name_count++] = strcpy( copy, name );
    return (uint32_t)asked->name_count - 1;
}

static void step( asked_t* asked, step_t next )
{
    asked->steps                 = events_grown( asked->steps, asked->count, sizeof *asked->steps );
    asked->steps[asked->count++] = next;
}

/* All heaps are one: a module that is in several of them is as many modules, as it has as many records. */
static uint32_t module_of( const trace_t* trace, asked_t* asked, const owner_t* owner )
{
    char   name[NAME_SIZE + 24];
    size_t heap = 0;
    if( owner->key == KEY_NOBODY ) return name_of( asked, "" );
    while( heap < trace->heap_count && trace->heaps[heap].address != owner->heap )
        heap++;
    if( heap == 0 || heap == trace->heap_count || owner->name[0] == '\0' ) return name_of( asked, owner->name );
    (void)snprintf( name, sizeof name, "%zu:%s", heap, owner->name );
    return name_of( asked, name );
}

static void goes( trace_t* trace, asked_t* asked, const block_t* block )
{
    asked->held -= block->requested;
    asked->live--;
    asked->is_moved = asked->event->op == OP_REALLOC || asked->event->op == OP_RETAG;
    asked->moved    = block->tag;
    if( asked->is_moved ) return;
    /* what is left goes with its module, in the order of the addresses that it has in the replay */
    bool is_left = asked->event->op == OP_LEFT || asked->event->op == OP_HEAP_ENDS;
    if( !is_left || asked->names[module_of( trace, asked, events_owner( trace, block->owner ) )][0] == '\0' )
        step( asked, ( step_t ){ STEP_FREE, 0, (uint32_t)block->tag, 0, 0 } );
    asked->unused[asked->unused_count++] = (uint32_t)block->tag;
}

static void comes( trace_t* trace, asked_t* asked, block_t* block )
{
    size_t   size = block->requested != 0 ? (size_t)block->requested : 1;
    bool     same = asked->is_moved;
    uint32_t name = module_of( trace, asked, events_owner( trace, block->owner ) );
    asked->held += block->requested;
    if( ++asked->live > asked->most_live ) asked->most_live = asked->live;
    if( asked->held > asked->payload ) asked->payload = asked->held;
    if( size > asked->largest ) asked->largest = size;
    asked->is_moved = false;
    block->tag      = asked->moved;
    if( !same && asked->unused_count == 0 )
    {
        asked->unused                        = events_grown( asked->unused, asked->blocks, sizeof *asked->unused );
        asked->unused[asked->unused_count++] = (uint32_t)asked->blocks++;
    }
    if( !same ) block->tag = asked->unused[--asked->unused_count];
    /* of a request of a new name the record is told first, and taken last: it is not registered before */
    const step_t* last = asked->count != 0 ? &asked->steps[asked->count - 1] : NULL;
    if( !same && last != NULL && last->op == STEP_REGISTER && last->name == name ) asked->count--;
    step_op_t op = !same ? STEP_MALLOC : asked->event->op == OP_RETAG ? STEP_RETAG : STEP_REALLOC;
    step( asked, ( step_t ){ op, name, (uint32_t)block->tag, size, (size_t)asked->event->alignment } );
    if( op == STEP_REALLOC && asked->event->owner != asked->event->new_owner ) /* to another heap */
        step( asked, ( step_t ){ STEP_RETAG, name, (uint32_t)block->tag, size, 0 } );
}

static void changed( trace_t* trace, block_t* block, bool is_there )
{
    if( block->owner == KEY_OWN ) return;
    if( is_there )
        comes( trace, trace->user, block );
    else
        goes( trace, trace->user, block );
}

/* Before a heap is taken down. */
static void unregister_all( trace_t* trace, asked_t* asked, uint64_t heap )
{
    for( size_t i = 0; i < trace->owner_count; i++ )
        if( trace->owners[i].heap == heap && !trace->owners[i].gone )
            step( asked, ( step_t ){ STEP_UNREGISTER, module_of( trace, asked, &trace->owners[i] ), 0, 0, 0 } );
}

static void learn( trace_t* trace, asked_t* asked )
{
    event_t event;
    asked->event = &event;
    while( events_next( trace, &event ) )
    {
        bool     is_end   = event.op == OP_RENAME || event.op == OP_UNREGISTER;
        bool     is_begin = event.op == OP_REGISTER || event.op == OP_IS_OWNER || event.op == OP_RENAME;
        uint32_t before   = is_end ? module_of( trace, asked, events_owner( trace, event.owner ) ) : 0;
        asked->is_moved   = false;
        if( event.op == OP_HEAP_ENDS ) unregister_all( trace, asked, event.address );
        events_apply( trace, &event );
        bool is_heap = event.op == OP_HEAP_MADE || event.op == OP_IS_HEAP;
        if( is_heap && event.granule > asked->alignment && event.bytes <= LARGE )
            asked->alignment = (size_t)( event.granule & ( 0 - event.granule ) );
        uint32_t  name = is_begin ? module_of( trace, asked, events_owner( trace, event.owner ) ) : before;
        step_op_t op   = !is_end ? STEP_REGISTER : is_begin ? STEP_RENAME : STEP_UNREGISTER;
        if( is_begin || is_end ) step( asked, ( step_t ){ op, name, before, 0, 0 } );
    }
    if( asked->alignment < 4 || asked->alignment > 64 ) asked->alignment = 8;
}

static int say( const asked_t* asked, size_t found, size_t margin, size_t proven, bool json )
{
    double payload = (double)( asked->payload != 0 ? asked->payload : 1 );
    if( json )
        return printf( "{\"kind\":\"size\",\"payload\":%zu,\"blocks\":%zu,\"largest\":%zu,\"alignment\":%zu,"
                       "\"smallest\":%zu,\"margin\":%zu,\"proven\":%zu}\n",
                       asked->payload, asked->most_live, asked->largest, asked->alignment, found, margin, proven );
    (void)printf( "most payload live         %10zu bytes in at most %zu blocks, the largest of %zu\n", asked->payload,
                  asked->most_live, asked->largest );
    (void)printf( "smallest heap             %10zu bytes, %.3f of the payload\n", found, (double)found / payload );
    (void)printf( "with a margin of a fourth %10zu bytes\n", margin );
    if( proven == 0 ) return printf( "whatever order calls are in: more than can be tried here\n" );
    return printf( "whatever order calls are in %8zu bytes: control data + M + ( L + 1 ) B,\n"
                   "    a refusal says that no free block has B bytes (docs/sizing.md, What can be proven)\n",
                   proven );
}

/* Control data + M + ( L + 1 ) B, where both ends depend on the heap's size; 0: it is larger than can be tried. Modules'
 * records, their table and the heap's name are live blocks too. */
static size_t bound( replay_in_t* in, const asked_t* asked, const replay_t* replay, size_t bytes )
{
    replay_figures_t figures;
    for( unsigned tries = 0; tries < 20 && bytes < (size_t)1 << 30; tries++ )
    {
        if( in( replay, bytes, asked->largest, &figures ) != REPLAY_GRANTED ) return 0;
        size_t live   = asked->most_live + asked->name_count + 2;
        size_t needed = figures.overhead + figures.used + ( live + 1 ) * figures.next;
        if( needed <= bytes ) return bytes;
        bytes = ( needed + 63 ) / 64 * 64;
    }
    return 0;
}

static int answer( const asked_t* asked, const heap_t* heap, bool json )
{
    replay_t         replay = { .steps     = asked->steps,
                                .count     = asked->count,
                                .names     = asked->names,
                                .blocks    = asked->blocks,
                                .alignment = asked->alignment };
    replay_figures_t figures;
    if( heap != NULL ) replay.name = heap->name[0] != '\0' ? heap->name : NULL, replay.address = heap->address;
    size_t       low = 0, high = ( 8 * asked->payload + 65536 ) / FINEST * FINEST, most = high;
    replay_in_t* in     = replay_in;
    int          status = in( &replay, high, asked->largest, &figures );
    if( status == REPLAY_REFUSED ) status = ( in = replay_in_8 )( &replay, high, asked->largest, &figures );
    if( status != REPLAY_GRANTED )
    {
        (void)fprintf( stderr, "dmheap: the trace does not complete in %zu bytes\n", high );
        return FOUND;
    }
    while( high - low > FINEST && status != REPLAY_LOST )
    {
        size_t middle                                = ( low + high ) / 2 / 32 * 32;
        status                                       = in( &replay, middle, asked->largest, &figures );
        *( status == REPLAY_GRANTED ? &high : &low ) = middle;
        progress_show( most - ( high - low ), most );
    }
    progress_end();
    size_t margin = ( high + high / 4 + 7 ) / 8 * 8;
    if( status == REPLAY_LOST || in( &replay, margin, asked->largest, &figures ) != REPLAY_GRANTED )
    {
        (void)fprintf( stderr, "dmheap: the replay has lost contents, or was refused in a larger heap\n" );
        return FOUND;
    }
    (void)say( asked, high, margin, bound( in, asked, &replay, margin ), json );
    return FINE;
}

int size_of_heap( const char* path, bool json )
{
    trace_t trace;
    asked_t asked  = { 0 };
    int     status = events_open( path, &trace );
    if( status != FINE ) return status;
    trace.changed = changed;
    trace.user    = &asked;
    learn( &trace, &asked );
    if( asked.count == 0 || trace.lost != 0 || trace.unknown != 0 || asked.payload > MOST || asked.largest > MOST )
    {
        (void)fprintf( stderr, "dmheap: %s: %s\n", path,
                       asked.count == 0                  ? "nothing is asked for"
                       : trace.lost + trace.unknown != 0 ? "records are missing"
                                                         : "more than can be replayed" );
        status = USAGE;
    }
    else
        status = answer( &asked, trace.heap_count != 0 ? trace.heaps : NULL, json );
    free( asked.steps );
    for( size_t i = 0; i < asked.name_count; i++ )
        free( asked.names[i] );
    free( asked.names );
    free( asked.unused );
    return events_close( &trace, status );
}
