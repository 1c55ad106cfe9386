/*
 * Modules as they are in a device: a file system, a network stack with a pool of buffers, several modules at a time,
 * dynamic data structures, reuse of memory, and payloads for DMA.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "fixture.h"

static int setup( void** state )
{
    (void)state;
    return fixture_heap( 262144, 8, 0 ) ? 0 : -1;
}

static int teardown( void** state )
{
    (void)state;
    return fixture_is_valid() ? 0 : -1;
}

/* ---- A file system: files that grow and shrink, with a name and contents each ---- */

enum
{
    FILES = 24
};

typedef struct
{
    char*          name;
    unsigned char* contents;
    size_t         size;
} file_t;

static void file_write( file_t* file, size_t size, unsigned char value )
{
    unsigned char* contents = dmheap_realloc( file->contents, file->size + size, "fs" );
    assert_non_null( contents );
    memset( contents + file->size, value, size );
    file->contents = contents;
    file->size += size;
}

static void a_file_system_grows_and_truncates_files( void** state )
{
    file_t* files[FILES];
    (void)state;
    for( unsigned i = 0; i < FILES; i++ )
    {
        files[i]       = dmheap_calloc( 1, sizeof( file_t ), "fs" );
        files[i]->name = dmheap_malloc( 32, "fs" );
        snprintf( files[i]->name, 32, "/data/file%u.txt", i );
    }
    for( unsigned round = 0; round < 20; round++ )
        for( unsigned i = 0; i < FILES; i++ )
            file_write( files[i], 10 + i * 3 + round, (unsigned char)i );
    for( unsigned i = 0; i < FILES; i++ )
        for( size_t k = 0; k < files[i]->size; k++ )
            assert_int_equal( files[i]->contents[k], i );
    for( unsigned i = 0; i < FILES; i += 2 )
    {
        files[i]->size     = files[i]->size / 4;
        files[i]->contents = dmheap_realloc( files[i]->contents, files[i]->size, "fs" );
        assert_non_null( files[i]->contents );
    }
    assert_int_equal( live_blocks_of( "fs" ), FILES * 3 );
    dmheap_unregister_module( "fs" ); /* unmounted without closing anything */
    assert_int_equal( stats_now().used_blocks, 0 );
}

/* ---- A network stack: a pool of aligned buffers, taken and given back out of order ---- */

static void a_network_pool_hands_out_aligned_buffers( void** state )
{
    enum
    {
        POOL = 32
    };
    unsigned char* buffers[POOL];
    (void)state;
    for( unsigned i = 0; i < POOL; i++ )
    {
        buffers[i] = dmheap_aligned_alloc( 64, 1500, "network" );
        assert_non_null( buffers[i] );
        assert_int_equal( (uintptr_t)buffers[i] % 64, 0 );
        memset( buffers[i], (int)i, 1500 );
    }
    for( unsigned round = 0; round < 500; round++ )
    {
        unsigned i = round * 13 % POOL;
        assert_int_equal( buffers[i][1499], (unsigned char)( i ) );
        dmheap_free( buffers[i], false );
        void* header = dmheap_malloc( 20 + round % 40, "network" );
        buffers[i]   = dmheap_aligned_alloc( 64, 1500, "network" );
        assert_non_null( buffers[i] );
        memset( buffers[i], (int)i, 1500 );
        dmheap_free( header, false );
    }
    assert_int_equal( live_blocks_of( "network" ), POOL );
}

/* ---- Several modules, loaded and unloaded while the others run ---- */

