/*
 * The trace: what a reader that is written from docs/trace.md knows of the heaps is what they show, whenever the lock is
 * left. Needs a library built with DMHEAP_TRACE.
 */
#include "model.h"
#include "ledger.h"
#include "unit.h"

enum
{
    RING_MOST = 1 << 16,
    EVENTS    = 64
};

static ledger_t    ledger;
static const char* wrong;                     /* what was wrong first */
static _Alignas( 4 ) uint8_t ring[RING_MOST]; /* or what a function was given */
static uint8_t  trace[RING_MOST + 64];
static uint32_t time_now; /* the clock counts how often it is asked: each record but of lost ones has its own */
static unsigned looks;
static bool     all_is_told; /* nothing that is live may be unknown, although records were lost */

static uint32_t count_up( void )
{
    if( !fixture_is_locked() ) wrong = "the clock is asked outside of the lock";
    return ++time_now;
}

/* ---- What the heaps show ---- */

static void differ( const char* how )
{
    if( wrong == NULL ) wrong = how;
}

static bool compare_block( const dmheap_block_info_t* block, void* user )
{
    (void)user;
    ledger_block_t* mine = ledger_find( &ledger, (uintptr_t)block->address );
    looks++;
    if( block->use == DMHEAP_BLOCK_FREE )
    {
        if( mine != NULL && !ledger.late ) differ( "a block that is free is live in the trace" );
        return true;
    }
    if( mine == NULL )
    {
        if( block->use != DMHEAP_BLOCK_MOVING && ( all_is_told || !ledger.late ) )
            differ( "a live block is not in the trace" );
        return true;
    }
    mine->seen = true;
    if( block->use == DMHEAP_BLOCK_MOVING && ledger.late ) return true; /* what there was before it */
    if( mine->block != block->block_bytes ) differ( "a block has another size" );
    if( mine->requested > block->size ) differ( "a block has less than was asked for" );
    if( block->use == DMHEAP_BLOCK_SYSTEM && mine->owner != 2 ) differ( "a block of the heap's own is another's" );
    if( block->use != DMHEAP_BLOCK_LIVE ) return true;
    const char* name = ledger_name( &ledger, mine->owner );
    if( name == NULL ? all_is_told || !ledger.late : strcmp( name, block->owner ) != 0 )
        differ( "a block has another owner" );
    if( block->caller != NULL && mine->caller != 0 && (uintptr_t)block->caller != mine->caller )
        differ( "a block has another caller" );
    return true;
}

static bool look_up_heap( const dmheap_block_info_t* block, void* user )
{
    (void)user;
    unsigned i = 0;
    while( i < ledger.heaps && ledger.heap[i].address != (uintptr_t)block->context )
        i++;
    if( i == ledger.heaps ) differ( "a heap is not in the trace" );
    return true;
}

/* All that the heaps show is in the trace, and nothing else. */
static void compare( void )
{
    if( ledger.wrong != NULL ) differ( ledger.wrong );
    if( wrong != NULL ) return;
    for( unsigned i = 0; i < ledger.blocks; i++ )
        ledger.block[i].seen = false;
    for( unsigned i = 0; i < ledger.heaps; i++ )
        dmheap_ctx_visit_blocks( (dmheap_context_t*)(uintptr_t)ledger.heap[i].address, compare_block, NULL );
    if( !ledger.late ) dmheap_visit_blocks( look_up_heap, NULL );
    for( unsigned i = 0; i < ledger.blocks && !ledger.late; i++ )
        if( !ledger.block[i].seen ) differ( "a block of the trace is not live" );
}

/* ---- A function of the user's ---- */

static bool     header_given;
static unsigned records_given;
static unsigned refuse_every; /* so many records in a row are refused, then as many taken; 0: none is */

/* Each call brings the header, or one whole record; what cannot be read is wrong. */
static bool take( const void* bytes, size_t size, void* user )
{
    event_t event;
    if( user != &ledger || !fixture_is_locked() ) differ( "the function is not called as it should be" );
    if( !header_given )
    {
        header_given = true;
        if( records_header( &ledger.records, bytes, size ) != size ) differ( "the header cannot be read" );
        return true;
    }
    if( refuse_every != 0 && ++records_given / refuse_every % 2 != 0 ) return false;
    uint64_t before = ledger.records.time;
    if( records_next( &ledger.records, bytes, size, &event ) != size )
    {
        differ( "a record cannot be read, or there is more than one" );
        return true;
    }
    static uint64_t missing;
    if( event.op == OP_LOST )
    {
        if( event.time != before ) differ( "a record of lost ones goes on in time" );
        missing = event.count;
    }
    else
    {
        if( event.time != before + missing + 1 ) differ( "another number of records is lost than the trace says" );
        missing = 0;
    }
    ledger_apply( &ledger, &event );
    return true;
}

static void forget_all( void )
{
    memset( &ledger, 0, sizeof ledger );
    wrong         = NULL;
    time_now      = 0;
    looks         = 0;
    header_given  = false;
    records_given = 0;
    refuse_every  = 0;
    all_is_told   = false;
}

