/*
 * The owners of one heap: names, limits, counters, and taking and releasing blocks for them. A part of dmheap.c, behind
 * contexts.c. May not lock or log.
 *
 * A module is a record in a block of the heap's own: what it holds, its key, its name. A table, in a block of its own too,
 * leads from the number that headers carry to the record; it starts small and doubles by moving. The heap itself and nobody
 * have no record but their place in the context. All of these blocks lie at the far end of the heap, where that is free
 * when they are taken: they do not tear apart what users have.
 *
 * A name is found by a hint keyed by the string's address, always verified by comparing the text, because the same address
 * can hold another name later. Failing that the table is searched: its entries have some bits of the hash of each name. That
 * search is bounded by the number of modules that a heap may have, and happens in one hold of the lock.
 *
 * A module that leaves gets nothing any more. It is forgotten when it holds nothing any more.
 */

enum
{
    TABLE_FIRST_ROOM = 4, /* owners that the first table has room for */
    TABLE_ROOM_SHIFT = 9, /* or one for each 2^9 words of the heap */

    /* What the lock is held for in a step of a sweep: looks at the start map, and blocks. */
    SWEEP_LOOKS  = 4,
    SWEEP_BLOCKS = 10
};

/* ---- Names ---- */

/* A name, as it is searched for. Made outside of the critical section where it is a caller's. */
typedef struct
{
    const char* text;
    uint32_t    length;
    uint32_t    tag; /* bits of its hash, see TABLE_TAG_MASK */
} name_t;

/* False for NULL, an empty name and one that is too long. */
static bool name_make( const char* text, name_t* name )
{
    /* FNV-1a, 32 bits: G. Fowler, L. C. Noll, K.-P. Vo. */
    uint32_t hash   = 2166136261u;
    uint32_t length = 0;
    if( text == NULL ) return false;
    for( ; text[length] != '\0'; length++ )
    {
        if( length == DMHEAP_NAME_SIZE - 1 ) return false;
        hash = ( hash ^ (unsigned char)text[length] ) * 16777619u;
    }
    *name = ( name_t ){ text, length, hash >> ( BITS_OF_WORD - TABLE_TAG_BITS ) };
    return length != 0;
}

/* The name of an owner to be: NULL where that is nobody. */
static const char* owner_text( const char* text )
{
    return text != NULL && text[0] != '\0' ? text : NULL;
}

/* The record's name may be overwritten; it ends no later than the end mark, which has a byte of 0. */
static bool names_equal( const char* one, const char* other )
{
    for( ; *one == *other; one++, other++ )
        if( *one == '\0' ) return true;
    return false;
}

/* ---- Keys ---- */

/* An owner and the serial of its registration in one number: what tells a module from all others there have been. */
static uint32_t owner_key( owner_t owner, uint32_t serial )
{
    return owner | serial << OWNER_BITS;
}

static owner_t key_owner( uint32_t key )
{
    return key & ( ( 1u << OWNER_BITS ) - 1 );
}

/* ---- The table ---- */

/* Whether a word at this place is behind the control data and not behind the end mark. */
static bool word_in_heap( const dmheap_context_t* context, uint32_t at )
{
    return at - context->first < image_span( context );
}

/* The table's first entry; NULL where there is none, or the table would leave the heap. */
static word_t* table_of( const dmheap_context_t* context )
{
    uint32_t last = context->table_at + context->table_span;
    return word_in_heap( context, context->table_at ) && word_in_heap( context, last )
               ? image_word( context, context->table_at )
               : NULL;
}

static uint32_t entry_of( const dmheap_context_t* context, block_t record, uint32_t tag )
{
    return record.at >> header_scale( context ) << TABLE_TAG_BITS | tag;
}

/* The record that an entry of the table leads to; NULL where it leads to none. */
static module_t* entry_record( const dmheap_context_t* context, uint32_t entry )
{
    uint32_t at = entry >> TABLE_TAG_BITS << header_scale( context );
    if( at - context->first > context->reach - ( MODULE_WORDS + 1 - BLOCK_MIN_SIZE ) ) return NULL;
    return block_payload( context, block_at( at ) );
}

