/*
 * Writes traces in the formats of other tools; see export.h. To all of them a realloc and a change of owner are an end and a
 * begin, and the heap's own blocks are blocks like others. The page's export.js writes the same.
 */
#include "export.h"

#include "events.h"
#include "file.h"
#include "places.h"
#include "progress.h"
#include "text.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum
{
    SNAPSHOTS = 100
};

/* ---- What has been met ---- */

typedef struct
{
    char*    name;
    uint64_t number, more;  /* name and both tell it from others */
    uint64_t useful, whole; /* of it, at this moment: bytes that were asked for, and what the format counts beside */
} entry_t;

typedef struct
{
    entry_t* entries;
    size_t   count;
    size_t*  places; /* a hash table of indices and one, 0: empty; a power of two, at most half full */
    size_t   room;
} table_t;

static uint64_t hash_of( const char* name, uint64_t number, uint64_t more )
{
    uint64_t hash = number * UINT64_C( 0x9e3779b97f4a7c15 ) ^ more;
    for( ; *name != '\0'; name++ )
        hash = ( hash ^ (unsigned char)*name ) * UINT64_C( 0x100000001b3 );
    hash *= UINT64_C( 0x9e3779b97f4a7c15 );
    return hash ^ hash >> 32;
}

static size_t place_of( const table_t* table, const char* name, uint64_t number, uint64_t more )
{
    size_t place = (size_t)hash_of( name, number, more ) & ( table->room - 1 );
    for( ; table->places[place] != 0; place = ( place + 1 ) & ( table->room - 1 ) )
    {
        const entry_t* entry = &table->entries[table->places[place] - 1];
        if( entry->number == number && entry->more == more && strcmp( entry->name, name ) == 0 ) break;
    }
    return place;
}

static void make_room( table_t* table )
{
    if( table->count * 2 < table->room ) return;
    free( table->places );
    table->room   = table->room == 0 ? 64 : table->room * 2;
    table->places = calloc( table->room, sizeof *table->places );
    if( table->places == NULL ) exit( USAGE );
    for( size_t i = 0; i < table->count; i++ )
        table->places[place_of( table, table->entries[i].name, table->entries[i].number, table->entries[i].more )] =
            i + 1;
}

/* The index of an entry; where there was none, there is one now, and `*is_new`. */
static size_t entry_of( table_t* table, const char* name, uint64_t number, uint64_t more, bool* is_new )
{
    make_room( table );
    size_t place = place_of( table, name, number, more );
    *is_new      = table->places[place] == 0;
    if( !*is_new ) return table->places[place] - 1;
    char* copy = malloc( strlen( name ) + 1 );
    if( copy == NULL ) exit( USAGE );
    (void)strcpy( copy, name );
    table->entries                 = events_grown( table->entries, table->count, sizeof *table->entries );
    table->entries[table->count++] = ( entry_t ){ copy, number, more, 0, 0 };
    table->places[place]           = table->count;
    return table->count - 1;
}

static void table_free( table_t* table )
{
    for( size_t i = 0; i < table->count; i++ )
        free( table->entries[i].name );
    free( table->entries );
    free( table->places );
}

typedef struct
{
    FILE*    out;
    table_t  asked; /* by module and place in the code; for Perfetto by module and heap */
    table_t  strings, infos;
    uint64_t useful, whole, peak, peak_at;
    uint64_t last;  /* time that was written */
    uint64_t left;  /* bytes that the module that is unloaded had */
    size_t   heaps; /* that were named */
} export_state_t;

static const char* owner_name( trace_t* trace, uint64_t key )
{
    const char* name = events_owner( trace, key )->name;
    return name[0] != '\0' ? name : "(unknown)";
}

/* The entry of the module and the place that a block is booked to: what it was when the block came. */
static size_t asked_by( trace_t* trace, block_t* block, bool comes, bool* is_new )
{
    export_state_t* state = trace->user;
    *is_new               = false;
    if( comes ) block->tag = entry_of( &state->asked, owner_name( trace, block->owner ), block->caller, 0, is_new );
    return block->tag;
}

static uint64_t scaled( const trace_t* trace, uint64_t time, uint64_t units )
{
    return (uint64_t)( (double)time * (double)units / (double)trace->records.ticks );
}