static bool start_function( void )
{
    return dmheap_trace_start(
        &( dmheap_trace_t ){ .write = take, .user = &ledger, .clock = count_up, .ticks_per_second = 1000000 } );
}

static bool start_ring( size_t size )
{
    memset( ring, 0x5a, sizeof ring );
    return dmheap_trace_start(
        &( dmheap_trace_t ){ .ring = ring, .ring_size = size, .clock = count_up, .ticks_per_second = 1000000 } );
}

/* What the tests start from: no heap, nothing traced. */
static int nothing_yet( void** state )
{
    (void)state;
    (void)fixture_log_started_over();
    dmheap_trace_stop();
    fixture_interrupt = NULL;
    fixture_no_heap();
    forget_all();
    return 0;
}

static int nothing_left( void** state )
{
    (void)state;
    fixture_interrupt = NULL;
    dmheap_trace_stop();
    fixture_no_heap();
    return 0;
}

/* ---- Random runs ---- */

static const model_heap_t kinds[] = {
    { .size = 1024, .alignment = 4 },
    { .size = 4096, .alignment = 8, .offset = 4 },
    { .size = 8192, .alignment = 8, .several = true },
    { .size = 16384, .alignment = 16, .several = true },
};

static void replayed_records_are_what_the_heaps_show( void** state )
{
    (void)state;
    for( uint32_t seed = 1; seed <= 12; seed++ )
    {
        forget_all();
        assert_true( start_function() );
        fixture_interrupt = compare;
        assert_null( model_run( seed, 300, kinds[seed % 4] ) );
        fixture_interrupt = NULL;
        compare();
        assert_null( wrong );
        assert_int_equal( ledger.lost, 0 );
        assert_int_equal( ledger.records.ticks, 1000000 );
        assert_int_equal( ledger.records.pointer, sizeof( void* ) );
        assert_int_equal( ledger.records.is_big, __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__ );
        assert_true( looks > 1000 );
        dmheap_trace_stop();
        fixture_no_heap();
    }
}

/* Every op is seen in such runs, but for those that say what there is already. */
static void random_runs_have_events_of_every_kind( void** state )
{
    (void)state;
    assert_true( start_function() );
    assert_null( model_run( 3, 4000, kinds[3] ) );
    for( unsigned op = OP_MALLOC; op <= OP_LEFT; op++ )
        assert_true( ledger.events[op] != 0 );
}

static unsigned countdown;

static void start_late( void )
{
    if( countdown != 0 && --countdown == 0 && !start_function() ) differ( "the trace does not start" );
    if( countdown == 0 ) compare();
}

static void a_trace_that_begins_late_says_what_there_is( void** state )
{
    (void)state;
    for( uint32_t seed = 1; seed <= 12; seed++ )
    {
        dmheap_trace_stop();
        forget_all();
        ledger.late       = false;
        countdown         = 200 + 13 * seed;
        fixture_interrupt = start_late;
        assert_null( model_run( seed, 300, kinds[seed % 4] ) );
        fixture_interrupt = NULL;
        assert_null( wrong );
        assert_true( looks > 1000 );
        assert_true( ledger.events[OP_IS_HEAP] != 0 );
        fixture_no_heap();
    }
}

static void heaps_that_are_no_default_ones_are_told_of_too( void** state )
{
    (void)state;
    assert_true( fixture_heap( 4096, 8, 0 ) );
    dmheap_context_t* second = fixture_second_heap( 4096, 8, 0 );
    assert_non_null( dmheap_ctx_malloc( second, 100, "m" ) );
    assert_true( start_function() );
    assert_int_equal( ledger.heaps, 2 );
    compare();
    assert_null( wrong );
}

/* ---- What is lost ---- */

/* Now and then a reader who missed records is told all that there is, and then misses records again. */
static void tell_all( void )
{
    if( wrong != NULL || --countdown != 0 ) return;
    unsigned every = refuse_every;
    countdown      = 61;
    refuse_every   = 0;
    dmheap_trace_state();
    all_is_told = true;
    compare();
    all_is_told  = false;
    refuse_every = every;
}

static void a_function_that_takes_no_record_is_told_how_many_it_missed( void** state )
{
    (void)state;
    unsigned looked = 0;
    for( uint32_t seed = 1; seed <= 12; seed++ )
    {
        forget_all();
        assert_true( start_function() );
        refuse_every      = seed * 3;
        countdown         = 61;
        fixture_interrupt = tell_all;
        assert_null( model_run( seed, 300, kinds[seed % 2] ) );
        fixture_interrupt = NULL;
        assert_null( wrong );
        assert_true( ledger.lost > 50 );
        looked += looks;
        dmheap_trace_stop();
        fixture_no_heap();
    }
    assert_true( looked > 12 * 50 ); /* how often in one run depends on what the blocks' sizes come to */
}

/* The address of each record of a run, by its time: what the same run must come to again. */
static uint32_t address_at[8192];

