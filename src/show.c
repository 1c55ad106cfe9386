/*
 * Shows a heap to people, in lines of at most 80 columns, and to programs, as JSON: figures, owners, free sizes, the largest
 * blocks, a map. For a unit that has all of dmheap.c in front of it, or for dmheap.c itself with DMHEAP_DIAGNOSTICS. May not
 * allocate nor change a heap; the lock is held for one step of a walk at a time, and what others change meanwhile is shown
 * as it was before or after.
 */

enum
{
    SHOW_COLUMNS = 80,
    SHOW_LARGEST = 8,  /* blocks */
    SHOW_CELLS   = 64, /* of the map */
    SHOW_BAR     = 30
};

/* Gets a line with its end, or a piece of a line of JSON. */
typedef void ( *show_print_t )( const char* text, void* user );

/* Words for the place in the code that is at an address; NULL: there are none. */
typedef const char* ( *show_place_t )( uint64_t caller, void* user );

typedef struct
{
    show_print_t      print;
    show_place_t      place; /* NULL: callers are shown as addresses alone */
    void*             user;
    dmheap_context_t* context;
    uint64_t          address; /* of the context, as it is to be shown */
    bool              json;

    bool     begun; /* the line that is being written has a cell */
    unsigned length;
    char     line[SHOW_COLUMNS + 2];
} show_t;

/* ---- Lines ---- */

static void show_flush( show_t* show )
{
    show->line[show->length] = '\0';
    if( show->length != 0 ) show->print( show->line, show->user );
    show->length = 0;
}

/* What is beyond the last column is cut; JSON comes in pieces. */
static void show_char( show_t* show, char character )
{
    if( show->length == SHOW_COLUMNS )
    {
        if( !show->json ) return;
        show_flush( show );
    }
    show->line[show->length++] = character;
}

static void show_chars( show_t* show, const char* text )
{
    while( *text != '\0' )
        show_char( show, *text++ );
}

static void show_line_end( show_t* show )
{
    if( show->json ) show_char( show, '}' );
    while( !show->json && show->length != 0 && show->line[show->length - 1] == ' ' )
        show->length--;
    show->line[show->length++] = '\n';
    show_flush( show );
    show->begun = false;
}

/* A line for people alone. */
static void show_heading( show_t* show, const char* text )
{
    if( show->json ) return;
    show_chars( show, text );
    show_line_end( show );
}

static void show_padding( show_t* show, unsigned used, unsigned width )
{
    for( ; used < width; used++ )
        show_char( show, ' ' );
}

/* Ends a number's digits, which are filled in from behind. */
enum
{
    SHOW_DIGITS = 24
};

static char* show_digits( char* end, uint64_t value, unsigned base )
{
    *--end = '\0';
    if( base == 16 )
    {
        do
            *--end = "0123456789abcdef"[value & 15];
        while( ( value >>= 4 ) != 0 );
        return end;
    }
    size_t rest = (size_t)value; /* no figures are beyond: on 32 bits, 64 would be divided by a function */
    do
        *--end = (char)( '0' + rest % 10 );
    while( ( rest /= 10 ) != 0 );
    return end;
}

static unsigned show_length( const char* text )
{
    unsigned length = 0;
    while( text[length] != '\0' )
        length++;
    return length;
}

/* ---- Cells: for people a column, for programs a member ---- */

static void show_key( show_t* show, const char* key )
{
    if( show->json )
    {
        show_chars( show, show->begun ? ",\"" : "{\"" );
        show_chars( show, key );
        show_chars( show, "\":" );
    }
    else if( show->begun )
        show_char( show, ' ' );
    show->begun = true;
}

/* What the object is; nothing for people, to whom the heading says it. */
static void show_kind( show_t* show, const char* kind )
{
    if( !show->json ) return;
    show_key( show, "kind" );
    show_char( show, '"' );
    show_chars( show, kind );
    show_char( show, '"' );
}

/* A word of ours, at the left of its column. */
static void show_word( show_t* show, const char* key, unsigned width, const char* word )
{
    show_key( show, key );
    if( show->json ) show_char( show, '"' );
    show_chars( show, word );
    if( show->json )
        show_char( show, '"' );
    else
        show_padding( show, show_length( word ), width );
}

