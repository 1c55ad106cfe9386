/*
 * Replays a trace (docs/trace.md) on one heap: what all heaps in it together were asked for, in that order. A trace that
 * is compressed is unpacked by xz or zstd.
 *   replay TRACE run [BYTES]   once, in BYTES (by default 8 times the payload): the functions of heap.h are to be counted.
 *                              Prints the operations
 *   replay TRACE smallest      prints the bytes of the smallest heap in which the trace completes, found by bisection, and the
 *                              most payload that was live. In that heap the contents of all blocks are looked at
 *   replay TRACE check BYTES   once, in BYTES; the contents of all blocks are looked at
 *   replay TRACE resident      once, written to all over; prints by how many KiB the process has grown when most payload is
 *                              live
 *   replay TRACE about         prints the most payload that is live, the most blocks that are, the largest request, and what
 *                              the most payload takes with headers of 4 bytes and in multiples of 8
 *   replay TRACE shares        once, in the smallest heap: prints 100 times in equal distances what the heap's bytes are:
 *                              payload, headers, rounding, control data, the largest free block, other free blocks
 *   replay TRACE steps         writes what target_replay.c reads
 * Ends with 1 where the heap refuses, with 3 where contents are lost, with 2 where the trace cannot be read.
 */
#define _GNU_SOURCE
#include <inttypes.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "heap.h"
#include "records.h"

enum
{
    MOST_OWNERS  = 4096,
    MOST_IN_BITS = 24, /* blocks that are live at a time: half as many */
    MOST_RECORDS = 8 << 20,
    MOST_BYTES   = 256 << 20,
    MOST_ON_32   = 32000000, /* bytes: a heap that a process of 32 bits has room for */
    SHARES       = 100,
    HEADER       = 4,
    NOT_ALIGNED  = 8 /* what every heap gives by itself */
};

typedef struct
{
    uint32_t block;
    uint8_t  op;
    uint8_t  owner;
    uint16_t alignment;
    size_t   size;
} step_t;

static step_t*         step;
static size_t          steps;
static unsigned char** payload; /* by block */
static size_t*         sizes;
static size_t          blocks;
static size_t          peak; /* most payload that is live */
static size_t          peak_at;
static size_t          largest;
static size_t          rounded_at_peak;
static long            resident_at_peak;

/* Memory of the program itself does not come from a heap that is measured. */
static void* pages( size_t size )
{
    void* memory = mmap( NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0 );
    if( memory == MAP_FAILED ) abort();
    return memory;
}

static void wrong( const char* what )
{
    fprintf( stderr, "replay: %s\n", what );
    exit( 2 );
}

/* ---- Reading ---- */

/* Live blocks by their address: open addressing; 0 is no payload's address. */
typedef struct
{
    uint64_t address;
    uint32_t block;
} place_t;

static place_t*  place;
static uint32_t* unused; /* numbers of blocks that are free again */
static size_t    unused_count;
static size_t    live;

static size_t hash( uint64_t address )
{
    return (size_t)( address * 0x9E3779B97F4A7C15u >> ( 64 - MOST_IN_BITS ) );
}

static size_t find( uint64_t address )
{
    const size_t mask = ( (size_t)1 << MOST_IN_BITS ) - 1;
    size_t       at   = hash( address );
    while( place[at].address != 0 && place[at].address != address )
        at = ( at + 1 ) & mask;
    return at;
}

static void enter( uint64_t address, uint32_t block )
{
    size_t at = find( address );
    if( place[at].address != 0 ) wrong( "two live blocks have one address" );
    if( ++live >= (size_t)1 << ( MOST_IN_BITS - 1 ) ) wrong( "too many blocks are live" );
    place[at] = ( place_t ){ address, block };
}