static bool note_address( const void* bytes, size_t size, void* user )
{
    event_t event;
    (void)user;
    if( header_given && records_next( &ledger.records, bytes, size, &event ) != 0 &&
        event.time < sizeof address_at / 4 )
        address_at[event.time] = (uint32_t)event.address;
    header_given = true;
    return true;
}

/* Reads a whole trace into the ledger: times have no gap but those that it tells of. */
static void read_trace( const uint8_t* from, size_t size )
{
    event_t  event;
    uint64_t missing = 0;
    size_t   length  = 0;
    for( size_t done = 0; done < size; done += length )
    {
        uint64_t before = ledger.records.time;
        length          = records_next( &ledger.records, from + done, size - done, &event );
        if( length == 0 )
        {
            differ( "a record cannot be read" );
            return;
        }
        if( event.op == OP_LOST )
            missing = event.time == before + event.count ? 0 : 1;
        else if( event.time != before + 1 )
            missing = 1;
        if( address_at[0] != 0 && event.time < sizeof address_at / 4 && event.op != OP_LOST &&
            address_at[event.time] != (uint32_t)event.address )
            differ( "a record has another address than in the same run before" );
        if( missing != 0 ) differ( "another number of records is lost than the trace says" );
        ledger_apply( &ledger, &event );
    }
}

/* Takes the ring out of memory as a debugger would: a fresh reader knows of each block whose last event is in it what the
 * heaps show. */
static void look_into_ring( void )
{
    if( wrong != NULL || --countdown != 0 ) return;
    countdown   = 29;
    size_t size = records_ring( ring ) != 0 ? records_of_ring( ring, ring + RING_HEAD, trace ) : 0;
    memset( &ledger, 0, sizeof ledger );
    size_t header = records_header( &ledger.records, trace, size );
    if( header == 0 ) differ( "there is no ring" );
    if( header == 0 ) return;
    read_trace( trace + header, size - header );
    if( ledger.records.time != time_now ) differ( "the ring does not end with the newest record" );
    if( ledger.records.ticks != 1000000 ) differ( "the ring has another clock" );
    compare();
    if( ledger.late ) looks |= 1u << 31;
}

static void a_ring_has_the_newest_records_whole_and_says_how_many_there_were( void** state )
{
    (void)state;
    for( uint32_t seed = 1; seed <= 12; seed++ )
    {
        static const size_t sizes[] = { DMHEAP_TRACE_RING_LEAST, 1001, 4096, RING_MOST };
        forget_all();
        assert_true( start_ring( sizes[seed % 4] ) );
        countdown         = 1;
        fixture_interrupt = look_into_ring;
        assert_null( model_run( seed, 300, kinds[seed / 4 % 2] ) );
        fixture_interrupt = NULL;
        assert_null( wrong );
        assert_true( sizes[seed % 4] == RING_MOST || ( looks & 1u << 31 ) != 0 );
        for( size_t i = sizes[seed % 4]; i < RING_MOST; i++ )
            assert_int_equal( ring[i], 0x5a );
        dmheap_trace_stop();
        fixture_no_heap();
    }
}

static void a_ring_at_any_address_stays_in_its_memory( void** state )
{
    (void)state;
    enum
    {
        SIZE = DMHEAP_TRACE_RING_LEAST + 8
    };
    for( size_t offset = 0; offset < 4; offset++ )
    {
        memset( ring, 0x5a, sizeof ring );
        assert_true( dmheap_trace_start( &( dmheap_trace_t ){ .ring = ring + offset, .ring_size = SIZE } ) );
        assert_true( fixture_heap( 4096, 8, 0 ) );
        for( unsigned i = 0; i < 100; i++ )
            dmheap_free( dmheap_malloc( i, "m" ), false );
        dmheap_trace_stop();
        for( size_t i = 0; i < RING_MOST; i++ )
            if( i < offset || i >= offset + SIZE ) assert_int_equal( ring[i], 0x5a );
        fixture_no_heap();
    }
}

static size_t   read_room; /* what is read at a time */
static unsigned reads;     /* so far: they come at uneven intervals */

static void read_some( void )
{
    if( wrong != NULL || --countdown != 0 ) return;
    countdown     = 20 + ++reads * 4099 % 12000;
    size_t length = dmheap_trace_read( trace, read_room );
    size_t header = 0;
    if( length != 0 && !header_given )
    {
        header_given = true;
        header       = records_header( &ledger.records, trace, length );
        if( header == 0 ) differ( "there is no header" );
    }
    read_trace( trace + header, length - header );
}

