/*
 * Allocating, reallocating and freeing: checks arguments, holds the lock for one bounded step at a time, copies and
 * logs outside of it. May not decide where a block goes.
 */
#include "api.h"
#include "quick.h"

/* ---- Shared with the other files of the public API ---- */

/* Whether a suspended block is still there. Locked. */
static bool is_suspended( const dmheap_context_t* context, block_t block )
{
    return context_exists( context ) && owner_has_suspended( context, block );
}

/* Gives back a suspended block of the heap's own, 0: none. Not locked. Not in line: for the stack of its callers. */
static RARE void release_part( dmheap_context_t* context, block_t part )
{
    if( part.at == 0 ) return;
    lock();
    if( is_suspended( context, part ) ) (void)owner_release_suspended( context, part, OWNER_SYSTEM );
    unlock();
}

status_t module_in_steps( dmheap_context_t* context, module_step_t step, module_task_t* task )
{
    status_t status = STATUS_OK;
    for( unsigned steps = 0; steps < STEPS_MOST && status == STATUS_OK; steps++ )
    {
        lock();
        status = context_exists( context ) ? step( context, task ) : STATUS_NO_HEAP;
        unlock();
    }
    release_part( context, task->record );
    release_part( context, task->chunk );
    return status == STATUS_OK ? STATUS_BUSY : status;
}

status_t owner_find( dmheap_context_t* context, const module_name_t* name, uint32_t* key )
{
    module_task_t task   = { .name = name };
    status_t      status = module_in_steps( context, module_find_step, &task );
    *key                 = task.key;
    return status;
}

status_t owner_enroll( dmheap_context_t* context, const char* text, uint32_t* key )
{
    module_name_t name;
    module_task_t task = { .name = &name };
    if( !module_name_make( text, &name ) ) return STATUS_BAD_NAME;
    status_t status = module_in_steps( context, module_register_step, &task );
    *key            = task.key;
    return status;
}

status_t owner_resolve( dmheap_context_t* context, const char* name, uint32_t* key )
{
    owner_t  owner  = OWNER_NOBODY;
    status_t status = STATUS_NO_HEAP;
    lock();
    if( context_exists( context ) )
    {
        const holding_t* holding =
            name == NULL ? holding_of( context, owner ) : module_find_by_hint( context, name, &owner );
        status = holding != NULL ? STATUS_KNOWN_MODULE : name == NULL ? STATUS_CORRUPTED : STATUS_OK;
        if( holding != NULL ) *key = owner_key( owner, holding->serial );
    }
    unlock();
    return status == STATUS_OK ? owner_enroll( context, name, key ) : status;
}

/* Whether a block of this owner is the user's to touch, or why not. */
static status_t owner_check( owner_t owner )
{
    return owner == OWNER_SYSTEM ? STATUS_SYSTEM_BLOCK : owner == OWNER_MOVING ? STATUS_MOVING : STATUS_OK;
}

status_t block_locate( dmheap_context_t* only, const void* pointer, dmheap_context_t** context, block_t* block )
{
    uint32_t bit;
    status_t status = context_registry.all[0] == NULL ? STATUS_NO_HEAP : STATUS_OUTSIDE;
    if( only != NULL && !context_exists( only ) ) return STATUS_NO_HEAP;
    for( size_t i = 0; i < DMHEAP_MAX_CONTEXTS && context_registry.all[i] != NULL; i++ )
    {
        *context = context_registry.all[i];
        if( only != NULL && only != *context ) continue;
        status_t here = block_of( *context, pointer, block, &bit );
        if( here == STATUS_OK ) return owner_check( block_owner( *context, *block ) );
        if( here != STATUS_OUTSIDE )
            status = here; /* a heap inside of a block of this one may know the pointer better */
    }
    return status;
}

/* Bytes that a record has for the name. It may be overwritten, and so may its header: it ends no later than the heap. */
static size_t name_room( const dmheap_context_t* context, const module_t* module )
{
    block_t  record = module_block( context, module );
    uint32_t size   = block_size( context, record );
    uint32_t most   = context->end - record.at;
    size_t   bytes  = ( size < most ? size : most ) * (size_t)WORD_SIZE;
    return bytes > sizeof( module_t ) + WORD_SIZE ? bytes - sizeof( module_t ) - WORD_SIZE : 0;
}

