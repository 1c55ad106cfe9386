/**
 * @file dmheap.h
 * @brief A module-aware heap for DMOD: every block knows its owner, every pointer that is no live payload is refused.
 *
 * The only header that a user includes. Three faces of one heap, which share one path:
 * - `dmheap_*( ..., module_name )`: the default heaps, tried in order. Start here.
 * - `dmheap_ctx_*( context, ... )`: one heap of several, by name.
 * - `dmheap_module_*( module, ... )`: a module resolved once, for paths where the name lookup counts, and for those who
 *   want a module kept from freeing what is not its own.
 *
 * Common to all functions, unless they say otherwise:
 * - **Threads and interrupts.** As safe as Dmod_EnterCritical() makes it: from any thread where it excludes the others, from
 *   interrupt handlers where it masks them. The bundled ports do the former on a host, the latter on a bare Cortex-M or
 *   RISC-V; DMOD's own does nothing on a host. Logging is done outside of the critical section, in the caller's context.
 * - **Cost.** "O(1)" is a bound that depends on neither the heap's size nor the live blocks; a name that the heap has not
 *   just seen under the same address, and registering or forgetting one, is O(modules), of which a heap has at most
 *   DMHEAP_MAX_MODULES. Unregister, rename to a name that is taken, visitors and check are linear in the blocks, and
 *   dmheap_init() in the control data; they hold the lock for a bounded number of blocks at a time. Under the lock nothing
 *   is copied or filled but names and the table of modules, and nothing is logged. `docs/cost.md` has the figures.
 * - **Errors.** A call that is refused logs what was wrong and changes the counts of refusals and hints for the next lookup,
 *   nothing else: no record, no memory, no peak. The same refusal of the same module, in the same heap and for the same
 *   reason, is logged when it comes for the first, second, fourth, eighth ... time, and how often it came in front of
 *   whatever is logged next.
 * - **Log.** A line has at most 99 bytes, 160 on 64-bit processors, DMOD's prefix and colour included; what is longer takes
 *   two, the second of which begins with a space, and a name that is too long for its line is shortened in the middle. While
 *   something is being logged, what else there is to log, by other threads, interrupts or Dmod_Printf() itself, is counted,
 *   and the next report ends with `(+N not shown)`. So Dmod_Printf() may allocate from these heaps, also when they are full
 *   or damaged.
 * - **Pointers.** A map of live payloads tells every address that is not one exactly: freed, inside of a block,
 *   misaligned, foreign. An address that was freed and then handed out again *is* a live payload: that only
 *   dmheap_module_free() can tell, where it is another module's by then.
 * - **Damage.** If one word of a heap's structure is overwritten, whichever it is, no call reads or writes outside of the heap
 *   because of it. dmheap_check() finds it, unless no other word contradicts it: `docs/assurance.md` has these.
 * - **Module names** are NUL-terminated, 1 to DMHEAP_NAME_SIZE - 1 characters, told apart whole, copied. The owner of a
 *   block may be NULL or "", which is nobody.
 * - **Sizes** are bytes.
 * - **No heap named.** A call that names no heap allocates in the default heaps, and looks for pointers and modules in every
 *   heap that exists.
 */
#ifndef DMHEAP_H
#define DMHEAP_H

/** @brief Which generation of the API this is. */
#define DMHEAP_CONTEXT_FIRST 0

/** @brief The version that modules find these functions by. DMOD compares it up to the first dot: a module that is built for
 *  the context-first generation, which has the same names with other parameters, is refused instead of crashing. Define it
 *  as 1.0 for systems whose modules were built for the dmheap of that time. */
#ifndef DMHEAP_SEED_VERSION
#define DMHEAP_SEED_VERSION 2.0
#endif
/** @cond */
#define DMHEAP_API_VERSION DMHEAP_SEED_VERSION
/** @endcond */

#include "dmheap_common.h"

