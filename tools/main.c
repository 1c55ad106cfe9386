/*
 * dmheap: looks at heaps in a RAM dump, a core file or an image. Reads the command line and calls what does the work; what it
 * compares and draws itself needs more memory than a device has.
 */
#include "embed.h"
#include "export.h"
#include "file.h"
#include "heaps.h"
#include "places.h"
#include "size.h"
#include "text.h"
#include "trace.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum
{
    FINE    = 0,
    FOUND   = 1, /* damage, a leak, a difference */
    USAGE   = 2, /* and files that cannot be read */
    NO_HEAP = 3,

    MAP_COLUMNS = 64,
    MAP_ROWS    = 16,
    MAP_OWNERS  = 52 /* a letter for each */
};

static struct
{
    bool        json;
    bool        placed; /* --base */
    uint64_t    base;
    bool        chosen; /* --at */
    uint64_t    at;
    uint64_t    entry; /* of the program of --elf, 0: not known */
    const char* out;   /* NULL: standard output */
    export_t    format;
    unsigned    formats; /* that were asked for */
} options;

static int complain( const char* what, const char* why )
{
    (void)fprintf( stderr, "dmheap: %s: %s\n", what, why );
    return USAGE;
}

/* ---- Files ---- */

typedef struct
{
    target_t target;
    heaps_t  heaps;
} file_t;

/* FINE, FOUND where a heap is damaged, USAGE, NO_HEAP; where a ring with a trace will do as well, not if there is one. */
static int file_open( const char* path, bool ring_will_do, file_t* file )
{
    *file = ( file_t ){ 0 };
    errno = 0;
    if( !target_open( &file->target, path, options.placed, options.base ) )
        return complain( path, errno != 0 ? strerror( errno ) : "cannot be read" );
    if( options.entry != 0 && file->target.entry != 0 ) places_moved( file->target.entry - options.entry );
    if( !heaps_find( &file->target, options.chosen ? &options.at : NULL, &file->heaps ) )
        return complain( path, strerror( ENOMEM ) );
    if( file->heaps.count == 0 && !( ring_will_do && trace_is_in( path ) ) )
    {
        (void)complain( path, "no heap is in it" );
        return NO_HEAP;
    }
    for( size_t i = 0; i < file->heaps.count; i++ )
        if( heap_is_damaged( &file->heaps.heaps[i] ) ) return FOUND;
    return FINE;
}

static void file_close( file_t* file )
{
    heaps_free( &file->heaps );
    target_close( &file->target );
}

/* ---- What readers show ---- */

static void print( const char* text, void* user )
{
    (void)user;
    (void)fputs( text, stdout );
}

static const char* place( uint64_t caller, void* user )
{
    (void)user;
    return places_of( caller );
}

static bool places_known;

static sink_t sink_now( void )
{
    return ( sink_t ){ .print = print, .place = places_known ? place : NULL, .json = options.json };
}

/* What the check found; for people, to a stream of its own where they asked for something else. */
static void show_check( heap_t* heap, FILE* to )
{
    if( options.json )
    {
        (void)printf( "{\"kind\":\"check\",\"heap\":\"0x%llx\",\"fault\":", (unsigned long long)heap->image.address );
        text_json( heap->fault );
        if( heap->where != 0 ) (void)printf( ",\"block\":\"0x%llx\"", (unsigned long long)heap->where );
        (void)printf( ",\"note\":" );
        text_json( heap->note[0] != '\0' ? heap->note : NULL );
        (void)printf( "}\n" );
        return;
    }
    (void)fprintf( to, "heap 0x%llx: ", (unsigned long long)heap->image.address );
    if( !heap_is_damaged( heap ) ) (void)fprintf( to, "every invariant holds\n" );
    if( heap->note[0] != '\0' ) (void)fprintf( to, "damaged: %s%s", heap->note, heap->fault != NULL ? ";\n  " : "\n" );
    if( heap->fault == NULL ) return;
    (void)fprintf( to, "%s%s", heap->note[0] != '\0' ? "" : "damaged: ", heap->fault );
    if( heap->where != 0 ) (void)fprintf( to, ",\n  at block 0x%llx", (unsigned long long)heap->where );
    (void)fprintf( to, "\n" );
}