static void modules_are_loaded_and_unloaded_beside_each_other( void** state )
{
    char name[24];
    (void)state;
    size_t empty = stats_now().free_bytes;
    for( unsigned generation = 0; generation < 40; generation++ )
    {
        snprintf( name, sizeof name, "module#%u", generation );
        char* image = dmheap_aligned_alloc( 1024, 4096 + generation * 100, name );
        assert_non_null( image );
        strcpy( image, name ); /* the name that the module passes lies in its image */
        for( unsigned i = 0; i < 30; i++ )
            assert_non_null( dmheap_malloc( 16 + i * 4, image ) );
        assert_int_equal( live_blocks_of( name ), 31 );
        if( generation < 8 ) continue;
        snprintf( name, sizeof name, "module#%u", generation - 8 );
        dmheap_unregister_module( name );
        assert_int_equal( stats_now().modules, 8 );
    }
    for( unsigned generation = 32; generation < 40; generation++ )
    {
        snprintf( name, sizeof name, "module#%u", generation );
        dmheap_unregister_module( name );
    }
    assert_int_equal( stats_now().free_bytes, empty );
    assert_int_equal( stats_now().free_blocks, 1 );
}

/* ---- Dynamic data structures: a list and a tree, owned by two modules ---- */

typedef struct node
{
    struct node *left, *right;
    unsigned     key;
} node_t;

static void insert( node_t** at, unsigned key )
{
    while( *at != NULL )
        at = key < ( *at )->key ? &( *at )->left : &( *at )->right;
    *at = dmheap_calloc( 1, sizeof( node_t ), "tree" );
    assert_non_null( *at );
    ( *at )->key = key;
}

static unsigned destroy( node_t* node )
{
    if( node == NULL ) return 0;
    unsigned count = 1 + destroy( node->left ) + destroy( node->right );
    dmheap_free( node, false );
    return count;
}

static void linked_structures_live_and_die( void** state )
{
    node_t* root = NULL;
    node_t* list = NULL;
    (void)state;
    for( unsigned i = 0; i < 500; i++ )
    {
        insert( &root, i * 7919 % 1009 );
        node_t* entry = dmheap_malloc( sizeof *entry, "list" );
        assert_non_null( entry );
        entry->left = list;
        list        = entry;
    }
    while( list != NULL )
    {
        node_t* next = list->left;
        dmheap_free( list, true );
        list = next;
    }
    assert_int_equal( live_blocks_of( "list" ), 0 );
    assert_int_equal( destroy( root ), 500 );
    assert_int_equal( live_blocks_of( "tree" ), 0 );
}

/* ---- Reuse: the same pattern of sizes over and over does not use the heap up ---- */

static void memory_is_reused_without_creeping_growth( void** state )
{
    void* blocks[64] = { NULL };
    (void)state;
    size_t peak = 0;
    for( unsigned round = 0; round < 20000; round++ )
    {
        unsigned i = round * 31 % 64;
        dmheap_free( blocks[i], false );
        blocks[i] = dmheap_malloc( 16u << ( i % 7 ), "worker" );
        assert_non_null( blocks[i] );
        if( round == 2000 ) peak = stats_now().peak_used_bytes;
    }
    assert_true( stats_now().peak_used_bytes <= peak + peak / 20 );
}

/* ---- Alignment: what DMA and caches ask for ---- */

static void every_alignment_requirement_is_met_at_the_same_time( void** state )
{
    static const size_t alignments[] = { 4, 8, 16, 32, 64, 128, 256, 512, 1024, 4096 };
    void*               blocks[10][4];
    (void)state;
    for( unsigned round = 0; round < 4; round++ )
        for( unsigned i = 0; i < 10; i++ )
        {
            blocks[i][round] = dmheap_aligned_alloc( alignments[i], 100 + round, "dma" );
            assert_non_null( blocks[i][round] );
            assert_int_equal( (uintptr_t)blocks[i][round] % alignments[i], 0 );
        }
    for( unsigned i = 0; i < 10; i++ )
        for( unsigned round = 0; round < 4; round++ )
            dmheap_free( blocks[i][round], round & 1 );
    assert_int_equal( live_blocks_of( "dma" ), 0 );
}

