/*
 * Reads traces; see events.h. What a record means is followed as docs/trace.md says it: which blocks there are, whose they
 * are. May not trust a number in the file.
 */
#include "events.h"

#include "file.h"
#include "names.h"
#include "progress.h"
#include "target.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void* events_grown( void* memory, size_t count, size_t size )
{
    if( ( count & ( count - 1 ) ) != 0 ) return memory;
    void* more = realloc( memory, ( count == 0 ? 1 : count * 2 ) * size );
    if( more != NULL ) return more;
    (void)fprintf( stderr, "dmheap: %s\n", strerror( ENOMEM ) );
    exit( USAGE );
}

/* ---- Reading ---- */

bool events_next( trace_t* trace, event_t* event )
{
    size_t length = records_next( &trace->records, trace->file + trace->at, trace->size - trace->at, event );
    trace->cut    = length == 0 && trace->at != trace->size;
    trace->at += length;
    return length != 0;
}

/* Begins with the first record. False where the file is no trace. */
static bool begin( trace_t* trace )
{
    trace->at = records_header( &trace->records, trace->file, trace->size );
    return trace->at != 0;
}

/* ---- What there is ---- */

static size_t place_of( const trace_t* trace, uint64_t address )
{
    size_t place = (size_t)( ( address >> 2 ) * UINT64_C( 0x9e3779b97f4a7c15 ) >> 20 ) & ( trace->room - 1 );
    while( trace->blocks[place].address != 0 && trace->blocks[place].address != address )
        place = ( place + 1 ) & ( trace->room - 1 );
    return place;
}

static void make_room( trace_t* trace )
{
    if( trace->filled * 2 < trace->room ) return;
    block_t* old  = trace->blocks;
    size_t   room = trace->room;
    trace->room   = trace->live * 4 < 1024 ? 1024 : 1;
    while( trace->room < trace->live * 4 )
        trace->room *= 2;
    trace->blocks = calloc( trace->room, sizeof *trace->blocks );
    if( trace->blocks == NULL ) exit( USAGE );
    trace->filled = trace->live;
    for( size_t i = 0; i < room; i++ )
        if( old[i].address > 1 ) trace->blocks[place_of( trace, old[i].address )] = old[i];
    free( old );
}

owner_t* events_owner( trace_t* trace, uint64_t key )
{
    size_t* list = &trace->owner_lists[( key * UINT64_C( 0x9e3779b97f4a7c15 ) >> 40 ) % OWNER_LISTS];
    for( size_t i = *list; i != 0; i = trace->owners[i - 1].next )
        if( trace->owners[i - 1].key == key ) return &trace->owners[i - 1];
    trace->owners  = events_grown( trace->owners, trace->owner_count, sizeof *trace->owners );
    owner_t* owner = &trace->owners[trace->owner_count++];
    *owner         = ( owner_t ){ .key = key, .next = *list };
    *list          = trace->owner_count;
    if( key == KEY_OWN ) (void)strcpy( owner->name, "(the heap's own)" );
    if( key == KEY_NOBODY ) (void)strcpy( owner->name, "(nobody)" );
    return owner;
}

heap_t* events_heap( const trace_t* trace, uint64_t address )
{
    heap_t* found = NULL;
    for( size_t i = 0; i < trace->heap_count; i++ )
    {
        heap_t* heap = &trace->heaps[i];
        if( heap->gone || address - 4 - heap->address < heap->control || address - heap->address >= heap->bytes )
            continue;
        if( found == NULL || heap->bytes < found->bytes ) found = heap;
    }
    return found;
}

static void book( trace_t* trace, block_t* block, bool comes )
{
    if( trace->changed != NULL ) trace->changed( trace, block, comes );
    owner_t* owner = events_owner( trace, block->owner );
    heap_t*  heap  = events_heap( trace, block->address );
    owner->bytes += comes ? block->bytes : 0 - block->bytes;
    owner->blocks += comes ? 1 : UINT64_MAX;
    if( owner->bytes > owner->peak ) owner->peak = owner->bytes;
    if( heap == NULL ) return;
    heap->used += comes ? block->bytes : 0 - block->bytes;
    if( heap->used > heap->peak ) heap->peak = heap->used;
}

static void take_away( trace_t* trace, size_t place )
{
    book( trace, &trace->blocks[place], false );
    trace->blocks[place].address = 1;
    trace->live--;
}

static void add( trace_t* trace, uint64_t address, uint64_t owner, const event_t* event )
{
    if( address <= 1 ) return;
    make_room( trace );
    size_t place = place_of( trace, address );
    if( trace->blocks[place].address == address )
        take_away( trace, place ); /* what took it away is missing, or it is said once more */
    else
        trace->filled++;
    trace->blocks[place] = ( block_t ){ address, event->block, event->requested, owner, event->caller, 0 };
    trace->live++;
    book( trace, &trace->blocks[place], true );
}