typedef enum
{
    SHOW_REPORT,
    SHOW_CHECK,
    SHOW_MODULES,
    SHOW_BLOCKS,
    SHOW_MAP
} what_t;

static void draw_map( heap_t* heap );

static void show_heap( what_t what, heap_t* heap, const char* module )
{
    sink_t          sink   = sink_now();
    const reader_t* reader = heap->reader;
    image_t*        image  = &heap->image;
    bool            asked  = what == SHOW_CHECK || what == SHOW_REPORT;
    if( asked || heap_is_damaged( heap ) ) show_check( heap, asked ? stdout : stderr );
    switch( what )
    {
    case SHOW_REPORT: reader->show_report( image, &sink ); break;
    case SHOW_CHECK:
        if( heap->where != 0 ) reader->show_block_at( image, &sink, heap->where );
        break;
    case SHOW_MODULES: reader->show_modules( image, &sink ); break;
    case SHOW_BLOCKS: reader->show_blocks( image, &sink, module ); break;
    case SHOW_MAP:
    default:
        if( options.json )
            reader->show_map( image, &sink );
        else
            draw_map( heap );
        break;
    }
}

/* A name that is looked for. */
typedef struct
{
    const char* name; /* "": nobody */
    bool        is_there;
} wanted_t;

static void look_for( const module_info_t* info, void* user )
{
    wanted_t* wanted = user;
    if( strcmp( info->name, wanted->name ) == 0 ) wanted->is_there = true;
}

static bool is_there( const char* module, file_t* file )
{
    wanted_t wanted = { .name = module };
    for( size_t i = 0; i < file->heaps.count; i++ )
        file->heaps.heaps[i].reader->modules( &file->heaps.heaps[i].image, look_for, &wanted );
    return wanted.is_there;
}

static int show( what_t what, const char* path, const char* module )
{
    file_t file;
    int    status = file_open( path, false, &file );
    if( status <= FOUND && module != NULL && !is_there( module, &file ) )
    {
        file_close( &file );
        return complain( module, "there is no module of this name" );
    }
    for( size_t i = 0; i < file.heaps.count; i++ )
    {
        if( i != 0 && !options.json && what != SHOW_CHECK ) (void)printf( "\n" );
        show_heap( what, &file.heaps.heaps[i], module );
    }
    file_close( &file );
    return status;
}

/* ---- Gathering ---- */

typedef struct
{
    char     name[READER_NAME_SIZE];
    bool     nobody;
    uint64_t bytes[2], blocks[2]; /* before and after */
} module_t;

typedef struct
{
    uint64_t address, caller;
    size_t   bytes;
    size_t   module; /* its number */
} block_t;

/* What a file's heaps hold, or those of two. */
typedef struct
{
    module_t* modules;
    size_t    module_count;
    block_t*  blocks[2];
    size_t    block_count[2];
    unsigned  side;
} holdings_t;

static void* grown( void* memory, size_t count, size_t size )
{
    if( ( count & ( count - 1 ) ) != 0 ) return memory; /* doubles */
    void* more = realloc( memory, ( count == 0 ? 1 : count * 2 ) * size );
    if( more == NULL ) exit( complain( "cannot go on", strerror( ENOMEM ) ) );
    return more;
}

static size_t module_number( holdings_t* all, const char* name, bool nobody )
{
    for( size_t i = 0; i < all->module_count; i++ )
        if( all->modules[i].nobody == nobody && strcmp( all->modules[i].name, name ) == 0 ) return i;
    all->modules     = grown( all->modules, all->module_count, sizeof *all->modules );
    module_t* module = &all->modules[all->module_count];
    *module          = ( module_t ){ .nobody = nobody };
    (void)snprintf( module->name, sizeof module->name, "%s", name );
    return all->module_count++;
}

