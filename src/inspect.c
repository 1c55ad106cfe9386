/*
 * Looking at a heap: figures, visitors, and the one function that checks every invariant. May not change a heap.
 *
 * All walks go by the start map and keep a block as their place, which stays valid whatever happens to the blocks
 * between two steps.
 */
#include "api.h"

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

static void add_stats( const dmheap_context_t* context, dmheap_stats_t* sum )
{
    uint32_t blocks  = context->end - context->first;
    uint32_t used    = blocks - context->free_words - context->system.live;
    size_t   largest = largest_free( context );

    sum->heap_size += bytes( context->end );
    sum->free_bytes += bytes( context->free_words );
    sum->used_bytes += bytes( used );
    sum->overhead_bytes += bytes( context->end - context->free_words - used );
    sum->peak_used_bytes += bytes( blocks - context->free_lowest );
    sum->used_blocks += context->taken - context->released - context->system.blocks;
    sum->free_blocks += context->free_blocks;
    sum->modules += context->module_count;
    sum->failed_allocations += context->failures;
    if( largest > sum->largest_free_block ) sum->largest_free_block = largest;
}

DMOD_INPUT_API_DECLARATION( dmheap, 1.0, bool, _ctx_get_stats, ( dmheap_context_t * context, dmheap_stats_t* stats ) )
{
    dmheap_stats_t sum = { 0 };
    lock();
    bool found = stats != NULL && context_exists( context );
    if( found ) add_stats( context, &sum );
    unlock();
    if( found ) *stats = sum;
    return found;
}

DMOD_INPUT_API_DECLARATION( dmheap, 1.0, bool, _get_stats, ( dmheap_stats_t * stats ) )
{
    dmheap_stats_t sum   = { 0 };
    bool           found = false;
    lock();
    for( size_t i = 0; i < context_registry.defaults; i++ )
    {
        add_stats( context_registry.all[i], &sum );
        found = stats != NULL;
    }
    unlock();
    if( found ) *stats = sum;
    return found;
}

static size_t limit_of( const holding_t* holding )
{
    return holding->leaving || holding->limit == LIMIT_NONE ? SIZE_MAX : bytes( holding->limit );
}

static void add_holding( const holding_t* holding, dmheap_module_stats_t* sum )
{
    size_t limit = limit_of( holding );
    sum->live_bytes += bytes( holding->live );
    sum->peak_bytes += bytes( holding->peak );
    sum->limit_bytes = limit > SIZE_MAX - sum->limit_bytes ? SIZE_MAX : sum->limit_bytes + limit;
    sum->live_blocks += holding->blocks;
}

static bool find_module_stats( dmheap_context_t* context, const module_name_t* name, dmheap_module_stats_t* sum )
{
    uint32_t key;
    if( owner_find( context, name, &key ) != STATUS_KNOWN_MODULE ) return false;
    lock();
    const holding_t* holding = owner_holding( context, key );
    if( holding != NULL ) add_holding( holding, sum );
    unlock();
    return holding != NULL;
}

/* In one heap or, where that is NULL, in all of them. */
static bool get_module_stats( dmheap_context_t* only, const char* text, dmheap_module_stats_t* stats )
{
    dmheap_module_stats_t sum   = { 0 };
    bool                  found = false;
    module_name_t         name;
    dmheap_context_t*     context;
    if( stats == NULL || !module_name_make( text, &name ) ) return false;
    for( size_t i = 0; ( context = context_number( i ) ) != NULL; i++ )
        if( only == NULL || only == context ) found |= find_module_stats( context, &name, &sum );
    if( found ) *stats = sum;
    return found;
}

DMOD_INPUT_API_DECLARATION( dmheap, 1.0, bool, _ctx_get_module_stats,
                            ( dmheap_context_t * context, const char* module_name, dmheap_module_stats_t* stats ) )
{
    return context != NULL && get_module_stats( context, module_name, stats );
}

