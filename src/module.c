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

/* The link in the tree that leads to this name, or the empty one where it belongs; NULL where the tree is corrupted or
 * too deep. */
static uint16_t* tree_link( dmheap_context_t* context, const module_name_t* name )
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
    while( leaf != NULL && ( leaf->child[0] | leaf->child[1] ) != 0 )
    {
        deeper = &leaf->child[leaf->child[0] == 0];
        leaf   = module_of( context, *deeper );
    }
    if( leaf == NULL ) return;
    uint16_t owner = *deeper;
    *deeper        = 0;
    if( leaf == module ) return;
    leaf->child[0] = module->child[0];
    leaf->child[1] = module->child[1];
    *link          = owner;
}

owner_t module_find( dmheap_context_t* context, const module_name_t* name )
{
    const uint16_t* link = tree_link( context, name );
    if( link == NULL || *link == 0 ) return OWNER_NOBODY;
    *module_hint( context, name->text ) = *link;
    return *link;
}

bool module_is_in_tree( dmheap_context_t* context, owner_t owner, const module_name_t* name )
{
    const uint16_t* link = tree_link( context, name );
    return link != NULL && *link == owner;
}

uint32_t module_entry( const dmheap_context_t* context, owner_t owner )
{
    uint32_t chunk =
        context_directory( context )[directory_level( owner )] + ( (uint32_t)WORD_SIZE << bits_highest( owner ) );
    return block_in_heap( context, chunk ) ? *directory_entry( context, owner ) : 0;
}

/* ---- Registration ---- */

static void module_fill( const dmheap_context_t* context, block_t record, const module_name_t* name )
{
    module_t* module = block_payload( context, record );
    *module          = ( module_t ){ .limit = MODULE_NO_LIMIT };
    for( uint32_t i = 0; i < name->length; i++ )
        module->name[i] = name->text[i];
    module->name[name->length] = '\0';
}

static status_t take_part( dmheap_context_t* context, size_t bytes, block_t* part )
{
    block_t block = block_take_system( context, bytes );
    if( block.at == BLOCK_NONE ) return STATUS_NO_MEMORY;
    if( block.at == BLOCK_DAMAGED ) return STATUS_CORRUPTED;
    *part = block;
    return STATUS_OK;
}

static status_t take_record( dmheap_context_t* context, const module_name_t* name, module_parts_t* parts )
{
    status_t status = take_part( context, sizeof( module_t ) + name->length + 1, &parts->record );
    if( status == STATUS_OK ) module_fill( context, parts->record, name );
    return status;
}

/* The number that the next module gets; `reused` tells whether it was given back by another. */
static owner_t next_owner( const dmheap_context_t* context, bool* reused )
{
    *reused = context->module_free != 0;
    return *reused ? context->module_free : context->module_span + (owner_t)OWNER_FIRST_MODULE;
}

status_t module_register_step( dmheap_context_t* context, const module_name_t* name, module_parts_t* parts,
                               owner_t* owner )
{
    bool reused;
    *owner = module_find( context, name );
    if( *owner != OWNER_NOBODY ) return STATUS_KNOWN_MODULE;
    *owner = next_owner( context, &reused );
    if( *owner >> context->owner_bits != 0 ) return STATUS_TABLE_FULL;
    if( parts->record.at == 0 ) return take_record( context, name, parts );

    word_t* chunk = &context_directory( context )[directory_level( *owner )];
    if( *chunk == 0 )
    {
        uint32_t chunk_bytes = (uint32_t)WORD_SIZE << bits_highest( *owner ); /* and that many bytes of lower owners */
        if( parts->chunk.at == 0 ) return take_part( context, chunk_bytes, &parts->chunk );
        *chunk       = parts->chunk.at - chunk_bytes;
        parts->chunk = block_at( 0 );
    }
    uint16_t* link = tree_link( context, name );
    if( link == NULL ) return STATUS_TABLE_FULL;
    word_t* entry = directory_entry( context, *owner );
    if( reused )
        context->module_free = (uint16_t)( *entry >> 1 );
    else
        context->module_span++;
    context->module_count++;
    module_t* module = block_payload( context, parts->record );
    module->serial   = ++context->module_serial;
    *entry           = parts->record.at;
    *link            = (uint16_t)*owner;
    block_note_change( context );
    parts->record = block_at( 0 );

    *module_hint( context, name->text ) = (uint16_t)*owner;
    return STATUS_REGISTERED;
}

