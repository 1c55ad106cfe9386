/*
 * Why memory was refused, see diagnose.h, and what is shown of heaps on the device. A part of dmheap.c. The whole file,
 * with those that it includes, is what a build without DMHEAP_DIAGNOSTICS leaves out.
 */
#ifdef DMHEAP_DIAGNOSTICS

#include "show.c"

#include "marks.c"

static struct
{
    dmheap_refusals_t     heap[DMHEAP_MAX_CONTEXTS]; /* by their places in the registry */
    dmheap_refusal_hook_t hook;
    void*                 user;
    bool                  inside; /* of the hook: what is refused there does not call it again */
} diagnosis;

static void diagnose_begins( unsigned place )
{
    diagnosis.heap[place] = ( dmheap_refusals_t ){ .largest_size = 0 };
}

/* Whether a request that came to `status` was refused for want of memory or by a limit. */
static bool refused_memory( status_t status )
{
    return is_exhausted( status ) || status == STATUS_OVER_LIMIT;
}

/* Why a heap refused so many bytes. Where there is a block for them, what lacks is one for a new module's record. Locked. */
static dmheap_reason_t reason_of( const dmheap_context_t* context, size_t size, size_t alignment, status_t status )
{
    if( status == STATUS_OVER_LIMIT ) return DMHEAP_REASON_LIMIT;
    if( status == STATUS_TABLE_FULL ) return DMHEAP_REASON_TABLE_FULL;
    alignment       = alignment_in( context, alignment );
    uint32_t wanted = block_size_to_take( context, size, alignment );
    bool     lacks  = wanted == 0 || wanted > context->free_words;
    bool     is_had = alignment == 0 && wanted <= index_largest( context );
    return lacks || is_had ? DMHEAP_REASON_NO_MEMORY : DMHEAP_REASON_FRAGMENTED;
}

static void diagnose_asked( const dmheap_context_t* context, const dmheap_context_t* first, size_t size,
                            size_t alignment, status_t status )
{
    dmheap_refusals_t* refusals = &diagnosis.heap[context_place( context )];
    if( refused_memory( status ) )
    {
        refusals->count[reason_of( context, size, alignment, status )]++;
        if( size > refusals->largest_size ) refusals->largest_size = size;
    }
    else if( block_is_had( status ) && context != first )
        refusals->served_for_others++;
}

static bool diagnose_retries( const dmheap_context_t* first, status_t at_first, const report_t* why, bool* retried )
{
    dmheap_refusal_t      refusal = { .size = why->size, .alignment = why->alignment, .module = why->module };
    dmheap_refusal_hook_t hook    = NULL;
    void*                 user    = NULL;
    if( *retried || !refused_memory( why->status ) ) return false;
    lock();
    if( !diagnosis.inside && context_stands( first ) )
    {
        hook             = diagnosis.hook;
        user             = diagnosis.user;
        diagnosis.inside = hook != NULL;
        refusal.reason   = reason_of( first, why->size, why->alignment, at_first );
    }
    unlock();
    if( hook == NULL ) return false;
    *retried = hook( &refusal, user );
    lock();
    diagnosis.inside = false;
    unlock();
    return *retried;
}

DMHEAP_API_BODY( void, _set_refusal_hook, ( dmheap_refusal_hook_t hook, void* user ) )
{
    lock();
    diagnosis.hook = hook;
    diagnosis.user = user;
    unlock();
}

DMHEAP_API_BODY( bool, _ctx_get_refusals, ( dmheap_context_t * context, dmheap_refusals_t* refusals ) )
{
    if( !place_given( refusals ) || !context_given( context ) ) return false;
    lock();
    unsigned place = context_place( context );
    if( place < DMHEAP_MAX_CONTEXTS ) *refusals = diagnosis.heap[place];
    unlock();
    if( place == DMHEAP_MAX_CONTEXTS ) report( &( report_t ){ .status = STATUS_NO_HEAP, .address = context } );
    return place < DMHEAP_MAX_CONTEXTS;
}

