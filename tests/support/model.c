/*
 * See model.h. A block's contents are made from a number of its own, so that a byte that another block wrote shows.
 *
 * What a call may come to is foretold heap by heap, as the heaps are asked: a heap gives, has not enough, or does not give
 * by a limit, which ends the search. Where the model does not know enough, as of a block at an alignment or of room for the
 * record of a new module, it allows both.
 */
#include "model.h"

#include <string.h>

#include "fixture.h"
#include "random.h"

enum
{
    BLOCKS  = 400,
    MODULES = 12, /* the last name is that of nobody */
    NOBODY  = MODULES - 1,
    HANDLES = 6,

    /* The heaps of a run; the first is always there, and a default one, the last lies in a block of another. */
    FIRST   = 0,
    SECOND  = 1,
    THIRD   = 2,
    NESTED  = 3,
    HEAPS   = 4,
    NO_HEAP = HEAPS,

    HEADER    = 4,  /* bytes of a block that are not its payload, as is a word at its end for an alignment */
    SMALLEST  = 16, /* what is less is not left free behind a block */
    NEST_FROM = 512 /* bytes of a block that a heap is made in */
};

typedef struct
{
    unsigned char* payload;
    size_t         size;
    size_t         alignment; /* that the block keeps: 0, where it is that of its heap */
    size_t         bytes;     /* of heap that it takes */
    unsigned       heap;
    unsigned       owner;
    uint32_t       pattern;
    bool           hosts; /* the nested heap lies in it */
} entry_t;

/* What a module has in one heap. */
typedef struct
{
    bool     known;
    unsigned blocks;
    size_t   live, peak, limit; /* bytes */
} account_t;

typedef struct
{
    dmheap_context_t* context; /* NULL: there is none */
    size_t            size, granule;
    uint32_t          failures;
    unsigned          modules;
    dmheap_stats_t    before; /* as it was before the call */
    account_t         of[MODULES];
} heap_t;

typedef struct
{
    dmheap_module_t module;
    unsigned        heap; /* NO_HEAP: the module is gone, the handle stale */
    unsigned        owner;
} handle_t;

static const char* const names[MODULES] = {
    "a", "net", "network", "fs", "sensor#1", "sensor#2", "a_name_of_thirty-one_characters", "x", "y", "z", "B", NULL };

static entry_t  blocks[BLOCKS];
static unsigned count;
static heap_t   heaps[HEAPS];
static unsigned order[HEAPS]; /* of the default heaps */
static unsigned defaults;
static handle_t handles[HANDLES];

static model_heap_t config;
static size_t       guard; /* bytes that a debugging build adds to a block */
static unsigned     turn;
static unsigned     limited;   /* the module that got a limit last */
static bool         unchanged; /* the call must have left all figures as they were */
static bool         undone;    /* but what it took in one heap may show, since another one had no room */

/* Where decisions come from: a fuzzer's bytes, or where there are none a seed. */
static uint32_t       state;
static const uint8_t* bytes;
static size_t         bytes_left;

static uint32_t draw( uint32_t below )
{
    uint32_t number = 0;
    if( bytes == NULL ) return draw_from( &state, below );
    for( uint32_t most = below - 1; most != 0 && bytes_left != 0; most >>= 8, bytes_left-- )
        number = number << 8 | *bytes++;
    return number % below;
}

static size_t draw_size( void )
{
    unsigned bits = 1;
    while( (size_t)1 << ( bits + 3 ) < config.size )
        bits++;
    uint32_t kind = draw( 64 );
    if( kind == 0 ) return SIZE_MAX - draw( 64 );
    if( kind < 3 ) return config.size / ( 1 + draw( 4 ) ) + draw( 64 );
    size_t most = (size_t)1 << draw( bits + 1 );
    return kind < 7 ? 0 : draw( (uint32_t)most ) + ( draw( 4 ) != 0 );
}

/* ---- Contents ---- */

static void fill( const entry_t* entry, size_t from )
{
    for( size_t i = from; i < entry->size; i++ )
        entry->payload[i] = (unsigned char)( entry->pattern + i * 7 );
}

static bool is_filled( const entry_t* entry, size_t size )
{
    for( size_t i = 0; i < size && !entry->hosts; i++ )
        if( entry->payload[i] != (unsigned char)( entry->pattern + i * 7 ) ) return false;
    return true;
}

static bool overlaps( const entry_t* entry )
{
    for( unsigned i = 0; i < count; i++ )
        if( &blocks[i] != entry && blocks[i].heap == entry->heap &&
            entry->payload < blocks[i].payload + blocks[i].size && blocks[i].payload < entry->payload + entry->size )
            return true;
    return false;
}

/* ---- Heaps ---- */

static unsigned position_of( unsigned heap )
{
    unsigned position = 0;
    while( position < defaults && order[position] != heap )
        position++;
    return position;
}

static bool is_default( unsigned heap )
{
    return position_of( heap ) < defaults;
}

static unsigned heap_of( const dmheap_context_t* context )
{
    unsigned heap = 0;
    while( heap < HEAPS && ( context == NULL || heaps[heap].context != context ) )
        heap++;
    return heap;
}

static unsigned heaps_there( void )
{
    unsigned there = 0;
    for( unsigned heap = 0; heap < HEAPS; heap++ )
        there += heaps[heap].context != NULL;
    return there;
}

/* A heap that is there. */
static unsigned draw_heap( void )
{
    unsigned heap = draw( HEAPS );
    return heaps[heap].context != NULL ? heap : FIRST;
}

/* What the visitor says of a block, and of the one behind it. */
typedef struct
{
    const void* payload;
    size_t      bytes;  /* 0: not found */
    size_t      behind; /* bytes of a free block */
    unsigned    owner;
} look_t;

static bool is_owner( unsigned owner, const char* name )
{
    return strcmp( name, owner != NOBODY ? names[owner] : "" ) == 0;
}

