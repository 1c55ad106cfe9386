/*
 * The memory of a target, from a file: a core (ELF), or bytes as they lay in memory. Knows nothing of heaps.
 */
#ifndef TARGET_H
#define TARGET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Memory that the file has, in the order of addresses. */
typedef struct
{
    uint64_t             address;
    const unsigned char* data;
    uint64_t             bytes;
} region_t;

typedef struct
{
    const unsigned char* file;
    size_t               bytes;
    region_t*            regions;
    size_t               count;
    unsigned             pointer; /* bytes, 0: not known */
    bool                 placed;  /* addresses are the target's, not places in the file */
    uint64_t entry; /* where the program begins: of a core as it ran, of a program as it was linked; 0: not known */
} target_t;

/* Maps a file. False, with the reason in errno or, where that is 0, in that it is no such file. */
bool target_open( target_t* target, const char* path, bool placed, uint64_t base );
void target_close( target_t* target );

/* Copies what follows an address without a gap, up to so many bytes; returns how many there are. */
uint64_t target_read( const target_t* target, uint64_t address, void* buffer, uint64_t bytes );

/* How many bytes follow an address without a gap. */
uint64_t target_extent( const target_t* target, uint64_t address );

#endif