static void show_number( show_t* show, const char* key, unsigned width, size_t value )
{
    char  digits[SHOW_DIGITS];
    char* text = show_digits( digits + sizeof digits, value, 10 );
    show_key( show, key );
    if( !show->json ) show_padding( show, show_length( text ), width );
    show_chars( show, text );
}

/* What there is not: `word` for people. */
static void show_none( show_t* show, const char* key, unsigned width, const char* word )
{
    show_key( show, key );
    if( !show->json ) show_padding( show, show_length( word ), width );
    show_chars( show, show->json ? "null" : word );
}

static void show_percent( show_t* show, const char* key, unsigned width, uint32_t value )
{
    show_number( show, key, width - 1, value );
    if( !show->json ) show_char( show, '%' );
}

static void show_hex( show_t* show, const char* key, uint64_t value )
{
    char  digits[SHOW_DIGITS];
    char* text = show_digits( digits + sizeof digits, value, 16 );
    *--text    = 'x';
    *--text    = '0';
    show_word( show, key, 10, text );
}

static uint64_t show_address_of( const show_t* show, const void* inside )
{
    return show->address + ( (uintptr_t)inside - (uintptr_t)show->context );
}

/* One character of a name, which may be overwritten. */
static void show_name_char( show_t* show, unsigned char character )
{
    bool plain = character >= ' ' && character < 0x7f;
    if( !show->json )
    {
        show_char( show, plain ? (char)character : '?' );
        return;
    }
    if( character == '"' || character == '\\' )
        show_char( show, '\\' );
    else if( !plain )
    {
        show_chars( show, "\\u00" );
        show_char( show, "0123456789abcdef"[character >> 4] );
        character = (unsigned char)"0123456789abcdef"[character & 15];
    }
    show_char( show, (char)character );
}

/* A name that is longer than its column loses its middle: what tells names apart stands in front or behind. */
static void show_name( show_t* show, const char* key, unsigned width, const char* name )
{
    unsigned length = show_length( name );
    unsigned front  = show->json || length <= width ? length : ( width - 2 ) / 2;
    unsigned back   = front == length ? 0 : width - 2 - front;
    show_key( show, key );
    if( show->json ) show_char( show, '"' );
    for( unsigned i = 0; i < front; i++ )
        show_name_char( show, (unsigned char)name[i] );
    if( back != 0 ) show_chars( show, ".." );
    for( unsigned i = length - back; i < length; i++ )
        show_name_char( show, (unsigned char)name[i] );
    if( show->json )
        show_char( show, '"' );
    else
        show_padding( show, length, width );
}

/* What part of the whole, in percent. */
static uint32_t show_share( uint32_t part, uint32_t whole )
{
    for( ; whole > UINT32_MAX / 100 - 1; whole >>= 1 )
        part >>= 1;
    return whole == 0 ? 0 : part >= whole ? 100 : ( part * 100 + whole / 2 ) / whole;
}

/* ---- A heap ---- */

static void show_heap( show_t* show )
{
    dmheap_heap_stats_t stats;
    char                name[DMHEAP_NAME_SIZE];
    unsigned            length  = 0;
    uint32_t            largest = 0;
    if( !get_stats( show->context, &stats ) ) return;
    lock();
    if( context_stands( show->context ) )
    {
        /* one that is overwritten may have no end before the heap's */
        const char* text = context_name( show->context );
        const char* end  = (const char*)image_word( show->context, image_end( show->context ) - 1 );
        while( length < sizeof name - 1 && text[length] != '\0' && text + length != end )
        {
            name[length] = text[length];
            length++;
        }
        largest = index_largest( show->context ) << WORD_SHIFT;
    }
    unlock();
    name[length] = '\0';

    if( !show->json )
    {
        show_chars( show, "heap" );
        show->begun = true;
    }
    show_kind( show, "heap" );
    show_hex( show, "heap", show->address );
    show_name( show, "name", 60, name );
    if( !show->json ) show_line_end( show );
    show_heading( show, "      size       used       peak       free    largest  fragmented   modules" );
    show_number( show, "size", 10, (uint32_t)stats.heap_size );
    show_number( show, "used", 10, (uint32_t)stats.used_bytes );
    show_number( show, "peak", 10, (uint32_t)stats.peak_used_bytes );
    show_number( show, "free", 10, (uint32_t)stats.free_bytes );
    show_number( show, "largest", 10, (uint32_t)stats.largest_free_block );
    show_percent( show, "fragmented", 11,
                  stats.free_bytes != 0 ? 100 - show_share( largest, (uint32_t)stats.free_bytes ) : 0 );
    show_number( show, "modules", 9, stats.modules );
    if( show->json )
    {
        show_number( show, "overhead", 0, (uint32_t)stats.overhead_bytes );
        show_number( show, "used_blocks", 0, stats.used_blocks );
        show_number( show, "free_blocks", 0, stats.free_blocks );
        show_number( show, "failed", 0, stats.failed_allocations );
    }
    show_line_end( show );
}

