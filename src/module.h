/*
 * The table of modules of one heap: names, owners, limits, counters. May not lock, log or look at free memory.
 *
 * A module is a record in a system block: counters, then the name. Its owner number is what block headers carry; the
 * directory leads from the number to the record:
 *
 *   level = floor( log2( owner ) ) - log2( OWNER_FIRST_MODULE )      directory[level] is a chunk of 2^... entries,
 *   the directory holds where entry 0 of the chunk would be
 *
 * so that chunks double and none ever moves. An entry is the record's block, or DIRECTORY_FREE for an owner that was
 * given back.
 *
 * A name is found by a hint keyed by the string's address, always verified by comparing the text; failing that, in a
 * tree ordered by the bits of the name's hash, whose depth is bounded by the hash's width whatever the modules are
 * called or how many there are.
 */
#ifndef DMHEAP_MODULE_H
#define DMHEAP_MODULE_H

#include "block.h"

enum
{
    DIRECTORY_FREE = 1, /* an entry with this bit is no block, but the next such owner above the bit */

    MODULE_LEAVING = 1u << 15, /* being unregistered or merged into another: it gets nothing any more */
    MODULE_SWEPT   = 1u << 14, /* and nothing but a pin keeps it */
    MODULE_PINS    = MODULE_SWEPT - 1u,

    MODULE_NO_LIMIT = 0x7fffffff /* bytes; no heap is as large */
};

typedef struct
{
    uint32_t live, peak; /* bytes of whole blocks */
    uint32_t limit;      /* likewise; of a leaving module: the owner to whom its blocks go */
    uint32_t blocks;
    uint16_t child[2]; /* owners, 0: none */
    uint16_t serial;   /* of the registration: tells a module from a later one with the same number */
    uint16_t state;    /* MODULE_LEAVING, MODULE_SWEPT, and how many calls in progress pin the record */
    char     name[];
} module_t;

_Static_assert( sizeof( module_t ) == 24, "a record costs 24 bytes and the name" );

/* A name as it is searched for; made outside of the critical section where it will have to be hashed. */
typedef struct
{
    const char* text;
    uint32_t    hash;
    uint32_t    length;
} module_name_t;

/* False for NULL, an empty name and one that is too long. */
bool module_name_make( const char* text, module_name_t* name );

static inline uint32_t directory_level( owner_t owner )
{
    return bits_highest( owner ) - bits_highest( OWNER_FIRST_MODULE );
}

static inline word_t* directory_entry( const dmheap_context_t* context, owner_t owner )
{
    return context_part( context, context_directory( context )[directory_level( owner )] + owner * WORD_SIZE );
}

/* The record of an owner, NULL where there is no such module. */
static inline module_t* module_of( const dmheap_context_t* context, owner_t owner )
{
    if( owner - OWNER_FIRST_MODULE >= context->module_span ) return NULL;
    uint32_t record = *directory_entry( context, owner );
    return block_in_heap( context, record ) ? block_payload( context, block_at( record ) ) : NULL;
}

/* Whether the owner is still the module that got this serial. */
static inline bool module_is_current( const dmheap_context_t* context, owner_t owner, uint16_t serial )
{
    const module_t* module = module_of( context, owner );
    return module != NULL && module->serial == serial;
}

static inline bool names_equal( const char* one, const char* other )
{
    for( ; *one == *other; one++, other++ )
        if( *one == '\0' ) return true;
    return false;
}

static inline uint16_t* module_hint( dmheap_context_t* context, const char* name )
{
    /* Multiplying by 2^32 / golden ratio spreads addresses that lie close together (Knuth, TAOCP 3, 6.4). */
    return &context_hints( context )[(uint32_t)(uintptr_t)name * 0x9e3779b1u >> context->hint_shift];
}

/* The module of this name by the hint alone, NULL where the hint does not know it. O(1). */
static inline module_t* module_find_by_hint( dmheap_context_t* context, const char* name, owner_t* owner )
{
    *owner           = *module_hint( context, name );
    module_t* module = module_of( context, *owner );
    return module != NULL && names_equal( module->name, name ) ? module : NULL;
}

/* The owner of this name, OWNER_NOBODY where there is none; sets the hint. O(1). */
owner_t module_find( dmheap_context_t* context, const module_name_t* name );

/* For the check alone: whether the tree leads from a record's name to its owner; what the directory holds, 0 where it
 * has no such entry. */
bool     module_is_in_tree( dmheap_context_t* context, owner_t owner, const module_name_t* name );
uint32_t module_entry( const dmheap_context_t* context, owner_t owner );

