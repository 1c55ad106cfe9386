/*
 * Marks: what each module held at a moment, and what it holds more or less since; and what a module leaves behind. A part of
 * diagnose.c, behind show.c. May not change a heap; the lock is held for one module, or one step of a walk, at a time.
 *
 * Modules are told apart by their names, over all heaps that a mark is of: so heaps that were made or taken down since, and
 * modules that were unloaded and loaded again, need nothing of their own.
 */

/* The next heap that was not visited: of all where a call looks, or only this one. NULL: none is left. Not locked. */
static dmheap_context_t* next_looked_in( dmheap_context_t* only, uint32_t* visited )
{
    if( only != NULL && *visited != 0 ) return NULL;
    lock();
    dmheap_context_t* context = context_pick( only, LOOKS_IN_DEFAULTS, visited );
    unlock();
    if( only != NULL ) *visited = UINT32_MAX;
    return context;
}

/* ---- What is held ---- */

/* As sum_holdings(), by text: of "", what nobody holds. */
static const dmheap_context_t* held_by( dmheap_context_t* only, const char* text, dmheap_module_stats_t* held )
{
    name_t name;
    bool   exists = false;
    *held         = ( dmheap_module_stats_t ){ .live_bytes = 0 };
    return sum_holdings( only, name_make( text, &name ) ? &name : NULL, held, &exists );
}

/* Shows the modules of one heap or, where that is NULL, of all where a call looks, to a visitor who goes on. */
static void visit_all_modules( dmheap_context_t* only, dmheap_module_visitor_t visit, void* user )
{
    uint32_t          visited = 0;
    dmheap_context_t* context;
    while( ( context = next_looked_in( only, &visited ) ) != NULL )
        (void)visit_modules( context, visit, user );
}

/* ---- Blocks, by when and where they were allocated ---- */

#ifdef DMHEAP_GUARD

enum
{
    MARK_BLOCKS  = 16, /* that are shown */
    MARK_CALLERS = 16
};

typedef void ( *block_visitor_t )( const dmheap_block_info_t* info, uint32_t number, void* user );

static void visit_numbered( const dmheap_context_t* context, block_visitor_t visit, void* user )
{
    walk_t walk = { { 0 }, 0 };
    for( bool more = true; more; )
    {
        dmheap_block_info_t info[2];
        unsigned            filled = 0;
        uint32_t            number = 0;
        lock();
        more = context_stands( context );
        if( more ) filled = walk_step( context, &walk, info, &more );
        const dmheap_block_info_t* last = &info[filled > 1]; /* what is in front of it is free */
        bool                       live = filled != 0 && last->use == DMHEAP_BLOCK_LIVE;
        if( live )
            number =
                guard_number( context, block_at( (uint32_t)( (word_t*)last->address - image_word( context, 0 ) ) ) );
        unlock();
        if( live ) visit( last, number, user );
    }
}

/* Shows each block of a user, and its number, of one heap or, where that is NULL, of all where a call looks. */
static void visit_all_numbered( dmheap_context_t* only, block_visitor_t visit, void* user )
{
    uint32_t                visited = 0;
    const dmheap_context_t* context;
    while( ( context = next_looked_in( only, &visited ) ) != NULL )
        visit_numbered( context, visit, user );
}

/* How much newer than another a number is; 0: it is not. */
static uint32_t newer_by( uint32_t number, uint32_t other )
{
    uint32_t by = number - other;
    return by <= UINT32_MAX / 2 ? by : 0;
}

/* Blocks that were asked for at one place. */
typedef struct
{
    uintptr_t caller;
    size_t    bytes;
    uint32_t  blocks;
} group_t;

/* Groups of the blocks of a module or, where that is NULL, of those that are newer than a number. */
typedef struct
{
    dmheap_context_t* only;
    const char*       owner;
    uint32_t          number;

    uintptr_t from;                  /* the place where the next group may be */
    group_t   next;                  /* the one that is looked for: of the first place from there on */
    unsigned  count;                 /* of those that are known */
    group_t   largest[MARK_CALLERS]; /* by their bytes */
    group_t   rest;                  /* all others */
} groups_t;