/* ---- Owners ---- */

/* An owner, and what it holds. */
typedef struct
{
    owner_t   owner; /* OWNER_FREE: there is none */
    holding_t holding;
} show_owner_t;

enum
{
    SHOW_OWNERS = 1 << OWNER_BITS /* whatever the heap says of its table: no header has room for more */
};

/* Owners that were shown: what they hold may change between two lines. */
typedef struct
{
    uint32_t bits[SHOW_OWNERS / BITS_OF_WORD];
} show_owners_t;

/* The one that holds most of those that were not shown: the table is not sorted, which would need memory. */
static show_owner_t show_next_owner( const dmheap_context_t* context, show_owners_t* shown )
{
    show_owner_t most  = { OWNER_FREE, { 0 } };
    bool         stand = true;
    for( owner_t owner = OWNER_NOBODY; stand; owner++ )
    {
        lock();
        stand                    = context_stands( context ) && owner < at_most( owner_end( context ), SHOW_OWNERS );
        const holding_t* holding = stand ? user_holding( context, owner ) : NULL;
        if( holding != NULL && ( shown->bits[owner / BITS_OF_WORD] & bit_of( owner ) ) == 0 &&
            ( most.owner == OWNER_FREE || holding->live > most.holding.live ) )
            most = ( show_owner_t ){ owner, *holding };
        unlock();
    }
    shown->bits[most.owner / BITS_OF_WORD] |= bit_of( most.owner );
    return most;
}

static void show_holding( show_t* show, uint32_t size, const holding_t* holding )
{
    bool leaving = holding_is_leaving( holding );
    show_number( show, "bytes", 10, holding->live << WORD_SHIFT );
    show_percent( show, "share", 5, show_share( holding->live, size ) );
    show_number( show, "blocks", 8, holding->blocks );
    show_number( show, "peak", 10, holding_peak( holding ) << WORD_SHIFT );
    if( leaving || holding->ceiling == CEILING_NONE )
        show_none( show, "limit", 10, leaving ? "leaving" : "-" );
    else
        show_number( show, "limit", 10, ( holding->ceiling - 1 ) << WORD_SHIFT );
    show_line_end( show );
}

/* The owners, by what they hold, and the heap's own at the end: together, all that is not free. */
static void show_modules( show_t* show )
{
    show_owner_t        next;
    show_owners_t       shown = { { 0 } };
    dmheap_heap_stats_t stats;
    if( !get_stats( show->context, &stats ) ) return;
    uint32_t size = (uint32_t)( stats.heap_size >> WORD_SHIFT );
    show_heading( show, "module                              bytes share   blocks       peak      limit" );
    while( ( next = show_next_owner( show->context, &shown ) ).owner != OWNER_FREE )
    {
        char name[DMHEAP_NAME_SIZE];
        lock();
        bool stands = context_stands( show->context );
        if( stands ) owner_name( show->context, next.owner, name );
        unlock();
        if( !stands ) return;
        show_kind( show, next.owner == OWNER_NOBODY ? "nobody" : "module" );
        if( show->json ) show_hex( show, "heap", show->address );
        show_name( show, "name", 30, next.owner == OWNER_NOBODY && !show->json ? "(nobody)" : name );
        show_holding( show, size, &next.holding );
    }
    show_kind( show, "own" );
    if( show->json ) show_hex( show, "heap", show->address );
    show_name( show, "name", 30, show->json ? "" : "(the heap's own)" );
    show_number( show, "bytes", 10, (uint32_t)stats.overhead_bytes );
    show_percent( show, "share", 5, show_share( (uint32_t)stats.overhead_bytes >> WORD_SHIFT, size ) );
    show_line_end( show );
}

/* ---- Blocks ---- */