void owner_name( const dmheap_context_t* context, owner_t owner, char name[DMOD_MAX_MODULE_NAME_LENGTH] )
{
    const module_t* module = module_of( context, owner );
    size_t          length = 0;
    if( module != NULL )
    {
        size_t room = name_room( context, module );
        if( room > DMOD_MAX_MODULE_NAME_LENGTH - 1 ) room = DMOD_MAX_MODULE_NAME_LENGTH - 1;
        for( ; length + WORD_SIZE <= room; length += WORD_SIZE )
            __builtin_memcpy( &name[length], &module->name[length], WORD_SIZE );
        for( ; length < room; length++ )
            name[length] = module->name[length];
    }
    name[length] = '\0';
}

/* Gives back what only modules need, if there is none any more. Not locked. Not in line: for its stack. */
static RARE void release_chunks( dmheap_context_t* context )
{
    module_chunks_t chunks = { .count = 0 };
    lock();
    if( context_exists( context ) ) module_shrink( context, &chunks );
    unlock();
    for( unsigned i = 0; i < chunks.count; i++ )
        release_part( context, chunks.block[i] );
}

void owner_reap( dmheap_context_t* context, owner_t owner )
{
    char          text[DMOD_MAX_MODULE_NAME_LENGTH];
    module_name_t name;
    module_task_t task = { .name = &name };
    lock();
    const holding_t* holding = context_exists( context ) ? holding_of( context, owner ) : NULL;
    if( holding != NULL && holding_is_due( holding ) )
    {
        task.key = owner_key( owner, holding->serial );
        owner_name( context, owner, text );
    }
    unlock();
    if( task.key == 0 || !module_name_make( text, &name ) ) return;
    (void)module_in_steps( context, module_forget_step, &task );
    release_chunks( context );
}

/* ---- Allocating ---- */

/* What is asked for, in `why` with what to say if it cannot be had; and what was found. */
typedef struct
{
    report_t                why;      /* alignment 0: the heap's */
    const dmheap_context_t* except;   /* a default heap that was tried before, NULL: none */
    bool                    moving;   /* a realloc will copy into the block: it is kept from everybody */
    bool                    anywhere; /* see block_request_t */
    const void*             caller;   /* who asks, for the guard */
    dmheap_context_t*       context;
    block_t                 block;
    owner_t                 owner;
} wish_t;

static wish_t wish_for( size_t size, size_t alignment, const char* name, const void* caller )
{
    return ( wish_t ){ .why = { .size = size, .alignment = alignment, .module = name }, .caller = caller };
}

static bool alignment_is_valid( size_t alignment )
{
    return alignment != 0 && ( alignment & ( alignment - 1 ) ) == 0;
}

/* An alignment that every payload of this heap has is none to speak of. */
static inline size_t alignment_in( const dmheap_context_t* context, size_t alignment )
{
    return alignment >> WORD_SHIFT <= context->granule ? 0 : alignment;
}

/* Notes why a wish cannot be fulfilled. Locked. */
static status_t deny( dmheap_context_t* context, wish_t* wish, status_t status )
{
    size_t largest = largest_free( context );
    if( largest > wish->why.largest ) wish->why.largest = largest;
    wish->why.status = status;
    context->failures++;
    return status;
}

/* Takes a block for an owner with this record, who is about to give back `credit` words. STATUS_NOT_SO: in another step.
 * Locked. */
static status_t take_for( dmheap_context_t* context, wish_t* wish, owner_t owner, holding_t* holding, uint32_t credit )
{
    size_t          alignment = alignment_in( context, wish->why.alignment );
    block_request_t request   = { block_size_to_take( context, wish->why.size, alignment ), alignment, wish->anywhere };
    status_t        status    = owner_take( context, owner, holding, &request, credit, &wish->block );
    if( status == STATUS_NO_MEMORY && alignment != 0 && !wish->anywhere )
    {
        wish->anywhere = true;
        return STATUS_NOT_SO;
    }
    wish->anywhere = false;
    if( status != STATUS_OK ) return deny( context, wish, status );
    guard_give( context, wish->block, wish->why.size, wish->caller );
    if( wish->moving ) owner_suspend( context, wish->block );
    wish->context = context;
    wish->owner   = owner;
    return status;
}

