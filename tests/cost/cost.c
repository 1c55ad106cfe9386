/*
 * What each function of the API costs on a processor, in instructions, without what the critical section itself takes:
 * the whole call, and the longest time that it holds the lock. Runs in QEMU with -icount, so that all figures are exact
 * and the same on every machine. Prints a line each:
 *
 *   cost FUNCTION HEAP mean worst masked      random calls on a heap of so many bytes
 *   found FUNCTION worst masked               the kept sequences of worst.h, on a heap of 4 KiB
 *   walk FUNCTION n                           instructions a block
 *   scene MODULES LENGTH masked WHAT          with so many modules, whose names have so many characters
 *   holds n WHAT                              how often a call holds the lock
 *   overhead HEAP n                           bytes that a heap without blocks takes for itself
 *
 * Built with COST_SEARCH it looks for sequences that are worse than the kept ones instead, and prints worst.h anew.
 */
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "counter.h"
#include "dmheap.h"
#include "random.h"

enum
{
    SMALL      = 4096,
    LARGE      = 8 << 20,
    BLOCKS     = 400,
    NAMES      = 12,
    ROUNDS     = 30000,
    MOST_STEPS = 48, /* of a sequence */
    SCENE      = 1 << 16,
    MOST_SCENE = DMHEAP_MAX_MODULES,
    SHORT      = 15, /* characters of a name: what most have at the most */
    LONGEST    = DMHEAP_NAME_SIZE - 1
};

static const uint32_t searches = COST_SEARCH;

/* In the order of the tables. */
#define FUNCTIONS( X )                                                                                                 \
    X( malloc )                                                                                                        \
    X( aligned_alloc )                                                                                                 \
    X( calloc )                                                                                                        \
    X( realloc )                                                                                                       \
    X( free )                                                                                                          \
    X( retag )                                                                                                         \
    X( register_module )                                                                                               \
    X( unregister_module )                                                                                             \
    X( rename_module )                                                                                                 \
    X( set_module_limit )                                                                                              \
    X( get_stats )                                                                                                     \
    X( get_module_stats )                                                                                              \
    X( usable_size )                                                                                                   \
    X( visit_blocks )                                                                                                  \
    X( visit_modules )                                                                                                 \
    X( check )                                                                                                         \
    X( module_malloc )                                                                                                 \
    X( module_calloc )                                                                                                 \
    X( module_realloc ) X( module_aligned_realloc ) X( module_free ) X( module_get_stats )
#define NUMBER( name ) COST_##name,
#define TEXT( name )   #name,

typedef enum
{
    FUNCTIONS( NUMBER ) COUNT
} function_t;

static const char* const functions[COUNT] = { FUNCTIONS( TEXT ) };

static const char* const texts[NAMES] = { "net", "fs",  "shell",  "usb",  "audio", "sensor#1",
                                          "log", "gui", "crypto", "boot", "a",     "has_15_letters_" };

/* One call of a sequence. */
typedef struct
{
    uint8_t function, slot, size, names;
} step_t;

typedef struct
{
    step_t  steps[MOST_STEPS];
    uint8_t length; /* the last step is what costs most */
} sequence_t;

#include "worst.h"

static unsigned char buffer[LARGE] __attribute__( ( aligned( 4096 ) ) );
static void*         blocks[BLOCKS];
static uint32_t      state = 1;

/* The names lie where they lie in every build: hints go by their addresses. */
static char ( *const names )[DMHEAP_NAME_SIZE] = (void*)COST_NAMES_AT;

/* ---- Measuring ---- */

static unsigned depth, holds;
static uint32_t entered, longest; /* counts */
static uint32_t hold_empty;       /* what a hold of nothing is measured as */
static uint32_t hold_whole;       /* what entering and leaving costs a call */

void Dmod_EnterCritical( void )
{
    depth++;
    if( depth == 1 ) entered = counter_now();
}

void Dmod_ExitCritical( void )
{
    uint32_t length = counter_between( entered, counter_now() );
    if( --depth != 0 ) return;
    holds++;
    if( length > longest ) longest = length;
}

int Dmod_Printf( const char* format, ... )
{
    (void)format;
    return 0;
}

