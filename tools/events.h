/*
 * Traces, record by record, and what they say that there is; docs/trace.md has the format. Shows nothing.
 */
#ifndef EVENTS_H
#define EVENTS_H

#include "records.h"

enum
{
    FINE  = 0, /* the tool's exit statuses */
    FOUND = 1,
    USAGE = 2,

    OWNER_LISTS = 1 << 12
};

typedef struct
{
    uint64_t address, bytes, requested, owner, caller; /* address 0: the place is empty; 1: it was taken */
    size_t   tag;                                      /* free to use by who is told of changes */
} block_t;

typedef struct
{
    uint64_t key, bytes, blocks, peak;
    uint64_t heap; /* its address */
    size_t   next; /* in its list, an index and one; 0: it is the last one */
    bool     gone; /* or not yet there */
    char     name[NAME_SIZE];
} owner_t;

typedef struct
{
    uint64_t address, bytes, control, used, peak;
    bool     gone;
    char     name[NAME_SIZE];
} heap_t;

/* What modules of one name left behind, asked for at one place. */
typedef struct
{
    char     name[NAME_SIZE];
    uint64_t caller, bytes, blocks, unloads, last;
} leak_t;

typedef struct trace trace_t;
struct trace
{
    unsigned char* file;
    size_t         size, at;
    bool           cut; /* it ends within a record */
    records_t      records;

    block_t* blocks; /* a hash table, a power of two */
    size_t   room, filled, live;
    owner_t* owners;
    size_t   owner_count;
    size_t   owner_lists[OWNER_LISTS]; /* by their keys: an index and one, 0: none */
    owner_t* known;                    /* keys and names alone: what heaps beside a ring say */
    size_t   known_count;
    heap_t*  heaps;
    size_t   heap_count;
    leak_t*  leaks;
    size_t   leak_count;

    uint64_t events[OPS], refused[REASONS], lost, unknown, first, number;

    /* Where it is not NULL: told of each block that comes, and of each that goes. A change of its owner is both. */
    void ( *changed )( trace_t* trace, block_t* block, bool comes );
    void* user;
};

/* Opens a trace, or the first ring in a RAM dump or a core file. FINE or USAGE, and it is said why. */
int events_open( const char* path, trace_t* trace );
/* Whether a RAM dump or a core file has a ring with a trace. */
bool events_are_in( const char* path );
/* Says that the trace ends within a record, where it does; returns the status, or then FOUND. */
int events_close( trace_t* trace, int status );

/* The next record, which is not followed yet; false at the end. */
bool events_next( trace_t* trace, event_t* event );
/* Follows a record: what there is behind it. */
void events_apply( trace_t* trace, const event_t* event );
/* Follows all records. */
void events_run( trace_t* trace );
/* Goes back to the first record; nothing is there then, and owners have the names that they had first. */
void events_again( trace_t* trace );

owner_t* events_owner( trace_t* trace, uint64_t key );
/* The innermost heap that an address lies in, behind its control data; NULL: none. */
heap_t* events_heap( const trace_t* trace, uint64_t address );

/* `memory` with room for an element more than `count`; there is always enough, or the program ends. */
void* events_grown( void* memory, size_t count, size_t size );

#endif
