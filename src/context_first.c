/*
 * The functions that upstream's context-first generation has, as it has them: a heap comes first, and NULL is the list of
 * default heaps. Stands where seed.c does, in a build with include/context_first in front. A part of dmheap.c, behind
 * diagnose.c. May not decide where a block goes.
 *
 * The registry's order has the heap in front that is searched first. Here that is the one added last, and an index counts
 * from the one added first: from the other end.
 */

/* ---- Heaps ---- */

DMHEAP_API_BODY( dmheap_context_t*, _init, ( void* buffer, size_t size, size_t alignment ) )
{
    context_plan_t plan;
    status_t       status = context_plan( buffer, size, alignment, &plan );
    if( status == STATUS_OK ) status = install_heap( &plan, NULL, false );
    if( status == STATUS_OK )
    {
        lock();
        if( context_exists( plan.context ) ) context_set_default( context_place( plan.context ), 0 );
        unlock();
    }
    report_buffer( status == STATUS_OK ? STATUS_INITIALIZED : status, buffer, size, alignment );
    return status == STATUS_OK ? plan.context : NULL;
}

DMHEAP_API_BODY( bool, _is_initialized, ( dmheap_context_t * ctx ) )
{
    give_up_lost_heaps( ctx );
    lock();
    bool found = ctx == NULL ? registry.first != NULL : context_exists( ctx ) && context_is_intact( ctx );
    unlock();
    return found;
}

/* Puts a name in the place of the one that a heap has; NULL: none. Locked. */
static status_t rename_context( dmheap_context_t* context, const name_t* name )
{
    block_t block  = block_at( 0 );
    block_t former = block_at( context->name );
    bool    has    = block_in_heap( context, former.at ) && block_is_live( context, former ) &&
               block_owner( context, former ) == OWNER_SYSTEM;
    status_t status = STATUS_OK;
    if( name != NULL ) status = system_take( context, name->length + 1, &block );
    if( status != STATUS_OK ) return status;
    if( name != NULL ) __builtin_memcpy( block_payload( context, block ), name->text, name->length + 1 );
    if( has ) (void)system_release( context, former );
    context->name = block.at;
    return STATUS_OK;
}

DMHEAP_API_BODY( bool, _set_context_name, ( dmheap_context_t * ctx, const char* name ) )
{
    name_t   text;
    bool     named  = name != NULL && name[0] != '\0';
    status_t status = STATUS_NO_HEAP;
    if( named && !name_make( name, &text ) )
    {
        report( &( report_t ){ .status = STATUS_BAD_NAME, .module = name } );
        return false;
    }
    lock();
    if( context_stands( ctx ) ) status = rename_context( ctx, named ? &text : NULL );
    unlock();
    if( status != STATUS_OK )
        report( &( report_t ){
            .status = status, .size = named ? text.length + 1 : 0, .address = not_located( status, ctx, NULL ) } );
    return status == STATUS_OK;
}

/* The default heap that was added as this one of all, from 0 on; NULL beyond. Locked. */
static dmheap_context_t* default_at( size_t index )
{
    return index < registry.defaults ? registry.heap[registry.order[registry.defaults - 1 - index]] : NULL;
}

DMHEAP_API_BODY( const char*, _get_context_name, ( dmheap_context_t * ctx ) )
{
    give_up_lost_heaps( ctx );
    lock();
    const dmheap_context_t* context = ctx != NULL ? ctx : default_at( 0 );
    const char*             name    = context_stands( context ) ? context_name( context ) : "";
    unlock();
    return name;
}

DMHEAP_API_BODY( void, _set_default_context, ( dmheap_context_t * ctx ) )
{
    lock();
    bool found = ctx == NULL || context_exists( ctx );
    while( found && registry.defaults != 0 )
        (void)context_unset_default( registry.order[0] );
    if( found && ctx != NULL ) context_set_default( context_place( ctx ), 0 );
    unlock();
    if( !found ) report( &( report_t ){ .status = STATUS_NO_HEAP, .address = ctx } );
}

