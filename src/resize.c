/*
 * Reallocating: in place where that can be, else a copy to another place, made outside of the lock. A part of dmheap.c,
 * behind api.c. May not decide where a block goes.
 *
 * The hold that finds another place admits the difference, books the new block instead of the old one, and takes both out
 * of everybody's reach; the one after the copy releases the old and gives the new to its owner. A call that is refused has
 * changed nothing.
 */

typedef struct
{
    request_t         request; /* the new size and place */
    block_check_t     check;   /* NULL: whoever's it is */
    const void*       what;    /* for the check */
    void*             pointer; /* the old payload */
    dmheap_context_t* source;  /* NULL: the block was not found */
    dmheap_context_t* target;  /* NULL: it stays where it is */
    block_t           from, to;
    owner_t           owner;   /* of the old block, */
    holding_t*        holding; /* and what that holds: both in the hold that found them only */
    size_t            bytes;   /* to copy */
    uint32_t          key;     /* of the owner of the new block, in its heap, */
    uint32_t          giver;   /* and of the old one, where that is another heap */
    status_t          status;  /* what it came to so far, */
    status_t          refused; /* and in the block's heap */
    size_t            largest; /* free block where memory was looked for, bytes */
} move_t;

/* Finds the block, and what of it is to be kept. Locked. */
static status_t move_locate( dmheap_context_t* only, move_t* move )
{
    dmheap_context_t* context;
    status_t          status = block_find( only, move->pointer, move->check, move->what, &context, &move->from );
    if( status != STATUS_OK ) return status;
    move->owner   = block_owner( context, move->from );
    move->holding = user_holding( context, move->owner );
    if( move->holding == NULL || !block_fits( context, move->from, block_size( context, move->from ) ) )
        return STATUS_CORRUPTED;
    move->source = context;
    move->bytes  = block_usable_size( context, move->from );
    if( move->bytes > move->request.size ) move->bytes = move->request.size;
    return STATUS_OK;
}

/* Resizes without another place. STATUS_NO_MEMORY: another is needed. Locked. */
static status_t resize_here( const move_t* move )
{
    dmheap_context_t* context   = move->source;
    block_t           block     = move->from;
    uint32_t          old       = block_size( context, block );
    size_t            alignment = alignment_in( context, move->request.alignment );
    uint32_t          size      = block_size_to_take( context, move->request.size, alignment );
    if( size == 0 ) return refuse_size( context, move->holding, move->request.size, alignment, old );
    status_t status = size > old ? holding_admits( move->holding, move->holding->live - old + size ) : STATUS_OK;
    if( status != STATUS_OK ) return status;
    if( alignment != 0 && ( (uintptr_t)move->pointer & ( alignment - 1 ) ) != 0 ) return STATUS_NO_MEMORY;

    guard_inspect( context, block );
    trace_note( context, block );
    status = block_resize( context, block, old, size );
    if( status != STATUS_OK ) return status;
    block_set_alignment( context, block, alignment );
    holding_adjust( move->holding, old, block_size( context, block ) );
    guard_change( context, move->pointer, move->bytes, block, move->request.size, move->request.caller );
    trace_realloc( context, block, move->request.size, alignment, move->request.caller );
    return STATUS_OK;
}

/* Has found another place: both are out of reach until the contents are copied. Locked. */
static void move_begin( move_t* move, dmheap_context_t* target, owner_t owner )
{
    move->target = target;
    move->key    = key_of( target, owner );
    guard_inspect( move->source, move->from ); /* as long as its header says whose it is */
    trace_note( move->source, move->from );
    trace_realloc( target, move->to, move->request.size, move->request.alignment, move->request.caller );
    block_suspend( move->source, move->from );
    block_suspend( target, move->to );
}

/* Resizes, or begins to move within the heap. Locked. */
static status_t move_within( move_t* move )
{
    dmheap_context_t* context = move->source;
    status_t          status  = resize_here( move );
    if( status != STATUS_NO_MEMORY ) return status;
    status =
        take_for( context, &move->request, move->owner, move->holding, block_size( context, move->from ), &move->to );
    if( status == STATUS_OK ) move_begin( move, context, move->owner );
    return status;
}

/* Begins to move to another heap, for the module there that has the owner's name. As take_in(). Locked. */
static status_t move_to( move_t* move, dmheap_context_t* target )
{
    name_t          name;
    owner_t         owner;
    const module_t* module  = module_of( move->source, move->owner );
    request_t       request = move->request;
    /* what every block has here must be asked for elsewhere */
    size_t granule = (size_t)WORD_SIZE << move->source->granule_shift;
    if( request.alignment < granule ) request.alignment = granule;
    request.module = module != NULL ? module->name : NULL;
    if( module != NULL && !name_make( module->name, &name ) ) return STATUS_CORRUPTED;
    if( holding_is_leaving( move->holding ) ) return STATUS_LEAVING;
    status_t status = take_in( target, &request, &name, &owner, &move->to );
    if( !block_is_had( status ) ) return status;
    move->giver = key_of( move->source, move->owner );
    holding_discharge( move->holding, block_size( move->source, move->from ) );
    move_begin( move, target, owner );
    return status;
}