static bool look_at( const dmheap_block_info_t* block, void* user )
{
    look_t* look = user;
    if( look->bytes != 0 )
    {
        if( block->use == DMHEAP_BLOCK_FREE ) look->behind = block->block_bytes;
        return false;
    }
    if( block->address != look->payload || block->use != DMHEAP_BLOCK_LIVE ) return true;
    look->bytes = block->block_bytes;
    look->owner = 0;
    while( look->owner < MODULES && !is_owner( look->owner, block->owner ) )
        look->owner++;
    return true;
}

static look_t look( unsigned heap, const void* payload )
{
    look_t found = { .payload = payload };
    dmheap_ctx_visit_blocks( heaps[heap].context, look_at, &found );
    return found;
}

/* ---- Accounts ---- */

static bool is_name( unsigned owner )
{
    return owner != NOBODY && strlen( names[owner] ) < DMHEAP_NAME_SIZE;
}

static void know( unsigned heap, unsigned owner )
{
    account_t* account = &heaps[heap].of[owner];
    if( account->known ) return;
    *account = ( account_t ){ .known = true, .limit = SIZE_MAX };
    heaps[heap].modules++;
}

static void charge( unsigned heap, unsigned owner, size_t from, size_t to )
{
    account_t* account = &heaps[heap].of[owner];
    account->live += to - from;
    if( account->live > account->peak ) account->peak = account->live;
}

static void book( const entry_t* entry )
{
    know( entry->heap, entry->owner );
    heaps[entry->heap].of[entry->owner].blocks++;
    charge( entry->heap, entry->owner, 0, entry->bytes );
}

static void unbook( const entry_t* entry )
{
    heaps[entry->heap].of[entry->owner].blocks--;
    charge( entry->heap, entry->owner, entry->bytes, 0 );
}

static void lose_nested( void );

static void drop( unsigned i )
{
    entry_t entry = blocks[i];
    unbook( &entry );
    blocks[i] = blocks[--count];
    if( entry.hosts ) lose_nested();
}

/* Forgets a module of one heap with all that it has there, and its handles. */
static void forget( unsigned heap, unsigned owner )
{
    if( !heaps[heap].of[owner].known ) return;
    for( unsigned i = 0; i < HANDLES; i++ )
        if( handles[i].heap == heap && handles[i].owner == owner ) handles[i].heap = NO_HEAP;
    heaps[heap].of[owner] = ( account_t ){ .known = false };
    heaps[heap].modules--;
}

/* Forgets a heap with all that is in it. */
static void lose_heap( unsigned heap )
{
    for( unsigned i = 0; i < count; )
    {
        if( blocks[i].heap != heap )
            i++;
        else
        {
            bool hosted = blocks[i].hosts;
            drop( i );
            if( hosted ) i = 0; /* others went with it */
        }
    }
    for( unsigned i = 0; i < HANDLES; i++ )
        if( handles[i].heap == heap ) handles[i].heap = NO_HEAP;
    unsigned position = position_of( heap );
    if( position < defaults ) defaults--;
    for( ; position < defaults; position++ )
        order[position] = order[position + 1];
    heaps[heap] = ( heap_t ){ .context = NULL };
}

static void lose_nested( void )
{
    if( heaps[NESTED].context != NULL ) lose_heap( NESTED );
}

/* Takes the nested heap down, so that its block is one as any other. */
static const char* end_nested( void )
{
    if( heaps[NESTED].context == NULL ) return NULL;
    bool ended = dmheap_ctx_deinit( heaps[NESTED].context );
    lose_nested();
    for( unsigned i = 0; i < count; i++ )
    {
        if( !blocks[i].hosts ) continue;
        blocks[i].hosts = false;
        fill( &blocks[i], 0 );
    }
    unchanged = false;
    return ended ? NULL : "the nested heap cannot be taken down";
}

/* ---- What is to be expected ---- */

typedef struct
{
    size_t         size, alignment; /* 0: that of the heap */
    unsigned       owner;
    const entry_t* old; /* that is to be resized, NULL: none */
} request_t;

typedef enum
{
    GIVES,
    IS_FULL,
    IS_LIMITED,
    MAY_GIVE
} verdict_t;

/* Bytes of a block; its alignment is of matter where it is more than that of the heap. */
static size_t bytes_for( unsigned heap, size_t size, size_t alignment )
{
    size_t granule = heaps[heap].granule;
    size_t whole   = size + HEADER + guard + ( alignment > granule ? 4 : 0 );
    if( size > SIZE_MAX / 4 ) return SIZE_MAX / 2;
    whole = ( whole + granule - 1 ) / granule * granule;
    return whole < SMALLEST ? SMALLEST : whole;
}

/* More than the record of a new module, and a larger table of modules, ever take. */
static size_t record_most( unsigned heap )
{
    return heaps[heap].size / 128 + 384;
}

static verdict_t room_for( unsigned heap, const request_t* request )
{
    const heap_t* h       = &heaps[heap];
    size_t        largest = h->before.largest_free_block;
    bool          aligned = request->alignment > h->granule;
    size_t        least   = request->size > SIZE_MAX / 4 ? request->size : request->size + ( aligned ? 4 : 0 );
    size_t        most    = least;
    if( least > largest || h->before.free_bytes == 0 ) return IS_FULL;
    if( largest == 0 ) return MAY_GIVE; /* a debugging build may have no payload at all for a smallest block */
    if( aligned ) most = bytes_for( heap, request->size, request->alignment ) + request->alignment + SMALLEST;
    if( !h->of[request->owner].known )
    {
        if( h->modules == DMHEAP_MAX_MODULES ) return IS_FULL;
        most += record_most( heap );
    }
    return most > largest || most < least ? MAY_GIVE : GIVES;
}