status_t module_rename_step( dmheap_context_t* context, owner_t owner, const module_name_t* old_name,
                             const module_name_t* new_name, module_parts_t* parts )
{
    if( parts->record.at == 0 ) return take_record( context, new_name, parts );
    uint16_t* link = tree_link( context, old_name );
    if( link == NULL || *link != owner ) return STATUS_UNKNOWN_MODULE;
    tree_remove( context, link );
    link = tree_link( context, new_name );

    block_t         old_record = block_at( *directory_entry( context, owner ) );
    const module_t* old        = block_payload( context, old_record );
    module_t*       module     = block_payload( context, parts->record );
    *module                    = *old;
    module->child[0]           = 0;
    module->child[1]           = 0;

    *directory_entry( context, owner ) = parts->record.at;
    *link                              = (uint16_t)owner;
    parts->record                      = old_record;
    return STATUS_REGISTERED;
}

void module_parts_release( dmheap_context_t* context, module_parts_t* parts )
{
    if( parts->record.at != 0 ) (void)block_release_system( context, parts->record );
    if( parts->chunk.at != 0 ) (void)block_release_system( context, parts->chunk );
}

/* ---- Owners of blocks ---- */

static void hand_over( dmheap_context_t* context, block_t block, module_t* giver, module_t* taker, owner_t owner )
{
    uint32_t size = block_size( context, block );
    if( giver != NULL ) module_discharge( giver, size );
    if( taker != NULL ) module_charge( taker, size );
    block_set_owner( context, block, owner );
    block_note_change( context );
}

status_t module_retag( dmheap_context_t* context, block_t block, owner_t owner )
{
    module_t* giver = module_of( context, block_owner( context, block ) );
    module_t* taker = module_of( context, owner );
    if( taker != NULL && taker != giver )
    {
        status_t status = module_admits( taker, block_size( context, block ), 0 );
        if( status != STATUS_OK ) return status;
    }
    hand_over( context, block, giver, taker, owner );
    return STATUS_OK;
}

void module_begin_move( dmheap_context_t* context, block_t block, owner_t owner )
{
    module_pin( context, owner );
    block_set_owner( context, block, OWNER_MOVING );
    context->moving++;
}

status_t module_settle( dmheap_context_t* context, block_t block, owner_t owner )
{
    module_t* module = module_of( context, owner );
    if( block_owner( context, block ) == OWNER_MOVING ) context->moving--;
    if( module == NULL || !( module->state & MODULE_LEAVING ) )
    {
        block_set_owner( context, block, owner );
        return STATUS_OK;
    }
    owner_t   heir = module->limit;
    module_t* next = module_of( context, heir );
    if( heir == OWNER_SYSTEM || ( next != NULL && next->state & MODULE_LEAVING ) )
    {
        status_t status = module_release( context, block, module );
        if( status == STATUS_OK ) return STATUS_LEAVING;
        hand_over( context, block, module, NULL, OWNER_NOBODY );
        return status;
    }
    hand_over( context, block, module, next, heir );
    return STATUS_OK;
}

/* ---- Taking a module down ---- */

void module_pin( dmheap_context_t* context, owner_t owner )
{
    module_t* module = module_of( context, owner );
    if( module != NULL ) module->state++;
}

