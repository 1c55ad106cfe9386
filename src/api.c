/*
 * Allocating, reallocating and freeing: checks arguments, holds the lock for one bounded step at a time, copies and
 * logs outside of it. May not decide where a block goes.
 */
#include "api.h"
#include "quick.h"

/* ---- Shared with the other files of the public API ---- */

status_t owner_lookup( dmheap_context_t* context, const char* text, bool add, owner_t* owner )
{
    module_name_t  name;
    module_parts_t parts  = { { 0 }, { 0 } };
    status_t       status = STATUS_OK;
    unlock();
    bool valid = module_name_make( text, &name );
    lock();
    *owner = OWNER_NOBODY;
    if( !valid ) return STATUS_BAD_NAME;
    if( !context_exists( context ) ) return STATUS_NO_HEAP;
    if( !add )
    {
        *owner = module_find( context, &name );
        return *owner != OWNER_NOBODY ? STATUS_OK : STATUS_UNKNOWN_MODULE;
    }
    while( ( status = module_register_step( context, &name, &parts, owner ) ) == STATUS_OK )
    {
        unlock();
        lock();
        if( !context_exists( context ) ) return STATUS_NO_HEAP;
    }
    module_parts_release( context, &parts );
    return status == STATUS_KNOWN_MODULE ? STATUS_OK : status;
}

/* Why a block of this owner is not the user's to touch. */
static status_t owner_refusal( owner_t owner )
{
    return owner == OWNER_SYSTEM ? STATUS_SYSTEM_BLOCK : owner == OWNER_MOVING ? STATUS_MOVING : STATUS_CORRUPTED;
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
        if( here == STATUS_OUTSIDE ) continue;
        status = here; /* a heap inside of a block of this one may know the pointer better */
        if( here != STATUS_OK ) continue;
        owner_t owner = block_owner( *context, *block );
        return owner == OWNER_SYSTEM || owner == OWNER_MOVING ? owner_refusal( owner ) : STATUS_OK;
    }
    return status;
}

void owner_name( const dmheap_context_t* context, owner_t owner, char name[DMOD_MAX_MODULE_NAME_LENGTH] )
{
    const module_t* module = module_of( context, owner );
    size_t          i      = 0;
    if( module != NULL )
        for( ; i < DMOD_MAX_MODULE_NAME_LENGTH - 1 && module->name[i] != '\0'; i++ )
            name[i] = module->name[i];
    name[i] = '\0';
}

void owner_unpin( dmheap_context_t* context, owner_t owner )
{
    char          text[DMOD_MAX_MODULE_NAME_LENGTH];
    module_name_t name;
    lock();
    bool forget = context_exists( context ) && module_unpin( context, owner );
    if( forget ) owner_name( context, owner, text );
    unlock();
    if( !forget || !module_name_make( text, &name ) ) return;
    forget_module( context, owner, &name );
}

void forget_module( dmheap_context_t* context, owner_t owner, const module_name_t* name )
{
    lock();
    if( context_exists( context ) ) module_forget( context, owner, name );
    unlock();
    IN_STEPS( context, module_shrink_step( context ) )
}

/* ---- Allocating ---- */

/* What is asked for; `why` collects what to say if it cannot be had. */
typedef struct
{
    size_t      size, alignment; /* bytes; alignment 0: the heap's */
    const char* name;
    bool        moving; /* the block is the target of a realloc: pin the owner, and keep the block from everybody */
    owner_t     owner;  /* who owns it then */
    report_t    why;
} wish_t;

static wish_t wish_for( size_t size, size_t alignment, const char* name )
{
    return ( wish_t ){ .size      = size,
                       .alignment = alignment,
                       .name      = name,
                       .why       = { .size = size, .alignment = alignment, .module = name } };
}

static bool alignment_is_valid( size_t alignment )
{
    return alignment != 0 && ( alignment & ( alignment - 1 ) ) == 0;
}

/* An alignment that every payload of this heap has is none to speak of. */
static inline size_t alignment_in( const dmheap_context_t* context, size_t alignment )
{
    return alignment <= context->granule ? 0 : alignment;
}