static void calibrate( void )
{
    enum
    {
        PAIRS = 100
    };
    counter_start();
    longest        = 0;
    uint32_t start = counter_now();
    for( unsigned i = 0; i < PAIRS; i++ )
    {
        Dmod_EnterCritical();
        Dmod_ExitCritical();
    }
    hold_whole = counter_instructions( counter_between( start, counter_now() ) ) / PAIRS;
    hold_empty = longest;
}

typedef struct
{
    uint32_t worst, masked;
} cost_t;

typedef struct
{
    cost_t   most;
    uint64_t sum;
    uint32_t calls;
} sum_t;

/* ---- Calls ---- */

static bool see_block( const dmheap_block_info_t* block, void* user )
{
    (void)block;
    (void)user;
    return true;
}

static bool see_module( const dmheap_module_info_t* module, void* user )
{
    (void)module;
    (void)user;
    return true;
}

static dmheap_module_t handle;

static bool is_allocating( function_t function )
{
    return function <= COST_calloc || function == COST_module_malloc || function == COST_module_calloc;
}

static bool is_by_handle_of_block( function_t function )
{
    return function == COST_module_realloc || function == COST_module_aligned_realloc || function == COST_module_free;
}

/* What a call by handle needs, and is not a part of it: the handle, and that the block is the module's. */
static void prepare( function_t function, void* const* slot, const char* name )
{
    if( function < COST_module_malloc ) return;
    if( is_by_handle_of_block( function ) && *slot != NULL ) (void)dmheap_retag( *slot, name );
    handle = dmheap_module_open( name );
}

static void call( function_t function, void** slot, size_t size, const char* name, const char* other )
{
    dmheap_stats_t        stats;
    dmheap_module_stats_t module_stats;
    void*                 moved;
    switch( function )
    {
    case COST_malloc: *slot = dmheap_malloc( size, name ); break;
    case COST_aligned_alloc: *slot = dmheap_aligned_alloc( 64, size, name ); break;
    case COST_calloc: *slot = dmheap_calloc( size, 1, name ); break;
    case COST_realloc:
        moved = dmheap_realloc( *slot, size + 1, name );
        if( moved != NULL ) *slot = moved;
        break;
    case COST_free:
        dmheap_free( *slot, false );
        *slot = NULL;
        break;
    case COST_retag: (void)dmheap_retag( *slot, name ); break;
    case COST_register_module: (void)dmheap_register_module( name ); break;
    case COST_unregister_module: dmheap_unregister_module( name ); break;
    case COST_rename_module: (void)dmheap_rename_module( name, other ); break;
    case COST_set_module_limit: (void)dmheap_set_module_limit( name, SIZE_MAX ); break;
    case COST_get_stats: (void)dmheap_get_stats( &stats ); break;
    case COST_get_module_stats: (void)dmheap_get_module_stats( name, &module_stats ); break;
    case COST_usable_size: (void)dmheap_usable_size( *slot ); break;
    case COST_visit_blocks: dmheap_visit_blocks( see_block, NULL ); break;
    case COST_visit_modules: dmheap_visit_modules( see_module, NULL ); break;
    case COST_check: (void)dmheap_check( NULL ); break;
    case COST_module_malloc: *slot = dmheap_module_malloc( handle, size ); break;
    case COST_module_calloc: *slot = dmheap_module_calloc( handle, size, 1 ); break;
    case COST_module_realloc:
        moved = dmheap_module_realloc( handle, *slot, size + 1 );
        if( moved != NULL ) *slot = moved;
        break;
    case COST_module_aligned_realloc:
        moved = dmheap_module_aligned_realloc( handle, *slot, 64, size + 1 );
        if( moved != NULL ) *slot = moved;
        break;
    case COST_module_free:
        dmheap_module_free( handle, *slot );
        *slot = NULL;
        break;
    default: (void)dmheap_module_get_stats( handle, &module_stats ); break;
    }
}