bool module_unpin( dmheap_context_t* context, owner_t owner )
{
    module_t* module = module_of( context, owner );
    return module != NULL && --module->state == ( MODULE_LEAVING | MODULE_SWEPT );
}

void module_leave( dmheap_context_t* context, owner_t owner, owner_t heir, module_sweep_t* sweep )
{
    module_t* module = module_of( context, owner );
    *sweep = ( module_sweep_t ){ .owner = owner, .serial = module->serial, .position = block_at( context->first ) };
    module->state |= MODULE_LEAVING;
    module->limit = heir;
}

/* The end of a block with this header, 0 where that leads out of the heap. */
static inline uint32_t end_of( const dmheap_context_t* context, uint32_t header, uint32_t at )
{
    uint32_t end = at + header_size( context, header );
    return end != at && end <= context->end ? end : 0;
}

/* Settles a live block of the module that a sweep is about. */
static void sweep_block( dmheap_context_t* context, module_sweep_t* sweep, block_t block )
{
    status_t status = module_settle( context, block, sweep->owner );
    if( status != STATUS_CORRUPTED ) return;
    sweep->trouble = status;
    sweep->damaged = block;
}

bool module_sweep_step( dmheap_context_t* context, module_sweep_t* sweep )
{
    uint32_t looks = SWEEP_LOOKS;
    if( !module_is_current( context, sweep->owner, sweep->serial ) ) return false;
    /* The place may be anywhere by now: the start map tells where the next block is. From there the headers do, until
     * one is the module's or leads nowhere; the map takes over again in the next step. */
    if( !block_next_live( context, &sweep->position, &looks ) ) return sweep->position.at < context->end;
    uint32_t at     = sweep->position.at;
    uint32_t header = *block_header( context, block_at( at ) );
    uint32_t blocks = SWEEP_BLOCKS;
    while( header_owner( context, header ) != sweep->owner && --blocks != 0 )
    {
        uint32_t next = end_of( context, header, at );
        header        = *block_header( context, block_at( next != 0 ? next : at ) );
        if( next != 0 && header & HEADER_FREE )
        {
            next   = end_of( context, header, next );
            header = *block_header( context, block_at( next != 0 ? next : at ) );
        }
        if( next == 0 ) break;
        at = next;
    }
    block_t block   = block_at( at );
    sweep->position = block;
    if( at == context->end ) return false;
    if( blocks == 0 ) return true;
    sweep->position.at += context->granule;
    if( header_owner( context, header ) == sweep->owner && map_get( context, map_bit( context, block ) ) )
        sweep_block( context, sweep, block );
    return sweep->position.at < context->end;
}

void module_forget( dmheap_context_t* context, owner_t owner, const module_name_t* name )
{
    uint16_t* link   = tree_link( context, name );
    module_t* module = module_of( context, owner );
    if( link == NULL || module == NULL || *link != owner || !( module->state & MODULE_LEAVING ) ) return;
    module->state |= MODULE_SWEPT;
    if( module->state & MODULE_PINS ) return;
    tree_remove( context, link );
    word_t* entry  = directory_entry( context, owner );
    block_t record = block_at( *entry );
    *entry         = DIRECTORY_FREE | (uint32_t)context->module_free << 1;

    context->module_free = (uint16_t)owner;
    context->module_count--;
    (void)block_release_system( context, record );
}

bool module_shrink_step( dmheap_context_t* context )
{
    if( context->module_count != 0 || context->module_span == 0 ) return false;
    owner_t lowest = 1u << bits_highest( context->module_span + OWNER_FIRST_MODULE - 1u ); /* of the highest chunk */
    word_t* chunk  = &context_directory( context )[directory_level( lowest )];

    context->module_free = 0;
    context->module_span = (uint16_t)( lowest - OWNER_FIRST_MODULE );
    if( *chunk != 0 ) (void)block_release_system( context, block_at( *chunk + lowest * WORD_SIZE ) );
    *chunk = 0;
    return true;
}