DMHEAP_API_BODY( bool, _add_default_context, ( dmheap_context_t * ctx ) )
{
    lock();
    bool found = context_exists( ctx ) && context_is_intact( ctx );
    if( found && context_position( context_place( ctx ) ) == registry.defaults )
        context_set_default( context_place( ctx ), 0 );
    unlock();
    if( !found ) report( &( report_t ){ .status = STATUS_NO_HEAP, .address = ctx } );
    return found;
}

DMHEAP_API_BODY( bool, _remove_default_context, ( dmheap_context_t * ctx ) )
{
    lock();
    bool was_default = context_exists( ctx ) && context_unset_default( context_place( ctx ) );
    unlock();
    return was_default;
}

DMHEAP_API_BODY( dmheap_context_t*, _get_default_context_at, ( size_t index ) )
{
    lock();
    dmheap_context_t* context = default_at( index );
    unlock();
    return context;
}

DMHEAP_API_BODY( dmheap_context_t*, _get_default_context, (void))
{
    lock();
    dmheap_context_t* context = default_at( 0 );
    unlock();
    return context;
}

DMHEAP_API_BODY( size_t, _get_default_context_count, (void))
{
    lock();
    size_t count = registry.defaults;
    unlock();
    return count;
}

DMHEAP_API_BODY( dmheap_context_t*, _get_context_by_name, ( const char* name ) )
{
    dmheap_context_t* context;
    size_t            index = 0;
    if( name == NULL || name[0] == '\0' ) return NULL;
    give_up_lost_heaps( NULL );
    lock();
    do
        context = default_at( index++ );
    while( context != NULL && !names_equal( context_name( context ), name ) );
    unlock();
    return context;
}

/* ---- Modules ---- */

DMHEAP_API_BODY( bool, _register_module, ( dmheap_context_t * ctx, const char* module_name ) )
{
    uint32_t          visited = 0;
    bool              all     = true;
    dmheap_context_t* context = ctx != NULL ? ctx : next_default( &visited );
    do
        all &= register_module( context, module_name ); /* of no heap, says that there is none */
    while( ctx == NULL && context != NULL && ( context = next_default( &visited ) ) != NULL );
    return all;
}

DMHEAP_API_BODY( void, _unregister_module, ( dmheap_context_t * ctx, const char* module_name ) )
{
    unregister_module( ctx, module_name, STATUS_UNKNOWN_MODULE );
}

/* ---- Memory ---- */

DMHEAP_API_BODY( void*, _malloc, ( dmheap_context_t * ctx, size_t size, const char* module_name ) )
{
    return ctx == NULL ? allocate( size, module_name, GUARD_CALLER() )
                       : allocate_in( ctx, size, module_name, GUARD_CALLER() );
}

DMHEAP_API_BODY( void*, _aligned_alloc,
                 ( dmheap_context_t * ctx, size_t alignment, size_t size, const char* module_name ) )
{
    return allocate_aligned( ctx, alignment, size, module_name, GUARD_CALLER() );
}

/* Of size 0, it keeps the block. */
static void* reallocate_kept( dmheap_context_t* only, void* pointer, size_t size, const char* module,
                              const void* caller )
{
    move_t move = { .request = { .size = size, .caller = caller }, .pointer = pointer };
    return pointer == NULL ? allocate_by_name( only, size, 0, module, caller ) : reallocate( only, &move );
}

/* In the default heaps. */
static void* reallocate_default( void* pointer, size_t size, const char* module, const void* caller )
{
    return reallocate_kept( NULL, pointer, size, module, caller );
}

DMHEAP_API_BODY( void*, _realloc, ( dmheap_context_t * ctx, void* ptr, size_t size, const char* module_name ) )
{
    return reallocate_kept( ctx, ptr, size, module_name, GUARD_CALLER() );
}

DMHEAP_API_BODY( void, _free, ( dmheap_context_t * ctx, void* ptr, bool concatenate ) )
{
    (void)concatenate; /* merging is O(1) and never deferred */
    if( ctx == NULL )
        release( ptr, GUARD_CALLER() );
    else
        release_from( ctx, ptr, NULL, NULL, GUARD_CALLER() );
}

