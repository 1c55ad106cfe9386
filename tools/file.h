/*
 * Whole files, and where output goes.
 */
#ifndef FILE_H
#define FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

/* Whether it ends in .xz or .zst. */
bool file_is_packed( const char* path );
/* Reads a file; what is packed is unpacked by the program of this name. False, with the reason in errno. The bytes
 * are to be freed, and end where the memory does. */
bool file_read( const char* path, unsigned char** bytes, size_t* size );
/* Packs bytes by gzip. False where that program is missing or fails. */
bool file_pack( const void* bytes, size_t size, unsigned char** packed, size_t* packed_size );

/* Opens a file to be written, NULL or "-": standard output. NULL, and it is said why, where that fails. */
FILE* file_create( const char* path );
/* Closes it. False, and it is said why, where not all was written; standard output is not looked at. */
bool file_finish( FILE* file, const char* path );

#endif
