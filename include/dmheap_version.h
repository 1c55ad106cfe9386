/**
 * @file dmheap_version.h
 * @brief The version of this header, as dmheap.h has it. May not say anything else: scripts and tests read it.
 */
#ifndef DMHEAP_VERSION_H
#define DMHEAP_VERSION_H

#define DMHEAP_VERSION_MAJOR 1 /**< The first of its three numbers. */
#define DMHEAP_VERSION_MINOR 0 /**< The second. */
#define DMHEAP_VERSION_PATCH 0 /**< The third. */
/** @brief The three as a text. */
#define DMHEAP_VERSION "1.0.0"

#endif