DMOD_INPUT_API_DECLARATION( dmheap, 1.0, bool, _get_module_stats,
                            ( const char* module_name, dmheap_module_stats_t* stats ) )
{
    return get_module_stats( NULL, module_name, stats );
}

/* ---- Visitors ---- */

static void fill_info( const dmheap_context_t* context, block_t block, dmheap_block_info_t* info )
{
    uint32_t header   = *block_header( context, block );
    owner_t  owner    = header_owner( context, header );
    info->context     = context;
    info->address     = block_payload( context, block );
    info->size        = block_usable_size( context, block );
    info->block_bytes = bytes( header_size( context, header ) );
    info->use         = header & HEADER_FREE    ? DMHEAP_BLOCK_FREE
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
    *more      = found || walk->position.at < context->end;
    if( !found && *more ) return 0;

    block_t block = found ? walk->position : block_at( context->end );
    if( *block_header( context, block ) & HEADER_PREVIOUS_FREE )
    {
        block_t free = block_at( block.at - *block_foot_before( context, block ) );
        /* what was shown already may have become a part of this free block: no byte is shown twice */
        if( block_in_heap( context, free.at ) && free.at >= walk->shown ) fill_info( context, free, &info[filled++] );
    }
    if( !found ) return filled;
    fill_info( context, block, &info[filled++] );
    walk->shown = block.at + block_size( context, block );
    walk->position.at += context->granule;
    if( block_in_heap( context, walk->shown ) ) walk->position = block_behind_free( context, block_at( walk->shown ) );
    return filled;
}

/* False where the visitor ended the walk. */
static bool visit_blocks( dmheap_context_t* context, dmheap_block_visitor_t visit, void* user )
{
    dmheap_block_info_t info[2];
    walk_t              walk = { { 0 }, 0 };
    bool                more = true;
    while( more )
    {
        unsigned filled = 0;
        lock();
        more = context_exists( context );
        if( more ) filled = walk_step( context, &walk, info, &more );
        unlock();
        for( unsigned i = 0; i < filled; i++ )
            if( !visit( &info[i], user ) ) return false;
    }
    return true;
}

DMOD_INPUT_API_DECLARATION( dmheap, 1.0, void, _ctx_visit_blocks,
                            ( dmheap_context_t * context, dmheap_block_visitor_t visit, void* user ) )
{
    if( context_given( context ) && visit != NULL ) (void)visit_blocks( context, visit, user );
}

