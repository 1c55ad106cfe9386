/*
 * Marks: what each module held at a moment, and what it holds more or less since. A part of diagnose.c, behind show.c. May
 * not change a heap; the lock is held for one module at a time.
 *
 * Modules are told apart by their names, over all heaps that a mark is of: so heaps that were made or taken down since, and
 * modules that were unloaded and loaded again, need nothing of their own.
 */

/* ---- What is held ---- */

/* What a module holds in one heap or, where that is NULL, in all where a call looks; of "", what nobody does. Returns the
 * first heap that knows it; NULL: none does. */
static const dmheap_context_t* held_by( dmheap_context_t* only, const char* text, dmheap_module_stats_t* held )
{
    const dmheap_context_t* knows   = NULL;
    uint32_t                visited = 0;
    name_t                  name;
    bool                    has_name = name_make( text, &name );
    dmheap_context_t*       context;
    *held = ( dmheap_module_stats_t ){ .live_bytes = 0 };
    do
    {
        lock();
        context = context_pick( only, LOOKS_IN_DEFAULTS, &visited );
        if( context != NULL && image_is_sealed( context ) )
        {
            owner_t          owner   = has_name ? owner_find( context, &name ) : OWNER_NOBODY;
            const holding_t* holding = owner != OWNER_FREE ? user_holding( context, owner ) : NULL;
            if( holding != NULL ) add_holding( holding, held );
            if( holding != NULL && knows == NULL ) knows = context;
        }
        unlock();
    } while( only == NULL && context != NULL );
    return knows;
}

/* Shows the modules of one heap or, where that is NULL, of all where a call looks, to a visitor who goes on. */
static void visit_all_modules( dmheap_context_t* only, dmheap_module_visitor_t visit, void* user )
{
    uint32_t          visited = 0;
    dmheap_context_t* context;
    do
    {
        lock();
        context = context_pick( only, LOOKS_IN_DEFAULTS, &visited );
        unlock();
        if( context != NULL ) (void)visit_modules( context, visit, user );
    } while( only == NULL && context != NULL );
}

/* ---- Taking a mark ---- */

/* The entry of a module; NULL: it has none. */
static dmheap_mark_entry_t* mark_entry( const dmheap_mark_t* mark, const char* name )
{
    for( unsigned i = 0; i < mark->count; i++ )
        if( names_equal( mark->entries[i].name, name ) ) return &mark->entries[i];
    return NULL;
}

/* A mark that is taken, and how many entries there is room for. */
typedef struct
{
    dmheap_mark_t* mark;
    unsigned       room;
} marking_t;

static bool mark_module( const dmheap_module_info_t* info, void* user )
{
    const marking_t*     marking = user;
    dmheap_mark_t*       mark    = marking->mark;
    dmheap_mark_entry_t* entry   = mark_entry( mark, info->name );
    if( entry == NULL && mark->count < marking->room )
    {
        entry  = &mark->entries[mark->count++];
        *entry = ( dmheap_mark_entry_t ){ .bytes = 0 };
        __builtin_memcpy( entry->name, info->name, sizeof entry->name );
    }
    if( entry != NULL )
    {
        entry->bytes += info->stats.live_bytes;
        entry->blocks += info->stats.live_blocks;
        return true;
    }
    mark->is_full = true;
    mark->others_bytes += info->stats.live_bytes;
    mark->others_blocks += info->stats.live_blocks;
    return true;
}

static bool take_mark( dmheap_context_t* only, dmheap_mark_t* mark, dmheap_mark_entry_t* entries, unsigned count )
{
    marking_t            marking = { mark, count };
    dmheap_module_info_t nobody  = { .context = NULL };
    if( !place_given( mark ) || ( count != 0 && !place_given( entries ) ) ) return false;
    give_up_lost_heaps( only );
    *mark = ( dmheap_mark_t ){ .context = only, .entries = entries };
    (void)held_by( only, "", &nobody.stats );
    (void)mark_module( &nobody, &marking );
    visit_all_modules( only, mark_module, &marking );
    return true;
}

DMHEAP_API_BODY( bool, _mark, ( dmheap_mark_t * mark, dmheap_mark_entry_t* entries, unsigned count ) )
{
    return take_mark( NULL, mark, entries, count );
}

DMHEAP_API_BODY( bool, _ctx_mark,
                 ( dmheap_context_t * context, dmheap_mark_t* mark, dmheap_mark_entry_t* entries, unsigned count ) )
{
    return context_given( context ) && context_found( context ) && take_mark( context, mark, entries, count );
}

