/*
 * Making heaps, naming them, ordering the default ones, and taking them down. A part of dmheap.c, behind modules.c. May not
 * touch what users hold.
 */

static void report_buffer( status_t status, const void* buffer, size_t size, size_t alignment )
{
    report( &( report_t ){ .status = status, .address = buffer, .size = size, .alignment = alignment } );
}

/* The text of a heap's name; it lies in a block of the heap. Locked. */
static const char* context_name( const dmheap_context_t* context )
{
    return image_is_sealed( context ) && block_in_heap( context, context->name )
               ? block_payload( context, block_at( context->name ) )
               : "";
}

/* Whether a heap that was just planned has room for a name as well. */
static bool name_fits( const context_plan_t* plan, const name_t* name )
{
    uint32_t size = block_size_for( &plan->image, name->length + 1 );
    return size != 0 && size <= image_span( &plan->image );
}

/* Whether a heap that was planned lies in a live block of this one. Not locked. */
static bool lies_in_block( const context_plan_t* plan, const dmheap_context_t* context )
{
    uint32_t at    = (uint32_t)( ( (uintptr_t)plan->context - (uintptr_t)context ) >> WORD_SHIFT );
    bool     found = false, more = true;
    lock();
    uint32_t bit = context_stands( context ) && at >= context->first ? map_bit( context, block_at( at ) ) : UINT32_MAX;
    unlock();
    while( more && !found && bit != UINT32_MAX )
    {
        lock();
        more = context_stands( context );
        if( more )
        {
            uint32_t up_to_bit = ~( 0x7fffffffu >> ( bit & ( BITS_OF_WORD - 1 ) ) );
            uint32_t bits      = *map_word( context, bit ) & up_to_bit;
            bit                = bit & ~(uint32_t)( BITS_OF_WORD - 1 );
            if( bits != 0 )
            {
                bit += BITS_OF_WORD - 1u - (uint32_t)__builtin_ctz( bits );
                block_t block = block_at( context->first + ( bit << context->granule_shift ) );
                found         = at - block.at + image_end( &plan->image ) < block_size( context, block );
                more          = false;
            }
            else
                bit--;
        }
        unlock();
    }
    return found;
}

/* A place for a heap that was planned, those that lie where it will lie being forgotten, and the default ones that end there,
 * if they do not hold its memory in a block; DMHEAP_MAX_CONTEXTS: there is none, and nothing was changed. Locked, and not
 * meanwhile. */
static unsigned claim_place( const context_plan_t* plan )
{
    unsigned          place;
    uint32_t          visited = 0;
    dmheap_context_t* around;
    while( ( around = context_around( plan->context, &visited ) ) != NULL )
    {
        unlock();
        bool holds = lies_in_block( plan, around );
        lock();
        if( !holds && context_exists( around ) ) context_forget( context_place( around ) );
    }
    while( ( place = context_inside( NULL, plan->context, image_end( &plan->image ) ) ) < DMHEAP_MAX_CONTEXTS )
        context_forget( place );
    return context_place( NULL );
}

/* Makes a heap, which takes the place of the one that dmheap_init() made where it `is_default`. It is out of sight while
 * the buffer is written: that may be the one of a heap in use, and what a former heap was may be memory of somebody else
 * by now, which is not read. Not locked. */
static RARE status_t install_heap( const context_plan_t* plan, const name_t* name, bool is_default )
{
    block_t  block;
    unsigned position = 0;
    give_up_lost_heaps( NULL );
    lock();
    if( is_default && registry.initial != 0 )
    {
        unsigned former = registry.initial - 1u;
        position        = context_position( former );
        if( position == registry.defaults ) position = 0;
        context_forget( former );
    }
    unsigned place = claim_place( plan );
    unlock();
    if( place == DMHEAP_MAX_CONTEXTS ) return STATUS_TOO_MANY_HEAPS;

    context_make( plan );
    guard_locked(); /* nobody else sees the heap yet, but the guard's tools do */
    if( name != NULL && system_take( plan->context, name->length + 1, &block ) == STATUS_OK )
    {
        __builtin_memcpy( block_payload( plan->context, block ), name->text, name->length + 1 );
        plan->context->name = block.at;
    }
    guard_unlocking();

    lock();
    place = context_place( NULL ); /* others may have taken the one that there was */
    if( place < DMHEAP_MAX_CONTEXTS )
    {
        registry.heap[place] = plan->context;
        diagnose_begins( place );
        if( is_default )
        {
            registry.initial = (uint8_t)( place + 1 );
            context_set_default( place, position );
        }
        trace_heap_made( plan->context );
    }
    unlock();
    return place < DMHEAP_MAX_CONTEXTS ? STATUS_OK : STATUS_TOO_MANY_HEAPS;
}

