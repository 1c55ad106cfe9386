/*
 * Looking at a heap: figures, visitors, and the one function that checks every invariant. A part of dmheap.c, behind
 * heaps.c. May not change a heap.
 *
 * All walks go by the start map and keep a block as their place, which stays valid whatever happens to the blocks
 * between two steps.
 */
enum
{
    /* Looks at the start map in one step: what the lock is held for. */
    WALK_LOOKS = 4
};

/* ---- Figures ---- */

static size_t bytes( uint32_t words )
{
    return words * (size_t)WORD_SIZE;
}

static void add_stats( const dmheap_context_t* context, dmheap_heap_stats_t* sum )
{
    uint32_t blocks  = image_span( context );
    uint32_t used    = blocks - context->free_words - context->system.live;
    size_t   largest = largest_free( context );

    sum->heap_size += bytes( image_end( context ) );
    sum->free_bytes += bytes( context->free_words );
    sum->used_bytes += bytes( used );
    sum->overhead_bytes += bytes( image_end( context ) - context->free_words - used );
    sum->peak_used_bytes += bytes( blocks - context->free_lowest );
    sum->used_blocks += context->taken - context->released - context->system.blocks;
    sum->free_blocks += context->free_blocks;
    sum->modules += context->modules;
    sum->failed_allocations += context->failures;
    if( largest > sum->largest_free_block ) sum->largest_free_block = largest;
}

/* Whether there is a place for what was asked for; reports it if not. */
static bool place_given( const void* place )
{
    if( place == NULL ) report( &( report_t ){ .status = STATUS_NO_ARGUMENT } );
    return place != NULL;
}

/* Of one heap or, where that is NULL, of the default ones. */
static bool get_stats( dmheap_context_t* only, dmheap_heap_stats_t* stats )
{
    dmheap_heap_stats_t     sum     = { 0 };
    uint32_t                visited = 0;
    bool                    found   = false;
    const dmheap_context_t* context = NULL;
    if( !place_given( stats ) ) return false;
    lock();
    do
    {
        context = context_pick( only, true, &visited );
        if( context == NULL || !image_is_sealed( context ) ) continue;
        add_stats( context, &sum );
        found = true;
    } while( context != NULL && only == NULL );
    unlock();
    if( found )
        *stats = sum;
    else
        report( &( report_t ){ .status = STATUS_NO_HEAP, .address = only } );
    return found;
}

DMHEAP_API_BODY( bool, _ctx_get_stats, ( dmheap_context_t * context, dmheap_heap_stats_t* stats ) )
{
    return context_given( context ) && get_stats( context, stats );
}

static void add_holding( const holding_t* holding, dmheap_module_stats_t* sum )
{
    bool   leaving = holding_is_leaving( holding );
    size_t limit   = leaving || holding->ceiling == CEILING_NONE ? SIZE_MAX : bytes( holding->ceiling - 1 );
    sum->live_bytes += bytes( holding->live );
    sum->peak_bytes += bytes( holding_peak( holding ) );
    sum->limit_bytes = limit > SIZE_MAX - sum->limit_bytes ? SIZE_MAX : sum->limit_bytes + limit;
    sum->live_blocks += holding->blocks;
}

/* Sums what the module of a name holds, NULL: what nobody does, in one heap or, where that is NULL, in all where a call looks.
 * Returns the first that knows it, NULL: none does; `exists` becomes true where there is a heap to look at. Not locked. */
static const dmheap_context_t* sum_holdings( dmheap_context_t* only, const name_t* name, dmheap_module_stats_t* sum,
                                             bool* exists )
{
    const dmheap_context_t* knows   = NULL;
    uint32_t                visited = 0;
    const dmheap_context_t* context;
    do
    {
        lock();
        context = context_pick( only, LOOKS_IN_DEFAULTS, &visited );
        *exists |= context != NULL;
        if( context != NULL && image_is_sealed( context ) )
        {
            owner_t          owner   = name != NULL ? owner_find( context, name ) : OWNER_NOBODY;
            const holding_t* holding = owner != OWNER_FREE ? user_holding( context, owner ) : NULL;
            if( holding != NULL ) add_holding( holding, sum );
            if( holding != NULL && knows == NULL ) knows = context;
        }
        unlock();
    } while( only == NULL && context != NULL );
    return knows;
}