static void look_for_group( const dmheap_block_info_t* info, uint32_t number, void* user )
{
    groups_t* groups = user;
    group_t*  next   = &groups->next;
    uintptr_t caller = (uintptr_t)info->caller;
    bool      counts =
        groups->owner != NULL ? names_equal( groups->owner, info->owner ) : newer_by( number, groups->number ) != 0;
    if( !counts || caller < groups->from || ( next->blocks != 0 && caller > next->caller ) ) return;
    if( next->blocks == 0 || caller != next->caller ) *next = ( group_t ){ .caller = caller };
    next->bytes += info->block_bytes;
    next->blocks++;
}

/* Keeps the group that was found if it is one of the largest; what is not is summed. */
static void keep_group( groups_t* groups )
{
    group_t last = groups->next;
    for( unsigned i = 0; i < groups->count; i++ )
    {
        group_t here = groups->largest[i];
        if( here.bytes >= last.bytes ) continue;
        groups->largest[i] = last;
        last               = here;
    }
    if( groups->count < MARK_CALLERS )
        groups->largest[groups->count++] = last;
    else
    {
        groups->rest.bytes += last.bytes;
        groups->rest.blocks += last.blocks;
    }
}

/* A walk for each place: it takes no memory for all of them. */
static void find_groups( groups_t* groups )
{
    do
    {
        groups->next = ( group_t ){ .blocks = 0 };
        visit_all_numbered( groups->only, look_for_group, groups );
        if( groups->next.blocks != 0 ) keep_group( groups );
        groups->from = groups->next.caller + 1;
    } while( groups->next.blocks != 0 && groups->from != 0 );
}

#endif

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
#ifdef DMHEAP_GUARD
    lock();
    mark->number = guard_last();
    unlock();
#endif
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
    show_number( show, "", 10, change->bytes_then );
    show_number( show, "", 10, change->bytes );
    show_difference( show, 11, change->bytes_then, change->bytes );
    show_difference( show, 8, change->blocks_then, change->blocks );
    show_word( show, "", 0, word );
    show_line_end( show );
}

/* Adds to the total what a module held and holds, and shows it if that is not the same, or there is a word to say of it. */
static void since_change( since_t* since, const char* name, const change_t* change, const char* word )
{
    since->total.bytes_then += change->bytes_then;
    since->total.bytes += change->bytes;
    since->total.blocks_then += change->blocks_then;
    since->total.blocks += change->blocks;
    if( change->bytes != change->bytes_then || change->blocks != change->blocks_then || word[0] != '\0' )
        show_change( &since->show, name, change, word );
}

/* A module that has no entry: it is new, unless it found no room in the mark. It is shown with the first heap that knows it. */
static bool since_newcomer( const dmheap_module_info_t* info, void* user )
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
        since_change( since, info->name, &( change_t ){ .bytes = held.live_bytes, .blocks = held.live_blocks },
                      "came" );
    return true;
}

static void since_modules( since_t* since )
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
        since_change( since, is_named ? entry->name : "(nobody)", &change, is_known || !is_named ? "" : "gone" );
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
            since_change( since, "(nobody)", &( change_t ){ .bytes = held.live_bytes, .blocks = held.live_blocks },
                          "" );
    }
    visit_all_modules( mark->context, since_newcomer, since );
    since_change( since, "(others)", &since->others, "" );
    show_change( &since->show, "total", &since->total, "" );
}

#ifdef DMHEAP_GUARD

/* Adds up what was there at the mark and what was not. */
typedef struct
{
    uint32_t number;
    change_t before, since;
} parts_t;

static void add_part( const dmheap_block_info_t* info, uint32_t number, void* user )
{
    parts_t*  parts = user;
    change_t* part  = newer_by( number, parts->number ) != 0 ? &parts->since : &parts->before;
    part->bytes += info->block_bytes;
    part->blocks++;
}

/* The oldest block that is newer than `last`. */
typedef struct
{
    uint32_t            last;
    uint32_t            number;
    dmheap_block_info_t info; /* address NULL: there is none */
} oldest_t;

