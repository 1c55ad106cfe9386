/*
 * Stands in for the header of a real DMOD tree: the facts of its interface, written apart from the bundled port so that
 * the library is seen to need no more than these.
 */
#ifndef DMOD_TREE_DMOD_H
#define DMOD_TREE_DMOD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#ifndef DMOD_STANDS_IN
#error "compiled without the target dmod_inc"
#endif

#define DMOD_MAX_MODULE_NAME_LENGTH                  32
#define DMOD_MAX_MODULES                             50
#define DMOD_MAKE_SIGNATURE( NAME, MODULE, VERSION ) "\021DMOD\022" #NAME "@" #MODULE ":" #VERSION "\0"

typedef struct
{
    void*       Function;
    const char* Signature;
} Dmod_ApiRegistration_t;

#ifdef TREE_IN_MODULE_MODE
#define DMOD_BUILTIN_API( MODULE, VERSION, RET, NAME, PARAMS )                                                         \
    static RET( *MODULE##NAME ) PARAMS __attribute__( ( section( ".dmod.outputs" ), unused ) ) =                       \
        ( RET( * ) PARAMS )(uintptr_t)DMOD_MAKE_SIGNATURE( NAME, MODULE, VERSION )
#elif defined( DMOD_ENABLE_REGISTRATION )
#define DMOD_BUILTIN_API( MODULE, VERSION, RET, NAME, PARAMS )                                                         \
    extern RET MODULE##NAME             PARAMS;                                                                        \
    static const Dmod_ApiRegistration_t MODULE##NAME##_registration                                                    \
        __attribute__( ( section( ".dmod.inputs" ), used ) ) = { (void*)MODULE##NAME,                                  \
                                                                 DMOD_MAKE_SIGNATURE( NAME, MODULE, VERSION ) }
#else
#define DMOD_BUILTIN_API( MODULE, VERSION, RET, NAME, PARAMS ) extern RET MODULE##NAME PARAMS
#endif
#define DMOD_INPUT_API_DECLARATION( MODULE, VERSION, RET, NAME, PARAMS ) RET MODULE##NAME PARAMS

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

#define DMOD_LOG_ERROR( ... ) Dmod_Printf( "[ERROR] " __VA_ARGS__ )
#define DMOD_LOG_WARN( ... )  Dmod_Printf( "[WARN] " __VA_ARGS__ )
#define DMOD_LOG_INFO( ... )  Dmod_Printf( "[INFO] " __VA_ARGS__ )

#endif