/* Takes a block for an owner. Locked. */
static void* take_for( dmheap_context_t* context, wish_t* wish, owner_t owner, uint32_t credit, block_t* block )
{
    module_t* module    = module_of( context, owner );
    size_t    alignment = alignment_in( context, wish->alignment );
    uint32_t  size      = block_size_to_take( context, wish->size, alignment );
    wish->why.status =
        size != 0 ? module_take( context, module, owner, size, alignment, credit, block ) : STATUS_NO_MEMORY;
    if( wish->why.status == STATUS_OK )
    {
        if( wish->moving )
        {
            wish->owner = owner;
            module_begin_move( context, *block, owner );
        }
        return block_payload( context, *block );
    }
    context->failures++;
    wish->why.largest = largest_free( context );
    wish->why.address = context;
    return NULL;
}

/* Resolves the wish's name, and takes a block. Locked on entry, unlocked on return. */
static void* take_and_unlock( dmheap_context_t* context, wish_t* wish, block_t* block )
{
    owner_t  owner;
    void*    payload = NULL;
    status_t known   = owner_resolve( context, wish->name, &owner );
    if( known == STATUS_OK || known == STATUS_REGISTERED )
        payload = take_for( context, wish, owner, 0, block );
    else
    {
        wish->why.status = known;
        if( known != STATUS_NO_HEAP )
        {
            context->failures++;
            wish->why.largest = largest_free( context );
        }
    }
    unlock();
    if( known == STATUS_REGISTERED ) report( &( report_t ){ .status = known, .module = wish->name } );
    return payload;
}

/* Whether another heap may have what this one did not. */
static inline bool is_exhausted( status_t status )
{
    return status == STATUS_NO_MEMORY || status == STATUS_TABLE_FULL;
}

/* Takes a block in the first default heap that has one, `except` left out. Not locked. */
static void* chain_take( wish_t* wish, const dmheap_context_t* except, dmheap_context_t** context, block_t* block )
{
    size_t largest   = wish->why.largest;
    wish->why.status = STATUS_NO_HEAP;
    for( size_t i = 0;; i++ )
    {
        lock();
        if( i >= context_registry.defaults ) break;
        *context = context_registry.all[i];
        if( *context == except )
        {
            wish->why.status = STATUS_NO_MEMORY;
            unlock();
            continue;
        }
        void* payload = take_and_unlock( *context, wish, block );
        if( payload != NULL ) return payload;
        if( wish->why.largest < largest ) wish->why.largest = largest;
        largest = wish->why.largest;
        if( !is_exhausted( wish->why.status ) ) return NULL;
    }
    unlock();
    return NULL;
}

static void* chain_grant( wish_t* wish, const dmheap_context_t* except )
{
    dmheap_context_t* context;
    block_t           block;
    void*             payload = chain_take( wish, except, &context, &block );
    if( payload == NULL ) report( &wish->why );
    return payload;
}

void* chain_allocate( size_t size, size_t alignment, const char* name, const dmheap_context_t* except )
{
    wish_t wish = wish_for( size, alignment, name );
    return chain_grant( &wish, except );
}

static void* context_allocate( dmheap_context_t* context, size_t size, size_t alignment, const char* name )
{
    wish_t  wish    = wish_for( size, alignment, name );
    void*   payload = NULL;
    block_t block;
    lock();
    if( context_exists( context ) )
        payload = take_and_unlock( context, &wish, &block );
    else
    {
        unlock();
        wish.why.status  = STATUS_NO_HEAP;
        wish.why.address = context;
    }
    if( payload == NULL ) report( &wish.why );
    return payload;
}

/* Allocates in one heap or, where that is NULL, in the default heaps. */
static void* allocate( dmheap_context_t* only, size_t size, size_t alignment, const char* name )
{
    return only != NULL ? context_allocate( only, size, alignment, name )
                        : chain_allocate( size, alignment, name, NULL );
}

static void refuse( status_t status, size_t size, size_t alignment, const char* name )
{
    report( &( report_t ){ .status = status, .size = size, .alignment = alignment, .module = name } );
}

static void* allocate_aligned( dmheap_context_t* only, size_t alignment, size_t size, const char* name )
{
    if( alignment_is_valid( alignment ) ) return allocate( only, size, alignment, name );
    refuse( STATUS_BAD_ALIGNMENT, size, alignment, name );
    return NULL;
}

