/*
 * What DMOD wants of a system, and offers to it. Whoever includes this says as who it allocates.
 */
#ifndef DMOD_TREE_SAL_H
#define DMOD_TREE_SAL_H

#include "dmod_defs.h"
#include "dmod_types.h"

#include <stdarg.h>

#if defined( DMOD_MODULE_NAME )
#if defined( DMOD_LIBRARY_MODULE )
#define DMOD_CURRENT_ALLOCATOR DMOD_MODULE_NAME
#elif defined( DMOD_APPLICATION_MODULE )
#define DMOD_CURRENT_ALLOCATOR Dmod_GetCurrentAllocatorName()
#else
#error "DMOD_MODULE_NAME without DMOD_LIBRARY_MODULE or DMOD_APPLICATION_MODULE"
#endif
#define Dmod_GetCurrentAllocatorName() Dmod_GetCurrentAllocatorNameEx( DMOD_MODULE_NAME )
#elif !defined( DMOD_CURRENT_ALLOCATOR )
#error "DMOD_CURRENT_ALLOCATOR is not defined: as who does this part of the system allocate?"
#endif

/* ---- Memory ---- */

#define Dmod_Malloc( Size )                   Dmod_MallocEx( Size, DMOD_CURRENT_ALLOCATOR )
#define Dmod_Realloc( Ptr, Size )             Dmod_ReallocEx( Ptr, Size, DMOD_CURRENT_ALLOCATOR )
#define Dmod_AlignedMalloc( Size, Alignment ) Dmod_AlignedMallocEx( Size, Alignment, DMOD_CURRENT_ALLOCATOR )
#define Dmod_Free( Ptr )                      Dmod_FreeEx( Ptr, false )

DMOD_BUILTIN_API( Dmod, 1.0, void*, _MallocEx, ( size_t Size, const char* ModuleName ) );
DMOD_BUILTIN_API( Dmod, 1.0, void*, _ReallocEx, ( void* Ptr, size_t Size, const char* ModuleName ) );
DMOD_BUILTIN_API( Dmod, 1.0, void*, _AlignedMallocEx, ( size_t Size, size_t Alignment, const char* ModuleName ) );
DMOD_BUILTIN_API( Dmod, 1.0, void, _FreeEx, ( void* Ptr, bool Concatenate ) );
DMOD_BUILTIN_API( Dmod, 1.0, void, _FreeModule, ( const char* ModuleName ) );
DMOD_BUILTIN_API( Dmod, 1.0, bool, _RetagEx, ( void* Ptr, const char* ModuleName ) );
DMOD_BUILTIN_API( Dmod, 1.0, bool, _RenameTag, ( const char* OldTag, const char* NewTag ) );
DMOD_BUILTIN_API( Dmod, 1.0, const char*, _GetCurrentAllocatorNameEx, ( const char* Default ) );

/* ---- Log ---- */

#define DMOD_STDOUT ( (void*)2 )
#define DMOD_STDLOG ( (void*)4 )

DMOD_BUILTIN_API( Dmod, 1.0, bool, _CheckLogLevel, ( Dmod_LogLevel_t LogLevel ) );
DMOD_BUILTIN_API( Dmod, 1.0, void*, _GetStreamLogFile, ( Dmod_LogLevel_t LogLevel ) );
DMOD_BUILTIN_API( Dmod, 1.0, int, _VFPrintf, ( void* File, const char* Format, va_list Args ) );
DMOD_BUILTIN_API( Dmod, 1.0, int, _FPrintf, ( void* File, const char* Format, ... ) );
DMOD_BUILTIN_API( Dmod, 1.0, int, _VPrintf, ( const char* Format, va_list Args ) );
DMOD_BUILTIN_API( Dmod, 1.0, int, _Printf, ( const char* Format, ... ) );
DMOD_BUILTIN_API( Dmod, 1.0, size_t, _WriteKernel, ( const void* Buffer, size_t Size ) );
DMOD_BUILTIN_API( Dmod, 1.0, void, _Assert,
                  ( int Condition, const char* Message, const char* File, int Line, const char* Function ) );

#ifdef NDEBUG
#define DMOD_ASSERT_MSG( Condition, Message ) ( (void)0 )
#else
#define DMOD_ASSERT_MSG( Condition, Message ) Dmod_Assert( Condition, Message, __FILE__, __LINE__, __func__ )
#endif
#define DMOD_ASSERT( Condition ) DMOD_ASSERT_MSG( Condition, #Condition )

#ifdef DMOD_NO_LOGGING
#define DMOD_LOG( ... ) ( (void)0 )
#else
#define DMOD_LOG( Level, ... )                                                                                         \
    if( Dmod_CheckLogLevel( Level ) )                                                                                  \
    {                                                                                                                  \
        Dmod_FPrintf( Dmod_GetStreamLogFile( Level ), __VA_ARGS__ );                                                   \
        Dmod_FPrintf( Dmod_GetStreamLogFile( Level ), "\033[0m" );                                                     \
    }
#endif
#define DMOD_LOG_ERROR( ... )   DMOD_LOG( Dmod_LogLevel_Error, "\033[31;1m[ERROR] " __VA_ARGS__ );
#define DMOD_LOG_WARN( ... )    DMOD_LOG( Dmod_LogLevel_Warn, "\033[33;1m[WARN] " __VA_ARGS__ );
#define DMOD_LOG_INFO( ... )    DMOD_LOG( Dmod_LogLevel_Info, "\033[34;1m[INFO] " __VA_ARGS__ );
#define DMOD_LOG_VERBOSE( ... ) DMOD_LOG( Dmod_LogLevel_Verbose, "\033[35;1m[VERBOSE] " __VA_ARGS__ );

/* ---- Critical section ---- */

DMOD_BUILTIN_API( Dmod, 1.0, void, _EnterCritical, (void));
DMOD_BUILTIN_API( Dmod, 1.0, void, _ExitCritical, (void));
DMOD_BUILTIN_API( Dmod, 1.0, bool, _IsInsideInterrupt, (void));

#endif
