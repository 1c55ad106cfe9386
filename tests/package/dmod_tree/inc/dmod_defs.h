/*
 * The macros that declare and define an API. Those that declare end in a semicolon of their own, as DMOD's do.
 */
#ifndef DMOD_TREE_DEFS_H
#define DMOD_TREE_DEFS_H

#include "dmod-config.h"

#define DMOD_MAX_MODULE_NAME_LENGTH 32
#define DMOD_STACK_ALIGNMENT        16

#define DMOD_SIGNATURE_PREFIX                        "\021DMOD\022"
#define DMOD_MAKE_SIGNATURE( MODULE, VERSION, NAME ) DMOD_SIGNATURE_PREFIX #NAME "@" #MODULE ":" #VERSION "\0"

#ifdef DMOD_ENABLE_REGISTRATION
#define DMOD_TREE_REGISTRATION( RECORD, FUNCTION, SIGNATURE )                                                          \
    volatile const Dmod_ApiRegistration_t RECORD __attribute__( ( used, section( ".dmod.inputs" ) ) ) = {              \
        .Function = (void*)FUNCTION, .Signature = SIGNATURE };
#else
#define DMOD_TREE_REGISTRATION( RECORD, FUNCTION, SIGNATURE ) extern Dmod_ApiRegistration_t RECORD;
#endif

#if DMOD_SYSTEM_EN == ON
#define DMOD_BUILTIN_API( MODULE, VERSION, RET, NAME, PARAMS )                                                         \
    extern RET MODULE##NAME PARAMS __attribute__( ( used ) );                                                          \
    DMOD_TREE_REGISTRATION( MODULE##NAME##_registration, MODULE##NAME, DMOD_MAKE_SIGNATURE( MODULE, VERSION, NAME ) );
#else
#define DMOD_BUILTIN_API( MODULE, VERSION, RET, NAME, PARAMS )                                                         \
    static RET( *MODULE##NAME ) PARAMS __attribute__( ( section( ".dmod.outputs" ), unused ) ) =                       \
        (void*)DMOD_MAKE_SIGNATURE( MODULE, VERSION, NAME );
#endif

#define DMOD_INPUT_API_DECLARATION( MODULE, VERSION, RET, NAME, PARAMS ) RET MODULE##NAME PARAMS
#define DMOD_INPUT_WEAK_API_DECLARATION( MODULE, VERSION, RET, NAME, PARAMS )                                          \
    __attribute__( ( weak ) ) RET MODULE##NAME PARAMS

#endif