static void what_is_read_by_and_by_is_one_trace( void** state )
{
    (void)state;
    uint64_t lost = 0;
    for( uint32_t seed = 1; seed <= 12; seed++ )
    {
        forget_all();
        assert_true( dmheap_trace_start( &( dmheap_trace_t ){ .write = note_address, .clock = count_up } ) );
        assert_null( model_run( seed, 1000, kinds[seed % 2] ) );
        dmheap_trace_stop();
        fixture_no_heap();
        forget_all();
        address_at[0] = 1;
        read_room     = DMHEAP_TRACE_RING_LEAST + seed * 7;
        assert_true( start_ring( 500 + seed * 50 ) );
        countdown         = 1;
        fixture_interrupt = read_some;
        assert_null( model_run( seed, 1000, kinds[seed % 2] ) );
        fixture_interrupt = NULL;
        dmheap_trace_stop();
        for( uint64_t before = 1; before != ledger.records.time; )
        {
            before    = ledger.records.time;
            countdown = 1;
            read_some();
        }
        assert_null( wrong );
        assert_int_equal( ledger.records.time, time_now );
        compare();
        assert_null( wrong );
        lost += ledger.lost;
        fixture_no_heap();
        memset( address_at, 0, sizeof address_at );
    }
    assert_true( lost > 100 );
}

static uint32_t damage_at;

static void overwrite_ring( void )
{
    damage_at                            = damage_at * 1664525u + 1013904223u;
    ring[( damage_at >> 16 ) % ( 1024 )] = (uint8_t)( damage_at >> 8 );
    if( --countdown != 0 ) return;
    countdown = 50;
    (void)dmheap_trace_read( trace, sizeof trace );
}

static void a_ring_that_is_overwritten_leads_nowhere( void** state )
{
    (void)state;
    for( uint32_t seed = 1; seed <= 12; seed++ )
    {
        assert_true( start_ring( 1024 ) );
        damage_at         = seed;
        countdown         = 50;
        fixture_interrupt = overwrite_ring;
        assert_null( model_run( seed, 1000, kinds[seed % 2] ) );
        fixture_interrupt = NULL;
        for( size_t i = 1024; i < RING_MOST; i++ )
            assert_int_equal( ring[i], 0x5a );
        fixture_no_heap();
    }
}

static void nothing_is_read_where_no_record_fits( void** state )
{
    (void)state;
    assert_int_equal( dmheap_trace_read( trace, 0 ), 0 );
    assert_true( start_ring( 1024 ) );
    assert_true( fixture_heap( 4096, 8, 0 ) );
    assert_int_equal( dmheap_trace_read( trace, 10 ), 0 );
    assert_int_equal( dmheap_trace_read( trace, 11 ), 11 );
    assert_int_equal( dmheap_trace_read( trace, 4 ), 0 );
    assert_true( dmheap_trace_read( trace, sizeof trace ) != 0 );
    assert_int_equal( dmheap_trace_read( trace, sizeof trace ), 0 );
}

/* ---- Single events ---- */

static event_t  seen[EVENTS];
static unsigned seen_count;

static bool see( const void* bytes, size_t size, void* user )
{
    (void)user;
    if( header_given && seen_count < EVENTS ) (void)records_next( &ledger.records, bytes, size, &seen[seen_count++] );
    header_given = true;
    return true;
}

static uint32_t seven( void )
{
    return 7;
}

static void start_seeing( void )
{
    forget_all();
    assert_true( dmheap_trace_start( &( dmheap_trace_t ){ .write = see, .thread = seven } ) );
    seen_count = 0;
}

/* The last event of an op. */
static const event_t* last( unsigned op )
{
    unsigned i = seen_count;
    while( i > 0 && seen[i - 1].op != op )
        i--;
    assert_int_not_equal( i, 0 );
    return &seen[i - 1];
}

static __attribute__( ( noinline ) ) void* allocate_here( size_t size )
{
    void* block = dmheap_malloc( size, "m" );
    assert_non_null( block );
    return block;
}

static __attribute__( ( noinline ) ) void* allocate_there( size_t size )
{
    void* block = dmheap_malloc( size, "m" );
    assert_non_null( block );
    assert_true( size != 1 );
    return block;
}

static void an_event_says_who_called_and_in_which_thread( void** state )
{
    (void)state;
    assert_true( fixture_heap( 8192, 8, 0 ) );
    start_seeing();
    void*    here   = allocate_here( 100 );
    uint64_t caller = last( OP_MALLOC )->caller;
    assert_int_equal( last( OP_MALLOC )->thread, 7 );
    assert_true( caller - (uintptr_t)allocate_here < 256 );
    void* there = allocate_there( 100 );
    assert_true( last( OP_MALLOC )->caller - (uintptr_t)allocate_there < 256 );
    dmheap_free( here, false );
    assert_int_equal( last( OP_FREE )->address, (uintptr_t)here );
    assert_int_equal( last( OP_FREE )->thread, 7 );
    assert_true( last( OP_FREE )->caller != 0 );
    dmheap_ctx_free( dmheap_ctx_of( there ), there, false );
    assert_int_equal( last( OP_FREE )->address, (uintptr_t)there );
    assert_true( last( OP_FREE )->caller != 0 );
}

enum
{
    FACES_THAT_FREE = 6,
    FACES           = 23
};

