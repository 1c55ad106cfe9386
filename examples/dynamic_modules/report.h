/*
 * What a shell command on a device prints of the heap: occupancy, modules, and what a module has left behind. May not
 * allocate.
 */
#ifndef REPORT_H
#define REPORT_H

/* Occupancy and a table of modules, under a title. */
void report_heap( const char* title );

/* The blocks that a module holds, with their addresses and sizes. */
void report_blocks( const char* module );

#endif