/* ---- Massif ---- */

static void find_peak( trace_t* trace, block_t* block, bool comes )
{
    export_state_t* state = trace->user;
    state->whole += comes ? block->bytes : 0 - block->bytes;
    if( state->whole <= state->peak && state->peak_at != 0 ) return;
    state->peak    = state->whole;
    state->peak_at = trace->number;
}

static void massif_change( trace_t* trace, block_t* block, bool comes )
{
    bool            is_new;
    export_state_t* state     = trace->user;
    size_t          index     = asked_by( trace, block, comes, &is_new );
    entry_t*        entry     = &state->asked.entries[index];
    uint64_t        requested = block->requested < block->bytes ? block->requested : block->bytes;
    entry->useful += comes ? requested : 0 - requested;
    entry->whole += comes ? 1 : UINT64_MAX;
    state->useful += comes ? requested : 0 - requested;
    state->whole += comes ? block->bytes : 0 - block->bytes;
}

/* By module, and in it by how much. */
static int by_module( const void* one, const void* other )
{
    const entry_t* a = *(const entry_t* const*)one;
    const entry_t* b = *(const entry_t* const*)other;
    int            c = strcmp( a->name, b->name );
    return c != 0 ? c : a->useful != b->useful ? ( a->useful > b->useful ? -1 : 1 ) : a->number < b->number ? -1 : 1;
}

static void massif_tree( const export_state_t* state )
{
    const entry_t** order   = calloc( state->asked.count + 1, sizeof( entry_t* ) );
    size_t          count   = 0;
    size_t          modules = 0;
    if( order == NULL ) exit( USAGE );
    for( size_t i = 0; i < state->asked.count; i++ )
        if( state->asked.entries[i].whole != 0 ) order[count++] = &state->asked.entries[i];
    if( count != 0 ) qsort( order, count, sizeof *order, by_module );
    for( size_t i = 0; i < count; i++ )
        modules += i == 0 || strcmp( order[i]->name, order[i - 1]->name ) != 0;
    (void)fprintf( state->out, "n%zu: %" PRIu64 " (heap allocation functions) malloc/new/new[], --alloc-fns, etc.\n",
                   modules, state->useful );
    for( size_t i = 0, end; i < count; i = end )
    {
        uint64_t sum = 0;
        for( end = i; end < count && strcmp( order[end]->name, order[i]->name ) == 0; end++ )
            sum += order[end]->useful;
        (void)fprintf( state->out, " n%zu: %" PRIu64 " 0x%zx: ", end - i, sum, i + 1 );
        text_plain( state->out, order[i]->name );
        (void)fprintf( state->out, " (module)\n" );
        for( size_t at = i; at < end; at++ )
        {
            uint64_t    caller = order[at]->number;
            const char* where  = caller != 0 ? places_of( caller ) : NULL;
            (void)fprintf( state->out, "  n0: %" PRIu64 " 0x%" PRIx64 ": ", order[at]->useful, caller );
            if( where != NULL )
                text_plain( state->out, where );
            else
                (void)fprintf( state->out, caller == 0 ? "not known" : "0x%" PRIx64, caller );
            (void)fprintf( state->out, " (in " );
            text_plain( state->out, order[at]->name );
            (void)fprintf( state->out, ")\n" );
        }
    }
    free( order );
}

static void massif( trace_t* trace )
{
    event_t         event;
    export_state_t* state = trace->user;
    trace->changed        = find_peak;
    events_run( trace );
    uint64_t count = trace->number, next = 0, snapshots = 0;
    events_again( trace );
    trace->changed = massif_change;
    state->whole   = 0;
    (void)fprintf( state->out, "desc: dmheap\ncmd: dmheap\ntime_unit: %s\n", trace->records.ticks != 0 ? "ms" : "i" );
    while( events_next( trace, &event ) )
    {
        events_apply( trace, &event );
        progress_show( trace->at, trace->size );
        uint64_t number = trace->number;
        bool     is_due = ( number - 1 ) * ( SNAPSHOTS - 1 ) >= next * ( count - 1 );
        if( !is_due && number != state->peak_at && number != count ) continue;
        if( is_due ) next = count > 1 ? ( number - 1 ) * ( SNAPSHOTS - 1 ) / ( count - 1 ) + 1 : 1;
        (void)fprintf( state->out,
                       "#-----------\nsnapshot=%" PRIu64 "\n#-----------\ntime=%" PRIu64 "\nmem_heap_B=%" PRIu64
                       "\nmem_heap_extra_B=%" PRIu64 "\nmem_stacks_B=0\nheap_tree=%s\n",
                       snapshots++, trace->records.ticks != 0 ? scaled( trace, event.time, 1000 ) : number - 1,
                       state->useful, state->whole - state->useful, number == state->peak_at ? "peak" : "detailed" );
        massif_tree( state );
    }
}