/* Calls by one face of the heap after the other, with a block of "m" where that takes one. */
static __attribute__( ( noinline ) ) void* call_face( unsigned face, dmheap_module_t m, void* block )
{
    dmheap_context_t* context = m.context;
    void*             had     = NULL;
    switch( face )
    {
    case 0: dmheap_free( block, false ); break;
    case 1: dmheap_ctx_free( context, block, false ); break;
    case 2: dmheap_module_free( m, block ); break;
    case 3: had = dmheap_realloc( block, 0, "m" ); break;
    case 4: had = dmheap_module_realloc( m, block, 0 ); break;
    case 5: Dmod_FreeEx( block, false ); break;
    case 6: had = dmheap_realloc( block, 200, "m" ); break;
    case 7: had = dmheap_ctx_realloc( context, block, 200, "m" ); break;
    case 8: had = dmheap_module_realloc( m, block, 200 ); break;
    case 9: had = dmheap_aligned_realloc( block, 64, 200, "m" ); break;
    case 10: had = dmheap_ctx_aligned_realloc( context, block, 64, 200, "m" ); break;
    case 11: had = dmheap_module_aligned_realloc( m, block, 64, 200 ); break;
    case 12: had = Dmod_ReallocEx( block, 200, "m" ); break;
    case 13: had = dmheap_calloc( 2, 50, "m" ); break;
    case 14: had = dmheap_ctx_calloc( context, 2, 50, "m" ); break;
    case 15: had = dmheap_module_calloc( m, 2, 50 ); break;
    case 16: had = dmheap_ctx_malloc( context, 50, "m" ); break;
    case 17: had = dmheap_module_malloc( m, 50 ); break;
    case 18: had = dmheap_aligned_alloc( 64, 50, "m" ); break;
    case 19: had = dmheap_ctx_aligned_alloc( context, 64, 50, "m" ); break;
    case 20: had = dmheap_module_aligned_alloc( m, 64, 50 ); break;
    case 21: had = Dmod_MallocEx( 50, "m" ); break;
    default: had = Dmod_AlignedMallocEx( 50, 64, "m" ); break;
    }
    __asm__ volatile( "" ::: "memory" ); /* no call is the last of the function */
    return had;
}

static void each_face_says_who_called_it( void** state )
{
    (void)state;
    for( unsigned face = 0; face < FACES; face++ )
    {
        assert_true( fixture_heap( 8192, 8, 0 ) );
        dmheap_module_t handle = dmheap_module_open( "m" );
        void*           block  = dmheap_malloc( 100, "m" );
        start_seeing();
        void* had = call_face( face, handle, block );
        assert_int_equal( had == NULL, face < FACES_THAT_FREE );
        assert_int_equal( seen_count, 1 );
        assert_true( seen[0].caller - (uintptr_t)call_face < 2048 );
        dmheap_trace_stop();
    }
}

static void a_request_is_written_as_it_was_made( void** state )
{
    (void)state;
    assert_true( fixture_heap( 8192, 8, 0 ) );
    start_seeing();
    unsigned char* block = dmheap_aligned_alloc( 256, 33, "m" );
    assert_int_equal( last( OP_MALLOC )->address, (uintptr_t)block );
    assert_int_equal( last( OP_MALLOC )->requested, 33 );
    assert_int_equal( last( OP_MALLOC )->alignment, 256 );
    assert_int_equal( last( OP_MALLOC )->owner, last( OP_REGISTER )->owner );
    assert_string_equal( last( OP_REGISTER )->name, "m" );
    void* wall = dmheap_calloc( 3, 11, NULL );
    assert_int_equal( last( OP_MALLOC )->requested, 33 );
    assert_int_equal( last( OP_MALLOC )->owner, 3 );
    void* moved = dmheap_realloc( block, 1000, NULL );
    assert_int_equal( last( OP_REALLOC )->address, (uintptr_t)block );
    assert_int_equal( last( OP_REALLOC )->new_address, (uintptr_t)moved );
    assert_int_equal( last( OP_REALLOC )->requested, 1000 );
    assert_int_equal( last( OP_REALLOC )->alignment, 256 );
    dmheap_free( wall, false );
    dmheap_unregister_module( "m" );
    assert_int_equal( last( OP_LEFT )->address, (uintptr_t)moved );
    assert_string_equal( last( OP_IS_OWNER )->name, "m" );
    assert_int_equal( last( OP_UNREGISTER )->owner, last( OP_REGISTER )->owner );
}

