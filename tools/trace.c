/*
 * Shows traces; see trace.h.
 */
#include "trace.h"

#include "events.h"
#include "file.h"
#include "places.h"
#include "text.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char* const ops[OPS]         = { "unknown",  "malloc",   "free",       "realloc",   "retag",     "refused",
                                              "register", "rename",   "unregister", "heap_made", "heap_ends", "left",
                                              "is_heap",  "is_owner", "is_block",   "lost" };
static const char* const reasons[REASONS] = {
    "another reason",     "no memory",    "over its limit", "the table of modules is full",
    "being unregistered", "stale handle", "bad name",       "bad alignment",
    "overflow",           "no heap",      "overwritten",    "no live payload",
    "not the module's" };

bool trace_is( const char* path )
{
    char  magic[4];
    FILE* file = fopen( path, "rb" );
    if( file == NULL ) return false;
    bool is = file_is_packed( path ) || ( fread( magic, 1, 4, file ) == 4 && memcmp( magic, "DMHT", 4 ) == 0 );
    (void)fclose( file );
    return is;
}

bool trace_is_in( const char* path )
{
    return events_are_in( path );
}

int trace_look( const char* path )
{
    trace_t trace;
    int     status = events_open( path, &trace );
    return status == FINE ? events_close( &trace, FINE ) : status;
}

static void show_time( const trace_t* trace, uint64_t time )
{
    if( trace->records.ticks == 0 )
        (void)printf( "%12" PRIu64, time );
    else
        (void)printf( "%5" PRIu64 ".%06" PRIu64, time / trace->records.ticks,
                      (uint64_t)( (double)( time % trace->records.ticks ) * 1e6 / (double)trace->records.ticks ) );
}

static void show_event( trace_t* trace, const event_t* event, bool json )
{
    const char* op    = ops[event->op < OPS ? event->op : 0];
    uint64_t    bytes = event->op == OP_REFUSED                          ? event->requested
                        : event->op >= OP_HEAP_MADE && event->bytes != 0 ? event->bytes
                        : event->op == OP_LOST                           ? event->count
                                                                         : event->block;
    const char* name =
        event->name[0] != '\0' ? event->name
        : event->owner != 0
            ? events_owner( trace, event->op == OP_REALLOC || event->op == OP_RETAG ? event->new_owner : event->owner )
                  ->name
            : "";
    const char* where = event->caller != 0 ? places_of( event->caller ) : NULL;
    if( json )
    {
        (void)printf( "{\"kind\":\"event\",\"op\":\"%s\",\"time\":%" PRIu64 ",\"address\":\"0x%" PRIx64
                      "\",\"bytes\":%" PRIu64 ",\"name\":",
                      op, event->time, event->address, bytes );
        text_json( name );
        if( event->op == OP_REALLOC )
            (void)printf( ",\"new_address\":\"0x%" PRIx64 "\",\"old_bytes\":%" PRIu64, event->new_address,
                          event->old_block );
        if( event->op == OP_REFUSED )
            (void)printf( ",\"reason\":\"%s\"", reasons[event->reason < REASONS ? event->reason : 0] );
        if( event->caller != 0 ) (void)printf( ",\"caller\":\"0x%" PRIx64 "\"", event->caller );
        if( where != NULL ) (void)printf( ",\"place\":" ), text_json( where );
        if( event->thread != 0 ) (void)printf( ",\"thread\":%" PRIu64, event->thread );
        (void)printf( "}\n" );
        return;
    }
    char address[24];
    (void)snprintf( address, sizeof address, "0x%" PRIx64,
                    event->op == OP_REALLOC ? event->new_address : event->address );
    show_time( trace, event->time );
    (void)printf( " %-10s %-14s %10" PRIu64 " ", op, address, bytes );
    text_name( name, event->op == OP_REFUSED ? 20 : 28 );
    if( event->op == OP_REFUSED ) (void)printf( ": %s", reasons[event->reason < REASONS ? event->reason : 0] );
    (void)printf( "\n" );
    if( where != NULL ) (void)printf( "    from " ), text_name( where, 0 ), (void)printf( "\n" );
}

int trace_replay( const char* path, bool json )
{
    trace_t trace;
    event_t event;
    int     status = events_open( path, &trace );
    if( status != FINE ) return status;
    if( !json )
        (void)printf( "%s event      address             bytes name\n",
                      trace.records.ticks != 0 ? "     seconds" : "        time" );
    while( events_next( &trace, &event ) )
    {
        events_apply( &trace, &event );
        show_event( &trace, &event, json );
    }
    return events_close( &trace, FINE );
}

static int by_bytes( const void* one, const void* other )
{
    const leak_t* a = one;
    const leak_t* b = other;
    return a->bytes != b->bytes ? ( a->bytes > b->bytes ? -1 : 1 ) : strcmp( a->name, b->name );
}