/* The record of a module, NULL where there is none. */
static module_t* module_of( const dmheap_context_t* context, owner_t owner )
{
    uint32_t number = owner - OWNER_FIRST_MODULE;
    uint32_t place  = context->table_at + number;
    if( number >= context->table_span || !word_in_heap( context, place ) ) return NULL;
    return entry_record( context, *image_word( context, place ) );
}

/* What an owner of users' blocks holds, NULL where there is none. */
static holding_t* user_holding( const dmheap_context_t* context, owner_t owner )
{
    if( owner == OWNER_NOBODY ) return (holding_t*)(uintptr_t)&context->nobody;
    return (holding_t*)module_of( context, owner );
}

/* What the owner of this key holds, NULL where it is not what it was any more. */
static holding_t* holding_with_key( const dmheap_context_t* context, uint32_t key )
{
    module_t* module = module_of( context, key_owner( key ) );
    if( key == OWNER_NOBODY ) return (holding_t*)(uintptr_t)&context->nobody;
    return module != NULL && module->key == key ? &module->holding : NULL;
}

/* The key of an owner of users' blocks. */
static uint32_t key_of( const dmheap_context_t* context, owner_t owner )
{
    const module_t* module = module_of( context, owner );
    return module != NULL ? owner_key( owner, module->key >> OWNER_BITS ) : owner;
}

/* The first owner that no module can have now. */
static owner_t owner_end( const dmheap_context_t* context )
{
    return context->table_span + (owner_t)OWNER_FIRST_MODULE;
}

/* The block that a record lies in. */
static block_t module_block( const dmheap_context_t* context, const module_t* module )
{
    return block_at( (uint32_t)( (const word_t*)module - image_word( context, 0 ) ) );
}

/* ---- Finding a module ---- */

/* The hints of a name: two owners of a byte each, the later one in the low byte. They lie backwards from the first block. */
static uint16_t* name_hints( const dmheap_context_t* context, const char* text )
{
    /* Multiplying by 2^32 / golden ratio spreads addresses that lie close together (Knuth, TAOCP 3, 6.4). */
    uint32_t number = (uint32_t)(uintptr_t)text * 0x9e3779b1u >> context->hint_shift;
    return (uint16_t*)block_header( context, block_at( context->first ) ) - 1 - number;
}

static void hint_note( const dmheap_context_t* context, const char* text, owner_t owner )
{
    uint16_t* hints = name_hints( context, text );
    if( ( *hints & UINT8_MAX ) != owner ) *hints = (uint16_t)( (uint32_t)*hints << 8 | owner );
}

/* The module of this name by its second hint; OWNER_FREE where that does not know it. */
static RARE owner_t owner_by_second_hint( const dmheap_context_t* context, const char* text )
{
    owner_t         owner  = *name_hints( context, text ) >> 8;
    const module_t* module = module_of( context, owner );
    return module != NULL && names_equal( module->name, text ) ? owner : OWNER_FREE;
}

/* What the module of this name holds, and its number, by the hints alone; NULL where they do not know it. O(1). */
static holding_t* owner_by_hint( const dmheap_context_t* context, const char* text, owner_t* owner )
{
    *owner           = *name_hints( context, text ) & UINT8_MAX;
    module_t* module = module_of( context, *owner );
    if( module != NULL && names_equal( module->name, text ) ) return &module->holding;
    *owner = owner_by_second_hint( context, text );
    return (holding_t*)module_of( context, *owner );
}

/* The module of this name, 0: there is none. O(modules). */
static owner_t owner_find( const dmheap_context_t* context, const name_t* name )
{
    const word_t* table = table_of( context );
    if( table == NULL ) return OWNER_FREE;
    for( uint32_t number = 0; number < context->table_span; number++ )
    {
        if( ( ( table[number] ^ name->tag ) & TABLE_TAG_MASK ) != 0 ) continue;
        const module_t* module = entry_record( context, table[number] );
        if( module != NULL && names_equal( module->name, name->text ) ) return number + OWNER_FIRST_MODULE;
    }
    return OWNER_FREE;
}