/* Gives back the old place; where the heap that the contents went to is gone, it is the owner's again. Locked. */
static status_t move_vacate( const move_t* move, bool arrives )
{
    holding_t* giver = arrives ? NULL : holding_with_key( move->source, move->giver );
    if( giver != NULL )
    {
        holding_charge( giver, block_size( move->source, move->from ) );
        return owner_settle( move->source, move->from, move->giver );
    }
    guard_take( move->source, move->from );
    status_t status = block_release( move->source, move->from );
    if( status == STATUS_OK ) move->source->moving--;
    return status;
}

/* Carries the contents over, gives back the old place, and the new one to its owner. Not locked. NULL where that has left
 * meanwhile. */
static void* move_finish( const move_t* move )
{
    void*    payload = block_payload( move->target, move->to );
    status_t vacated = STATUS_OK;
    status_t settled = STATUS_NO_HEAP;
    __builtin_memmove( payload, move->pointer, move->bytes ); /* of a damaged heap, they may overlap */

    lock();
    bool arrives = context_stands( move->target ) && block_is_suspended( move->target, move->to );
    if( context_stands( move->source ) && block_is_suspended( move->source, move->from ) )
        vacated = move_vacate( move, arrives );
    if( arrives ) settled = owner_settle( move->target, move->to, move->key );
    unlock();
    if( vacated != STATUS_OK ) report( &( report_t ){ .status = vacated, .address = move->pointer } );
    if( settled == STATUS_OK ) return payload;
    report( &( report_t ){ .status  = settled,
                           .size    = move->request.size,
                           .address = not_located( settled, move->target, move->pointer ) } );
    return NULL;
}

/* Says that the owner is known in another heap now. Not locked. */
static RARE void move_registered( const move_t* move )
{
    char name[DMHEAP_NAME_SIZE] = "";
    lock();
    if( context_stands( move->target ) ) owner_name( move->target, key_owner( move->key ), name );
    unlock();
    report( &( report_t ){ .status = STATUS_REGISTERED, .module = name } );
}

/* As search_again(). Not locked. */
static RARE bool move_again( const dmheap_context_t* only, const move_t* move, bool* retried )
{
    char     name[DMHEAP_NAME_SIZE] = "";
    report_t why                    = { .status    = move->status,
                                        .size      = move->request.size,
                                        .alignment = move->request.alignment,
                                        .looked    = is_exhausted( move->status ),
                                        .largest   = move->largest,
                                        .module    = name,
                                        .address   = not_located( move->status, only, move->pointer ) };
    if( REPORTS && move->source != NULL )
    {
        lock();
        /* where the block is gone, its place is one in whatever heap was asked for it last */
        if( context_stands( move->source ) && block_in_heap( move->source, move->from.at ) )
            owner_name( move->source, block_owner( move->source, move->from ), name );
        unlock();
    }
    bool again = refuse_or_retry( move->source, move->refused, &why, retried );
    if( !again ) trace_refused( move->source, &move->request, name, move->status );
    return again;
}

/* Notes what a heap that was asked for another place, or the first one, has said. Locked. */
static void move_note( move_t* move, const dmheap_context_t* asked, status_t status )
{
    size_t largest = REPORTS && is_exhausted( status ) ? largest_free( asked ) : 0;
    move->status   = status;
    if( largest > move->largest ) move->largest = largest;
    diagnose_asked( asked, move->source, move->request.size, move->request.alignment, status );
}

/* Resizes, or begins to move. Not locked. */
static void move_attempt( dmheap_context_t* only, move_t* move )
{
    uint32_t visited = 0;
    bool     stays   = true; /* in its heap: that was named, or is no default one */
    move->largest    = 0;
    lock();
    move->status = move_locate( only, move );
    if( move->status == STATUS_OK )
    {
        unsigned place = context_place( move->source );
        visited        = 1u << place;
        stays          = only != NULL || context_position( place ) == registry.defaults;
        if( move->request.alignment == 0 ) move->request.alignment = block_alignment( move->source, move->from );
        move_note( move, move->source, move_within( move ) );
        move->refused = move->status;
    }
    unlock();
    while( !stays && is_exhausted( move->status ) )
    {
        lock();
        dmheap_context_t* target = context_next( true, &visited );
        stays                    = target == NULL;
        if( !stays ) move->status = move_locate( move->source, move ); /* others may have freed or retagged it */
        if( !stays && move->status == STATUS_OK ) move_note( move, target, move_to( move, target ) );
        unlock();
    }
}