static void gather_block( const block_info_t* info, void* user )
{
    holdings_t* all = user;
    if( info->use != BLOCK_LIVE ) return;
    unsigned side = all->side;
    size_t   module =
        module_number( all, info->nobody || info->owner[0] != '\0' ? info->owner : "(unknown)", info->nobody );
    all->modules[module].bytes[side] += info->bytes;
    all->modules[module].blocks[side]++;
    all->blocks[side] = grown( all->blocks[side], all->block_count[side], sizeof *all->blocks[side] );
    all->blocks[side][all->block_count[side]++] = ( block_t ){ info->address, info->caller, info->bytes, module };
}

static void gather( holdings_t* all, unsigned side, file_t* file )
{
    all->side = side;
    for( size_t i = 0; i < file->heaps.count; i++ )
        file->heaps.heaps[i].reader->blocks( &file->heaps.heaps[i].image, gather_block, all );
}

static void release( holdings_t* all )
{
    free( all->modules );
    free( all->blocks[0] );
    free( all->blocks[1] );
}

/* ---- Two files ---- */

static int64_t change_of( const module_t* module )
{
    return (int64_t)( module->bytes[1] - module->bytes[0] );
}

static void show_change( const module_t* module )
{
    if( options.json )
    {
        (void)printf( "{\"kind\":\"%s\",\"name\":", module->nobody ? "nobody" : "module" );
        text_json( module->name );
        (void)printf( ",\"before\":%llu,\"after\":%llu,\"change\":%lld,\"blocks\":%lld}\n",
                      (unsigned long long)module->bytes[0], (unsigned long long)module->bytes[1],
                      (long long)change_of( module ), (long long)( module->blocks[1] - module->blocks[0] ) );
        return;
    }
    text_name( module->nobody ? "(nobody)" : module->name, 32 );
    (void)printf( " %10llu %10llu %+11lld %+8lld\n", (unsigned long long)module->bytes[0],
                  (unsigned long long)module->bytes[1], (long long)change_of( module ),
                  (long long)( module->blocks[1] - module->blocks[0] ) );
}

static void show_changed_block( const holdings_t* all, const block_t* block, bool is_new )
{
    const module_t* module = &all->modules[block->module];
    const char*     where  = places_known && block->caller != 0 ? places_of( block->caller ) : NULL;
    if( options.json )
    {
        (void)printf( "{\"kind\":\"%s\",\"address\":\"0x%llx\",\"bytes\":%zu,\"owner\":", is_new ? "new" : "gone",
                      (unsigned long long)block->address, block->bytes );
        text_json( module->nobody ? NULL : module->name );
        if( block->caller != 0 ) (void)printf( ",\"caller\":\"0x%llx\"", (unsigned long long)block->caller );
        if( where != NULL ) (void)printf( ",\"place\":" ), text_json( where );
        (void)printf( "}\n" );
        return;
    }
    char address[24];
    (void)snprintf( address, sizeof address, "0x%llx", (unsigned long long)block->address );
    (void)printf( "%s %-14s %10zu ", is_new ? "new " : "gone", address, block->bytes );
    text_name( module->nobody ? "(nobody)" : module->name, block->caller != 0 ? 30 : 0 );
    if( block->caller != 0 ) (void)printf( " 0x%llx", (unsigned long long)block->caller );
    (void)printf( "\n" );
    if( where != NULL ) (void)printf( "     from " ), text_name( where, 0 ), (void)printf( "\n" );
}

static int by_address( const void* one, const void* other )
{
    const block_t* a = one;
    const block_t* b = other;
    return a->address != b->address ? ( a->address < b->address ? -1 : 1 )
           : a->bytes != b->bytes   ? ( a->bytes < b->bytes ? -1 : 1 )
                                    : ( a->module > b->module ) - ( a->module < b->module );
}

