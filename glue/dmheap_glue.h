/**
 * @file dmheap_glue.h
 * @brief What a program may tell the glue to C libraries and to C++'s operator new. May not need more than C11 or C++17.
 */
#ifndef DMHEAP_GLUE_H
#define DMHEAP_GLUE_H

#ifdef __cplusplus
extern "C" {
#endif

/**
 * @brief Tells whose the block is that is being allocated, where the interface has no name for it: `malloc( 10 )`.
 * @return The module's name, or NULL for nobody. It must stay until the allocation has returned.
 * @note Called outside of the critical section, for each allocation. The glue has a weak one that says nobody.
 */
const char* dmheap_glue_owner( void );

#ifdef __cplusplus
}
#endif

#endif
