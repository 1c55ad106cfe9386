/**
 * @file dmheap_common.h
 * @brief What both generations of the API have: types, limits, and the functions that upstream has no name for. A part of
 *        dmheap.h, which is what a user includes.
 */
#ifndef DMHEAP_COMMON_H
#define DMHEAP_COMMON_H

#ifndef DMHEAP_API_VERSION
#error "include dmheap.h"
#endif

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dmheap_version.h"
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

/** @cond */
/* Two steps, so that the version is a number before DMOD makes a text of it. */
#define DMHEAP_VERSIONED( DECLARE, VERSION, RET, NAME, PARAMS ) DECLARE( dmheap, VERSION, RET, NAME, PARAMS )
/* Declares a function of the API, and begins its body. */
#define DMHEAP_API( RET, NAME, PARAMS ) DMHEAP_VERSIONED( DMOD_BUILTIN_API, DMHEAP_API_VERSION, RET, NAME, PARAMS )
#define DMHEAP_API_BODY( RET, NAME, PARAMS )                                                                           \
    DMHEAP_VERSIONED( DMOD_INPUT_API_DECLARATION, DMHEAP_API_VERSION, RET, NAME, PARAMS )
/** @endcond */

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
} dmheap_heap_stats_t;

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
typedef bool ( *dmheap_block_info_visitor_t )( const dmheap_block_info_t* block, void* user );
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
 * @brief Allocates zeroed memory for an array.
 * @param count       Elements.
 * @param size        Bytes of one; the product is checked for overflow.
 * @param module_name Owner, as in dmheap_malloc().
 * @return The payload, or NULL and an `[ERROR]`.
 * @note Cost: O(1) under the lock; the payload is filled outside of it.
 */
DMHEAP_API( void*, _calloc, ( size_t count, size_t size, const char* module_name ) );

/**
 * @brief dmheap_realloc() to a given alignment, which the block keeps from then on.
 * @param ptr         As in dmheap_realloc().
 * @param alignment   A power of two.
 * @param size        As in dmheap_realloc(), but an alignment that the block does not have yet takes a word, and may take
 *                    another place: for it memory may not suffice, or a limit be in the way, whatever the size.
 * @param module_name As in dmheap_realloc().
 * @return The payload, or NULL and an `[ERROR]`; the old block is untouched then.
 */
DMHEAP_API( void*, _aligned_realloc, ( void* ptr, size_t alignment, size_t size, const char* module_name ) );

/**
 * @brief Tells how many bytes of a block can be used.
 * @param ptr A live payload.
 * @return Bytes, at least those asked for; 0 and an `[ERROR]` for any other pointer, 0 for NULL.
 */
DMHEAP_API( size_t, _usable_size, ( const void* ptr ) );

/**
 * @brief Renames a module in every heap (context-first: in every default one); where the new name is taken, its blocks join
 *        those of that module.
 * @param old_name The module. Its handles stay valid where the new name is free.
 * @param new_name The name that it gets; NULL: its blocks belong to nobody from then on.
 * @return true on success. false, and nothing is changed in any heap: unknown module, one that is being unregistered, a bad
 *         name, no memory for the name, or a limit of the other module that both together exceed, as it is before the
 *         first block is handed over.
 * @note Cost: O(modules) to a free name; else linear in the heap's blocks, in steps like dmheap_unregister_module(). Others
 *       may see one heap done before the next.
 */
DMHEAP_API( bool, _rename_module, ( const char* old_name, const char* new_name ) );

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
DMHEAP_API( bool, _set_module_limit, ( const char* module_name, size_t limit_bytes ) );

/**
 * @brief Sums a module's figures over all heaps (context-first: the default ones); peaks are summed too, and limits where
 *        every heap that knows it has one.
 * @param module_name The module.
 * @param stats       Receives them.
 * @return true on success, false where the module is unknown (`[WARN]`), its name bad or `stats` NULL (`[ERROR]`).
 */
DMHEAP_API( bool, _get_module_stats, ( const char* module_name, dmheap_module_stats_t* stats ) );

