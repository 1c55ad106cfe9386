/**
 * @file dmheap_version.h
 * @brief The version of this header, as dmheap.h has it. May not say anything else: CMake, package files and tests read it.
 */
#ifndef DMHEAP_VERSION_H
#define DMHEAP_VERSION_H

/** @name The version that a program is compiled with
 *  @{ */
#define DMHEAP_VERSION_MAJOR 1
#define DMHEAP_VERSION_MINOR 0
#define DMHEAP_VERSION_PATCH 0
#define DMHEAP_VERSION       "1.0.0"
/** @} */

#endif