static cost_t measure( function_t function, void** slot, size_t size, const char* name, const char* other )
{
    cost_t cost = { 0, 0 };
    prepare( function, slot, name );
    longest        = 0;
    holds          = 0;
    uint32_t start = counter_now();
    call( function, slot, size, name, other );
    uint32_t whole = counter_instructions( counter_between( start, counter_now() ) );
    if( whole > holds * hold_whole ) cost.worst = whole - holds * hold_whole;
    if( longest > hold_empty ) cost.masked = counter_instructions( longest - hold_empty );
    return cost;
}

static void keep_worse( cost_t* most, cost_t cost )
{
    if( cost.worst > most->worst ) most->worst = cost.worst;
    if( cost.masked > most->masked ) most->masked = cost.masked;
}

static bool is_live( const void* payload )
{
    return payload != NULL && dmheap_ctx_of( payload ) != NULL;
}

static void start_anew( size_t heap )
{
    memset( blocks, 0, sizeof blocks );
    (void)dmheap_init( buffer, heap, 8 );
}

/* ---- Random calls ---- */

static function_t draw_function( bool live )
{
    uint32_t choice = draw_from( &state, 1000 );
    if( choice < 850 && !live )
    {
        if( draw_from( &state, 8 ) == 0 ) return COST_aligned_alloc;
        return choice < 60    ? COST_calloc
               : choice < 100 ? COST_module_malloc
               : choice < 120 ? COST_module_calloc
                              : COST_malloc;
    }
    if( choice < 850 )
        return choice < 250   ? COST_realloc
               : choice < 280 ? COST_retag
               : choice < 300 ? COST_usable_size
               : choice < 340 ? COST_module_realloc
               : choice < 360 ? COST_module_aligned_realloc
               : choice < 440 ? COST_module_free
                              : COST_free;
    if( choice < 980 ) return COST_register_module + draw_from( &state, COST_visit_blocks - COST_register_module );
    if( choice < 996 ) return COST_module_get_stats;
    return COST_visit_blocks + draw_from( &state, COST_module_malloc - COST_visit_blocks );
}

static void run_randomly( size_t heap )
{
    static sum_t sums[COUNT];
    memset( sums, 0, sizeof sums );
    start_anew( heap );
    for( unsigned round = 0; round < ROUNDS; round++ )
    {
        void** slot = &blocks[draw_from( &state, heap == SMALL ? 60 : BLOCKS )];
        if( !is_live( *slot ) ) *slot = NULL;
        size_t      most     = (size_t)1 << draw_from( &state, heap == SMALL ? 8 : 12 );
        size_t      size     = draw_from( &state, (uint32_t)most );
        const char* name     = names[draw_from( &state, NAMES )];
        const char* other    = names[draw_from( &state, NAMES )];
        function_t  function = draw_function( *slot != NULL );
        cost_t      cost     = measure( function, slot, size, name, other );
        keep_worse( &sums[function].most, cost );
        sums[function].sum += cost.worst;
        sums[function].calls++;
    }
    for( unsigned i = 0; i < COUNT; i++ )
        printf( "cost %s %u %u %u %u\n", functions[i], (unsigned)heap, (unsigned)( sums[i].sum / sums[i].calls ),
                (unsigned)sums[i].most.worst, (unsigned)sums[i].most.masked );
}

/* ---- Sequences ---- */

/* What a step calls where it meets a slot that does not fit is decided by the slot: every sequence is a valid one. */
static cost_t run_step( const step_t* step, function_t* function )
{
    void** slot = &blocks[step->slot];
    *function   = step->function;
    if( !is_live( *slot ) ) *slot = NULL;
    bool needs = *function == COST_free || *function == COST_realloc || *function == COST_retag ||
                 *function == COST_usable_size || is_by_handle_of_block( *function );
    if( *slot == NULL && needs ) *function = COST_malloc;
    if( *slot != NULL && is_allocating( *function ) ) *function = COST_free;
    return measure( *function, slot, step->size, names[step->names % NAMES], names[step->names / NAMES % NAMES] );
}