/* Copies an owner's name; empty where it has none. */
static void owner_name( const dmheap_context_t* context, owner_t owner, char name[DMHEAP_NAME_SIZE] )
{
    const module_t* module = module_of( context, owner );
    size_t          length = 0;
    if( module != NULL )
    {
        /* a record that is overwritten may have no end before the heap's */
        size_t room = ( image_end( context ) - module_block( context, module ).at - 1u ) * (size_t)WORD_SIZE;
        room        = room > sizeof( module_t ) ? room - sizeof( module_t ) : 0;
        while( length < DMHEAP_NAME_SIZE - 1 && length < room && module->name[length] != '\0' )
        {
            name[length] = module->name[length];
            length++;
        }
    }
    name[length] = '\0';
}

/* ---- What owners hold ---- */

static bool holding_is_leaving( const holding_t* holding )
{
    return holding->ceiling == 0;
}

/* The key of the one to whom the blocks of an owner that leaves go, 0: they are freed. Its peak is of no use any more, and
 * makes room for it. */
static uint32_t holding_heir( const holding_t* holding )
{
    return holding->peak;
}

/* What an owner that leaves holds is its peak: what it was is not known any more. */
static uint32_t holding_peak( const holding_t* holding )
{
    return holding_is_leaving( holding ) ? holding->live : holding->peak;
}

static void holding_leave( holding_t* holding, uint32_t heir )
{
    holding->ceiling = 0;
    holding->peak    = heir;
}

/* Whether an owner may hold `live` words: no more than now, or within its limit. STATUS_OK, STATUS_LEAVING,
 * STATUS_OVER_LIMIT. */
static RARE status_t holding_admits( const holding_t* holding, uint32_t live )
{
    if( holding_is_leaving( holding ) ) return STATUS_LEAVING;
    return live > holding->live && live >= holding->ceiling ? STATUS_OVER_LIMIT : STATUS_OK;
}

/* Books that a block of `from` words has `to` words now. */
static void holding_adjust( holding_t* holding, uint32_t from, uint32_t to )
{
    uint32_t live = holding->live + to - from;
    holding->live = live;
    if( live > holding->peak && !holding_is_leaving( holding ) ) holding->peak = live;
}

static void holding_charge( holding_t* holding, uint32_t size )
{
    holding->blocks++;
    holding_adjust( holding, 0, size );
}

static void holding_discharge( holding_t* holding, uint32_t size )
{
    holding->blocks--;
    holding->live -= size;
}

/* ---- Taking and releasing for an owner ---- */

/* What a search for a block comes to. */
static status_t found_status( block_t block )
{
    return block.at > BLOCK_DAMAGED ? STATUS_OK : block.at == BLOCK_NONE ? STATUS_NO_MEMORY : STATUS_CORRUPTED;
}

/* Takes a block for a payload of `bytes` at the heap's alignment, for an owner who holds this. BLOCK_NONE where that
 * cannot be: owner_take_any() tells why. O(1). */
static block_t owner_take( dmheap_context_t* context, holding_t* holding, owner_t owner, size_t bytes )
{
    block_t  block;
    uint32_t link;
    uint32_t size = block_size_to_take( context, bytes, 0 );
    if( size == 0 ) return block_at( BLOCK_NONE );
    if( holding->live + size >= holding->ceiling ) return block_at( BLOCK_NONE );
    if( !index_find( context, size, &link, &block ) || !found_agrees( context, link, block, size ) )
        return block_at( BLOCK_NONE );
    uint32_t whole = block_size( context, block );
    size           = block_fill_up( whole, size );
    block_carve( context, block, whole, size, owner );
    holding_charge( holding, size ); /* afterwards: a record that is overwritten may lie in what was verified */
    return block;
}

/* Takes a block of `size` words for an owner who holds this, at an alignment in bytes, 0: the heap's, and instead of a block
 * of `instead` words that is about to be given back, 0: none. STATUS_NO_MEMORY, STATUS_CORRUPTED, STATUS_OVER_LIMIT,
 * STATUS_LEAVING: nothing was changed. O(1). */
static status_t owner_take_any( dmheap_context_t* context, owner_t owner, holding_t* holding, uint32_t size,
                                size_t alignment, uint32_t instead, block_t* taken )
{
    uint32_t whole, lead;
    status_t status = holding_admits( holding, holding->live - instead + size );
    if( status != STATUS_OK ) return status;
    block_t block = index_find_aligned( context, size, alignment, &whole, &lead );
    if( block.at <= BLOCK_DAMAGED ) return found_status( block );
    size = block_fill_up( whole - lead, size );
    block_carve_behind( context, block, whole, lead, size, owner );
    *taken = block_at( block.at + lead );
    block_set_alignment( context, *taken, alignment );
    holding->blocks += instead == 0; /* at last: a record that is overwritten may lie in the block */
    holding_adjust( holding, instead, size );
    return STATUS_OK;
}

