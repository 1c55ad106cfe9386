/*
 * Names on standard output, whatever bytes they have.
 */
#ifndef TEXT_H
#define TEXT_H

/* In a column of this width, shortened in the middle; 0: as long as it is. */
void text_name( const char* name, unsigned width );

/* As a string of JSON; NULL: null. */
void text_json( const char* text );

#endif
