/*
 * What a trace says of the heaps, as docs/trace.md has it: blocks, owners, names. Strict: what contradicts what is known is
 * wrong, where the host command makes the best of it. May not know anything of the library.
 */
#ifndef LEDGER_H
#define LEDGER_H

#include "records.h"

enum
{
    LEDGER_HEAPS  = 8,
    LEDGER_BLOCKS = 4096,
    LEDGER_OWNERS = 4096
};

typedef struct
{
    uint64_t address, requested, block, owner, caller;
    bool     seen;
} ledger_block_t;

typedef struct
{
    const char* wrong; /* NULL, or what was wrong first */
    bool        late;  /* records are missing: blocks may be unknown, or known and gone */
    records_t   records;
    uint64_t    lost;
    uint64_t    events[OPS];
    struct
    {
        uint64_t address, bytes, control, granule;
        char     name[NAME_SIZE];
    } heap[LEDGER_HEAPS];
    unsigned       heaps;
    ledger_block_t block[LEDGER_BLOCKS];
    unsigned       blocks;
    struct
    {
        uint64_t key, heap;
        bool     is_gone;
        char     name[NAME_SIZE];
    } owner[LEDGER_OWNERS];
    unsigned owners;
} ledger_t;

/* Carries an event out; notes in `wrong` what contradicts what is known. */
void ledger_apply( ledger_t* ledger, const event_t* event );

ledger_block_t* ledger_find( ledger_t* ledger, uint64_t address );

/* The name of an owner, NULL: not known. */
const char* ledger_name( const ledger_t* ledger, uint64_t owner );

#endif
