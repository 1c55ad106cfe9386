/*
 * The table of modules; see module.h.
 */
#include "module.h"

enum
{
    /* The hash has 32 bits; beyond them the tree is a list of names whose hashes are all equal. */
    TREE_MAX_DEPTH = 64,

    /* Looks at the start map, and blocks, in one step of a sweep: what the lock is held for. */
    SWEEP_LOOKS  = 8,
    SWEEP_BLOCKS = 12
};

/* ---- Names ---- */

bool module_name_make( const char* text, module_name_t* name )
{
    /* FNV-1a, 32 bits: G. Fowler, L. C. Noll, K.-P. Vo. */
    uint32_t hash   = 2166136261u;
    uint32_t length = 0;
    if( text == NULL ) return false;
    for( ; text[length] != '\0'; length++ )
    {
        if( length == DMOD_MAX_MODULE_NAME_LENGTH - 1 ) return false;
        hash = ( hash ^ (unsigned char)text[length] ) * 16777619u;
    }
    *name = ( module_name_t ){ text, hash, length };
    return length != 0;
}

uint16_t* module_link( dmheap_context_t* context, const module_name_t* name )
{
    uint16_t* link = &context->module_root;
    uint32_t  hash = name->hash;
    for( unsigned depth = 0; depth < TREE_MAX_DEPTH; depth++, hash >>= 1 )
    {
        if( *link == 0 ) return link;
        module_t* module = module_of( context, *link );
        if( module == NULL ) return NULL;
        if( names_equal( module->name, name->text ) ) return link;
        link = &module->child[hash & 1u];
    }
    return NULL;
}

/* Takes the module at `link` out of the tree. Any leaf below it may stand in its place, since the bits of that leaf's
 * hash lead there too. */
static void tree_remove( dmheap_context_t* context, uint16_t* link )
{
    module_t* module = module_of( context, *link );
    uint16_t* deeper = link;
    module_t* leaf   = module;
    for( unsigned depth = 0; ( leaf->child[0] | leaf->child[1] ) != 0; depth++ )
    {
        deeper = &leaf->child[leaf->child[0] == 0];
        leaf   = module_of( context, *deeper );
        if( leaf == NULL || depth == TREE_MAX_DEPTH ) return;
    }
    uint16_t owner = *deeper;
    *deeper        = 0;
    if( leaf == module ) return;
    leaf->child[0] = module->child[0];
    leaf->child[1] = module->child[1];
    *link          = owner;
}

owner_t module_find( dmheap_context_t* context, const module_name_t* name )
{
    const uint16_t* link = module_link( context, name );
    return link != NULL ? *link : 0;
}

/* ---- Registration ---- */

static status_t take_record( dmheap_context_t* context, const module_name_t* name, block_t* record )
{
    status_t status = system_take( context, sizeof( module_t ) + name->length + 1, record );
    if( status != STATUS_OK ) return status;
    module_t* module = block_payload( context, *record );
    *module          = ( module_t ){ .holding = { .limit = LIMIT_NONE } };
    for( uint32_t i = 0; i <= name->length; i++ )
        module->name[i] = name->text[i];
    return STATUS_OK;
}

status_t module_register_step( dmheap_context_t* context, const module_name_t* name, module_parts_t* parts,
                               owner_t* owner )
{
    uint16_t* link   = module_link( context, name );
    bool      reused = context->module_free != 0;
    if( link == NULL ) return STATUS_CORRUPTED;
    *owner = *link;
    if( *owner != 0 )
    {
        *module_hint( context, name->text ) = *link;
        return STATUS_KNOWN_MODULE;
    }
    *owner = reused ? context->module_free : owner_end( context );
    if( *owner >> context->owner_bits != 0 ) return STATUS_TABLE_FULL;
    if( parts->record.at == 0 ) return take_record( context, name, &parts->record );

    word_t* chunk = directory_chunk( context, *owner );
    if( *chunk == 0 )
    {
        /* a chunk begins with an owner that is a power of two, and has as many entries */
        if( parts->chunk.at == 0 ) return system_take( context, *owner * (size_t)WORD_SIZE, &parts->chunk );
        *chunk       = parts->chunk.at - *owner;
        parts->chunk = block_at( 0 );
    }
    uint32_t place = *chunk + *owner;
    if( !image_has( context, place ) ) return STATUS_CORRUPTED;
    word_t* entry = image_word( context, place );
    if( reused && !( *entry & DIRECTORY_FREE ) ) return STATUS_CORRUPTED;
    if( reused )
        context->module_free = (uint16_t)*entry;
    else
        context->owner_span++;
    context->module_count++;
    module_t* module       = block_payload( context, parts->record );
    module->holding.serial = ++context->module_serial;
    *entry                 = parts->record.at;
    *link                  = (uint16_t)*owner;
    block_note_change( context );
    parts->record = block_at( 0 );

    *module_hint( context, name->text ) = (uint16_t)*owner;
    return STATUS_REGISTERED;
}