/* In one heap or, where that is NULL, in all of them. */
static bool get_module_stats( dmheap_context_t* only, const char* text, dmheap_module_stats_t* stats )
{
    dmheap_module_stats_t sum    = { 0 };
    bool                  exists = false;
    name_t                name;
    if( !place_given( stats ) ) return false;
    if( !name_make( text, &name ) )
    {
        report_module( STATUS_BAD_NAME, TO_LOOK, text, NULL );
        return false;
    }
    give_up_lost_heaps( only );
    bool found = sum_holdings( only, &name, &sum, &exists ) != NULL;
    if( found )
        *stats = sum;
    else
        report_module( only != NULL && !exists ? STATUS_NO_HEAP : STATUS_UNKNOWN_MODULE, TO_LOOK, text, only );
    return found;
}

DMHEAP_API_BODY( bool, _ctx_get_module_stats,
                 ( dmheap_context_t * context, const char* module_name, dmheap_module_stats_t* stats ) )
{
    return context_given( context ) && get_module_stats( context, module_name, stats );
}

DMHEAP_API_BODY( bool, _get_module_stats, ( const char* module_name, dmheap_module_stats_t* stats ) )
{
    return get_module_stats( NULL, module_name, stats );
}

DMHEAP_API_BODY( bool, _module_get_stats, ( dmheap_module_t module, dmheap_module_stats_t* stats ) )
{
    dmheap_module_stats_t sum = { 0 };
    if( !handle_given( module ) || !place_given( stats ) ) return false;
    lock();
    const holding_t* holding = context_stands( module.context ) ? holding_with_key( module.context, module.key ) : NULL;
    if( holding != NULL ) add_holding( holding, &sum );
    unlock();
    if( holding != NULL )
        *stats = sum;
    else
        report_module( STATUS_STALE_MODULE, TO_LOOK, NULL, NULL );
    return holding != NULL;
}

/* ---- Visitors ---- */

static void fill_info( const dmheap_context_t* context, block_t block, dmheap_block_info_t* info )
{
    uint32_t header   = *block_header( context, block );
    owner_t  owner    = header_owner( header );
    info->context     = context;
    info->address     = block_payload( context, block );
    info->size        = block_usable_size( context, block );
    info->block_bytes = bytes( header_size( context, header ) );
    info->use         = owner == OWNER_FREE     ? DMHEAP_BLOCK_FREE
                        : owner == OWNER_SYSTEM ? DMHEAP_BLOCK_SYSTEM
                        : owner == OWNER_MOVING ? DMHEAP_BLOCK_MOVING
                                                : DMHEAP_BLOCK_LIVE;
    info->caller      = NULL;
    if( info->use == DMHEAP_BLOCK_LIVE ) info->caller = guard_caller( context, block );
    owner_name( context, owner, info->owner );
}

/* Place of a walk: where to look next, and the end of what has been shown. */
typedef struct
{
    block_t  position;
    uint32_t shown;
} walk_t;

/* One step of a walk: fills in up to two blocks and returns how many; `more` is false at the end. Locked. */
static unsigned walk_step( const dmheap_context_t* context, walk_t* walk, dmheap_block_info_t info[2], bool* more )
{
    unsigned filled = 0;
    if( walk->position.at == 0 ) walk->position.at = context->first;
    bool found = block_next_live( context, &walk->position, WALK_LOOKS );
    *more      = found || walk->position.at < image_end( context );
    if( !found && *more ) return 0;

    block_t block = found ? walk->position : block_at( image_end( context ) );
    if( *block_header( context, block ) & HEADER_PREVIOUS_FREE )
    {
        block_t free = block_at( block.at - header_size( context, *block_foot_before( context, block ) ) );
        /* what was shown already may have become a part of this free block: no byte is shown twice */
        if( free_size_at( context, free.at ) != 0 && free.at >= walk->shown )
            fill_info( context, free, &info[filled++] );
    }
    if( !found ) return filled;
    fill_info( context, block, &info[filled++] );
    uint32_t next = end_of( context, block );
    walk->position.at += 1u << context->granule_shift;
    if( next == 0 ) return filled; /* its header leads nowhere */
    walk->shown = next;
    if( block_in_heap( context, next ) ) walk->position = block_behind_free( context, block_at( next ) );
    return filled;
}

