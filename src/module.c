/*
 * The table of modules; see module.h.
 */
#include "module.h"

enum
{
    /* The hash has 32 bits; beyond them the tree is a list of names whose hashes are all equal. */
    TREE_MAX_DEPTH = 64,

    /* What the lock is held for: records in a step of a walk, looks at the start map and blocks in one of a sweep. */
    WALK_RECORDS = 3,
    SWEEP_LOOKS  = 4,
    SWEEP_BLOCKS = 10
};

/* ---- Names ---- */

bool module_name_make( const char* text, module_name_t* name )
{
    /* FNV-1a, 32 bits: G. Fowler, L. C. Noll, K.-P. Vo. */
    uint32_t length = 0;
    *name           = ( module_name_t ){ .original = text, .hash = 2166136261u };
    if( text == NULL ) return false;
    for( char* copy = (char*)name->words; text[length] != '\0'; length++ )
    {
        if( length == DMOD_MAX_MODULE_NAME_LENGTH - 1 ) return false;
        name->hash   = ( name->hash ^ (unsigned char)text[length] ) * 16777619u;
        copy[length] = text[length];
    }
    if( length != 0 ) name->size = length / WORD_SIZE + 1;
    return length != 0;
}

static word_t* name_words( const module_t* module )
{
    return (word_t*)(uintptr_t)( module + 1 );
}

/* A record that is overwritten may have no end before the heap's. */
static bool has_name( const dmheap_context_t* context, const module_t* module, const module_name_t* name )
{
    const word_t* words = name_words( module );
    uint32_t      same  = 0;
    if( name->size > (size_t)( image_word( context, context->end ) - words ) ) return false;
    while( same < name->size && words[same] == name->words[same] )
        same++;
    return same == name->size;
}

/* ---- The tree ---- */

/* One bounded step down from the link `from`: to a name or, where that is NULL, to any record without children. */
static void descend( const dmheap_context_t* context, uint16_t* from, const module_name_t* name, module_walk_t* walk )
{
    uint16_t* link = walk->link;
    if( link == NULL || walk->version != context_registry.tree_version )
    {
        *walk = ( module_walk_t ){ .version = context_registry.tree_version };
        link  = from;
    }
    for( unsigned records = 0; records < WALK_RECORDS; records++ )
    {
        module_t* module = walk->depth <= TREE_MAX_DEPTH ? module_of( context, *link ) : NULL;
        walk->found      = module;
        walk->done       = module == NULL || ( name != NULL ? has_name( context, module, name )
                                                            : ( module->child[0] | module->child[1] ) == 0 );
        if( walk->done ) break;
        link = &module->child[name != NULL ? name->hash >> walk->depth % BITS_OF_WORD & 1u : module->child[0] == 0];
        walk->depth++;
    }
    walk->link = link;
}

void module_search_step( dmheap_context_t* context, const module_name_t* name, module_walk_t* walk )
{
    descend( context, &context->module_root, name, walk );
}

/* One bounded step of a search by name: the module is found, or `walk` leads to where its name belongs. */
static status_t find_step( dmheap_context_t* context, module_task_t* task, module_walk_t* walk, uint32_t* key )
{
    if( !walk_is_done( walk ) ) module_search_step( context, task->name, walk );
    if( !walk->done ) return STATUS_OK;
    if( walk->found == NULL ) return STATUS_UNKNOWN_MODULE;
    *key = owner_key( *walk->link, walk->found->holding.serial );
    return STATUS_KNOWN_MODULE;
}

status_t module_find_step( dmheap_context_t* context, module_task_t* task )
{
    return find_step( context, task, &task->to_old, &task->key );
}

/* One bounded step to what tree_remove() needs. STATUS_KNOWN_MODULE at its end, STATUS_OK: another step is needed;
 * STATUS_UNKNOWN_MODULE where the module has not this name and key, STATUS_CORRUPTED. */
static status_t removal_step( dmheap_context_t* context, module_task_t* task )
{
    uint32_t found;
    bool     sought = walk_is_done( &task->to_old );
    status_t known  = find_step( context, task, &task->to_old, &found );
    if( known != STATUS_KNOWN_MODULE ) return known;
    if( found != task->key ) return STATUS_UNKNOWN_MODULE;
    if( !sought ) return STATUS_OK;
    if( !walk_is_done( &task->to_end ) )
    {
        descend( context, task->to_old.link, NULL, &task->to_end );
        return STATUS_OK;
    }
    return task->to_end.found != NULL ? STATUS_KNOWN_MODULE : STATUS_CORRUPTED;
}