/* ---- heaptrack ---- */

/* Its records, version 1: strings, pointers into the code, a trace node for each, allocations by their index. */
static size_t heaptrack_string( export_state_t* state, const char* string )
{
    bool   is_new;
    size_t index = entry_of( &state->strings, string, 0, 0, &is_new ) + 1;
    if( !is_new ) return index;
    (void)fprintf( state->out, "s %zx ", strlen( string ) );
    text_plain( state->out, string );
    (void)fprintf( state->out, "\n" );
    return index;
}

static size_t heaptrack_node( trace_t* trace, block_t* block )
{
    bool            is_new;
    char            name[NAME_SIZE + 512];
    export_state_t* state = trace->user;
    size_t          node  = asked_by( trace, block, true, &is_new ) + 1;
    if( !is_new ) return node;
    const char* owner = owner_name( trace, block->owner );
    const char* where = block->caller != 0 ? places_of( block->caller ) : NULL;
    if( block->caller == 0 )
        (void)snprintf( name, sizeof name, "%s", owner );
    else if( where != NULL )
        (void)snprintf( name, sizeof name, "%s %s", owner, where );
    else
        (void)snprintf( name, sizeof name, "%s 0x%" PRIx64, owner, block->caller );
    size_t module = heaptrack_string( state, owner ), function = heaptrack_string( state, name );
    (void)fprintf( state->out, "i %" PRIx64 " %zx %zx\nt %zx 0\n", block->caller, module, function, node );
    return node;
}

static void heaptrack_change( trace_t* trace, block_t* block, bool comes )
{
    export_state_t* state = trace->user;
    bool            is_new;
    uint64_t        since = trace->records.time - trace->first;
    uint64_t        now   = trace->records.ticks != 0 ? scaled( trace, since, 1000 ) : ( trace->number - 1 ) / 1000;
    if( now != state->last ) (void)fprintf( state->out, "c %" PRIx64 "\n", now );
    state->last = now;
    if( !comes )
    {
        (void)fprintf( state->out, "- %zx\n", block->tag );
        return;
    }
    size_t node = heaptrack_node( trace, block );
    block->tag  = entry_of( &state->infos, "", block->requested, node, &is_new );
    if( is_new ) (void)fprintf( state->out, "a %" PRIx64 " %zx\n", block->requested, node );
    (void)fprintf( state->out, "+ %zx\n", block->tag );
}

static void heaptrack( trace_t* trace )
{
    export_state_t* state = trace->user;
    state->last           = UINT64_MAX;
    trace->changed        = heaptrack_change;
    (void)fprintf( state->out, "v 10500 3\nX dmheap\nI 1000 1\n" );
    events_run( trace );
}

/* ---- Perfetto ---- */

static double microseconds( const trace_t* trace )
{
    return trace->records.ticks != 0 ? (double)trace->records.time * 1e6 / (double)trace->records.ticks
                                     : (double)( trace->number - 1 );
}

/* The number of a heap as that of a process; 1 where it is not known. */
static size_t process_of( const trace_t* trace, const heap_t* heap )
{
    return heap != NULL ? (size_t)( heap - trace->heaps ) + 1 : 1;
}

static void perfetto_change( trace_t* trace, block_t* block, bool comes )
{
    bool            is_new;
    export_state_t* state   = trace->user;
    size_t          process = process_of( trace, events_heap( trace, block->address ) );
    if( comes ) block->tag = entry_of( &state->asked, owner_name( trace, block->owner ), process, 0, &is_new );
    entry_t* entry = &state->asked.entries[block->tag];
    entry->whole += comes ? block->bytes : 0 - block->bytes;
    (void)fprintf( state->out, ",\n{\"ph\":\"C\",\"name\":" );
    text_json_to( state->out, entry->name );
    (void)fprintf( state->out, ",\"pid\":%" PRIu64 ",\"tid\":0,\"ts\":%.3f,\"args\":{\"bytes\":%" PRIu64 "}}",
                   entry->number, microseconds( trace ), entry->whole );
}

