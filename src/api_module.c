/*
 * Modules as owners: registering, unregistering, renaming, limits, handles, and whose a block is. Holds the lock for
 * one bounded step at a time. May not allocate for a user.
 */
#include "api.h"

static void report_module( status_t status, const char* name )
{
    report( &( report_t ){ .status = status, .module = name } );
}

/* Enters the critical section and picks a heap: `context` or, where that is NULL, the first default heap. Locked on
 * return. NULL where there is none. */
static dmheap_context_t* lock_context( dmheap_context_t* context )
{
    lock();
    if( context == NULL ) context = context_registry.defaults != 0 ? context_registry.all[0] : NULL;
    return context_exists( context ) ? context : NULL;
}

/* ---- Registering ---- */

/* Resolves a name and registers it if need be. STATUS_OK: it was known. Not locked. */
static status_t enroll( dmheap_context_t* only, const char* name, dmheap_context_t** context, owner_t* owner )
{
    status_t status = STATUS_NO_HEAP;
    *context        = lock_context( only );
    if( *context != NULL ) status = owner_lookup( *context, name, true, owner );
    unlock();
    return status;
}

static bool register_module( dmheap_context_t* only, const char* name )
{
    dmheap_context_t* context;
    owner_t           owner;
    status_t          status = enroll( only, name, &context, &owner );
    report_module( status == STATUS_OK ? STATUS_KNOWN_MODULE : status, name );
    return is_resolved( status );
}

DMOD_INPUT_API_DECLARATION( dmheap, 1.0, bool, _register_module, ( const char* module_name ) )
{
    return register_module( NULL, module_name );
}

DMOD_INPUT_API_DECLARATION( dmheap, 1.0, bool, _ctx_register_module,
                            ( dmheap_context_t * context, const char* module_name ) )
{
    return context_given( context ) && register_module( context, module_name );
}

static dmheap_module_t open_module( dmheap_context_t* only, const char* name )
{
    dmheap_module_t   handle = { NULL, 0 };
    dmheap_context_t* context;
    owner_t           owner;
    status_t          status = enroll( only, name, &context, &owner );
    if( status != STATUS_OK ) report_module( status, name );
    if( !is_resolved( status ) ) return handle;
    lock();
    const holding_t* holding = context_exists( context ) ? holding_of( context, owner ) : NULL;
    if( holding != NULL ) handle = ( dmheap_module_t ){ context, owner_key( owner, holding->serial ) };
    unlock();
    return handle;
}

DMOD_INPUT_API_DECLARATION( dmheap, 1.0, dmheap_module_t, _module_open, ( const char* module_name ) )
{
    return open_module( NULL, module_name );
}

DMOD_INPUT_API_DECLARATION( dmheap, 1.0, dmheap_module_t, _ctx_module_open,
                            ( dmheap_context_t * context, const char* module_name ) )
{
    return context_given( context ) ? open_module( context, module_name ) : ( dmheap_module_t ){ NULL, 0 };
}

/* ---- Limits ---- */

static status_t limit_module( dmheap_context_t* context, const char* name, size_t bytes )
{
    owner_t  owner;
    status_t status = STATUS_NO_HEAP;
    lock();
    if( context_exists( context ) ) status = owner_lookup( context, name, true, &owner );
    if( is_resolved( status ) )
    {
        holding_t* holding = holding_of( context, owner );
        if( holding->leaving )
            status = STATUS_LEAVING;
        else
            holding->limit = bytes >> WORD_SHIFT < LIMIT_NONE ? (uint32_t)( bytes >> WORD_SHIFT ) : LIMIT_NONE;
    }
    unlock();
    report_module( status, name );
    return status;
}

DMOD_INPUT_API_DECLARATION( dmheap, 1.0, bool, _ctx_set_module_limit,
                            ( dmheap_context_t * context, const char* module_name, size_t limit_bytes ) )
{
    return is_resolved( limit_module( context, module_name, limit_bytes ) );
}

DMOD_INPUT_API_DECLARATION( dmheap, 1.0, bool, _set_module_limit, ( const char* module_name, size_t limit_bytes ) )
{
    size_t            number = 0;
    dmheap_context_t* context;
    for( ; ( context = default_number( number ) ) != NULL; number++ )
        if( !is_resolved( limit_module( context, module_name, limit_bytes ) ) ) return false;
    if( number == 0 ) report_module( STATUS_NO_HEAP, module_name );
    return number != 0;
}

