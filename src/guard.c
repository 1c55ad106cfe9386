/*
 * The guard; see guard.h. A part of dmheap.c, behind report.c. Looks into payloads and free memory: the tools that it
 * serves may not watch this library.
 */
#ifdef DMHEAP_GUARD

#ifdef DMHEAP_ASAN
#include <sanitizer/asan_interface.h>
#endif
#ifdef DMHEAP_VALGRIND
#include <valgrind/memcheck.h>
#endif

/* Of a free word: no address, and a number that stands out; a debugger reads it. */
static const uint32_t PATTERN = 0xdeadf4eeu;

enum
{
    CANARY  = 0xca,
    REDZONE = 16 /* bytes around a block that Valgrind describes by it */
};

/* ---- What the tools are told ---- */

static void tools_allow( const void* from, size_t bytes )
{
#ifdef DMHEAP_ASAN
    __asan_unpoison_memory_region( from, bytes );
#endif
#ifdef DMHEAP_VALGRIND
    (void)VALGRIND_MAKE_MEM_DEFINED( from, bytes );
#endif
    (void)from;
    (void)bytes;
}

static void tools_forbid( const void* from, size_t bytes )
{
#ifdef DMHEAP_ASAN
    __asan_poison_memory_region( from, bytes );
#endif
#ifdef DMHEAP_VALGRIND
    (void)VALGRIND_MAKE_MEM_NOACCESS( from, bytes );
#endif
    (void)from;
    (void)bytes;
}

/* The heaps that the tools know, since a heap's own memory may be somebody else's when it ends. */
static struct
{
    const dmheap_context_t* context;
    size_t                  bytes;
} tools_heaps[DMHEAP_MAX_CONTEXTS];

static void tools_heap( const dmheap_context_t* context, const dmheap_context_t* becomes, size_t bytes )
{
    for( size_t i = 0; i < DMHEAP_MAX_CONTEXTS; i++ )
    {
        if( tools_heaps[i].context != context ) continue;
        if( context != NULL )
        {
            tools_allow( context, tools_heaps[i].bytes );
#ifdef DMHEAP_VALGRIND
            VALGRIND_DESTROY_MEMPOOL( context );
#endif
        }
        tools_heaps[i].context = becomes;
        tools_heaps[i].bytes   = bytes;
        return;
    }
}

/* ---- The lock ---- */

/* What was found first since the lock was last left. */
static struct
{
    bool        found;
    const void* address; /* of the payload, or of the free word */
    bool        is_live;
    size_t      bytes;
    const void* caller;
    char        owner[DMHEAP_NAME_SIZE];
} finding;

static void guard_locked( void )
{
#ifdef DMHEAP_VALGRIND
    VALGRIND_DISABLE_ERROR_REPORTING;
#endif
}

static void guard_unlocking( void )
{
#ifdef DMHEAP_VALGRIND
    VALGRIND_ENABLE_ERROR_REPORTING;
#endif
}

static void guard_unlocked( void )
{
    Dmod_EnterCritical();
    __typeof__( finding ) found = finding;
    finding.found               = false;
    Dmod_ExitCritical();
    if( found.found )
        report( &( report_t ){ .status  = found.is_live ? STATUS_WRITTEN_BEHIND : STATUS_WRITTEN_FREE,
                               .size    = found.bytes,
                               .module  = found.owner,
                               .address = found.address,
                               .from    = found.caller } );
}

/* ---- Live blocks ---- */

/* The place of the words behind the canary; 0 where the header cannot be a user's. */
static uint32_t trailer( const dmheap_context_t* context, block_t block )
{
    uint32_t header = *block_header( context, block );
    uint32_t size   = header_size( context, header );
    uint32_t behind = header & HEADER_ALIGNED ? 1 : 0;
    if( !block_fits( context, block, size ) || size < 1u + GUARD_BYTES / WORD_SIZE + behind ) return 0;
    return block.at + size - 1 - behind - (uint32_t)GUARD_TRAILER;
}