/* False where the visitor ended the walk. */
static bool visit_blocks( dmheap_context_t* context, dmheap_block_info_visitor_t visit, void* user )
{
    dmheap_block_info_t info[2];
    walk_t              walk = { { 0 }, 0 };
    bool                more = true;
    while( more )
    {
        unsigned filled = 0;
        lock();
        more = context_stands( context );
        if( more ) filled = walk_step( context, &walk, info, &more );
        unlock();
        for( unsigned i = 0; i < filled; i++ )
            if( !visit( &info[i], user ) ) return false;
    }
    return true;
}

/* The next default heap that was not visited. Not locked. */
static dmheap_context_t* next_default( uint32_t* visited )
{
    give_up_lost_heaps( NULL );
    lock();
    dmheap_context_t* context = context_next( true, visited );
    unlock();
    return context;
}

/* Whether a heap exists; reports it if not. Not locked. */
static bool context_found( const dmheap_context_t* context )
{
    lock();
    bool found = context_stands( context );
    unlock();
    if( !found ) report( &( report_t ){ .status = STATUS_NO_HEAP, .address = context } );
    return found;
}

DMHEAP_API_BODY( void, _ctx_visit_blocks,
                 ( dmheap_context_t * context, dmheap_block_info_visitor_t visit, void* user ) )
{
    if( context_found( context ) && place_given( (const void*)(uintptr_t)visit ) )
        (void)visit_blocks( context, visit, user );
}

DMHEAP_API_BODY( void, _visit_blocks, ( dmheap_block_info_visitor_t visit, void* user ) )
{
    dmheap_context_t* context;
    uint32_t          visited = 0;
    if( !place_given( (const void*)(uintptr_t)visit ) ) return;
    while( ( context = next_default( &visited ) ) != NULL && visit_blocks( context, visit, user ) )
    {
    }
}

static bool visit_modules( dmheap_context_t* context, dmheap_module_visitor_t visit, void* user )
{
    bool more = true;
    for( owner_t owner = OWNER_FIRST_MODULE; more; owner++ )
    {
        dmheap_module_info_t info = { .context = context };
        lock();
        more                   = context_stands( context ) && owner < owner_end( context );
        const module_t* module = more ? module_of( context, owner ) : NULL;
        if( module != NULL )
        {
            add_holding( &module->holding, &info.stats );
            owner_name( context, owner, info.name );
        }
        unlock();
        if( module != NULL && !visit( &info, user ) ) return false;
    }
    return true;
}

DMHEAP_API_BODY( void, _ctx_visit_modules, ( dmheap_context_t * context, dmheap_module_visitor_t visit, void* user ) )
{
    if( context_found( context ) && place_given( (const void*)(uintptr_t)visit ) )
        (void)visit_modules( context, visit, user );
}

DMHEAP_API_BODY( void, _visit_modules, ( dmheap_module_visitor_t visit, void* user ) )
{
    dmheap_context_t* context;
    uint32_t          visited = 0;
    if( !place_given( (const void*)(uintptr_t)visit ) ) return;
    while( ( context = next_default( &visited ) ) != NULL && visit_modules( context, visit, user ) )
    {
    }
}

/* ---- Check: the invariants of a heap, in one place ---- */

/* Sums over blocks or over modules. The weighed one tells apart what the plain one mixes up: an odd weight for each
 * owner, so that no error in the figures of a single module cancels out. */
typedef struct
{
    uint32_t blocks, words, weighed;
} tally_t;

static void tally( tally_t* sum, owner_t owner, uint32_t blocks, uint32_t words )
{
    sum->blocks += blocks;
    sum->words += words;
    sum->weighed += ( words + blocks ) * ( ( owner * 0x9e3779b1u ) | 1u );
}