static uint32_t leave( uint64_t address )
{
    const size_t mask = ( (size_t)1 << MOST_IN_BITS ) - 1;
    size_t       at   = find( address );
    if( place[at].address == 0 ) wrong( "a block is freed that is not live" );
    uint32_t block = place[at].block;
    live--;
    for( size_t next = ( at + 1 ) & mask; place[next].address != 0; next = ( next + 1 ) & mask )
        if( ( ( next - hash( place[next].address ) ) & mask ) >= ( ( next - at ) & mask ) )
        {
            place[at] = place[next];
            at        = next;
        }
    place[at].address = 0;
    return block;
}

/* Owners are one of few, in the order in which they appear. */
static uint8_t owner_of( uint64_t key )
{
    static uint64_t known[MOST_OWNERS];
    static unsigned count;
    unsigned        i = 0;
    while( i < count && known[i] != key )
        i++;
    if( i == MOST_OWNERS ) wrong( "too many owners" );
    if( i == count ) known[count++] = key;
    return (uint8_t)( i % OWNERS );
}

static size_t rounded( size_t size )
{
    return size != 0 ? ( size + 4 + 7 ) / 8 * 8 : 0;
}

static void note( unsigned op, uint32_t block, uint64_t owner, uint64_t size, uint64_t alignment )
{
    static size_t held, held_rounded;
    if( steps == MOST_RECORDS ) wrong( "the trace is too long" );
    if( alignment > 0x8000 || size >= SIZE_MAX / 2 ) wrong( "a request is too large for this machine" );
    if( size == 0 && op != OP_FREE ) size = 1; /* what heaps do with 0 differs */
    held += (size_t)size - sizes[block];
    held_rounded += rounded( (size_t)size ) - rounded( sizes[block] );
    sizes[block] = (size_t)size;
    if( size > largest ) largest = (size_t)size;
    if( held > peak )
    {
        peak            = held;
        peak_at         = steps;
        rounded_at_peak = held_rounded;
    }
    step[steps++] =
        ( step_t ){ block, (uint8_t)op, op == OP_FREE ? 0 : owner_of( owner ), (uint16_t)alignment, (size_t)size };
}

static void note_malloc( const event_t* event )
{
    uint32_t block = unused_count > 0 ? unused[--unused_count] : (uint32_t)blocks++;
    enter( event->address, block );
    note( OP_MALLOC, block, event->owner, event->requested, event->alignment );
}

static void note_free( uint64_t address )
{
    uint32_t block = leave( address );
    note( OP_FREE, block, 0, 0, 0 );
    unused[unused_count++] = block;
}

static void note_realloc( const event_t* event )
{
    uint32_t block = leave( event->address );
    enter( event->new_address, block );
    note( OP_REALLOC, block, event->new_owner, event->requested, event->alignment );
}

static void note_event( const event_t* event )
{
    if( event->op == OP_LOST ) wrong( "records are missing" );
    if( event->owner == KEY_OWN ) return;
    switch( event->op )
    {
    case OP_MALLOC:
    case OP_IS_BLOCK: note_malloc( event ); break;
    case OP_FREE:
    case OP_LEFT: note_free( event->address ); break;
    case OP_REALLOC: note_realloc( event ); break;
    default: break;
    }
}

static FILE* opened( const char* path )
{
    static const char* const unpack[][2] = { { ".xz", "xz -dc" }, { ".zst", "zstd -dc" } };
    for( size_t i = 0; i < sizeof unpack / sizeof *unpack; i++ )
    {
        size_t at = strlen( path ) - strlen( unpack[i][0] );
        char   command[4200];
        if( strlen( path ) < strlen( unpack[i][0] ) || strcmp( path + at, unpack[i][0] ) != 0 ) continue;
        if( strchr( path, '\'' ) != NULL ) wrong( "a quote in the name" );
        snprintf( command, sizeof command, "%s '%s'", unpack[i][1], path );
        return popen( command, "r" );
    }
    return strcmp( path, "-" ) == 0 ? stdin : fopen( path, "rb" );
}