/* ---- Owners of blocks ---- */

static bool retag( dmheap_context_t* only, void* pointer, const char* name )
{
    dmheap_context_t* context;
    block_t           block;
    owner_t           owner = OWNER_NOBODY;
    status_t          known = STATUS_OK;
    lock();
    status_t status = block_locate( only, pointer, &context, &block );
    if( status == STATUS_OK )
    {
        known = owner_resolve( context, name, &owner );
        if( !is_resolved( known ) ) status = known;
        /* registering left the critical section: the block may have gone meanwhile */
        else if( known == STATUS_REGISTERED )
            status = block_locate( context, pointer, &context, &block );
    }
    size_t size = status == STATUS_OK ? block_usable_size( context, block ) : 0;
    if( status == STATUS_OK ) status = owner_retag( context, block, owner );
    unlock();
    if( known == STATUS_REGISTERED ) report_module( known, name );
    if( status != STATUS_OK )
        report( &( report_t ){ .status = status, .address = pointer, .size = size, .module = name } );
    return status == STATUS_OK;
}

DMOD_INPUT_API_DECLARATION( dmheap, 1.0, bool, _retag, ( void* ptr, const char* module_name ) )
{
    return retag( NULL, ptr, module_name );
}

DMOD_INPUT_API_DECLARATION( dmheap, 1.0, bool, _ctx_retag,
                            ( dmheap_context_t * context, void* ptr, const char* module_name ) )
{
    return context_given( context ) && retag( context, ptr, module_name );
}

/* ---- Taking modules down ---- */

/* Carries out what module_leave() began: passes the blocks on or frees them, and forgets the module. Not locked. */
static void sweep_module( dmheap_context_t* context, module_sweep_t* sweep )
{
    IN_STEPS( context, module_sweep_step( context, sweep ) )
    if( sweep->damaged.at != 0 )
        report( &( report_t ){ .status = STATUS_CORRUPTED, .address = block_payload( context, sweep->damaged ) } );
    owner_reap( context, sweep->key & UINT16_MAX );
}

/* STATUS_UNREGISTERED or STATUS_UNKNOWN_MODULE. Not locked. */
static status_t unregister_module( dmheap_context_t* context, const module_name_t* name )
{
    module_sweep_t sweep;
    owner_t        owner = 0;
    lock();
    if( context_exists( context ) ) owner = module_find( context, name );
    holding_t* holding = owner != 0 ? holding_of( context, owner ) : NULL;
    if( holding != NULL ) module_leave( context, owner, holding, 0, &sweep );
    unlock();
    if( holding == NULL ) return STATUS_UNKNOWN_MODULE;
    sweep_module( context, &sweep );
    return STATUS_UNREGISTERED;
}

/* A name in the caller's own memory: the original may lie in a block that is about to be freed. */
typedef struct
{
    char          text[DMOD_MAX_MODULE_NAME_LENGTH];
    module_name_t name;
} name_copy_t;

static bool name_copy( const char* text, name_copy_t* copy )
{
    if( !module_name_make( text, &copy->name ) ) return false;
    for( uint32_t i = 0; i <= copy->name.length; i++ )
        copy->text[i] = text[i];
    copy->name.text = copy->text;
    return true;
}

DMOD_INPUT_API_DECLARATION( dmheap, 1.0, void, _unregister_module, ( const char* module_name ) )
{
    name_copy_t       copy;
    dmheap_context_t* context;
    status_t          status = STATUS_UNKNOWN_MODULE;
    if( !name_copy( module_name, &copy ) )
    {
        report_module( STATUS_BAD_NAME, module_name );
        return;
    }
    for( size_t i = 0; ( context = context_number( i ) ) != NULL; i++ )
        if( unregister_module( context, &copy.name ) == STATUS_UNREGISTERED ) status = STATUS_UNREGISTERED;
    report_module( status, copy.text );
}

DMOD_INPUT_API_DECLARATION( dmheap, 1.0, void, _ctx_unregister_module,
                            ( dmheap_context_t * context, const char* module_name ) )
{
    name_copy_t copy;
    if( !context_given( context ) ) return;
    if( name_copy( module_name, &copy ) )
        report_module( unregister_module( context, &copy.name ), copy.text );
    else
        report_module( STATUS_BAD_NAME, module_name );
}