int trace_leaks( const char* path, bool json )
{
    trace_t trace;
    int     status = events_open( path, &trace );
    if( status != FINE ) return status;
    events_run( &trace );
    if( trace.leak_count != 0 ) qsort( trace.leaks, trace.leak_count, sizeof *trace.leaks, by_bytes );
    if( !json )
        (void)printf( trace.leak_count != 0
                          ? "module                           unloads   blocks      bytes asked for at\n"
                          : "no module left anything behind\n" );
    for( size_t i = 0; i < trace.leak_count; i++ )
    {
        const leak_t* leak  = &trace.leaks[i];
        const char*   where = leak->caller != 0 ? places_of( leak->caller ) : NULL;
        if( json )
        {
            (void)printf( "{\"kind\":\"leak\",\"name\":" );
            text_json( leak->name );
            (void)printf( ",\"unloads\":%" PRIu64 ",\"blocks\":%" PRIu64 ",\"bytes\":%" PRIu64
                          ",\"caller\":\"0x%" PRIx64 "\",\"place\":",
                          leak->unloads, leak->blocks, leak->bytes, leak->caller );
            text_json( where );
            (void)printf( "}\n" );
            continue;
        }
        text_name( leak->name[0] != '\0' ? leak->name : "(unknown)", 30 );
        (void)printf( " %9" PRIu64 " %8" PRIu64 " %10" PRIu64, leak->unloads, leak->blocks, leak->bytes );
        if( leak->caller != 0 ) (void)printf( " 0x%" PRIx64, leak->caller );
        (void)printf( "\n" );
        if( where != NULL ) (void)printf( "    from " ), text_name( where, 70 ), (void)printf( "\n" );
    }
    return events_close( &trace, trace.leak_count != 0 ? FOUND : FINE );
}

static int by_held( const void* one, const void* other )
{
    const owner_t* a = one;
    const owner_t* b = other;
    return a->bytes != b->bytes ? ( a->bytes > b->bytes ? -1 : 1 ) : ( a->key > b->key ) - ( a->key < b->key );
}

static void show_heaps( const trace_t* trace, bool json )
{
    if( !json ) (void)printf( "heap                 size       used       peak  name\n" );
    for( size_t i = 0; i < trace->heap_count; i++ )
    {
        const heap_t* heap = &trace->heaps[i];
        char          address[24];
        (void)snprintf( address, sizeof address, "0x%" PRIx64, heap->address );
        if( json )
        {
            (void)printf( "{\"kind\":\"heap\",\"heap\":\"%s\",\"size\":%" PRIu64 ",\"used\":%" PRIu64
                          ",\"peak\":%" PRIu64 ",\"gone\":%s,\"name\":",
                          address, heap->bytes, heap->used, heap->peak, heap->gone ? "true" : "false" );
            text_json( heap->name );
            (void)printf( "}\n" );
            continue;
        }
        (void)printf( "%-14s %10" PRIu64 " %10" PRIu64 " %10" PRIu64 "  ", address, heap->bytes, heap->used,
                      heap->peak );
        text_name( heap->gone ? "(taken down)" : heap->name, 28 );
        (void)printf( "\n" );
    }
}

static void show_owners( const trace_t* trace, bool json )
{
    if( !json ) (void)printf( "\nmodule                           blocks      bytes       peak\n" );
    for( size_t i = 0; i < trace->owner_count; i++ )
    {
        const owner_t* owner = &trace->owners[i];
        if( owner->gone && owner->blocks == 0 ) continue;
        if( json )
        {
            (void)printf( "{\"kind\":\"%s\",\"name\":", owner->key == KEY_OWN      ? "own"
                                                        : owner->key == KEY_NOBODY ? "nobody"
                                                                                   : "module" );
            text_json( owner->name );
            (void)printf( ",\"bytes\":%" PRIu64 ",\"blocks\":%" PRIu64 ",\"peak\":%" PRIu64 "}\n", owner->bytes,
                          owner->blocks, owner->peak );
            continue;
        }
        text_name( owner->name[0] != '\0' ? owner->name : "(unknown)", 30 );
        (void)printf( " %8" PRIu64 " %10" PRIu64 " %10" PRIu64 "\n", owner->blocks, owner->bytes, owner->peak );
    }
}

static void show_counts( const trace_t* trace, bool json )
{
    if( !json ) (void)printf( "\nevent           count\n" );
    for( unsigned op = 0; op < OPS; op++ )
        if( trace->events[op] != 0 )
            (void)printf( json ? "{\"kind\":\"events\",\"op\":\"%s\",\"count\":%" PRIu64 "}\n"
                               : "%-10s %10" PRIu64 "\n",
                          ops[op], trace->events[op] );
    for( unsigned reason = 0; reason < REASONS; reason++ )
        if( trace->refused[reason] != 0 )
            (void)printf( json ? "{\"kind\":\"refused\",\"reason\":\"%s\",\"count\":%" PRIu64 "}\n"
                               : "refused: %s: %" PRIu64 "\n",
                          reasons[reason], trace->refused[reason] );
    if( json )
        (void)printf( "{\"kind\":\"trace\",\"first\":%" PRIu64 ",\"last\":%" PRIu64 ",\"ticks\":%" PRIu64
                      ",\"lost\":%" PRIu64 ",\"unknown\":%" PRIu64 "}\n",
                      trace->first, trace->records.time, trace->records.ticks, trace->lost, trace->unknown );
    else if( trace->lost != 0 || trace->unknown != 0 )
        (void)printf( "%" PRIu64 " records are missing; %" PRIu64 " blocks that are not known changed\n", trace->lost,
                      trace->unknown );
}

/* FOUND where blocks change that there cannot be, although no record is missing. */
int trace_report( const char* path, bool json )
{
    trace_t trace;
    int     status = events_open( path, &trace );
    if( status != FINE ) return status;
    events_run( &trace );
    if( trace.owner_count != 0 ) qsort( trace.owners, trace.owner_count, sizeof *trace.owners, by_held );
    show_heaps( &trace, json );
    show_owners( &trace, json );
    show_counts( &trace, json );
    return events_close( &trace, trace.unknown != 0 && trace.lost == 0 ? FOUND : FINE );
}