static void a_refusal_says_why( void** state )
{
    (void)state;
    char name[NAME_ROOM];
    assert_true( fixture_heap( 4096, 8, 0 ) );
    void* block = dmheap_malloc( 100, "m" );
    assert_true( dmheap_set_module_limit( "m", 200 ) );
    start_seeing();
    assert_null( dmheap_malloc( 100000, "other" ) );
    assert_int_equal( last( OP_REFUSED )->address, (uintptr_t)first_context() );
    assert_int_equal( last( OP_REFUSED )->requested, 100000 );
    assert_int_equal( last( OP_REFUSED )->reason, 1 );
    assert_string_equal( last( OP_REFUSED )->name, "other" );
    assert_true( last( OP_REFUSED )->caller != 0 );
    assert_null( dmheap_realloc( block, 500, NULL ) );
    assert_int_equal( last( OP_REFUSED )->address, (uintptr_t)first_context() );
    assert_int_equal( last( OP_REFUSED )->reason, 2 );
    assert_string_equal( last( OP_REFUSED )->name, "m" );
    assert_null( dmheap_malloc( 1, name_of( name, NAME_MOST + 1 ) ) );
    assert_int_equal( last( OP_REFUSED )->reason, 6 );
    assert_null( dmheap_aligned_alloc( 24, 1, "m" ) );
    assert_int_equal( last( OP_REFUSED )->reason, 7 );
    assert_int_equal( last( OP_REFUSED )->alignment, 24 );
    assert_null( dmheap_calloc( SIZE_MAX, 2, "m" ) );
    assert_int_equal( last( OP_REFUSED )->reason, 8 );
    assert_null( dmheap_realloc( &block, 8, "m" ) );
    assert_int_equal( last( OP_REFUSED )->reason, 11 );
    assert_null( dmheap_module_malloc( ( dmheap_module_t ){ NULL, 0 }, 8 ) );
    assert_int_equal( last( OP_REFUSED )->reason, 5 );
}

static uint64_t least_reason, most_reason; /* of what was refused meanwhile */
static void*    resized_meanwhile;         /* NULL: something is asked for */

static void ask_meanwhile( void )
{
    seen_count = 0;
    void* had  = resized_meanwhile != NULL ? dmheap_realloc( resized_meanwhile, 8, NULL ) : dmheap_malloc( 1, "m" );
    if( had != NULL || seen_count == 0 ) return;
    uint64_t reason = last( OP_REFUSED )->reason;
    if( reason < least_reason ) least_reason = reason;
    if( reason > most_reason ) most_reason = reason;
}

/* Has the call made between its steps. */
static void begin_meanwhile( void* resized )
{
    least_reason      = UINT64_MAX;
    most_reason       = 0;
    resized_meanwhile = resized;
    fixture_interrupt = ask_meanwhile;
}

static void a_refusal_of_a_pointer_says_why( void** state )
{
    (void)state;
    assert_true( fixture_heap( 8192, 8, 0 ) );
    dmheap_module_t handle = dmheap_module_open( "m" );
    char*           block  = dmheap_malloc( 100, "other" );
    void*           freed  = dmheap_malloc( 100, "other" );
    assert_non_null( dmheap_malloc( 100, "m" ) );
    dmheap_free( freed, false );
    start_seeing();
    assert_null( dmheap_realloc( freed, 8, NULL ) );
    assert_int_equal( last( OP_REFUSED )->reason, 11 );
    seen_count = 0;
    assert_null( dmheap_realloc( block + 1, 8, NULL ) );
    assert_int_equal( last( OP_REFUSED )->reason, 11 );
    assert_null( dmheap_module_realloc( handle, block, 8 ) );
    assert_int_equal( last( OP_REFUSED )->reason, 12 );
    begin_meanwhile( block );
    void* moved       = dmheap_realloc( block, 3000, NULL );
    fixture_interrupt = NULL;
    assert_ptr_not_equal( moved, block );
    assert_int_equal( least_reason, 11 );
    assert_int_equal( most_reason, 11 );
}

static void a_refusal_for_a_module_or_a_heap_says_why( void** state )
{
    (void)state;
    char name[8];
    assert_true( fixture_heap( 65536, 8, 0 ) );
    assert_non_null( dmheap_malloc( 10, "m" ) );
    start_seeing();
    begin_meanwhile( NULL );
    dmheap_unregister_module( "m" );
    fixture_interrupt = NULL;
    assert_int_equal( least_reason, 4 );
    assert_int_equal( most_reason, 4 );
    dmheap_unregister_module( "m" );
    for( unsigned i = 0; i < DMHEAP_MAX_MODULES; i++ )
    {
        (void)snprintf( name, sizeof name, "%u", i );
        assert_true( dmheap_register_module( name ) );
    }
    seen_count = 0;
    assert_null( dmheap_malloc( 1, "one more" ) );
    assert_int_equal( last( OP_REFUSED )->reason, 3 );
    dmheap_context_t kept = *first_context();
    memset( first_context(), 0xff, sizeof kept );
    assert_null( dmheap_malloc( 1, "0" ) );
    assert_int_equal( last( OP_REFUSED )->reason, 10 );
    *first_context() = kept;
    fixture_no_heap();
    seen_count = 0;
    assert_null( dmheap_malloc( 1, "0" ) );
    assert_int_equal( last( OP_REFUSED )->reason, 9 );
    assert_int_equal( last( OP_REFUSED )->address, 0 );
}