/* Whether another heap may have what this one did not. */
static inline bool is_exhausted( status_t status )
{
    return status == STATUS_NO_MEMORY || status == STATUS_TABLE_FULL || status == STATUS_NO_HEAP;
}

/* Fulfils a wish in one heap, for the owner with this key. STATUS_STALE_MODULE: the module is gone. Locked. */
static status_t take_with_key( dmheap_context_t* context, wish_t* wish, uint32_t key )
{
    holding_t* holding = holding_with_key( context, key );
    return holding != NULL ? take_for( context, wish, key_owner( key ), holding, 0 ) : STATUS_STALE_MODULE;
}

static bool is_to_go_on( status_t status )
{
    return status == STATUS_STALE_MODULE || status == STATUS_NOT_SO;
}

/* Whether a heap has refused for good: its owner is to be named. */
static bool is_refusal( status_t status )
{
    return status != STATUS_OK && status != STATUS_NO_HEAP && !is_to_go_on( status );
}

/* Fulfils a wish in one heap. Not locked. */
static status_t take_named( dmheap_context_t* context, wish_t* wish )
{
    const char* name   = wish->why.module;
    uint32_t    key    = 0;
    status_t    known  = STATUS_OK;
    status_t    status = STATUS_STALE_MODULE;
    for( unsigned attempt = 0; attempt < ATTEMPTS && is_to_go_on( status ); attempt++ )
    {
        if( status == STATUS_STALE_MODULE )
        {
            known = owner_resolve( context, name, &key );
            if( known == STATUS_REGISTERED ) report( &( report_t ){ .status = known, .module = name } );
        }
        lock();
        status = !context_exists( context ) ? STATUS_NO_HEAP
                 : is_resolved( known )     ? take_with_key( context, wish, key )
                                            : deny( context, wish, known );
        unlock();
    }
    return is_to_go_on( status ) ? STATUS_LEAVING : status;
}

/* Fulfils a wish in `only` or, where that is NULL, in the first default heap that can; reports if none. Not locked. */
static RARE void* grant( dmheap_context_t* only, wish_t* wish )
{
    dmheap_context_t* context = only;
    status_t          status  = wish->except != NULL ? STATUS_NO_MEMORY : STATUS_NO_HEAP;
    for( size_t i = 0; only != NULL || ( context = default_number( i ) ) != NULL; i++ )
    {
        if( context == wish->except ) continue;
        status = take_named( context, wish );
        if( status == STATUS_OK ) return block_payload( wish->context, wish->block );
        if( only != NULL || !is_exhausted( status ) ) break;
    }
    wish->why.status = status;
    report( &wish->why );
    return NULL;
}

/* Allocates in one heap or, where that is NULL, in the default heaps. */
static void* allocate( dmheap_context_t* only, size_t size, size_t alignment, const char* name, const void* caller )
{
    wish_t wish = wish_for( size, alignment, name, caller );
    return grant( only, &wish );
}

static void refuse( status_t status, size_t size, size_t alignment, const char* name )
{
    report( &( report_t ){ .status = status, .size = size, .alignment = alignment, .module = name } );
}

static void* allocate_aligned( dmheap_context_t* only, size_t alignment, size_t size, const char* name,
                               const void* caller )
{
    if( alignment_is_valid( alignment ) ) return allocate( only, size, alignment, name, caller );
    refuse( STATUS_BAD_ALIGNMENT, size, alignment, name );
    return NULL;
}

static void* allocate_zeroed( dmheap_context_t* only, size_t count, size_t size, const char* name, const void* caller )
{
    if( size != 0 && count > SIZE_MAX / size )
    {
        refuse( STATUS_OVERFLOW, count, size, name );
        return NULL;
    }
    void* payload = allocate( only, count * size, 0, name, caller );
    if( payload != NULL ) __builtin_memset( payload, 0, count * size );
    return payload;
}

DMOD_INPUT_API_DECLARATION( dmheap, 1.0, void*, _malloc, ( size_t size, const char* module_name ) )
{
    void* payload = take_quickly( size, module_name );
    return payload != NULL ? payload : allocate( NULL, size, 0, module_name, GUARD_CALLER() );
}

