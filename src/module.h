/*
 * The table of owners of one heap: names, limits, counters. May not lock, log or look at free memory.
 *
 * A module is a record in a system block: what it holds, its links in the tree of names, its name. The heap itself and
 * nobody have a record without a name, in the context. An owner's number is what block headers carry; from OWNER_NOBODY
 * on, the directory leads from the number to the record:
 *
 *   level = floor( log2( owner ) ) - 1      directory[level] + owner is the place of the entry
 *
 * so that chunks double, and none ever moves. The first chunk lies in the control data, any other in a system block. An
 * entry is the place of the record; or it has DIRECTORY_FREE, and the number of the next owner that was given back.
 *
 * A name is found by a hint keyed by the string's address, always verified by comparing the text; failing that, in a
 * tree ordered by the bits of the name's hash. Whatever looks at the tree does so in steps, a few records each, between
 * which the caller leaves the lock: so no critical section depends on how many modules there are.
 *
 * A module that leaves gets nothing any more. It is forgotten when it holds nothing any more: a realloc that is copying
 * one of its blocks keeps it in the table by that.
 */
#ifndef DMHEAP_MODULE_H
#define DMHEAP_MODULE_H

#include "block.h"
#include "registry.h"

#define DIRECTORY_FREE 0x80000000u

enum
{
    CHUNK_FIRST_SPAN      = 2,          /* owners that the first chunk has room for */
    DIRECTORY_MOST_LEVELS = 15,         /* of owners of 16 bits */
    LIMIT_NONE            = 0x7fffffff, /* words; no heap is as large */
    NAME_WORDS            = ( DMOD_MAX_MODULE_NAME_LENGTH + WORD_SIZE - 1 ) / WORD_SIZE
};

typedef struct
{
    holding_t holding;
    uint16_t  child[2]; /* owners, 0: none */
    char      name[];   /* whole words, zeros behind its end */
} module_t;

_Static_assert( sizeof( module_t ) == 24, "a record costs 24 bytes and the name" );

/* A name as it is searched for: a copy, which lasts when the original is freed, in whole words with zeros behind its
 * end, as records have it, so that little is to be done to compare it. Made outside of the critical section. */
typedef struct
{
    const char* original; /* what a hint can be keyed by; NULL: no caller will come with it again */
    uint32_t    hash;
    uint32_t    size; /* words, with the end; 0: it is none */
    word_t      words[NAME_WORDS];
} module_name_t;

/* False for NULL, an empty name and one that is too long. */
bool module_name_make( const char* text, module_name_t* name );

static inline const char* name_text( const module_name_t* name )
{
    return (const char*)name->words;
}

static inline uint32_t directory_level( owner_t owner )
{
    return bits_highest( owner ) - 1;
}

/* What leads to the entries of a level's chunk. */
static inline word_t* directory_chunk( const dmheap_context_t* context, owner_t owner )
{
    return image_word( context, context->directory_at + directory_level( owner ) );
}

/* The directory's entry for an owner; NULL where it would be outside of the heap. */
static inline word_t* directory_entry( const dmheap_context_t* context, owner_t owner )
{
    uint32_t place = *directory_chunk( context, owner ) + owner;
    return image_has( context, place ) ? image_word( context, place ) : NULL;
}

/* The first owner that was never given. */
static inline owner_t owner_end( const dmheap_context_t* context )
{
    return context->owner_span + (owner_t)OWNER_NOBODY;
}

/* The record of an owner of a user's blocks, NULL where there is none. */
static HOT holding_t* user_holding( const dmheap_context_t* context, owner_t owner )
{
    if( owner - OWNER_NOBODY >= context->owner_span ) return NULL;
    uint32_t entry = *directory_chunk( context, owner ) + owner;
    if( !image_has( context, entry ) ) return NULL;
    uint32_t record = *image_word( context, entry );
    if( record - NOBODY_AT >= context->record_reach ) return NULL;
    return block_payload( context, block_at( record ) );
}

/* The record of an owner, NULL where there is none. */
holding_t* holding_of( const dmheap_context_t* context, owner_t owner );

static inline module_t* module_of( const dmheap_context_t* context, owner_t owner )
{
    return owner >= OWNER_FIRST_MODULE ? (module_t*)user_holding( context, owner ) : NULL;
}

