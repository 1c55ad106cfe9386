/*
 * Modules as owners: registering, unregistering, renaming, limits, handles, and whose a block is. Holds the lock for one
 * bounded step at a time. A part of dmheap.c, behind resize.c. May not allocate for a user.
 *
 * What concerns several heaps is done in two rounds: first each gets what it needs, which may be refused and is undone
 * then; the second round cannot fail.
 */

/* `only` is the heap that was named, or NULL. */
static void report_module( status_t status, purpose_t purpose, const char* name, const dmheap_context_t* only )
{
    report( &( report_t ){ .status  = status,
                           .purpose = purpose,
                           .module  = name,
                           .address = not_located( status, only, NULL ),
                           .from    = only } );
}

/* Whether a module was found or registered. */
static bool is_enrolled( status_t status )
{
    return status == STATUS_KNOWN_MODULE || status == STATUS_REGISTERED;
}

/* ---- Registering ---- */

/* Finds a module or registers it, and its key: in one heap or, where that is NULL, in the first default heap. Not locked. */
static status_t enroll( dmheap_context_t** context, const char* text, uint32_t* key )
{
    name_t  name;
    owner_t owner;
    if( !name_make( text, &name ) ) return STATUS_BAD_NAME;
    give_up_lost_heaps( *context );
    lock();
    if( *context == NULL ) *context = registry.first;
    status_t status = !context_exists( *context )    ? STATUS_NO_HEAP
                      : !image_is_sealed( *context ) ? STATUS_CORRUPTED
                                                     : owner_enroll( *context, &name, &owner );
    if( is_enrolled( status ) )
    {
        const holding_t* holding = user_holding( *context, owner );
        *key                     = key_of( *context, owner );
        if( holding == NULL || holding_is_leaving( holding ) ) status = STATUS_LEAVING;
    }
    unlock();
    return status;
}

static bool register_module( dmheap_context_t* context, const char* name )
{
    uint32_t key;
    status_t status = enroll( &context, name, &key );
    report_module( status, TO_REGISTER, name, context );
    return is_enrolled( status );
}

DMHEAP_API_BODY( bool, _ctx_register_module, ( dmheap_context_t * context, const char* module_name ) )
{
    return context_given( context ) && register_module( context, module_name );
}

static dmheap_module_t open_module( dmheap_context_t* context, const char* name )
{
    uint32_t key;
    status_t status = enroll( &context, name, &key );
    if( status != STATUS_KNOWN_MODULE ) report_module( status, TO_REGISTER, name, context );
    return is_enrolled( status ) ? ( dmheap_module_t ){ context, key } : ( dmheap_module_t ){ NULL, 0 };
}

DMHEAP_API_BODY( dmheap_module_t, _module_open, ( const char* module_name ) )
{
    return open_module( NULL, module_name );
}

DMHEAP_API_BODY( dmheap_module_t, _ctx_module_open, ( dmheap_context_t * context, const char* module_name ) )
{
    return context_given( context ) ? open_module( context, module_name ) : ( dmheap_module_t ){ NULL, 0 };
}

/* ---- Two rounds over several heaps ---- */

/* What the first round has done in one heap. */
typedef struct
{
    dmheap_context_t* context;
    uint32_t          key;             /* of the module */
    uint32_t          heir;            /* of the module that gets its blocks, 0: none */
    block_t           record;          /* for its new name, suspended until it is used; 0: none */
    bool              is_new;          /* the module: it was registered for this call */
    uint32_t          lowest, lowered; /* the heap's lowest mark of free words before this, and after */
} prepared_t;

typedef struct
{
    const name_t* name;
    const name_t* new_name; /* of a rename; NULL: nobody */
    uint32_t      ceiling;  /* to be set */
    unsigned      count;
    prepared_t    heap[DMHEAP_MAX_CONTEXTS];
} rounds_t;

/* Prepares one heap. STATUS_OK, or STATUS_UNKNOWN_MODULE where there is nothing to do; else nothing was changed. Locked. */
typedef status_t ( *prepare_t )( const rounds_t* rounds, prepared_t* heap );

/* What the first round took is given back, `words` of them: nor does the mark of the lowest remember it. Locked. */
static void prepared_undone( const prepared_t* heap, uint32_t words )
{
    dmheap_context_t* context = heap->context;
    uint32_t          others  = context->free_lowest == heap->lowered ? heap->lowest : context->free_lowest + words;
    /* a mark that has risen was started anew meanwhile */
    context->free_lowest = context->free_lowest > heap->lowered ? others : at_most( others, heap->lowest );
}

/* First round, over one heap or, where that is NULL, over all or the default ones. STATUS_UNKNOWN_MODULE where no heap had
 * anything to do; any other failure is undone by the caller. Not locked. */