/* Blocks that only one of the two has; of modules that hold more, where leaks are looked for. */
static size_t show_changed_blocks( const holdings_t* all, bool leaks )
{
    size_t before = 0, after = 0, changed = 0;
    while( before < all->block_count[0] || after < all->block_count[1] )
    {
        int            order  = before == all->block_count[0]  ? 1
                                : after == all->block_count[1] ? -1
                                                               : by_address( &all->blocks[0][before], &all->blocks[1][after] );
        bool           is_new = order > 0;
        const block_t* block  = is_new ? &all->blocks[1][after] : &all->blocks[0][before];
        before += order <= 0;
        after += order >= 0;
        if( order == 0 || ( leaks && ( !is_new || change_of( &all->modules[block->module] ) <= 0 ) ) ) continue;
        if( changed++ == 0 && !options.json )
            (void)printf( "\nblock               bytes owner%s\n",
                          block->caller != 0 ? "                          caller" : "" );
        show_changed_block( all, block, is_new );
    }
    return changed;
}

static int by_growth( const void* one, const void* other )
{
    int64_t a = change_of( *(const module_t*const*)one ), b = change_of( *(const module_t*const*)other );
    return a != b ? ( a > b ? -1 : 1 )
                  : strcmp( ( *(const module_t* const*)one )->name, ( *(const module_t* const*)other )->name );
}

/* Modules that hold more or less, those that grew most first; leaks: that hold more. */
static size_t show_changes( const holdings_t* all, bool leaks )
{
    size_t           changed = 0;
    const module_t** order   = calloc( all->module_count + 1, sizeof( module_t* ) );
    if( order == NULL ) exit( complain( "cannot go on", strerror( ENOMEM ) ) );
    for( size_t i = 0; i < all->module_count; i++ )
    {
        const module_t* module = &all->modules[i];
        if( leaks ? change_of( module ) > 0 : change_of( module ) != 0 || module->blocks[0] != module->blocks[1] )
            order[changed++] = module;
    }
    qsort( order, changed, sizeof *order, by_growth );
    if( changed != 0 && !options.json )
        (void)printf( "module                               before      after      change   blocks\n" );
    for( size_t i = 0; i < changed; i++ )
        show_change( order[i] );
    free( order );
    return changed;
}

static void complain_of_damage( file_t* file )
{
    for( size_t i = 0; i < file->heaps.count; i++ )
        if( heap_is_damaged( &file->heaps.heaps[i] ) ) show_check( &file->heaps.heaps[i], stderr );
}

static int compare( const char* before, const char* after, bool leaks )
{
    holdings_t all = { 0 };
    file_t     files[2];
    int        status = file_open( before, false, &files[0] );
    int        second = status == USAGE ? USAGE : file_open( after, false, &files[1] );
    if( status == USAGE ) files[1] = ( file_t ){ 0 };
    if( second > status ) status = second;
    if( status <= FOUND )
    {
        for( unsigned side = 0; side < 2; side++ )
        {
            complain_of_damage( &files[side] );
            gather( &all, side, &files[side] );
            if( all.block_count[side] != 0 )
                qsort( all.blocks[side], all.block_count[side], sizeof( block_t ), by_address );
        }
        size_t changed = show_changes( &all, leaks );
        changed += show_changed_blocks( &all, leaks );
        if( changed != 0 ) status = FOUND;
        if( changed == 0 && !options.json )
            (void)printf( "%s\n", leaks ? "no module holds more" : "there is no difference" );
    }
    release( &all );
    file_close( &files[0] );
    file_close( &files[1] );
    return status;
}

/* ---- Map ---- */

static const char letters[MAP_OWNERS + 1] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

typedef struct
{
    holdings_t* all;
    char*       marks; /* by a module's number */
    uint64_t    from, cell;
    size_t      cells;
    uint64_t ( *held )[128]; /* in each cell, by mark */
} drawing_t;

static void draw_block( const block_info_t* info, void* user )
{
    drawing_t* drawing = user;
    char       mark =
        info->use == BLOCK_FREE ? '.'
              : info->use == BLOCK_LIVE
                  ? drawing->marks[module_number(
                        drawing->all, info->nobody || info->owner[0] != '\0' ? info->owner : "(unknown)", info->nobody )]
                  : '=';
    uint64_t at   = info->address - 4 - drawing->from;
    uint64_t left = info->bytes;
    while( left != 0 && at / drawing->cell < drawing->cells )
    {
        uint64_t part = drawing->cell - at % drawing->cell;
        if( part > left ) part = left;
        drawing->held[at / drawing->cell][(unsigned char)mark] += part;
        at += part;
        left -= part;
    }
}

