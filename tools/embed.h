/*
 * Puts a file into the page that shows it: the template is view/view.html, which the build makes `view_page` of.
 * Reads nothing of the file.
 */
#ifndef EMBED_H
#define EMBED_H

#include <stddef.h>
#include <stdio.h>

extern const unsigned char view_page[];

/* Writes the page with these bytes in it; `name` is what it calls them. 0 on success, -1 where it was not all written. */
int view_write( FILE* out, const void* bytes, size_t size, const char* name );

#endif
