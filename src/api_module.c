/*
 * Modules as owners: registering, unregistering, renaming, limits, handles, and whose a block is. Holds the lock for
 * one bounded step at a time. May not allocate for a user.
 */
#include "api.h"

static void report_module( status_t status, const char* name )
{
    report( &( report_t ){ .status = status, .module = name } );
}

/* ---- Registering ---- */

/* Finds a module or registers it: in one heap or, where that is NULL, in the first default heap. Not locked. */
static status_t enroll( dmheap_context_t** context, const char* name, uint32_t* key )
{
    if( *context == NULL ) *context = default_number( 0 );
    return *context != NULL ? owner_enroll( *context, name, key ) : STATUS_NO_HEAP;
}

static bool register_module( dmheap_context_t* context, const char* name )
{
    uint32_t key;
    status_t status = enroll( &context, name, &key );
    report_module( status, name );
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

static dmheap_module_t open_module( dmheap_context_t* context, const char* name )
{
    uint32_t key;
    status_t status = enroll( &context, name, &key );
    if( status != STATUS_KNOWN_MODULE ) report_module( status, name );
    return is_resolved( status ) ? ( dmheap_module_t ){ context, key } : ( dmheap_module_t ){ NULL, 0 };
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

static bool limit_module( dmheap_context_t* context, const char* name, size_t bytes )
{
    uint32_t key;
    status_t status = owner_enroll( context, name, &key );
    if( is_resolved( status ) )
    {
        lock();
        holding_t* holding = owner_holding( context, key );
        if( holding == NULL || holding->leaving )
            status = STATUS_LEAVING;
        else
            holding->limit = bytes >> WORD_SHIFT < LIMIT_NONE ? (uint32_t)( bytes >> WORD_SHIFT ) : LIMIT_NONE;
        unlock();
    }
    report_module( status == STATUS_KNOWN_MODULE ? STATUS_OK : status, name );
    return is_resolved( status );
}

DMOD_INPUT_API_DECLARATION( dmheap, 1.0, bool, _ctx_set_module_limit,
                            ( dmheap_context_t * context, const char* module_name, size_t limit_bytes ) )
{
    return limit_module( context, module_name, limit_bytes );
}

DMOD_INPUT_API_DECLARATION( dmheap, 1.0, bool, _set_module_limit, ( const char* module_name, size_t limit_bytes ) )
{
    size_t            number = 0;
    dmheap_context_t* context;
    for( ; ( context = default_number( number ) ) != NULL; number++ )
        if( !limit_module( context, module_name, limit_bytes ) ) return false;
    if( number == 0 ) report_module( STATUS_NO_HEAP, module_name );
    return number != 0;
}

/* ---- Owners of blocks ---- */

static bool retag( dmheap_context_t* only, void* pointer, const char* name )
{
    dmheap_context_t* context;
    block_t           block;
    uint32_t          key;
    size_t            size  = 0;
    status_t          known = STATUS_KNOWN_MODULE;
    lock();
    status_t status = block_locate( only, pointer, &context, &block );
    unlock();
    if( status == STATUS_OK ) known = owner_resolve( context, name, &key );
    if( !is_resolved( known ) ) status = known;
    if( status == STATUS_OK )
    {
        lock();
        status = block_locate( context, pointer, &context, &block ); /* it may have gone meanwhile */
        if( status == STATUS_OK )
        {
            size             = block_usable_size( context, block );
            holding_t* taker = holding_with_key( context, key );
            status           = taker != NULL ? owner_retag( context, block, key_owner( key ), taker ) : STATUS_LEAVING;
        }
        unlock();
    }
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
    owner_reap( context, key_owner( sweep->key ) );
}

/* STATUS_UNREGISTERED or STATUS_UNKNOWN_MODULE. Not locked. */
static status_t unregister_module( dmheap_context_t* context, const module_name_t* name )
{
    module_sweep_t sweep;
    uint32_t       key;
    if( owner_find( context, name, &key ) != STATUS_KNOWN_MODULE ) return STATUS_UNKNOWN_MODULE;
    lock();
    holding_t* holding = owner_holding( context, key );
    if( holding != NULL ) module_leave( context, key_owner( key ), holding, 0, &sweep );
    unlock();
    if( holding == NULL ) return STATUS_UNKNOWN_MODULE;
    sweep_module( context, &sweep );
    return STATUS_UNREGISTERED;
}

DMOD_INPUT_API_DECLARATION( dmheap, 1.0, void, _unregister_module, ( const char* module_name ) )
{
    module_name_t     name; /* a copy: the original may lie in a block that is about to be freed */
    dmheap_context_t* context;
    status_t          status = STATUS_UNKNOWN_MODULE;
    if( !module_name_make( module_name, &name ) )
    {
        report_module( STATUS_BAD_NAME, module_name );
        return;
    }
    for( size_t i = 0; ( context = context_number( i ) ) != NULL; i++ )
        if( unregister_module( context, &name ) == STATUS_UNREGISTERED ) status = STATUS_UNREGISTERED;
    report_module( status, name_text( &name ) );
}

DMOD_INPUT_API_DECLARATION( dmheap, 1.0, void, _ctx_unregister_module,
                            ( dmheap_context_t * context, const char* module_name ) )
{
    module_name_t name;
    if( !context_given( context ) ) return;
    if( module_name_make( module_name, &name ) )
        report_module( unregister_module( context, &name ), name_text( &name ) );
    else
        report_module( STATUS_BAD_NAME, module_name );
}

/* ---- Renaming ---- */

/* Gives a module a name that is not taken; STATUS_KNOWN_MODULE where it was taken meanwhile. Not locked. */
static status_t rename_to_free( dmheap_context_t* context, uint32_t key, const module_name_t* old_name,
                                const module_name_t* new_name )
{
    module_task_t task   = { .name = old_name, .new_name = new_name, .key = key };
    status_t      status = module_in_steps( context, module_rename_step, &task );
    return status == STATUS_REGISTERED ? STATUS_OK : status;
}

/* Has the module with this key leave to the owner with the key `heir`. STATUS_KNOWN_MODULE: that is gone meanwhile.
 * Not locked. */
static status_t merge( dmheap_context_t* context, uint32_t key, uint32_t heir )
{
    module_sweep_t sweep;
    lock();
    holding_t*       holding = owner_holding( context, key );
    const holding_t* taker   = owner_holding( context, heir );
    status_t         status  = holding == NULL    ? STATUS_UNKNOWN_MODULE
                               : holding->leaving ? STATUS_LEAVING
                               : taker == NULL    ? STATUS_KNOWN_MODULE
                                                  : STATUS_OK;
    bool             leaves  = status == STATUS_OK && heir != key;
    if( leaves ) module_leave( context, key_owner( key ), holding, heir, &sweep );
    unlock();
    if( leaves ) sweep_module( context, &sweep );
    return status;
}

/* Renames a module, or merges it into the one that has the new name. STATUS_KNOWN_MODULE as above. Not locked. */
static status_t rename_once( dmheap_context_t* context, const module_name_t* old_name, const module_name_t* new_name )
{
    uint32_t key, heir;
    if( owner_find( context, old_name, &key ) != STATUS_KNOWN_MODULE ) return STATUS_UNKNOWN_MODULE;
    status_t known = new_name != NULL ? owner_find( context, new_name, &heir ) : owner_resolve( context, NULL, &heir );
    if( known == STATUS_KNOWN_MODULE ) return merge( context, key, heir );
    return known == STATUS_UNKNOWN_MODULE ? rename_to_free( context, key, old_name, new_name ) : known;
}

/* STATUS_OK, STATUS_UNKNOWN_MODULE, STATUS_LEAVING or why there is no record for the new name; STATUS_KNOWN_MODULE where
 * others took it and gave it up again and again. Not locked. */
static status_t rename_module( dmheap_context_t* context, const module_name_t* old_name, const module_name_t* new_name )
{
    status_t status = STATUS_KNOWN_MODULE;
    for( unsigned attempt = 0; attempt < ATTEMPTS && status == STATUS_KNOWN_MODULE; attempt++ )
        status = rename_once( context, old_name, new_name );
    return status;
}

/* In one heap or, where that is NULL, in all of them. */
static bool rename_in( dmheap_context_t* only, const char* old_text, const char* new_text )
{
    module_name_t     old_name, new_name; /* copies: the originals may lie in blocks that are about to be freed */
    dmheap_context_t* context;
    status_t          result = STATUS_UNKNOWN_MODULE;
    const char*       bad    = NULL;
    bool              valid  = module_name_make( old_text, &old_name );
    if( !valid ) bad = old_text;
    if( valid && new_text != NULL && !module_name_make( new_text, &new_name ) )
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
        status_t status = rename_module( context, &old_name, new_text != NULL ? &new_name : NULL );
        if( status != STATUS_UNKNOWN_MODULE ) result = status;
        if( result != STATUS_OK && result != STATUS_UNKNOWN_MODULE ) break;
    }
    if( result != STATUS_OK ) report_module( result, name_text( &old_name ) );
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