static void perfetto_heaps( trace_t* trace )
{
    export_state_t* state = trace->user;
    for( ; state->heaps < trace->heap_count; state->heaps++ )
    {
        const heap_t* heap = &trace->heaps[state->heaps];
        char          address[32];
        (void)snprintf( address, sizeof address, "heap 0x%" PRIx64, heap->address );
        (void)fprintf( state->out,
                       ",\n{\"ph\":\"M\",\"name\":\"process_name\",\"pid\":%zu,\"tid\":0,\"ts\":0,\"args\":{\"name\":",
                       state->heaps + 1 );
        text_json_to( state->out, heap->name[0] != '\0' ? heap->name : address );
        (void)fprintf( state->out, "}}" );
    }
}

/* An instant: what happened, to whom, and a figure. */
static void perfetto_instant( trace_t* trace, const event_t* event, const char* what, const char* name )
{
    export_state_t* state = trace->user;
    const heap_t*   heap  = NULL;
    char            both[NAME_SIZE + 16];
    for( size_t i = 0; i < trace->heap_count; i++ )
        if( trace->heaps[i].address == event->address ) heap = &trace->heaps[i];
    (void)snprintf( both, sizeof both, "%s %s", what, name );
    (void)fprintf( state->out, ",\n{\"ph\":\"i\",\"s\":\"p\",\"name\":" );
    text_json_to( state->out, both );
    (void)fprintf( state->out, ",\"pid\":%zu,\"tid\":0,\"ts\":%.3f,\"args\":{", process_of( trace, heap ),
                   microseconds( trace ) );
    if( event->op == OP_REFUSED )
        (void)fprintf( state->out, "\"bytes\":%" PRIu64 ",\"reason\":%" PRIu64 "}}", event->requested, event->reason );
    else
        (void)fprintf( state->out, "\"left_bytes\":%" PRIu64 "}}", state->left );
    state->left = 0;
}

/* A counter a module in each heap, and an instant for each load, unload and refusal. */
static void perfetto( trace_t* trace )
{
    event_t         event;
    export_state_t* state = trace->user;
    trace->changed        = perfetto_change;
    (void)fprintf(
        state->out,
        "{\"displayTimeUnit\":\"ms\",\"traceEvents\":[\n"
        "{\"ph\":\"M\",\"name\":\"process_labels\",\"pid\":1,\"tid\":0,\"ts\":0,\"args\":{\"labels\":\"dmheap\"}}" );
    while( events_next( trace, &event ) )
    {
        events_apply( trace, &event );
        progress_show( trace->at, trace->size );
        perfetto_heaps( trace );
        if( event.op == OP_LEFT ) state->left += event.block;
        if( event.op == OP_REGISTER ) perfetto_instant( trace, &event, "load", owner_name( trace, event.owner ) );
        if( event.op == OP_UNREGISTER ) perfetto_instant( trace, &event, "unload", owner_name( trace, event.owner ) );
        if( event.op == OP_REFUSED )
            perfetto_instant( trace, &event, "refused", event.name[0] != '\0' ? event.name : "nobody" );
    }
    (void)fprintf( state->out, "\n]}\n" );
}

int export_trace( const char* path, export_t format, const char* out )
{
    trace_t        trace;
    export_state_t state  = { 0 };
    int            status = events_open( path, &trace );
    if( status != FINE ) return status;
    trace.user = &state;
    state.out  = file_create( out );
    if( state.out != NULL )
    {
        if( format == EXPORT_MASSIF )
            massif( &trace );
        else if( format == EXPORT_HEAPTRACK )
            heaptrack( &trace );
        else
            perfetto( &trace );
        progress_end();
    }
    if( state.out == NULL || !file_finish( state.out, out ) ) status = USAGE;
    table_free( &state.asked );
    table_free( &state.strings );
    table_free( &state.infos );
    return events_close( &trace, status );
}
