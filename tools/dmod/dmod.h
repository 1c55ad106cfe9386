/*
 * Stands where DMOD's header stands when a reader of images is compiled: all that the library defines is private to that
 * unit, nothing is locked and nothing logged. May not be used by what keeps a heap.
 */
#ifndef DMOD_H
#define DMOD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define DMOD_NO_LOGGING
#define DMOD_MAX_MODULES            50
#define DMOD_MAX_MODULE_NAME_LENGTH 32

#define DMOD_BUILTIN_API( MODULE, VERSION, RET, NAME, PARAMS )                                                         \
    __attribute__( ( unused ) ) static RET MODULE##NAME PARAMS
#define DMOD_INPUT_API_DECLARATION( MODULE, VERSION, RET, NAME, PARAMS )                                               \
    __attribute__( ( unused ) ) static RET MODULE##NAME PARAMS
#define DMOD_INPUT_WEAK_API_DECLARATION DMOD_INPUT_API_DECLARATION

#define DMOD_LOG_ERROR( ... )   ( (void)0 )
#define DMOD_LOG_WARN( ... )    ( (void)0 )
#define DMOD_LOG_INFO( ... )    ( (void)0 )
#define DMOD_LOG_VERBOSE( ... ) ( (void)0 )

static inline void Dmod_EnterCritical( void )
{
}

static inline void Dmod_ExitCritical( void )
{
}

#endif