static void show_block( show_t* show, const dmheap_block_info_t* info )
{
    static const char uses[][8] = { "free", "live", "system", "moving" };
    uint64_t          caller    = (uintptr_t)info->caller;
    const char*       place     = show->place != NULL && caller != 0 ? show->place( caller, show->user ) : NULL;
    show_kind( show, "block" );
    if( show->json ) show_hex( show, "heap", show->address );
    show_hex( show, "address", show_address_of( show, info->address ) );
    show_number( show, "bytes", 10, (uint32_t)info->block_bytes );
    show_number( show, "size", 10, info->size < info->block_bytes ? (uint32_t)info->size : 0 );
    show_word( show, "use", 6, uses[info->use] );
    show_name( show, "owner", 20, info->owner );
    if( caller != 0 ) show_hex( show, "caller", caller );
    if( place != NULL && show->json ) show_name( show, "place", 0, place );
    show_line_end( show );
    if( place == NULL || show->json ) return;
    show->begun = false;
    show_chars( show, "    from" );
    show->begun = true;
    show_name( show, "", 70, place );
    show_line_end( show );
}

static void show_blocks_heading( show_t* show )
{
    show_heading( show, "address         bytes       size use    owner                caller" );
}

typedef struct
{
    show_t*     show;
    const char* module; /* NULL: all */
} show_filter_t;

static bool show_one_block( const dmheap_block_info_t* info, void* user )
{
    const show_filter_t* filter = user;
    if( filter->module == NULL || ( info->use == DMHEAP_BLOCK_LIVE && names_equal( info->owner, filter->module ) ) )
        show_block( filter->show, info );
    return true;
}

/* Every block, or those of a module; of "", nobody's. */
static void show_blocks( show_t* show, const char* module )
{
    show_filter_t filter = { show, module };
    show_blocks_heading( show );
    (void)visit_blocks( show->context, show_one_block, &filter );
}

/* Larger blocks come first, of equal ones those at lower addresses. */
typedef struct
{
    size_t              block_bytes; /* of the last one that was shown */
    const void*         address;
    dmheap_block_info_t found; /* the largest behind it */
} show_largest_t;

static bool show_is_larger( size_t bytes, const void* address, size_t other_bytes, const void* other )
{
    return bytes != other_bytes ? bytes > other_bytes : (uintptr_t)address < (uintptr_t)other;
}

static bool show_look_for_largest( const dmheap_block_info_t* info, void* user )
{
    show_largest_t* largest = user;
    if( info->use != DMHEAP_BLOCK_LIVE ) return true;
    if( largest->address != NULL &&
        !show_is_larger( largest->block_bytes, largest->address, info->block_bytes, info->address ) )
        return true;
    if( largest->found.address == NULL ||
        show_is_larger( info->block_bytes, info->address, largest->found.block_bytes, largest->found.address ) )
        largest->found = *info;
    return true;
}

/* A walk for each: it takes no memory for the blocks that were the largest so far. */
static void show_largest( show_t* show )
{
    show_largest_t largest = { .address = NULL };
    for( unsigned i = 0; i < SHOW_LARGEST; i++ )
    {
        largest.found.address = NULL;
        (void)visit_blocks( show->context, show_look_for_largest, &largest );
        if( largest.found.address == NULL ) return;
        if( i == 0 ) show_heading( show, "" );
        if( i == 0 ) show_blocks_heading( show );
        show_block( show, &largest.found );
        largest.block_bytes = largest.found.block_bytes;
        largest.address     = largest.found.address;
    }
}

/* ---- Free sizes ---- */

typedef struct
{
    uint32_t blocks[BITS_OF_WORD], words[BITS_OF_WORD]; /* by log2 of the size in bytes */
} show_sizes_t;

static bool show_count_free( const dmheap_block_info_t* info, void* user )
{
    show_sizes_t* sizes = user;
    if( info->use != DMHEAP_BLOCK_FREE ) return true;
    uint32_t log2 = log2_of( (uint32_t)info->block_bytes | 1 ); /* of an overwritten header, 0 */
    sizes->blocks[log2]++;
    sizes->words[log2] += (uint32_t)( info->block_bytes >> WORD_SHIFT );
    return true;
}