static int by_bytes( const void* one, const void* other )
{
    const module_t* a = *(const module_t* const*)one;
    const module_t* b = *(const module_t* const*)other;
    return a->bytes[0] != b->bytes[0] ? ( a->bytes[0] > b->bytes[0] ? -1 : 1 ) : strcmp( a->name, b->name );
}

/* What most of each cell is. */
static char cell_mark( const drawing_t* drawing, size_t cell )
{
    unsigned most = '='; /* the control data is in no block */
    for( unsigned mark = 0; mark < 128; mark++ )
        if( drawing->held[cell][mark] > drawing->held[cell][most] ) most = mark;
    return (char)most;
}

static void draw_cells( const drawing_t* drawing )
{
    for( size_t row = 0; row < drawing->cells; row += MAP_COLUMNS )
    {
        char address[24];
        (void)snprintf( address, sizeof address, "0x%llx",
                        (unsigned long long)( drawing->from + row * drawing->cell ) );
        (void)printf( "%-14s ", address );
        for( size_t cell = row; cell < row + MAP_COLUMNS && cell < drawing->cells; cell++ )
            (void)putchar( cell_mark( drawing, cell ) );
        (void)printf( "\n" );
    }
}

static void draw_map( heap_t* heap )
{
    holdings_t all     = { 0 };
    drawing_t  drawing = { .all = &all, .from = heap->image.address, .cell = 4 };
    figures_t  figures;
    heap->reader->figures( &heap->image, &figures );
    heap->reader->blocks( &heap->image, gather_block, &all );
    while( figures.size > drawing.cell * MAP_COLUMNS * MAP_ROWS )
        drawing.cell *= 2;
    drawing.cells          = (size_t)( ( figures.size + drawing.cell - 1 ) / drawing.cell );
    drawing.marks          = malloc( all.module_count + 1 );
    drawing.held           = calloc( drawing.cells + 1, sizeof *drawing.held );
    const module_t** order = calloc( all.module_count + 1, sizeof( module_t* ) );
    if( drawing.marks == NULL || drawing.held == NULL || order == NULL )
        exit( complain( "cannot go on", strerror( ENOMEM ) ) );
    for( size_t i = 0; i < all.module_count; i++ )
        order[i] = &all.modules[i];
    qsort( order, all.module_count, sizeof *order, by_bytes );
    for( size_t i = 0; i < all.module_count; i++ )
        drawing.marks[order[i] - all.modules] = order[i]->nobody ? '*' : i < MAP_OWNERS ? letters[i] : '#';
    heap->reader->blocks( &heap->image, draw_block, &drawing );

    (void)printf( "heap 0x%llx: a character is %llu bytes\n", (unsigned long long)heap->image.address,
                  (unsigned long long)drawing.cell );
    draw_cells( &drawing );
    (void)printf( ". free  = the heap's own\n" );
    for( size_t i = 0; i < all.module_count; i++ )
    {
        (void)printf( "%c ", drawing.marks[order[i] - all.modules] );
        text_name( order[i]->nobody ? "(nobody)" : order[i]->name, 40 );
        (void)printf( " %10llu\n", (unsigned long long)order[i]->bytes[0] );
    }
    free( order );
    free( drawing.marks );
    free( drawing.held );
    release( &all );
}

/* ---- The page ---- */

/* Says what is wrong with the heaps that the page will show. */
static int look_at_heaps( const char* path )
{
    file_t file;
    int    status = file_open( path, true, &file );
    complain_of_damage( &file );
    file_close( &file );
    return status;
}