DMOD_INPUT_API_DECLARATION( dmheap, 1.0, void*, _aligned_alloc,
                            ( size_t alignment, size_t size, const char* module_name ) )
{
    return allocate_aligned( NULL, alignment, size, module_name, GUARD_CALLER() );
}

DMOD_INPUT_API_DECLARATION( dmheap, 1.0, void*, _calloc, ( size_t count, size_t size, const char* module_name ) )
{
    return allocate_zeroed( NULL, count, size, module_name, GUARD_CALLER() );
}

DMOD_INPUT_API_DECLARATION( dmheap, 1.0, void*, _ctx_malloc,
                            ( dmheap_context_t * context, size_t size, const char* module_name ) )
{
    return context_given( context ) ? allocate( context, size, 0, module_name, GUARD_CALLER() ) : NULL;
}

DMOD_INPUT_API_DECLARATION( dmheap, 1.0, void*, _ctx_aligned_alloc,
                            ( dmheap_context_t * context, size_t alignment, size_t size, const char* module_name ) )
{
    return context_given( context ) ? allocate_aligned( context, alignment, size, module_name, GUARD_CALLER() ) : NULL;
}

DMOD_INPUT_API_DECLARATION( dmheap, 1.0, void*, _ctx_calloc,
                            ( dmheap_context_t * context, size_t count, size_t size, const char* module_name ) )
{
    return context_given( context ) ? allocate_zeroed( context, count, size, module_name, GUARD_CALLER() ) : NULL;
}

/* ---- Allocating for a handle ---- */

static void* module_allocate( dmheap_module_t module, size_t size, size_t alignment, const void* caller )
{
    char     name[DMOD_MAX_MODULE_NAME_LENGTH] = "";
    wish_t   wish                              = wish_for( size, alignment, name, caller );
    status_t status                            = STATUS_NOT_SO;
    while( status == STATUS_NOT_SO )
    {
        lock();
        status =
            context_exists( module.context ) ? take_with_key( module.context, &wish, module.key ) : STATUS_STALE_MODULE;
        if( is_refusal( status ) ) owner_name( module.context, key_owner( module.key ), name );
        unlock();
    }
    if( status == STATUS_OK ) return block_payload( wish.context, wish.block );
    if( is_exhausted( status ) )
    {
        wish.except = module.context;
        return grant( NULL, &wish );
    }
    wish.why.status = status;
    report( &wish.why );
    return NULL;
}

DMOD_INPUT_API_DECLARATION( dmheap, 1.0, void*, _module_malloc, ( dmheap_module_t module, size_t size ) )
{
    return module_allocate( module, size, 0, GUARD_CALLER() );
}

DMOD_INPUT_API_DECLARATION( dmheap, 1.0, void*, _module_aligned_alloc,
                            ( dmheap_module_t module, size_t alignment, size_t size ) )
{
    if( alignment_is_valid( alignment ) ) return module_allocate( module, size, alignment, GUARD_CALLER() );
    refuse( STATUS_BAD_ALIGNMENT, size, alignment, NULL );
    return NULL;
}

/* ---- Freeing ---- */

static RARE void release( dmheap_context_t* only, const void* pointer )
{
    dmheap_context_t* context;
    block_t           block;
    if( pointer == NULL ) return;
    lock();
    status_t status = block_locate( only, pointer, &context, &block );
    if( status == STATUS_OK ) status = owner_release( context, block, block_owner( context, block ) );
    unlock();
    if( status != STATUS_OK ) report( &( report_t ){ .status = status, .address = pointer } );
}

DMOD_INPUT_API_DECLARATION( dmheap, 1.0, void, _free, ( void* ptr, bool concatenate ) )
{
    (void)concatenate; /* merging is O(1) and never deferred */
    if( !release_quickly( ptr ) ) release( NULL, ptr );
}

DMOD_INPUT_API_DECLARATION( dmheap, 1.0, void, _ctx_free, ( dmheap_context_t * context, void* ptr, bool concatenate ) )
{
    (void)concatenate;
    if( context_given( context ) ) release( context, ptr );
}