static void replay( void )
{
    cost_t found[COUNT] = { 0 };
    for( unsigned i = 0; i < sizeof worst_sequences / sizeof *worst_sequences; i++ )
    {
        start_anew( SMALL );
        for( unsigned step = 0; step < worst_sequences[i].length; step++ )
        {
            function_t function;
            cost_t     cost = run_step( &worst_sequences[i].steps[step], &function );
            keep_worse( &found[function], cost );
        }
    }
    for( unsigned i = 0; i < COUNT; i++ )
        printf( "found %s %u %u\n", functions[i], (unsigned)found[i].worst, (unsigned)found[i].masked );
}

/* ---- The search for the worst: sequences are changed a little, and kept where a call in them costs more ---- */

typedef struct
{
    sequence_t sequence;
    uint32_t   cost;
} record_t;

static record_t records[COUNT][2]; /* of the whole call, of the time under the lock */

static void draw_step( step_t* step )
{
    *step = ( step_t ){ .function = (uint8_t)draw_from( &state, COUNT ),
                        .slot     = (uint8_t)draw_from( &state, 24 ),
                        .size     = (uint8_t)( draw_from( &state, 256 ) >> draw_from( &state, 6 ) ),
                        .names    = (uint8_t)draw_from( &state, NAMES * NAMES ) };
}

static void vary( sequence_t* sequence, function_t last )
{
    for( unsigned changes = 1 + draw_from( &state, 4 ); changes != 0; changes-- )
    {
        unsigned at = draw_from( &state, sequence->length + 1u );
        switch( draw_from( &state, 3 ) )
        {
        case 0: /* another step */
            if( at < sequence->length ) draw_step( &sequence->steps[at] );
            break;
        case 1: /* one more */
            if( sequence->length == MOST_STEPS ) break;
            memmove( &sequence->steps[at + 1], &sequence->steps[at], ( sequence->length - at ) * sizeof( step_t ) );
            draw_step( &sequence->steps[at] );
            sequence->length++;
            break;
        default: /* one less */
            if( at >= sequence->length ) break;
            sequence->length--;
            memmove( &sequence->steps[at], &sequence->steps[at + 1], ( sequence->length - at ) * sizeof( step_t ) );
            break;
        }
    }
    if( sequence->length == MOST_STEPS ) sequence->length--;
    draw_step( &sequence->steps[sequence->length] );
    sequence->steps[sequence->length++].function = (uint8_t)last;
}

static void keep_record( record_t* record, const sequence_t* sequence, unsigned length, uint32_t cost )
{
    if( cost < record->cost || ( cost == record->cost && length >= record->sequence.length ) ) return;
    record->cost            = cost;
    record->sequence        = *sequence;
    record->sequence.length = (uint8_t)length;
}

static void try_sequence( const sequence_t* sequence )
{
    start_anew( SMALL );
    for( unsigned step = 0; step < sequence->length; step++ )
    {
        function_t function;
        cost_t     cost = run_step( &sequence->steps[step], &function );
        keep_record( &records[function][0], sequence, step + 1, cost.worst );
        keep_record( &records[function][1], sequence, step + 1, cost.masked );
    }
}

static void print_records( void )
{
    printf( "/*\n * The sequences of calls that cost most; written by scripts/cost --search. Each step: function, "
            "slot, size, "
            "names.\n */\nstatic const sequence_t worst_sequences[] = {\n" );
    for( unsigned i = 0; i < 2 * COUNT; i++ )
    {
        const record_t* record = &records[i / 2][i % 2];
        printf( "    /* %s: %u instructions%s */\n    { .length = %u,\n      .steps  = {", functions[i / 2],
                (unsigned)record->cost, i % 2 ? " under the lock" : "", record->sequence.length );
        for( unsigned step = 0; step < record->sequence.length; step++ )
        {
            const step_t* s = &record->sequence.steps[step];
            printf( "%s{ %u, %u, %u, %u },", step % 6 == 0 ? "\n          " : " ", s->function, s->slot, s->size,
                    s->names );
        }
        printf( " } },\n" );
    }
    printf( "};\n" );
}

static void search( void )
{
    for( unsigned i = 0; i < sizeof worst_sequences / sizeof *worst_sequences; i++ )
        try_sequence( &worst_sequences[i] );
    for( unsigned i = 0; i < searches; i++ )
    {
        function_t function = (function_t)draw_from( &state, COUNT );
        sequence_t sequence =
            records[draw_from( &state, 8 ) == 0 ? draw_from( &state, COUNT ) : function][draw_from( &state, 2 )]
                .sequence;
        vary( &sequence, function );
        try_sequence( &sequence );
    }
    print_records();
}

