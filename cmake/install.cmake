# Installing, for find_package(dmheap) and pkg-config, with the bundled dmod.h: an installed package could not name the DMOD tree
# that it was built in.
include(CMakePackageConfigHelpers)
set(DMHEAP_CMAKE_DIR ${CMAKE_INSTALL_LIBDIR}/cmake/dmheap)

install(FILES ${DMHEAP_INCLUDE_DIR}/dmheap.h include/dmheap_common.h include/dmheap_version.h glue/cpp/dmheap.hpp port/include/dmod.h
        DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
install(TARGETS dmheap dmheap_if EXPORT dmheap-targets ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR})
install(EXPORT dmheap-targets NAMESPACE dmheap:: DESTINATION ${DMHEAP_CMAKE_DIR})
configure_package_config_file(cmake/dmheap-config.cmake.in dmheap-config.cmake INSTALL_DESTINATION ${DMHEAP_CMAKE_DIR})
write_basic_package_version_file(dmheap-config-version.cmake COMPATIBILITY SameMajorVersion)
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/dmheap-config.cmake ${CMAKE_CURRENT_BINARY_DIR}/dmheap-config-version.cmake
        DESTINATION ${DMHEAP_CMAKE_DIR})

set(DMHEAP_PC_LIBS_PRIVATE "")
if(DMOD_MODE STREQUAL "DMOD_SYSTEM")
    set(DMHEAP_PC_LIBS_PRIVATE " -pthread")
endif()
configure_file(cmake/dmheap.pc.in dmheap.pc @ONLY)
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/dmheap.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