static void read_trace( const char* path )
{
    unsigned char* bytes = pages( MOST_BYTES );
    records_t      records;
    event_t        event;
    place       = pages( sizeof *place << MOST_IN_BITS );
    unused      = pages( sizeof *unused << MOST_IN_BITS );
    step        = pages( sizeof *step * MOST_RECORDS );
    payload     = pages( sizeof *payload << MOST_IN_BITS );
    sizes       = pages( sizeof *sizes << MOST_IN_BITS );
    FILE*  file = opened( path );
    size_t size = file != NULL ? fread( bytes, 1, MOST_BYTES, file ) : 0;
    size_t at   = records_header( &records, bytes, size );
    if( at == 0 ) wrong( "this is no trace, or of a version that is not known" );
    if( size == MOST_BYTES ) wrong( "the trace is too long" );
    for( size_t length; at < size; at += length )
    {
        length = records_next( &records, bytes + at, size - at, &event );
        if( length == 0 ) wrong( "the trace ends in the midst of a record" );
        note_event( &event );
    }
    if( steps == 0 ) wrong( "nothing is asked for" );
    munmap( bytes, MOST_BYTES );
    munmap( place, sizeof *place << MOST_IN_BITS );
    munmap( unused, sizeof *unused << MOST_IN_BITS );
}

/* ---- Replaying ---- */

typedef enum
{
    UNTOUCHED,
    WRITTEN,
    LOOKED_AT,
    SHARED /* what the heap consists of is printed */
} contents_t;

static unsigned char pattern( uint32_t block )
{
    return (unsigned char)( block * 37 + 11 );
}

static void write_all( uint32_t block, size_t size, contents_t contents )
{
    if( contents == WRITTEN || contents == LOOKED_AT ) memset( payload[block], pattern( block ), size );
}

static void look_at( uint32_t block, size_t size, size_t alignment, contents_t contents )
{
    if( contents != LOOKED_AT ) return;
    for( size_t i = 0; i < size; i++ )
        if( payload[block][i] != pattern( block ) ) exit( 3 );
    if( alignment != 0 && (uintptr_t)payload[block] % alignment != 0 ) exit( 3 );
}

/* KiB of memory of its own that the process has touched, counted page by page: no code. */
static long resident( void )
{
    char  line[256];
    long  kib    = -1;
    FILE* status = fopen( "/proc/self/smaps_rollup", "r" );
    while( status != NULL && fgets( line, sizeof line, status ) != NULL )
        if( strncmp( line, "Anonymous:", 10 ) == 0 ) kib = strtol( line + 10, NULL, 10 );
    if( kib < 0 ) wrong( "/proc/self/smaps_rollup cannot be read" );
    fclose( status );
    return kib;
}

/* For heaps that do not tell: one that does defines it again. */
__attribute__( ( weak ) ) int heap_about( size_t* live, size_t* unused, size_t* largest )
{
    (void)live;
    (void)unused;
    (void)largest;
    return 0;
}

static void print_shares( size_t bytes, size_t held, size_t count )
{
    size_t live, unused, most;
    if( !heap_about( &live, &unused, &most ) ) wrong( "the heap does not tell" );
    printf( "%zu %zu %zu %zu %zu %zu\n", held, count * HEADER, live - held - count * HEADER, bytes - live - unused,
            most, unused - most );
}

