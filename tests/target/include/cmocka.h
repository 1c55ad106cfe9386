/*
 * The few things of cmocka that the unit tests use, for targets that have no cmocka: so the same test sources run there.
 * On a host the real one is used. May not offer what cmocka does not.
 */
#ifndef TARGET_CMOCKA_H
#define TARGET_CMOCKA_H

#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef int ( *cmocka_fixture_t )( void** state );

struct CMUnitTest
{
    const char* name;
    void ( *test )( void** state );
    cmocka_fixture_t setup, teardown;
};

#define cmocka_unit_test_setup_teardown( test, setup, teardown )                                                       \
    {                                                                                                                  \
#test, test, setup, teardown                                                                                   \
    }
#define cmocka_unit_test_setup( test, setup )       cmocka_unit_test_setup_teardown( test, setup, NULL )
#define cmocka_unit_test_teardown( test, teardown ) cmocka_unit_test_setup_teardown( test, NULL, teardown )
#define cmocka_unit_test( test )                    cmocka_unit_test_setup_teardown( test, NULL, NULL )

static jmp_buf cmocka_failed;

static inline void cmocka_assert( int holds, const char* what, const char* file, int line )
{
    if( holds ) return;
    printf( "%s:%d: %s\n", file, line, what );
    longjmp( cmocka_failed, 1 );
}

#define CMOCKA_HOLDS( condition, what ) cmocka_assert( ( condition ) != 0, what, __FILE__, __LINE__ )
#define assert_true( condition )        CMOCKA_HOLDS( condition, #condition )
#define assert_false( condition )       CMOCKA_HOLDS( !( condition ), "not " #condition )
#define assert_null( pointer )          CMOCKA_HOLDS( ( pointer ) == NULL, #pointer " is NULL" )
#define assert_non_null( pointer )      CMOCKA_HOLDS( ( pointer ) != NULL, #pointer " is not NULL" )
#define assert_int_equal( one, other )  CMOCKA_HOLDS( (uintmax_t)( one ) == (uintmax_t)( other ), #one " == " #other )
#define assert_int_not_equal( one, other )                                                                             \
    CMOCKA_HOLDS( (uintmax_t)( one ) != (uintmax_t)( other ), #one " != " #other )
#define assert_ptr_equal( one, other )                                                                                 \
    CMOCKA_HOLDS( (const void*)( one ) == (const void*)( other ), #one " == " #other )
#define assert_ptr_not_equal( one, other )                                                                             \
    CMOCKA_HOLDS( (const void*)( one ) != (const void*)( other ), #one " != " #other )
#define assert_string_equal( one, other )       CMOCKA_HOLDS( strcmp( one, other ) == 0, #one " == " #other )
#define assert_memory_equal( one, other, size ) CMOCKA_HOLDS( memcmp( one, other, size ) == 0, #one " == " #other )
#define assert_in_range( value, least, most )                                                                          \
    CMOCKA_HOLDS( ( value ) >= ( least ) && ( value ) <= ( most ), #value " in " #least " to " #most )
#define test_malloc( size )  malloc( size )
#define test_free( pointer ) free( pointer )

/* 0 where a test holds. */
static inline int cmocka_run_one( const struct CMUnitTest* test )
{
    static void* state;
    if( setjmp( cmocka_failed ) != 0 || ( test->setup != NULL && test->setup( &state ) != 0 ) ) return 1;
    test->test( &state );
    return test->teardown != NULL && test->teardown( &state ) != 0;
}

static inline int cmocka_run( const char* group, const struct CMUnitTest* tests, size_t count )
{
    int failed = 0;
    for( size_t i = 0; i < count; i++ )
    {
        int result = cmocka_run_one( &tests[i] );
        if( result != 0 ) printf( "FAILED: %s: %s\n", group, tests[i].name );
        failed += result;
    }
    printf( "%s: %u tests, %d failed\n", group, (unsigned)count, failed );
    return failed;
}

#define cmocka_run_group_tests_name( group, tests, setup, teardown )                                                   \
    cmocka_run( group, tests, sizeof( tests ) / sizeof *( tests ) )

#endif
