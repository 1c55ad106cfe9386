/*
 * SQLite on dmheap: all memory that it uses comes from one static arena, owned by the module "sqlite". Shows how a
 * library with an allocator of its own to plug in is given one (`methods`), what it holds while a database is open, that
 * a query which the arena is too small for ends in SQLITE_NOMEM and harms nothing, and that all comes back at the end.
 */
#include <sqlite3.h>
#include <stdio.h>

#include "dmheap.h"

enum
{
    ARENA_SIZE = 512 * 1024,
    SENSORS    = 4,
    READINGS   = 4000
};

static unsigned char   arena[ARENA_SIZE];
static dmheap_module_t owner;
static unsigned        failures;

/* Counts what is not as it should be, and says what. */
static void expect( bool holds, const char* what )
{
    if( holds ) return;
    printf( "NOT SO: %s\n", what );
    failures++;
}

/* ---- SQLite's allocator ---- */

static int heap_init( void* module )
{
    owner = dmheap_module_open( module );
    return owner.context != NULL ? SQLITE_OK : SQLITE_NOMEM;
}

/* SQLite has freed all that it had: the caller of sqlite3_shutdown() looks whether that is so. */
static void heap_shutdown( void* module )
{
    (void)module;
}

static void* heap_malloc( int size )
{
    return dmheap_module_malloc( owner, (size_t)size );
}

/* The block keeps its owner: a name is needed only where there is no block yet. SQLite asks for no size of 0. */
static void* heap_realloc( void* block, int size )
{
    return dmheap_realloc( block, (size_t)size, NULL );
}

static void heap_free( void* block )
{
    dmheap_free( block, false );
}

static int heap_size( void* block )
{
    return (int)dmheap_usable_size( block );
}

/* What a block of this size would have room for, as near as can be told without one. */
static int heap_roundup( int size )
{
    return ( size + 7 ) & ~7;
}

static const sqlite3_mem_methods methods = { heap_malloc,  heap_free, heap_realloc,  heap_size,
                                             heap_roundup, heap_init, heap_shutdown, "sqlite" };

/* ---- Work ---- */

/* The number that a query answers; -1 where it fails: sqlite3_errcode() says why. */
static long long ask( sqlite3* database, const char* query )
{
    sqlite3_stmt* statement = NULL;
    long long     answer    = -1;
    if( sqlite3_prepare_v2( database, query, -1, &statement, NULL ) == SQLITE_OK &&
        sqlite3_step( statement ) == SQLITE_ROW )
        answer = sqlite3_column_int64( statement, 0 );
    (void)sqlite3_finalize( statement );
    return answer;
}

static int value_of( int reading )
{
    return reading * 37 % 1000;
}

static bool insert_readings( sqlite3* database )
{
    sqlite3_stmt* insert = NULL;
    bool done = sqlite3_prepare_v2( database, "INSERT INTO reading VALUES( ?, ? )", -1, &insert, NULL ) == SQLITE_OK;
    for( int i = 0; i < READINGS && done; i++ )
        done = sqlite3_bind_int( insert, 1, i % SENSORS ) == SQLITE_OK &&
               sqlite3_bind_int( insert, 2, value_of( i ) ) == SQLITE_OK && sqlite3_step( insert ) == SQLITE_DONE &&
               sqlite3_reset( insert ) == SQLITE_OK;
    (void)sqlite3_finalize( insert );
    return done;
}

static bool fill( sqlite3* database )
{
    return sqlite3_exec( database,
                         "PRAGMA temp_store = MEMORY;"
                         "CREATE TABLE sensor( id INTEGER PRIMARY KEY, room TEXT );"
                         "CREATE TABLE reading( sensor INTEGER REFERENCES sensor, value INTEGER );"
                         "INSERT INTO sensor VALUES( 0, 'hall' ), ( 1, 'office' ), ( 2, 'cellar' ), ( 3, 'office' );"
                         "BEGIN",
                         NULL, NULL, NULL ) == SQLITE_OK &&
           insert_readings( database ) &&
           sqlite3_exec( database, "COMMIT; CREATE INDEX by_sensor ON reading( sensor, value )", NULL, NULL, NULL ) ==
               SQLITE_OK;
}

