/*
 * How large a heap must be for what a trace asks for. What is returned is the tool's exit status.
 */
#ifndef SIZE_H
#define SIZE_H

#include <stdbool.h>

int size_of_heap( const char* path, bool json );

#endif