DMHEAP_API_BODY( dmheap_context_t*, _ctx_init, ( void* buffer, size_t size, size_t alignment, const char* name ) )
{
    context_plan_t plan;
    name_t         text;
    status_t       status = context_plan( buffer, size, alignment, &plan );
    if( name != NULL && !name_make( name, &text ) )
    {
        report( &( report_t ){ .status = STATUS_BAD_NAME, .module = name } );
        return NULL;
    }
    if( status == STATUS_OK && name != NULL && !name_fits( &plan, &text ) ) status = STATUS_BUFFER_TOO_SMALL;
    if( status == STATUS_OK ) status = install_heap( &plan, name != NULL ? &text : NULL, false );
    report_buffer( status == STATUS_OK ? STATUS_INITIALIZED : status, buffer, size, alignment );
    return status == STATUS_OK ? plan.context : NULL;
}

DMHEAP_API_BODY( bool, _ctx_deinit, ( dmheap_context_t * context ) )
{
    size_t used = 0;
    lock();
    bool found = context_exists( context );
    if( found )
    {
        while( image_is_sealed( context ) )
        {
            unsigned nested = context_inside( context, context, image_end( context ) );
            if( nested == DMHEAP_MAX_CONTEXTS ) break;
            context_forget( nested );
        }
        used           = image_span( context ) - context->free_words - context->system.live;
        context->magic = 0;
        context_forget( context_place( context ) );
    }
    unlock();
    if( !found )
        report( &( report_t ){ .status = STATUS_NO_HEAP, .address = context } );
    else if( used != 0 )
        report_buffer( STATUS_BLOCKS_LEFT, context, used * WORD_SIZE, 0 );
    return found;
}

DMHEAP_API_BODY( dmheap_context_t*, _ctx_find, ( const char* name ) )
{
    dmheap_context_t* context;
    uint32_t          visited = 0;
    if( name == NULL || name[0] == '\0' ) return NULL;
    give_up_lost_heaps( NULL );
    lock();
    do
        context = context_next( LOOKS_IN_DEFAULTS, &visited );
    while( context != NULL && !names_equal( context_name( context ), name ) );
    unlock();
    return context;
}

DMHEAP_API_BODY( dmheap_context_t*, _ctx_of, ( const void* ptr ) )
{
    dmheap_context_t* context;
    block_t           block;
    give_up_lost_heaps( NULL );
    lock();
    status_t status = block_locate( NULL, ptr, &context, &block );
    unlock();
    return status == STATUS_OK ? context : NULL;
}

DMHEAP_API_BODY( bool, _ctx_set_default, ( dmheap_context_t * context, size_t position ) )
{
    lock();
    bool found = context_exists( context );
    if( found )
    {
        unsigned place = context_place( context );
        (void)context_unset_default( place );
        context_set_default( place, position );
    }
    unlock();
    if( !found ) report( &( report_t ){ .status = STATUS_NO_HEAP, .address = context } );
    return found;
}

DMHEAP_API_BODY( bool, _ctx_unset_default, ( dmheap_context_t * context ) )
{
    lock();
    bool was_default = context_exists( context ) && context_unset_default( context_place( context ) );
    unlock();
    return was_default;
}

DMHEAP_API_BODY( const char*, _version, (void))
{
    return DMHEAP_VERSION;
}