/* What a heap comes to when it is asked. */
static verdict_t ask( unsigned heap, const request_t* request )
{
    const account_t* account = &heaps[heap].of[request->owner];
    const entry_t*   old     = request->old != NULL && request->old->heap == heap ? request->old : NULL;
    size_t           needed  = bytes_for( heap, request->size, request->alignment );
    size_t           given   = old != NULL ? old->bytes : 0;
    bool             aligned = old != NULL && ( request->alignment <= heaps[heap].granule ||
                                    ( (uintptr_t)old->payload & ( request->alignment - 1 ) ) == 0 );
    if( aligned && needed <= given ) return GIVES;
    if( account->known && needed > given && account->live - given + needed > account->limit ) return IS_LIMITED;
    if( aligned && given + look( heap, old->payload ).behind >= needed ) return GIVES;
    return room_for( heap, request );
}

/* What a call may come to, heap after heap. */
typedef struct
{
    unsigned first;      /* heap that is asked, and counts a refusal */
    unsigned givers;     /* a bit for each heap that may give */
    bool     may_refuse; /* the call may be refused */
} forecast_t;

/* Asks one heap and then, where it is no other's business, the default ones. */
static forecast_t foretell( unsigned first, bool others, request_t request )
{
    forecast_t forecast = { .first = first, .may_refuse = config.may_fail };
    unsigned   asked    = 0;
    unsigned   heap     = first;
    for( unsigned next = 0;; )
    {
        verdict_t verdict = ask( heap, &request );
        asked |= 1u << heap;
        if( verdict == GIVES || verdict == MAY_GIVE || config.may_fail ) forecast.givers |= 1u << heap;
        if( verdict == IS_LIMITED ) forecast.may_refuse = true;
        if( ( verdict == GIVES && !config.may_fail ) || verdict == IS_LIMITED ) return forecast;
        while( next < defaults && ( asked >> order[next] & 1u ) != 0 )
            next++;
        if( !others || next == defaults ) break;
        heap = order[next];
        /* what every block has in a heap is kept in another one */
        if( request.old != NULL && request.alignment < heaps[first].granule ) request.alignment = heaps[first].granule;
    }
    forecast.may_refuse = true;
    return forecast;
}

/* Judges a refusal. */
static const char* refused( const forecast_t* forecast )
{
    heaps[forecast->first].failures++;
    return forecast->may_refuse ? NULL : "a request was refused without a reason";
}

/* Judges where a block is and how large, and puts down which heap it is in. */
static const char* granted( const forecast_t* forecast, const request_t* request, entry_t* entry )
{
    unsigned heap      = heap_of( dmheap_ctx_of( entry->payload ) );
    size_t   alignment = request->alignment;
    if( heap == NO_HEAP || ( forecast->givers >> heap & 1u ) == 0 ) return "a heap gave a block that it should not";
    if( request->old != NULL && heap != request->old->heap && alignment < heaps[request->old->heap].granule )
        alignment = heaps[request->old->heap].granule;
    size_t granule   = heaps[heap].granule;
    size_t needed    = bytes_for( heap, request->size, alignment );
    look_t found     = look( heap, entry->payload );
    entry->size      = request->size;
    entry->alignment = alignment > granule ? alignment : 0;
    entry->heap      = heap;
    entry->bytes     = found.bytes;
    unchanged        = false;
    if( ( (uintptr_t)entry->payload & ( ( alignment > granule ? alignment : granule ) - 1 ) ) != 0 )
        return "a payload is not aligned";
    if( overlaps( entry ) ) return "two live blocks overlap";
    if( found.bytes < needed || found.bytes - needed >= SMALLEST ) return "a block is not as large as it should be";
    if( found.owner != entry->owner ) return "a block belongs to somebody else";
    if( dmheap_usable_size( entry->payload ) < entry->size ) return "the usable size is less than what was asked for";
    return NULL;
}

/* ---- Handles ---- */

static bool handle_may( const handle_t* handle, const entry_t* entry )
{
    return handle->heap != NO_HEAP && entry->owner == handle->owner &&
           ( entry->heap == handle->heap || is_default( entry->heap ) );
}

static const char* open_handle( void )
{
    handle_t* handle = &handles[draw( HANDLES )];
    unsigned  owner  = draw( MODULES );
    unsigned  heap   = draw( 3 ) != 0 ? order[0] : draw_heap();
    bool      known  = owner != NOBODY && heaps[heap].of[owner].known;
    size_t    free   = heaps[heap].before.largest_free_block;
    bool      opened;
    if( draw( 4 ) == 0 ) /* without a handle */
    {
        opened = heap == order[0] ? dmheap_register_module( names[owner] )
                                  : dmheap_ctx_register_module( heaps[heap].context, names[owner] );
        handle = NULL;
    }
    else
    {
        dmheap_module_t module = heap == order[0] ? dmheap_module_open( names[owner] )
                                                  : dmheap_ctx_module_open( heaps[heap].context, names[owner] );
        opened                 = module.context != NULL;
        *handle                = ( handle_t ){ module, opened ? heap : (unsigned)NO_HEAP, owner };
        if( opened && module.context != heaps[heap].context ) return "a module was opened in another heap";
    }
    if( opened && !is_name( owner ) ) return "a bad name was registered";
    if( !opened && known ) return "a module that is known cannot be opened";
    if( !opened && is_name( owner ) && !config.may_fail && free >= record_most( heap ) &&
        heaps[heap].modules < DMHEAP_MAX_MODULES )
        return "a module was not registered although there is room";
    if( !opened ) return NULL;
    unchanged = known;
    know( heap, owner );
    return NULL;
}

/* ---- Allocating ---- */

