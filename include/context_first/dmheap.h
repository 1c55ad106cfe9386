/**
 * @file dmheap.h
 * @brief A module-aware heap for DMOD, with the interface of upstream's context-first generation.
 *
 * For systems and modules that are built for that one: its functions have the same names as those of the seed's generation,
 * with a heap as their first argument. A build has one generation; `docs/migration.md` has the differences, call by call.
 *
 * NULL as the heap stands for the list of default heaps: at most DMHEAP_MAX_CONTEXTS, in the order in which they were
 * added. The one that was **added last is searched first**, and dmheap_init() adds the heap that it makes; an index counts
 * from the one that was added first. What is said of threads, costs, errors, pointers, damage, names and sizes in the
 * seed's `dmheap.h` holds here too. In addition:
 * - **No heap named.** A call that names no heap, those of DMOD's own memory API too, touches the default heaps and no other
 *   one: the memory of a heap that was removed from the list can be switched off.
 * - **Heaps left behind.** A default heap whose memory was overwritten, so that it is none any more, is dropped by the next
 *   such call that does not find what it needs in the first one, with a `[WARN]`. One in whose memory another heap is made
 *   is dropped, unless it holds that memory as a block of its own.
 * - A heap that is named must exist, or the call is refused with an `[ERROR]`.
 */
#ifndef DMHEAP_H
#define DMHEAP_H

/** @brief Which generation of the API this is. */
#define DMHEAP_CONTEXT_FIRST 1

/** @cond */
#define DMHEAP_API_VERSION 1.0
/** @endcond */

#include "dmheap_common.h"

