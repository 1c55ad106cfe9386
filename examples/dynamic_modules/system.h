/*
 * What this system offers to its modules beside the heap. Included by both sides: the system defines these functions, a
 * module gets pointers to them.
 */
#ifndef SYSTEM_H
#define SYSTEM_H

#include "dmod.h"

/* The allocator name of the module that runs now; NULL: none does. A function of DMOD's kernel. */
DMOD_BUILTIN_API( Dmod, 1.0, const char*, _GetCurrentAllocatorName, (void));

/* snprintf(): modules have no C library. */
DMOD_BUILTIN_API( example, 1.0, int, _format, ( char* text, size_t size, const char* format, ... ) );

#endif