static bool replay( void* buffer, size_t bytes, contents_t contents )
{
    size_t held = 0, count = 0;
    heap_begin( buffer, bytes );
    for( const step_t* now = step; now < step + steps; now++ )
    {
        uint32_t block = now->block;
        void*    had;
        if( contents == SHARED &&
            (size_t)( now - step ) * SHARES / steps != (size_t)( now - step + 1 ) * SHARES / steps )
            print_shares( bytes, held, count );
        switch( now->op )
        {
        case OP_MALLOC:
            had = now->alignment > NOT_ALIGNED ? heap_aligned( now->alignment, now->size, now->owner )
                                               : heap_malloc( now->size, now->owner );
            if( had == NULL ) return false;
            payload[block] = had;
            count++;
            held += now->size;
            look_at( block, 0, now->alignment > NOT_ALIGNED ? now->alignment : 0, contents );
            break;
        case OP_REALLOC:
            had = heap_realloc( payload[block], now->size, now->owner );
            if( had == NULL ) return false;
            payload[block] = had;
            held += now->size - sizes[block];
            look_at( block, now->size < sizes[block] ? now->size : sizes[block], 0, contents );
            break;
        default:
            look_at( block, sizes[block], 0, contents );
            heap_free( payload[block] );
            count--;
            held -= sizes[block];
            continue;
        }
        sizes[block] = now->size;
        write_all( block, now->size, contents );
        if( contents == WRITTEN && now == step + peak_at ) resident_at_peak = resident();
    }
    return true;
}

static size_t smallest( void* buffer, size_t most )
{
    size_t low = 0, high = most;
    while( high - low > 64 )
    {
        size_t middle                                           = ( low + high ) / 2 & ~(size_t)31;
        *( replay( buffer, middle, UNTOUCHED ) ? &high : &low ) = middle;
    }
    return high;
}

static void write_steps( void )
{
    for( const step_t* now = step; now < step + steps; now++ )
    {
        unsigned log2 = 0;
        while( 1u << log2 < now->alignment )
            log2++;
        if( now->block >> 22 != 0 || now->size > UINT32_MAX ) wrong( "too large for a target" );
        const uint32_t words[2] = { now->block << 10 | log2 << 6 | (uint32_t)now->owner << 2 | now->op,
                                    (uint32_t)now->size };
        fwrite( words, sizeof words, 1, stdout ); /* little-endian, as both sides are */
    }
}

int main( int argc, char** argv )
{
    if( argc < 3 ) wrong( "replay TRACE run|smallest|check|resident|shares|about|steps [BYTES]" );
    read_trace( argv[1] );
    size_t most = 8 * peak + 65536;
    if( sizeof( void* ) == 4 && most > MOST_ON_32 ) most = MOST_ON_32;
    size_t bytes  = argc > 3 ? strtoul( argv[3], NULL, 0 ) : most;
    void*  buffer = pages( bytes + 4096 );
    if( strcmp( argv[2], "run" ) == 0 )
    {
        if( !replay( buffer, bytes, UNTOUCHED ) ) return 1;
        printf( "%zu\n", steps );
    }
    else if( strcmp( argv[2], "smallest" ) == 0 )
    {
        if( !replay( buffer, bytes, UNTOUCHED ) ) return 1;
        size_t found = smallest( buffer, bytes );
        if( !replay( buffer, found, LOOKED_AT ) ) return 1;
        printf( "%zu %zu\n", found, peak );
    }
    else if( strcmp( argv[2], "shares" ) == 0 )
    {
        if( !replay( buffer, bytes, UNTOUCHED ) || !replay( buffer, smallest( buffer, bytes ), SHARED ) ) return 1;
    }
    else if( strcmp( argv[2], "about" ) == 0 )
        printf( "%zu %zu %zu %zu\n", peak, blocks, largest, rounded_at_peak );
    else if( strcmp( argv[2], "steps" ) == 0 )
        write_steps();
    else if( strcmp( argv[2], "check" ) == 0 )
        return replay( buffer, bytes, LOOKED_AT ) ? 0 : 1;
    else if( strcmp( argv[2], "resident" ) == 0 )
    {
        memset( payload, 0, blocks * sizeof *payload ); /* all that is written beside the heap is resident then */
        memset( sizes, 0, blocks * sizeof *sizes );
        long before = resident();
        if( !replay( buffer, bytes, WRITTEN ) ) return 1;
        printf( "%ld %zu\n", resident_at_peak - before, peak );
    }
    else
        return 2;
    return 0;
}
