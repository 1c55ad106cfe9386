/*
 * What a module of this example includes first, and nothing else: DMOD's and the heap's functions as imports, and what it
 * must define, by these names. add_dmod_module() gives MODULE_NAME and MODULE_IS_LIBRARY.
 */
#ifndef MODULE_H
#define MODULE_H

#include "module_file.h"

/* For whom Dmod_Malloc() and its kin allocate. */
#if MODULE_IS_LIBRARY
#define DMOD_MODULE_NAME MODULE_NAME
#else
#define DMOD_MODULE_NAME application_name()
static inline const char* application_name( void );
#endif

#include "dmheap.h"
#include "system.h"

#if !MODULE_IS_LIBRARY
static inline const char* application_name( void )
{
    return Dmod_GetCurrentAllocatorName();
}
#endif

static bool module_start( void );
static bool module_run( unsigned round );
static void module_stop( void );

static const module_t this_module __attribute__( ( section( ".dmod.module" ), used ) ) = {
    MODULE_NAME, MODULE_IS_LIBRARY, module_start, module_run, module_stop };

#endif