static void* allocate_zeroed( dmheap_context_t* only, size_t count, size_t size, const char* name )
{
    if( size != 0 && count > SIZE_MAX / size )
    {
        refuse( STATUS_OVERFLOW, count, size, name );
        return NULL;
    }
    void* payload = allocate( only, count * size, 0, name );
    if( payload != NULL ) __builtin_memset( payload, 0, count * size );
    return payload;
}

DMOD_INPUT_API_DECLARATION( dmheap, 1.0, void*, _malloc, ( size_t size, const char* module_name ) )
{
    void* payload = take_quickly( size, module_name );
    return payload != NULL ? payload : chain_allocate( size, 0, module_name, NULL );
}

DMOD_INPUT_API_DECLARATION( dmheap, 1.0, void*, _aligned_alloc,
                            ( size_t alignment, size_t size, const char* module_name ) )
{
    return allocate_aligned( NULL, alignment, size, module_name );
}

DMOD_INPUT_API_DECLARATION( dmheap, 1.0, void*, _calloc, ( size_t count, size_t size, const char* module_name ) )
{
    return allocate_zeroed( NULL, count, size, module_name );
}

DMOD_INPUT_API_DECLARATION( dmheap, 1.0, void*, _ctx_malloc,
                            ( dmheap_context_t * context, size_t size, const char* module_name ) )
{
    return context_allocate( context, size, 0, module_name );
}

DMOD_INPUT_API_DECLARATION( dmheap, 1.0, void*, _ctx_aligned_alloc,
                            ( dmheap_context_t * context, size_t alignment, size_t size, const char* module_name ) )
{
    return context_given( context ) ? allocate_aligned( context, alignment, size, module_name ) : NULL;
}

DMOD_INPUT_API_DECLARATION( dmheap, 1.0, void*, _ctx_calloc,
                            ( dmheap_context_t * context, size_t count, size_t size, const char* module_name ) )
{
    return context_given( context ) ? allocate_zeroed( context, count, size, module_name ) : NULL;
}

/* ---- Allocating for a handle ---- */

static void* module_allocate( dmheap_module_t module, size_t size, size_t alignment )
{
    char    name[DMOD_MAX_MODULE_NAME_LENGTH];
    wish_t  wish    = wish_for( size, alignment, NULL );
    void*   payload = NULL;
    block_t block;
    owner_t owner = module.key & UINT16_MAX;
    lock();
    if( !context_exists( module.context ) ||
        !module_is_current( module.context, owner, (uint16_t)( module.key >> 16 ) ) )
        wish.why.status = STATUS_STALE_MODULE;
    else
    {
        payload = take_for( module.context, &wish, owner, 0, &block );
        if( payload == NULL ) owner_name( module.context, owner, name );
        wish.why.module = name;
    }
    unlock();
    if( payload != NULL ) return payload;
    if( !is_exhausted( wish.why.status ) )
    {
        report( &wish.why );
        return NULL;
    }
    wish.name = name;
    return chain_grant( &wish, module.context );
}

DMOD_INPUT_API_DECLARATION( dmheap, 1.0, void*, _module_malloc, ( dmheap_module_t module, size_t size ) )
{
    return module_allocate( module, size, 0 );
}

DMOD_INPUT_API_DECLARATION( dmheap, 1.0, void*, _module_aligned_alloc,
                            ( dmheap_module_t module, size_t alignment, size_t size ) )
{
    if( alignment_is_valid( alignment ) ) return module_allocate( module, size, alignment );
    refuse( STATUS_BAD_ALIGNMENT, size, alignment, NULL );
    return NULL;
}

/* ---- Freeing ---- */

/* Releases a live block unless it is not the user's to release. Locked. */
static inline status_t release_owned( dmheap_context_t* context, block_t block )
{
    owner_t   owner  = block_owner( context, block );
    module_t* module = module_of( context, owner );
    if( module == NULL && owner != OWNER_NOBODY ) return owner_refusal( owner );
    return module_release( context, block, module );
}

