/*
 * Traces of events; docs/trace.md has the format. What is returned is the tool's exit status.
 */
#ifndef TRACE_H
#define TRACE_H

#include <stdbool.h>

/* Whether a file is a trace: one that is packed is nothing else. */
bool trace_is( const char* path );
/* Whether a RAM dump or a core file has a ring with a trace. */
bool trace_is_in( const char* path );
/* Whether it can be read. */
int trace_look( const char* path );

int trace_replay( const char* path, bool json );
int trace_leaks( const char* path, bool json );
int trace_report( const char* path, bool json );

#endif