DMOD_INPUT_API_DECLARATION( dmheap, 1.0, void, _concatenate_free_blocks, (void))
{
    /* no two free blocks are ever neighbours: block_release() */
}

DMOD_INPUT_API_DECLARATION( dmheap, 1.0, void, _ctx_concatenate_free_blocks, ( dmheap_context_t * context ) )
{
    (void)context;
}

/* ---- Reallocating ---- */

/* A block on its way to another place. From where it cannot be resized until contents are copied, both places belong to
 * OWNER_MOVING, so that neither free, nor unregister, nor another realloc touches them; they stay booked on the owner,
 * who is not forgotten so. */
typedef struct
{
    wish_t            wish; /* the new place */
    dmheap_context_t* source;
    block_t           from;
    owner_t           owner;
    size_t            bytes;                             /* to copy */
    uint32_t          size;                              /* of the block at the end */
    bool              slides;                            /* extended forward: the two places overlap */
    char              name[DMOD_MAX_MODULE_NAME_LENGTH]; /* of the owner, once it is needed */
} move_t;

/* Resizes without another place. STATUS_NO_MEMORY: another is needed. Locked. */
static status_t resize_here( move_t* move )
{
    dmheap_context_t* context   = move->source;
    holding_t*        holding   = holding_of( context, move->owner );
    size_t            alignment = alignment_in( context, move->wish.why.alignment );
    uint32_t          old       = block_size( context, move->from );
    move->size                  = block_size_to_take( context, move->wish.why.size, alignment );
    if( holding == NULL ) return STATUS_CORRUPTED;
    if( move->size == 0 ) return STATUS_NO_MEMORY;
    status_t status = move->size > old ? holding_admits( holding, move->size, old ) : STATUS_OK;
    if( status != STATUS_OK ) return status;
    if( alignment != 0 && ( (uintptr_t)move->wish.why.address & ( alignment - 1 ) ) != 0 ) return STATUS_NO_MEMORY;

    status = block_resize( context, move->from, move->size );
    if( status != STATUS_OK ) return status;
    block_set_alignment( context, move->from, alignment );
    holding_adjust( holding, old, block_size( context, move->from ) );
    guard_change( context, move->wish.why.address, move->bytes, move->from, move->wish.why.size, move->wish.caller );
    return status;
}

/* Resizes, or begins to move: STATUS_OK or STATUS_NO_MEMORY. Else nothing was changed. Locked. */
static status_t move_begin( move_t* move )
{
    report_t* why = &move->wish.why;
    move->owner   = block_owner( move->source, move->from );
    move->bytes   = block_usable_size( move->source, move->from );
    if( why->alignment == 0 ) why->alignment = block_alignment( move->source, move->from );
    if( move->bytes > why->size ) move->bytes = why->size;
    guard_inspect( move->source, move->from );
    status_t status = resize_here( move );
    if( status == STATUS_NO_MEMORY )
        owner_suspend( move->source, move->from );
    else if( status != STATUS_OK )
        (void)deny( move->source, &move->wish, status );
    return status;
}

/* Finds a place that begins in front of the block and overlaps with it. As block_extend_forward(). Locked. */
static status_t move_forward( move_t* move )
{
    dmheap_context_t* context   = move->source;
    holding_t*        holding   = holding_of( context, move->owner );
    size_t            alignment = alignment_in( context, move->wish.why.alignment );
    uint32_t          old       = block_size( context, move->from );
    if( move->size == 0 || holding == NULL ) return STATUS_NO_MEMORY;
    move->wish.block = move->from;
    status_t status  = block_extend_forward( context, &move->wish.block, move->size, alignment );
    if( status != STATUS_OK ) return status;
    holding_adjust( holding, old, block_size( context, move->wish.block ) );
    guard_open( context, move->wish.block );
    move->wish.context = context;
    move->wish.owner   = move->owner;
    move->slides       = true;
    return status;
}

/* Finds another place in the same heap. As owner_take(). Locked. */
static status_t move_aside( move_t* move )
{
    holding_t* holding = holding_of( move->source, move->owner );
    uint32_t   credit  = block_size( move->source, move->from );
    return holding != NULL ? take_for( move->source, &move->wish, move->owner, holding, credit ) : STATUS_CORRUPTED;
}