#ifdef __cplusplus
extern "C" {
#endif

/** @brief Figures of one heap, or the sum of the default heaps. */
typedef dmheap_heap_stats_t dmheap_stats_t;
/** @brief What dmheap_visit_blocks() calls. */
typedef dmheap_block_info_visitor_t dmheap_block_visitor_t;

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wpedantic" /* DMOD's declaring macros end in a semicolon of their own */

/**
 * @brief Makes a heap of a buffer and gives it to the functions without a context.
 * @param buffer    Any address; the caller keeps it alive and untouched as long as the heap is used.
 * @param size      Bytes of `buffer`: at least 168 at an alignment of up to 8, for one block (without the guard, in a buffer
 *                  at a multiple of 8); at most 2 GiB, and 32 MiB on a 32-bit processor (see DMHEAP_MAX_MODULES).
 * @param alignment Default alignment of every allocation: a power of two. It also sets the granule in which sizes are
 *                  counted: 4 bytes up to an alignment of 4, 8 for 8, `alignment` beyond. Choose 8: that is what doubles,
 *                  `max_align_t` and stacks want, on 32-bit processors too; 4 saves memory where none of these is kept
 *                  in the heap.
 * @return true on success. false and an `[ERROR]` where `buffer` is NULL, `size` has no room for one allocation,
 *         `alignment` is 0, no power of two or more than the buffer can give, or DMHEAP_MAX_CONTEXTS other heaps exist;
 *         nothing is touched then, and a heap that existed before lives on (unless another thread makes a heap at the same
 *         moment and takes the last place).
 * @note A second call starts over: the heap that an earlier call made is forgotten without being read, so take heaps that lie
 *       in its blocks down before. Of other heaps in the
 *       same memory, see dmheap_ctx_init().
 * @note Cost: linear in the control data (about 1/32 of the heap at 8-byte granules), outside of the critical section.
 */
DMHEAP_API( bool, _init, ( void* buffer, size_t size, size_t alignment ) );

/** @brief Tells whether there is a default heap. @return true if so. */
DMHEAP_API( bool, _is_initialized, (void));

/**
 * @brief Registers a module in the first default heap. Optional: the first allocation of a name does it too.
 * @param module_name The name; copied.
 * @return true on success, and where it is registered already (with a `[WARN]`). false and an `[ERROR]` where the
 *         name is NULL, empty or too long, the module is being unregistered, or memory or the module table is full.
 */
DMHEAP_API( bool, _register_module, ( const char* module_name ) );

/**
 * @brief Frees all that a module owns, in every heap, and forgets the module. A heap that lies in one of its blocks is
 *        taken down first, with a `[WARN]`.
 * @param module_name The name; it may lie in memory that this call frees. Unknown: a `[WARN]` and nothing else, by
 *                    Dmod_FreeModule() not even that; NULL, empty or too long: an `[ERROR]`.
 * @note While this runs, allocations for the module are refused; all others go through between its steps.
 * @note Cost: linear in each heap's blocks up to the module's last one, in steps; the lock is held for one bounded step at
 *       a time. A module that holds nothing is forgotten at once.
 */
DMHEAP_API( void, _unregister_module, ( const char* module_name ) );

/**
 * @brief Allocates a block at the heap's default alignment.
 * @param size        Bytes; 0 gives the smallest block, which must be freed like any other.
 * @param module_name Owner; NULL or "": nobody. A name not yet registered is registered in the heap that grants the request.
 * @return The payload, or NULL and an `[ERROR]` that names the size, the module and the reason; where there was no memory,
 *         the largest free block too. A limit that is reached in one heap is not got around in the next.
 * @note Cost: O(1). Algorithm: two-level segregated fit (Masmano et al., "TLSF: a new dynamic memory allocator for
 *       real-time systems", 2004) over 32-bit places in the image; each default heap is tried in order.
 */
DMHEAP_API( void*, _malloc, ( size_t size, const char* module_name ) );

/**
 * @brief Allocates a block at a given alignment. The memory in front of the payload stays usable for others.
 * @param alignment   A power of two of any size.
 * @param size        Bytes; need be no multiple of the alignment.
 * @param module_name Owner, as in dmheap_malloc().
 * @return The payload, or NULL and an `[ERROR]`.
 * @note The block remembers the alignment, in one word at its end: dmheap_realloc() keeps it.
 * @note Cost: O(1).
 */
DMHEAP_API( void*, _aligned_alloc, ( size_t alignment, size_t size, const char* module_name ) );

/**
 * @brief Changes a block's size; keeps min(old, new) bytes, the owner and the alignment the block was asked for, or that
 *        its heap gives to every block.
 * @param ptr         A live payload; NULL: as dmheap_malloc(). Anything else: NULL and an `[ERROR]`.
 * @param size        Bytes. 0 frees the block and returns NULL, as glibc and newlib do. No more than dmheap_usable_size()
 *                    always succeeds, in place, also above a limit.
 * @param module_name Owner of the block where `ptr` is NULL; without effect otherwise: dmheap_retag() changes
 *                    an owner.
 * @return The payload, which may have moved; NULL where memory does not suffice or the owner's limit is in the way: the old
 *         block is untouched then.
 * @note Tried in order: in place, with the free block behind; another place in the same heap; another default heap, if the
 *       block is in one.
 * @note Cost: O(1) under the lock; a move copies min(old, new) bytes outside of it. A block is not accessible to any
 *       other call while it moves. What the owner holds changes once, when the call is admitted.
 */
DMHEAP_API( void*, _realloc, ( void* ptr, size_t size, const char* module_name ) );

/**
 * @brief Frees a block and merges it with its free neighbours.
 * @param ptr         A live payload; NULL: nothing is done. Anything else is refused with an `[ERROR]`.
 * @param concatenate Kept for DMOD's interface. Merging costs O(1) here and is done for either value, so that
 *                    memory which merging provides is never missing.
 */
DMHEAP_API( void, _free, ( void* ptr, bool concatenate ) );

/**
 * @brief Ensures that no two free neighbours remain in any default heap.
 * @note Always true in this heap (see dmheap_free()): returns at once.
 */
DMHEAP_API( void, _concatenate_free_blocks, (void));

/**
 * @brief Gives a block to another owner.
 * @param ptr         A live payload.
 * @param module_name The new owner, registered if need be; NULL or "": nobody.
 * @return true on success, and where it is the owner already. false and an `[ERROR]` for a wrong pointer or name, an owner
 *         being unregistered, or one whose limit would be exceeded.
 */
DMHEAP_API( bool, _retag, ( void* ptr, const char* module_name ) );

/**
 * @brief Sums the figures of the default heaps; `largest_free_block` is the largest of all.
 * @param stats Receives them.
 * @return true on success, false and an `[ERROR]` where there is no heap or `stats` is NULL.
 */
DMHEAP_API( bool, _get_stats, ( dmheap_stats_t * stats ) );

/** @cond */
#if DMOD_MODULE_EN == OFF && !defined( DMHEAP_WITHOUT_ATTRIBUTES )
extern void* dmheap_malloc( size_t size, const char* module_name ) DMHEAP_ALLOCATES( 1 );
extern void* dmheap_aligned_alloc( size_t alignment, size_t size, const char* module_name ) DMHEAP_ALLOCATES( 2 );
extern void* dmheap_realloc( void* ptr, size_t size, const char* module_name ) DMHEAP_REALLOCATES( 2 );
#endif
/** @endcond */

#pragma GCC diagnostic pop

#ifdef __cplusplus
}
#endif

#endif