/**
 * @brief Shows every block of the default heaps to a visitor, heap by heap, in address order.
 * @param visit Called outside of the critical section; it may use the heap. NULL: an `[ERROR]`.
 * @param user  Handed to it.
 * @note No byte is shown twice. What others change during the walk may be shown as it was before or after.
 */
DMHEAP_API( void, _visit_blocks, ( dmheap_block_info_visitor_t visit, void* user ) );

/**
 * @brief Shows every module of the default heaps to a visitor, heap by heap.
 * @param visit As in dmheap_visit_blocks().
 * @param user  Handed to it.
 */
DMHEAP_API( void, _visit_modules, ( dmheap_module_visitor_t visit, void* user ) );

/**
 * @brief Verifies every invariant of the default heaps.
 * @param where Receives the address of the block at fault, or NULL where the fault is in no block; may be NULL.
 * @return DMHEAP_CHECK_OK, or what is wrong first, in the first heap that has something; logged as an `[ERROR]`.
 * @note Cost: linear, in steps. Sums are compared if no other thread changes the heap meanwhile.
 */
DMHEAP_API( dmheap_check_t, _check, ( const void** where ) );

/* ---- A module, by handle ----------------------------------------------------------------------------------------- */

/**
 * @brief Resolves a module's name once, in the first default heap, registering it if need be.
 * @param module_name The name.
 * @return A handle; its `context` is NULL on failure (`[ERROR]`).
 */
DMHEAP_API( dmheap_module_t, _module_open, ( const char* module_name ) );

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
DMHEAP_API( void*, _module_malloc, ( dmheap_module_t module, size_t size ) );
DMHEAP_API( void*, _module_calloc, ( dmheap_module_t module, size_t count, size_t size ) );
DMHEAP_API( void*, _module_aligned_alloc, ( dmheap_module_t module, size_t alignment, size_t size ) );
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
DMHEAP_API( void*, _module_realloc, ( dmheap_module_t module, void* ptr, size_t size ) );
DMHEAP_API( void*, _module_aligned_realloc, ( dmheap_module_t module, void* ptr, size_t alignment, size_t size ) );
DMHEAP_API( void, _module_free, ( dmheap_module_t module, void* ptr ) );
/** @} */

/**
 * @brief Figures of a handle's module in the handle's heap.
 * @param module As in dmheap_module_malloc().
 * @param stats  Receives them.
 * @return true on success, false and an `[ERROR]` for a stale handle or NULL.
 */
DMHEAP_API( bool, _module_get_stats, ( dmheap_module_t module, dmheap_module_stats_t* stats ) );

/* ---- One heap of several ----------------------------------------------------------------------------------------- */

/**
 * @brief Makes a heap of a buffer. It is no default heap until dmheap_ctx_set_default().
 * @param buffer    As in dmheap_init(); it may be a block of another heap. A heap that lies in it already is forgotten
 *                  without being read, if the call succeeds; and so is a default heap that it lies in, unless it is within one
 *                  of its live blocks.
 * @param size      Bytes.
 * @param alignment As in dmheap_init().
 * @param name      By which dmheap_ctx_find() finds it; copied. NULL: none.
 * @return The heap, or NULL and an `[ERROR]`, also where DMHEAP_MAX_CONTEXTS heaps exist or the name does not fit.
 */
DMHEAP_API( dmheap_context_t*, _ctx_init, ( void* buffer, size_t size, size_t alignment, const char* name ) );

/**
 * @brief Takes a heap down; its buffer is the caller's again, unless a realloc of another thread is copying in it at
 *        this moment: that one writes until it has copied, and then gives up.
 * @param context The heap. Blocks that are still live are gone with it, and a `[WARN]` says how many bytes; so are heaps that
 *                lie in it.
 * @return true on success, false and an `[ERROR]` where it is no heap.
 */
DMHEAP_API( bool, _ctx_deinit, ( dmheap_context_t * context ) );

/**
 * @brief Finds a heap, context-first a default one, by its name.
 * @param name The name.
 * @return The heap, or NULL.
 * @note Cost: O(number of heaps).
 */
DMHEAP_API( dmheap_context_t*, _ctx_find, ( const char* name ) );