/* Names the owner in what will be said. Locked. */
static void move_name( move_t* move )
{
    owner_name( move->source, move->owner, move->name );
    if( move->name[0] != '\0' ) move->wish.why.module = move->name;
}

/* Finds a place in the same heap, one way or the other. Not locked. */
static status_t move_within( move_t* move )
{
    status_t status = STATUS_NO_HEAP;
    lock();
    if( is_suspended( move->source, move->from ) ) status = move_forward( move );
    unlock();
    if( status != STATUS_NO_MEMORY ) return status;
    for( status = STATUS_NOT_SO; status == STATUS_NOT_SO; )
    {
        lock();
        status = is_suspended( move->source, move->from ) ? move_aside( move ) : STATUS_NO_HEAP;
        if( is_refusal( status ) ) move_name( move );
        unlock();
    }
    return status;
}

/* Gives back what an extension forward has too much. Locked. */
static status_t move_trim( const move_t* move )
{
    const wish_t* wish    = &move->wish;
    uint32_t      whole   = block_size( wish->context, wish->block );
    status_t      status  = block_resize( wish->context, wish->block, move->size );
    holding_t*    holding = holding_of( wish->context, wish->owner );
    if( holding != NULL ) holding_adjust( holding, whole, block_size( wish->context, wish->block ) );
    block_set_alignment( wish->context, wish->block, alignment_in( wish->context, wish->why.alignment ) );
    guard_change( wish->context, wish->why.address, move->bytes, wish->block, wish->why.size, wish->caller );
    return status;
}

/* Gives back the place that the contents have left. Locked. */
static status_t move_vacate( const move_t* move )
{
    status_t status = owner_release_suspended( move->source, move->from, move->owner );
    if( status != STATUS_OK ) (void)owner_settle( move->source, move->from, move->owner );
    return status;
}

/* Carries the contents over, and gives the blocks their owners back. Not locked. NULL where the owner left meanwhile. */
static void* move_contents( move_t* move )
{
    wish_t*  wish    = &move->wish;
    void*    payload = block_payload( wish->context, wish->block );
    status_t vacated = STATUS_OK;
    status_t settled = STATUS_NO_HEAP;
    __builtin_memmove( payload, wish->why.address, move->bytes );

    lock();
    if( move->slides && is_suspended( wish->context, wish->block ) ) vacated = move_trim( move );
    if( !move->slides && is_suspended( move->source, move->from ) ) vacated = move_vacate( move );
    unlock();
    lock();
    if( is_suspended( wish->context, wish->block ) ) settled = owner_settle( wish->context, wish->block, wish->owner );
    unlock();
    owner_reap( wish->context, wish->owner );
    owner_reap( move->source, move->owner );
    wish->why.status = vacated;
    if( vacated != STATUS_OK ) report( &wish->why );
    if( settled == STATUS_OK ) return payload;
    wish->why.status = settled;
    report( &wish->why );
    return NULL;
}

/* Leaves a block where it is, since no other place was found. Not locked. */
static status_t move_cancel( const move_t* move )
{
    status_t status = STATUS_NO_HEAP;
    lock();
    if( is_suspended( move->source, move->from ) ) status = owner_settle( move->source, move->from, move->owner );
    unlock();
    owner_reap( move->source, move->owner );
    return status;
}

/* Moves a block that cannot be resized where it is; `again` where it has got another owner meanwhile. Not locked. */
static void* move_away( dmheap_context_t* only, move_t* move, bool* again )
{
    status_t status = move_within( move );
    *again          = false;
    if( status == STATUS_OK ) return move_contents( move );
    bool elsewhere = status == STATUS_NO_MEMORY && only == NULL;
    if( elsewhere )
    {
        move->wish.except = move->source;
        if( grant( NULL, &move->wish ) != NULL ) return move_contents( move );
    }
    *again                = move_cancel( move ) == STATUS_OK && status == STATUS_LEAVING;
    move->wish.why.status = status;
    if( !elsewhere && !*again ) report( &move->wish.why );
    return NULL;
}

/* Says why a call was refused. Not locked. */
static void* refuse_move( move_t* move, status_t status )
{
    lock();
    if( move->owner != OWNER_MOVING && context_exists( move->source ) ) move_name( move );
    unlock();
    move->wish.why.status = status;
    report( &move->wish.why );
    return NULL;
}