/* What a registration or a rename has brought together in steps; 0: not yet. */
typedef struct
{
    block_t record, chunk;
} module_parts_t;

/* One bounded step of a registration. STATUS_REGISTERED at its end; STATUS_KNOWN_MODULE where the name is registered;
 * `owner` is valid in both cases. STATUS_OK: another step is needed. Else: why it failed. */
status_t module_register_step( dmheap_context_t* context, const module_name_t* name, module_parts_t* parts,
                               owner_t* owner );

/* Gives an owner another name, in steps as above. STATUS_REGISTERED at its end. */
status_t module_rename_step( dmheap_context_t* context, owner_t owner, const module_name_t* old_name,
                             const module_name_t* new_name, module_parts_t* parts );

/* Gives back what the steps have brought together and not used. */
void module_parts_release( dmheap_context_t* context, module_parts_t* parts );

/* Whether an owner may get `size` more, of which it is about to give back `credit`. STATUS_OK, STATUS_LEAVING,
 * STATUS_OVER_LIMIT, STATUS_CORRUPTED. */
static inline status_t module_admits( const module_t* module, uint32_t size, uint32_t credit )
{
    if( module->state & MODULE_LEAVING ) return STATUS_LEAVING;
    return module->live - credit + size > module->limit ? STATUS_OVER_LIMIT : STATUS_OK;
}

static inline void module_charge( module_t* module, uint32_t size )
{
    module->blocks++;
    module->live += size;
    if( module->live > module->peak ) module->peak = module->live;
}

static inline void module_discharge( module_t* module, uint32_t size )
{
    module->blocks--;
    module->live -= size;
}

/* Takes a block for an owner, whose record is `module`, NULL for none, and books it. As block_take() and
 * module_admits(). O(1). */
static inline status_t module_take( dmheap_context_t* context, module_t* module, owner_t owner, uint32_t size,
                                    size_t alignment, uint32_t credit, block_t* block )
{
    status_t status = module != NULL ? module_admits( module, size, credit ) : STATUS_OK;
    if( status != STATUS_OK ) return status;
    *block = block_take( context, size, alignment, owner );
    if( block->at <= BLOCK_DAMAGED ) return block->at == BLOCK_NONE ? STATUS_NO_MEMORY : STATUS_CORRUPTED;
    if( module != NULL ) module_charge( module, block_size( context, *block ) );
    return STATUS_OK;
}

/* Releases a block that is booked on `module`, NULL for nobody, whatever its header says. As block_release(). O(1). */
static inline status_t module_release( dmheap_context_t* context, block_t block, module_t* module )
{
    uint32_t size   = block_size( context, block );
    status_t status = block_release( context, block );
    if( status == STATUS_OK && module != NULL ) module_discharge( module, size );
    return status;
}

/* Gives a live block to another owner. As module_admits(). O(1). */
status_t module_retag( dmheap_context_t* context, block_t block, owner_t owner );

/* Takes a block out of everybody's reach while a realloc copies from it or to it, and pins its owner. */
void module_begin_move( dmheap_context_t* context, block_t block, owner_t owner );

/* Gives a block that is booked on `owner` that owner again; where the owner is leaving, passes it on or frees it.
 * STATUS_LEAVING: it was freed. STATUS_CORRUPTED: it could not be, and is nobody's now. O(1). */
status_t module_settle( dmheap_context_t* context, block_t block, owner_t owner );

/* A module whose blocks are on their way to another owner. */
typedef struct
{
    owner_t  owner;
    uint16_t serial;   /* of the module */
    block_t  position; /* where the sweep goes on */
    status_t trouble;  /* what went wrong with `damaged` */
    block_t  damaged;
} module_sweep_t;

/* Begins to take a module down: it gets nothing any more. `heir` gets its blocks; OWNER_SYSTEM: they are freed. An
 * heir that is a module is to be pinned until the end. */
void module_leave( dmheap_context_t* context, owner_t owner, owner_t heir, module_sweep_t* sweep );

/* One bounded step through the blocks. True where there are more. */
bool module_sweep_step( dmheap_context_t* context, module_sweep_t* sweep );

/* After the last step: forgets the module, unless a pin keeps it; then the last module_unpin() asks for that. */
void module_forget( dmheap_context_t* context, owner_t owner, const module_name_t* name );

/* Gives back a chunk of the directory if there is no module any more. True where there may be another. */
bool module_shrink_step( dmheap_context_t* context );

/* Keeps an owner's number from being given to another while a call is in progress. */
void module_pin( dmheap_context_t* context, owner_t owner );

/* True where the module was only waiting for this: module_forget() is due. */
bool module_unpin( dmheap_context_t* context, owner_t owner );

#endif