status_t module_rename_step( dmheap_context_t* context, owner_t owner, const module_name_t* old_name,
                             const module_name_t* new_name, module_parts_t* parts )
{
    if( parts->record.at == 0 ) return take_record( context, new_name, &parts->record );
    uint16_t* link = module_link( context, old_name );
    if( link == NULL || *link != owner ) return STATUS_UNKNOWN_MODULE;
    const uint16_t* place = module_link( context, new_name );
    if( place == NULL ) return STATUS_CORRUPTED;
    if( *place != 0 ) return STATUS_KNOWN_MODULE;
    tree_remove( context, link );
    link = module_link( context, new_name ); /* no deeper than it was */

    word_t*         entry  = image_word( context, *directory_chunk( context, owner ) + owner );
    block_t         record = block_at( *entry );
    const module_t* old    = block_payload( context, record );
    module_t*       module = block_payload( context, parts->record );
    module->holding        = old->holding;

    *entry        = parts->record.at;
    *link         = (uint16_t)owner;
    parts->record = record;
    return STATUS_REGISTERED;
}

void module_parts_release( dmheap_context_t* context, const module_parts_t* parts )
{
    if( parts->record.at != 0 ) (void)owner_release( context, parts->record, OWNER_SYSTEM );
    if( parts->chunk.at != 0 ) (void)owner_release( context, parts->chunk, OWNER_SYSTEM );
}

/* ---- Owners of blocks ---- */

holding_t* holding_of( const dmheap_context_t* context, owner_t owner )
{
    return owner == OWNER_SYSTEM ? (holding_t*)(uintptr_t)&context->system : user_holding( context, owner );
}

status_t owner_take( dmheap_context_t* context, owner_t owner, uint32_t size, size_t alignment, uint32_t credit,
                     block_t* block )
{
    holding_t* holding = holding_of( context, owner );
    if( holding == NULL ) return STATUS_CORRUPTED;
    status_t status = size != 0 ? holding_admits( holding, size, credit ) : STATUS_NO_MEMORY;
    if( status != STATUS_OK ) return status;
    block_t taken = block_take( context, &size, alignment, owner );
    if( taken.at <= BLOCK_DAMAGED ) return taken.at == BLOCK_NONE ? STATUS_NO_MEMORY : STATUS_CORRUPTED;
    *block = taken;
    if( owner == OWNER_SYSTEM ) guard_open( context, taken );
    holding_charge( holding, size );
    return STATUS_OK;
}

status_t system_take( dmheap_context_t* context, size_t payload, block_t* block )
{
    return owner_take( context, OWNER_SYSTEM, block_size_for( context, payload ), 0, 0, block );
}

