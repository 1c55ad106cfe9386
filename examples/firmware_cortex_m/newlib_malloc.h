/*
 * Whose malloc() is.
 */
#ifndef NEWLIB_MALLOC_H
#define NEWLIB_MALLOC_H

/* From now on malloc() and its kin allocate for this module. Returns for which one they did. */
const char* run_as( const char* module );

#endif