/* ---- Renaming ---- */

/* Gives a module a name that is not taken; STATUS_KNOWN_MODULE where it was taken meanwhile. Not locked. */
static status_t rename_to_free( dmheap_context_t* context, owner_t owner, const module_name_t* old_name,
                                const module_name_t* new_name )
{
    module_parts_t parts  = { { 0 }, { 0 } };
    status_t       status = STATUS_OK;
    while( status == STATUS_OK )
    {
        lock();
        status = context_exists( context ) ? module_rename_step( context, owner, old_name, new_name, &parts )
                                           : STATUS_NO_HEAP;
        if( status != STATUS_OK && status != STATUS_NO_HEAP ) module_parts_release( context, &parts );
        unlock();
    }
    return status == STATUS_REGISTERED ? STATUS_OK : status;
}

/* Renames a module, or merges it into the one that has the new name. STATUS_KNOWN_MODULE as above. Not locked. */
static status_t rename_once( dmheap_context_t* context, const module_name_t* old_name, const module_name_t* new_name )
{
    module_sweep_t sweep;
    owner_t        owner  = 0;
    owner_t        heir   = OWNER_NOBODY;
    status_t       status = STATUS_UNKNOWN_MODULE;
    lock();
    if( context_exists( context ) ) owner = module_find( context, old_name );
    holding_t* holding = owner != 0 ? holding_of( context, owner ) : NULL;
    if( holding != NULL )
    {
        status = holding->leaving ? STATUS_LEAVING : STATUS_OK;
        if( new_name != NULL ) heir = module_find( context, new_name );
    }
    bool             merges = status == STATUS_OK && heir != 0 && heir != owner;
    const holding_t* taker  = merges ? holding_of( context, heir ) : NULL;
    if( merges && taker == NULL ) status = STATUS_CORRUPTED;
    if( taker != NULL ) module_leave( context, owner, holding, owner_key( heir, taker->serial ), &sweep );
    unlock();
    if( status != STATUS_OK || heir == owner ) return status;
    if( !merges ) return rename_to_free( context, owner, old_name, new_name );
    sweep_module( context, &sweep );
    return STATUS_OK;
}

/* STATUS_OK, STATUS_UNKNOWN_MODULE, STATUS_LEAVING or why there is no record for the new name. Not locked. */
static status_t rename_module( dmheap_context_t* context, const module_name_t* old_name, const module_name_t* new_name )
{
    status_t status;
    do
        status = rename_once( context, old_name, new_name );
    while( status == STATUS_KNOWN_MODULE );
    return status;
}

/* In one heap or, where that is NULL, in all of them. */
static bool rename_in( dmheap_context_t* only, const char* old_text, const char* new_text )
{
    name_copy_t       old_copy, new_copy;
    dmheap_context_t* context;
    status_t          result = STATUS_UNKNOWN_MODULE;
    const char*       bad    = NULL;
    bool              valid  = name_copy( old_text, &old_copy );
    if( !valid ) bad = old_text;
    if( valid && new_text != NULL && !name_copy( new_text, &new_copy ) )
    {
        bad   = new_text;
        valid = false;
    }
    if( !valid )
    {
        report_module( STATUS_BAD_NAME, bad );
        return false;
    }
    for( size_t i = 0; ( context = context_number( i ) ) != NULL; i++ )
    {
        if( only != NULL && only != context ) continue;
        status_t status = rename_module( context, &old_copy.name, new_text != NULL ? &new_copy.name : NULL );
        if( status != STATUS_UNKNOWN_MODULE ) result = status;
        if( result != STATUS_OK && result != STATUS_UNKNOWN_MODULE ) break;
    }
    if( result != STATUS_OK ) report_module( result, old_copy.text );
    return result == STATUS_OK;
}

DMOD_INPUT_API_DECLARATION( dmheap, 1.0, bool, _rename_module, ( const char* old_name, const char* new_name ) )
{
    return rename_in( NULL, old_name, new_name );
}

DMOD_INPUT_API_DECLARATION( dmheap, 1.0, bool, _ctx_rename_module,
                            ( dmheap_context_t * context, const char* old_name, const char* new_name ) )
{
    return context_given( context ) && rename_in( context, old_name, new_name );
}
