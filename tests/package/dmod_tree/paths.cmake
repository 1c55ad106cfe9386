# Names the folder from which create_library_makefile() comes, as DMOD's does.
set(DMOD_SCRIPTS_DIR ${DMOD_DIR}/scripts)
include(${DMOD_SCRIPTS_DIR}/create_library_makefile.cmake)
