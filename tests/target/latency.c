/*
 * How long interrupts are masked: the longest critical section of each function, in instructions, over random calls on a
 * small heap and on a large one. Cortex-M in QEMU with -icount shift=6: an instruction takes 64 ns, a tick of SysTick 40.
 * Prints "function heap masked mean worst", one line each, and "overhead heap bytes"; scripts/cost makes tables of them. Only the critical section of the port is replaced.
 */
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "dmheap.h"
#include "random.h"

#define SYST ( (volatile uint32_t*)0xE000E010 )

enum
{
    SMALL  = 4096,
    LARGE  = 8 << 20,
    BLOCKS = 400,
    NAMES  = 12,
    ROUNDS = 30000
};

typedef enum
{
    MALLOC,
    ALIGNED_ALLOC,
    CALLOC,
    REALLOC,
    FREE,
    RETAG,
    REGISTER,
    UNREGISTER,
    RENAME,
    LIMIT,
    GET_STATS,
    MODULE_STATS,
    USABLE_SIZE,
    VISIT_BLOCKS,
    VISIT_MODULES,
    CHECK,
    FUNCTIONS
} function_t;

static const char* const functions[FUNCTIONS] = {
    "malloc",    "aligned_alloc",    "calloc",      "realloc",      "free",
    "retag",     "register",         "unregister",  "rename",       "set_module_limit",
    "get_stats", "get_module_stats", "usable_size", "visit_blocks", "visit_modules",
    "check" };
static const char* const names[NAMES] = { "net", "fs",  "shell",  "usb",  "audio", "sensor#1",
                                          "log", "gui", "crypto", "boot", "a",     "a_name_of_thirty-one_characters" };

static unsigned char buffer[LARGE];
static void*         blocks[BLOCKS];
static uint32_t      state = 1;

/* ---- Measuring ---- */

static unsigned depth;
static uint32_t entered, longest, empty;

static uint32_t instructions( uint32_t from, uint32_t to )
{
    return ( ( ( from - to ) & 0xFFFFFF ) * 5 + 4 ) / 8;
}

void Dmod_EnterCritical( void )
{
    if( depth++ == 0 ) entered = SYST[2];
}

void Dmod_ExitCritical( void )
{
    if( --depth != 0 ) return;
    uint32_t length = instructions( entered, SYST[2] );
    if( length > longest ) longest = length;
}

int Dmod_Printf( const char* format, ... )
{
    (void)format;
    return 0;
}

typedef struct
{
    uint32_t masked, calls, worst;
    uint64_t sum;
} cost_t;

static cost_t costs[FUNCTIONS];

static bool see( const void* what, void* user )
{
    (void)what;
    (void)user;
    return true;
}

static bool see_block( const dmheap_block_info_t* block, void* user )
{
    return see( block, user );
}

static bool see_module( const dmheap_module_info_t* module, void* user )
{
    return see( module, user );
}

static void call( function_t function, void** slot, size_t size, const char* name, const char* other )
{
    dmheap_stats_t        stats;
    dmheap_module_stats_t module_stats;
    void*                 moved;
    switch( function )
    {
    case MALLOC: *slot = dmheap_malloc( size, name ); break;
    case ALIGNED_ALLOC: *slot = dmheap_aligned_alloc( 64, size, name ); break;
    case CALLOC: *slot = dmheap_calloc( size, 1, name ); break;
    case REALLOC:
        moved = dmheap_realloc( *slot, size + 1, name );
        if( moved != NULL ) *slot = moved;
        break;
    case FREE:
        dmheap_free( *slot, false );
        *slot = NULL;
        break;
    case RETAG: (void)dmheap_retag( *slot, name ); break;
    case REGISTER: (void)dmheap_register_module( name ); break;
    case UNREGISTER: dmheap_unregister_module( name ); break;
    case RENAME: (void)dmheap_rename_module( name, other ); break;
    case LIMIT: (void)dmheap_set_module_limit( name, SIZE_MAX ); break;
    case GET_STATS: (void)dmheap_get_stats( &stats ); break;
    case MODULE_STATS: (void)dmheap_get_module_stats( name, &module_stats ); break;
    case USABLE_SIZE: (void)dmheap_usable_size( *slot ); break;
    case VISIT_BLOCKS: dmheap_visit_blocks( see_block, NULL ); break;
    case VISIT_MODULES: dmheap_visit_modules( see_module, NULL ); break;
    default: (void)dmheap_check( NULL ); break;
    }
}

static void measure( function_t function, void** slot, size_t size, const char* name, const char* other )
{
    cost_t* cost   = &costs[function];
    longest        = 0;
    uint32_t start = SYST[2];
    call( function, slot, size, name, other );
    uint32_t length = instructions( start, SYST[2] );
    if( longest > cost->masked ) cost->masked = longest;
    if( length > cost->worst ) cost->worst = length;
    cost->sum += length;
    cost->calls++;
}

static bool is_live( const void* payload )
{
    return payload != NULL && dmheap_ctx_of( payload ) != NULL;
}

static function_t draw_function( bool live )
{
    uint32_t choice = draw_from( &state, 1000 );
    if( choice < 850 && !live ) return draw_from( &state, 8 ) == 0 ? ALIGNED_ALLOC : choice < 60 ? CALLOC : MALLOC;
    if( choice < 850 ) return choice < 250 ? REALLOC : choice < 280 ? RETAG : choice < 300 ? USABLE_SIZE : FREE;
    if( choice < 996 ) return REGISTER + draw_from( &state, VISIT_BLOCKS - REGISTER );
    return VISIT_BLOCKS + draw_from( &state, FUNCTIONS - VISIT_BLOCKS );
}

static void run( size_t heap )
{
    memset( costs, 0, sizeof costs );
    memset( blocks, 0, sizeof blocks );
    (void)dmheap_init( buffer, heap, 8 );
    for( unsigned round = 0; round < ROUNDS; round++ )
    {
        void** slot = &blocks[draw_from( &state, heap == SMALL ? 60 : BLOCKS )];
        if( !is_live( *slot ) ) *slot = NULL;
        size_t most = (size_t)1 << draw_from( &state, heap == SMALL ? 8 : 12 );
        measure( draw_function( *slot != NULL ), slot, draw_from( &state, (uint32_t)most ),
                 names[draw_from( &state, NAMES )], names[draw_from( &state, NAMES )] );
    }
    for( unsigned i = 0; i < FUNCTIONS; i++ )
        printf( "%s %u %u %u %u\n", functions[i], (unsigned)heap, (unsigned)( costs[i].masked - empty ),
                (unsigned)( costs[i].sum / ( costs[i].calls + !costs[i].calls ) ), (unsigned)costs[i].worst );
}

/* What a heap without blocks takes for itself. */
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

int main( void )
{
    SYST[1] = 0xFFFFFF;
    SYST[2] = 0;
    SYST[0] = 5;
    Dmod_EnterCritical();
    Dmod_ExitCritical();
    empty = longest;
    run( SMALL );
    run( LARGE );
    bool held = dmheap_check( NULL ) == DMHEAP_CHECK_OK;
    print_overhead();
    return !held;
}