/* The place of the block that an event is about; `room` where it is not known. */
static size_t known( trace_t* trace, const event_t* event )
{
    make_room( trace );
    size_t place = place_of( trace, event->address );
    if( trace->blocks[place].address == event->address && event->address > 1 ) return place;
    trace->unknown++;
    return trace->room;
}

static void note_leak( trace_t* trace, const block_t* block, uint64_t owner )
{
    const char* name = events_owner( trace, owner )->name;
    size_t      i    = 0;
    while( i < trace->leak_count &&
           ( trace->leaks[i].caller != block->caller || strcmp( trace->leaks[i].name, name ) != 0 ) )
        i++;
    if( i == trace->leak_count )
    {
        trace->leaks                      = events_grown( trace->leaks, trace->leak_count, sizeof *trace->leaks );
        trace->leaks[trace->leak_count++] = ( leak_t ){ .caller = block->caller };
        (void)snprintf( trace->leaks[i].name, NAME_SIZE, "%s", name );
    }
    trace->leaks[i].bytes += block->bytes;
    trace->leaks[i].blocks++;
    trace->leaks[i].unloads += trace->leaks[i].last != owner;
    trace->leaks[i].last = owner;
}

static void heap_is( trace_t* trace, const event_t* event )
{
    heap_t* heap = NULL;
    for( size_t i = 0; i < trace->heap_count; i++ )
        if( !trace->heaps[i].gone && trace->heaps[i].address == event->address ) heap = &trace->heaps[i];
    if( heap == NULL )
    {
        trace->heaps = events_grown( trace->heaps, trace->heap_count, sizeof *trace->heaps );
        heap         = &trace->heaps[trace->heap_count++];
        *heap        = ( heap_t ){ .address = event->address };
    }
    heap->bytes   = event->bytes;
    heap->control = event->control;
    (void)snprintf( heap->name, NAME_SIZE, "%s", event->name );
}

static void owner_is( trace_t* trace, const event_t* event )
{
    owner_t* owner = events_owner( trace, event->owner );
    owner->heap    = event->address;
    owner->gone    = false;
    (void)snprintf( owner->name, NAME_SIZE, "%s", event->name );
}

static void heap_ends( trace_t* trace, uint64_t address )
{
    for( size_t i = 0; i < trace->owner_count; i++ )
        if( trace->owners[i].heap == address ) trace->owners[i].gone = true;
    for( size_t i = 0; i < trace->heap_count; i++ )
    {
        heap_t* heap = &trace->heaps[i];
        if( heap->gone || heap->address != address ) continue;
        for( size_t place = 0; place < trace->room; place++ )
            if( trace->blocks[place].address > 1 && events_heap( trace, trace->blocks[place].address ) == heap )
                take_away( trace, place );
        heap->gone = true;
        return;
    }
}

void events_apply( trace_t* trace, const event_t* event )
{
    size_t  place;
    block_t left = { .bytes = event->block };
    trace->events[event->op < OPS ? event->op : 0]++;
    trace->number++;
    switch( event->op )
    {
    case OP_MALLOC:
    case OP_IS_BLOCK: add( trace, event->address, event->owner, event ); break;
    case OP_FREE:
        if( ( place = known( trace, event ) ) != trace->room ) take_away( trace, place );
        break;
    case OP_LEFT:
        if( ( place = known( trace, event ) ) != trace->room )
        {
            left = trace->blocks[place];
            take_away( trace, place );
        }
        note_leak( trace, &left, event->owner );
        break;
    case OP_REALLOC:
        if( ( place = known( trace, event ) ) != trace->room ) take_away( trace, place );
        add( trace, event->new_address, event->new_owner, event );
        break;
    case OP_RETAG:
        if( ( place = known( trace, event ) ) == trace->room ) break;
        book( trace, &trace->blocks[place], false );
        trace->blocks[place].owner = event->new_owner;
        book( trace, &trace->blocks[place], true );
        break;
    case OP_REGISTER:
    case OP_RENAME:
    case OP_IS_OWNER: owner_is( trace, event ); break;
    case OP_UNREGISTER: events_owner( trace, event->owner )->gone = true; break;
    case OP_HEAP_MADE:
    case OP_IS_HEAP: heap_is( trace, event ); break;
    case OP_HEAP_ENDS: heap_ends( trace, event->address ); break;
    case OP_REFUSED: trace->refused[event->reason < REASONS ? event->reason : 0]++; break;
    case OP_LOST: trace->lost += event->count; break;
    default: break;
    }
}