/* ---- Walks, and what a heap takes for itself ---- */

static uint32_t cost_of_walk( function_t function, size_t heap, unsigned count )
{
    start_anew( heap );
    for( unsigned i = 0; i < count; i++ )
        (void)dmheap_malloc( 24, names[i % 2] );
    return measure( function, blocks, 0, names[0], names[1] ).worst;
}

/* Every second block is the module's where there is one. */
static void print_walk( function_t function )
{
    enum
    {
        FEW  = 400,
        MANY = 2000
    };
    uint32_t many = cost_of_walk( function, 1 << 18, MANY );
    uint32_t few  = cost_of_walk( function, 1 << 18, FEW );
    printf( "walk %s %u\n", functions[function], (unsigned)( ( many - few ) / ( MANY - FEW ) ) );
}

/* ---- Many modules ---- */

/* The name of a module, always at the same address. All are alike up to the last three characters, so that comparing two
 * takes as long as can be. */
static const char* spelled( unsigned number, unsigned length )
{
    char* text = names[NAMES];
    memset( text, 'm', length - 3 );
    text[length - 3] = (char)( '0' + number / 100 );
    text[length - 2] = (char)( '0' + number / 10 % 10 );
    text[length - 1] = (char)( '0' + number % 10 );
    text[length]     = '\0';
    return text;
}

static void spell_other( unsigned length )
{
    memcpy( names[NAMES + 1], spelled( 999, length ), length + 1 );
}

/* What a call holds the lock for, if that is more than it was. */
static void keep_masked( uint32_t* most, function_t function, void** slot, const char* name )
{
    cost_t cost = measure( function, slot, 16, name, names[NAMES + 1] );
    if( cost.masked > *most ) *most = cost.masked;
}

static void free_all( void )
{
    for( unsigned i = 0; i < BLOCKS; i++ )
    {
        dmheap_free( blocks[i], false );
        blocks[i] = NULL;
    }
}

static void print_scene( unsigned count, unsigned length )
{
    struct
    {
        uint32_t hint, walk, first, enter, leave, rename, look, limit;
    } most = { 0 };
    /* as they come */
    spell_other( length );
    start_anew( SCENE );
    for( unsigned i = 0; i < count; i++ )
        keep_masked( &most.first, COST_malloc, &blocks[i], spelled( i, length ) );
    start_anew( SCENE );
    for( unsigned i = 0; i < count; i++ )
        keep_masked( &most.enter, COST_register_module, NULL, spelled( i, length ) );
    /* while they are there: each name comes where two others were seen last */
    for( unsigned i = 0; i < count; i++ )
    {
        keep_masked( &most.walk, COST_malloc, &blocks[0], spelled( i, length ) );
        keep_masked( &most.hint, COST_malloc, &blocks[1], spelled( i, length ) );
        keep_masked( &most.hint, COST_malloc, &blocks[2], spelled( i != 0 ? i - 1 : 0, length ) ); /* the second one */
        free_all();
        keep_masked( &most.look, COST_get_module_stats, NULL, spelled( i, length ) );
        keep_masked( &most.limit, COST_set_module_limit, NULL, spelled( i, length ) );
        keep_masked( &most.rename, COST_rename_module, NULL, spelled( i, length ) );
        (void)dmheap_rename_module( names[NAMES + 1], spelled( i, length ) );
    }
    /* as they go, the first or the last first */
    for( unsigned i = 0; i < count; i++ )
        keep_masked( &most.leave, COST_unregister_module, NULL, spelled( i, length ) );
    for( unsigned i = 0; i < count; i++ )
        (void)dmheap_register_module( spelled( i, length ) );
    for( unsigned i = count; i != 0; i-- )
        keep_masked( &most.leave, COST_unregister_module, NULL, spelled( i - 1, length ) );

    const struct
    {
        uint32_t    masked;
        const char* what;
    } rows[] = { { most.hint, "`malloc`, a name that a hint leads to" },
                 { most.walk, "`malloc`, a name that no hint leads to" },
                 { most.first, "`malloc`, the first of a name" },
                 { most.enter, "`register_module`" },
                 { most.leave, "`unregister_module`, without blocks" },
                 { most.rename, "`rename_module`, to a free name" },
                 { most.look, "`get_module_stats`" },
                 { most.limit, "`set_module_limit`, a known name" } };
    for( unsigned i = 0; i < sizeof rows / sizeof *rows; i++ )
        printf( "scene %u %u %u %s\n", count, length, (unsigned)rows[i].masked, rows[i].what );
}

