# Stands in for DMOD's function: writes a Makefile for a library.
function(create_library_makefile target)
    get_target_property(sources ${target} SOURCES)
    file(WRITE ${CMAKE_CURRENT_BINARY_DIR}/${target}.mk "SOURCES := ${sources}\n")
endfunction()
