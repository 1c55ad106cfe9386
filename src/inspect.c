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
    WALK_LOOKS = 8
};

/* ---- Figures ---- */

static void add_stats( const dmheap_context_t* context, dmheap_stats_t* sum )
{
    uint32_t blocks  = context->end - context->first;
    uint32_t used    = blocks - context->free_bytes - context->system_bytes;
    size_t   largest = largest_free( context );

    sum->heap_size += context->end;
    sum->free_bytes += context->free_bytes;
    sum->used_bytes += used;
    sum->overhead_bytes += context->end - context->free_bytes - used;
    sum->peak_used_bytes += blocks - context->free_lowest;
    sum->used_blocks += context->taken - context->released - context->system_blocks;
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

static size_t limit_of( const module_t* module )
{
    return module->limit == MODULE_NO_LIMIT || module->state & MODULE_LEAVING ? SIZE_MAX : module->limit;
}

static void add_module_stats( const module_t* module, dmheap_module_stats_t* sum )
{
    size_t limit = limit_of( module );
    sum->live_bytes += module->live;
    sum->peak_bytes += module->peak;
    sum->limit_bytes = limit > SIZE_MAX - sum->limit_bytes ? SIZE_MAX : sum->limit_bytes + limit;
    sum->live_blocks += module->blocks;
}

static bool find_module_stats( dmheap_context_t* context, const char* name, dmheap_module_stats_t* sum )
{
    owner_t owner = OWNER_NOBODY;
    lock();
    bool found = context_exists( context ) && owner_lookup( context, name, false, &owner ) == STATUS_OK;
    if( found ) add_module_stats( module_of( context, owner ), sum );
    unlock();
    return found;
}

DMOD_INPUT_API_DECLARATION( dmheap, 1.0, bool, _ctx_get_module_stats,
                            ( dmheap_context_t * context, const char* module_name, dmheap_module_stats_t* stats ) )
{
    dmheap_module_stats_t sum   = { 0 };
    bool                  found = stats != NULL && find_module_stats( context, module_name, &sum );
    if( found ) *stats = sum;
    return found;
}

DMOD_INPUT_API_DECLARATION( dmheap, 1.0, bool, _get_module_stats,
                            ( const char* module_name, dmheap_module_stats_t* stats ) )
{
    dmheap_module_stats_t sum   = { 0 };
    bool                  found = false;
    dmheap_context_t*     context;
    if( stats == NULL ) return false;
    for( size_t i = 0; ( context = context_number( i ) ) != NULL; i++ )
        found |= find_module_stats( context, module_name, &sum );
    if( found ) *stats = sum;
    return found;
}

/* ---- Visitors ---- */

static void fill_info( const dmheap_context_t* context, block_t block, dmheap_block_info_t* info )
{
    uint32_t header   = *block_header( context, block );
    owner_t  owner    = header_owner( context, header );
    info->context     = context;
    info->address     = block_payload( context, block );
    info->size        = block_usable_size( context, block );
    info->block_bytes = header_size( context, header );
    info->use         = header & HEADER_FREE    ? DMHEAP_BLOCK_FREE
                        : owner == OWNER_SYSTEM ? DMHEAP_BLOCK_SYSTEM
                        : owner == OWNER_MOVING ? DMHEAP_BLOCK_MOVING
                                                : DMHEAP_BLOCK_LIVE;
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
    uint32_t looks  = WALK_LOOKS;
    if( walk->position.at == 0 ) walk->position.at = context->first;
    bool found = block_next_live( context, &walk->position, &looks );
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
        more                   = context_exists( context ) && owner - OWNER_FIRST_MODULE < context->module_span;
        const module_t* module = more ? module_of( context, owner ) : NULL;
        if( module != NULL )
        {
            add_module_stats( module, &info.stats );
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
    uint32_t blocks, bytes, weighed;
} tally_t;

static void tally( tally_t* sum, owner_t owner, uint32_t blocks, uint32_t bytes )
{
    sum->blocks += blocks;
    sum->bytes += bytes;
    sum->weighed += ( bytes + blocks ) * ( ( owner * 0x9e3779b1u ) | 1u );
}

/* What a check has come to. */
typedef struct
{
    dmheap_context_t* context;
    block_t           position;        /* where to look next */
    uint32_t          number;          /* next bitmap word or owner to look at */
    uint32_t          covered;         /* end of the last block looked at, 0: not known */
    uint32_t          taken, released; /* as they were in the last step */
    bool              quiet;           /* nobody changed the heap so far: sums can be compared */
    uint32_t          moving;          /* blocks on their way to another place: their owners are not known */
    tally_t           live, system, free, of_modules, modules;
    uint32_t          records; /* modules in the directory */
    uint32_t          lists;   /* free blocks that are the first of their list */
    dmheap_check_t    fault;
    block_t           where;
} check_t;

static bool fails( check_t* check, dmheap_check_t fault, block_t where )
{
    check->fault = fault;
    check->where = where;
    return false;
}

/* The layout is what it would be if the heap were made anew at this place. */
static bool geometry_is_valid( check_t* check )
{
    const dmheap_context_t* context = check->context;
    context_plan_t          plan;
    bool                    valid = context->magic == IMAGE_MAGIC;
    if( valid )
    {
        valid = context_plan( check->context, context->end, context->granule, &plan ) == STATUS_OK &&
                plan.context == context;
    }
    if( valid )
        valid = __builtin_memcmp( context, &plan.image, offsetof( dmheap_context_t, system_blocks ) ) == 0 &&
                __builtin_memcmp( &context->bin_shift, &plan.image.bin_shift,
                                  offsetof( dmheap_context_t, bin_summary ) -
                                      offsetof( dmheap_context_t, bin_shift ) ) == 0;
    return valid || fails( check, DMHEAP_CHECK_GEOMETRY, block_at( 0 ) );
}

/* The free block in front of `block`, if its header says that there is one: foot, header and list agree, and it begins
 * where the block in front of it ends. */
static bool free_before_is_valid( check_t* check, block_t block )
{
    const dmheap_context_t* context = check->context;
    if( !( *block_header( context, block ) & HEADER_PREVIOUS_FREE ) )
        return check->covered == 0 || check->covered == block.at || fails( check, DMHEAP_CHECK_NEIGHBOUR, block );

    uint32_t size = *block_foot_before( context, block );
    block_t  free = block_at( block.at - size );
    if( size < context->min_size || !block_in_heap( context, free.at ) )
        return fails( check, DMHEAP_CHECK_FOOT, block );
    if( *block_header( context, free ) != header_of_free( context, size ) )
        return fails( check, DMHEAP_CHECK_FOOT, free );
    if( check->covered != 0 && check->covered != free.at ) return fails( check, DMHEAP_CHECK_NEIGHBOUR, block );
    uint32_t bin = index_bin( context, size );
    if( !index_holds( context, free, bin ) ||
        !( context_bitmaps( context )[bin >> WORD_SHIFT] >> ( bin & ( BITS_OF_WORD - 1 ) ) & 1u ) )
        return fails( check, DMHEAP_CHECK_FREE_LIST, free );
    tally( &check->free, 0, 1, size );
    if( *free_previous( context, free ) == 0 ) check->lists++;
    return true;
}

static bool live_is_valid( check_t* check, block_t block )
{
    const dmheap_context_t* context = check->context;
    uint32_t                header  = *block_header( context, block );
    uint32_t                size    = header_size( context, header );
    owner_t                 owner   = header_owner( context, header );
    if( header & HEADER_FREE || size < context->min_size || size > context->end - block.at )
        return fails( check, DMHEAP_CHECK_HEADER, block );
    if( header & header_aligned( context ) )
    {
        size_t alignment = block_alignment( context, block );
        if( alignment == 0 || ( (uintptr_t)block_payload( context, block ) & ( alignment - 1 ) ) != 0 )
            return fails( check, DMHEAP_CHECK_HEADER, block );
    }
    block_t  next        = block_at( block.at + size );
    uint32_t next_header = *block_header( context, next );
    bool     next_starts =
        next.at == context->end || next_header & HEADER_FREE || map_get( context, map_bit( context, next ) );
    if( next_header & HEADER_PREVIOUS_FREE || !next_starts ) return fails( check, DMHEAP_CHECK_NEIGHBOUR, block );

    if( owner >= OWNER_FIRST_MODULE && module_of( context, owner ) == NULL )
        return fails( check, DMHEAP_CHECK_OWNER, block );
    tally( &check->live, owner, 1, size );
    if( owner == OWNER_SYSTEM ) tally( &check->system, owner, 1, size );
    if( owner == OWNER_MOVING ) check->moving++;
    if( owner >= OWNER_FIRST_MODULE ) tally( &check->of_modules, owner, 1, size );
    check->covered = next.at;
    return true;
}

/* Notes whether others changed the heap since the last step. */
static void note_quiet( check_t* check )
{
    if( check->taken == check->context->taken && check->released == check->context->released ) return;
    check->taken    = check->context->taken;
    check->released = check->context->released;
    check->quiet    = false;
    check->covered  = 0;
}

/* One step through the blocks; false at the end, and at a fault. */
static bool check_blocks_step( check_t* check )
{
    const dmheap_context_t* context = check->context;
    uint32_t                looks   = WALK_LOOKS;
    note_quiet( check );
    bool found = block_next_live( context, &check->position, &looks );
    if( !found && check->position.at < context->end ) return true;
    if( found )
    {
        block_t block = check->position;
        check->position.at += context->granule;
        return free_before_is_valid( check, block ) && live_is_valid( check, block );
    }
    block_t end_mark = block_at( context->end );
    if( *block_header( context, end_mark ) & ~(uint32_t)HEADER_PREVIOUS_FREE )
        return fails( check, DMHEAP_CHECK_HEADER, end_mark );
    (void)free_before_is_valid( check, end_mark );
    return false;
}

/* One step through the bins: 32 of them. The heads that the bitmaps announce are those of the blocks' lists. */
static bool check_index_step( check_t* check )
{
    const dmheap_context_t* context = check->context;
    uint32_t                first   = index_bin( context, context->min_size );
    uint32_t                last    = index_bin( context, context->end );
    uint32_t                word    = check->number++;
    uint32_t                bits    = context_bitmaps( context )[word];
    note_quiet( check );
    if( ( context->bin_summary >> word & 1u ) != ( bits != 0 ) )
        return fails( check, DMHEAP_CHECK_INDEX, block_at( 0 ) );
    for( uint32_t bin = word * BITS_OF_WORD; bin < ( word + 1 ) * BITS_OF_WORD; bin++, bits >>= 1 )
    {
        bool     exists = bin >= first && bin <= last;
        uint32_t head   = exists ? context_bins( context )[bin] : 0;
        if( ( bits & 1u ) != ( head != 0 ) ) return fails( check, DMHEAP_CHECK_INDEX, block_at( head ) );
        if( head == 0 ) continue;
        if( !block_in_heap( context, head ) || *free_previous( context, block_at( head ) ) != 0 ||
            block_size( context, block_at( head ) ) < context->min_size ||
            index_bin( context, block_size( context, block_at( head ) ) ) != bin )
            return fails( check, DMHEAP_CHECK_INDEX, block_at( 0 ) );
        check->lists--;
    }
    return word < last >> WORD_SHIFT;
}

/* A record lies in a block of its own, holds a name with an end, and is found by that name. */
static bool record_is_valid( check_t* check, owner_t owner, block_t record )
{
    dmheap_context_t* context = check->context;
    module_name_t     name;
    if( !block_in_heap( context, record.at ) || !map_get( context, map_bit( context, record ) ) ||
        block_owner( context, record ) != OWNER_SYSTEM )
        return fails( check, DMHEAP_CHECK_MODULE, block_at( 0 ) );
    const module_t* module = block_payload( context, record );
    if( !module_name_make( module->name, &name ) ||
        sizeof( module_t ) + name.length + 1 > block_usable_size( context, record ) ||
        !module_is_in_tree( context, owner, &name ) )
        return fails( check, DMHEAP_CHECK_MODULE, record );
    tally( &check->modules, owner, module->blocks, module->live );
    return true;
}

/* One step through the modules: each number up to module_next is a module's or was given back. */
static bool check_modules_step( check_t* check )
{
    const dmheap_context_t* context = check->context;
    owner_t                 owner   = check->number++;
    note_quiet( check );
    if( owner - OWNER_FIRST_MODULE >= context->module_span ) return false;
    uint32_t entry = module_entry( context, owner );
    if( !( entry & DIRECTORY_FREE ) )
    {
        check->records++;
        return record_is_valid( check, owner, block_at( entry ) );
    }
    uint32_t next = entry >> 1;
    return ( next == 0 || ( next >= OWNER_FIRST_MODULE && next - OWNER_FIRST_MODULE < context->module_span ) ) ||
           fails( check, DMHEAP_CHECK_MODULE, block_at( 0 ) );
}

/* What the walks found is what the heap has counted. */
static bool counters_are_valid( check_t* check )
{
    const dmheap_context_t* context = check->context;
    note_quiet( check );
    if( !check->quiet ) return true;
    if( check->lists != 0 ) return fails( check, DMHEAP_CHECK_INDEX, block_at( 0 ) );
    if( check->live.blocks != context->taken - context->released ||
        check->live.bytes + check->free.bytes != context->end - context->first ||
        check->free.bytes != context->free_bytes || check->free.blocks != context->free_blocks ||
        context->free_lowest > context->free_bytes || check->moving != context->moving ||
        check->system.blocks != context->system_blocks || check->system.bytes != context->system_bytes )
        return fails( check, DMHEAP_CHECK_COUNTERS, block_at( 0 ) );
    if( check->records != context->module_count ) return fails( check, DMHEAP_CHECK_MODULE, block_at( 0 ) );
    if( check->moving == 0 &&
        ( check->of_modules.blocks != check->modules.blocks || check->of_modules.weighed != check->modules.weighed ) )
        return fails( check, DMHEAP_CHECK_MODULE, block_at( 0 ) );
    return true;
}

static void run( check_t* check, uint32_t from, bool ( *step )( check_t* ) )
{
    check->number = from;
    for( bool more = check->fault == DMHEAP_CHECK_OK; more; )
    {
        lock();
        more = context_exists( check->context ) && step( check );
        unlock();
    }
}

static bool geometry_step( check_t* check )
{
    if( !geometry_is_valid( check ) ) return false;
    check->position = block_at( check->context->first );
    check->covered  = check->context->first;
    check->taken    = check->context->taken;
    check->released = check->context->released;
    return false;
}

static bool counters_step( check_t* check )
{
    (void)counters_are_valid( check );
    return false;
}

static dmheap_check_t check_context( dmheap_context_t* context, const void** where )
{
    check_t     check   = { .context = context, .quiet = true, .fault = DMHEAP_CHECK_OK };
    const void* address = NULL;
    if( where != NULL ) *where = NULL;
    lock();
    bool exists = context != NULL && context_exists( context );
    unlock();
    if( !exists ) return DMHEAP_CHECK_NOT_INITIALIZED;
    run( &check, 0, geometry_step );
    run( &check, 0, check_blocks_step );
    run( &check, 0, check_index_step );
    run( &check, OWNER_FIRST_MODULE, check_modules_step );
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