#ifdef __cplusplus
extern "C" {
#endif

/** @brief Figures of one heap, or the sum of the default heaps. Bytes are payload: what users have, or could have. */
typedef struct
{
    size_t heap_size;           /**< Bytes that the heap manages, control data included. */
    size_t free_bytes;          /**< In free blocks. */
    size_t used_bytes;          /**< In users' blocks, rounding included. */
    size_t free_block_count;    /**< Free blocks. */
    size_t used_block_count;    /**< Users' blocks. One that a realloc is copying at this moment is not counted. */
    size_t largest_free_block;  /**< Bytes, 0: there is none. */
    size_t smallest_free_block; /**< Bytes, 0: there is none. */
} dmheap_stats_t;

/**
 * @brief Called once for each block, outside of the critical section; it may use the heap.
 * @param address    The payload.
 * @param size       Its bytes.
 * @param owner_name The owner, valid as long as the call; NULL: nobody, or the block is free.
 * @param user_data  As it was handed in.
 */
typedef void ( *dmheap_block_visitor_t )( void* address, size_t size, const char* owner_name, void* user_data );

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wpedantic" /* DMOD's declaring macros end in a semicolon of their own */

/* ---- Heaps ------------------------------------------------------------------------------------------------------- */

/**
 * @brief Makes a heap of a buffer and adds it to the default heaps. Heaps that were made before live on, but for those in
 *        whose memory it lies.
 * @param buffer    Any address; the caller keeps it alive and untouched as long as the heap is used.
 * @param size      Bytes of `buffer`: at most 2 GiB, and 32 MiB on a 32-bit processor (see DMHEAP_MAX_MODULES).
 * @param alignment Default alignment of every allocation: a power of two. It also sets the granule in which sizes are
 *                  counted: 4 bytes up to an alignment of 4, 8 for 8, `alignment` beyond.
 * @return The heap, or NULL and an `[ERROR]` where `buffer` is NULL, `size` has no room for one allocation, `alignment` is
 *         0, no power of two or more than the buffer can give, or DMHEAP_MAX_CONTEXTS other heaps exist.
 * @note Cost: linear in the control data, outside of the critical section.
 */
DMHEAP_API( dmheap_context_t*, _init, ( void* buffer, size_t size, size_t alignment ) );

/** @brief Tells whether a heap exists and is not overwritten; of NULL, whether there is a default one.
 *  @param ctx The heap. @return true if so. */
DMHEAP_API( bool, _is_initialized, ( dmheap_context_t * ctx ) );

/**
 * @brief Names a heap.
 * @param ctx  The heap.
 * @param name 1 to DMHEAP_NAME_SIZE - 1 characters; copied into a block of the heap. NULL or empty: it has no name any more.
 * @return true on success. false and an `[ERROR]` where there is no such heap, the name is too long, or the heap has no
 *         memory for it: it keeps the name that it had then.
 */
DMHEAP_API( bool, _set_context_name, ( dmheap_context_t * ctx, const char* name ) );

/**
 * @brief Tells a heap's name; of NULL, that of the default heap that was added first.
 * @param ctx The heap.
 * @return The name, which stays until the heap gets another one or is no more; empty where it has none, or there is no heap.
 */
DMHEAP_API( const char*, _get_context_name, ( dmheap_context_t * ctx ) );

/** @brief Makes a heap the only default one. @param ctx The heap; NULL: there is none from then on. */
DMHEAP_API( void, _set_default_context, ( dmheap_context_t * ctx ) );

/**
 * @brief Adds a heap to the default ones; it is searched first from then on. One that is among them keeps its place.
 * @param ctx The heap.
 * @return true on success and where it is a default one already, false and an `[ERROR]` where it is no heap.
 */
DMHEAP_API( bool, _add_default_context, ( dmheap_context_t * ctx ) );

/**
 * @brief Takes a heap out of the default ones. It lives on, and no call that names no heap reads or writes its memory any more.
 * @param ctx The heap; it is not touched.
 * @return true if it was a default one.
 */
DMHEAP_API( bool, _remove_default_context, ( dmheap_context_t * ctx ) );

/** @brief Tells the default heap that was added first. @return It, or NULL. */
DMHEAP_API( dmheap_context_t*, _get_default_context, (void));

/** @brief Counts the default heaps. @return How many there are. */
DMHEAP_API( size_t, _get_default_context_count, (void));

/** @brief Tells a default heap. @param index 0: the one that was added first. @return It, or NULL beyond the last. */
DMHEAP_API( dmheap_context_t*, _get_default_context_at, ( size_t index ) );

/** @brief Finds a default heap by its name: of several, the one that was added first.
 *  @param name The name. @return The heap, or NULL. */
DMHEAP_API( dmheap_context_t*, _get_context_by_name, ( const char* name ) );

/* ---- Modules ----------------------------------------------------------------------------------------------------- */

/**
 * @brief Registers a module. Optional: the first allocation of a name does it too.
 * @param ctx         The heap; NULL: in every default one.
 * @param module_name The name; copied.
 * @return true where each of these heaps knows it then. false and an `[ERROR]` where the name is NULL, empty or too long,
 *         one of them has no memory for it or knows too many, or there is none.
 */
DMHEAP_API( bool, _register_module, ( dmheap_context_t * ctx, const char* module_name ) );

/**
 * @brief Frees all that a module owns and forgets the module. A heap that lies in one of its blocks is taken down first, with
 *        a `[WARN]`.
 * @param ctx         The heap; NULL: in every default one.
 * @param module_name The name; it may lie in memory that this call frees.
 * @note Cost: linear in each heap's blocks up to the module's last one, in steps; the lock is held for one bounded step at
 *       a time. While this runs, allocations for the module are refused.
 */
DMHEAP_API( void, _unregister_module, ( dmheap_context_t * ctx, const char* module_name ) );

/* ---- Memory ------------------------------------------------------------------------------------------------------ */

/**
 * @brief Allocates a block at the heap's default alignment.
 * @param ctx         The heap; NULL: the default ones, the one added last first, until one has the memory.
 * @param size        Bytes; 0 gives the smallest block.
 * @param module_name Owner; NULL: nobody. A name that is not registered yet is registered in the heap that grants the request.
 * @return The payload, or NULL and an `[ERROR]`.
 * @note Cost: O(1) in each heap that is asked.
 */
DMHEAP_API( void*, _malloc, ( dmheap_context_t * ctx, size_t size, const char* module_name ) );

/**
 * @brief Changes a block's size; keeps min(old, new) bytes, the owner and the alignment.
 * @param ctx         The heap that has the block; NULL: any default one, and another one where that has no memory for it.
 * @param ptr         A live payload; NULL: as dmheap_malloc(). Anything else: NULL and an `[ERROR]`.
 * @param size        Bytes. 0 shrinks the block to the smallest one and keeps it.
 * @param module_name Owner of the block where `ptr` is NULL; without effect otherwise.
 * @return The payload, which may have moved; NULL where memory does not suffice or the owner's limit is in the way: the old
 *         block is untouched then.
 */
DMHEAP_API( void*, _realloc, ( dmheap_context_t * ctx, void* ptr, size_t size, const char* module_name ) );

/**
 * @brief Allocates a block at a given alignment, which dmheap_realloc() keeps.
 * @param ctx         As in dmheap_malloc().
 * @param alignment   A power of two of any size.
 * @param size        Bytes; need be no multiple of the alignment.
 * @param module_name As in dmheap_malloc().
 * @return The payload, or NULL and an `[ERROR]`.
 */
DMHEAP_API( void*, _aligned_alloc, ( dmheap_context_t * ctx, size_t alignment, size_t size, const char* module_name ) );

/**
 * @brief Frees a block and merges it with its free neighbours.
 * @param ctx         The heap that has the block; NULL: any default one.
 * @param ptr         A live payload; NULL: nothing is done. Anything else is refused with an `[ERROR]`.
 * @param concatenate Without effect: merging costs O(1) and is always done.
 */
DMHEAP_API( void, _free, ( dmheap_context_t * ctx, void* ptr, bool concatenate ) );

/** @brief Ensures that no two free neighbours remain: always true in this heap, returns at once. @param ctx Not read. */
DMHEAP_API( void, _concatenate_free_blocks, ( dmheap_context_t * ctx ) );

/**
 * @brief Gives a block to another owner.
 * @param ctx             The heap that has the block; NULL: any default one.
 * @param ptr             A live payload.
 * @param new_module_name The new owner, registered if need be.
 * @return true on success, and where it is the owner already. false and an `[ERROR]` for a wrong pointer, no name or a bad
 *         one, an owner being unregistered, or one whose limit would be exceeded.
 */
DMHEAP_API( bool, _retag, ( dmheap_context_t * ctx, void* ptr, const char* new_module_name ) );

/* ---- Figures ----------------------------------------------------------------------------------------------------- */

/**
 * @brief Tells the figures of a heap; of NULL, the sums over the default heaps, of the largest and smallest free block what
 *        these are in all of them.
 * @param ctx The heap.
 * @param out Receives them.
 * @return true on success, false and an `[ERROR]` where there is no heap or `out` is NULL.
 * @note Cost: linear in the blocks, in steps. The figures fit together if no other thread changes the heap meanwhile.
 */
DMHEAP_API( bool, _get_stats, ( dmheap_context_t * ctx, dmheap_stats_t* out ) );

/**
 * @brief Shows every free block to a visitor, in address order.
 * @param ctx       The heap; NULL: the default ones, one after the other.
 * @param visitor   Called outside of the critical section. NULL: an `[ERROR]`.
 * @param user_data Handed to it.
 * @note Cost: linear, in steps. What others change during the walk may be shown as it was before or after.
 */
DMHEAP_API( void, _for_each_free_block, ( dmheap_context_t * ctx, dmheap_block_visitor_t visitor, void* user_data ) );

/** @brief As dmheap_for_each_free_block(), every block that a user has. @param ctx As there. @param visitor As there.
 *  @param user_data As there. */
DMHEAP_API( void, _for_each_used_block, ( dmheap_context_t * ctx, dmheap_block_visitor_t visitor, void* user_data ) );

#pragma GCC diagnostic pop

#ifdef __cplusplus
}
#endif

#endif