/* What a check has come to. */
typedef struct
{
    dmheap_context_t* context;
    context_plan_t    plan;            /* what the heap would be if it were made anew at this place */
    bool              planned;         /* it could be */
    block_t           position;        /* where to look next */
    uint32_t          number;          /* next list or owner to look at */
    uint32_t          chain;           /* next block of a list to look at; 0: none */
    uint32_t          covered;         /* end of the last block looked at, 0: not known */
    uint32_t          taken, released; /* as they were in the last step */
    bool              quiet;           /* nobody changed the heap so far: sums can be compared */
    uint32_t          moving;          /* blocks on their way to another place: their owners are not known */
    tally_t           live, free, of_owners, owners;
    uint32_t          listed;  /* free blocks that the lists lead to */
    uint32_t          records; /* modules in the table */
    dmheap_check_t    fault;
    block_t           where;
} check_t;

static bool fails( check_t* check, dmheap_check_t fault, block_t where )
{
    check->fault = fault;
    check->where = where;
    return false;
}

/* Notes whether others changed the heap since the last step. */
static void note_quiet( check_t* check )
{
    if( check->taken == check->context->taken && check->released == check->context->released ) return;
    check->taken    = check->context->taken;
    check->released = check->context->released;
    check->quiet    = false;
    check->covered  = 0;
    check->chain    = 0;
}

/* Not memcmp(): the address sanitizer would watch it, see guard.h. */
static bool words_equal( const word_t* one, const word_t* other, size_t count )
{
    size_t same = 0;
    while( same < count && one[same] == other[same] )
        same++;
    return same == count;
}

/* The layout is what it would be if the heap were made anew at this place: what does not change is compared. */
static bool geometry_step( check_t* check )
{
    const dmheap_context_t* context = check->context;
    const size_t            fixed   = offsetof( dmheap_context_t, list_summary );
    if( !check->planned ||
        !words_equal( (const word_t*)context, (const word_t*)&check->plan.image, fixed / WORD_SIZE ) )
        return fails( check, DMHEAP_CHECK_GEOMETRY, block_at( 0 ) );
    check->position = block_at( context->first );
    check->covered  = context->first;
    check->taken    = context->taken;
    check->released = context->released;
    return false;
}

/* The free block in front of `block`, if its header says that there is one: foot, header and list agree, and it begins
 * where the block in front of it ends. */
static bool free_before_is_valid( check_t* check, block_t block )
{
    const dmheap_context_t* context = check->context;
    bool                    is_free = ( *block_header( context, block ) & HEADER_PREVIOUS_FREE ) != 0;
    if( !is_free && check->covered != 0 && check->covered != block.at )
        return fails( check, DMHEAP_CHECK_NEIGHBOUR, block );
    if( !is_free ) return true;

    uint32_t foot = *block_foot_before( context, block );
    uint32_t size = header_size( context, foot );
    block_t  free = block_at( block.at - size );
    if( size < BLOCK_MIN_SIZE || !block_in_heap( context, free.at ) ) return fails( check, DMHEAP_CHECK_FOOT, block );
    if( *block_header( context, free ) != foot || ( foot & TABLE_TAG_MASK ) != 0 )
        return fails( check, DMHEAP_CHECK_FOOT, free );
    if( check->covered != 0 && check->covered != free.at ) return fails( check, DMHEAP_CHECK_NEIGHBOUR, block );
    if( free_size( context, free ) == 0 ) return fails( check, DMHEAP_CHECK_FREE_LIST, free );
    if( !guard_free_holds( context, free, size ) ) return fails( check, DMHEAP_CHECK_GUARD, free );
    tally( &check->free, 0, 1, size );
    return true;
}