status_t owner_release( dmheap_context_t* context, block_t block, owner_t owner )
{
    uint32_t   size    = block_size( context, block );
    holding_t* holding = holding_of( context, owner );
    if( holding == NULL ) return STATUS_CORRUPTED;
    if( owner != OWNER_SYSTEM ) guard_take( context, block );
    status_t status = block_release( context, block );
    if( status == STATUS_OK ) holding_discharge( holding, size );
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

status_t owner_retag( dmheap_context_t* context, block_t block, owner_t owner )
{
    holding_t* giver = holding_of( context, block_owner( context, block ) );
    holding_t* taker = holding_of( context, owner );
    if( giver == NULL || taker == NULL ) return STATUS_CORRUPTED;
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

status_t owner_settle( dmheap_context_t* context, block_t block, owner_t owner )
{
    holding_t* holding = holding_of( context, owner );
    if( holding == NULL ) return STATUS_CORRUPTED;
    if( block_owner( context, block ) == OWNER_MOVING ) context->moving--;
    if( !holding->leaving )
    {
        block_set_owner( context, block, owner );
        block_note_change( context );
        return STATUS_OK;
    }
    owner_t    heir   = holding->limit & UINT16_MAX;
    holding_t* taker  = holding_with_key( context, holding->limit );
    status_t   status = STATUS_OK;
    if( taker == NULL || taker->leaving )
    {
        status = owner_release( context, block, owner );
        if( status == STATUS_OK ) return STATUS_LEAVING;
        heir  = OWNER_NOBODY;
        taker = &context->nobody;
    }
    hand_over( context, block, holding, taker, heir );
    return status;
}

/* ---- Taking a module down ---- */

void module_leave( const dmheap_context_t* context, owner_t owner, holding_t* holding, uint32_t heir,
                   module_sweep_t* sweep )
{
    *sweep = ( module_sweep_t ){ owner_key( owner, holding->serial ), block_at( context->first ), block_at( 0 ) };
    holding->leaving = true;
    holding->limit   = heir;
}

/* The live block behind a live block, or the end mark; 0 where the headers lead nowhere. No two free blocks are
 * neighbours. */
static uint32_t next_live( const dmheap_context_t* context, uint32_t at, uint32_t header )
{
    for( unsigned blocks = 0; blocks < 2; blocks++ )
    {
        uint32_t size = header_size( context, header );
        if( size - 1 >= context->end - at ) return 0;
        at += size;
        header = *block_header( context, block_at( at ) );
        if( !( header & HEADER_FREE ) ) return at;
    }
    return 0;
}

bool module_sweep_step( dmheap_context_t* context, module_sweep_t* sweep )
{
    owner_t owner = sweep->key & UINT16_MAX;
    if( holding_with_key( context, sweep->key ) == NULL ) return false;
    /* The place may be anywhere by now: the start map tells where the next block is. From there the headers do, until
     * one is the module's or leads nowhere; then the map has to tell again. */
    if( !block_next_live( context, &sweep->position, SWEEP_LOOKS ) ) return sweep->position.at < context->end;
    block_t  block  = sweep->position;
    uint32_t mask   = header_owner_mask( context );
    uint32_t wanted = header_of( context, owner, 0 );
    for( unsigned blocks = 0; blocks < SWEEP_BLOCKS && block.at != context->end; blocks++ )
    {
        uint32_t header = *block_header( context, block );
        uint32_t next   = next_live( context, block.at, header );
        bool     owned  = ( header & mask ) == wanted && map_get( context, map_bit( context, block ) );

        sweep->position = block_at( next != 0 ? next : block.at + context->granule );
        if( owned && owner_settle( context, block, owner ) == STATUS_CORRUPTED ) sweep->damaged = block;
        if( owned || next == 0 ) break;
        block = sweep->position;
    }
    return sweep->position.at < context->end;
}

void module_forget( dmheap_context_t* context, owner_t owner, const module_name_t* name )
{
    uint16_t*        link    = module_link( context, name );
    const holding_t* holding = holding_of( context, owner );
    if( link == NULL || holding == NULL || *link != owner || !holding->leaving || holding->blocks != 0 ) return;
    tree_remove( context, link );
    word_t* entry  = image_word( context, *directory_chunk( context, owner ) + owner );
    block_t record = block_at( *entry );
    *entry         = DIRECTORY_FREE | context->module_free;

    context->module_free = (uint16_t)owner;
    context->module_count--;
    (void)owner_release( context, record, OWNER_SYSTEM );
}

bool module_shrink_step( dmheap_context_t* context )
{
    if( context->module_count != 0 || owner_end( context ) > 1u << context->owner_bits ) return false;
    context->module_free = 0;
    if( context->owner_span <= CHUNK_FIRST_SPAN )
    {
        context->owner_span = 1;
        return false;
    }
    owner_t  lowest = 1u << bits_highest( owner_end( context ) - 1u ); /* of the highest chunk */
    word_t*  chunk  = directory_chunk( context, lowest );
    uint32_t place  = *chunk + lowest;

    context->owner_span = (uint16_t)( lowest - OWNER_NOBODY );
    *chunk              = 0;
    if( block_in_heap( context, place ) ) (void)owner_release( context, block_at( place ), OWNER_SYSTEM );
    return true;
}