/* ---- Holds ---- */

static unsigned print_holds( const char* what, function_t function, void** slot, size_t size, const char* name )
{
    (void)measure( function, slot, size, name, names[1] );
    if( what != NULL ) printf( "holds %u %s\n", holds, what );
    return holds;
}

static void print_all_holds( void )
{
    const char* name = names[0];
    start_anew( SCENE );
    (void)print_holds( "`malloc`, the first of a name", COST_malloc, &blocks[0], 16, name );
    (void)print_holds( "`malloc`, a name that a hint leads to", COST_malloc, &blocks[1], 16, name );
    memcpy( names[NAMES], name, strlen( name ) + 1 );
    (void)print_holds( "`malloc`, a name that no hint leads to", COST_malloc, &blocks[2], 16, names[NAMES] );
    (void)print_holds( "`realloc`, in place", COST_realloc, &blocks[2], 50, name );
    (void)print_holds( "`realloc`, to another place", COST_realloc, &blocks[0], 500, name );
    (void)print_holds( "`free`", COST_free, &blocks[1], 0, name );
    free_all();
    (void)print_holds( "`rename_module`, to a free name, one heap", COST_rename_module, NULL, 0, name );
    unsigned one =
        print_holds( "`unregister_module`, without blocks, one heap", COST_unregister_module, NULL, 0, names[1] );
    (void)dmheap_register_module( name );
    dmheap_context_t* second = dmheap_ctx_init( buffer + SCENE, SCENE, 8, NULL );
    unsigned not             = print_holds( NULL, COST_unregister_module, NULL, 0, name );
    (void)dmheap_register_module( name );
    (void)dmheap_ctx_register_module( second, name );
    unsigned both = print_holds( NULL, COST_unregister_module, NULL, 0, name );
    printf( "holds %u each further heap that knows the module\n", both - one );
    printf( "holds %u each further heap that does not\n", not -one );
    (void)dmheap_ctx_deinit( second );
}

static void print_overhead( void )
{
    for( size_t size = 1024; size <= LARGE; size *= 2 )
    {
        dmheap_stats_t stats;
        (void)dmheap_init( buffer, size, 8 );
        if( dmheap_get_stats( &stats ) )
            printf( "overhead %lu %lu\n", (unsigned long)size, (unsigned long)stats.overhead_bytes );
    }
}

/* Built with DMHEAP_TRACE, all is measured with a trace to a ring. */
static void trace_all( void )
{
#ifdef DMHEAP_TRACE
    static uint32_t ring[4096];
    dmheap_trace_start( &( dmheap_trace_t ){ .ring = ring, .ring_size = sizeof ring } );
#endif
}

int main( void )
{
    trace_all();
    for( unsigned i = 0; i < NAMES; i++ )
        memcpy( names[i], texts[i], strlen( texts[i] ) + 1 );
    calibrate();
    if( searches != 0 )
    {
        search();
        return 0;
    }
    run_randomly( SMALL );
    run_randomly( LARGE );
    bool held = dmheap_check( NULL ) == DMHEAP_CHECK_OK;
    replay();
    print_walk( COST_unregister_module );
    print_walk( COST_rename_module );
    print_walk( COST_visit_blocks );
    print_walk( COST_check );
    print_scene( NAMES, SHORT );
    print_scene( 50, SHORT );
    print_scene( MOST_SCENE, SHORT );
    print_scene( 50, LONGEST );
    print_all_holds();
    print_overhead();
    return !held;
}
