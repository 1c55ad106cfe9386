/**
 * @file dmod.h
 * @brief The part of DMOD's interface that a heap needs, for builds without a DMOD source tree.
 *
 * Stands where DMOD's own header stands, with the same names, sections and signatures; a build against a real DMOD
 * tree does not see this file. May not declare anything that DMOD does not have.
 */
#ifndef DMOD_H
#define DMOD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* DMOD's configuration writes ON and OFF in conditions such as `DMOD_MODULE_EN == ON`. */
#ifndef ON
#define ON 1
#endif
#ifndef OFF
#define OFF 0
#endif
#ifndef DMOD_MODULE_EN
#define DMOD_MODULE_EN OFF
#endif
#ifndef DMOD_SYSTEM_EN
#define DMOD_SYSTEM_EN ( !DMOD_MODULE_EN )
#endif

/** Longest module name, its terminating NUL included. */
#ifndef DMOD_MAX_MODULE_NAME_LENGTH
#define DMOD_MAX_MODULE_NAME_LENGTH 32
#endif
/** How many modules a system is built for. */
#ifndef DMOD_MAX_MODULES
#define DMOD_MAX_MODULES 50
#endif

#ifdef __cplusplus
#define DMOD_EXTERN extern "C"
#else
#define DMOD_EXTERN extern
#endif

/** The text by which a module's import finds the system's export. */
#define DMOD_SIGNATURE( MODULE, VERSION, NAME ) "\021DMOD\022" #NAME "@" #MODULE ":" #VERSION "\0"

/** What the system offers to modules: one record for each function, in section `.dmod.inputs`. */
typedef struct
{
    void*       Function;
    const char* Signature;
} Dmod_ApiRegistration_t;

/* DMOD_BUILTIN_API( MODULE, VERSION, RET, NAME, PARAMS ) declares RET MODULE##NAME PARAMS. */
#if DMOD_MODULE_EN == ON
/* The loader writes an import, which a compiler cannot see. clang would call the signature where it was told nothing; gcc
 * assumes nothing of what has a section of its own, but would keep what is volatile. */
#ifdef __clang__
#define DMOD_IMPORT volatile
#else
#define DMOD_IMPORT
#endif
/* `unused`: of all that a header offers, a module carries only the imports that it calls. */
#define DMOD_BUILTIN_API( MODULE, VERSION, RET, NAME, PARAMS )                                                         \
    static RET( *DMOD_IMPORT MODULE##NAME ) PARAMS __attribute__( ( section( ".dmod.outputs" ), unused ) ) =           \
        ( RET( * ) PARAMS )(uintptr_t)DMOD_SIGNATURE( MODULE, VERSION, NAME )
#elif defined( DMOD_ENABLE_REGISTRATION )
#define DMOD_BUILTIN_API( MODULE, VERSION, RET, NAME, PARAMS )                                                         \
    DMOD_EXTERN RET MODULE##NAME        PARAMS;                                                                        \
    static const Dmod_ApiRegistration_t MODULE##NAME##_registration                                                    \
        __attribute__( ( section( ".dmod.inputs" ), used ) ) = { (void*)(uintptr_t)MODULE##NAME,                       \
                                                                 DMOD_SIGNATURE( MODULE, VERSION, NAME ) }
#else
#define DMOD_BUILTIN_API( MODULE, VERSION, RET, NAME, PARAMS ) DMOD_EXTERN RET MODULE##NAME PARAMS
#endif

#define DMOD_INPUT_API_DECLARATION( MODULE, VERSION, RET, NAME, PARAMS ) RET MODULE##NAME PARAMS
#define DMOD_INPUT_WEAK_API_DECLARATION( MODULE, VERSION, RET, NAME, PARAMS )                                          \
    __attribute__( ( weak ) ) RET MODULE##NAME PARAMS

DMOD_BUILTIN_API( Dmod, 1.0, void*, _MallocEx, ( size_t Size, const char* ModuleName ) );
DMOD_BUILTIN_API( Dmod, 1.0, void*, _ReallocEx, ( void* Ptr, size_t Size, const char* ModuleName ) );
DMOD_BUILTIN_API( Dmod, 1.0, void*, _AlignedMallocEx, ( size_t Size, size_t Alignment, const char* ModuleName ) );
DMOD_BUILTIN_API( Dmod, 1.0, void, _FreeEx, ( void* Ptr, bool Concatenate ) );
DMOD_BUILTIN_API( Dmod, 1.0, void, _FreeModule, ( const char* ModuleName ) );
DMOD_BUILTIN_API( Dmod, 1.0, bool, _RetagEx, ( void* Ptr, const char* ModuleName ) );
DMOD_BUILTIN_API( Dmod, 1.0, bool, _RenameTag, ( const char* OldTag, const char* NewTag ) );
DMOD_BUILTIN_API( Dmod, 1.0, void, _EnterCritical, (void));
DMOD_BUILTIN_API( Dmod, 1.0, void, _ExitCritical, (void));
DMOD_BUILTIN_API( Dmod, 1.0, int, _Printf, ( const char* Format, ... ) );
DMOD_BUILTIN_API( Dmod, 1.0, void, _Assert,
                  ( int Condition, const char* Message, const char* File, int Line, const char* Function ) );

/* Whose the functions below allocate: in a module the module's; a part of the system says it, or is nobody. */
#ifndef DMOD_CURRENT_ALLOCATOR
#if DMOD_MODULE_EN == ON
#define DMOD_CURRENT_ALLOCATOR DMOD_MODULE_NAME
#else
#define DMOD_CURRENT_ALLOCATOR NULL
#endif
#endif
#if DMOD_MODULE_EN == OFF || defined( DMOD_MODULE_NAME )
static inline void* Dmod_Malloc( size_t Size )
{
    return Dmod_MallocEx( Size, DMOD_CURRENT_ALLOCATOR );
}
static inline void* Dmod_Realloc( void* Ptr, size_t Size )
{
    return Dmod_ReallocEx( Ptr, Size, DMOD_CURRENT_ALLOCATOR );
}
static inline void* Dmod_AlignedMalloc( size_t Size, size_t Alignment )
{
    return Dmod_AlignedMallocEx( Size, Alignment, DMOD_CURRENT_ALLOCATOR );
}
static inline void Dmod_Free( void* Ptr )
{
    Dmod_FreeEx( Ptr, false );
}
#endif

#ifdef DMOD_NO_LOGGING
#define DMOD_LOG_ERROR( ... )   ( (void)0 )
#define DMOD_LOG_WARN( ... )    ( (void)0 )
#define DMOD_LOG_INFO( ... )    ( (void)0 )
#define DMOD_LOG_VERBOSE( ... ) ( (void)0 )
#else
#define DMOD_LOG_ERROR( ... )   ( (void)Dmod_Printf( "[ERROR] " __VA_ARGS__ ) )
#define DMOD_LOG_WARN( ... )    ( (void)Dmod_Printf( "[WARN] " __VA_ARGS__ ) )
#define DMOD_LOG_INFO( ... )    ( (void)Dmod_Printf( "[INFO] " __VA_ARGS__ ) )
#define DMOD_LOG_VERBOSE( ... ) ( (void)Dmod_Printf( "[VERBOSE] " __VA_ARGS__ ) )
#endif

#ifdef NDEBUG
#define DMOD_ASSERT_MSG( cond, msg ) ( (void)0 )
#else
#define DMOD_ASSERT_MSG( cond, msg ) Dmod_Assert( cond, msg, __FILE__, __LINE__, __func__ )
#endif
#define DMOD_ASSERT( cond ) DMOD_ASSERT_MSG( cond, #cond )

#endif