DMHEAP_API_BODY( void, _concatenate_free_blocks, ( dmheap_context_t * ctx ) )
{
    (void)ctx; /* no two free blocks are ever neighbours: release_merge() */
}

DMHEAP_API_BODY( bool, _retag, ( dmheap_context_t * ctx, void* ptr, const char* new_module_name ) )
{
    if( owner_text( new_module_name ) != NULL ) return retag( ctx, ptr, new_module_name );
    report_module( STATUS_BAD_NAME, TO_RETAG, NULL, NULL );
    return false;
}

/* ---- Figures ---- */

/* Shows the blocks of one heap or, where that is NULL, of the default ones. */
static bool tell_blocks( dmheap_context_t* only, dmheap_block_info_visitor_t visit, void* user )
{
    uint32_t          visited = 0;
    dmheap_context_t* context = only != NULL ? only : next_default( &visited );
    if( !context_found( context ) ) return false;
    do
        (void)visit_blocks( context, visit, user );
    while( only == NULL && ( context = next_default( &visited ) ) != NULL );
    return true;
}

/* A block's figures, and its heap's with the first of them. */
typedef struct
{
    dmheap_stats_t          sum;
    const dmheap_context_t* heap; /* that was shown last */
} figures_t;

static bool add_figures( const dmheap_block_info_t* block, void* user )
{
    figures_t*      figures = user;
    dmheap_stats_t* sum     = &figures->sum;
    if( block->context != figures->heap )
    {
        figures->heap = block->context;
        lock();
        if( context_stands( block->context ) ) sum->heap_size += bytes( image_end( block->context ) );
        unlock();
    }
    if( block->use == DMHEAP_BLOCK_LIVE )
    {
        sum->used_bytes += block->size;
        sum->used_block_count++;
    }
    if( block->use != DMHEAP_BLOCK_FREE ) return true;
    sum->free_bytes += block->size;
    if( block->size > sum->largest_free_block ) sum->largest_free_block = block->size;
    if( sum->free_block_count == 0 || block->size < sum->smallest_free_block ) sum->smallest_free_block = block->size;
    sum->free_block_count++;
    return true;
}

DMHEAP_API_BODY( bool, _get_stats, ( dmheap_context_t * ctx, dmheap_stats_t* out ) )
{
    figures_t figures = { .heap = NULL };
    if( !place_given( out ) || !tell_blocks( ctx, add_figures, &figures ) ) return false;
    if( figures.heap != NULL )
        *out = figures.sum;
    else /* it is overwritten, or was taken down meanwhile */
        report( &( report_t ){ .status = STATUS_NO_HEAP, .address = ctx } );
    return figures.heap != NULL;
}

/* A visitor of upstream's kind, and which blocks it is shown. */
typedef struct
{
    dmheap_block_visitor_t visitor;
    void*                  user;
    dmheap_block_use_t     use;
} shown_t;

static bool tell_block( const dmheap_block_info_t* block, void* user )
{
    const shown_t* shown = user;
    if( block->use == shown->use )
        shown->visitor( block->address, block->size, block->owner[0] != '\0' ? block->owner : NULL, shown->user );
    return true;
}

DMHEAP_API_BODY( void, _for_each_free_block,
                 ( dmheap_context_t * ctx, dmheap_block_visitor_t visitor, void* user_data ) )
{
    shown_t shown = { visitor, user_data, DMHEAP_BLOCK_FREE };
    if( place_given( (const void*)(uintptr_t)visitor ) ) (void)tell_blocks( ctx, tell_block, &shown );
}

DMHEAP_API_BODY( void, _for_each_used_block,
                 ( dmheap_context_t * ctx, dmheap_block_visitor_t visitor, void* user_data ) )
{
    shown_t shown = { visitor, user_data, DMHEAP_BLOCK_LIVE };
    if( place_given( (const void*)(uintptr_t)visitor ) ) (void)tell_blocks( ctx, tell_block, &shown );
}
