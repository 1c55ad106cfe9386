/*
 * What the unit tests share: cmocka, the fixture, and the groups that main() runs.
 */
#ifndef UNIT_H
#define UNIT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "fixture.h"
#include "image.h"

/* The heap holds, and nothing around it was written. */
#define assert_valid() assert_true( fixture_is_valid() )

enum
{
    NAME_MOST = DMHEAP_NAME_SIZE - 1, /* characters of a name */
    NAME_ROOM = DMHEAP_NAME_SIZE + 20
};

/* Makes a name of so many characters. */
static inline const char* name_of( char text[NAME_ROOM], size_t length )
{
    memset( text, 'n', length );
    text[length] = '\0';
    return text;
}

/* For each step of a call in turn, up to the first that it does not have: the body sets `countdown`, of its file, to
 * `step`, and what the fixture calls after each step counts it down. */
#define EACH_STEP for( unsigned step = 1; step == 1 || countdown == 0; step++ )

/* A call that must be refused: one [ERROR] that says `text`, and a heap that is byte for byte what it was. */
#define assert_refused( call, text )                                                                                   \
    do                                                                                                                 \
    {                                                                                                                  \
        (void)fixture_log();                                                                                           \
        fixture_remember();                                                                                            \
        (void)( call );                                                                                                \
        assert_true( fixture_is_unchanged() );                                                                         \
        assert_int_equal( fixture_logged( "[ERROR] " ), 1 );                                                           \
        assert_non_null( strstr( fixture_log(), text ) );                                                              \
    } while( 0 )

/* What a call that is refused for want of memory, or by a limit, may change in a heap. */
typedef struct
{
    uint32_t      failures;
    unsigned char hints[256];
} counts_t;

static inline void counts_exchange( dmheap_context_t* context, counts_t* counts, bool in )
{
    size_t         size  = (size_t)2 << ( 32 - context->hint_shift );
    unsigned char* hints = (unsigned char*)block_header( context, block_at( context->first ) ) - size;
    assert_true( size <= sizeof counts->hints );
    memcpy( in ? hints : counts->hints, in ? counts->hints : hints, size );
    if( in )
        context->failures = counts->failures;
    else
        counts->failures = context->failures;
}

/* The heaps of the fixture: the first, which has to exist, and the second, or NULL. */
static inline dmheap_context_t* first_context( void )
{
    return (dmheap_context_t*)(void*)fixture_buffer();
}

static inline dmheap_context_t* second_context( void )
{
    dmheap_context_t* context = dmheap_ctx_find( "second" );
    return (void*)context == fixture_second_buffer() ? context : NULL;
}

/* All that was in the fixture's heaps when it was remembered is there, but for counts of refusals and hints, which the
 * heaps had like this then. */
static inline bool is_unchanged_but_for( counts_t counts[2] )
{
    dmheap_context_t* contexts[2] = { first_context(), second_context() };
    counts_t          now[2];
    for( unsigned i = 0; i < 2 && contexts[i] != NULL; i++ )
    {
        counts_exchange( contexts[i], &now[i], false );
        counts_exchange( contexts[i], &counts[i], true );
    }
    bool unchanged = fixture_is_unchanged();
    for( unsigned i = 0; i < 2 && contexts[i] != NULL; i++ )
        counts_exchange( contexts[i], &now[i], true );
    return unchanged;
}

static inline void remember_counts( counts_t counts[2] )
{
    fixture_remember();
    counts_exchange( first_context(), &counts[0], false );
    if( second_context() != NULL ) counts_exchange( second_context(), &counts[1], false );
}

/* Room for them: not on the stack, and not once for each place where they are wanted. */
static inline counts_t* kept_counts( void )
{
    static counts_t kept[2];
    return kept;
}

/* A request that must be refused, and counted `times` in the default heaps: one [ERROR] that says `text`; nothing but
 * counts and hints is changed. The fixture's heaps must lie at offset 0. */
#define assert_counted( call, times, text )                                                                            \
    do                                                                                                                 \
    {                                                                                                                  \
        counts_t* counts_ = kept_counts();                                                                             \
        uint32_t  failed_ = stats_now().failed_allocations;                                                            \
        (void)fixture_log();                                                                                           \
        remember_counts( counts_ );                                                                                    \
        assert_null( call );                                                                                           \
        assert_true( is_unchanged_but_for( counts_ ) );                                                                \
        assert_int_equal( stats_now().failed_allocations - failed_, times );                                           \
        assert_int_equal( fixture_logged( "[ERROR] " ), 1 );                                                           \
        assert_non_null( strstr( fixture_log(), text ) );                                                              \
    } while( 0 )

/* Figures of one heap, and of a module in it: 0 where it is unknown. */
static inline dmheap_stats_t stats_of( dmheap_context_t* context )
{
    dmheap_stats_t stats = { 0 };
    assert_true( dmheap_ctx_get_stats( context, &stats ) );
    return stats;
}

static inline dmheap_module_stats_t module_in( dmheap_context_t* context, const char* module )
{
    dmheap_module_stats_t stats = { 0 };
    (void)dmheap_ctx_get_module_stats( context, module, &stats );
    return stats;
}

/* Field by field: what pads the figures of a module on 64 bits may be anything. */
static inline void assert_same_figures( const dmheap_module_stats_t* one, const dmheap_module_stats_t* other )
{
    assert_int_equal( one->live_bytes, other->live_bytes );
    assert_int_equal( one->peak_bytes, other->peak_bytes );
    assert_int_equal( one->limit_bytes, other->limit_bytes );
    assert_int_equal( one->live_blocks, other->live_blocks );
}

/* Leaves nothing that can be allocated in a heap. */
static inline void fill_up( dmheap_context_t* context )
{
    for( size_t size = stats_of( context ).free_bytes; size != 0; size /= 2 )
        while( dmheap_ctx_malloc( context, size, NULL ) != NULL )
            (void)fixture_log();
    while( dmheap_ctx_malloc( context, 0, NULL ) != NULL )
        continue;
    (void)fixture_log();
}

/* 64 KiB, alignment 8: what most tests start from. */
static inline int fresh_heap( void** state )
{
    (void)state;
    (void)fixture_log_started_over();
    return fixture_heap( 65536, 8, 0 ) ? 0 : -1;
}

static inline int heap_holds( void** state )
{
    (void)state;
    fixture_interrupt = NULL;
    return fixture_is_valid() && !fixture_log_started_over() ? 0 : -1;
}

#define HEAP_TEST( name ) cmocka_unit_test_setup_teardown( name, fresh_heap, heap_holds )

/* One that leaves damage on purpose. */
#define DAMAGED_TEST( name ) cmocka_unit_test_setup( name, fresh_heap )

int test_init( void );
int test_allocation( void );
int test_reallocation( void );
int test_pointers( void );
int test_modules( void );
int test_contexts( void );
int test_inspection( void );
int test_steps( void );
int test_vanishing( void );
int test_damage( void );
int test_dmod_api( void );
int test_limits( void );
int test_fits( void );
int test_handles( void );
int test_heaps( void );
int test_refusals( void );
int test_log( void );
int test_names( void );

#endif