/* Calls that no heap is asked for. */
static bool refuses_nonsense( const handle_t* handle, unsigned owner )
{
    static char too_long[DMHEAP_NAME_SIZE + 1];
    memset( too_long, 'n', DMHEAP_NAME_SIZE );
    const char* name = names[owner];
    switch( draw( 5 ) )
    {
    case 0: return dmheap_calloc( SIZE_MAX / 2, 3, name ) == NULL;
    case 1: return dmheap_aligned_alloc( 24, 8, name ) == NULL;
    case 2: return dmheap_malloc( 8, too_long ) == NULL;
    case 3: return dmheap_module_aligned_alloc( handle->module, 0, 8 ) == NULL;
    default: return dmheap_module_calloc( handle->module, 3, SIZE_MAX / 2 ) == NULL;
    }
}

static const char* allocate( void )
{
    handle_t*  handle  = &handles[draw( HANDLES )];
    unsigned   heap    = draw_heap();
    uint32_t   way     = draw( 16 );
    request_t  request = { .size = draw_size(), .owner = draw( MODULES ) };
    entry_t    entry   = { .pattern = ++state };
    bool       refuses = false; /* no heap is asked */
    forecast_t forecast;
    void*      got;
    if( count == BLOCKS ) return NULL;
    if( draw( 4 ) == 0 )
    {
        request.owner = limited;
        if( draw( 4 ) == 0 ) request.size = heaps[order[0]].size + draw( 64 ); /* which only another heap can have */
    }
    if( way == 0 ) return refuses_nonsense( handle, request.owner ) ? NULL : "nonsense was granted";
    if( way == 2 || way == 5 || way == 8 ) request.alignment = (size_t)1 << draw( 10 );
    if( way >= 7 )
    {
        const char* name = names[request.owner];
        refuses          = !is_name( request.owner ) && name != NULL;
        forecast         = way < 10 ? foretell( heap, false, request ) : foretell( order[0], true, request );
        got              = way == 7 ? dmheap_ctx_malloc( heaps[heap].context, request.size, name )
                           : way == 8 ? dmheap_ctx_aligned_alloc( heaps[heap].context, request.alignment, request.size, name )
                           : way == 9  ? dmheap_ctx_calloc( heaps[heap].context, 1, request.size, name )
                           : way == 10 ? dmheap_calloc( request.size, 1, name )
                           : way == 11 ? dmheap_realloc( NULL, request.size, name )
                                       : dmheap_malloc( request.size, name );
    }
    else if( way >= 5 )
    {
        const char* name = names[request.owner];
        refuses          = !is_name( request.owner ) && name != NULL;
        if( way == 6 ) request.alignment = (size_t)1 << draw( 6 );
        forecast = foretell( order[0], true, request );
        got      = way == 5 ? dmheap_aligned_alloc( request.alignment, request.size, name )
                            : dmheap_aligned_realloc( NULL, request.alignment, request.size, name );
    }
    else
    {
        request.owner = handle->owner;
        refuses       = handle->heap == NO_HEAP;
        forecast      = refuses ? ( forecast_t ){ 0 } : foretell( handle->heap, true, request );
        got           = way == 1   ? dmheap_module_malloc( handle->module, request.size )
                        : way == 2 ? dmheap_module_aligned_alloc( handle->module, request.alignment, request.size )
                        : way == 3 ? dmheap_module_calloc( handle->module, 1, request.size )
                                   : dmheap_module_realloc( handle->module, NULL, request.size );
    }
    if( refuses ) return got == NULL ? NULL : "a stale handle or a bad name got a block";
    if( got == NULL ) return refused( &forecast );
    entry.payload     = got;
    entry.owner       = request.owner;
    const char* wrong = granted( &forecast, &request, &entry );
    if( wrong != NULL ) return wrong;
    for( size_t i = 0; i < entry.size && ( way == 3 || way == 9 || way == 10 ); i++ )
        if( entry.payload[i] != 0 ) return "what calloc gave is not zero";
    book( &entry );
    fill( &entry, 0 );
    blocks[count++] = entry;
    return NULL;
}

/* ---- Freeing ---- */

static const char* release( void )
{
    if( count == 0 ) return NULL;
    unsigned  i      = draw( count );
    entry_t*  entry  = &blocks[i];
    handle_t* handle = &handles[draw( HANDLES )];
    unsigned  heap   = draw( 4 ) == 0 ? draw_heap() : entry->heap;
    uint32_t  way    = draw( 8 );
    bool      freed  = true;
    if( !is_filled( entry, entry->size ) ) return "a block's contents changed";
    if( way == 2 ) freed = handle_may( handle, entry );
    if( way == 3 ) freed = heap == entry->heap;
    if( entry->hosts ) return end_nested();
    if( way == 2 )
        dmheap_module_free( handle->module, entry->payload );
    else if( way == 3 )
        dmheap_ctx_free( heaps[heap].context, entry->payload, true );
    else if( way == 4 )
        dmheap_free( entry->payload, true );
    else
        dmheap_free( entry->payload, false );
    if( !freed ) return dmheap_ctx_of( entry->payload ) != NULL ? NULL : "a stranger freed a block";
    unchanged = false;
    drop( i );
    return NULL;
}

/* ---- Reallocating ---- */