static void a_block_that_there_is_is_told_with_its_alignment( void** state )
{
    (void)state;
    assert_true( fixture_heap( 8192, 8, 0 ) );
    dmheap_module_t handle = dmheap_module_open( "m" );
    void*           block  = dmheap_aligned_alloc( 256, 33, "m" );
    start_seeing();
    dmheap_trace_state();
    const event_t* told = last( OP_IS_BLOCK );
    while( told != seen && told->address != (uintptr_t)block )
        told--;
    assert_int_equal( told->address, (uintptr_t)block );
    assert_int_equal( told->alignment, 256 );
    assert_int_equal( told->requested, dmheap_usable_size( block ) );
    assert_int_equal( told->owner, handle.key );
}

static void a_block_that_moves_to_another_heap_gets_an_owner_there( void** state )
{
    (void)state;
    assert_true( fixture_heap( 4096, 8, 0 ) );
    dmheap_context_t* second = fixture_second_heap( 8192, 8, 0 );
    assert_true( dmheap_ctx_set_default( second, DMHEAP_LAST ) );
    dmheap_module_t from  = dmheap_module_open( "m" );
    dmheap_module_t to    = dmheap_ctx_module_open( second, "m" );
    void*           block = dmheap_malloc( 100, "m" );
    start_seeing();
    assert_ptr_equal( dmheap_ctx_of( dmheap_realloc( block, 5000, NULL ) ), second );
    assert_int_equal( last( OP_REALLOC )->owner, from.key );
    assert_int_equal( last( OP_REALLOC )->new_owner, to.key );
}

static unsigned blocks_told;

static void tell_what_there_is( void )
{
    seen_count = 0;
    dmheap_trace_state();
    for( unsigned i = 0; i < seen_count; i++ )
    {
        if( seen[i].op != OP_IS_BLOCK ) continue;
        assert_true( seen[i].owner >= 2 );
        blocks_told++;
    }
}

static void a_block_that_moves_is_not_told_of( void** state )
{
    (void)state;
    assert_true( fixture_heap( 4096, 8, 0 ) );
    void* block = dmheap_malloc( 100, "m" );
    assert_non_null( dmheap_malloc( 100, NULL ) );
    start_seeing();
    blocks_told       = 0;
    fixture_interrupt = tell_what_there_is;
    assert_ptr_not_equal( dmheap_realloc( block, 1000, NULL ), block );
    fixture_interrupt = NULL;
    assert_true( blocks_told > 3 );
}

static void a_rename_says_both_names( void** state )
{
    (void)state;
    assert_true( fixture_heap( 4096, 8, 0 ) );
    dmheap_free( dmheap_malloc( 1, "old" ), false );
    start_seeing();
    assert_true( dmheap_rename_module( "old", "new" ) );
    assert_string_equal( last( OP_IS_OWNER )->name, "old" );
    assert_string_equal( last( OP_RENAME )->name, "new" );
    assert_int_equal( last( OP_RENAME )->owner, last( OP_IS_OWNER )->owner );
}

static void a_longest_name_fits_into_a_record( void** state )
{
    (void)state;
    char name[NAME_ROOM];
    assert_true( fixture_heap( 4096, 8, 0 ) );
    start_seeing();
    assert_true( dmheap_register_module( name_of( name, NAME_MOST ) ) );
    assert_string_equal( last( OP_REGISTER )->name, name );
    dmheap_context_t* context = dmheap_ctx_init( fixture_second_buffer(), 4096, 8, name );
    assert_string_equal( last( OP_HEAP_MADE )->name, name );
    assert_int_equal( last( OP_MALLOC )->owner, 2 ); /* the heap's name lies in it */
    assert_true( dmheap_ctx_deinit( context ) );
    assert_int_equal( last( OP_HEAP_ENDS )->address, (uintptr_t)context );
}

static void nothing_is_written_before_the_start_and_after_the_end( void** state )
{
    (void)state;
    assert_true( fixture_heap( 4096, 8, 0 ) );
    start_seeing();
    dmheap_trace_stop();
    dmheap_free( dmheap_malloc( 1, "m" ), false );
    dmheap_trace_state();
    assert_int_equal( seen_count, 0 );
}

static bool take_nothing( const void* bytes, size_t size, void* user )
{
    (void)bytes;
    (void)size;
    (void)user;
    return false;
}

static void what_leads_nowhere_is_refused( void** state )
{
    (void)state;
    assert_false( dmheap_trace_start( NULL ) );
    assert_false( dmheap_trace_start( &( dmheap_trace_t ){ .ring_size = 4096 } ) );
    assert_false( start_ring( DMHEAP_TRACE_RING_LEAST - 1 ) );
    assert_false( dmheap_trace_start( &( dmheap_trace_t ){ .write = take_nothing } ) );
    assert_true( fixture_heap( 4096, 8, 0 ) );
}