static bool is_child_of( const uint16_t* link, const module_t* module )
{
    return link == &module->child[0] || link == &module->child[1];
}

/* Takes the record that the removal steps have led to out of the tree. `*place` is an empty link: where it moves, it is
 * told. */
static void tree_remove( const module_task_t* task, uint16_t** place )
{
    module_t* module = task->to_old.found;
    module_t* last   = task->to_end.found;
    uint16_t* end    = task->to_end.link;
    uint16_t  owner  = *end;
    context_registry.tree_version++;
    if( is_child_of( *place, last ) ) *place = end;
    *end = 0;
    if( last == module ) return;
    if( is_child_of( *place, module ) ) *place = &last->child[*place - module->child];
    last->child[0]     = module->child[0];
    last->child[1]     = module->child[1];
    *task->to_old.link = owner;
}

/* ---- Registration ---- */

/* Takes a block for the heap's own records, suspended until it is one. */
static status_t take_part( dmheap_context_t* context, size_t payload, block_t* part )
{
    status_t status = system_take( context, payload, part );
    if( status == STATUS_OK ) owner_suspend( context, *part );
    return status;
}

static status_t take_record( dmheap_context_t* context, const module_name_t* name, block_t* record )
{
    return take_part( context, sizeof( module_t ) + name->size * (size_t)WORD_SIZE, record );
}

/* Makes a record of its block, and has `link` and the directory's `entry` lead to it. */
static void publish( dmheap_context_t* context, const module_name_t* name, module_task_t* task, owner_t owner,
                     const holding_t* holding, word_t* entry, uint16_t* link )
{
    module_t* module = block_payload( context, task->record );
    *module          = ( module_t ){ .holding = *holding };
    for( uint32_t i = 0; i < name->size; i++ )
        name_words( module )[i] = name->words[i];
    *entry = task->record.at;
    *link  = (uint16_t)owner;
    context_registry.tree_version++;
    owner_resume( context, task->record, OWNER_SYSTEM );
    task->record = block_at( 0 );
}

status_t module_register_step( dmheap_context_t* context, module_task_t* task )
{
    const module_name_t* name   = task->name;
    bool                 sought = walk_is_done( &task->to_new );
    status_t             found  = find_step( context, task, &task->to_new, &task->key );
    if( found == STATUS_KNOWN_MODULE ) module_note_hint( context, name->original, key_owner( task->key ) );
    if( found != STATUS_UNKNOWN_MODULE ) return found;
    if( *task->to_new.link != 0 ) return STATUS_CORRUPTED;
    if( !sought ) return STATUS_OK;
    bool    reused = context->module_free != 0;
    owner_t owner  = reused ? context->module_free : owner_end( context );
    if( owner >> context->owner_bits != 0 ) return STATUS_TABLE_FULL;
    if( !owner_has_suspended( context, task->record ) ) return take_record( context, name, &task->record );

    word_t* chunk = directory_chunk( context, owner );
    if( *chunk == 0 )
    {
        /* a chunk begins with an owner that is a power of two, and has as many entries */
        if( !owner_has_suspended( context, task->chunk ) )
            return take_part( context, owner * (size_t)WORD_SIZE, &task->chunk );
        *chunk = task->chunk.at - owner;
        owner_resume( context, task->chunk, OWNER_SYSTEM );
        task->chunk = block_at( 0 );
    }
    word_t* entry = directory_entry( context, owner );
    if( entry == NULL || ( reused && !( *entry & DIRECTORY_FREE ) ) ) return STATUS_CORRUPTED;
    if( reused )
        context->module_free = (uint16_t)*entry;
    else
        context->owner_span++;
    context->module_count++;
    context->module_serial++;
    holding_t holding = { .limit = LIMIT_NONE, .serial = context->module_serial };
    publish( context, name, task, owner, &holding, entry, task->to_new.link );
    task->key = owner_key( owner, holding.serial );
    module_note_hint( context, name->original, owner );
    return STATUS_REGISTERED;
}

