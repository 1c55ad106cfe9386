/*
 * Replays steps; see replay.h. The library itself, private to this unit, serves them: its heaps are the same on all
 * processors. REPLAY is the name of the function.
 */
#define DMHEAP_DONT_IMPLEMENT_DMOD_API
#define DMHEAP_NAME_SIZE 255

#pragma GCC diagnostic ignored "-Wunused-function"
#include "dmheap.c"

#include "replay.h"

#include <stdlib.h>
#include <string.h>

enum
{
    PAGE = 4096 /* in which the buffer has its place, for all alignments that are asked for */
};

static unsigned char pattern( uint32_t block )
{
    return (unsigned char)( block * 37 + 11 );
}

static bool holds( const unsigned char* payload, size_t size, unsigned char byte )
{
    return size == 0 || ( payload[0] == byte && memcmp( payload, payload + 1, size - 1 ) == 0 );
}

/* One step; payloads and their sizes are by block. */
static int take( dmheap_context_t* heap, const replay_t* replay, const step_t* step, unsigned char** payloads,
                 size_t* sizes )
{
    uint32_t       block      = step->block;
    const char*    name       = replay->names[step->name];
    unsigned char* now        = NULL;
    bool           is_aligned = step->alignment > replay->alignment;
    switch( step->op )
    {
    case STEP_REGISTER: return dmheap_ctx_register_module( heap, name ) ? REPLAY_GRANTED : REPLAY_REFUSED;
    case STEP_RENAME:
        return dmheap_ctx_rename_module( heap, replay->names[block], name ) ? REPLAY_GRANTED : REPLAY_REFUSED;
    case STEP_UNREGISTER: dmheap_ctx_unregister_module( heap, name ); return REPLAY_GRANTED;
    case STEP_MALLOC:
        now = is_aligned ? dmheap_ctx_aligned_alloc( heap, step->alignment, step->size, name )
                         : dmheap_ctx_malloc( heap, step->size, name );
        break;
    default:
        if( !holds( payloads[block], sizes[block], pattern( block ) ) ) return REPLAY_LOST;
        if( step->op == STEP_FREE ) return dmheap_ctx_free( heap, payloads[block], false ), REPLAY_GRANTED;
        if( step->op == STEP_RETAG )
            return dmheap_ctx_retag( heap, payloads[block], name ) ? REPLAY_GRANTED : REPLAY_REFUSED;
        now = is_aligned ? dmheap_ctx_aligned_realloc( heap, payloads[block], step->alignment, step->size, name )
                         : dmheap_ctx_realloc( heap, payloads[block], step->size, name );
        break;
    }
    if( now == NULL ) return REPLAY_REFUSED;
    size_t kept = step->op == STEP_REALLOC ? sizes[block] < step->size ? sizes[block] : step->size : 0;
    if( !holds( now, kept, pattern( block ) ) ) return REPLAY_LOST;
    memset( now, pattern( block ), step->size );
    payloads[block] = now;
    sizes[block]    = step->size;
    return REPLAY_GRANTED;
}

int REPLAY( const replay_t* replay, size_t bytes, size_t largest, replay_figures_t* figures )
{
    unsigned char*      memory   = malloc( bytes + PAGE );
    unsigned char**     payloads = calloc( replay->blocks + 1, sizeof *payloads );
    size_t*             sizes    = calloc( replay->blocks + 1, sizeof *sizes );
    int                 status   = REPLAY_LOST;
    dmheap_heap_stats_t stats    = { 0 };
    if( memory != NULL && payloads != NULL && sizes != NULL )
    {
        unsigned char*    buffer = memory + ( (uintptr_t)replay->address - (uintptr_t)memory ) % PAGE;
        dmheap_context_t* heap   = dmheap_ctx_init( buffer, bytes, replay->alignment, replay->name );
        status                   = heap != NULL ? REPLAY_GRANTED : REPLAY_REFUSED;
        for( size_t i = 0; i < replay->count && status == REPLAY_GRANTED; i++ )
            status = take( heap, replay, &replay->steps[i], payloads, sizes );
        if( heap != NULL )
        {
            uint32_t size = (uint32_t)( ( largest + 2 * WORD_SIZE - 1 ) / WORD_SIZE ), next;
            (void)dmheap_ctx_get_stats( heap, &stats );
            for( next = size; index_list( heap, next ) <= index_list( heap, size ); next++ )
                ;
            *figures = ( replay_figures_t ){ stats.peak_used_bytes, stats.overhead_bytes, (size_t)next * WORD_SIZE };
            (void)dmheap_ctx_deinit( heap );
        }
    }
    free( memory );
    free( payloads );
    free( sizes );
    return status;
}
