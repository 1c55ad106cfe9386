/*
 * Finds heaps; see heaps.h. A magic word alone makes no heap: what follows must be sealed, agree with what a heap made there
 * would be, and have blocks. Which reader it needs stands in its layout word, but for how long the addresses are that a
 * guard writes down: where the file does not tell, that with which more blocks are as they should be.
 */
#include "heaps.h"

#include "progress.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const reader_t* const readers[] = { &reader_plain,   &reader_guard_32,   &reader_guard_64,
                                           &reader_plain_8, &reader_guard_32_8, &reader_guard_64_8 };

enum
{
    READERS      = sizeof readers / sizeof *readers,
    LEAST_ALIGN  = 1 << 16,
    MOST_GRANULE = 64,                     /* bytes: larger ones are not guessed */
    LEAST_ROOM   = READER_HEAD_WORDS + 32, /* words */
    MOST_MISSING = 16                      /* a heap of which less than this part is there is none */
};

#define MOST_WORDS ( (size_t)1 << 29 )

static bool host_is_big( void )
{
    return __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__;
}

static void swap( image_word_t* words, size_t count )
{
    for( size_t i = 0; i < count; i++ )
        words[i] = __builtin_bswap32( words[i] );
}

static bool layout_is_valid( const layout_t* layout, bool swapped )
{
    return layout->version == READER_VERSION && layout->big_endian == ( host_is_big() != swapped ) &&
           layout->most_modules >= 1 && layout->most_modules <= 252 && layout->name_size >= 2 &&
           layout->owner_bits == ( layout->most_modules <= 124 ? 7 : 8 );
}

/* What is to be read, and how. */
typedef struct
{
    const target_t* target;
    uint64_t        address;
    uint32_t        head[READER_HEAD_WORDS];
    bool            swapped, forced, layout_holds;
} candidate_t;

/* Copies a heap to where addresses have the low bits of `residue`, and opens it. 1: done; 0: there is none; -1: no memory. */
static int load( const candidate_t* candidate, const reader_t* reader, uint64_t residue, heap_t* heap )
{
    uint64_t extent = target_extent( candidate->target, candidate->address );
    size_t   there  = extent / 4 > MOST_WORDS ? MOST_WORDS : (size_t)( extent / 4 );
    size_t   count  = reader->size( candidate->head, candidate->swapped );
    *heap           = ( heap_t ){ .reader = reader };
    if( count == 0 ) count = there;
    if( there > count ) there = count;
    if( count > MOST_WORDS || there < count / MOST_MISSING ) return 0;

    size_t align = LEAST_ALIGN;
    while( align < count * 4 )
        align *= 2;
    size_t skip = (size_t)residue & ( align - 1 ) & ~(size_t)3;
    /* the summary of the lists, where it is overwritten, is followed so far: behind the end of the smallest heaps */
    size_t room = count < LEAST_ROOM ? LEAST_ROOM : count;
    if( posix_memalign( &heap->memory, align, skip + room * 4 ) != 0 ) return heap->memory = NULL, -1;
    heap->image = ( image_t ){ .address = candidate->address,
                               .words   = (image_word_t*)(void*)( (char*)heap->memory + skip ),
                               .count   = count,
                               .there   = there,
                               .swapped = candidate->swapped };
    memset( heap->image.words, 0, room * 4 );
    (void)target_read( candidate->target, candidate->address, heap->image.words, there * 4 );
    if( candidate->swapped ) swap( heap->image.words, count );
    if( reader->open( &heap->image, candidate->forced ) ) return 1;
    free( heap->memory );
    heap->memory = NULL;
    return 0;
}

/* A file that does not say at which address its bytes lay: the heap's blocks do, as far as it matters. */
static uint64_t first_residue( const candidate_t* candidate )
{
    if( candidate->target->placed ) return candidate->address;
    uint32_t first = candidate->head[2];
    uint32_t shifts[1];
    memcpy( shifts, &candidate->head[5], sizeof shifts );
    if( candidate->swapped ) swap( shifts, 1 );
    unsigned granule = ( (const unsigned char*)shifts )[1] & 15;
    return ( 0u - first ) * UINT64_C( 4 ) & ( ( UINT64_C( 4 ) << granule ) - 1 );
}

/* Loads it with a reader, checks it, and loads it again where its blocks lie at other addresses than was thought. */
static int try_reader( const candidate_t* candidate, const reader_t* reader, heap_t* heap )
{
    uint64_t residue = first_residue( candidate );
    int      loaded  = load( candidate, reader, residue, heap );
    /* what tells where its blocks lie may be overwritten */
    for( uint64_t other = 0; loaded == 0 && !candidate->target->placed && other < MOST_GRANULE; other += 4 )
        loaded = load( candidate, reader, residue = other, heap );
    if( loaded != 1 ) return loaded;
    uint64_t seen = candidate->target->placed ? residue : reader->residue( &heap->image, residue );
    if( seen != residue )
    {
        free( heap->memory );
        loaded = load( candidate, reader, seen, heap );
        if( loaded != 1 ) return loaded;
    }
    heap->fault = reader->check( &heap->image, &heap->where );
    return 1;
}