/* Takes a block of `payload` bytes for the heap's own records: in front of those that lie at the far end, or else
 * anywhere. STATUS_NO_MEMORY, STATUS_CORRUPTED. O(1). */
static RARE status_t system_take( dmheap_context_t* context, size_t payload, block_t* taken )
{
    uint32_t size  = block_size_for( context, payload );
    uint32_t whole = 0, lead = 0;
    block_t  block;
    block_t  front = block_at( context->records_at );
    if( size == 0 ) return STATUS_NO_MEMORY;
    if( !block_in_heap( context, front.at ) || !block_is_live( context, front ) ) front.at = image_end( context );
    if( *block_header( context, front ) & HEADER_PREVIOUS_FREE )
    {
        lead  = header_size( context, *block_foot_before( context, front ) );
        block = block_at( front.at - lead );
        whole = free_size( context, block );
    }
    if( whole >= size && whole == lead )
    {
        lead                = whole - size < BLOCK_MIN_SIZE ? 0 : whole - size;
        context->records_at = block.at + lead;
    }
    else
    {
        block = index_find_aligned( context, size, 0, &whole, &lead );
        if( block.at <= BLOCK_DAMAGED ) return found_status( block );
    }
    size = block_fill_up( whole - lead, size );
    block_carve_behind( context, block, whole, lead, size, OWNER_SYSTEM );
    *taken = block_at( block.at + lead );
    guard_open( context, *taken );
    context->system.live += size;
    context->system.blocks++;
    return STATUS_OK;
}

/* Releases a block of a user who holds this. As block_release(). O(1). */
static status_t owner_release( dmheap_context_t* context, holding_t* holding, block_t block )
{
    uint32_t size = block_size( context, block );
    guard_take( context, block );
    status_t status = block_release( context, block );
    if( status == STATUS_OK ) holding_discharge( holding, size );
    return status;
}

/* Releases a block of the heap's own. As block_release(). */
static status_t system_release( dmheap_context_t* context, block_t block )
{
    uint32_t size     = block_size( context, block );
    bool     is_front = block.at == context->records_at;
    trace_note( context, block );
    status_t status = block_release( context, block );
    if( status != STATUS_OK ) return status;
    trace_free( NULL );
    context->system.live -= size;
    context->system.blocks--;
    if( is_front ) context->records_at = block_behind_free( context, block_at( block.at + size ) ).at;
    return STATUS_OK;
}

/* ---- Registering and forgetting ---- */

/* How many owners a table has room for that holds so many: it doubles from where it starts. */
static uint32_t table_room_for( const dmheap_context_t* context, uint32_t owners )
{
    uint32_t room = at_least( image_end( context ) >> TABLE_ROOM_SHIFT, TABLE_FIRST_ROOM );
    while( room < owners )
        room *= 2;
    return at_most( room, DMHEAP_MAX_MODULES );
}

/* Makes room in the table for one more owner, where it has not the most. STATUS_NO_MEMORY, STATUS_CORRUPTED. O(modules). */
static status_t table_grow( dmheap_context_t* context )
{
    block_t  table, old = block_at( context->table_at );
    uint32_t room   = table_room_for( context, context->table_room + 1u );
    status_t status = system_take( context, room * (size_t)WORD_SIZE, &table );
    if( status != STATUS_OK ) return status;
    trace_malloc( context, table, room * (size_t)WORD_SIZE, 0, NULL );
    const word_t* from = table_of( context );
    word_t*       to   = image_word( context, table.at );
    for( uint32_t number = 0; number < room; number++ )
        to[number] = from != NULL && number < context->table_span ? from[number] : 0;
    context->table_at   = table.at;
    context->table_room = (uint8_t)room;
    if( old.at != 0 ) (void)system_release( context, old );
    return STATUS_OK;
}

