/*
 * A trace for tools that people have. What is returned is the tool's exit status.
 */
#ifndef EXPORT_H
#define EXPORT_H

typedef enum
{
    EXPORT_NONE,
    EXPORT_MASSIF,    /* ms_print, Massif-Visualizer */
    EXPORT_HEAPTRACK, /* heaptrack_print, heaptrack_gui */
    EXPORT_PERFETTO   /* ui.perfetto.dev, chrome://tracing */
} export_t;

/* To a file; NULL: to standard output. */
int export_trace( const char* path, export_t format, const char* out );

#endif
