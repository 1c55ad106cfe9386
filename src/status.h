/*
 * What a call can come to. Lower layers return it; report.c words it. May not include anything.
 */
#ifndef DMHEAP_STATUS_H
#define DMHEAP_STATUS_H

typedef enum
{
    STATUS_OK,

    /* arguments */
    STATUS_NO_HEAP,   /* not initialised, or no heap at this address */
    STATUS_NO_BUFFER, /* NULL or of size 0 */
    STATUS_BUFFER_TOO_SMALL,
    STATUS_BUFFER_TOO_LARGE,
    STATUS_BAD_BUFFER_ALIGNMENT, /* 0, no power of two, or more than the buffer can give */
    STATUS_BAD_ALIGNMENT,        /* 0 or no power of two */
    STATUS_BAD_NAME,             /* NULL, empty or too long */
    STATUS_NO_ARGUMENT,          /* NULL where something is to be written to or called */
    STATUS_TOO_MANY_HEAPS,
    STATUS_OVERFLOW, /* count * size */

    /* pointers */
    STATUS_OUTSIDE,      /* in no heap */
    STATUS_MISALIGNED,   /* in a heap, but not where a payload can start */
    STATUS_NOT_LIVE,     /* freed already, or inside of a block */
    STATUS_SYSTEM_BLOCK, /* holds the heap's own records */
    STATUS_MOVING,       /* a realloc is copying it */
    STATUS_CORRUPTED,    /* the block or a neighbour of it is overwritten */

    /* memory */
    STATUS_NO_MEMORY,
    STATUS_OVER_LIMIT,

    /* modules */
    STATUS_KNOWN_MODULE, /* registered already */
    STATUS_UNKNOWN_MODULE,
    STATUS_NEVER_KNOWN, /* the same, which is no news */
    STATUS_LEAVING,     /* being unregistered */
    STATUS_TABLE_FULL,
    STATUS_STALE_MODULE, /* a handle of a module that is gone */
    STATUS_NOT_OWNER,    /* the block belongs to somebody else than the handle's module */

    /* worth a line in the log */
    STATUS_INITIALIZED,
    STATUS_REGISTERED,
    STATUS_UNREGISTERED,
    STATUS_BLOCKS_LEFT,      /* in a heap taken down, or by a module */
    STATUS_HEAP_LOST,        /* a heap taken down since the block that it lies in is freed with its module */
    STATUS_HEAP_OVERWRITTEN, /* a default heap given up since it is none any more */
    STATUS_CHECK_FAILED,
    STATUS_WRITTEN_BEHIND, /* a block, by its user */
    STATUS_WRITTEN_FREE    /* memory that is free */
} status_t;

#endif
