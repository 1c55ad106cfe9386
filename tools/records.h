/*
 * The records of a trace, as docs/trace.md has them: their bytes, and nothing of what they mean.
 */
#ifndef RECORDS_H
#define RECORDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum
{
    NAME_SIZE = 256,

    OP_MALLOC = 1,
    OP_FREE,
    OP_REALLOC,
    OP_RETAG,
    OP_REFUSED,
    OP_REGISTER,
    OP_RENAME,
    OP_UNREGISTER,
    OP_HEAP_MADE,
    OP_HEAP_ENDS,
    OP_LEFT,
    OP_IS_HEAP,
    OP_IS_OWNER,
    OP_IS_BLOCK,
    OP_LOST,
    OPS,

    REASONS = 13,

    KEY_OWN    = 2,
    KEY_NOBODY = 3,

    TRACE_VERSION = 1,
    RING_HEAD     = 48, /* bytes in front of a ring's own */
    RING_MORE     = 48  /* bytes that a trace of a ring has more, at most */
};

/* A record; members that an op does not have are 0. A name that is too long is cut off. */
typedef struct
{
    unsigned op;
    uint64_t time, address, owner, new_owner, requested, block, old_block, alignment, new_address, caller, thread,
        reason, count, bytes, control, granule;
    char name[NAME_SIZE];
} event_t;

/* What the header says, and the record that was read last counts from. */
typedef struct
{
    bool     is_big;
    unsigned pointer; /* bytes */
    uint64_t ticks, time, address;
} records_t;

/* Reads the header of a trace. How many bytes it has; 0: it is none of this version. */
size_t records_header( records_t* records, const unsigned char* from, size_t size );
/* Reads the next record. How many bytes it has; 0: there is no whole one. */
size_t records_next( records_t* records, const unsigned char* from, size_t size, event_t* event );

/* How many bytes a ring has behind its head; 0: it is no head of this version. */
size_t records_ring( const unsigned char head[RING_HEAD] );
/* Makes a trace of a ring, with what its oldest record counts from as a record of lost ones. How many bytes it has. */
size_t records_of_ring( const unsigned char head[RING_HEAD], const unsigned char* ring, unsigned char* trace );

#endif