/* Not locked. */
static void* reallocate( dmheap_context_t* only, move_t* move )
{
    bool retried = false;
    give_up_lost_heaps( only );
    do
        move_attempt( only, move );
    while( !block_is_had( move->status ) && move_again( only, move, &retried ) );
    if( !block_is_had( move->status ) ) return NULL;
    if( REPORTS && move->status == STATUS_REGISTERED ) move_registered( move );
    return move->target != NULL ? move_finish( move ) : move->pointer;
}

static void* change_size( dmheap_context_t* only, void* pointer, size_t size, size_t alignment, const char* module,
                          const void* caller )
{
    move_t move = { .request = { .size = size, .alignment = alignment, .caller = caller }, .pointer = pointer };
    if( pointer != NULL && size != 0 ) return reallocate( only, &move );
    if( pointer == NULL ) return allocate_by_name( only, size, alignment, module, caller );
    release_from( only, pointer, NULL, NULL, caller );
    return NULL;
}

static void* change_size_aligned( dmheap_context_t* only, void* pointer, size_t size, size_t alignment,
                                  const char* module, const void* caller )
{
    if( alignment_is_valid( alignment ) ) return change_size( only, pointer, size, alignment, module, caller );
    return refuse_request( STATUS_BAD_ALIGNMENT,
                           &( request_t ){ .size = size, .alignment = alignment, .module = module } );
}

DMHEAP_API_BODY( void*, _aligned_realloc, ( void* ptr, size_t alignment, size_t size, const char* module_name ) )
{
    return change_size_aligned( NULL, ptr, size, alignment, module_name, GUARD_CALLER() );
}

DMHEAP_API_BODY( void*, _ctx_realloc, ( dmheap_context_t * context, void* ptr, size_t size, const char* module_name ) )
{
    return context_given( context ) ? change_size( context, ptr, size, 0, module_name, GUARD_CALLER() ) : NULL;
}

DMHEAP_API_BODY( void*, _ctx_aligned_realloc,
                 ( dmheap_context_t * context, void* ptr, size_t alignment, size_t size, const char* module_name ) )
{
    return context_given( context ) ? change_size_aligned( context, ptr, size, alignment, module_name, GUARD_CALLER() )
                                    : NULL;
}

static void* change_size_for( dmheap_module_t module, void* pointer, size_t size, size_t alignment, const void* caller )
{
    move_t move = { .request = { .size = size, .alignment = alignment, .caller = caller },
                    .check   = handle_check,
                    .what    = &module,
                    .pointer = pointer };
    if( pointer != NULL && size != 0 ) return reallocate( NULL, &move );
    if( pointer == NULL )
        return alignment != 0 ? allocate_by_key( module.context, module.key, size, alignment, caller )
                              : allocate_for( module.context, module.key, size, caller );
    release_from( NULL, pointer, handle_check, &module, caller );
    return NULL;
}

DMHEAP_API_BODY( void*, _module_realloc, ( dmheap_module_t module, void* ptr, size_t size ) )
{
    return handle_given( module ) ? change_size_for( module, ptr, size, 0, GUARD_CALLER() ) : NULL;
}

DMHEAP_API_BODY( void*, _module_aligned_realloc, ( dmheap_module_t module, void* ptr, size_t alignment, size_t size ) )
{
    if( !handle_given( module ) ) return NULL;
    if( alignment_is_valid( alignment ) ) return change_size_for( module, ptr, size, alignment, GUARD_CALLER() );
    return refuse_request( STATUS_BAD_ALIGNMENT, &( request_t ){ .size = size, .alignment = alignment } );
}

/* ---- Looking at a block ---- */

static size_t usable_size( dmheap_context_t* only, const void* pointer )
{
    dmheap_context_t* context;
    block_t           block;
    size_t            size = 0;
    if( pointer == NULL ) return 0;
    give_up_lost_heaps( only );
    lock();
    status_t status = block_locate( only, pointer, &context, &block );
    if( status == STATUS_OK ) size = block_usable_size( context, block );
    unlock();
    if( status != STATUS_OK )
        report( &( report_t ){ .status = status, .address = not_located( status, only, pointer ) } );
    return size;
}

DMHEAP_API_BODY( size_t, _usable_size, ( const void* ptr ) )
{
    return usable_size( NULL, ptr );
}

DMHEAP_API_BODY( size_t, _ctx_usable_size, ( dmheap_context_t * context, const void* ptr ) )
{
    return context_given( context ) ? usable_size( context, ptr ) : 0;
}