/* The example of docs/trace.md, byte by byte. */
static void the_example_of_the_document_is_read( void** state )
{
    (void)state;
    static const uint8_t example[] = {
        0x44, 0x4d, 0x48, 0x54, 0x01, 0x00, 0x04, 0x00, 0xc0, 0x84, 0x3d, 0x0f, 0x09, 0xf4, 0x03, 0x80, 0x90, 0x80,
        0x80, 0x01, 0x80, 0x80, 0x01, 0x94, 0x05, 0x08, 0x00, 0x0b, 0x01, 0x90, 0x03, 0xf0, 0x3f, 0x02, 0x1c, 0x20,
        0x00, 0x00, 0x00, 0x0a, 0x06, 0x00, 0xef, 0x3f, 0x84, 0x01, 0x03, 0x67, 0x70, 0x73, 0x0e, 0x01, 0x00, 0xcc,
        0x02, 0x84, 0x01, 0x64, 0x68, 0x00, 0xb5, 0xa4, 0x80, 0x40, 0x01, 0x14, 0x03, 0xac, 0x02, 0x00, 0x84, 0x01,
        0x68, 0x34, 0x84, 0x01, 0xc8, 0x01, 0xd0, 0x01, 0x00, 0xd1, 0xa4, 0x80, 0x40, 0x01, 0x12, 0x05, 0x64, 0xcb,
        0x02, 0x90, 0xbf, 0x05, 0x00, 0x01, 0x03, 0x67, 0x70, 0x73, 0xb5, 0xa4, 0x80, 0x40, 0x01, 0x06, 0x0f, 0xc8,
        0x01, 0x80, 0x04, 0x07, 0x0c, 0x02, 0x0a, 0x7f, 0x84, 0x01, 0xd0, 0x01, 0xf1, 0xa4, 0x80, 0x40, 0x02,
    };
    static const struct
    {
        unsigned op;
        uint32_t time, address;
    } expected[] = {
        { 9, 500, 0x20001000 },  { 1, 900, 0x20004fe0 },  { 6, 900, 0x20001000 },   { 1, 900, 0x20001298 },
        { 3, 1200, 0x20001298 }, { 5, 1300, 0x20001000 }, { 15, 1500, 0x20001400 }, { 2, 1510, 0x20001300 },
    };
    size_t   at = records_header( &ledger.records, example, sizeof example );
    unsigned i  = 0;
    assert_int_equal( at, 11 );
    for( size_t length = 1; length != 0 && at < sizeof example; at += length, i++ )
    {
        event_t event;
        length = records_next( &ledger.records, example + at, sizeof example - at, &event );
        ledger_apply( &ledger, &event );
        assert_int_equal( event.op, expected[i].op );
        assert_int_equal( event.time, expected[i].time );
        assert_int_equal( event.address, expected[i].address );
    }
    assert_int_equal( i, sizeof expected / sizeof *expected );
    assert_null( ledger.wrong );
    assert_int_equal( ledger.lost, 7 );
    assert_string_equal( ledger_name( &ledger, 132 ), "gps" );
}

#define TRACE_TEST( name ) cmocka_unit_test_setup_teardown( name, nothing_yet, nothing_left )

int main( void )
{
    const struct CMUnitTest tests[] = {
        TRACE_TEST( the_example_of_the_document_is_read ),
        TRACE_TEST( an_event_says_who_called_and_in_which_thread ),
        TRACE_TEST( each_face_says_who_called_it ),
        TRACE_TEST( a_request_is_written_as_it_was_made ),
        TRACE_TEST( a_refusal_says_why ),
        TRACE_TEST( a_refusal_of_a_pointer_says_why ),
        TRACE_TEST( a_refusal_for_a_module_or_a_heap_says_why ),
        TRACE_TEST( a_block_that_there_is_is_told_with_its_alignment ),
        TRACE_TEST( a_block_that_moves_to_another_heap_gets_an_owner_there ),
        TRACE_TEST( a_block_that_moves_is_not_told_of ),
        TRACE_TEST( a_rename_says_both_names ),
        TRACE_TEST( a_longest_name_fits_into_a_record ),
        TRACE_TEST( nothing_is_written_before_the_start_and_after_the_end ),
        TRACE_TEST( what_leads_nowhere_is_refused ),
        TRACE_TEST( nothing_is_read_where_no_record_fits ),
        TRACE_TEST( replayed_records_are_what_the_heaps_show ),
        TRACE_TEST( random_runs_have_events_of_every_kind ),
        TRACE_TEST( a_trace_that_begins_late_says_what_there_is ),
        TRACE_TEST( heaps_that_are_no_default_ones_are_told_of_too ),
        TRACE_TEST( a_function_that_takes_no_record_is_told_how_many_it_missed ),
        TRACE_TEST( a_ring_has_the_newest_records_whole_and_says_how_many_there_were ),
        TRACE_TEST( a_ring_at_any_address_stays_in_its_memory ),
        TRACE_TEST( what_is_read_by_and_by_is_one_trace ),
        TRACE_TEST( a_ring_that_is_overwritten_leads_nowhere ),
    };
    return cmocka_run_group_tests_name( "trace", tests, NULL, NULL );
}