/* An owner is called what was said last, or where nothing was said yet, what is said first, or what its heap says. */
static void learn_names( trace_t* trace )
{
    event_t event;
    while( events_next( trace, &event ) )
    {
        if( event.op != OP_REGISTER && event.op != OP_RENAME && event.op != OP_IS_OWNER ) continue;
        owner_t* owner = events_owner( trace, event.owner );
        owner->gone    = true;
        if( owner->name[0] == '\0' ) (void)snprintf( owner->name, NAME_SIZE, "%s", event.name );
    }
    for( size_t i = 0; i < trace->known_count; i++ )
    {
        owner_t* owner = events_owner( trace, trace->known[i].key );
        if( owner->name[0] == '\0' ) (void)strcpy( owner->name, trace->known[i].name );
    }
    (void)begin( trace );
}

/* ---- The ring in a target's memory ---- */

/* Makes a trace of the ring whose head is here. */
static bool ring_open( const target_t* target, uint64_t address, trace_t* trace )
{
    unsigned char head[RING_HEAD];
    if( target_read( target, address, head, sizeof head ) < sizeof head ) return false;
    size_t size = records_ring( head );
    if( size == 0 || target_extent( target, address + sizeof head ) < size ) return false;
    unsigned char* ring = malloc( size );
    trace->file         = malloc( size + RING_MORE );
    if( ring == NULL || trace->file == NULL ) exit( USAGE );
    (void)target_read( target, address + sizeof head, ring, size );
    trace->size = records_of_ring( head, ring, trace->file );
    free( ring );
    return begin( trace );
}

static void add_known( uint64_t key, const char* name, void* user )
{
    trace_t* trace                   = user;
    trace->known                     = events_grown( trace->known, trace->known_count, sizeof *trace->known );
    trace->known[trace->known_count] = ( owner_t ){ .key = key };
    (void)snprintf( trace->known[trace->known_count++].name, NAME_SIZE, "%s", name );
}

/* The first ring in a RAM dump or a core file. */
static bool ring_find( const char* path, bool names, trace_t* trace )
{
    static const unsigned char magics[2][4] = { { 0x44, 0x4d, 0x48, 0x52 }, { 0x52, 0x48, 0x4d, 0x44 } };
    target_t                   target;
    bool                       found = false;
    if( !target_open( &target, path, false, 0 ) ) return false;
    for( size_t i = 0; i < target.count && !found; i++ )
    {
        const region_t* region = &target.regions[i];
        for( uint64_t inside = ( 0 - region->address ) & 3; !found && inside + 4 <= region->bytes; inside += 4 )
            if( memcmp( region->data + inside, magics[0], 4 ) == 0 ||
                memcmp( region->data + inside, magics[1], 4 ) == 0 )
                found = ring_open( &target, region->address + inside, trace );
    }
    if( found && names ) names_visit( &target, add_known, trace );
    target_close( &target );
    return found;
}

bool events_are_in( const char* path )
{
    trace_t trace = { 0 };
    bool    found = ring_find( path, false, &trace );
    free( trace.file );
    return found;
}

int events_open( const char* path, trace_t* trace )
{
    *trace = ( trace_t ){ 0 };
    if( !file_read( path, &trace->file, &trace->size ) )
    {
        (void)fprintf( stderr, "dmheap: %s: %s\n", path, strerror( errno ) );
        return USAGE;
    }
    if( !begin( trace ) )
    {
        free( trace->file );
        *trace = ( trace_t ){ 0 };
        if( !ring_find( path, true, trace ) )
        {
            (void)fprintf( stderr, "dmheap: %s: no trace of version %d\n", path, TRACE_VERSION );
            free( trace->file );
            return USAGE;
        }
    }
    learn_names( trace );
    return FINE;
}

static void forget( trace_t* trace )
{
    free( trace->blocks );
    free( trace->owners );
    free( trace->heaps );
    free( trace->leaks );
}

void events_again( trace_t* trace )
{
    forget( trace );
    *trace = ( trace_t ){ .file        = trace->file,
                          .size        = trace->size,
                          .known       = trace->known,
                          .known_count = trace->known_count,
                          .changed     = trace->changed,
                          .user        = trace->user };
    (void)begin( trace );
    learn_names( trace );
}

void events_run( trace_t* trace )
{
    event_t event;
    for( bool first = true; events_next( trace, &event ); first = false )
    {
        if( first ) trace->first = event.time;
        events_apply( trace, &event );
        progress_show( trace->at, trace->size );
    }
    progress_end();
}

int events_close( trace_t* trace, int status )
{
    if( trace->cut )
        (void)fprintf( stderr, "dmheap: the trace ends within a record, or is damaged, at byte %zu\n", trace->at );
    if( trace->cut && status == FINE ) status = FOUND;
    free( trace->file );
    free( trace->known );
    forget( trace );
    return status;
}