static const char* reallocate( void )
{
    if( count == 0 ) return NULL;
    unsigned  i       = draw( count );
    entry_t*  entry   = &blocks[i];
    entry_t   old     = *entry;
    handle_t* handle  = &handles[draw( HANDLES )];
    unsigned  heap    = draw( 8 ) == 0 ? draw_heap() : old.heap;
    uint32_t  way     = draw( 12 );
    uint32_t  near    = draw( 4 );
    size_t    usable  = dmheap_usable_size( old.payload );
    request_t request = { .size = draw_size(), .alignment = old.alignment, .owner = old.owner, .old = &old };
    bool      only    = way == 2 || way == 3;
    bool      by      = way == 4 || way == 5;
    bool      refuses = ( only && heap != old.heap ) || ( by && !handle_may( handle, &old ) );
    if( !is_filled( entry, entry->size ) ) return "a block's contents changed";
    if( entry->hosts ) return NULL;
    if( near == 0 ) request.size = usable - ( usable != 0 ? draw( 3 ) : 0 );
    if( near == 1 ) request.size = usable + draw( 40 );
    if( way == 1 || way == 3 || way == 5 ) request.alignment = (size_t)1 << draw( 8 );

    size_t      kept = request.size < old.size ? request.size : old.size;
    const char* name = names[draw( MODULES )]; /* without effect */
    bool        in_place =
        bytes_for( old.heap, request.size, request.alignment ) <= old.bytes &&
        ( request.alignment <= heaps[old.heap].granule || ( (uintptr_t)old.payload & ( request.alignment - 1 ) ) == 0 );
    forecast_t forecast = foretell( old.heap, !only && is_default( old.heap ), request );
    void*      moved;
    switch( way )
    {
    case 1: moved = dmheap_aligned_realloc( old.payload, request.alignment, request.size, name ); break;
    case 2: moved = dmheap_ctx_realloc( heaps[heap].context, old.payload, request.size, name ); break;
    case 3:
        moved = dmheap_ctx_aligned_realloc( heaps[heap].context, old.payload, request.alignment, request.size, name );
        break;
    case 4: moved = dmheap_module_realloc( handle->module, old.payload, request.size ); break;
    case 5:
        moved = dmheap_module_aligned_realloc( handle->module, old.payload, request.alignment, request.size );
        break;
    default: moved = dmheap_realloc( old.payload, request.size, name ); break;
    }
    if( moved == NULL && ( refuses || request.size != 0 ) && !is_filled( entry, entry->size ) )
        return "a failed realloc touched the old block";
    if( refuses ) return moved == NULL ? NULL : "a stranger resized a block";
    if( request.size == 0 )
    {
        drop( i );
        unchanged = false;
        return moved == NULL ? NULL : "realloc to size 0 returned a block";
    }
    if( moved == NULL ) return refused( &forecast );
    if( in_place && moved != old.payload ) return "a block moved although it was large enough";
    entry->payload    = moved;
    const char* wrong = granted( &forecast, &request, entry );
    if( wrong != NULL ) return wrong;
    if( !is_filled( entry, kept ) ) return "realloc lost contents";
    if( entry->heap == old.heap )
        charge( old.heap, old.owner, old.bytes, entry->bytes );
    else
    {
        unbook( &old );
        book( entry );
    }
    fill( entry, 0 );
    return NULL;
}

/* ---- Owners ---- */

static const char* retag( void )
{
    if( count == 0 ) return NULL;
    entry_t*   entry   = &blocks[draw( count )];
    unsigned   owner   = draw( MODULES );
    unsigned   heap    = draw( 8 ) == 0 ? draw_heap() : entry->heap;
    bool       only    = draw( 4 ) == 0;
    account_t* taker   = &heaps[entry->heap].of[owner];
    bool       refuses = ( owner != NOBODY && !is_name( owner ) ) || ( only && heap != entry->heap );
    bool       same    = owner == entry->owner;
    bool       may_not = config.may_fail;
    if( taker->known )
        refuses |= !same && taker->live + entry->bytes > taker->limit;
    else
        may_not |= heaps[entry->heap].before.largest_free_block < record_most( entry->heap ) ||
                   heaps[entry->heap].modules == DMHEAP_MAX_MODULES;
    bool done = only ? dmheap_ctx_retag( heaps[heap].context, entry->payload, names[owner] )
                     : dmheap_retag( entry->payload, names[owner] );
    if( done && refuses ) return "a block was retagged that should not be";
    if( !done ) return refuses || may_not ? NULL : "a retag was refused without a reason";
    if( same ) return NULL;
    unbook( entry );
    entry->owner = owner;
    book( entry );
    unchanged = false;
    return NULL;
}

static const char* unregister( void )
{
    unsigned owner = draw( NOBODY );
    unsigned only  = draw( 3 ) == 0 ? draw_heap() : (unsigned)NO_HEAP;
    if( only != NO_HEAP )
        dmheap_ctx_unregister_module( heaps[only].context, names[owner] );
    else
        dmheap_unregister_module( names[owner] );
    for( unsigned heap = 0; heap < HEAPS; heap++ )
    {
        if( ( only != NO_HEAP && heap != only ) || !heaps[heap].of[owner].known ) continue;
        unchanged = false;
        for( unsigned i = 0; i < count; )
        {
            if( blocks[i].heap != heap || blocks[i].owner != owner )
                i++;
            else
            {
                bool hosted = blocks[i].hosts;
                drop( i );
                if( hosted ) i = 0; /* others went with it */
            }
        }
        forget( heap, owner );
    }
    bool nested = dmheap_ctx_find( "nested" ) != NULL;
    /* a heap of which the block of its name was refused is there without it */
    return config.may_fail || nested == ( heaps[NESTED].context != NULL ) ? NULL
                                                                          : "a heap went without its block, or stayed";
}

/* In one heap: whether a module can be renamed. */
static verdict_t ask_rename( const heap_t* heap, unsigned from, unsigned to )
{
    const account_t* giver = &heap->of[from];
    const account_t* taker = &heap->of[to];
    if( !giver->known || from == to || to == NOBODY ) return GIVES;
    if( taker->known ) return giver->live != 0 && taker->live + giver->live > taker->limit ? IS_LIMITED : GIVES;
    return heap->before.largest_free_block < strlen( names[to] ) + 32 ? MAY_GIVE : GIVES;
}

static void carry_out_rename( unsigned heap, unsigned from, unsigned to )
{
    heap_t* h = &heaps[heap];
    if( !h->of[from].known || from == to ) return;
    unchanged      = false;
    bool is_joined = h->of[to].known;
    if( is_joined )
    {
        h->of[to].blocks += h->of[from].blocks;
        charge( heap, to, 0, h->of[from].live );
    }
    else
    {
        h->of[to] = h->of[from];
        h->modules++;
        for( unsigned i = 0; i < HANDLES; i++ )
            if( handles[i].heap == heap && handles[i].owner == from ) handles[i].owner = to;
    }
    for( unsigned i = 0; i < count; i++ )
        if( blocks[i].heap == heap && blocks[i].owner == from ) blocks[i].owner = to;
    forget( heap, from );
}