/**
 * @brief Finds the heap, context-first the default one, that holds a live payload.
 * @param ptr The payload.
 * @return The heap, or NULL.
 * @note Cost: O(number of heaps).
 */
DMHEAP_API( dmheap_context_t*, _ctx_of, ( const void* ptr ) );

/**
 * @brief Makes a heap a default heap, or moves it in their order.
 * @param context  The heap.
 * @param position 0: tried first; DMHEAP_LAST: tried last.
 * @return true on success, false and an `[ERROR]` where it is no heap.
 */
DMHEAP_API( bool, _ctx_set_default, ( dmheap_context_t * context, size_t position ) );

/** @brief Takes a heap out of the default heaps; it lives on. @param context It. @return false where it was none. */
DMHEAP_API( bool, _ctx_unset_default, ( dmheap_context_t * context ) );

/** @name In one heap
 *  @{ */
/**
 * @brief As the function of the same name without `ctx_`, in one heap: no other one is asked, and a block of another one is
 *        refused like any wrong pointer.
 *
 * `context`: the heap; NULL, or what is no heap: an `[ERROR]`, and NULL, 0, false or nothing as the result. All else: as
 * there, what is returned too.
 */
DMHEAP_API( bool, _ctx_register_module, ( dmheap_context_t * context, const char* module_name ) );
DMHEAP_API( void, _ctx_unregister_module, ( dmheap_context_t * context, const char* module_name ) );
DMHEAP_API( void*, _ctx_malloc, ( dmheap_context_t * context, size_t size, const char* module_name ) );
DMHEAP_API( void*, _ctx_aligned_alloc,
            ( dmheap_context_t * context, size_t alignment, size_t size, const char* module_name ) );
DMHEAP_API( void*, _ctx_calloc, ( dmheap_context_t * context, size_t count, size_t size, const char* module_name ) );
DMHEAP_API( void*, _ctx_realloc, ( dmheap_context_t * context, void* ptr, size_t size, const char* module_name ) );
DMHEAP_API( void*, _ctx_aligned_realloc,
            ( dmheap_context_t * context, void* ptr, size_t alignment, size_t size, const char* module_name ) );
DMHEAP_API( void, _ctx_free, ( dmheap_context_t * context, void* ptr, bool concatenate ) );
DMHEAP_API( void, _ctx_concatenate_free_blocks, ( dmheap_context_t * context ) );
DMHEAP_API( bool, _ctx_retag, ( dmheap_context_t * context, void* ptr, const char* module_name ) );
DMHEAP_API( bool, _ctx_rename_module, ( dmheap_context_t * context, const char* old_name, const char* new_name ) );
DMHEAP_API( bool, _ctx_set_module_limit, ( dmheap_context_t * context, const char* module_name, size_t limit_bytes ) );
DMHEAP_API( dmheap_module_t, _ctx_module_open, ( dmheap_context_t * context, const char* module_name ) );
DMHEAP_API( size_t, _ctx_usable_size, ( dmheap_context_t * context, const void* ptr ) );
DMHEAP_API( bool, _ctx_get_stats, ( dmheap_context_t * context, dmheap_heap_stats_t* stats ) );
DMHEAP_API( bool, _ctx_get_module_stats,
            ( dmheap_context_t * context, const char* module_name, dmheap_module_stats_t* stats ) );
DMHEAP_API( void, _ctx_visit_blocks, ( dmheap_context_t * context, dmheap_block_info_visitor_t visit, void* user ) );
DMHEAP_API( void, _ctx_visit_modules, ( dmheap_context_t * context, dmheap_module_visitor_t visit, void* user ) );
DMHEAP_API( dmheap_check_t, _ctx_check, ( dmheap_context_t * context, const void** where ) );
/** @} */

/**
 * @brief Tells the version of the library that runs: DMHEAP_VERSION of what it was built from, which for a module that is
 *        loaded at run time may be another than that of the header.
 * @return Three numbers, `major.minor.patch`.
 */
DMHEAP_API( const char*, _version, (void));

/* ---- Diagnostics ------------------------------------------------------------------------------------------------- */

#ifdef DMHEAP_DIAGNOSTICS