/* What is in the database is what was put in, found by a join on the index. */
static void verify( sqlite3* database )
{
    long long sum = 0;
    for( int i = 0; i < READINGS; i++ )
        if( i % SENSORS == 1 || i % SENSORS == 3 ) sum += value_of( i );
    expect( ask( database, "SELECT count( * ) FROM reading" ) == READINGS, "every reading is there, and no other" );
    expect( ask( database, "SELECT sum( value ) FROM sensor JOIN reading ON sensor = id WHERE room = 'office'" ) == sum,
            "the join finds the readings of the office" );
    expect( ask( database, "SELECT integrity_check = 'ok' FROM pragma_integrity_check" ) == 1,
            "SQLite finds no fault" );
    expect( dmheap_check( NULL ) == DMHEAP_CHECK_OK, "dmheap finds no fault" );
}

/* More than the arena has room for: an error like any other, after which all is as it was. */
static void exhaust( sqlite3* database )
{
    dmheap_stats_t before, after;
    expect( dmheap_get_stats( &before ), "there are figures" );
    expect( ask( database, "SELECT a.value FROM reading a, reading b ORDER BY a.value + b.value" ) == -1 &&
                sqlite3_errcode( database ) == SQLITE_NOMEM,
            "to sort 16 million rows takes too much" );
    printf( "A query too large: %s\n", sqlite3_errmsg( database ) );
    expect( sqlite3_exec( database, "INSERT INTO reading SELECT a.sensor, a.value FROM reading a, reading b", NULL,
                          NULL, NULL ) == SQLITE_NOMEM,
            "to insert 16 million rows takes too much" );
    printf( "Inserts too many:  %s\n", sqlite3_errmsg( database ) );
    expect( dmheap_get_stats( &after ) && after.failed_allocations > before.failed_allocations, "dmheap refused" );
}

/* ---- What it holds, by dmheap's figures ---- */

static dmheap_module_stats_t report( const char* when )
{
    dmheap_module_stats_t held = { 0 };
    expect( dmheap_get_module_stats( "sqlite", &held ), "the module is known" );
    printf( "%-18s %6lu bytes in %3lu blocks, at most %6lu\n", when, (unsigned long)held.live_bytes,
            (unsigned long)held.live_blocks, (unsigned long)held.peak_bytes );
    return held;
}

static bool matches_sqlite( const dmheap_module_stats_t* held )
{
    sqlite3_int64 blocks = -1, bytes = -1, most;
    return sqlite3_status64( SQLITE_STATUS_MALLOC_COUNT, &blocks, &most, 0 ) == SQLITE_OK &&
           sqlite3_status64( SQLITE_STATUS_MEMORY_USED, &bytes, &most, 0 ) == SQLITE_OK &&
           blocks == (sqlite3_int64)held->live_blocks && bytes < (sqlite3_int64)held->live_bytes;
}

int main( void )
{
    sqlite3*       database = NULL;
    dmheap_stats_t before, after;

    if( !dmheap_init( arena, sizeof arena, 8 ) || !dmheap_get_stats( &before ) ) return 1;
    if( sqlite3_config( SQLITE_CONFIG_MALLOC, &methods ) != SQLITE_OK || sqlite3_initialize() != SQLITE_OK ) return 1;
    report( "SQLite is up:" );
    if( sqlite3_open( ":memory:", &database ) == SQLITE_OK && fill( database ) )
    {
        dmheap_module_stats_t held = report( "Database filled:" );
        expect( matches_sqlite( &held ), "SQLite counts the same blocks" );
        verify( database );
        exhaust( database );
        verify( database );
        report( "Afterwards:" );
    }
    else
        expect( false, "the database is filled" );
    expect( sqlite3_close( database ) == SQLITE_OK, "the database is closed" );
    expect( sqlite3_shutdown() == SQLITE_OK, "SQLite is down" );

    expect( report( "SQLite is down:" ).live_blocks == 0, "SQLite gave everything back" );
    dmheap_unregister_module( "sqlite" );
    expect( dmheap_get_stats( &after ) && after.free_bytes == before.free_bytes && after.free_blocks == 1,
            "the arena is one free block again" );
    expect( dmheap_check( NULL ) == DMHEAP_CHECK_OK, "dmheap finds no fault" );
    if( failures == 0 ) printf( "Everything is back: %lu bytes in one free block.\n", (unsigned long)after.free_bytes );
    return failures == 0 ? 0 : 1;
}
