/*
 * A reader of traces, written from docs/trace.md alone, and what it knows of the heaps: blocks, owners, names. May not know
 * anything of the library.
 */
#ifndef REPLAY_H
#define REPLAY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum
{
    REPLAY_HEAPS  = 8,
    REPLAY_BLOCKS = 4096,
    REPLAY_OWNERS = 4096,
    REPLAY_NAME   = 256,

    /* ops */
    REPLAY_MALLOC = 1,
    REPLAY_FREE,
    REPLAY_REALLOC,
    REPLAY_RETAG,
    REPLAY_REFUSED,
    REPLAY_REGISTER,
    REPLAY_RENAME,
    REPLAY_UNREGISTER,
    REPLAY_HEAP_MADE,
    REPLAY_HEAP_ENDS,
    REPLAY_LEFT,
    REPLAY_IS_HEAP,
    REPLAY_IS_OWNER,
    REPLAY_IS_BLOCK,
    REPLAY_LOST,
    REPLAY_OPS
};

/* One record; members that its op does not have are 0. */
typedef struct
{
    unsigned op;
    uint64_t time, address;
    uint64_t owner, new_owner, requested, block, old_block, alignment, new_address, caller, thread, reason, count;
    uint64_t bytes, control, granule;
    char     name[REPLAY_NAME];
} replay_event_t;

typedef struct
{
    uint64_t address, requested, block, owner, caller;
    bool     seen;
} replay_block_t;

typedef struct
{
    const char* wrong; /* NULL, or what was wrong first */
    bool        late;  /* records are missing: blocks may be unknown, or known and gone */
    unsigned    big_endian, pointer;
    uint64_t    ticks, time, address;
    uint64_t    lost;
    uint64_t    events[REPLAY_OPS];
    struct
    {
        uint64_t address, bytes, control, granule;
        char     name[REPLAY_NAME];
    } heap[REPLAY_HEAPS];
    unsigned       heaps;
    replay_block_t block[REPLAY_BLOCKS];
    unsigned       blocks;
    struct
    {
        uint64_t key, heap;
        bool     is_gone;
        char     name[REPLAY_NAME];
    } owner[REPLAY_OWNERS];
    unsigned owners;
} replay_t;

/* Reads a header. How many bytes it has; 0: it is none. */
size_t replay_header( replay_t* replay, const uint8_t* from, size_t size );

/* Reads one record. How many bytes it has; 0: there is no whole one. */
size_t replay_record( replay_t* replay, const uint8_t* from, size_t size, replay_event_t* event );

/* Carries an event out; notes in `wrong` what contradicts what is known. */
void replay_apply( replay_t* replay, const replay_event_t* event );

/* Reads and carries out what there is. How many bytes were whole records. */
size_t replay_all( replay_t* replay, const uint8_t* from, size_t size );

replay_block_t* replay_find( replay_t* replay, uint64_t address );

/* The name of an owner, NULL: not known. */
const char* replay_name( const replay_t* replay, uint64_t owner );

/* Makes a trace of a ring that lies in memory: its bytes, 0 where it is no ring. */
size_t replay_of_ring( const uint8_t* ring, uint8_t* trace, size_t room );

#endif