static int view( const char* path )
{
    unsigned char *bytes, *packed = NULL;
    size_t         size, packed_size;
    const char*    slash = strrchr( path, '/' );
    errno                = 0;
    if( !file_read( path, &bytes, &size ) ) return complain( path, strerror( errno ) );
    int   status = trace_is( path ) ? trace_look( path ) : look_at_heaps( path );
    FILE* out    = status <= FOUND ? file_create( options.out ) : NULL;
    if( out != NULL )
    {
        const char* name = slash != NULL ? slash + 1 : path;
        if( file_pack( bytes, size, &packed, &packed_size ) )
            (void)view_write( out, packed, packed_size, name );
        else
            (void)view_write( out, bytes, size, name ); /* the page reads that too */
        if( !file_finish( out, options.out ) ) status = USAGE;
    }
    else if( status <= FOUND )
        status = USAGE;
    free( packed );
    free( bytes );
    return status;
}

/* ---- The command line ---- */

static const char help[] = "Usage: dmheap COMMAND [OPTION]... FILE...\n"
                           "Looks at heaps in a RAM dump, a core file (ELF) or an image of a heap, of any\n"
                           "processor; or at a trace.\n"
                           "\n"
                           "  report FILE            figures, modules, free sizes, largest blocks, a map\n"
                           "  check FILE             whether every invariant holds, or what is wrong first\n"
                           "  modules FILE           who holds how much\n"
                           "  blocks FILE [MODULE]   every block, or those of a module\n"
                           "  map FILE               where the modules' blocks lie\n"
                           "  diff A B               what the modules hold more or less, blocks new and gone\n"
                           "  leaks A B              the modules that hold more, and their new blocks\n"
                           "  leaks TRACE            what unloaded modules left behind\n"
                           "  replay TRACE           the events of a trace, one a line\n"
                           "  size TRACE             how large the heap must be\n"
                           "  view FILE              writes a page for a browser that shows it\n"
                           "  export TRACE           writes it for other tools, in one of these formats:\n"
                           "      --massif           ms_print, Massif-Visualizer\n"
                           "      --heaptrack        heaptrack_print, heaptrack_gui\n"
                           "      --perfetto         ui.perfetto.dev, chrome://tracing\n"
                           "  (TRACE may be a RAM dump or a core file too: the ring in it)\n"
                           "\n"
                           "  -j, --json             an object a line, for programs\n"
                           "  -b, --base ADDRESS     where the first byte of a RAM dump or an image lay\n"
                           "  -a, --at ADDRESS       only the heap there, whatever it begins with\n"
                           "  -e, --elf FILE         the program: callers of a build with DMHEAP_GUARD are\n"
                           "                         shown as function, file and line, by addr2line\n"
                           "  -o, --output FILE      where what is written goes, not to standard output\n"
                           "  -h, --help             this\n"
                           "  -V, --version          which version of images and traces this reads\n"
                           "\n"
                           "Exit status: 0: all is well; 1: damage, a leak or a difference was found; 2: a\n"
                           "wrong command line, or a file that cannot be read; 3: there is no heap in it.\n";

static bool number( const char* text, uint64_t* value )
{
    char* end;
    errno  = 0;
    *value = strtoull( text, &end, 0 );
    return errno == 0 && end != text && *end == '\0' && text[0] != '-';
}

static int wrong( const char* why )
{
    (void)fprintf( stderr, "dmheap: %s\nTry 'dmheap --help'.\n", why );
    return USAGE;
}

