/*
 * What all tests share: a heap in a buffer with guards around it, the log as a string, and the check after every step.
 * Knows no test framework, so that the same file serves cmocka, the property tests and the targets.
 */
#ifndef FIXTURE_H
#define FIXTURE_H

#include <stdbool.h>
#include <stddef.h>

#include "dmheap.h"

enum
{
    FIXTURE_GUARD = 64,
    FIXTURE_MOST  = 1 << 20
};

/* Starts over: takes every heap down, makes the default heap of `size` bytes at `offset` from a 4096-byte boundary, and
 * empties the log. */
bool fixture_heap( size_t size, size_t alignment, size_t offset );

/* Makes another heap of the same kind in a buffer of its own, no default one, named "second"; what is around it is looked
 * at from then on. NULL where it could not be made. */
dmheap_context_t* fixture_second_heap( size_t size, size_t alignment, size_t offset );

/* The buffers of the two. Around the second nothing is looked at but what is in front, where the fixture did not make a
 * heap in it. */
unsigned char* fixture_buffer( void );
unsigned char* fixture_second_buffer( void );

/* Takes every heap down. */
void fixture_no_heap( void );

/* Whether dmheap_check() is content, also with the second heap, and nothing was written around the buffers. Leaves the log
 * as it was. */
bool fixture_is_valid( void );

/* With the address sanitizer: nothing around the buffer may be read either, until the next heap is made. */
void fixture_fence( void );

/* A copy of the heaps' buffers, and whether they are still the same. */
void fixture_remember( void );
bool fixture_is_unchanged( void );

/* What was logged since the last call. A report that took two lines is one. What is refused next is said, and not counted as
 * the same as before. */
const char* fixture_log( void );

/* Called with each line that is logged, as it is. NULL: nothing. */
extern void ( *fixture_line )( const char* line );

/* Whether something was logged that the log had no room for, since this was last asked: what was there before is lost. */
bool fixture_log_started_over( void );

/* How often `text` was logged since fixture_log() was last called; does not empty the log. */
unsigned fixture_logged( const char* text );

/* Whether the critical section is entered at this moment, and whether it was when anything was logged. */
bool fixture_is_locked( void );
bool fixture_logged_while_locked( void );

/* Called whenever the critical section is left, as an interrupt or another thread could be; not while it runs itself.
 * NULL: nothing. */
extern void ( *fixture_interrupt )( void );

/* A module's live bytes and blocks, 0 where it is unknown. */
size_t   live_bytes_of( const char* module );
unsigned live_blocks_of( const char* module );

/* Figures of the default heaps. */
dmheap_heap_stats_t stats_now( void );

#endif