/* ---- What has changed ---- */

/* What was held at a mark and what is now. */
typedef struct
{
    size_t   bytes_then, bytes;
    uint32_t blocks_then, blocks;
} change_t;

typedef struct
{
    const dmheap_mark_t* mark;
    show_t               show;
    change_t             others, total;
} since_t;

/* A sum of heaps of more than 32 bits. */
static void show_bytes( show_t* show, unsigned width, size_t value )
{
    char  digits[SHOW_DIGITS];
    char* text = show_digits( digits + sizeof digits, value, 10 );
    show_key( show, "" );
    show_padding( show, show_length( text ), width );
    show_chars( show, text );
}

static void show_difference( show_t* show, unsigned width, size_t then, size_t now )
{
    char  digits[SHOW_DIGITS];
    char* text = show_digits( digits + sizeof digits, now < then ? then - now : now - then, 10 );
    *--text    = now < then ? '-' : '+';
    show_key( show, "" );
    show_padding( show, show_length( text ), width );
    show_chars( show, text );
}

static void show_change( show_t* show, const char* name, const change_t* change, const char* word )
{
    show_name( show, "", 30, name );
    show_bytes( show, 10, change->bytes_then );
    show_bytes( show, 10, change->bytes );
    show_difference( show, 11, change->bytes_then, change->bytes );
    show_difference( show, 8, change->blocks_then, change->blocks );
    show_word( show, "", 0, word );
    show_line_end( show );
}

/* Adds to the total what a module held and holds, and shows it if that is not the same, or there is a word to say of it. */
static void tell_change( since_t* since, const char* name, const change_t* change, const char* word )
{
    since->total.bytes_then += change->bytes_then;
    since->total.bytes += change->bytes;
    since->total.blocks_then += change->blocks_then;
    since->total.blocks += change->blocks;
    if( change->bytes != change->bytes_then || change->blocks != change->blocks_then || word[0] != '\0' )
        show_change( &since->show, name, change, word );
}

/* A module that has no entry: it is new, unless it found no room in the mark. It is shown with the first heap that knows it. */
static bool tell_newcomer( const dmheap_module_info_t* info, void* user )
{
    since_t*              since = user;
    dmheap_module_stats_t held;
    if( mark_entry( since->mark, info->name ) != NULL ) return true;
    if( since->mark->is_full )
    {
        since->others.bytes += info->stats.live_bytes;
        since->others.blocks += info->stats.live_blocks;
    }
    else if( held_by( since->mark->context, info->name, &held ) == info->context )
        tell_change( since, info->name, &( change_t ){ .bytes = held.live_bytes, .blocks = held.live_blocks }, "came" );
    return true;
}

static void tell_modules( since_t* since )
{
    const dmheap_mark_t*  mark = since->mark;
    dmheap_module_stats_t held;
    show_heading( &since->show, "since the mark                       then        now       bytes   blocks" );
    for( unsigned i = 0; i < mark->count; i++ )
    {
        const dmheap_mark_entry_t* entry    = &mark->entries[i];
        bool                       is_named = entry->name[0] != '\0';
        bool                       is_known = held_by( mark->context, entry->name, &held ) != NULL;
        change_t                   change   = { entry->bytes, held.live_bytes, entry->blocks, held.live_blocks };
        tell_change( since, is_named ? entry->name : "(nobody)", &change, is_known || !is_named ? "" : "gone" );
    }
    since->others = ( change_t ){ .bytes_then = mark->others_bytes, .blocks_then = mark->others_blocks };
    if( mark_entry( mark, "" ) == NULL )
    {
        (void)held_by( mark->context, "", &held );
        if( mark->is_full )
        {
            since->others.bytes  = held.live_bytes;
            since->others.blocks = held.live_blocks;
        }
        else
            tell_change( since, "(nobody)", &( change_t ){ .bytes = held.live_bytes, .blocks = held.live_blocks }, "" );
    }
    visit_all_modules( mark->context, tell_newcomer, since );
    tell_change( since, "(others)", &since->others, "" );
    show_change( &since->show, "total", &since->total, "" );
}

DMHEAP_API_BODY( bool, _report_since, ( const dmheap_mark_t* mark, dmheap_print_t print, void* user ) )
{
    since_t since = { .mark = mark, .show = { .print = print, .user = user } };
    if( !place_given( mark ) || !place_given( (const void*)(uintptr_t)print ) ) return false;
    give_up_lost_heaps( mark->context );
    tell_modules( &since );
    return true;
}
