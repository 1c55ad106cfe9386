/*
 * Names, most of them on standard output, whatever bytes they have.
 */
#ifndef TEXT_H
#define TEXT_H

#include <stdio.h>

/* In a column of this width, shortened in the middle; 0: as long as it is. */
void text_name( const char* name, unsigned width );

/* As long as it is. */
void text_plain( FILE* out, const char* text );

/* As a string of JSON; NULL: null. */
void text_json( const char* text );
void text_json_to( FILE* out, const char* text );

#endif
