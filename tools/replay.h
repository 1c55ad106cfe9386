/*
 * Replaying what was asked of a heap, on the library's own code, in a heap of any size.
 */
#ifndef REPLAY_H
#define REPLAY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef enum
{
    STEP_MALLOC,
    STEP_REALLOC,
    STEP_FREE,
    STEP_RETAG,
    STEP_REGISTER,
    STEP_RENAME, /* `block` is the old name */
    STEP_UNREGISTER
} step_op_t;

typedef struct
{
    step_op_t op;
    uint32_t  name, block; /* indices; the name "" is nobody's */
    size_t    size, alignment;
} step_t;

typedef struct
{
    const step_t* steps;
    size_t        count;
    char**        names;
    size_t        blocks; /* that there are at a time, at most */
    const char*   name;   /* of the heap, as what follows */
    size_t        alignment;
    uint64_t      address; /* its low bits are kept: by them blocks are aligned */
} replay_t;

typedef struct
{
    size_t used;     /* the most that live blocks and records took */
    size_t overhead; /* control data */
    size_t next;     /* the least block that is in a list behind that of `largest` */
} replay_figures_t;

enum
{
    REPLAY_GRANTED,
    REPLAY_REFUSED,
    REPLAY_LOST /* contents of a block, or there is no memory for the replay */
};

/* In so many bytes; each block is written, and looked at when it goes. `largest`: payload bytes, for the figures. The one
 * is for up to 124 modules at a time, the other for up to 252. */
typedef int        replay_in_t( const replay_t* replay, size_t bytes, size_t largest, replay_figures_t* figures );
extern replay_in_t replay_in, replay_in_8;

#endif