static status_t prepare_heaps( dmheap_context_t* only, bool only_defaults, rounds_t* rounds, prepare_t prepare )
{
    uint32_t          visited = 0;
    dmheap_context_t* context;
    status_t          result = STATUS_NO_HEAP;
    give_up_lost_heaps( only );
    do
    {
        prepared_t* heap   = &rounds->heap[rounds->count];
        status_t    status = STATUS_NO_HEAP;
        lock();
        context = context_pick( only, only_defaults, &visited );
        if( context != NULL )
        {
            *heap         = ( prepared_t ){ .context = context, .lowest = context->free_lowest };
            status        = image_is_sealed( context ) ? prepare( rounds, heap ) : STATUS_CORRUPTED;
            heap->lowered = context->free_lowest;
        }
        unlock();
        if( context == NULL ) break;
        if( status == STATUS_OK ) rounds->count++;
        if( result != STATUS_OK || status != STATUS_UNKNOWN_MODULE ) result = status;
    } while( only == NULL && ( result == STATUS_OK || result == STATUS_UNKNOWN_MODULE ) );
    return result;
}

/* ---- Limits ---- */

static status_t limit_prepare( const rounds_t* rounds, prepared_t* heap )
{
    owner_t  owner;
    status_t status = owner_enroll( heap->context, rounds->name, &owner );
    if( !is_enrolled( status ) ) return status;
    const holding_t* holding = user_holding( heap->context, owner );
    if( holding == NULL ) return STATUS_CORRUPTED;
    heap->is_new = status == STATUS_REGISTERED;
    heap->key    = key_of( heap->context, owner );
    return holding_is_leaving( holding ) ? STATUS_LEAVING : STATUS_OK;
}

/* Second round; where the first one failed, what that registered is forgotten. Locked. */
static void limit_finish( const rounds_t* rounds, const prepared_t* heap, bool succeeds )
{
    holding_t* holding = holding_with_key( heap->context, heap->key );
    if( holding == NULL || holding_is_leaving( holding ) ) return;
    if( succeeds )
    {
        holding->ceiling = rounds->ceiling;
    }
    else if( heap->is_new && holding->blocks == 0 )
    {
        uint32_t system = heap->context->system.live;
        if( owner_forget( heap->context, key_owner( heap->key ) ) == STATUS_OK )
            prepared_undone( heap, system - heap->context->system.live );
    }
}

/* In one heap or, where that is NULL, in every default heap. */
static bool limit_module( dmheap_context_t* only, const char* text, size_t bytes )
{
    name_t   name;
    size_t   words  = bytes >> WORD_SHIFT;
    rounds_t rounds = { .name = &name, .ceiling = words < CEILING_NONE ? (uint32_t)words + 1 : CEILING_NONE };
    status_t status = STATUS_BAD_NAME;
    bool     is_new = false;
    if( name_make( text, &name ) ) status = prepare_heaps( only, true, &rounds, limit_prepare );
    for( unsigned i = 0; i < rounds.count; i++ )
    {
        lock();
        if( context_stands( rounds.heap[i].context ) ) limit_finish( &rounds, &rounds.heap[i], status == STATUS_OK );
        unlock();
        is_new |= rounds.heap[i].is_new;
    }
    report_module( status == STATUS_OK && is_new ? STATUS_REGISTERED : status, TO_LIMIT, text, only );
    return status == STATUS_OK;
}

DMHEAP_API_BODY( bool, _ctx_set_module_limit,
                 ( dmheap_context_t * context, const char* module_name, size_t limit_bytes ) )
{
    return context_given( context ) && limit_module( context, module_name, limit_bytes );
}

DMHEAP_API_BODY( bool, _set_module_limit, ( const char* module_name, size_t limit_bytes ) )
{
    return limit_module( NULL, module_name, limit_bytes );
}

/* ---- Owners of blocks ---- */

static bool retag( dmheap_context_t* only, void* pointer, const char* text )
{
    dmheap_context_t* context;
    block_t           block;
    name_t            name;
    owner_t           owner = OWNER_NOBODY;
    status_t          known = STATUS_KNOWN_MODULE;
    text                    = owner_text( text );
    if( text != NULL && !name_make( text, &name ) )
    {
        report_module( STATUS_BAD_NAME, TO_RETAG, text, NULL );
        return false;
    }
    give_up_lost_heaps( only );
    lock();
    status_t status = block_locate( only, pointer, &context, &block );
    if( status == STATUS_OK && text != NULL )
    {
        known = owner_enroll( context, &name, &owner );
        if( !is_enrolled( known ) ) status = known;
    }
    if( status == STATUS_OK )
    {
        holding_t* taker = user_holding( context, owner );
        status           = taker != NULL ? owner_retag( context, block, owner, taker ) : STATUS_CORRUPTED;
        if( status != STATUS_OK && known == STATUS_REGISTERED ) (void)owner_forget( context, owner );
    }
    unlock();
    if( status == STATUS_OK && known == STATUS_REGISTERED ) report_module( known, TO_RETAG, text, NULL );
    if( status != STATUS_OK )
        report( &( report_t ){ .status  = status,
                               .purpose = TO_RETAG,
                               .module  = text,
                               .address = not_located( status, only, pointer ),
                               .from    = only } );
    return status == STATUS_OK;
}

