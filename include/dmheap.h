/**
 * @file dmheap.h
 * @brief A module-aware heap for DMOD: every block knows its owner, every wrong pointer is refused, every call is O(1).
 *
 * The only header that a user includes. Three faces of one heap:
 * - `dmheap_*( ..., module_name )`: the default heaps, tried in order. Start here.
 * - `dmheap_ctx_*( context, ... )`: one heap of several, by name.
 * - `dmheap_module_*( module, ... )`: a module resolved once, for paths where the name lookup counts.
 *
 * Common to all functions, unless they say otherwise:
 * - **Threads and interrupts.** Safe from any thread and, where Dmod_EnterCritical() masks interrupts, from interrupt
 *   handlers. Logging is done outside of the critical section, in the caller's context.
 * - **Cost.** O(1): a bound that depends on neither the heap's size, nor the live blocks, nor the modules. Walks
 *   (unregister, visitors, check) are linear in the blocks and hold the lock for a bounded number of them at a time.
 *   Under the lock nothing is copied, filled or logged, and no text longer than a module name is read.
 * - **Errors.** A refused call logs one `[ERROR]` line and leaves the heap byte for byte as it was.
 * - **Module names** are NUL-terminated, 1 to DMOD_MAX_MODULE_NAME_LENGTH - 1 characters, copied; NULL is nobody.
 * - **Sizes** are bytes. Addresses that this heap did not hand out are recognised exactly, by a map of live payloads.
 */
#ifndef DMHEAP_H
#define DMHEAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dmod.h"

#ifndef DMHEAP_MAX_CONTEXTS
#define DMHEAP_MAX_CONTEXTS 8
#endif
#ifndef DMHEAP_MAX_MODULES
#define DMHEAP_MAX_MODULES ( DMOD_MAX_MODULES > 124 ? DMOD_MAX_MODULES : 124 )
#endif
#ifndef DMHEAP_NAME_SIZE
#define DMHEAP_NAME_SIZE ( DMOD_MAX_MODULE_NAME_LENGTH + 24 > 64 ? DMOD_MAX_MODULE_NAME_LENGTH + 24 : 64 )
#endif