static RARE void release( dmheap_context_t* only, void* pointer )
{
    dmheap_context_t* context;
    block_t           block;
    if( pointer == NULL ) return;
    lock();
    status_t status = block_locate( only, pointer, &context, &block );
    if( status == STATUS_OK ) status = release_owned( context, block );
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

/* A block on its way to another place. While contents are copied, both places belong to OWNER_MOVING, so that neither
 * free, nor unregister, nor another realloc touches them. */
typedef struct
{
    dmheap_context_t *source, *target;
    block_t           from, to; /* the same where the block was extended forward */
    owner_t           source_owner, target_owner;
    void*             old_payload;
    size_t            bytes;     /* to copy */
    uint32_t          size;      /* of the block at the end */
    size_t            alignment; /* likewise */
    bool              slides;    /* extended forward: the two places overlap */
} move_t;

static void module_adjust( module_t* module, uint32_t old_size, uint32_t new_size )
{
    if( module == NULL ) return;
    module->live += new_size - old_size;
    if( module->live > module->peak ) module->peak = module->live;
}

/* Resizes without another place, or extends forward. STATUS_OK: done; STATUS_MOVING: `move` is to be carried out. */
static status_t resize_here( move_t* move )
{
    dmheap_context_t* context = move->source;
    module_t*         module  = module_of( context, move->source_owner );
    uint32_t          old     = block_size( context, move->from );
    bool              aligned = ( (uintptr_t)move->old_payload & ( move->alignment - 1 ) ) == 0 || move->alignment == 0;
    status_t          status  = STATUS_OK;
    if( module == NULL && move->source_owner >= OWNER_FIRST_MODULE ) return STATUS_CORRUPTED;
    if( module != NULL && move->size > old ) status = module_admits( module, move->size, old );
    if( status != STATUS_OK || move->size == 0 || !aligned ) return status != STATUS_OK ? status : STATUS_NO_MEMORY;

    status = block_resize( context, move->from, move->size );
    if( status == STATUS_OK )
    {
        block_set_alignment( context, move->from, move->alignment );
        module_adjust( module, old, block_size( context, move->from ) );
        return STATUS_OK;
    }
    if( status != STATUS_NO_MEMORY ) return status;

    move->to = move->from;
    status   = block_extend_forward( context, &move->to, move->size, move->alignment );
    if( status != STATUS_OK ) return status;
    module_adjust( module, old, block_size( context, move->to ) );
    module_begin_move( context, move->to, move->source_owner );
    move->target       = context;
    move->target_owner = move->source_owner;
    move->slides       = true;
    return STATUS_MOVING;
}

/* Looks for another place in the same heap. STATUS_MOVING: found. Locked. */
static status_t move_here( move_t* move, wish_t* wish )
{
    move->target = move->source;
    if( take_for( move->source, wish, move->source_owner, block_size( move->source, move->from ), &move->to ) == NULL )
        return wish->why.status;
    move->target_owner = wish->owner;
    return STATUS_MOVING;
}

/* Carries the contents over, and gives the blocks their owners back. Not locked. NULL where the owner left meanwhile. */
static void* move_contents( move_t* move, report_t* why )
{
    void* payload = block_payload( move->target, move->to );
    if( move->slides )
        __builtin_memmove( payload, move->old_payload, move->bytes );
    else
        __builtin_memcpy( payload, move->old_payload, move->bytes );

    lock();
    if( move->slides )
    {
        module_t* module = module_of( move->target, move->target_owner );
        uint32_t  whole  = block_size( move->target, move->to );
        why->status      = block_resize( move->target, move->to, move->size );
        module_adjust( module, whole, block_size( move->target, move->to ) );
        block_set_alignment( move->target, move->to, move->alignment );
    }
    else
    {
        why->status = module_release( move->source, move->from, module_of( move->source, move->source_owner ) );
        if( why->status == STATUS_OK )
            move->source->moving--;
        else
            (void)module_settle( move->source, move->from, move->source_owner );
    }
    status_t settled = module_settle( move->target, move->to, move->target_owner );
    unlock();
    if( why->status != STATUS_OK )
    {
        why->address = move->old_payload;
        report( why );
    }
    owner_unpin( move->target, move->target_owner );
    if( !move->slides ) owner_unpin( move->source, move->source_owner );
    why->status = settled;
    return settled == STATUS_LEAVING ? NULL : payload;
}

/* Looks for a place in the other default heaps, and moves there. Not locked; the source is marked as moving. */
static void* move_elsewhere( move_t* move, wish_t* wish, const char* owner )
{
    wish->name = owner[0] != '\0' ? owner : NULL;
    if( chain_take( wish, move->source, &move->target, &move->to ) != NULL )
    {
        move->target_owner = wish->owner;
        return move_contents( move, &wish->why );
    }
    lock();
    (void)module_settle( move->source, move->from, move->source_owner );
    unlock();
    owner_unpin( move->source, move->source_owner );
    return NULL;
}

/* Notes what is to become of a block. `alignment` 0: the one that it was asked for. Locked. */
static void plan_move( move_t* move, wish_t* wish, char owner[DMOD_MAX_MODULE_NAME_LENGTH] )
{
    if( wish->alignment == 0 ) wish->alignment = block_alignment( move->source, move->from );
    move->alignment    = alignment_in( move->source, wish->alignment );
    move->size         = block_size_to_take( move->source, wish->size, move->alignment );
    move->source_owner = block_owner( move->source, move->from );
    move->bytes        = block_usable_size( move->source, move->from );
    if( move->bytes > wish->size ) move->bytes = wish->size;
    owner_name( move->source, move->source_owner, owner );
    wish->moving     = true;
    wish->why.module = owner[0] != '\0' ? owner : NULL;
}

static void* reallocate( dmheap_context_t* only, void* pointer, size_t size, size_t alignment )
{
    char   owner[DMOD_MAX_MODULE_NAME_LENGTH];
    move_t move = { .old_payload = pointer };
    wish_t wish = wish_for( size, alignment, NULL );
    lock();
    status_t status = block_locate( only, pointer, &move.source, &move.from );
    if( status != STATUS_OK )
    {
        unlock();
        report( &( report_t ){ .status = status, .address = pointer } );
        return NULL;
    }
    plan_move( &move, &wish, owner );
    status = resize_here( &move );
    if( status == STATUS_NO_MEMORY )
    {
        status = move_here( &move, &wish );
        if( status == STATUS_MOVING || ( status == STATUS_NO_MEMORY && only == NULL ) )
            module_begin_move( move.source, move.from, move.source_owner );
    }
    else if( status != STATUS_OK && status != STATUS_MOVING )
        move.source->failures++;
    unlock();

    void* payload    = NULL;
    wish.why.status  = status;
    wish.why.address = pointer;
    if( status == STATUS_OK ) return pointer;
    if( status == STATUS_MOVING )
        payload = move_contents( &move, &wish.why );
    else if( status == STATUS_NO_MEMORY && only == NULL )
        payload = move_elsewhere( &move, &wish, owner );
    if( payload == NULL ) report( &wish.why );
    return payload;
}

static void* change_size( dmheap_context_t* only, void* pointer, size_t size, size_t alignment, const char* name )
{
    if( pointer == NULL ) return allocate( only, size, alignment, name );
    if( size != 0 ) return reallocate( only, pointer, size, alignment );
    release( only, pointer );
    return NULL;
}

static void* change_size_aligned( dmheap_context_t* only, void* pointer, size_t size, size_t alignment,
                                  const char* name )
{
    if( alignment_is_valid( alignment ) ) return change_size( only, pointer, size, alignment, name );
    refuse( STATUS_BAD_ALIGNMENT, size, alignment, name );
    return NULL;
}

DMOD_INPUT_API_DECLARATION( dmheap, 1.0, void*, _realloc, ( void* ptr, size_t size, const char* module_name ) )
{
    return change_size( NULL, ptr, size, 0, module_name );
}

DMOD_INPUT_API_DECLARATION( dmheap, 1.0, void*, _aligned_realloc,
                            ( void* ptr, size_t alignment, size_t size, const char* module_name ) )
{
    return change_size_aligned( NULL, ptr, size, alignment, module_name );
}

DMOD_INPUT_API_DECLARATION( dmheap, 1.0, void*, _ctx_realloc,
                            ( dmheap_context_t * context, void* ptr, size_t size, const char* module_name ) )
{
    return context_given( context ) ? change_size( context, ptr, size, 0, module_name ) : NULL;
}

DMOD_INPUT_API_DECLARATION( dmheap, 1.0, void*, _ctx_aligned_realloc,
                            ( dmheap_context_t * context, void* ptr, size_t alignment, size_t size,
                              const char* module_name ) )
{
    return context_given( context ) ? change_size_aligned( context, ptr, size, alignment, module_name ) : NULL;
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