status_t module_rename_step( dmheap_context_t* context, module_task_t* task )
{
    if( !owner_has_suspended( context, task->record ) ) return take_record( context, task->new_name, &task->record );
    status_t removable = removal_step( context, task );
    if( removable != STATUS_KNOWN_MODULE ) return removable;
    if( !walk_is_done( &task->to_new ) )
    {
        module_search_step( context, task->new_name, &task->to_new );
        return STATUS_OK;
    }
    uint16_t* place = task->to_new.link;
    if( task->to_new.found != NULL ) return STATUS_KNOWN_MODULE;
    owner_t         owner = key_owner( task->key );
    word_t*         entry = directory_entry( context, owner );
    const module_t* old   = task->to_old.found;
    if( *place != 0 || entry == NULL ) return STATUS_CORRUPTED;
    tree_remove( task, &place );
    publish( context, task->new_name, task, owner, &old->holding, entry, place );
    task->record = module_block( context, old );
    owner_suspend( context, task->record );
    return STATUS_REGISTERED;
}

status_t module_forget_step( dmheap_context_t* context, module_task_t* task )
{
    owner_t   owner     = key_owner( task->key );
    uint16_t* nowhere   = NULL;
    status_t  removable = removal_step( context, task );
    if( removable != STATUS_KNOWN_MODULE ) return removable;
    word_t*         entry  = directory_entry( context, owner );
    const module_t* module = task->to_old.found;
    if( entry == NULL ) return STATUS_CORRUPTED;
    if( !holding_is_due( &module->holding ) ) return STATUS_UNKNOWN_MODULE;
    tree_remove( task, &nowhere );
    *entry = DIRECTORY_FREE | context->module_free;

    context->module_free = (uint16_t)owner;
    context->module_count--;
    task->record = module_block( context, module );
    owner_suspend( context, task->record );
    return STATUS_UNREGISTERED;
}

/* ---- Owners of blocks ---- */

holding_t* holding_of( const dmheap_context_t* context, owner_t owner )
{
    return owner == OWNER_SYSTEM ? (holding_t*)(uintptr_t)&context->system : user_holding( context, owner );
}

status_t owner_take( dmheap_context_t* context, owner_t owner, holding_t* holding, block_request_t* request,
                     uint32_t credit, block_t* block )
{
    status_t status = request->size != 0 ? holding_admits( holding, request->size, credit ) : STATUS_NO_MEMORY;
    if( status != STATUS_OK ) return status;
    block_t taken = block_take( context, request, owner );
    if( taken.at <= BLOCK_DAMAGED ) return taken.at == BLOCK_NONE ? STATUS_NO_MEMORY : STATUS_CORRUPTED;
    *block = taken;
    if( owner == OWNER_SYSTEM ) guard_open( context, taken );
    holding_charge( holding, request->size );
    return STATUS_OK;
}

status_t system_take( dmheap_context_t* context, size_t payload, block_t* block )
{
    block_request_t request = { .size = block_size_for( context, payload ) };
    return owner_take( context, OWNER_SYSTEM, &context->system, &request, 0, block );
}

/* Releases a block that is booked on the owner with this record. */
static status_t release_from( dmheap_context_t* context, holding_t* holding, block_t block )
{
    uint32_t size   = block_size( context, block );
    status_t status = block_release( context, block );
    if( status == STATUS_OK ) holding_discharge( holding, size );
    return status;
}

status_t owner_release( dmheap_context_t* context, block_t block, owner_t owner )
{
    holding_t* holding = holding_of( context, owner );
    if( holding == NULL ) return STATUS_CORRUPTED;
    if( owner != OWNER_SYSTEM ) guard_take( context, block );
    return release_from( context, holding, block );
}

status_t owner_release_suspended( dmheap_context_t* context, block_t block, owner_t owner )
{
    status_t status = owner_release( context, block, owner );
    if( status == STATUS_OK ) context->moving--;
    return status;
}

static void hand_over( dmheap_context_t* context, block_t block, holding_t* giver, holding_t* taker, owner_t owner )
{
    uint32_t size = block_size( context, block );
    holding_discharge( giver, size );
    holding_charge( taker, size );
    block_set_owner( context, block, owner );
    block_note_change( context );
}

status_t owner_retag( dmheap_context_t* context, block_t block, owner_t owner, holding_t* taker )
{
    holding_t* giver = holding_of( context, block_owner( context, block ) );
    if( giver == NULL ) return STATUS_CORRUPTED;
    if( taker == giver ) return STATUS_OK;
    status_t status = holding_admits( taker, block_size( context, block ), 0 );
    if( status == STATUS_OK ) hand_over( context, block, giver, taker, owner );
    return status;
}