#ifdef __cplusplus
extern "C"
{
#endif

    /** @brief One heap. It lies at the front of the buffer that it manages and holds no pointer. */
    typedef struct dmheap_context dmheap_context_t;

    /** @brief A module resolved once in one heap; stale after the module is unregistered, and then refused. */
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
        size_t   largest_free_block; /**< The largest size that dmheap_malloc() grants now. */
        size_t   peak_used_bytes;    /**< Highest that used_bytes and module records together have been. */
        uint32_t used_blocks;        /**< Live blocks, a count. */
        uint32_t free_blocks;        /**< Free blocks, a count. */
        uint32_t modules;            /**< Registered modules, a count. */
        uint32_t failed_allocations; /**< Requests refused for want of memory or by a limit, a count. */
    } dmheap_stats_t;

    /** @brief Figures of one module. Bytes count whole blocks: payload, header and rounding. */
    typedef struct
    {
        size_t   live_bytes;  /**< Held now. */
        size_t   peak_bytes;  /**< Highest that live_bytes has been since registration. */
        size_t   limit_bytes; /**< Allocations beyond this are refused; SIZE_MAX: no limit. */
        uint32_t live_blocks; /**< Held now, a count. */
    } dmheap_module_stats_t;

    /** @brief What a visitor is told of a module. */
    typedef struct
    {
        const dmheap_context_t* context;                           /**< The heap. */
        char                    name[DMHEAP_NAME_SIZE]; /**< The module's name. */
        dmheap_module_stats_t   stats;                             /**< Its figures in this heap. */
    } dmheap_module_info_t;

    /** @brief What a block is used for. */
    typedef enum
    {
        DMHEAP_BLOCK_FREE,   /**< Free memory. */
        DMHEAP_BLOCK_LIVE,   /**< An allocation. */
        DMHEAP_BLOCK_SYSTEM, /**< Holds the heap's own records. */
        DMHEAP_BLOCK_MOVING  /**< A realloc is copying from it or to it at this moment. */
    } dmheap_block_use_t;

    /** @brief What a visitor is told of a block. */
    typedef struct
    {
        const dmheap_context_t* context;     /**< The heap. */
        void*                   address;     /**< Its payload. */
        size_t                  size;        /**< Payload bytes that can be used. */
        size_t                  block_bytes; /**< Bytes of heap that it takes. */
        dmheap_block_use_t      use;         /**< What it is used for. */
        const void*             caller;      /**< With DMHEAP_GUARD, who allocated it; or NULL. */
        char                    owner[DMHEAP_NAME_SIZE]; /**< Owner's name; empty: nobody. */
    } dmheap_block_info_t;

    /** @brief Called once for each block. @return false to end the walk. */
    typedef bool ( *dmheap_block_visitor_t )( const dmheap_block_info_t* block, void* user );
    /** @brief Called once for each module. @return false to end the walk. */
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

    /* ---- The default heaps --------------------------------------------------------------------------------------- */

    /**
 * @brief Makes a heap of a buffer and gives it to the functions without a context.
 * @param buffer    Any address; the caller keeps it alive and untouched as long as the heap is used.
 * @param size      Bytes of `buffer`: at most 2 GiB, and 32 MiB on a 32-bit processor.
 * @param alignment Default alignment of every allocation: a power of two. It also sets the granule in which sizes are
 *                  counted: 4 bytes up to an alignment of 4, 8 for 8, `alignment` beyond.
 * @return true on success. false and an `[ERROR]` where `buffer` is NULL, `size` has no room for one allocation, or
 *         `alignment` is 0, no power of two or more than the buffer can give; nothing is touched then, and a heap
 *         that existed before lives on.
 * @note A second call starts over: the heap that an earlier call made is forgotten without being read.
 * @note Cost: linear in the control data (1/64 of the heap at 8-byte granules), outside of the critical section.
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
 * @brief Frees all that a module owns, in every heap, and forgets the module.
 * @param module_name The name; it may lie in memory that this call frees. Unknown: a `[WARN]` and nothing else.
 * @note While this runs, allocations for the module are refused; all others go through between its steps.
 * @note Cost: linear in the heap's blocks, in steps; the lock is held for one bounded step at a time.
 */
    DMOD_BUILTIN_API( dmheap, 1.0, void, _unregister_module, ( const char* module_name ) );

    /**
 * @brief Allocates a block at the heap's default alignment.
 * @param size        Bytes; 0 gives the smallest block, which must be freed like any other.
 * @param module_name Owner; NULL: nobody. A name not yet registered is registered by this call.
 * @return The payload, or NULL and an `[ERROR]` that names the size, the module and the largest free block.
 * @note Algorithm: two-level segregated fit (Masmano et al., "TLSF: a new dynamic memory allocator for real-time
 *       systems", 2004) over 32-bit places in the image; each default heap is tried in order.
 */
    DMOD_BUILTIN_API( dmheap, 1.0, void*, _malloc, ( size_t size, const char* module_name ) );

    /**
 * @brief Allocates a block at a given alignment. The memory in front of the payload stays usable for others.
 * @param alignment   A power of two of any size.
 * @param size        Bytes; need be no multiple of the alignment.
 * @param module_name Owner, as in dmheap_malloc().
 * @return The payload, or NULL and an `[ERROR]`.
 * @note The block remembers the alignment, in one word at its end: dmheap_realloc() keeps it.
 */
    DMOD_BUILTIN_API( dmheap, 1.0, void*, _aligned_alloc, ( size_t alignment, size_t size, const char* module_name ) );

    /**
 * @brief Changes a block's size; keeps min(old, new) bytes, the owner and the alignment the block was asked for.
 * @param ptr         A live payload; NULL: as dmheap_malloc(). Anything else: NULL and an `[ERROR]`.
 * @param size        Bytes. 0 frees the block and returns NULL, as glibc and newlib do.
 * @param module_name Owner of the block where `ptr` is NULL; without effect otherwise: an owner changes by
 *                    dmheap_retag() only.
 * @return The payload, which may have moved; NULL where memory does not suffice: the old block is untouched then.
 * @note Tried in order: shrink in place; grow into the free block behind; grow into the free blocks in front and
 *       behind with a move; another place in the same heap; another default heap.
 * @note Cost: O(1) under the lock; a move copies min(old, new) bytes outside of it. A block is not accessible to any
 *       other call while it moves.
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
 * @param size        As in dmheap_realloc().
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
 * @return true on success. false and an `[ERROR]` for a wrong pointer or name, an owner being unregistered, or one
 *         whose limit would be exceeded.
 */
    DMOD_BUILTIN_API( dmheap, 1.0, bool, _retag, ( void* ptr, const char* module_name ) );

    /**
 * @brief Renames a module in every heap; where the new name is taken, its blocks join those of that module.
 * @param old_name The module.
 * @param new_name The name that it gets; NULL: its blocks belong to nobody from then on.
 * @return true on success. false: unknown module, a bad name (`[ERROR]`), a limit in the way.
 * @note Cost: O(1) to a free name; else linear in the heap's blocks, in steps like dmheap_unregister_module().
 */
    DMOD_BUILTIN_API( dmheap, 1.0, bool, _rename_module, ( const char* old_name, const char* new_name ) );

    /**
 * @brief Limits what a module may hold, in each default heap by itself.
 * @param module_name The module, registered if need be.
 * @param limit_bytes Bytes of whole blocks, headers and rounding included, rounded down to a multiple of 4; SIZE_MAX:
 *                    no limit. Below what the module holds now, it keeps that and gets no more. The last block that is
 *                    granted may pass the limit by less than 16 bytes, or the heap's alignment where that is more: by
 *                    what was too small to be left as a free block.
 * @return true on success.
 */
    DMOD_BUILTIN_API( dmheap, 1.0, bool, _set_module_limit, ( const char* module_name, size_t limit_bytes ) );

    /**
 * @brief Resolves a module's name once, in the first default heap, registering it if need be.
 * @param module_name The name.
 * @return A handle; its `context` is NULL on failure (`[ERROR]`).
 */
    DMOD_BUILTIN_API( dmheap, 1.0, dmheap_module_t, _module_open, ( const char* module_name ) );

    /**
 * @brief dmheap_malloc() without the name lookup; falls back to the other default heaps as that does.
 * @param module From dmheap_module_open() or dmheap_ctx_module_open().
 * @param size   Bytes.
 * @return The payload, or NULL and an `[ERROR]`, also for a stale handle.
 */
    DMOD_BUILTIN_API( dmheap, 1.0, void*, _module_malloc, ( dmheap_module_t module, size_t size ) );

    /**
 * @brief dmheap_aligned_alloc() without the name lookup.
 * @param module    As in dmheap_module_malloc().
 * @param alignment A power of two.
 * @param size      Bytes.
 * @return The payload, or NULL and an `[ERROR]`.
 */
    DMOD_BUILTIN_API( dmheap, 1.0, void*, _module_aligned_alloc,
                      ( dmheap_module_t module, size_t alignment, size_t size ) );

    DMOD_BUILTIN_API( dmheap, 1.0, void*, _module_calloc, ( dmheap_module_t module, size_t count, size_t size ) );
    DMOD_BUILTIN_API( dmheap, 1.0, void*, _module_realloc, ( dmheap_module_t module, void* ptr, size_t size ) );
    DMOD_BUILTIN_API( dmheap, 1.0, void*, _module_aligned_realloc,
                      ( dmheap_module_t module, void* ptr, size_t alignment, size_t size ) );
    DMOD_BUILTIN_API( dmheap, 1.0, void, _module_free, ( dmheap_module_t module, void* ptr ) );
    DMOD_BUILTIN_API( dmheap, 1.0, bool, _module_get_stats,
                      ( dmheap_module_t module, dmheap_module_stats_t* stats ) );

    /**
 * @brief Sums the figures of the default heaps; `largest_free_block` is the largest of all.
 * @param stats Receives them.
 * @return true on success, false where there is no heap or `stats` is NULL.
 */
    DMOD_BUILTIN_API( dmheap, 1.0, bool, _get_stats, ( dmheap_stats_t * stats ) );

    /**
 * @brief Sums a module's figures over all heaps; peaks and limits are summed too.
 * @param module_name The module.
 * @param stats       Receives them.
 * @return true on success, false where the module is unknown.
 */
    DMOD_BUILTIN_API( dmheap, 1.0, bool, _get_module_stats, ( const char* module_name, dmheap_module_stats_t* stats ) );

    /**
 * @brief Shows every block of the default heaps to a visitor, heap by heap, in address order.
 * @param visit Called outside of the critical section; it may use the heap.
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
 * @return DMHEAP_CHECK_OK, or what is wrong first; logged as an `[ERROR]`.
 * @note Cost: linear, in steps. Sums are compared if no other thread changes the heap meanwhile.
 */
    DMOD_BUILTIN_API( dmheap, 1.0, dmheap_check_t, _check, ( const void** where ) );

    /* ---- One heap of several ------------------------------------------------------------------------------------- */

    /**
 * @brief Makes a heap of a buffer. It is no default heap until dmheap_ctx_set_default().
 * @param buffer    As in dmheap_init(); it may be a block of another heap.
 * @param size      Bytes.
 * @param alignment As in dmheap_init().
 * @param name      By which dmheap_ctx_find() finds it; copied. NULL: none.
 * @return The heap, or NULL and an `[ERROR]`, also where DMHEAP_MAX_CONTEXTS heaps exist.
 */
    DMOD_BUILTIN_API( dmheap, 1.0, dmheap_context_t*, _ctx_init,
                      ( void* buffer, size_t size, size_t alignment, const char* name ) );

    /**
 * @brief Takes a heap down; its buffer is the caller's again, unless a realloc of another thread is copying in it at
 *        this moment: that one writes until it has copied, and then gives up.
 * @param context The heap. Blocks that are still live are gone with it, and a `[WARN]` says how many.
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

    /** @brief dmheap_register_module() in one heap. @param context The heap. @param module_name As there. @return As there. */
    DMOD_BUILTIN_API( dmheap, 1.0, bool, _ctx_register_module,
                      ( dmheap_context_t * context, const char* module_name ) );

    /** @brief dmheap_unregister_module() in one heap. @param context The heap. @param module_name As there. */
    DMOD_BUILTIN_API( dmheap, 1.0, void, _ctx_unregister_module,
                      ( dmheap_context_t * context, const char* module_name ) );

    /** @brief dmheap_malloc() in one heap. @param context The heap. @param size As there. @param module_name As there. @return As there. */
    DMOD_BUILTIN_API( dmheap, 1.0, void*, _ctx_malloc,
                      ( dmheap_context_t * context, size_t size, const char* module_name ) );

    /** @brief dmheap_aligned_alloc() in one heap. @param context The heap. @param alignment As there. @param size As there. @param module_name As there. @return As there. */
    DMOD_BUILTIN_API( dmheap, 1.0, void*, _ctx_aligned_alloc,
                      ( dmheap_context_t * context, size_t alignment, size_t size, const char* module_name ) );

    /** @brief dmheap_calloc() in one heap. @param context The heap. @param count As there. @param size As there. @param module_name As there. @return As there. */
    DMOD_BUILTIN_API( dmheap, 1.0, void*, _ctx_calloc,
                      ( dmheap_context_t * context, size_t count, size_t size, const char* module_name ) );

    /** @brief dmheap_realloc() within one heap. @param context The heap. @param ptr As there. @param size As there. @param module_name As there. @return As there. */
    DMOD_BUILTIN_API( dmheap, 1.0, void*, _ctx_realloc,
                      ( dmheap_context_t * context, void* ptr, size_t size, const char* module_name ) );

    /** @brief dmheap_aligned_realloc() within one heap. @param context The heap. @param ptr As there. @param alignment As there. @param size As there. @param module_name As there. @return As there. */
    DMOD_BUILTIN_API( dmheap, 1.0, void*, _ctx_aligned_realloc,
                      ( dmheap_context_t * context, void* ptr, size_t alignment, size_t size,
                        const char* module_name ) );

    /** @brief dmheap_free() of a block of one heap; a block of another is refused. @param context The heap. @param ptr As there. @param concatenate As there. */
    DMOD_BUILTIN_API( dmheap, 1.0, void, _ctx_free, ( dmheap_context_t * context, void* ptr, bool concatenate ) );

    /** @brief dmheap_concatenate_free_blocks() in one heap. @param context The heap. */
    DMOD_BUILTIN_API( dmheap, 1.0, void, _ctx_concatenate_free_blocks, ( dmheap_context_t * context ) );

    /** @brief dmheap_retag() of a block of one heap. @param context The heap. @param ptr As there. @param module_name As there. @return As there. */
    DMOD_BUILTIN_API( dmheap, 1.0, bool, _ctx_retag,
                      ( dmheap_context_t * context, void* ptr, const char* module_name ) );

    /** @brief dmheap_rename_module() in one heap. @param context The heap. @param old_name As there. @param new_name As there. @return As there. */
    DMOD_BUILTIN_API( dmheap, 1.0, bool, _ctx_rename_module,
                      ( dmheap_context_t * context, const char* old_name, const char* new_name ) );

    /** @brief dmheap_set_module_limit() in one heap. @param context The heap. @param module_name As there. @param limit_bytes As there. @return As there. */
    DMOD_BUILTIN_API( dmheap, 1.0, bool, _ctx_set_module_limit,
                      ( dmheap_context_t * context, const char* module_name, size_t limit_bytes ) );

    /** @brief dmheap_module_open() in one heap. @param context The heap. @param module_name As there. @return As there. */
    DMOD_BUILTIN_API( dmheap, 1.0, dmheap_module_t, _ctx_module_open,
                      ( dmheap_context_t * context, const char* module_name ) );

    /** @brief dmheap_usable_size() of a block of one heap. @param context The heap. @param ptr As there. @return As there. */
    DMOD_BUILTIN_API( dmheap, 1.0, size_t, _ctx_usable_size, ( dmheap_context_t * context, const void* ptr ) );

    /** @brief Figures of one heap. @param context The heap. @param stats Receives them. @return false where it is no heap. */
    DMOD_BUILTIN_API( dmheap, 1.0, bool, _ctx_get_stats, ( dmheap_context_t * context, dmheap_stats_t* stats ) );

    /** @brief Figures of a module in one heap. @param context The heap. @param module_name The module. @param stats Receives them. @return false where it is unknown. */
    DMOD_BUILTIN_API( dmheap, 1.0, bool, _ctx_get_module_stats,
                      ( dmheap_context_t * context, const char* module_name, dmheap_module_stats_t* stats ) );

    /** @brief dmheap_visit_blocks() of one heap. @param context The heap. @param visit As there. @param user As there. */
    DMOD_BUILTIN_API( dmheap, 1.0, void, _ctx_visit_blocks,
                      ( dmheap_context_t * context, dmheap_block_visitor_t visit, void* user ) );

    /** @brief dmheap_visit_modules() of one heap. @param context The heap. @param visit As there. @param user As there. */
    DMOD_BUILTIN_API( dmheap, 1.0, void, _ctx_visit_modules,
                      ( dmheap_context_t * context, dmheap_module_visitor_t visit, void* user ) );

    /** @brief dmheap_check() of one heap. @param context The heap. @param where As there. @return As there. */
    DMOD_BUILTIN_API( dmheap, 1.0, dmheap_check_t, _ctx_check, ( dmheap_context_t * context, const void** where ) );

#ifdef __cplusplus
}
#endif

#endif