DMHEAP_API_BODY( bool, _ctx_retag, ( dmheap_context_t * context, void* ptr, const char* module_name ) )
{
    return context_given( context ) && retag( context, ptr, module_name );
}

/* ---- Taking modules down ---- */

/* A copy of a name: the original may lie in a block that is about to be freed. */
typedef struct
{
    name_t name;
    char   text[DMHEAP_NAME_SIZE];
} name_copy_t;

static bool name_copy( const char* text, name_copy_t* copy )
{
    if( !name_make( text, &copy->name ) ) return false;
    for( uint32_t i = 0; i <= copy->name.length; i++ )
        copy->text[i] = text[i];
    copy->name.text = copy->text;
    return true;
}

/* Carries out what owner_leave() began: passes the blocks on or frees them, and forgets the module. Not locked. */
static void sweep_module( dmheap_context_t* context, sweep_t* sweep, const char* name )
{
    for( bool more = true; more; )
    {
        lock();
        more                         = context_stands( context ) && owner_sweep( context, sweep );
        const dmheap_context_t* lost = sweep->lost;
        sweep->lost                  = NULL;
        unlock();
        if( lost != NULL ) report( &( report_t ){ .status = STATUS_HEAP_LOST, .address = lost, .module = name } );
    }
    if( sweep->damaged.at != 0 )
        report( &( report_t ){ .status = STATUS_CORRUPTED, .address = block_payload( context, sweep->damaged ) } );
}

/* In one heap or, where that is NULL, in all of them; `unknown`: what it comes to where none knows the name. */
static RARE void unregister_module( dmheap_context_t* only, const char* text, status_t unknown )
{
    name_copy_t           copy;
    dmheap_context_t*     context;
    uint32_t              visited = 0;
    status_t              status  = only == NULL ? unknown : STATUS_NO_HEAP;
    dmheap_module_stats_t left    = { .live_bytes = 0 };
    if( !name_copy( text, &copy ) )
    {
        report_module( STATUS_BAD_NAME, TO_REGISTER, text, NULL );
        return;
    }
    give_up_lost_heaps( only );
    do
    {
        sweep_t sweep = { .key = 0 };
        lock();
        context = context_pick( only, LOOKS_IN_DEFAULTS, &visited );
        if( context != NULL )
        {
            owner_t    owner   = image_is_sealed( context ) ? owner_find( context, &copy.name ) : OWNER_FREE;
            holding_t* holding = owner != OWNER_FREE ? user_holding( context, owner ) : NULL;
            if( status == STATUS_NO_HEAP ) status = unknown;
            if( holding != NULL )
            {
                diagnose_leaves( holding, &left );
                owner_leave( context, holding, key_of( context, owner ), 0, &sweep );
                owner_reap( context, holding, sweep.key );
                status = STATUS_UNREGISTERED;
            }
        }
        unlock();
        if( sweep.key == 0 ) continue;
        diagnose_blocks( context, copy.text );
        sweep_module( context, &sweep, copy.text );
    } while( only == NULL && context != NULL );
    diagnose_left( copy.text, &left );
    report( &( report_t ){ .status = status, .module = copy.text, .address = only } );
}

DMHEAP_API_BODY( void, _ctx_unregister_module, ( dmheap_context_t * context, const char* module_name ) )
{
    if( context_given( context ) ) unregister_module( context, module_name, STATUS_UNKNOWN_MODULE );
}

/* ---- Renaming ---- */

/* Whether an owner may get all that another one holds. */
static status_t merge_check( const holding_t* holding, const holding_t* taker )
{
    return taker == holding ? STATUS_OK : holding_admits( taker, taker->live + holding->live );
}