static void* reallocate( dmheap_context_t* only, void* pointer, size_t size, size_t alignment, const void* caller )
{
    void* result;
    bool  again;
    do
    {
        move_t move           = { .wish = wish_for( size, alignment, NULL, caller ), .owner = OWNER_MOVING };
        move.wish.moving      = true;
        move.wish.why.address = pointer;
        lock();
        status_t status = block_locate( only, pointer, &move.source, &move.from );
        bool     found  = status == STATUS_OK;
        if( found ) status = move_begin( &move );
        unlock();
        if( status == STATUS_OK ) return pointer;
        if( !found || status != STATUS_NO_MEMORY ) return refuse_move( &move, status );
        result = move_away( only, &move, &again );
    } while( again );
    return result;
}

static void* change_size( dmheap_context_t* only, void* pointer, size_t size, size_t alignment, const char* name,
                          const void* caller )
{
    if( pointer == NULL ) return allocate( only, size, alignment, name, caller );
    if( size != 0 ) return reallocate( only, pointer, size, alignment, caller );
    release( only, pointer );
    return NULL;
}

static void* change_size_aligned( dmheap_context_t* only, void* pointer, size_t size, size_t alignment,
                                  const char* name, const void* caller )
{
    if( alignment_is_valid( alignment ) ) return change_size( only, pointer, size, alignment, name, caller );
    refuse( STATUS_BAD_ALIGNMENT, size, alignment, name );
    return NULL;
}

DMOD_INPUT_API_DECLARATION( dmheap, 1.0, void*, _realloc, ( void* ptr, size_t size, const char* module_name ) )
{
    return change_size( NULL, ptr, size, 0, module_name, GUARD_CALLER() );
}

DMOD_INPUT_API_DECLARATION( dmheap, 1.0, void*, _aligned_realloc,
                            ( void* ptr, size_t alignment, size_t size, const char* module_name ) )
{
    return change_size_aligned( NULL, ptr, size, alignment, module_name, GUARD_CALLER() );
}

DMOD_INPUT_API_DECLARATION( dmheap, 1.0, void*, _ctx_realloc,
                            ( dmheap_context_t * context, void* ptr, size_t size, const char* module_name ) )
{
    return context_given( context ) ? change_size( context, ptr, size, 0, module_name, GUARD_CALLER() ) : NULL;
}

DMOD_INPUT_API_DECLARATION( dmheap, 1.0, void*, _ctx_aligned_realloc,
                            ( dmheap_context_t * context, void* ptr, size_t alignment, size_t size,
                              const char* module_name ) )
{
    return context_given( context ) ? change_size_aligned( context, ptr, size, alignment, module_name, GUARD_CALLER() )
                                    : NULL;
}

static size_t usable_size( dmheap_context_t* only, const void* pointer )
{
    dmheap_context_t* context;
    block_t           block;
    size_t            size = 0;
    if( pointer == NULL ) return 0;
    lock();
    status_t status = block_locate( only, pointer, &context, &block );
    if( status == STATUS_OK ) size = block_usable_size( context, block );
    unlock();
    if( status != STATUS_OK ) report( &( report_t ){ .status = status, .address = pointer } );
    return size;
}

DMOD_INPUT_API_DECLARATION( dmheap, 1.0, size_t, _usable_size, ( const void* ptr ) )
{
    return usable_size( NULL, ptr );
}

DMOD_INPUT_API_DECLARATION( dmheap, 1.0, size_t, _ctx_usable_size, ( dmheap_context_t * context, const void* ptr ) )
{
    return context_given( context ) ? usable_size( context, ptr ) : 0;
}

#ifdef DMHEAP_GUARD

/* ---- For DMOD's API ---- */

void* guarded_malloc( size_t size, const char* name, const void* caller )
{
    return allocate( NULL, size, 0, name, caller );
}

void* guarded_realloc( void* pointer, size_t size, const char* name, const void* caller )
{
    return change_size( NULL, pointer, size, 0, name, caller );
}

void* guarded_aligned_alloc( size_t alignment, size_t size, const char* name, const void* caller )
{
    return allocate_aligned( NULL, alignment, size, name, caller );
}

#endif