/* Bytes of payload and canary. */
static size_t room( const dmheap_context_t* context, block_t block )
{
    uint32_t end = trailer( context, block );
    return end != 0 ? ( end - block.at ) * (size_t)WORD_SIZE : 0;
}

static size_t guard_bytes( const dmheap_context_t* context, block_t block )
{
    size_t most  = room( context, block );
    size_t bytes = most != 0 ? *image_word( context, trailer( context, block ) ) : 0;
    return bytes < most ? bytes : most;
}

static const void* guard_caller( const dmheap_context_t* context, block_t block )
{
    uint32_t      end    = trailer( context, block );
    GUARD_POINTER caller = 0;
    if( end != 0 ) __builtin_memcpy( &caller, image_word( context, end + 1 ), sizeof caller );
    return (const void*)(uintptr_t)caller;
}

/* How many allocations there were, modulo 2^32. */
static uint32_t guard_allocations;

/* The place of a user's block's number. */
static word_t* number_word( const dmheap_context_t* context, uint32_t end )
{
    return image_word( context, end + (uint32_t)GUARD_TRAILER - 1 );
}

#ifdef DMHEAP_DIAGNOSTICS

static uint32_t guard_last( void )
{
    return guard_allocations;
}

static uint32_t guard_number( const dmheap_context_t* context, block_t block )
{
    uint32_t end = trailer( context, block );
    return end != 0 ? *number_word( context, end ) : 0;
}

#endif

/* Volatile, so that no compiler makes a call of it that the tools watch. */
static void seal( const dmheap_context_t* context, block_t block, size_t bytes, const void* caller )
{
    volatile unsigned char* payload = block_payload( context, block );
    uint32_t                end     = trailer( context, block );
    GUARD_POINTER           pointer = (GUARD_POINTER)(uintptr_t)caller;
    if( end == 0 ) return;
    *image_word( context, end ) = (uint32_t)bytes;
    __builtin_memcpy( image_word( context, end + 1 ), &pointer, sizeof pointer );
    for( size_t i = bytes; i < room( context, block ); i++ )
        payload[i] = CANARY;
}

static bool guard_live_holds( const dmheap_context_t* context, block_t block )
{
    const unsigned char* payload = block_payload( context, block );
    size_t               most    = room( context, block );
    if( most == 0 || *image_word( context, trailer( context, block ) ) > most - WORD_SIZE ) return false;
    for( size_t i = guard_bytes( context, block ); i < most; i++ )
        if( payload[i] != CANARY ) return false;
    return true;
}

static void guard_inspect( dmheap_context_t* context, block_t block )
{
    if( finding.found || guard_live_holds( context, block ) ) return;
    finding.found   = true;
    finding.is_live = true;
    finding.address = block_payload( context, block );
    finding.bytes   = guard_bytes( context, block );
    finding.caller  = guard_caller( context, block );
    owner_name( context, block_owner( context, block ), finding.owner );
    seal( context, block, finding.bytes, finding.caller ); /* said once */
}

static void guard_open( const dmheap_context_t* context, block_t block )
{
    tools_allow( block_payload( context, block ), ( block_size( context, block ) - 1u ) * (size_t)WORD_SIZE );
}

/* Seals a block that is allocated now. */
static void seal_new( const dmheap_context_t* context, block_t block, size_t bytes, const void* caller )
{
    uint32_t end = trailer( context, block );
    seal( context, block, bytes, caller );
    if( end != 0 ) *number_word( context, end ) = ++guard_allocations;
}

static void guard_give( dmheap_context_t* context, block_t block, size_t bytes, const void* caller )
{
    seal_new( context, block, bytes, caller );
#ifdef DMHEAP_ASAN
    __asan_unpoison_memory_region( block_payload( context, block ), bytes );
#endif
#ifdef DMHEAP_VALGRIND
    VALGRIND_MEMPOOL_ALLOC( context, block_payload( context, block ), bytes );
#endif
}

