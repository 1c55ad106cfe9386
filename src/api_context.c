/*
 * Making heaps, naming them, ordering the default ones, and taking them down. May not look into a heap.
 */
#include "api.h"

static void report_buffer( status_t status, const void* buffer, size_t size, size_t alignment )
{
    report( &( report_t ){ .status = status, .address = buffer, .size = size, .alignment = alignment } );
}

DMOD_INPUT_API_DECLARATION( dmheap, 1.0, bool, _init, ( void* buffer, size_t size, size_t alignment ) )
{
    context_plan_t plan;
    size_t         position = 0;
    status_t       status   = context_plan( buffer, size, alignment, &plan );
    if( status == STATUS_OK )
    {
        /* Out of sight while the buffer is written: it may be the one of a heap in use, and what a former heap was
         * may be memory of somebody else by now, which is not read. */
        lock();
        while( position < context_registry.defaults && context_registry.all[position] != context_registry.initial )
            position++;
        if( position == context_registry.defaults ) position = 0;
        guard_heap_ends( context_registry.initial );
        (void)context_forget( context_registry.initial );
        (void)context_forget( plan.context );
        unlock();
        context_make( &plan );
        lock();
        status = context_add( plan.context, true, position );
        if( status == STATUS_OK ) context_registry.initial = plan.context;
        unlock();
    }
    report_buffer( status == STATUS_OK ? STATUS_INITIALIZED : status, buffer, size, alignment );
    return status == STATUS_OK;
}

DMOD_INPUT_API_DECLARATION( dmheap, 1.0, bool, _is_initialized, (void))
{
    return default_number( 0 ) != NULL;
}

/* The text of a heap's name; it lies in a block of the heap. Locked. */
static const char* context_name( const dmheap_context_t* context )
{
    return context->name != 0 ? block_payload( context, block_at( context->name ) ) : "";
}

static status_t set_name( dmheap_context_t* context, const module_name_t* name )
{
    block_t block;
    size_t  bytes = name->size * (size_t)WORD_SIZE;
    if( system_take( context, bytes, &block ) != STATUS_OK ) return STATUS_BUFFER_TOO_SMALL;
    __builtin_memcpy( block_payload( context, block ), name->words, bytes );
    context->name = block.at;
    return STATUS_OK;
}

DMOD_INPUT_API_DECLARATION( dmheap, 1.0, dmheap_context_t*, _ctx_init,
                            ( void* buffer, size_t size, size_t alignment, const char* name ) )
{
    context_plan_t plan;
    module_name_t  text   = { .size = 0 };
    status_t       status = context_plan( buffer, size, alignment, &plan );
    if( name != NULL && !module_name_make( name, &text ) )
    {
        report( &( report_t ){ .status = STATUS_BAD_NAME, .module = name } );
        return NULL;
    }
    if( status == STATUS_OK )
    {
        lock();
        bool replaces = context_forget( plan.context );
        if( !replaces && context_registry.all[DMHEAP_MAX_CONTEXTS - 1] != NULL ) status = STATUS_TOO_MANY_HEAPS;
        unlock();
    }
    if( status == STATUS_OK )
    {
        context_make( &plan );
        lock();
        status = text.size != 0 ? set_name( plan.context, &text ) : STATUS_OK;
        if( status == STATUS_OK ) status = context_add( plan.context, false, 0 );
        if( status != STATUS_OK ) guard_heap_ends( plan.context );
        unlock();
    }
    report_buffer( status == STATUS_OK ? STATUS_INITIALIZED : status, buffer, size, alignment );
    return status == STATUS_OK ? plan.context : NULL;
}

DMOD_INPUT_API_DECLARATION( dmheap, 1.0, bool, _ctx_deinit, ( dmheap_context_t * context ) )
{
    size_t used = 0;
    lock();
    bool found = context_forget( context );
    if( found )
    {
        used           = context->end - context->first - context->free_words - context->system.live;
        context->magic = 0;
        guard_heap_ends( context );
    }
    unlock();
    if( !found )
        report( &( report_t ){ .status = STATUS_NO_HEAP, .address = context } );
    else if( used != 0 )
        report_buffer( STATUS_BLOCKS_LEFT, context, used * WORD_SIZE, 0 );
    return found;
}

DMOD_INPUT_API_DECLARATION( dmheap, 1.0, dmheap_context_t*, _ctx_find, ( const char* name ) )
{
    dmheap_context_t* found = NULL;
    if( name == NULL || name[0] == '\0' ) return NULL;
    lock();
    for( size_t i = 0; i < DMHEAP_MAX_CONTEXTS && context_registry.all[i] != NULL && found == NULL; i++ )
        if( names_equal( context_name( context_registry.all[i] ), name ) ) found = context_registry.all[i];
    unlock();
    return found;
}

DMOD_INPUT_API_DECLARATION( dmheap, 1.0, dmheap_context_t*, _ctx_of, ( const void* ptr ) )
{
    dmheap_context_t* context;
    block_t           block;
    lock();
    status_t status = block_locate( NULL, ptr, &context, &block );
    unlock();
    return status == STATUS_OK ? context : NULL;
}

static bool place_context( dmheap_context_t* context, bool is_default, size_t position )
{
    lock();
    bool initial = context != NULL && context == context_registry.initial;
    bool found   = context_forget( context );
    if( found ) (void)context_add( context, is_default, position );
    if( initial ) context_registry.initial = context;
    unlock();
    if( !found ) report( &( report_t ){ .status = STATUS_NO_HEAP, .address = context } );
    return found;
}

DMOD_INPUT_API_DECLARATION( dmheap, 1.0, bool, _ctx_set_default, ( dmheap_context_t * context, size_t position ) )
{
    return place_context( context, true, position );
}

DMOD_INPUT_API_DECLARATION( dmheap, 1.0, bool, _ctx_unset_default, ( dmheap_context_t * context ) )
{
    bool was_default = false;
    lock();
    for( size_t i = 0; i < context_registry.defaults; i++ )
        was_default |= context_registry.all[i] == context;
    unlock();
    return was_default && place_context( context, false, 0 );
}