static bool live_is_valid( check_t* check, block_t block )
{
    const dmheap_context_t* context = check->context;
    uint32_t                header  = *block_header( context, block );
    uint32_t                size    = header_size( context, header );
    owner_t                 owner   = header_owner( header );
    if( owner == OWNER_FREE || !block_fits( context, block, size ) ||
        ( size & ( ( 1u << context->granule_shift ) - 1 ) ) != 0 )
        return fails( check, DMHEAP_CHECK_HEADER, block );
    if( header & HEADER_ALIGNED )
    {
        size_t alignment = block_alignment( context, block );
        if( alignment_in( context, alignment ) == 0 ||
            ( (uintptr_t)block_payload( context, block ) & ( alignment - 1 ) ) != 0 )
            return fails( check, DMHEAP_CHECK_HEADER, block );
    }
    block_t  next        = block_at( block.at + size );
    uint32_t next_header = *block_header( context, next );
    bool     next_starts = next.at == image_end( context ) || header_is_free( next_header ) ||
                       map_get( context, map_bit( context, next ) );
    if( next_header & HEADER_PREVIOUS_FREE || !next_starts ) return fails( check, DMHEAP_CHECK_NEIGHBOUR, block );

    if( owner >= OWNER_NOBODY && user_holding( context, owner ) == NULL )
        return fails( check, DMHEAP_CHECK_OWNER, block );
    if( owner == OWNER_MOVING ) check->moving++;
    if( owner >= OWNER_NOBODY && !guard_live_holds( context, block ) ) return fails( check, DMHEAP_CHECK_GUARD, block );
    tally( &check->live, 0, 1, size );
    tally( &check->of_owners, owner, 1, size );
    check->covered = next.at;
    return true;
}

/* One step through the blocks; false at the end, and at a fault. */
static bool blocks_step( check_t* check )
{
    const dmheap_context_t* context = check->context;
    note_quiet( check );
    bool found = block_next_live( context, &check->position, WALK_LOOKS );
    if( !found && check->position.at < image_end( context ) ) return true;
    if( found )
    {
        block_t block = check->position;
        check->position.at += 1u << context->granule_shift;
        return free_before_is_valid( check, block ) && live_is_valid( check, block );
    }
    block_t  end_mark = block_at( image_end( context ) );
    uint32_t granules = image_granules( context );
    uint32_t behind   = *map_word( context, granules ) << ( granules & ( BITS_OF_WORD - 1 ) );
    uint32_t mark     = *block_header( context, end_mark ) & ~(uint32_t)HEADER_PREVIOUS_FREE;
    for( uint32_t bit = ( context->reach >> context->granule_shift ) + 1; bit < granules; bit++ )
        behind |= map_get( context, bit ); /* too near to the end for a block */
    if( mark != header_of( context, OWNER_SYSTEM, 0 ) || behind != 0 )
        return fails( check, DMHEAP_CHECK_HEADER, end_mark );
    (void)free_before_is_valid( check, end_mark );
    return false;
}

/* One step through a list: the next block is one for this list. */
static bool chain_step( check_t* check, uint32_t list )
{
    const dmheap_context_t* context = check->context;
    block_t                 block   = block_at( check->chain );
    block_t                 none    = { 0 };
    check->listed++;
    if( !block_in_heap( context, block.at ) || ( check->quiet && check->listed > context->free_blocks ) )
        return fails( check, DMHEAP_CHECK_INDEX, none );
    uint32_t size = free_size_at( context, block.at );
    if( size == 0 || index_list( context, size ) != list ) return fails( check, DMHEAP_CHECK_FREE_LIST, block );
    check->chain = *free_next( context, block );
    return true;
}

/* One step through the lists: a block of the list that is looked at, or the head of the next. A place of the bitmap has
 * its bit set if a list with blocks is there. */
static bool lists_step( check_t* check )
{
    const dmheap_context_t* context = check->context;
    uint32_t                granule = 1u << context->granule_shift;
    uint32_t                first   = index_list( context, granule > BLOCK_MIN_SIZE ? granule : BLOCK_MIN_SIZE );
    uint32_t                list    = check->number;
    uint32_t                bits    = *bitmap_word( context, list );
    block_t                 none    = { 0 };
    note_quiet( check );
    uint32_t last = context->map_at - 1u;
    uint32_t end  = last | ( BITS_OF_WORD - 1 );
    if( check->chain != 0 ) return chain_step( check, list - 1 ) && ( check->chain != 0 || list <= end );
    uint32_t head  = list >= first && list <= last ? *image_word( context, list ) : 0;
    uint32_t words = 0u - bit_of( last >> BITS_SHIFT ); /* of the bitmap */
    if( ( context->list_summary & ~words ) != 0 ||
        ( ( context->list_summary & bit_of( list >> BITS_SHIFT ) ) != 0 ) != ( bits != 0 ) ||
        ( ( bits & bit_of( list ) ) != 0 ) != ( head != 0 ) )
        return fails( check, DMHEAP_CHECK_INDEX, none );
    if( head != 0 && ( !block_in_heap( context, head ) || *free_link( context, block_at( head ) ) != list - 1 ) )
        return fails( check, DMHEAP_CHECK_INDEX, none );
    check->chain = head;
    check->number++;
    return check->chain != 0 || list < end;
}

