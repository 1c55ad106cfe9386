/*
 * What a module imports whose functions have a name in both generations of the API; see importer.c.
 */
#ifndef IMPORTS_H
#define IMPORTS_H

enum
{
    IMPORTS = 11
};

/* The signatures, in the order in which the functions stand in importer.c. */
void imports_of_seed( const char* signatures[IMPORTS] );
void imports_of_seed_time( const char* signatures[IMPORTS] );
void imports_of_context_first( const char* signatures[IMPORTS] );

#endif