/* The block that a record lies in. */
static inline block_t module_block( const dmheap_context_t* context, const module_t* module )
{
    return block_at( (uint32_t)( (const word_t*)module - image_word( context, 0 ) ) );
}

/* An owner and a serial in one number: what tells a module from all others there have been. */
static inline uint32_t owner_key( owner_t owner, uint16_t serial )
{
    return owner | (uint32_t)serial << 16;
}

static inline owner_t key_owner( uint32_t key )
{
    return key & UINT16_MAX;
}

/* The record of the owner with this key, NULL where it is not what it was any more. */
static inline holding_t* holding_with_key( const dmheap_context_t* context, uint32_t key )
{
    holding_t* holding = holding_of( context, key_owner( key ) );
    return holding != NULL && holding->serial == key >> 16 ? holding : NULL;
}

static inline bool names_equal( const char* one, const char* other )
{
    for( ; *one == *other; one++, other++ )
        if( *one == '\0' ) return true;
    return false;
}

/* Where the hints of a name are: two owners, the later one below. */
static inline word_t* module_hints( const dmheap_context_t* context, const char* name )
{
    /* Multiplying by 2^32 / golden ratio spreads addresses that lie close together (Knuth, TAOCP 3, 6.4). */
    uint32_t place = (uint32_t)(uintptr_t)name * 0x9e3779b1u >> context->hint_shift;
    return image_word( context, context->hints_at + place );
}

static inline void module_note_hint( dmheap_context_t* context, const char* name, owner_t owner )
{
    word_t* hints = module_hints( context, name );
    if( ( *hints & UINT16_MAX ) != owner ) *hints = *hints << 16 | owner;
}

/* What an owner holds if it has this name, else NULL. */
static HOT holding_t* holding_named( const dmheap_context_t* context, owner_t owner, const char* name )
{
    holding_t* holding = user_holding( context, owner );
    return holding != NULL && names_equal( ( (module_t*)holding )->name, name ) ? holding : NULL;
}

/* What the module of this name holds, by the hints alone; NULL where they do not know it. O(1). */
static HOT holding_t* module_find_by_hint( const dmheap_context_t* context, const char* name, owner_t* owner )
{
    uint32_t hints     = *module_hints( context, name );
    *owner             = hints & UINT16_MAX;
    holding_t* holding = holding_named( context, *owner, name );
    if( holding != NULL ) return holding;
    *owner = hints >> 16;
    return holding_named( context, *owner, name );
}

/* A walk down the tree, with the lock left on the way; all zeros to begin with. It begins anew where a tree has changed
 * since the last step. */
typedef struct
{
    uint16_t* link;  /* what leads to the record that comes next, or that was found */
    module_t* found; /* NULL: there is none. `link` is the empty one where it belongs, or else the tree is corrupted. */
    uint32_t  version; /* of the tree */
    uint16_t  depth;
    bool      done;
} module_walk_t;

/* Whether a walk is done, and what it came to still holds. */
static inline bool walk_is_done( const module_walk_t* walk )
{
    return walk->done && walk->version == context_registry.tree_version;
}

/* One bounded step to a name. */
void module_search_step( dmheap_context_t* context, const module_name_t* name, module_walk_t* walk );

/* What a call has to do with a module, and what it has brought together in steps: all zeros but what the step wants. */
typedef struct
{
    const module_name_t* name;     /* that the module has, or gets when it is registered */
    const module_name_t* new_name; /* that it gets when it is renamed */
    uint32_t             key;      /* of the module; finding it and registering it tell */

    block_t       record, chunk;  /* blocks that are not in use yet, or any more, and so suspended; 0: none */
    module_walk_t to_new;         /* the name that is to be registered */
    module_walk_t to_old, to_end; /* the name, and the record without children that takes its place in the tree */
} module_task_t;

/* One bounded step of a task. STATUS_OK: another is needed. */
typedef status_t ( *module_step_t )( dmheap_context_t* context, module_task_t* task );

/* Finds a module by its name. STATUS_KNOWN_MODULE, STATUS_UNKNOWN_MODULE. */
status_t module_find_step( dmheap_context_t* context, module_task_t* task );

/* Registers a name. STATUS_REGISTERED, STATUS_KNOWN_MODULE, or why it failed. */
status_t module_register_step( dmheap_context_t* context, module_task_t* task );

/* Gives a module that has this name and key another name. STATUS_REGISTERED; STATUS_KNOWN_MODULE where another has that
 * name, STATUS_UNKNOWN_MODULE where the module does not have the old one any more. */