static int run( int count, char** words )
{
    static const struct
    {
        const char* name;
        what_t      what;
    } shows[]           = { { "report", SHOW_REPORT },
                            { "check", SHOW_CHECK },
                            { "modules", SHOW_MODULES },
                            { "blocks", SHOW_BLOCKS },
                            { "map", SHOW_MAP } };
    const char* name    = count > 0 ? words[0] : "";
    bool        leaks   = strcmp( name, "leaks" ) == 0;
    bool        exports = strcmp( name, "export" ) == 0, views = strcmp( name, "view" ) == 0;
    if( count == 0 ) return wrong( "no command" );
    if( options.formats != 0 && !exports ) return wrong( "only a trace is exported" );
    if( options.out != NULL && !exports && !views ) return wrong( "only view and export have an output file" );
    if( leaks && count == 2 ) return trace_leaks( words[1], options.json );
    if( leaks || strcmp( name, "diff" ) == 0 )
        return count == 3 ? compare( words[1], words[2], leaks ) : wrong( "two files are compared" );
    if( strcmp( name, "replay" ) == 0 )
        return count == 2 ? trace_replay( words[1], options.json ) : wrong( "one trace is replayed" );
    if( views ) return count == 2 ? view( words[1] ) : wrong( "one file is viewed" );
    if( strcmp( name, "size" ) == 0 )
        return count == 2 ? size_of_heap( words[1], options.json ) : wrong( "one trace is sized" );
    if( exports )
        return count == 2 && options.formats == 1 ? export_trace( words[1], options.format, options.out )
                                                  : wrong( "one trace is exported, in one format" );
    for( size_t i = 0; i < sizeof shows / sizeof *shows; i++ )
    {
        if( strcmp( name, shows[i].name ) != 0 ) continue;
        if( count < 2 || count > ( shows[i].what == SHOW_BLOCKS ? 3 : 2 ) ) return wrong( "one file is looked at" );
        if( shows[i].what == SHOW_REPORT && trace_is( words[1] ) ) return trace_report( words[1], options.json );
        return show( shows[i].what, words[1], count == 3 ? words[2] : NULL );
    }
    return wrong( "there is no such command" );
}

/* The status, or that of an output that is not whole. */
static int written( int status )
{
    if( fflush( stdout ) != 0 || ferror( stdout ) ) return complain( "standard output", strerror( errno ) );
    return status;
}

int main( int argc, char** argv )
{
    static const struct option longs[] = { { "json", no_argument, NULL, 'j' },
                                           { "base", required_argument, NULL, 'b' },
                                           { "at", required_argument, NULL, 'a' },
                                           { "elf", required_argument, NULL, 'e' },
                                           { "output", required_argument, NULL, 'o' },
                                           { "massif", no_argument, NULL, 'M' },
                                           { "heaptrack", no_argument, NULL, 'H' },
                                           { "perfetto", no_argument, NULL, 'P' },
                                           { "help", no_argument, NULL, 'h' },
                                           { "version", no_argument, NULL, 'V' },
                                           { NULL, 0, NULL, 0 } };
    const char*                elf     = NULL;
    int                        option;
    while( ( option = getopt_long( argc, argv, "jb:a:e:o:hV", longs, NULL ) ) != -1 )
    {
        switch( option )
        {
        case 'j': options.json = true; break;
        case 'e': elf = optarg; break;
        case 'M': options.format = EXPORT_MASSIF, options.formats++; break;
        case 'H': options.format = EXPORT_HEAPTRACK, options.formats++; break;
        case 'P': options.format = EXPORT_PERFETTO, options.formats++; break;
        case 'o': options.out = optarg; break;
        case 'b':
            options.placed = true;
            if( !number( optarg, &options.base ) ) return wrong( "that is no address" );
            break;
        case 'a':
            options.chosen = true;
            if( !number( optarg, &options.at ) ) return wrong( "that is no address" );
            break;
        case 'h': (void)fputs( help, stdout ); return written( FINE );
        case 'V':
            (void)printf( "dmheap: images of version %d, traces of version 1\n", READER_VERSION );
            return written( FINE );
        default: return wrong( "wrong option" );
        }
    }
    if( elf != NULL )
    {
        target_t program;
        errno = 0;
        if( !target_open( &program, elf, false, 0 ) )
            return complain( elf, errno != 0 ? strerror( errno ) : "cannot be read" );
        bool is_program = program.pointer != 0;
        options.entry   = program.entry;
        target_close( &program );
        if( !is_program ) return complain( elf, "is no ELF file" );
        places_known = places_open( elf );
    }
    int status = run( argc - optind, argv + optind );
    if( elf != NULL ) places_close();
    return written( status );
}
