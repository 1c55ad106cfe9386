# Where everything is, and what is not set otherwise. Included by this tree, and by those who build on it.
if(NOT DEFINED DMOD_DIR)
    set(DMOD_DIR ${CMAKE_CURRENT_SOURCE_DIR})
endif()
if(NOT DEFINED DMOD_BUILD_DIR)
    set(DMOD_BUILD_DIR ${DMOD_DIR}/build)
endif()
set(DMOD_INC_DIR ${DMOD_DIR}/inc)
set(DMOD_SCRIPTS_DIR ${DMOD_DIR}/scripts)

if(NOT DEFINED DMOD_MODE)
    set(DMOD_MODE DMOD_SYSTEM)
endif()
if(NOT DEFINED DMOD_MAX_MODULES)
    set(DMOD_MAX_MODULES 50)
endif()
if(NOT DEFINED DMOD_USE_STDIO)
    set(DMOD_USE_STDIO ON) # OFF on every microcontroller
endif()
if(NOT DEFINED DMOD_PRINTF_LENGTHS)
    set(DMOD_PRINTF_LENGTHS ON) # OFF: its formatter is that of 2025, which takes the l of %lu for the conversion
endif()