/* Whether nobody holds what it may. */
static bool nobody_is_valid( check_t* check, const holding_t* nobody )
{
    tally( &check->owners, OWNER_NOBODY, nobody->blocks, nobody->live );
    return nobody->ceiling == CEILING_NONE && nobody->peak >= nobody->live;
}

/* Whether a module's record is a block of the heap's own, says its number, and is found by its name. */
static bool record_is_valid( check_t* check, owner_t owner )
{
    const dmheap_context_t* context = check->context;
    const module_t*         module  = module_of( context, owner );
    char                    text[DMHEAP_NAME_SIZE];
    name_t                  name;
    if( module == NULL ) return false;
    const holding_t* holding = &module->holding;
    block_t          record  = module_block( context, module );
    owner_name( context, owner, text );
    if( !block_is_live( context, record ) || block_owner( context, record ) != OWNER_SYSTEM ||
        key_owner( module->key ) != owner || !name_make( text, &name ) ||
        block_size( context, record ) <= MODULE_WORDS + 1 + name.length / WORD_SIZE ||
        owner_find( context, &name ) != owner )
        return false;
    if( holding->ceiling > CEILING_NONE || ( !holding_is_leaving( holding ) && holding->peak < holding->live ) )
        return false;
    tally( &check->owners, owner, holding->blocks, holding->live );
    return true;
}

/* One step through the owners: each has a record, or its entry is empty. */
static bool owners_step( check_t* check )
{
    const dmheap_context_t* context = check->context;
    owner_t                 owner   = check->number++;
    const word_t*           table   = table_of( context );
    block_t                 none    = { 0 };
    note_quiet( check );
    if( owner == OWNER_SYSTEM )
    {
        block_t block = block_at( context->table_at );
        bool    valid = table == NULL ? context->table_at == 0 && ( context->table_room | context->table_span ) == 0
                                      : block_is_live( context, block ) && block_owner( context, block ) == OWNER_SYSTEM &&
                                         context->table_span != 0 && context->table_span <= context->table_room &&
                                         context->table_room <= DMHEAP_MAX_MODULES &&
                                         context->table_room < block_size( context, block ) &&
                                         table[context->table_span - 1] != 0;
        tally( &check->owners, owner, context->system.blocks, context->system.live );
        if( !valid || context->unused != 0 ) return fails( check, DMHEAP_CHECK_MODULE, none );
        return true;
    }
    if( owner == OWNER_NOBODY )
        return nobody_is_valid( check, &context->nobody ) || fails( check, DMHEAP_CHECK_MODULE, none );
    if( owner >= owner_end( context ) ) return false;
    uint32_t entry = table != NULL ? table[owner - OWNER_FIRST_MODULE] : 0;
    if( entry == 0 ) return true;
    check->records++;
    return record_is_valid( check, owner ) ||
           fails( check, DMHEAP_CHECK_MODULE, block_at( entry >> TABLE_TAG_BITS << header_scale( context ) ) );
}

