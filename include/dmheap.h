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
 * - **Threads and interrupts.** Safe from any thread and, where Dmod_EnterCritical() masks interrupts, from interrupt
 *   handlers. Logging is done outside of the critical section, in the caller's context.
 * - **Cost.** "O(1)" is a bound that depends on neither the heap's size nor the live blocks; a name that the heap has not
 *   just seen under the same address, and registering or forgetting one, is O(modules), of which a heap has at most
 *   DMHEAP_MAX_MODULES. Unregister, rename to a name that is taken, visitors and check are linear in the blocks, and
 *   dmheap_init() in the control data; they hold the lock for a bounded number of blocks at a time. Under the lock nothing
 *   is copied or filled but names and the table of modules, and nothing is logged. `docs/cost.md` has the figures.
 * - **Errors.** A call that is refused logs one line and changes the counts of refusals and hints for the next lookup,
 *   nothing else: no record, no memory, no peak.
 * - **Pointers.** A map of live payloads tells every address that is not one exactly: freed, inside of a block,
 *   misaligned, foreign. An address that was freed and then handed out again *is* a live payload: that only
 *   dmheap_module_free() can tell, where it is another module's by then.
 * - **Damage.** Whatever word of a heap is overwritten, no call reads or writes outside of the heap for it; dmheap_check()
 *   tells where it is.
 * - **Module names** are NUL-terminated, 1 to DMHEAP_NAME_SIZE - 1 characters, copied; NULL is nobody.
 * - **Sizes** are bytes.
 */
#ifndef DMHEAP_H
#define DMHEAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dmod.h"

/** @brief Heaps that can exist at a time. */
#ifndef DMHEAP_MAX_CONTEXTS
#define DMHEAP_MAX_CONTEXTS 8
#endif
/** @brief Modules that a heap can know at a time, if it has the memory: from 640 bytes on there is room for one for each 64
 *  bytes, with names of up to 3 characters. At most 252; more than 124 halve the largest heap of a 32-bit processor. */
#ifndef DMHEAP_MAX_MODULES
#define DMHEAP_MAX_MODULES ( DMOD_MAX_MODULES > 124 ? DMOD_MAX_MODULES : 124 )
#endif
/** @brief Room for a module's name, its NUL included: DMOD's kernel makes names of DMOD_MAX_MODULE_NAME_LENGTH + 24. */
#ifndef DMHEAP_NAME_SIZE
#define DMHEAP_NAME_SIZE ( DMOD_MAX_MODULE_NAME_LENGTH + 24 > 64 ? DMOD_MAX_MODULE_NAME_LENGTH + 24 : 64 )
#endif