/** @brief Why a heap refused a request. NO_MEMORY: its free bytes do not suffice for the block, or for what it has to note of
 *         a new module. FRAGMENTED: they do, but no free block does. */
typedef enum
{
    DMHEAP_REASON_NO_MEMORY,  /**< See above. */
    DMHEAP_REASON_FRAGMENTED, /**< See above. */
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

/** @brief What one heap has refused and served since it was made. What is refused again after the hook had it tried once more
 *         counts twice. */
typedef struct
{
    uint32_t count[DMHEAP_REASONS]; /**< Requests that it refused; another heap may have granted them. */
    uint32_t served_for_others;     /**< Requests that it granted after the heap that was asked first had refused. */
    size_t   largest_size;          /**< Of the requests that it refused, bytes. */
} dmheap_refusals_t;

/**
 * @brief Has a function called before a request for memory is refused: by any heap that was asked, for want of memory, by a
 *        limit, or by a full table of modules.
 * @param hook It may use the heap. What is refused while it runs, to it or to others, does not call it again. NULL: none.
 * @param user Handed to it.
 * @note A request that is granted in the second try is neither logged nor counted as failed.
 */
DMHEAP_API( void, _set_refusal_hook, ( dmheap_refusal_hook_t hook, void* user ) );

/**
 * @brief Tells what a heap has refused, and what it has served in another's stead.
 * @param context  The heap.
 * @param refusals Receives it.
 * @return true on success, false and an `[ERROR]` where there is no heap or `refusals` is NULL.
 */
DMHEAP_API( bool, _ctx_get_refusals, ( dmheap_context_t * context, dmheap_refusals_t* refusals ) );

/**
 * @brief Starts a heap's peaks, its modules' too, and its counts of refusals anew: peaks are what is held now.
 * @param context The heap.
 * @return true on success, false and an `[ERROR]` where it is no heap.
 * @note Cost: O(modules).
 */
DMHEAP_API( bool, _ctx_restart_figures, ( dmheap_context_t * context ) );

/**
 * @brief Starts the peak of a module anew, in every heap that knows it (context-first: in every default one).
 * @param module_name The module.
 * @return true on success, false where it is unknown (`[WARN]`) or its name bad (`[ERROR]`).
 * @note Cost: O(modules), one heap after the other.
 */
DMHEAP_API( bool, _restart_module_peak, ( const char* module_name ) );

/** @brief Gets a line of text with its end, of at most 80 columns, or a piece of a line of JSON. Called outside of the
 *         critical section. */
typedef void ( *dmheap_print_t )( const char* text, void* user );

/** @name Reports
 *  @{ */
/**
 * @brief Shows a heap to people: its figures and how fragmented it is, what each module holds, free sizes by powers of two, the
 *        8 largest blocks, a map of one line. dmheap_report() does so for every heap (context-first: every default one);
 *        dmheap_ctx_report_json() says the same to programs, an object a line; dmheap_ctx_report_blocks() shows the blocks of a
 *        module.
 *
 * `context`: the heap. `print`: gets the text; it may use the heap. `user`: handed to it. `module_name`: NULL: all blocks; "":
 * those of nobody. In JSON, a byte of a name that is no printable ASCII is `\u00` and its two digits.
 * @return true on success, false and an `[ERROR]` where there is no heap or `print` is NULL.
 * @note Nothing is allocated. Cost: linear in the blocks for each part, in steps; what others change meanwhile is shown as
 *       it was before or after.
 */
DMHEAP_API( bool, _report, ( dmheap_print_t print, void* user ) );
DMHEAP_API( bool, _ctx_report, ( dmheap_context_t * context, dmheap_print_t print, void* user ) );
DMHEAP_API( bool, _ctx_report_json, ( dmheap_context_t * context, dmheap_print_t print, void* user ) );
DMHEAP_API( bool, _ctx_report_blocks,
            ( dmheap_context_t * context, const char* module_name, dmheap_print_t print, void* user ) );
/** @} */

/** @brief What a module held when a mark was taken. */
typedef struct
{
    char     name[DMHEAP_NAME_SIZE]; /**< The module's name; empty: nobody. */
    size_t   bytes;                  /**< In whole blocks. */
    uint32_t blocks;                 /**< A count. */
} dmheap_mark_entry_t;

/** @brief What was held at one moment. Opaque; all zeros: nothing was. */
typedef struct
{
    dmheap_context_t*    context;       /**< The heap; NULL: all, context-first the default ones. */
    dmheap_mark_entry_t* entries;       /**< One for each module, nobody in front. */
    unsigned             count;         /**< Of them. */
    bool                 is_full;       /**< There were more modules than entries. */
    size_t               others_bytes;  /**< What those held together. */
    uint32_t             others_blocks; /**< The same, a count. */
    uint32_t             number;        /**< With DMHEAP_GUARD, of the last allocation. */
} dmheap_mark_t;

/** @name Marks
 *  @{ */
/**
 * @brief Takes a mark: what each module holds now. dmheap_mark() in all heaps together (context-first: the default ones),
 *        dmheap_ctx_mark() in one.
 *
 * `mark`: receives it. `entries`: room of the caller's, which the mark needs as long as it is used: one for each module and one
 * for nobody; modules that find no room are summed. `count`: how many; of 0, `entries` may be NULL. `context`: the heap.
 * @return true on success, false and an `[ERROR]` where there is no such heap, or NULL was given instead of room.
 * @note Costs nothing beyond this call: the counters are those that every build has. Linear in the modules times `count`, in
 *       steps; exact if nothing changes the heaps meanwhile.
 */
DMHEAP_API( bool, _mark, ( dmheap_mark_t * mark, dmheap_mark_entry_t* entries, unsigned count ) );
DMHEAP_API( bool, _ctx_mark,
            ( dmheap_context_t * context, dmheap_mark_t* mark, dmheap_mark_entry_t* entries, unsigned count ) );
/** @} */

/**
 * @brief Shows what is held more, or less, than at a mark: a line for each module that holds something else, that came or
 *        that is gone, one for those that found no room in the mark, and the total, by which the used bytes of the heaps
 *        differ. A module is known by its name: one that was unregistered and registered anew is the same, one that was
 *        renamed is another. A heap that was made since has held nothing, one that was taken down holds nothing.
 *
 *        With DMHEAP_GUARD each allocation has a number in the order of all, and a realloc is one: it makes a block a new
 *        one. Then the total is parted into blocks that are new since the mark and those that are not, and the 16 oldest
 *        new ones are shown, oldest first, and the 16 places in the code that asked for most bytes of the new ones, the
 *        rest summed.
 * @param mark  The mark. By numbers, it holds for 2^31 allocations.
 * @param print Gets the text; it may use the heap.
 * @param user  Handed to it.
 * @return true on success, false and an `[ERROR]` where `mark` or `print` is NULL.
 * @note Nothing is allocated. Cost and exactness: as of dmheap_mark(), `print` included; with DMHEAP_GUARD one more walk over
 *       all blocks for each block and each place that is shown.
 */
DMHEAP_API( bool, _report_since, ( const dmheap_mark_t* mark, dmheap_print_t print, void* user ) );

#endif

/* ---- The trace --------------------------------------------------------------------------------------------------- */

#ifdef DMHEAP_TRACE

/** @brief Bytes that a ring has at the least. */
#define DMHEAP_TRACE_RING_LEAST ( 256 + DMHEAP_NAME_SIZE )

/**
 * @brief Where a trace goes, and what it is told. The functions are called inside of the critical section: they are short, and
 *        do not use the heap.
 */
typedef struct
{
    /** Memory for the newest records, at any address; the caller keeps it. NULL: `write` gets all. */
    void* ring;
    /** Bytes of it: at least DMHEAP_TRACE_RING_LEAST. */
    size_t ring_size;
    /** Gets the header, then each record by itself. Returns false if it cannot take one: how many it has not taken is said by
     *  the next that it takes. */
    bool ( *write )( const void* bytes, size_t size, void* user );
    /** Handed to `write`. */
    void* user;
    /** A counter of ticks that wraps around at 2^32; NULL: none. */
    uint32_t ( *clock )( void );
    /** Of `clock`. */
    uint32_t ticks_per_second;
    /** A number for the thread that runs; NULL: 0. */
    uint32_t ( *thread )( void );
} dmheap_trace_t;

/**
 * @brief Begins to trace, in the format of `docs/trace.md`: first what there is, as dmheap_trace_state() does, then each event
 *        as it happens, in the order in which the heaps change. A trace that was begun before ends. Only in a library that is
 *        built with DMHEAP_TRACE, as are the functions that follow.
 * @param to Where to; copied.
 * @return true on success; false, and no line in the log, where neither `ring` nor `write` is given, the ring is too small, or
 *         `write` did not take the header.
 * @note Cost: linear in the heaps' blocks, in steps; then O(1) for each event, under the lock.
 */
DMHEAP_API( bool, _trace_start, ( const dmheap_trace_t* to ) );

/** @brief Ends a trace. What is in a ring stays there, and can be read. */
DMHEAP_API( void, _trace_stop, (void));

/**
 * @brief Takes the oldest records out of the ring. What is read by and by makes one trace, header included; where records
 *        were dropped since the last call, it says how many.
 * @param to   Receives them, whole records only.
 * @param size Bytes of it: with DMHEAP_TRACE_RING_LEAST there is room for any record.
 * @return Bytes written; 0: there is nothing more.
 */
DMHEAP_API( size_t, _trace_read, ( void* to, size_t size ) );

/**
 * @brief Writes to the trace what there is: heaps, owners with their names, live blocks. A reader who missed records knows all
 *        of that again, but for blocks that a realloc is copying at that moment.
 * @note Cost: linear in the heaps' blocks, in steps.
 */
DMHEAP_API( void, _trace_state, (void));

#endif

/** @cond */
/* What a compiler may know of functions that allocate. A module calls them by pointers, of which it knows nothing. */
#if DMOD_MODULE_EN == OFF && !defined( DMHEAP_WITHOUT_ATTRIBUTES )
#define DMHEAP_ALLOCATES( ... )   __attribute__( ( malloc, alloc_size( __VA_ARGS__ ) ) )
#define DMHEAP_REALLOCATES( ... ) __attribute__( ( warn_unused_result, alloc_size( __VA_ARGS__ ) ) )
extern void* dmheap_calloc( size_t count, size_t size, const char* module_name ) DMHEAP_ALLOCATES( 1, 2 );
extern void* dmheap_aligned_realloc( void* ptr, size_t alignment, size_t size, const char* module_name )
    DMHEAP_REALLOCATES( 3 );
extern void* dmheap_module_malloc( dmheap_module_t module, size_t size ) DMHEAP_ALLOCATES( 2 );
extern void* dmheap_module_calloc( dmheap_module_t module, size_t count, size_t size ) DMHEAP_ALLOCATES( 2, 3 );
extern void* dmheap_module_aligned_alloc( dmheap_module_t module, size_t alignment, size_t size ) DMHEAP_ALLOCATES( 3 );
extern void* dmheap_module_realloc( dmheap_module_t module, void* ptr, size_t size ) DMHEAP_REALLOCATES( 3 );
extern void* dmheap_module_aligned_realloc( dmheap_module_t module, void* ptr, size_t alignment, size_t size )
    DMHEAP_REALLOCATES( 4 );
extern void* dmheap_ctx_malloc( dmheap_context_t* context, size_t size, const char* module_name ) DMHEAP_ALLOCATES( 2 );
extern void* dmheap_ctx_calloc( dmheap_context_t* context, size_t count, size_t size, const char* module_name )
    DMHEAP_ALLOCATES( 2, 3 );
extern void* dmheap_ctx_aligned_alloc( dmheap_context_t* context, size_t alignment, size_t size,
                                       const char* module_name ) DMHEAP_ALLOCATES( 3 );
extern void* dmheap_ctx_realloc( dmheap_context_t* context, void* ptr, size_t size, const char* module_name )
    DMHEAP_REALLOCATES( 3 );
extern void* dmheap_ctx_aligned_realloc( dmheap_context_t* context, void* ptr, size_t alignment, size_t size,
                                         const char* module_name ) DMHEAP_REALLOCATES( 4 );
#endif
/** @endcond */

#pragma GCC diagnostic pop

#ifdef __cplusplus
}
#endif

#endif