static status_t rename_prepare( const rounds_t* rounds, prepared_t* heap )
{
    dmheap_context_t* context = heap->context;
    owner_t           owner   = owner_find( context, rounds->name );
    const holding_t*  holding = owner != OWNER_FREE ? user_holding( context, owner ) : NULL;
    if( holding == NULL ) return STATUS_UNKNOWN_MODULE;
    if( holding_is_leaving( holding ) ) return STATUS_LEAVING;
    heap->key              = key_of( context, owner );
    owner_t          heir  = rounds->new_name != NULL ? owner_find( context, rounds->new_name ) : OWNER_NOBODY;
    const holding_t* taker = heir != OWNER_FREE ? user_holding( context, heir ) : NULL;
    if( taker != NULL )
    {
        heap->heir = key_of( context, heir );
        return merge_check( holding, taker );
    }
    status_t status = record_take( context, rounds->new_name, &heap->record );
    if( status == STATUS_OK ) block_suspend( context, heap->record );
    return status;
}

/* Gives a module the record that was made for its new name. Locked. */
static void rename_switch( const rounds_t* rounds, prepared_t* heap )
{
    dmheap_context_t* context = heap->context;
    block_t           old     = module_block( context, module_of( context, key_owner( heap->key ) ) );
    word_t*           table   = table_of( context );
    if( table == NULL ) return;
    trace_owner( context, key_owner( heap->key ) );
    record_fill( context, rounds->new_name, holding_with_key( context, heap->key ), heap->key, heap->record );
    table[key_owner( heap->key ) - OWNER_FIRST_MODULE] = entry_of( context, heap->record, rounds->new_name->tag );
    block_resume( context, heap->record, OWNER_SYSTEM );
    heap->record = block_at( 0 );
    trace_rename( context, key_owner( heap->key ) );
    (void)system_release( context, old );
}

/* Second round; where the first one failed, what that took is given back. Not locked. */
static void rename_finish( const rounds_t* rounds, prepared_t* heap, bool succeeds )
{
    dmheap_context_t* context = heap->context;
    sweep_t           sweep   = { .key = 0 };
    lock();
    bool       exists  = context_stands( context );
    holding_t* holding = exists ? holding_with_key( context, heap->key ) : NULL;
    if( succeeds && holding != NULL && !holding_is_leaving( holding ) )
    {
        /* others may have registered the new name meanwhile, or renamed its module or taken that down */
        owner_t taken = rounds->new_name != NULL ? owner_find( context, rounds->new_name ) : OWNER_NOBODY;
        if( taken != OWNER_FREE )
        {
            const holding_t* taker = user_holding( context, taken );
            bool             left  = taker != NULL && holding_is_leaving( taker );
            heap->heir             = left ? holding_heir( taker ) : key_of( context, taken );
        }
        else if( heap->record.at == 0 && record_take( context, rounds->new_name, &heap->record ) == STATUS_OK )
            block_suspend( context, heap->record );
        if( taken == OWNER_FREE && block_is_suspended( context, heap->record ) )
            rename_switch( rounds, heap );
        else if( taken != OWNER_FREE && heap->heir != heap->key )
        {
            owner_leave( context, holding, heap->key, heap->heir, &sweep );
            owner_reap( context, holding, sweep.key );
        }
    }
    if( exists && heap->record.at != 0 && block_is_suspended( context, heap->record ) )
    {
        uint32_t size = block_size( context, heap->record );
        block_resume( context, heap->record, OWNER_SYSTEM );
        if( system_release( context, heap->record ) == STATUS_OK ) prepared_undone( heap, size );
    }
    unlock();
    if( sweep.key != 0 ) sweep_module( context, &sweep, NULL );
}

/* In one heap or, where that is NULL, in all of them. */
static bool rename_module( dmheap_context_t* only, const char* old_text, const char* new_text )
{
    name_copy_t old_name, new_name;
    rounds_t    rounds = { .name = &old_name.name };
    bool        old_ok = name_copy( old_text, &old_name );
    if( !old_ok || ( new_text != NULL && !name_copy( new_text, &new_name ) ) )
    {
        report_module( STATUS_BAD_NAME, TO_RENAME, old_ok ? new_text : old_text, NULL );
        return false;
    }
    if( new_text != NULL ) rounds.new_name = &new_name.name;
    status_t status = prepare_heaps( only, LOOKS_IN_DEFAULTS, &rounds, rename_prepare );
    for( unsigned i = 0; i < rounds.count; i++ )
        rename_finish( &rounds, &rounds.heap[i], status == STATUS_OK );
    report_module( status, TO_RENAME, old_name.text, only );
    return status == STATUS_OK;
}

DMHEAP_API_BODY( bool, _rename_module, ( const char* old_name, const char* new_name ) )
{
    return rename_module( NULL, old_name, new_name );
}

DMHEAP_API_BODY( bool, _ctx_rename_module, ( dmheap_context_t * context, const char* old_name, const char* new_name ) )
{
    return context_given( context ) && rename_module( context, old_name, new_name );
}