/* Gives back what the table has too much: all of it where there is no owner. */
static void table_shrink( dmheap_context_t* context )
{
    const word_t* table = table_of( context );
    block_t       block = block_at( context->table_at );
    if( table == NULL ) return;
    while( context->table_span != 0 && table[context->table_span - 1u] == 0 )
        context->table_span--;
    uint32_t room = table_room_for( context, context->table_span );
    if( context->table_span == 0 )
    {
        if( system_release( context, block ) != STATUS_OK ) return;
        context->table_at   = 0;
        context->table_room = 0;
    }
    else if( room < context->table_room )
    {
        uint32_t old = block_size( context, block );
        trace_note( context, block );
        if( block_resize( context, block, old, block_size_for( context, room * (size_t)WORD_SIZE ) ) != STATUS_OK )
            return;
        context->system.live -= old - block_size( context, block );
        context->table_room = (uint8_t)room;
        trace_realloc( context, block, room * (size_t)WORD_SIZE, 0, NULL );
    }
}

/* The first number that no module has; `table_span` where all up to there are taken. */
static uint32_t table_gap( const dmheap_context_t* context, const word_t* table )
{
    uint32_t number = context->modules < context->table_span ? 0 : context->table_span;
    while( number < context->table_span && table[number] != 0 )
        number++;
    return number;
}

/* Makes a record of a name; `*record` is a block of the heap's own. */
static status_t record_take( dmheap_context_t* context, const name_t* name, block_t* record )
{
    status_t status = system_take( context, sizeof( module_t ) + name->length + 1, record );
    if( status == STATUS_OK ) trace_malloc( context, *record, sizeof( module_t ) + name->length + 1, 0, NULL );
    return status;
}

static void record_fill( const dmheap_context_t* context, const name_t* name, const holding_t* holding, uint32_t key,
                         block_t record )
{
    module_t* module = block_payload( context, record );
    *module          = ( module_t ){ .holding = *holding, .key = key };
    uint32_t room    = ( name->length / WORD_SIZE + 1 ) * WORD_SIZE;
    for( uint32_t i = 0; i < room; i++ )
        module->name[i] = '\0';
    for( uint32_t i = 0; i < name->length; i++ )
        module->name[i] = name->text[i];
}

/* Forgets a module that holds nothing. STATUS_CORRUPTED: nothing was changed. O(modules). */
static RARE status_t owner_forget( dmheap_context_t* context, owner_t owner )
{
    word_t*         table  = table_of( context );
    const module_t* module = module_of( context, owner );
    if( table == NULL || module == NULL ) return STATUS_CORRUPTED;
    trace_owner( context, owner );
    status_t status = system_release( context, module_block( context, module ) );
    if( status != STATUS_OK ) return status;
    table[owner - OWNER_FIRST_MODULE] = 0;
    context->modules--;
    trace_unregister();
    table_shrink( context );
    return STATUS_OK;
}

/* Whether a heap may know one module more. STATUS_TABLE_FULL, STATUS_CORRUPTED. O(1). */
static status_t table_check( const dmheap_context_t* context )
{
    if( table_of( context ) == NULL && ( context->table_room != 0 || context->table_at != 0 ) ) return STATUS_CORRUPTED;
    return context->modules == DMHEAP_MAX_MODULES ? STATUS_TABLE_FULL : STATUS_OK;
}

/* Registers a name that the heap does not know. STATUS_REGISTERED; STATUS_TABLE_FULL, STATUS_NO_MEMORY,
 * STATUS_CORRUPTED: nothing was changed. O(modules). */
static RARE status_t owner_register( dmheap_context_t* context, const name_t* name, owner_t* owner )
{
    static const holding_t nothing = { .ceiling = CEILING_NONE };
    block_t                record;
    uint32_t               lowest = context->free_lowest;
    const word_t*          table  = table_of( context );
    uint32_t               number = table != NULL ? table_gap( context, table ) : 0;
    status_t               status = table_check( context );
    if( status == STATUS_OK && number == DMHEAP_MAX_MODULES ) status = STATUS_CORRUPTED; /* the count is overwritten */
    if( status == STATUS_OK ) status = record_take( context, name, &record );
    if( status == STATUS_OK && number == context->table_room )
    {
        status = table_grow( context );
        if( status != STATUS_OK )
        {
            (void)system_release( context, record );
            context->free_lowest = lowest;
        }
    }
    if( status != STATUS_OK ) return status;

    *owner = number + OWNER_FIRST_MODULE;
    record_fill( context, name, &nothing, owner_key( *owner, ++registry.serial ), record );
    image_word( context, context->table_at )[number] = entry_of( context, record, name->tag );
    if( number == context->table_span ) context->table_span++;
    context->modules++;
    trace_register( context, *owner );
    return STATUS_REGISTERED;
}