/* ---- Starting anew ---- */

static void restart_peak( holding_t* holding )
{
    if( holding == NULL || holding_is_leaving( holding ) ) return; /* what is a peak otherwise is another number then */
    holding->peak = holding->live;
}

DMHEAP_API_BODY( bool, _ctx_restart_figures, ( dmheap_context_t * context ) )
{
    if( !context_given( context ) ) return false;
    lock();
    bool stands = context_stands( context );
    if( stands )
    {
        diagnose_begins( context_place( context ) );
        context->failures    = 0;
        context->free_lowest = context->free_words;
        for( owner_t owner = OWNER_NOBODY; owner < owner_end( context ); owner++ )
            restart_peak( user_holding( context, owner ) );
    }
    unlock();
    if( !stands ) report( &( report_t ){ .status = STATUS_NO_HEAP, .address = context } );
    return stands;
}

/* In all heaps, one hold each. */
DMHEAP_API_BODY( bool, _restart_module_peak, ( const char* module_name ) )
{
    name_t            name;
    uint32_t          visited = 0;
    dmheap_context_t* context;
    status_t          status = name_make( module_name, &name ) ? STATUS_UNKNOWN_MODULE : STATUS_BAD_NAME;
    give_up_lost_heaps( NULL );
    do
    {
        lock();
        context       = status != STATUS_BAD_NAME ? context_next( LOOKS_IN_DEFAULTS, &visited ) : NULL;
        bool    asks  = context != NULL && image_is_sealed( context );
        owner_t owner = asks ? owner_find( context, &name ) : OWNER_FREE;
        if( owner != OWNER_FREE )
        {
            restart_peak( user_holding( context, owner ) );
            status = STATUS_OK;
        }
        unlock();
    } while( context != NULL );
    report_module( status, TO_LOOK, module_name, NULL );
    return status == STATUS_OK;
}

/* ---- Reports ---- */

/* What of a heap is shown. */
typedef enum
{
    REPORT_ALL,
    REPORT_JSON,
    REPORT_BLOCKS
} report_kind_t;

/* False where there is no heap, or nothing to print with. */
static bool report_heap( dmheap_context_t* context, report_kind_t kind, const char* module, dmheap_print_t print,
                         void* user )
{
    show_t show = {
        .print = print, .user = user, .context = context, .address = (uintptr_t)context, .json = kind == REPORT_JSON };
    if( !place_given( (const void*)(uintptr_t)print ) || !context_found( context ) ) return false;
    if( kind == REPORT_BLOCKS )
        show_blocks( &show, module );
    else
        show_report( &show );
    return true;
}

DMHEAP_API_BODY( bool, _ctx_report, ( dmheap_context_t * context, dmheap_print_t print, void* user ) )
{
    return report_heap( context, REPORT_ALL, NULL, print, user );
}

DMHEAP_API_BODY( bool, _ctx_report_json, ( dmheap_context_t * context, dmheap_print_t print, void* user ) )
{
    return report_heap( context, REPORT_JSON, NULL, print, user );
}

DMHEAP_API_BODY( bool, _ctx_report_blocks,
                 ( dmheap_context_t * context, const char* module_name, dmheap_print_t print, void* user ) )
{
    return report_heap( context, REPORT_BLOCKS, module_name, print, user );
}

/* Every heap, each as it is when its turn comes. */
DMHEAP_API_BODY( bool, _report, ( dmheap_print_t print, void* user ) )
{
    uint32_t          visited = 0;
    bool              shown   = false;
    dmheap_context_t* context;
    give_up_lost_heaps( NULL );
    while( ( context = next_looked_in( NULL, &visited ) ) != NULL )
        shown |= report_heap( context, REPORT_ALL, NULL, print, user );
    if( visited == 0 ) report( &( report_t ){ .status = STATUS_NO_HEAP } );
    return shown;
}

#endif