static const char* rename_one( void )
{
    unsigned from    = draw( NOBODY );
    unsigned to      = draw( MODULES );
    unsigned only    = draw( 3 ) == 0 ? draw_heap() : (unsigned)NO_HEAP;
    bool     known   = false;
    bool     refuses = to != NOBODY && !is_name( to );
    bool     may_not = config.may_fail;
    for( unsigned heap = 0; heap < HEAPS; heap++ )
    {
        if( heaps[heap].context == NULL || ( only != NO_HEAP && heap != only ) ) continue;
        verdict_t verdict = ask_rename( &heaps[heap], from, to );
        known |= heaps[heap].of[from].known;
        refuses |= verdict == IS_LIMITED;
        may_not |= verdict == MAY_GIVE;
    }
    refuses |= !known;
    bool renamed = only != NO_HEAP ? dmheap_ctx_rename_module( heaps[only].context, names[from], names[to] )
                                   : dmheap_rename_module( names[from], names[to] );
    if( renamed && refuses ) return "a module was renamed that should not be";
    undone = !renamed && only == NO_HEAP && heaps_there() > 1;
    if( !renamed ) return refuses || may_not ? NULL : "a rename was refused without a reason";
    for( unsigned heap = 0; heap < HEAPS; heap++ )
        if( only == NO_HEAP || heap == only ) carry_out_rename( heap, from, to );
    return NULL;
}

static const char* limit( void )
{
    unsigned owner   = draw( MODULES );
    unsigned only    = draw( 3 ) == 0 ? draw_heap() : (unsigned)NO_HEAP;
    size_t   most    = SIZE_MAX;
    bool     may_not = config.may_fail;
    uint32_t kind    = draw( 6 );
    if( kind == 2 ) only = order[0];
    size_t live = heaps[only != NO_HEAP ? only : order[0]].of[owner].live;
    if( kind == 0 ) most = draw( 2048 );
    if( kind == 1 ) most = live + draw( 128 );
    if( kind == 2 ) most = live / 2;
    for( unsigned heap = 0; heap < HEAPS; heap++ )
        if( ( only == NO_HEAP ? is_default( heap ) : heap == only ) && !heaps[heap].of[owner].known )
            may_not |= heaps[heap].before.largest_free_block < record_most( heap ) ||
                       heaps[heap].modules == DMHEAP_MAX_MODULES;
    bool done = only != NO_HEAP ? dmheap_ctx_set_module_limit( heaps[only].context, names[owner], most )
                                : dmheap_set_module_limit( names[owner], most );
    if( !is_name( owner ) ) return done ? "a bad name was limited" : NULL;
    limited = owner;
    undone  = !done && only == NO_HEAP && defaults > 1;
    if( !done ) return may_not ? NULL : "a limit was refused without a reason";
    for( unsigned heap = 0; heap < HEAPS; heap++ )
    {
        if( only == NO_HEAP ? !is_default( heap ) : heap != only ) continue;
        unchanged &= heaps[heap].of[owner].known;
        know( heap, owner );
        heaps[heap].of[owner].limit = most == SIZE_MAX ? SIZE_MAX : most & ~(size_t)3;
    }
    return NULL;
}

/* ---- Heaps that come and go ---- */

static void note_heap( unsigned heap, dmheap_context_t* context, size_t size, size_t alignment )
{
    heaps[heap]            = ( heap_t ){ .context = context, .size = size, .granule = alignment < 4 ? 4 : alignment };
    heaps[heap].of[NOBODY] = ( account_t ){ .known = true, .limit = SIZE_MAX };
    (void)dmheap_ctx_get_stats( context, &heaps[heap].before );
}

static const char* put_in_order( unsigned heap, unsigned at )
{
    unsigned position = position_of( heap );
    if( position < defaults ) defaults--;
    for( ; position < defaults; position++ )
        order[position] = order[position + 1];
    position = at < defaults ? at : defaults;
    for( unsigned i = defaults++; i > position; i-- )
        order[i] = order[i - 1];
    order[position] = heap;
    return dmheap_ctx_set_default( heaps[heap].context, at == defaults - 1 ? DMHEAP_LAST : at )
               ? NULL
               : "a heap cannot be a default one";
}

/* Brings up the second or third heap, changes whether it is a default one, or takes it down with all that is in it. */
static const char* toggle_heap( void )
{
    static const char* const titles[] = { NULL, "second", "third" };
    unsigned                 heap     = SECOND + draw( 2 );
    uint32_t                 what     = draw( 4 );
    dmheap_context_t*        context  = heaps[heap].context;
    if( !config.several ) return NULL;
    unchanged = false;
    if( context == NULL )
    {
        size_t size      = config.size / ( heap + 1 );
        size_t alignment = heap == SECOND ? ( config.alignment > 4 ? 4 : 8 ) : ( config.alignment == 16 ? 64 : 16 );
        void*  buffer    = fixture_second_buffer() + ( heap == SECOND ? 0 : FIXTURE_MOST / 2 );
        context          = dmheap_ctx_init( buffer, size, alignment, titles[heap] );
        if( context == NULL )
            return size < 1024 || heaps_there() == DMHEAP_MAX_CONTEXTS ? NULL : "a heap could not be made";
        note_heap( heap, context, size, alignment );
        return what == 0 ? NULL : put_in_order( heap, draw( 3 ) );
    }
    if( what == 0 )
    {
        for( unsigned i = 0; i < count; i++ )
            if( blocks[i].hosts && blocks[i].heap == heap )
            {
                const char* wrong = end_nested();
                if( wrong != NULL ) return wrong;
            }
        lose_heap( heap );
        return dmheap_ctx_deinit( context ) && !dmheap_ctx_deinit( context ) ? NULL
                                                                             : "a heap cannot be taken down once";
    }
    if( what < 3 || !is_default( heap ) ) return put_in_order( heap, draw( 3 ) );
    unsigned position = position_of( heap );
    for( defaults--; position < defaults; position++ )
        order[position] = order[position + 1];
    return dmheap_ctx_unset_default( context ) && !dmheap_ctx_unset_default( context )
               ? NULL
               : "a heap is still a default one";
}