DMOD_INPUT_API_DECLARATION( dmheap, 1.0, void, _visit_blocks, ( dmheap_block_visitor_t visit, void* user ) )
{
    dmheap_context_t* context;
    if( visit == NULL ) return;
    for( size_t i = 0; ( context = default_number( i ) ) != NULL && visit_blocks( context, visit, user ); i++ )
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
        more                   = context_exists( context ) && owner < owner_end( context );
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

DMOD_INPUT_API_DECLARATION( dmheap, 1.0, void, _ctx_visit_modules,
                            ( dmheap_context_t * context, dmheap_module_visitor_t visit, void* user ) )
{
    if( context_given( context ) && visit != NULL ) (void)visit_modules( context, visit, user );
}

DMOD_INPUT_API_DECLARATION( dmheap, 1.0, void, _visit_modules, ( dmheap_module_visitor_t visit, void* user ) )
{
    dmheap_context_t* context;
    if( visit == NULL ) return;
    for( size_t i = 0; ( context = default_number( i ) ) != NULL && visit_modules( context, visit, user ); i++ )
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
    uint32_t          chain;           /* next block of a list, or owner given back, to look at; 0: none */
    uint32_t          covered;         /* end of the last block looked at, 0: not known */
    uint32_t          taken, released; /* as they were in the last step */
    bool              quiet;           /* nobody changed the heap so far: sums can be compared */
    uint32_t          moving;          /* blocks on their way to another place: their owners are not known */
    tally_t           live, free, of_owners, owners;
    uint32_t          listed;     /* free blocks that the lists lead to */
    uint32_t          records;    /* modules in the directory */
    uint32_t          given_back; /* owners that the directory has as free, less those that their chain leads to */
    uint32_t          links;      /* in the tree */
    uint32_t          named;      /* the module that is looked for by its name, 0: none */
    char              text[DMOD_MAX_MODULE_NAME_LENGTH];
    module_name_t     name;
    module_walk_t     walk;
    uint32_t          version; /* of the tree when the name was read */
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

    uint32_t size = *block_foot_before( context, block );
    block_t  free = block_at( block.at - size );
    if( size < context->min_size || !block_in_heap( context, free.at ) )
        return fails( check, DMHEAP_CHECK_FOOT, block );
    if( *block_header( context, free ) != header_of_free( context, size ) )
        return fails( check, DMHEAP_CHECK_FOOT, free );
    if( check->covered != 0 && check->covered != free.at ) return fails( check, DMHEAP_CHECK_NEIGHBOUR, block );
    if( !index_holds( context, free ) ) return fails( check, DMHEAP_CHECK_FREE_LIST, free );
    if( !guard_free_holds( context, free, size ) ) return fails( check, DMHEAP_CHECK_GUARD, free );
    tally( &check->free, 0, 1, size );
    return true;
}

static bool live_is_valid( check_t* check, block_t block )
{
    const dmheap_context_t* context = check->context;
    uint32_t                header  = *block_header( context, block );
    uint32_t                size    = header_size( context, header );
    owner_t                 owner   = header_owner( context, header );
    if( header & HEADER_FREE || size < context->min_size || size > context->end - block.at ||
        ( size & ( context->granule - 1 ) ) != 0 )
        return fails( check, DMHEAP_CHECK_HEADER, block );
    if( header & HEADER_ALIGNED )
    {
        size_t alignment = block_alignment( context, block );
        if( alignment >> WORD_SHIFT <= context->granule ||
            ( (uintptr_t)block_payload( context, block ) & ( alignment - 1 ) ) != 0 )
            return fails( check, DMHEAP_CHECK_HEADER, block );
    }
    block_t  next        = block_at( block.at + size );
    uint32_t next_header = *block_header( context, next );
    bool     next_starts =
        next.at == context->end || next_header & HEADER_FREE || map_get( context, map_bit( context, next ) );
    if( next_header & HEADER_PREVIOUS_FREE || !next_starts ) return fails( check, DMHEAP_CHECK_NEIGHBOUR, block );

    if( owner != OWNER_MOVING && holding_of( context, owner ) == NULL )
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
    if( !found && check->position.at < context->end ) return true;
    if( found )
    {
        block_t block = check->position;
        check->position.at += context->granule;
        return free_before_is_valid( check, block ) && live_is_valid( check, block );
    }
    block_t  end_mark = block_at( context->end );
    uint32_t behind   = *map_word( context, context->granules ) >> ( context->granules & ( BITS_OF_WORD - 1 ) );
    if( *block_header( context, end_mark ) & ~HEADER_PREVIOUS_FREE || behind != 0 )
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
    uint32_t size = block_size( context, block );
    if( !( *block_header( context, block ) & HEADER_FREE ) || size < context->min_size ||
        index_list( context, size ) != list )
        return fails( check, DMHEAP_CHECK_FREE_LIST, block );
    check->chain = *free_next( context, block );
    return true;
}

/* One step through the lists: a block of the list that is looked at, or the head of the next. A place of the bitmap has
 * its bit set if a list with blocks is there. */
static bool lists_step( check_t* check )
{
    const dmheap_context_t* context = check->context;
    uint32_t                first   = index_list( context, context->min_size );
    uint32_t                list    = check->number;
    uint32_t                bits    = *bitmap_word( context, list );
    block_t                 none    = { 0 };
    note_quiet( check );
    if( check->chain != 0 ) return chain_step( check, list - 1 );
    uint32_t head  = list >= first && list < context->lists_end ? *image_word( context, list ) : 0;
    uint32_t words = 2 * bit_of( ( context->lists_end - 1 ) >> BITS_SHIFT ) - 1; /* of the bitmap */
    if( ( context->list_summary & ~words ) != 0 ||
        ( ( context->list_summary & bit_of( list >> BITS_SHIFT ) ) != 0 ) != ( bits != 0 ) ||
        ( ( bits & bit_of( list ) ) != 0 ) != ( head != 0 ) )
        return fails( check, DMHEAP_CHECK_INDEX, none );
    if( head != 0 && ( !block_in_heap( context, head ) || *free_link( context, block_at( head ) ) != list ) )
        return fails( check, DMHEAP_CHECK_INDEX, none );
    check->chain = head;
    check->number++;
    return check->chain != 0 || check->number <= ( ( context->lists_end - 1 ) | ( BITS_OF_WORD - 1 ) );
}

/* What the directory has for an owner; 0 where it leads nowhere. */
static uint32_t entry_of( const dmheap_context_t* context, owner_t owner )
{
    const word_t* entry = directory_entry( context, owner );
    return entry != NULL ? *entry : 0;
}

/* The record that the directory leads to from an owner, in a block of its own; NULL where it does not. */
static const module_t* find_record( const dmheap_context_t* context, owner_t owner )
{
    const module_t* module = module_of( context, owner );
    if( module == NULL ) return NULL;
    block_t record = module_block( context, module );
    bool    found  = block_is_live( context, record ) && block_owner( context, record ) == OWNER_SYSTEM &&
                 block_usable_size( context, record ) > sizeof( module_t );
    return found ? module : NULL;
}

/* Looks at a module's record, and notes its name to look for. */
static bool record_step( check_t* check, owner_t owner )
{
    dmheap_context_t* context = check->context;
    const module_t*   module  = find_record( context, owner );
    if( module == NULL || module->holding.leaving > 1 || module->holding.peak < module->holding.live )
        return fails( check, DMHEAP_CHECK_MODULE, block_at( module != NULL ? entry_of( context, owner ) : 0 ) );
    tally( &check->owners, owner, module->holding.blocks, module->holding.live );
    check->records++;
    check->links += (uint32_t)( module->child[0] != 0 ) + (uint32_t)( module->child[1] != 0 );
    check->named     = owner;
    check->name.size = 0;
    check->walk      = ( module_walk_t ){ .link = NULL };
    check->version   = context_registry.tree_version;
    owner_name( context, owner, check->text );
    return true;
}

/* One step to a module by its name. All modules found, and no more links than those that led to them, make a tree. */
static bool name_step( check_t* check )
{
    dmheap_context_t* context = check->context;
    owner_t           owner   = check->named;
    bool              valid   = check->name.size != 0;
    if( valid )
    {
        module_search_step( context, &check->name, &check->walk );
        if( !check->walk.done ) return true;
        valid = check->walk.found != NULL && *check->walk.link == owner;
    }
    check->named = 0;
    /* where the tree has changed, the module may have gone meanwhile */
    if( !valid && check->version == context_registry.tree_version )
        return fails( check, DMHEAP_CHECK_MODULE, block_at( entry_of( context, owner ) ) );
    return true;
}

/* One step through the owners: each has a record, or was given back and is in the chain of those. */
static bool owners_step( check_t* check )
{
    dmheap_context_t* context = check->context;
    note_quiet( check );
    if( check->named != 0 ) return name_step( check );
    owner_t owner = check->number++;
    if( owner == OWNER_SYSTEM )
    {
        check->chain = context->module_free;
        check->links = context->module_root != 0;
    }
    if( !check->quiet ) check->chain = 0;
    if( check->chain != 0 )
    {
        uint32_t entry =
            check->chain - OWNER_FIRST_MODULE < context->owner_span - 1u ? entry_of( context, check->chain ) : 0;
        if( !( entry & DIRECTORY_FREE ) ) return fails( check, DMHEAP_CHECK_MODULE, block_at( 0 ) );
        check->chain = entry & UINT16_MAX;
        check->given_back--;
    }
    if( owner >= owner_end( context ) ) return false;
    if( owner >> context->owner_bits != 0 ) return fails( check, DMHEAP_CHECK_MODULE, block_at( 0 ) );
    if( owner == OWNER_SYSTEM || owner == OWNER_NOBODY )
    {
        const holding_t* fixed = owner == OWNER_SYSTEM ? &context->system : &context->nobody;
        if( holding_of( context, owner ) != fixed || fixed->leaving || fixed->serial != 0 ||
            fixed->limit != LIMIT_NONE || fixed->peak < fixed->live )
            return fails( check, DMHEAP_CHECK_MODULE, block_at( 0 ) );
        tally( &check->owners, owner, fixed->blocks, fixed->live );
        return true;
    }
    uint32_t entry = entry_of( context, owner );
    if( entry & DIRECTORY_FREE )
    {
        check->given_back++;
        if( ( entry & ~( DIRECTORY_FREE | UINT16_MAX ) ) != 0 )
            return fails( check, DMHEAP_CHECK_MODULE, block_at( 0 ) );
        return true;
    }
    return record_step( check, owner );
}

/* Levels of the directory that no owner needs have no chunk. */
static bool chunks_are_valid( const dmheap_context_t* context )
{
    uint32_t level = directory_level( ( owner_end( context ) - 1 ) | OWNER_NOBODY ) + 1;
    for( ; level < context->owner_bits - 1u; level++ )
        if( *image_word( context, context->directory_at + level ) != 0 ) return false;
    return true;
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
    if( !chunks_are_valid( context ) || check->links != check->records || check->records != context->module_count ||
        check->given_back != 0 )
        return fails( check, DMHEAP_CHECK_MODULE, none );
    if( check->moving == 0 &&
        ( check->of_owners.blocks != check->owners.blocks || check->of_owners.weighed != check->owners.weighed ) )
        return fails( check, DMHEAP_CHECK_MODULE, none );
    return false;
}

static void run( check_t* check, uint32_t from, bool ( *step )( check_t* ) )
{
    check->number = from;
    check->chain  = 0;
    for( bool more = check->fault == DMHEAP_CHECK_OK; more; )
    {
        lock();
        more = context_exists( check->context ) && step( check );
        unlock();
        if( check->named != 0 && check->name.size == 0 ) (void)module_name_make( check->text, &check->name );
    }
}

/* Plans what a heap that is as large, and has the same granule, would be. False where it is gone, or says nonsense of
 * itself. Not locked. */
static bool plan_again( check_t* check, bool* exists )
{
    const dmheap_context_t* context = check->context;
    uint32_t                end = 0, granule = 0, magic = 0;
    lock();
    *exists = context != NULL && context_exists( context );
    if( *exists )
    {
        end     = context->end;
        granule = context->granule;
        magic   = context->magic;
    }
    unlock();
    return magic == IMAGE_MAGIC && end < 1u << 30 &&
           context_plan( check->context, bytes( end ), bytes( granule ), &check->plan ) == STATUS_OK;
}

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

DMOD_INPUT_API_DECLARATION( dmheap, 1.0, dmheap_check_t, _ctx_check,
                            ( dmheap_context_t * context, const void** where ) )
{
    return check_context( context, where );
}

DMOD_INPUT_API_DECLARATION( dmheap, 1.0, dmheap_check_t, _check, ( const void** where ) )
{
    dmheap_context_t* context = default_number( 0 );
    dmheap_check_t    fault   = check_context( context, where );
    for( size_t i = 1; fault == DMHEAP_CHECK_OK && ( context = default_number( i ) ) != NULL; i++ )
        fault = check_context( context, where );
    return fault;
}
