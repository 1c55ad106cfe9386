/*
 * Puts a file into the page that shows it: the template is view.html. Reads nothing of the file.
 */
#ifndef DMHEAP_EMBED_H
#define DMHEAP_EMBED_H

#include <stddef.h>
#include <stdio.h>

/* Writes the page with these bytes in it; `name` is what it calls them. 0 on success, -1 where `page` is not the template, or
 * what was written did not fit. */
int view_write( FILE* out, const char* page, const void* bytes, size_t size, const char* name );

#endif