/* Makes a heap inside of a block, or takes it down. */
static const char* toggle_nested( void )
{
    if( count == 0 ) return NULL;
    if( heaps[NESTED].context != NULL ) return draw( 4 ) == 0 ? end_nested() : NULL;
    unsigned start = draw( count );
    for( unsigned i = 0; i < count; i++ )
    {
        entry_t* entry = &blocks[( start + i ) % count];
        if( entry->size < NEST_FROM ) continue;
        dmheap_context_t* context = dmheap_ctx_init( entry->payload, entry->size, 8, "nested" );
        if( context == NULL ) return heaps_there() == DMHEAP_MAX_CONTEXTS ? NULL : "a nested heap could not be made";
        entry->hosts = true;
        note_heap( NESTED, context, entry->size, 8 );
        unchanged = false;
        return NULL;
    }
    return NULL;
}

/* ---- Comparing ---- */

static bool accounts_agree( const account_t* mine, const dmheap_module_stats_t* stats )
{
    return stats->live_bytes == mine->live && stats->live_blocks == mine->blocks && stats->peak_bytes == mine->peak &&
           stats->limit_bytes == mine->limit;
}

/* Counts the modules that are as they should be. */
static bool compare_module( const dmheap_module_info_t* module, void* user )
{
    unsigned* seen = user;
    unsigned  heap = heap_of( module->context );
    for( unsigned owner = 0; heap != NO_HEAP && owner < NOBODY; owner++ )
    {
        const account_t* mine = &heaps[heap].of[owner];
        if( is_owner( owner, module->name ) && mine->known && accounts_agree( mine, &module->stats ) ) ++*seen;
    }
    return true;
}

static const char* compare_heap( unsigned heap )
{
    heap_t*        h      = &heaps[heap];
    dmheap_stats_t before = h->before;
    dmheap_stats_t now;
    unsigned       seen = 0;
    unsigned       live = 0;
    size_t         used = 0;
    for( unsigned owner = 0; owner < MODULES; owner++ )
    {
        live += h->of[owner].blocks;
        used += h->of[owner].live;
    }
    if( !dmheap_ctx_get_stats( h->context, &now ) ) return "a heap is gone";
    h->before = now;
    if( now.used_blocks != live ) return "the heap's count of blocks is wrong";
    if( now.used_bytes != used ) return "the heap's used bytes are wrong";
    if( now.free_bytes + now.used_bytes + now.overhead_bytes != now.heap_size ) return "bytes do not add up";
    if( now.modules != h->modules ) return "the heap's count of modules is wrong";
    if( now.failed_allocations != h->failures ) return "the heap's count of refusals is wrong";
    if( now.peak_used_bytes < before.peak_used_bytes || now.peak_used_bytes < used ) return "the heap's peak is wrong";
    if( unchanged && !undone &&
        ( now.free_bytes != before.free_bytes || now.free_blocks != before.free_blocks ||
          now.overhead_bytes != before.overhead_bytes || now.peak_used_bytes != before.peak_used_bytes ) )
        return "a call that did nothing changed the heap's figures";
    dmheap_ctx_visit_modules( h->context, compare_module, &seen );
    if( seen != h->modules ) return "a module's figures are wrong";
    return is_default( heap ) || dmheap_ctx_check( h->context, NULL ) == DMHEAP_CHECK_OK ? NULL
                                                                                         : "dmheap_check found a fault";
}

/* The sums over the heaps: of all default ones, and of a module. */
static const char* compare_sums( unsigned owner )
{
    dmheap_stats_t        sum  = { 0 };
    dmheap_stats_t        all  = stats_now();
    account_t             mine = { .known = false };
    dmheap_module_stats_t stats;
    for( unsigned heap = 0; heap < HEAPS; heap++ )
    {
        const account_t* part = &heaps[heap].of[owner];
        if( heaps[heap].context == NULL ) continue;
        bool found = dmheap_ctx_get_module_stats( heaps[heap].context, names[owner], &stats );
        if( found != part->known || ( found && !accounts_agree( part, &stats ) ) )
            return "a module's figures are wrong";
        if( is_default( heap ) )
        {
            sum.heap_size += heaps[heap].before.heap_size;
            sum.free_bytes += heaps[heap].before.free_bytes;
            sum.used_bytes += heaps[heap].before.used_bytes;
            sum.used_blocks += heaps[heap].before.used_blocks;
            sum.failed_allocations += heaps[heap].failures;
            if( heaps[heap].before.largest_free_block > sum.largest_free_block )
                sum.largest_free_block = heaps[heap].before.largest_free_block;
        }
        if( !part->known ) continue;
        mine.known = true;
        mine.blocks += part->blocks;
        mine.live += part->live;
        mine.peak += part->peak;
        mine.limit = part->limit > SIZE_MAX - mine.limit ? SIZE_MAX : mine.limit + part->limit;
    }
    if( all.heap_size != sum.heap_size || all.free_bytes != sum.free_bytes || all.used_bytes != sum.used_bytes ||
        all.used_blocks != sum.used_blocks || all.failed_allocations != sum.failed_allocations ||
        all.largest_free_block != sum.largest_free_block )
        return "the figures of the default heaps do not add up";
    bool found = dmheap_get_module_stats( names[owner], &stats );
    return found == mine.known && ( !found || accounts_agree( &mine, &stats ) ) ? NULL : "a module's sums are wrong";
}