static void show_free_sizes( show_t* show )
{
    show_sizes_t sizes = { { 0 }, { 0 } };
    uint32_t     most  = 1;
    (void)visit_blocks( show->context, show_count_free, &sizes );
    for( unsigned log2 = 0; log2 < BITS_OF_WORD; log2++ )
        if( sizes.words[log2] > most ) most = sizes.words[log2];
    show_heading( show, " free from         to   blocks      bytes" );
    for( unsigned log2 = 0; log2 < BITS_OF_WORD; log2++ )
    {
        if( sizes.blocks[log2] == 0 ) continue;
        show_kind( show, "free" );
        if( show->json ) show_hex( show, "heap", show->address );
        show_number( show, "from", 10, 1u << log2 );
        show_number( show, "to", 10, ( 1u << log2 << 1 ) - 1u );
        show_number( show, "blocks", 8, sizes.blocks[log2] );
        show_number( show, "bytes", 10, sizes.words[log2] << WORD_SHIFT );
        if( !show->json )
        {
            show_chars( show, "  " );
            for( uint32_t bar = ( show_share( sizes.words[log2], most ) * SHOW_BAR + 99 ) / 100; bar != 0; bar-- )
                show_char( show, '#' );
        }
        show_line_end( show );
    }
}

/* ---- Map ---- */

typedef struct
{
    show_t*  show;
    uint32_t end;   /* of the heap */
    uint32_t words; /* of a cell */
    uint32_t at;    /* where the cell that is looked at begins, in words from the context */
    uint32_t free;  /* in it, so far */
} show_map_t;

/* Writes the cells up to the one that has this place. */
static void show_cells( show_map_t* map, uint32_t at )
{
    for( ; map->at < at && at - map->at >= map->words; map->at += map->words )
    {
        uint32_t used = map->words - at_most( map->free, map->words );
        show_char( map->show, used == 0 ? '.' : used == map->words ? '#' : used * 2 <= map->words ? ':' : '+' );
        map->free = 0;
    }
}

static bool show_map_block( const dmheap_block_info_t* info, void* user )
{
    show_map_t* map = user;
    if( info->use != DMHEAP_BLOCK_FREE ) return true;
    uint32_t from = (uint32_t)( ( (uintptr_t)info->address - (uintptr_t)map->show->context ) >> WORD_SHIFT ) - 1;
    if( from >= map->end ) return false; /* another, larger heap was made there meanwhile */
    uint32_t to = from + at_most( (uint32_t)( info->block_bytes >> WORD_SHIFT ), map->end - from );
    if( from < map->at ) from = map->at; /* headers that are overwritten may overlap */
    while( from < to )
    {
        show_cells( map, from );
        uint32_t part = at_most( to - from, map->at + map->words - from );
        map->free += part;
        from += part;
    }
    return true;
}

/* The whole heap from its control data on, in one line. */
static void show_map( show_t* show )
{
    show_map_t map = { .show = show };
    lock();
    uint32_t end = context_stands( show->context ) ? image_end( show->context ) : 0;
    unlock();
    if( end == 0 ) return;
    map.end   = end;
    map.words = ( end + SHOW_CELLS - 1 ) / SHOW_CELLS;
    show_kind( show, "map" );
    if( show->json ) show_hex( show, "heap", show->address );
    show_key( show, "cells" );
    show_char( show, show->json ? '"' : '[' );
    (void)visit_blocks( show->context, show_map_block, &map );
    uint32_t rest = end % map.words;
    if( rest != 0 )
    {
        show_cells( &map, end - rest );
        map.words = rest; /* the last cell is less */
    }
    show_cells( &map, end );
    show_char( show, show->json ? '"' : ']' );
    if( show->json )
    {
        show_number( show, "cell_bytes", 0, ( end + SHOW_CELLS - 1 ) / SHOW_CELLS << WORD_SHIFT );
        show_line_end( show );
        return;
    }
    show_line_end( show );
    char  digits[SHOW_DIGITS];
    char* text = show_digits( digits + sizeof digits, ( end + SHOW_CELLS - 1 ) / SHOW_CELLS << WORD_SHIFT, 10 );
    show_chars( show, " a character is " );
    show_chars( show, text );
    show_chars( show, " bytes: . free, : up to half used, + more, # all" );
    show_line_end( show );
}

/* ---- All of it ---- */

static void show_report( show_t* show )
{
    show_heap( show );
    show_heading( show, "" );
    show_modules( show );
    show_heading( show, "" );
    show_free_sizes( show );
    show_largest( show );
    show_heading( show, "" );
    show_map( show );
}