/* Finds a module, or registers it. STATUS_KNOWN_MODULE or STATUS_REGISTERED, with the hint for the next time; or why it
 * failed. O(modules). */
static status_t owner_enroll( dmheap_context_t* context, const name_t* name, owner_t* owner )
{
    status_t status = STATUS_KNOWN_MODULE;
    *owner          = owner_find( context, name );
    if( *owner == OWNER_FREE ) status = owner_register( context, name, owner );
    if( status == STATUS_KNOWN_MODULE || status == STATUS_REGISTERED ) hint_note( context, name->text, *owner );
    return status;
}

/* ---- Blocks between two steps of a call ---- */

/* Takes a block out of everybody's reach; it stays booked on its owner. */
static void block_suspend( dmheap_context_t* context, block_t block )
{
    block_set_owner( context, block, OWNER_MOVING );
    block_note_change( context );
    context->moving++;
}

/* Whether a suspended block is still there: a heap may be taken down between two steps. */
static bool block_is_suspended( const dmheap_context_t* context, block_t block )
{
    return block_in_heap( context, block.at ) && block_is_live( context, block ) &&
           block_owner( context, block ) == OWNER_MOVING;
}

/* Gives a suspended block to the owner whom it is booked on. */
static void block_resume( dmheap_context_t* context, block_t block, owner_t owner )
{
    block_set_owner( context, block, owner );
    block_note_change( context );
    context->moving--;
}

/* ---- Changing owners ---- */

static void hand_over( dmheap_context_t* context, block_t block, holding_t* giver, holding_t* taker, owner_t owner )
{
    uint32_t size = block_size( context, block );
    holding_discharge( giver, size );
    holding_charge( taker, size );
    block_set_owner( context, block, owner );
    block_note_change( context );
}

/* Gives a live block to another owner, who holds this. As holding_admits(), STATUS_CORRUPTED. O(1). */
static status_t owner_retag( dmheap_context_t* context, block_t block, owner_t owner, holding_t* taker )
{
    holding_t* giver = user_holding( context, block_owner( context, block ) );
    if( giver == NULL ) return STATUS_CORRUPTED;
    if( taker == giver ) return STATUS_OK;
    status_t status = holding_admits( taker, taker->live + block_size( context, block ) );
    if( status == STATUS_OK )
    {
        trace_note( context, block );
        hand_over( context, block, giver, taker, owner );
        trace_retag( context, block );
    }
    return status;
}

/* ---- Taking a module down ---- */

/* A module whose blocks are on their way to another owner, or freed. */
typedef struct
{
    uint32_t                key;      /* of the module */
    block_t                 position; /* where the sweep goes on */
    block_t                 damaged;  /* the last that could not be freed, 0: none */
    bool                    nested;   /* there are heaps in this one, which may lie in the module's blocks */
    const dmheap_context_t* lost;     /* the last of these that was taken down with its block */
} sweep_t;

/* Begins to take a module down: it gets nothing any more. Those that are on their way to it go to its heir. O(modules). */
static void owner_leave( const dmheap_context_t* context, holding_t* holding, uint32_t key, uint32_t heir,
                         sweep_t* sweep )
{
    *sweep        = ( sweep_t ){ .key = key, .position = block_at( context->first ) };
    sweep->nested = heir == 0 && context_inside( context, context, image_end( context ) ) < DMHEAP_MAX_CONTEXTS;
    for( owner_t owner = OWNER_FIRST_MODULE; owner < owner_end( context ); owner++ )
    {
        holding_t* other = (holding_t*)module_of( context, owner );
        if( other != NULL && holding_is_leaving( other ) && holding_heir( other ) == key ) holding_leave( other, heir );
    }
    holding_leave( holding, heir );
}