static const char* compare_handle( const handle_t* handle )
{
    dmheap_module_stats_t stats;
    bool                  found = dmheap_module_get_stats( handle->module, &stats );
    if( found != ( handle->heap != NO_HEAP ) ) return "a handle is stale, or is not";
    return !found || accounts_agree( &heaps[handle->heap].of[handle->owner], &stats ) ? NULL
                                                                                      : "a handle's figures are wrong";
}

static const char* compare( void )
{
    const char* wrong = NULL;
    for( unsigned heap = 0; heap < HEAPS && wrong == NULL; heap++ )
        if( heaps[heap].context != NULL ) wrong = compare_heap( heap );
    for( unsigned i = 0; i < HANDLES && wrong == NULL; i++ )
        wrong = compare_handle( &handles[i] );
    if( wrong == NULL ) wrong = compare_sums( turn++ % NOBODY );
    if( wrong == NULL && !fixture_is_valid() ) wrong = "dmheap_check found a fault, or the guards are overwritten";
    return wrong;
}

/* ---- Runs ---- */

static const char* step( void )
{
    uint32_t choice = draw( 100 );
    if( choice < 38 ) return allocate();
    if( choice < 59 ) return release();
    if( choice < 80 ) return reallocate();
    if( choice < 85 ) return retag();
    if( choice < 88 ) return unregister();
    if( choice < 91 ) return rename_one();
    if( choice < 94 ) return limit();
    if( choice < 97 ) return open_handle();
    if( choice < 99 ) return toggle_heap();
    return toggle_nested();
}

static const char* checked_step( void )
{
    unchanged         = true;
    undone            = false;
    const char* wrong = step();
    return wrong != NULL ? wrong : compare();
}

/* What a debugging build adds to a block. */
static size_t measure_guard( void )
{
    if( !fixture_heap( 1024, 4, 0 ) ) return 0;
    look_t found = { .payload = dmheap_malloc( 100, NULL ) };
    if( found.payload == NULL ) found.payload = dmheap_malloc( 100, NULL ); /* one of them may be made to fail */
    dmheap_visit_blocks( look_at, &found );
    return found.bytes - 100 - HEADER;
}

static const char* begin( model_heap_t which )
{
    config   = which;
    count    = 0;
    turn     = 0;
    limited  = 0;
    defaults = 1;
    order[0] = FIRST;
    memset( heaps, 0, sizeof heaps );
    for( unsigned i = 0; i < HANDLES; i++ )
        handles[i] = ( handle_t ){ .module = { NULL, 0 }, .heap = NO_HEAP };
    guard = measure_guard();
    if( !fixture_heap( which.size, which.alignment, which.offset ) ) return "the heap could not be made";
    dmheap_module_t module = dmheap_module_open( "a" ); /* the only way to learn where the heap is */
    while( which.may_fail && module.context == NULL )
        module = dmheap_module_open( "a" );
    if( module.context == NULL ) return "the first heap has no room for a module";
    dmheap_unregister_module( "a" );
    note_heap( FIRST, module.context, which.size, which.alignment );
    return NULL;
}

/* Gives everything back. */
static const char* finish( size_t empty )
{
    const char* wrong = end_nested();
    bytes_left        = 0;
    for( unsigned i = 0; i < count; i++ )
        if( !is_filled( &blocks[i], blocks[i].size ) ) wrong = "a block's contents changed";
    for( unsigned i = 0; i < count && wrong == NULL; i++ )
    {
        dmheap_free( blocks[i].payload, false );
        if( dmheap_ctx_of( blocks[i].payload ) != NULL ) wrong = "a block that is free is live";
    }
    for( unsigned owner = 0; owner < NOBODY; owner++ )
        dmheap_unregister_module( names[owner] );
    for( unsigned heap = 0; heap < HEAPS && wrong == NULL; heap++ )
        if( heaps[heap].context != NULL && dmheap_ctx_check( heaps[heap].context, NULL ) != DMHEAP_CHECK_OK )
            wrong = "dmheap_check found a fault at the end";
    dmheap_stats_t stats = { 0 };
    (void)dmheap_ctx_get_stats( heaps[FIRST].context, &stats );
    if( wrong == NULL && ( stats.free_bytes != empty || stats.free_blocks != 1 ) ) wrong = "not all memory came back";
    return wrong;
}

/* Takes down all heaps but the first, whatever state they are in. */
static const char* end( const char* wrong )
{
    for( unsigned heap = NESTED; heap != FIRST; heap-- )
        if( heaps[heap].context != NULL ) (void)dmheap_ctx_deinit( heaps[heap].context );
    return wrong;
}

const char* model_run( uint32_t seed, unsigned steps, model_heap_t which )
{
    bytes             = NULL;
    state             = seed * 2654435761u + 1;
    const char* wrong = begin( which );
    size_t      empty = heaps[FIRST].before.free_bytes;
    for( unsigned i = 0; i < steps && wrong == NULL; i++ )
        wrong = checked_step();
    return end( wrong != NULL ? wrong : finish( empty ) );
}

const char* model_run_bytes( const uint8_t* from, size_t length )
{
    static const uint16_t sizes[]      = { 512, 640, 1024, 2048, 4096, 8192, 16384, 40000 };
    static const uint8_t  alignments[] = { 4, 8, 16, 64 };
    bytes                              = from;
    bytes_left                         = length;
    state                              = 1;
    model_heap_t which = { .size = sizes[draw( 8 )], .alignment = alignments[draw( 4 )], .offset = draw( 8 ) };
    which.several      = draw( 2 ) != 0;
    which.size += (size_t)4 * draw( 256 );
    const char* wrong = begin( which );
    size_t      empty = heaps[FIRST].before.free_bytes;
    while( bytes_left != 0 && wrong == NULL )
        wrong = checked_step();
    return end( wrong != NULL ? wrong : finish( empty ) );
}