static bool is_asked( const candidate_t* candidate, const layout_t* layout, const reader_t* reader )
{
    unsigned pointer = candidate->target->pointer;
    if( reader->guard && pointer != 0 && reader->pointer != pointer ) return false;
    return !candidate->layout_holds || ( reader->guard == layout->guard && reader->owner_bits == layout->owner_bits );
}

static void note( heap_t* heap, bool magic_holds, bool layout_holds )
{
    size_t missing = heap->image.count > heap->image.there ? ( heap->image.count - heap->image.there ) * 4 : 0;
    if( heap->image.note[0] != '\0' )
        (void)snprintf( heap->note, sizeof heap->note, "%s", heap->image.note );
    else if( missing != 0 )
        (void)snprintf( heap->note, sizeof heap->note, "its last %zu bytes are not in the file", missing );
    else if( !magic_holds )
        (void)snprintf( heap->note, sizeof heap->note, "its magic word is overwritten" );
    else if( !layout_holds )
        (void)snprintf( heap->note, sizeof heap->note, "its layout word is overwritten, or of another version" );
}

/* As load(). */
static int open_at( const target_t* target, uint64_t address, bool forced, heap_t* best )
{
    candidate_t candidate = { .target = target, .address = address, .forced = forced };
    uint64_t    got       = target_read( target, address, candidate.head, sizeof candidate.head );
    if( got < sizeof candidate.head ) return 0;
    uint32_t magic    = candidate.head[0];
    layout_t straight = readers[0]->layout( candidate.head[1] );
    layout_t turned   = readers[0]->layout( __builtin_bswap32( candidate.head[1] ) );
    candidate.swapped =
        magic != READER_MAGIC && ( __builtin_bswap32( magic ) == READER_MAGIC ||
                                   ( !layout_is_valid( &straight, false ) && layout_is_valid( &turned, true ) ) );
    if( candidate.swapped ) swap( candidate.head, READER_HEAD_WORDS );
    layout_t layout        = candidate.swapped ? turned : straight;
    candidate.layout_holds = layout_is_valid( &layout, candidate.swapped );
    if( !forced && !candidate.layout_holds && readers[0]->size( candidate.head, candidate.swapped ) == 0 ) return 0;

    size_t most  = 0;
    bool   found = false;
    for( unsigned i = 0; i < READERS; i++ )
    {
        heap_t heap;
        if( !is_asked( &candidate, &layout, readers[i] ) ) continue;
        int tried = try_reader( &candidate, readers[i], &heap );
        if( tried < 0 ) return -1;
        if( tried == 0 ) continue;
        size_t whole = heap.fault == NULL ? SIZE_MAX : heap.reader->guarded( &heap.image );
        if( found && whole <= most )
        {
            free( heap.memory );
            continue;
        }
        if( found ) free( best->memory );
        *best = heap;
        most  = whole;
        found = true;
    }
    if( found ) note( best, candidate.head[0] == READER_MAGIC, candidate.layout_holds );
    return found;
}

/* False where there is no memory. */
static bool add( const target_t* target, uint64_t address, bool forced, heaps_t* heaps )
{
    heap_t heap;
    int    found = open_at( target, address, forced, &heap );
    if( found <= 0 ) return found == 0;
    heap_t* more = realloc( heaps->heaps, ( heaps->count + 1 ) * sizeof *more );
    if( more == NULL ) return free( heap.memory ), false;
    heaps->heaps                 = more;
    heaps->heaps[heaps->count++] = heap;
    return true;
}

bool heaps_find( const target_t* target, const uint64_t* at, heaps_t* heaps )
{
    *heaps = ( heaps_t ){ NULL, 0 };
    if( at != NULL ) return add( target, *at, true, heaps );
    uint64_t all = 0, before = 0;
    for( size_t i = 0; i < target->count; i++ )
        all += target->regions[i].bytes;
    for( size_t i = 0; i < target->count; i++ )
    {
        const region_t* region = &target->regions[i];
        for( uint64_t inside = ( 0 - region->address ) & 3; inside + 4 <= region->bytes; inside += 4 )
        {
            uint32_t word;
            if( ( inside & 0xffffc ) == 0 ) progress_show( before + inside, all );
            memcpy( &word, region->data + inside, sizeof word );
            if( word != READER_MAGIC && word != __builtin_bswap32( READER_MAGIC ) ) continue;
            if( !add( target, region->address + inside, false, heaps ) ) return false;
        }
        before += region->bytes;
    }
    progress_end();
    return true;
}

void heaps_free( heaps_t* heaps )
{
    for( size_t i = 0; i < heaps->count; i++ )
        free( heaps->heaps[i].memory );
    free( heaps->heaps );
    *heaps = ( heaps_t ){ NULL, 0 };
}