/* Forgets a module that has left and holds nothing any more. */
static void owner_reap( dmheap_context_t* context, const holding_t* holding, uint32_t key )
{
    if( holding_is_leaving( holding ) && holding->blocks == 0 ) (void)owner_forget( context, key_owner( key ) );
}

/* Passes a block of a leaving owner on to its heir, or frees it. STATUS_OK: it is passed on. STATUS_LEAVING: it was freed.
 * STATUS_CORRUPTED: it could not be, and is nobody's now. O(1). */
static status_t pass_on( dmheap_context_t* context, holding_t* holding, block_t block )
{
    uint32_t   heir   = holding_heir( holding );
    holding_t* taker  = holding_with_key( context, heir );
    status_t   status = STATUS_OK;
    trace_note( context, block );
    if( heir == 0 )
    {
        status = owner_release( context, holding, block );
        if( status == STATUS_OK )
        {
            trace_left();
            return STATUS_LEAVING;
        }
    }
    if( taker == NULL || holding_is_leaving( taker ) ) /* what was renamed is nobody's rather than freed */
    {
        heir  = OWNER_NOBODY;
        taker = &context->nobody;
    }
    hand_over( context, block, holding, taker, key_owner( heir ) );
    trace_retag( context, block );
    return status;
}

/* Gives a suspended block that is booked on the owner with this key to that owner again; where the owner is leaving, as
 * pass_on(). O(modules). */
static status_t owner_settle( dmheap_context_t* context, block_t block, uint32_t key )
{
    holding_t* holding = holding_with_key( context, key );
    if( holding == NULL ) return STATUS_CORRUPTED;
    block_resume( context, block, key_owner( key ) );
    if( !holding_is_leaving( holding ) ) return STATUS_OK;
    status_t status = pass_on( context, holding, block );
    owner_reap( context, holding, key );
    return status;
}

/* What is behind a block, or 0 where its header leads nowhere. */
static uint32_t end_of( const dmheap_context_t* context, block_t block )
{
    uint32_t size = block_size( context, block );
    return block_in_heap( context, block.at ) && block_fits( context, block, size ) ? block.at + size : 0;
}

/* Takes down one of the heaps that lie in a block which is about to be freed. False where there is none. */
static RARE bool lose_heap( const dmheap_context_t* context, block_t block, sweep_t* sweep )
{
    unsigned place = context_inside( context, block_payload( context, block ), block_size( context, block ) - 1 );
    if( place == DMHEAP_MAX_CONTEXTS ) return false;
    sweep->lost = registry.heap[place];
    context_forget( place );
    return true;
}

/* One bounded step of a sweep through the blocks of a module that leaves. True where there is more to do. */
static bool owner_sweep( dmheap_context_t* context, sweep_t* sweep )
{
    uint32_t   end     = image_end( context );
    holding_t* holding = holding_with_key( context, sweep->key );
    if( holding == NULL || !holding_is_leaving( holding ) ) return false;
    if( holding->blocks == 0 || sweep->position.at >= end )
    {
        owner_reap( context, holding, sweep->key );
        return false;
    }
    /* The place may be anywhere by now: the start map tells where the next block is. From there the headers lead on, to
     * one that is the module's: that has a step of its own, in which the map has to agree. */
    if( !block_next_live( context, &sweep->position, SWEEP_LOOKS ) ) return true;
    uint32_t wanted = key_owner( sweep->key ) << HEADER_OWNER_SHIFT;
    block_t  block  = sweep->position;
    block_t  last   = block;
    bool     owned  = ( *block_header( context, block ) & HEADER_OWNER_MASK ) == wanted;
    if( owned && sweep->nested && lose_heap( context, block, sweep ) ) return true; /* each is a step, and said */
    uint32_t next = end_of( context, block );
    for( unsigned blocks = 1; blocks < SWEEP_BLOCKS && !owned && next != 0 && next < end; blocks++ )
    {
        if( ( *block_header( context, block_at( next ) ) & HEADER_OWNER_MASK ) == wanted ) break;
        last = block_at( next );
        next = end_of( context, last );
    }
    sweep->position = next != 0 ? block_behind_free( context, block_at( next ) )
                                : block_at( last.at + ( 1u << context->granule_shift ) );
    if( owned && pass_on( context, holding, block ) == STATUS_CORRUPTED ) sweep->damaged = block;
    return true;
}