status_t module_rename_step( dmheap_context_t* context, module_task_t* task );

/* Forgets the module with this name and key, which has left and holds nothing any more. STATUS_UNREGISTERED;
 * STATUS_UNKNOWN_MODULE where somebody else has done so. */
status_t module_forget_step( dmheap_context_t* context, module_task_t* task );

/* Whether an owner may get `size` more, of which it is about to give back `credit`. STATUS_OK, STATUS_LEAVING,
 * STATUS_OVER_LIMIT. */
static inline status_t holding_admits( const holding_t* holding, uint32_t size, uint32_t credit )
{
    if( holding->leaving ) return STATUS_LEAVING;
    return holding->live - credit + size > holding->limit ? STATUS_OVER_LIMIT : STATUS_OK;
}

/* Whether an owner is to be forgotten. */
static inline bool holding_is_due( const holding_t* holding )
{
    return holding->leaving && holding->blocks == 0;
}

/* Books that a block of `from` words has `to` words now. */
static inline void holding_adjust( holding_t* holding, uint32_t from, uint32_t to )
{
    holding->live += to - from;
    if( holding->live > holding->peak ) holding->peak = holding->live;
}

static inline void holding_charge( holding_t* holding, uint32_t size )
{
    holding->blocks++;
    holding_adjust( holding, 0, size );
}

static inline void holding_discharge( holding_t* holding, uint32_t size )
{
    holding->blocks--;
    holding->live -= size;
}

/* Takes a block for the owner with this record, and books it. As block_take() and holding_admits(). O(1). */
status_t owner_take( dmheap_context_t* context, owner_t owner, holding_t* holding, block_request_t* request,
                     uint32_t credit, block_t* block );

/* Takes a block of `payload` bytes for the heap's own records. STATUS_NO_MEMORY, STATUS_CORRUPTED. O(1). */
status_t system_take( dmheap_context_t* context, size_t payload, block_t* block );

/* Releases a block that is booked on `owner`, whatever its header says. As block_release(). O(1). */
status_t owner_release( dmheap_context_t* context, block_t block, owner_t owner );

/* Gives a live block to another owner, who has this record. As holding_admits(). O(1). */
status_t owner_retag( dmheap_context_t* context, block_t block, owner_t owner, holding_t* taker );

/* Takes a block out of everybody's reach between the steps of a call; it stays booked on its owner. */
void owner_suspend( dmheap_context_t* context, block_t block );

/* Whether a suspended block is still there: a heap may be taken down between two steps, and another be made in its
 * place. No block is at 0. */
bool owner_has_suspended( const dmheap_context_t* context, block_t block );

/* Gives a suspended block to an owner who holds it already. */
void owner_resume( dmheap_context_t* context, block_t block, owner_t owner );

/* owner_release() of a suspended block. */
status_t owner_release_suspended( dmheap_context_t* context, block_t block, owner_t owner );

/* Gives a suspended block that is booked on `owner` that owner again; where the owner is leaving, passes it on or frees it.
 * STATUS_LEAVING: it was freed. STATUS_CORRUPTED: it could not be, and is nobody's now. O(1). */
status_t owner_settle( dmheap_context_t* context, block_t block, owner_t owner );

/* A module whose blocks are on their way to another owner. */
typedef struct
{
    uint32_t key;      /* of the module */
    block_t  position; /* where the sweep goes on */
    block_t  damaged;  /* the last that could not be freed, 0: none */
} module_sweep_t;

/* Begins to take down the module that has this record: it gets nothing any more. The owner with the key `heir` gets its
 * blocks; 0: they are freed, as they are when the heir itself leaves. */
void module_leave( const dmheap_context_t* context, owner_t owner, holding_t* holding, uint32_t heir,
                   module_sweep_t* sweep );

/* One bounded step through the blocks. True where there are more. */
bool module_sweep_step( dmheap_context_t* context, module_sweep_t* sweep );

/* Chunks that the directory does not lead to any more. */
typedef struct
{
    block_t  block[DIRECTORY_MOST_LEVELS];
    unsigned count;
} module_chunks_t;

/* Takes all chunks out of the directory if there is no module any more; they are suspended, and the caller's to release. */
void module_shrink( dmheap_context_t* context, module_chunks_t* chunks );

#endif