#ifdef __cplusplus
extern "C" {
#endif

/** @brief One heap. It lies at the front of the buffer that it manages and holds no pointer. */
typedef struct dmheap_context dmheap_context_t;

/** @brief A module resolved once in one heap. Stale after the module is unregistered or the heap taken down, and then
 *  refused: no key is given again for 2^24 registrations, in whatever heap. It survives a rename. */
typedef struct
{
    dmheap_context_t* context; /**< The heap, NULL in an invalid handle. */
    uint32_t          key;     /**< Opaque. */
} dmheap_module_t;

/** @brief Figures of one heap, or the sum of the default heaps. All in bytes unless said otherwise. */
typedef struct
{
    size_t   heap_size;          /**< What the heap manages, control data included. */
    size_t   free_bytes;         /**< In free blocks. */
    size_t   used_bytes;         /**< In live blocks, headers and rounding included. */
    size_t   overhead_bytes;     /**< Control data: `heap_size - free_bytes - used_bytes`. */
    size_t   largest_free_block; /**< The largest size that dmheap_malloc() grants now to a module that is known; with
                                      several heaps, the maximum. */
    size_t   peak_used_bytes;    /**< Highest that used_bytes and module records together have been; summed. */
    uint32_t used_blocks;        /**< Live blocks, a count. */
    uint32_t free_blocks;        /**< Free blocks, a count. */
    uint32_t modules;            /**< Registered modules, a count; one that two heaps know counts twice. */
    uint32_t failed_allocations; /**< Requests for memory that their caller saw refused because there was none, the
                                      module's limit was reached or the table of modules was full, a count. Booked in the
                                      heap that was asked first. */
} dmheap_stats_t;

/** @brief Figures of one module. Bytes count whole blocks: payload, header and rounding. */
typedef struct
{
    size_t   live_bytes;  /**< Held now. While a realloc copies, the block's new size, once. */
    size_t   peak_bytes;  /**< Highest that live_bytes has been since registration. */
    size_t   limit_bytes; /**< Allocations beyond this are refused; SIZE_MAX: no limit. */
    uint32_t live_blocks; /**< Held now, a count. */
} dmheap_module_stats_t;

/** @brief What a visitor is told of a module. */
typedef struct
{
    const dmheap_context_t* context;                /**< The heap. */
    char                    name[DMHEAP_NAME_SIZE]; /**< The module's name. */
    dmheap_module_stats_t   stats;                  /**< Its figures in this heap. */
} dmheap_module_info_t;

/** @brief What a block is used for. */
typedef enum
{
    DMHEAP_BLOCK_FREE,   /**< Free memory. */
    DMHEAP_BLOCK_LIVE,   /**< An allocation. */
    DMHEAP_BLOCK_SYSTEM, /**< Holds the heap's own records. */
    DMHEAP_BLOCK_MOVING  /**< A realloc is copying from it or to it at this moment, or a rename is about to use it. */
} dmheap_block_use_t;

/** @brief What a visitor is told of a block. */
typedef struct
{
    const dmheap_context_t* context;                 /**< The heap. */
    void*                   address;                 /**< Its payload. */
    size_t                  size;                    /**< Payload bytes that can be used. */
    size_t                  block_bytes;             /**< Bytes of heap that it takes. */
    dmheap_block_use_t      use;                     /**< What it is used for. */
    const void*             caller;                  /**< With DMHEAP_GUARD, who allocated it; or NULL. */
    char                    owner[DMHEAP_NAME_SIZE]; /**< Owner's name; empty: nobody. */
} dmheap_block_info_t;

/** @brief Called once for each block, outside of the critical section. @return false to end the walk. */
typedef bool ( *dmheap_block_visitor_t )( const dmheap_block_info_t* block, void* user );
/** @brief Called once for each module, outside of the critical section. @return false to end the walk. */
typedef bool ( *dmheap_module_visitor_t )( const dmheap_module_info_t* module, void* user );

/** @brief What dmheap_check() found first. */
typedef enum
{
    DMHEAP_CHECK_OK = 0,          /**< Every invariant holds. */
    DMHEAP_CHECK_NOT_INITIALIZED, /**< There is no heap here. */
    DMHEAP_CHECK_GEOMETRY,        /**< The control data at the front of the heap is overwritten. */
    DMHEAP_CHECK_HEADER,          /**< A block's header has an impossible size or flag. */
    DMHEAP_CHECK_NEIGHBOUR,       /**< Two neighbours contradict each other, or do not touch. */
    DMHEAP_CHECK_FOOT,            /**< A free block's foot differs from its header. */
    DMHEAP_CHECK_FREE_LIST,       /**< A free block is not in the list that it belongs in. */
    DMHEAP_CHECK_INDEX,           /**< Bitmaps and lists of free blocks contradict each other. */
    DMHEAP_CHECK_OWNER,           /**< A block's owner does not exist. */
    DMHEAP_CHECK_MODULE,          /**< A module's record or counters are wrong. */
    DMHEAP_CHECK_COUNTERS,        /**< The heap's counters differ from what the walk found. */
    DMHEAP_CHECK_GUARD            /**< With DMHEAP_GUARD: a write behind a block, or into free memory. */
} dmheap_check_t;

/** @brief Position for dmheap_ctx_set_default(): behind all other default heaps. */
#define DMHEAP_LAST SIZE_MAX

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wpedantic" /* DMOD's declaring macros end in a semicolon of their own */

/* ---- The default heaps ------------------------------------------------------------------------------------------- */

/**
 * @brief Makes a heap of a buffer and gives it to the functions without a context.
 * @param buffer    Any address; the caller keeps it alive and untouched as long as the heap is used.
 * @param size      Bytes of `buffer`: at most 2 GiB, and 32 MiB on a 32-bit processor (see DMHEAP_MAX_MODULES).
 * @param alignment Default alignment of every allocation: a power of two. It also sets the granule in which sizes are
 *                  counted: 4 bytes up to an alignment of 4, 8 for 8, `alignment` beyond. Choose 8: that is what doubles,
 *                  `max_align_t` and stacks want, on 32-bit processors too; 4 saves memory where none of these is kept
 *                  in the heap.
 * @return true on success. false and an `[ERROR]` where `buffer` is NULL, `size` has no room for one allocation,
 *         `alignment` is 0, no power of two or more than the buffer can give, or DMHEAP_MAX_CONTEXTS other heaps exist;
 *         nothing is touched then, and a heap that existed before lives on.
 * @note A second call starts over: the heap that an earlier call made is forgotten without being read.
 * @note Cost: linear in the control data (about 1/32 of the heap at 8-byte granules), outside of the critical section.
 */
DMOD_BUILTIN_API( dmheap, 1.0, bool, _init, ( void* buffer, size_t size, size_t alignment ) );

/** @brief Tells whether there is a default heap. @return true if so. */
DMOD_BUILTIN_API( dmheap, 1.0, bool, _is_initialized, (void));

/**
 * @brief Registers a module in the first default heap. Optional: the first allocation of a name does it too.
 * @param module_name The name; copied.
 * @return true on success, and where it is registered already (with a `[WARN]`). false and an `[ERROR]` where the
 *         name is NULL, empty or too long, or memory or the module table is full.
 */
DMOD_BUILTIN_API( dmheap, 1.0, bool, _register_module, ( const char* module_name ) );

/**
 * @brief Frees all that a module owns, in every heap, and forgets the module. A heap that lies in one of its blocks is
 *        taken down first, with a `[WARN]`.
 * @param module_name The name; it may lie in memory that this call frees. Unknown: a `[WARN]` and nothing else; NULL, empty or
 *                    too long: an `[ERROR]`.
 * @note While this runs, allocations for the module are refused; all others go through between its steps.
 * @note Cost: linear in each heap's blocks up to the module's last one, in steps; the lock is held for one bounded step at
 *       a time. A module that holds nothing is forgotten at once.
 */
DMOD_BUILTIN_API( dmheap, 1.0, void, _unregister_module, ( const char* module_name ) );

/**
 * @brief Allocates a block at the heap's default alignment.
 * @param size        Bytes; 0 gives the smallest block, which must be freed like any other.
 * @param module_name Owner; NULL: nobody. A name not yet registered is registered in the heap that grants the request.
 * @return The payload, or NULL and an `[ERROR]` that names the size, the module and the reason; where there was no memory,
 *         the largest free block too. A limit that is reached in one heap is not got around in the next.
 * @note Cost: O(1). Algorithm: two-level segregated fit (Masmano et al., "TLSF: a new dynamic memory allocator for
 *       real-time systems", 2004) over 32-bit places in the image; each default heap is tried in order.
 */
DMOD_BUILTIN_API( dmheap, 1.0, void*, _malloc, ( size_t size, const char* module_name ) );

/**
 * @brief Allocates a block at a given alignment. The memory in front of the payload stays usable for others.
 * @param alignment   A power of two of any size.
 * @param size        Bytes; need be no multiple of the alignment.
 * @param module_name Owner, as in dmheap_malloc().
 * @return The payload, or NULL and an `[ERROR]`.
 * @note The block remembers the alignment, in one word at its end: dmheap_realloc() keeps it.
 * @note Cost: O(1).
 */
DMOD_BUILTIN_API( dmheap, 1.0, void*, _aligned_alloc, ( size_t alignment, size_t size, const char* module_name ) );

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
DMOD_BUILTIN_API( dmheap, 1.0, void*, _realloc, ( void* ptr, size_t size, const char* module_name ) );

/**
 * @brief Frees a block and merges it with its free neighbours.
 * @param ptr         A live payload; NULL: nothing is done. Anything else is refused with an `[ERROR]`.
 * @param concatenate Kept for DMOD's interface. Merging costs O(1) here and is done for either value, so that
 *                    memory which merging provides is never missing.
 */
DMOD_BUILTIN_API( dmheap, 1.0, void, _free, ( void* ptr, bool concatenate ) );

/**
 * @brief Ensures that no two free neighbours remain in any default heap.
 * @note Always true in this heap (see dmheap_free()): returns at once.
 */
DMOD_BUILTIN_API( dmheap, 1.0, void, _concatenate_free_blocks, (void));

/**
 * @brief Allocates zeroed memory for an array.
 * @param count       Elements.
 * @param size        Bytes of one; the product is checked for overflow.
 * @param module_name Owner, as in dmheap_malloc().
 * @return The payload, or NULL and an `[ERROR]`.
 * @note Cost: O(1) under the lock; the payload is filled outside of it.
 */
DMOD_BUILTIN_API( dmheap, 1.0, void*, _calloc, ( size_t count, size_t size, const char* module_name ) );

/**
 * @brief dmheap_realloc() to a given alignment, which the block keeps from then on.
 * @param ptr         As in dmheap_realloc().
 * @param alignment   A power of two.
 * @param size        As in dmheap_realloc(), but an alignment that the block does not have yet takes a word, and may take
 *                    another place: for it memory may not suffice, or a limit be in the way, whatever the size.
 * @param module_name As in dmheap_realloc().
 * @return The payload, or NULL and an `[ERROR]`; the old block is untouched then.
 */
DMOD_BUILTIN_API( dmheap, 1.0, void*, _aligned_realloc,
                  ( void* ptr, size_t alignment, size_t size, const char* module_name ) );

/**
 * @brief Tells how many bytes of a block can be used.
 * @param ptr A live payload.
 * @return Bytes, at least those asked for; 0 and an `[ERROR]` for any other pointer, 0 for NULL.
 */
DMOD_BUILTIN_API( dmheap, 1.0, size_t, _usable_size, ( const void* ptr ) );

/**
 * @brief Gives a block to another owner.
 * @param ptr         A live payload.
 * @param module_name The new owner, registered if need be; NULL: nobody.
 * @return true on success, and where it is the owner already. false and an `[ERROR]` for a wrong pointer or name, an owner
 *         being unregistered, or one whose limit would be exceeded.
 */
DMOD_BUILTIN_API( dmheap, 1.0, bool, _retag, ( void* ptr, const char* module_name ) );

/**
 * @brief Renames a module in every heap; where the new name is taken, its blocks join those of that module.
 * @param old_name The module. Its handles stay valid where the new name is free.
 * @param new_name The name that it gets; NULL: its blocks belong to nobody from then on.
 * @return true on success. false, and nothing is changed in any heap: unknown module, one that is being unregistered, a bad
 *         name, no memory for the name, or a limit of the other module that both together exceed, as it is before the
 *         first block is handed over.
 * @note Cost: O(modules) to a free name; else linear in the heap's blocks, in steps like dmheap_unregister_module(). Others
 *       may see one heap done before the next.
 */
DMOD_BUILTIN_API( dmheap, 1.0, bool, _rename_module, ( const char* old_name, const char* new_name ) );

/**
 * @brief Limits what a module may hold, in each default heap by itself.
 * @param module_name The module, registered if need be.
 * @param limit_bytes Bytes of whole blocks, headers and rounding included, rounded down to a multiple of 4; SIZE_MAX:
 *                    no limit. Below what the module holds now, it keeps that and gets no more. The last block that is
 *                    granted may pass the limit by less than 16 bytes, or the heap's alignment where that is more: by
 *                    what was too small to be left as a free block.
 * @return true on success; false, and nothing is changed in any heap, where the name is bad, is being unregistered or
 *         cannot be registered.
 */
DMOD_BUILTIN_API( dmheap, 1.0, bool, _set_module_limit, ( const char* module_name, size_t limit_bytes ) );

/**
 * @brief Sums the figures of the default heaps; `largest_free_block` is the largest of all.
 * @param stats Receives them.
 * @return true on success, false and an `[ERROR]` where there is no heap or `stats` is NULL.
 */
DMOD_BUILTIN_API( dmheap, 1.0, bool, _get_stats, ( dmheap_stats_t * stats ) );

/**
 * @brief Sums a module's figures over all heaps; peaks are summed too, and limits where every heap that knows it has one.
 * @param module_name The module.
 * @param stats       Receives them.
 * @return true on success, false where the module is unknown (`[WARN]`), its name bad or `stats` NULL (`[ERROR]`).
 */
DMOD_BUILTIN_API( dmheap, 1.0, bool, _get_module_stats, ( const char* module_name, dmheap_module_stats_t* stats ) );

/**
 * @brief Shows every block of the default heaps to a visitor, heap by heap, in address order.
 * @param visit Called outside of the critical section; it may use the heap. NULL: an `[ERROR]`.
 * @param user  Handed to it.
 * @note No byte is shown twice. What others change during the walk may be shown as it was before or after.
 */
DMOD_BUILTIN_API( dmheap, 1.0, void, _visit_blocks, ( dmheap_block_visitor_t visit, void* user ) );

/**
 * @brief Shows every module of the default heaps to a visitor, heap by heap.
 * @param visit As in dmheap_visit_blocks().
 * @param user  Handed to it.
 */
DMOD_BUILTIN_API( dmheap, 1.0, void, _visit_modules, ( dmheap_module_visitor_t visit, void* user ) );

/**
 * @brief Verifies every invariant of the default heaps.
 * @param where Receives the address of the block at fault, or NULL where the fault is in no block; may be NULL.
 * @return DMHEAP_CHECK_OK, or what is wrong first, in the first heap that has something; logged as an `[ERROR]`.
 * @note Cost: linear, in steps. Sums are compared if no other thread changes the heap meanwhile.
 */
DMOD_BUILTIN_API( dmheap, 1.0, dmheap_check_t, _check, ( const void** where ) );

/* ---- A module, by handle ----------------------------------------------------------------------------------------- */

/**
 * @brief Resolves a module's name once, in the first default heap, registering it if need be.
 * @param module_name The name.
 * @return A handle; its `context` is NULL on failure (`[ERROR]`).
 */
DMOD_BUILTIN_API( dmheap, 1.0, dmheap_module_t, _module_open, ( const char* module_name ) );

/** @name Allocating for a handle
 *  @{ */
/**
 * @brief dmheap_malloc(), dmheap_calloc(), dmheap_aligned_alloc() for the module of a handle: from its heap; where that has
 *        no memory, from the other default heaps, where the owner is the module of the same name.
 *
 * `module`: from dmheap_module_open() or dmheap_ctx_module_open(); a stale one is refused with an `[ERROR]`. `size`: bytes,
 * of each of `count` elements. `alignment`: a power of two.
 * @return The payload, or NULL and an `[ERROR]`.
 */
DMOD_BUILTIN_API( dmheap, 1.0, void*, _module_malloc, ( dmheap_module_t module, size_t size ) );
DMOD_BUILTIN_API( dmheap, 1.0, void*, _module_calloc, ( dmheap_module_t module, size_t count, size_t size ) );
DMOD_BUILTIN_API( dmheap, 1.0, void*, _module_aligned_alloc,
                  ( dmheap_module_t module, size_t alignment, size_t size ) );
/** @} */

/** @name Blocks of a handle's module alone
 *  @{ */
/**
 * @brief dmheap_realloc(), dmheap_aligned_realloc(), dmheap_free() of a block that must be the handle's module's: any other
 *        live payload is refused with an `[ERROR]`, so that a stale pointer of one module does not free what another one
 *        has got in its place. In another default heap than the handle's, what has an owner of the module's name is the
 *        module's.
 *
 * `module`: as in dmheap_module_malloc(). `ptr`: a live payload of the module; NULL: as dmheap_module_malloc(), or nothing
 * to be freed. `size`: bytes; 0 frees the block and returns NULL. `alignment`: a power of two. Returned is the payload, or
 * NULL after an `[ERROR]`; the old block is untouched then.
 */
DMOD_BUILTIN_API( dmheap, 1.0, void*, _module_realloc, ( dmheap_module_t module, void* ptr, size_t size ) );
DMOD_BUILTIN_API( dmheap, 1.0, void*, _module_aligned_realloc,
                  ( dmheap_module_t module, void* ptr, size_t alignment, size_t size ) );
DMOD_BUILTIN_API( dmheap, 1.0, void, _module_free, ( dmheap_module_t module, void* ptr ) );
/** @} */

/**
 * @brief Figures of a handle's module in the handle's heap.
 * @param module As in dmheap_module_malloc().
 * @param stats  Receives them.
 * @return true on success, false and an `[ERROR]` for a stale handle or NULL.
 */
DMOD_BUILTIN_API( dmheap, 1.0, bool, _module_get_stats, ( dmheap_module_t module, dmheap_module_stats_t* stats ) );

/* ---- One heap of several ----------------------------------------------------------------------------------------- */

/**
 * @brief Makes a heap of a buffer. It is no default heap until dmheap_ctx_set_default().
 * @param buffer    As in dmheap_init(); it may be a block of another heap. A heap that lies in it already is forgotten
 *                  without being read, if the call succeeds.
 * @param size      Bytes.
 * @param alignment As in dmheap_init().
 * @param name      By which dmheap_ctx_find() finds it; copied. NULL: none.
 * @return The heap, or NULL and an `[ERROR]`, also where DMHEAP_MAX_CONTEXTS heaps exist or the name does not fit.
 */
DMOD_BUILTIN_API( dmheap, 1.0, dmheap_context_t*, _ctx_init,
                  ( void* buffer, size_t size, size_t alignment, const char* name ) );

/**
 * @brief Takes a heap down; its buffer is the caller's again, unless a realloc of another thread is copying in it at
 *        this moment: that one writes until it has copied, and then gives up.
 * @param context The heap. Blocks that are still live are gone with it, and a `[WARN]` says how many bytes.
 * @return true on success, false and an `[ERROR]` where it is no heap.
 */
DMOD_BUILTIN_API( dmheap, 1.0, bool, _ctx_deinit, ( dmheap_context_t * context ) );

/** @brief Finds a heap by its name. @param name The name. @return The heap, or NULL. Cost: O(number of heaps). */
DMOD_BUILTIN_API( dmheap, 1.0, dmheap_context_t*, _ctx_find, ( const char* name ) );

/** @brief Finds the heap that holds a live payload. @param ptr It. @return The heap, or NULL. Cost: O(number of heaps). */
DMOD_BUILTIN_API( dmheap, 1.0, dmheap_context_t*, _ctx_of, ( const void* ptr ) );

/**
 * @brief Makes a heap a default heap, or moves it in their order.
 * @param context  The heap.
 * @param position 0: tried first; DMHEAP_LAST: tried last.
 * @return true on success, false and an `[ERROR]` where it is no heap.
 */
DMOD_BUILTIN_API( dmheap, 1.0, bool, _ctx_set_default, ( dmheap_context_t * context, size_t position ) );

/** @brief Takes a heap out of the default heaps; it lives on. @param context It. @return false where it was none. */
DMOD_BUILTIN_API( dmheap, 1.0, bool, _ctx_unset_default, ( dmheap_context_t * context ) );

/** @name In one heap
 *  @{ */
/**
 * @brief As the function of the same name without `ctx_`, in one heap: no other one is asked, and a block of another one is
 *        refused like any wrong pointer.
 *
 * `context`: the heap; NULL, or what is no heap: an `[ERROR]`, and NULL, 0, false or nothing as the result. All else: as
 * there, what is returned too.
 */
DMOD_BUILTIN_API( dmheap, 1.0, bool, _ctx_register_module, ( dmheap_context_t * context, const char* module_name ) );
DMOD_BUILTIN_API( dmheap, 1.0, void, _ctx_unregister_module, ( dmheap_context_t * context, const char* module_name ) );
DMOD_BUILTIN_API( dmheap, 1.0, void*, _ctx_malloc,
                  ( dmheap_context_t * context, size_t size, const char* module_name ) );
DMOD_BUILTIN_API( dmheap, 1.0, void*, _ctx_aligned_alloc,
                  ( dmheap_context_t * context, size_t alignment, size_t size, const char* module_name ) );
DMOD_BUILTIN_API( dmheap, 1.0, void*, _ctx_calloc,
                  ( dmheap_context_t * context, size_t count, size_t size, const char* module_name ) );
DMOD_BUILTIN_API( dmheap, 1.0, void*, _ctx_realloc,
                  ( dmheap_context_t * context, void* ptr, size_t size, const char* module_name ) );
DMOD_BUILTIN_API( dmheap, 1.0, void*, _ctx_aligned_realloc,
                  ( dmheap_context_t * context, void* ptr, size_t alignment, size_t size, const char* module_name ) );
DMOD_BUILTIN_API( dmheap, 1.0, void, _ctx_free, ( dmheap_context_t * context, void* ptr, bool concatenate ) );
DMOD_BUILTIN_API( dmheap, 1.0, void, _ctx_concatenate_free_blocks, ( dmheap_context_t * context ) );
DMOD_BUILTIN_API( dmheap, 1.0, bool, _ctx_retag, ( dmheap_context_t * context, void* ptr, const char* module_name ) );
DMOD_BUILTIN_API( dmheap, 1.0, bool, _ctx_rename_module,
                  ( dmheap_context_t * context, const char* old_name, const char* new_name ) );
DMOD_BUILTIN_API( dmheap, 1.0, bool, _ctx_set_module_limit,
                  ( dmheap_context_t * context, const char* module_name, size_t limit_bytes ) );
DMOD_BUILTIN_API( dmheap, 1.0, dmheap_module_t, _ctx_module_open,
                  ( dmheap_context_t * context, const char* module_name ) );
DMOD_BUILTIN_API( dmheap, 1.0, size_t, _ctx_usable_size, ( dmheap_context_t * context, const void* ptr ) );
DMOD_BUILTIN_API( dmheap, 1.0, bool, _ctx_get_stats, ( dmheap_context_t * context, dmheap_stats_t* stats ) );
DMOD_BUILTIN_API( dmheap, 1.0, bool, _ctx_get_module_stats,
                  ( dmheap_context_t * context, const char* module_name, dmheap_module_stats_t* stats ) );
DMOD_BUILTIN_API( dmheap, 1.0, void, _ctx_visit_blocks,
                  ( dmheap_context_t * context, dmheap_block_visitor_t visit, void* user ) );
DMOD_BUILTIN_API( dmheap, 1.0, void, _ctx_visit_modules,
                  ( dmheap_context_t * context, dmheap_module_visitor_t visit, void* user ) );
DMOD_BUILTIN_API( dmheap, 1.0, dmheap_check_t, _ctx_check, ( dmheap_context_t * context, const void** where ) );
/** @} */

/* ---- Diagnostics ------------------------------------------------------------------------------------------------- */

#ifdef DMHEAP_DIAGNOSTICS

/** @brief Why a heap refused a request. */
typedef enum
{
    DMHEAP_REASON_NO_MEMORY,  /**< Its free bytes do not suffice. */
    DMHEAP_REASON_FRAGMENTED, /**< They would, but no free block does. */
    DMHEAP_REASON_LIMIT,      /**< The module's limit is reached. */
    DMHEAP_REASON_TABLE_FULL, /**< The heap knows as many modules as it can. */
    DMHEAP_REASONS            /**< How many reasons there are. */
} dmheap_reason_t;

/** @brief A request that is about to be refused. */
typedef struct
{
    size_t          size;      /**< Bytes. */
    size_t          alignment; /**< As it was asked for; 0: the heap's. */
    const char*     module;    /**< For whom; NULL or empty: nobody. Valid as long as the hook runs. */
    dmheap_reason_t reason;    /**< Of the heap that was asked first. */
} dmheap_refusal_t;

/** @brief Called where a request for memory is about to be refused, outside of the critical section.
 *  @return true to have it tried once more: the hook has freed something. */
typedef bool ( *dmheap_refusal_hook_t )( const dmheap_refusal_t* refusal, void* user );

/** @brief What one heap has refused and served since it was made. */
typedef struct
{
    uint32_t
        count[DMHEAP_REASONS]; /**< Requests that it refused, by dmheap_reason_t; another heap may have granted them. */
    uint32_t served_for_others; /**< Requests that it granted after the heap that was asked first had refused. */
    size_t   largest_size;      /**< Of the requests that it refused, bytes. */
} dmheap_refusals_t;

/**
 * @brief Has a function called before a request for memory is refused: by any heap that was asked, for want of memory, by a
 *        limit, or by a full table of modules.
 * @param hook It may use the heap. What is refused while it runs, to it or to others, does not call it again. NULL: none.
 * @param user Handed to it.
 * @note A request that is granted in the second try is neither logged nor counted as failed.
 */
DMOD_BUILTIN_API( dmheap, 1.0, void, _set_refusal_hook, ( dmheap_refusal_hook_t hook, void* user ) );

/**
 * @brief Tells what a heap has refused, and what it has served in another's stead.
 * @param context  The heap.
 * @param refusals Receives it.
 * @return true on success, false and an `[ERROR]` where there is no heap or `refusals` is NULL.
 */
DMOD_BUILTIN_API( dmheap, 1.0, bool, _ctx_get_refusals, ( dmheap_context_t * context, dmheap_refusals_t* refusals ) );

/**
 * @brief Starts a heap's peaks, its modules' too, and its counts of refusals anew: peaks are what is held now.
 * @param context The heap.
 * @return true on success, false and an `[ERROR]` where it is no heap.
 * @note Cost: O(modules).
 */
DMOD_BUILTIN_API( dmheap, 1.0, bool, _ctx_restart_figures, ( dmheap_context_t * context ) );

/**
 * @brief Starts the peak of a module anew, in every heap that knows it.
 * @param module_name The module.
 * @return true on success, false where it is unknown (`[WARN]`) or its name bad (`[ERROR]`).
 * @note Cost: O(modules), one heap after the other.
 */
DMOD_BUILTIN_API( dmheap, 1.0, bool, _restart_module_peak, ( const char* module_name ) );

#endif

#pragma GCC diagnostic pop

#ifdef __cplusplus
}
#endif

#endif