/* What the walks found is what the heap has counted. */
static bool counters_step( check_t* check )
{
    const dmheap_context_t* context = check->context;
    block_t                 none    = { 0 };
    note_quiet( check );
    if( !check->quiet ) return false;
    if( check->listed != check->free.blocks ) return fails( check, DMHEAP_CHECK_INDEX, none );
    if( check->live.blocks != context->taken - context->released || check->free.words != context->free_words ||
        check->free.blocks != context->free_blocks || context->free_lowest > context->free_words ||
        check->moving != context->moving )
        return fails( check, DMHEAP_CHECK_COUNTERS, none );
    if( check->records != context->modules ) return fails( check, DMHEAP_CHECK_MODULE, none );
    if( check->moving == 0 &&
        ( check->of_owners.blocks != check->owners.blocks || check->of_owners.weighed != check->owners.weighed ) )
        return fails( check, DMHEAP_CHECK_MODULE, none );
    return false;
}

/* Whether the heap was made anew since the check began, with another size or granule: there is nothing to say of it. */
static bool is_another( const check_t* check )
{
    return check->planned && image_is_sealed( check->context ) && check->context->seal != check->plan.image.seal;
}

static void run( check_t* check, uint32_t from, bool ( *step )( check_t* ) )
{
    check->number = from;
    check->chain  = 0;
    for( bool more = check->fault == DMHEAP_CHECK_OK; more; )
    {
        lock();
        more = context_exists( check->context ) && !is_another( check );
        if( more && image_is_sealed( check->context ) )
            more = step( check );
        else if( more )
            more = fails( check, DMHEAP_CHECK_GEOMETRY, block_at( 0 ) );
        unlock();
    }
}

/* Plans what a heap that is as large, and has the same granule, would be. False where it is gone, or says nonsense of
 * itself. Not locked. */
static bool plan_again( check_t* check, bool* exists )
{
    const dmheap_context_t* context = check->context;
    uint32_t                end = 0, granule = 0;
    lock();
    *exists = context_exists( context );
    if( *exists )
    {
        end     = image_end( context );
        granule = 1u << ( context->granule_shift & ( BITS_OF_WORD - 1 ) );
    }
    unlock();
    return *exists && end < 1u << 30 &&
           context_plan( check->context, bytes( end ), bytes( granule ), &check->plan ) == STATUS_OK;
}

/* DMHEAP_CHECK_NOT_INITIALIZED is the caller's to report. */
static dmheap_check_t check_context( dmheap_context_t* context, const void** where )
{
    check_t     check   = { .context = context, .quiet = true, .fault = DMHEAP_CHECK_OK };
    const void* address = NULL;
    bool        exists;
    if( where != NULL ) *where = NULL;
    check.planned = plan_again( &check, &exists );
    if( !exists ) return DMHEAP_CHECK_NOT_INITIALIZED;
    run( &check, 0, geometry_step );
    run( &check, 0, blocks_step );
    run( &check, 0, lists_step );
    run( &check, OWNER_SYSTEM, owners_step );
    run( &check, 0, counters_step );
    if( check.where.at != 0 ) address = block_payload( context, check.where );
    if( where != NULL ) *where = address;
    if( check.fault != DMHEAP_CHECK_OK )
        report( &( report_t ){ .status = STATUS_CHECK_FAILED, .size = (size_t)check.fault, .address = address } );
    return check.fault;
}

DMHEAP_API_BODY( dmheap_check_t, _ctx_check, ( dmheap_context_t * context, const void** where ) )
{
    dmheap_check_t found = check_context( context, where );
    if( found == DMHEAP_CHECK_NOT_INITIALIZED ) report( &( report_t ){ .status = STATUS_NO_HEAP, .address = context } );
    return found;
}

DMHEAP_API_BODY( dmheap_check_t, _check, ( const void** where ) )
{
    uint32_t          visited = 0;
    dmheap_check_t    found   = DMHEAP_CHECK_NOT_INITIALIZED;
    dmheap_context_t* context;
    if( where != NULL ) *where = NULL;
    while( found <= DMHEAP_CHECK_NOT_INITIALIZED && ( context = next_default( &visited ) ) != NULL )
    {
        dmheap_check_t here = check_context( context, where );
        if( here != DMHEAP_CHECK_NOT_INITIALIZED ) found = here; /* it may be taken down meanwhile */
    }
    if( found == DMHEAP_CHECK_NOT_INITIALIZED ) report( &( report_t ){ .status = STATUS_NO_HEAP } );
    return found;
}