static void look_for_oldest( const dmheap_block_info_t* info, uint32_t number, void* user )
{
    oldest_t* oldest = user;
    uint32_t  by     = newer_by( number, oldest->last );
    if( by == 0 || ( oldest->info.address != NULL && by >= newer_by( oldest->number, oldest->last ) ) ) return;
    oldest->number = number;
    oldest->info   = *info;
}

static void since_oldest( since_t* since )
{
    show_t*  show   = &since->show;
    oldest_t oldest = { .last = since->mark->number };
    for( unsigned i = 0; i < MARK_BLOCKS; i++ )
    {
        oldest.info.address = NULL;
        visit_all_numbered( since->mark->context, look_for_oldest, &oldest );
        if( oldest.info.address == NULL ) return;
        oldest.last = oldest.number;
        if( i == 0 )
        {
            show_heading( show, "" );
            show_heading( show, "    number address         bytes       size owner            caller" );
        }
        show_number( show, "", 10, oldest.number );
        show_hex( show, "", (uintptr_t)oldest.info.address );
        show_number( show, "", 10, oldest.info.block_bytes );
        show_number( show, "", 10, oldest.info.size );
        show_name( show, "", 16, oldest.info.owner );
        show_hex( show, "", (uintptr_t)oldest.info.caller );
        show_line_end( show );
    }
}

static void since_group( show_t* show, const group_t* group )
{
    show_number( show, "", 10, group->bytes );
    show_number( show, "", 8, group->blocks );
    show_line_end( show );
}

static void since_callers( since_t* since )
{
    show_t*  show   = &since->show;
    groups_t groups = { .only = since->mark->context, .number = since->mark->number };
    find_groups( &groups );
    if( groups.count == 0 ) return;
    show_heading( show, "" );
    show_heading( show, "caller          bytes   blocks" );
    for( unsigned i = 0; i < groups.count; i++ )
    {
        show_hex( show, "", groups.largest[i].caller );
        since_group( show, &groups.largest[i] );
    }
    if( groups.rest.blocks == 0 ) return;
    show_word( show, "", 10, "(others)" );
    since_group( show, &groups.rest );
}

/* What is new, and what is gone, come to the total. */
static void since_blocks( since_t* since )
{
    parts_t parts = { .number = since->mark->number };
    visit_all_numbered( since->mark->context, add_part, &parts );
    parts.before.bytes_then  = since->total.bytes_then;
    parts.before.blocks_then = since->total.blocks_then;
    show_change( &since->show, "in blocks that are new", &parts.since, "" );
    show_change( &since->show, "in those that are not", &parts.before, "" );
    since_oldest( since );
    since_callers( since );
}

#else

static void since_blocks( since_t* since )
{
    (void)since;
}

#endif

DMHEAP_API_BODY( bool, _report_since, ( const dmheap_mark_t* mark, dmheap_print_t print, void* user ) )
{
    since_t since = { .mark = mark, .show = { .print = print, .user = user } };
    if( !place_given( print != NULL ? mark : NULL ) ) return false;
    give_up_lost_heaps( mark->context );
    since_modules( &since );
    since_blocks( &since );
    return true;
}

/* ---- What a module leaves behind ---- */

static void diagnose_leaves( const holding_t* holding, dmheap_module_stats_t* left )
{
    add_holding( holding, left );
}

static void diagnose_blocks( dmheap_context_t* context, const char* name )
{
#ifdef DMHEAP_GUARD
    groups_t groups = { .only = context, .owner = name };
    find_groups( &groups );
    for( unsigned i = 0; i < groups.count; i++ )
        report( &( report_t ){ .status    = STATUS_BLOCKS_LEFT,
                               .module    = name,
                               .from      = (const void*)groups.largest[i].caller,
                               .size      = groups.largest[i].bytes,
                               .alignment = groups.largest[i].blocks } );
#endif
    (void)context;
    (void)name;
}

static void diagnose_left( const char* name, const dmheap_module_stats_t* left )
{
    if( left->live_blocks == 0 ) return;
    report( &( report_t ){
        .status = STATUS_BLOCKS_LEFT, .module = name, .size = left->live_bytes, .alignment = left->live_blocks } );
}
