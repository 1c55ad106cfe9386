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

#endif