/* ---- A plugin host: a memory for DMA beside the main one, plugins with heaps of their own, limits, and stale pointers ---- */

enum
{
    PLUGINS = 6
};

static void plugins_keep_to_their_memory_and_leave_nothing( void** state )
{
    dmheap_module_t   handles[PLUGINS];
    dmheap_context_t* private_heaps[PLUGINS];
    void*             stale[PLUGINS];
    char              name[16];
    (void)state;
    dmheap_context_t* dma   = fixture_second_heap( 65536, 64, 0 );
    size_t            empty = stats_now().free_bytes;
    for( unsigned i = 0; i < PLUGINS; i++ )
    {
        snprintf( name, sizeof name, "plugin%u", i );
        handles[i] = dmheap_module_open( name );
        assert_true( dmheap_set_module_limit( name, 30000 ) );
        void* arena      = dmheap_module_aligned_alloc( handles[i], 64, 8192 );
        private_heaps[i] = dmheap_ctx_init( arena, 8192, 8, name );
        if( i >= DMHEAP_MAX_CONTEXTS - 2 ) assert_null( private_heaps[i] );
        for( unsigned k = 0; private_heaps[i] != NULL && k < 20; k++ )
            assert_non_null( dmheap_ctx_malloc( private_heaps[i], 50 + k, name ) );
        void* buffer = dmheap_ctx_malloc( dma, 1000, name );
        assert_int_equal( (uintptr_t)buffer % 64, 0 );
        stale[i] = dmheap_module_malloc( handles[i], 500 );
        dmheap_module_free( handles[i], stale[i] );
    }
    /* what one has freed is another's by now, who does not lose it */
    void* current = dmheap_module_malloc( handles[0], 500 );
    memset( current, 0x1F, 500 );
    for( unsigned i = 1; i < PLUGINS; i++ )
        if( stale[i] == current ) dmheap_module_free( handles[i], stale[i] );
    assert_ptr_equal( dmheap_ctx_of( current ), handles[0].context );
    assert_int_equal( ( (unsigned char*)current )[499], 0x1F );
    /* one that wants all there is gets no more than its limit, whichever face it asks */
    assert_null( dmheap_module_malloc( handles[2], 30000 ) );
    assert_null( dmheap_realloc( NULL, 30000, "plugin2" ) );
    assert_null( Dmod_MallocEx( 30000, "plugin2" ) );
    assert_non_null( dmheap_module_malloc( handles[3], 20000 ) );
    for( unsigned i = 0; i < PLUGINS; i++ )
    {
        snprintf( name, sizeof name, "plugin%u", i );
        dmheap_unregister_module( name ); /* unloaded with its heap and all else */
        assert_null( dmheap_ctx_find( name ) );
        assert_null( dmheap_module_malloc( handles[i], 8 ) );
        assert_true( fixture_is_valid() );
    }
    assert_int_equal( stats_now().free_bytes, empty );
    assert_int_equal( stats_now().used_blocks, 0 );
    assert_true( dmheap_ctx_deinit( dma ) );
}

int main( void )
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown( a_file_system_grows_and_truncates_files, setup, teardown ),
        cmocka_unit_test_setup_teardown( a_network_pool_hands_out_aligned_buffers, setup, teardown ),
        cmocka_unit_test_setup_teardown( modules_are_loaded_and_unloaded_beside_each_other, setup, teardown ),
        cmocka_unit_test_setup_teardown( linked_structures_live_and_die, setup, teardown ),
        cmocka_unit_test_setup_teardown( memory_is_reused_without_creeping_growth, setup, teardown ),
        cmocka_unit_test_setup_teardown( plugins_keep_to_their_memory_and_leave_nothing, setup, teardown ),
        cmocka_unit_test_setup_teardown( every_alignment_requirement_is_met_at_the_same_time, setup, teardown ),
    };
    return cmocka_run_group_tests_name( "modules of a device", tests, NULL, NULL );
}