void owner_suspend( dmheap_context_t* context, block_t block )
{
    block_set_owner( context, block, OWNER_MOVING );
    block_note_change( context );
    context->moving++;
}

bool owner_has_suspended( const dmheap_context_t* context, block_t block )
{
    return block_is_live( context, block ) && block_owner( context, block ) == OWNER_MOVING;
}

void owner_resume( dmheap_context_t* context, block_t block, owner_t owner )
{
    block_set_owner( context, block, owner );
    block_note_change( context );
    context->moving--;
}

/* Passes a block of a leaving owner on to its heir, or frees it. As owner_settle(). */
static status_t pass_on( dmheap_context_t* context, holding_t* holding, block_t block )
{
    owner_t    heir   = key_owner( holding->limit );
    holding_t* taker  = holding_with_key( context, holding->limit );
    status_t   status = STATUS_OK;
    if( taker == NULL || taker->leaving )
    {
        guard_take( context, block );
        status = release_from( context, holding, block );
        if( status == STATUS_OK ) return STATUS_LEAVING;
        heir  = OWNER_NOBODY;
        taker = &context->nobody;
    }
    hand_over( context, block, holding, taker, heir );
    return status;
}

status_t owner_settle( dmheap_context_t* context, block_t block, owner_t owner )
{
    holding_t* holding = holding_of( context, owner );
    if( holding == NULL ) return STATUS_CORRUPTED;
    owner_resume( context, block, owner );
    return holding->leaving ? pass_on( context, holding, block ) : STATUS_OK;
}

/* ---- Taking a module down ---- */

void module_leave( const dmheap_context_t* context, owner_t owner, holding_t* holding, uint32_t heir,
                   module_sweep_t* sweep )
{
    *sweep = ( module_sweep_t ){ owner_key( owner, holding->serial ), block_at( context->first ), block_at( 0 ) };
    holding->leaving = true;
    holding->limit   = heir;
}

/* What is behind a block, or 0 where its header leads nowhere. */
static uint32_t end_of( const dmheap_context_t* context, block_t block )
{
    uint32_t size = block_size( context, block );
    return size - 1 < context->end - block.at ? block.at + size : 0;
}

bool module_sweep_step( dmheap_context_t* context, module_sweep_t* sweep )
{
    holding_t* holding = holding_with_key( context, sweep->key );
    if( holding == NULL || !holding->leaving ) return false; /* in a heap made anew another may have the same key */
    /* The place may be anywhere by now: the start map tells where the next block is. From there the headers lead on, to
     * one that is the module's: that has a step of its own, in which the map has to agree. */
    if( !block_next_live( context, &sweep->position, SWEEP_LOOKS ) ) return sweep->position.at < context->end;
    uint32_t mask   = header_owner_mask( context );
    uint32_t wanted = header_of( context, key_owner( sweep->key ), 0 );
    block_t  block  = sweep->position;
    block_t  last   = block;
    bool     owned  = ( *block_header( context, block ) & mask ) == wanted;
    uint32_t next   = end_of( context, block );
    for( unsigned blocks = 1; blocks < SWEEP_BLOCKS && !owned && next != 0 && next != context->end; blocks++ )
    {
        if( ( *block_header( context, block_at( next ) ) & mask ) == wanted ) break;
        last = block_at( next );
        next = end_of( context, last );
    }
    sweep->position =
        next != 0 ? block_behind_free( context, block_at( next ) ) : block_at( last.at + context->granule );
    if( owned && pass_on( context, holding, block ) == STATUS_CORRUPTED ) sweep->damaged = block;
    return sweep->position.at < context->end;
}

void module_shrink( dmheap_context_t* context, module_chunks_t* chunks )
{
    chunks->count = 0;
    if( context->module_count != 0 ) return;
    context->module_free = 0;
    context->owner_span  = 1;
    for( uint32_t level = 1; level + 1 < context->owner_bits; level++ )
    {
        word_t*  chunk = image_word( context, context->directory_at + level );
        uint32_t place = *chunk + ( 2u << level );
        if( *chunk != 0 && block_in_heap( context, place ) )
        {
            chunks->block[chunks->count++] = block_at( place );
            owner_suspend( context, block_at( place ) );
        }
        *chunk = 0;
    }
}