static void guard_change( dmheap_context_t* context, const void* before, size_t kept, block_t block, size_t bytes,
                          const void* caller )
{
    unsigned char* payload = block_payload( context, block );
    (void)before;
    (void)kept;
    seal_new( context, block, bytes, caller );
    tools_forbid( payload + bytes, ( block_size( context, block ) - 1u ) * (size_t)WORD_SIZE - bytes );
#ifdef DMHEAP_ASAN
    __asan_unpoison_memory_region( payload, bytes );
#endif
#ifdef DMHEAP_VALGRIND
    if( bytes > kept ) (void)VALGRIND_MAKE_MEM_UNDEFINED( payload + kept, bytes - kept );
    VALGRIND_MEMPOOL_CHANGE( context, before, payload, bytes );
#endif
}

static void guard_take( dmheap_context_t* context, block_t block )
{
    guard_inspect( context, block );
#ifdef DMHEAP_VALGRIND
    VALGRIND_MEMPOOL_FREE( context, block_payload( context, block ) );
#endif
}

/* ---- Free memory ---- */

static void guard_fill( dmheap_context_t* context, uint32_t from, uint32_t to )
{
    for( uint32_t at = from; at < to; at++ )
        *(volatile word_t*)image_word( context, at ) = PATTERN;
}

static void guard_close( const dmheap_context_t* context, uint32_t from, uint32_t to )
{
    tools_forbid( image_word( context, from ), ( to - from ) * (size_t)WORD_SIZE );
}

/* Pattern is all that is not the header, the links or the foot of the free block. */
static void guard_released( dmheap_context_t* context, const word_t* payload, uint32_t size, bool before, bool behind )
{
    uint32_t at = (uint32_t)( payload - image_word( context, 0 ) );
    guard_fill( context, before ? at - 2 : at + 2, behind ? at + size + 2 : at + size - 2 );
    guard_close( context, at - 1, at + size - 1 );
}

/* The first place that is not pattern; `to` where there is none. */
static uint32_t first_written( const dmheap_context_t* context, uint32_t from, uint32_t to )
{
    while( from < to && *image_word( context, from ) == PATTERN )
        from++;
    return from;
}

static void guard_verify( const dmheap_context_t* context, uint32_t from, uint32_t to )
{
    uint32_t at = first_written( context, from, to );
    if( at >= to || finding.found ) return;
    finding.found   = true;
    finding.is_live = false;
    finding.address = image_word( context, at );
}

static bool guard_free_holds( const dmheap_context_t* context, block_t block, uint32_t size )
{
    uint32_t foot = block.at + size - 2;
    return first_written( context, block.at + 2, foot ) >= foot;
}

static void guard_wipe( dmheap_context_t* context, block_t block, uint32_t size )
{
    *free_next( context, block )                               = PATTERN;
    *free_link( context, block )                               = PATTERN;
    *block_foot_before( context, block_at( block.at + size ) ) = PATTERN;
}

/* ---- Heaps ---- */

static void guard_heap_begins( const dmheap_context_t* context, size_t bytes )
{
    tools_heap( context, NULL, 0 );
    tools_allow( context, bytes );
}

static void guard_heap_made( dmheap_context_t* context )
{
    size_t bytes = image_end( context ) * (size_t)WORD_SIZE;
    guard_fill( context, context->first + 2, image_end( context ) - 2 );
    tools_heap( NULL, context, bytes );
#ifdef DMHEAP_VALGRIND
    VALGRIND_CREATE_MEMPOOL( context, REDZONE, 0 );
#endif
    tools_forbid( context, bytes );
}

static void guard_heap_ends( const dmheap_context_t* context )
{
    tools_heap( context, NULL, 0 );
}

#endif
