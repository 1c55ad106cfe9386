/*
 * Lua scripts on dmheap: each script is a module of its own, with a limit in bytes. Shows how a Lua state allocates
 * through a module's handle, that a script which wants more than its limit gets an error that it can catch and goes on,
 * that its neighbour does not notice, and that a script can be unloaded whole, without lua_close(), and leaves nothing.
 */
#include <lauxlib.h>
#include <lua.h>
#include <lualib.h>
#include <stdio.h>
#include <string.h>

#include "dmheap.h"

enum
{
    ARENA_SIZE = 256 * 1024
};

typedef struct
{
    const char*     name;
    size_t          limit;
    const char*     source;
    dmheap_module_t module;
    lua_State*      state;
} script_t;

static unsigned char arena[ARENA_SIZE];
static unsigned      failures;

/* Counts what is not as it should be, and says what. */
static void expect( bool holds, const char* name, const char* what )
{
    if( holds ) return;
    printf( "NOT SO: %s: %s\n", name, what );
    failures++;
}

/* ---- Lua's allocator ---- */

/* Lua gives the old size, or for a new block what it is for, which the heap needs not: it knows its blocks. A block that
 * shrinks stays where it is, so that this cannot fail, as Lua demands; nor does it change its owner. */
static void* allocate( void* script, void* block, size_t old_size, size_t size )
{
    (void)old_size;
    if( size == 0 )
    {
        dmheap_free( block, false );
        return NULL;
    }
    if( block == NULL ) return dmheap_module_malloc( ( (const script_t*)script )->module, size );
    return dmheap_realloc( block, size, NULL );
}

/* ---- Scripts ---- */

/* One keeps what it is given, and can try to take without end. One adds up, by way of much garbage. */
static const char hoarder[] = "local kept = {}\n"
                              "function keep( n ) kept[#kept + 1] = 'reading ' .. n; return #kept end\n"
                              "function take( n )\n"
                              "    local done, why = pcall( function()\n"
                              "        local all = {}\n"
                              "        while true do all[#all + 1] = string.rep( 'x', n + #all ) end\n"
                              "    end )\n"
                              "    assert( not done and why == 'not enough memory', why )\n"
                              "    return #kept\n"
                              "end\n";
static const char adder[]   = "local sum = 0\n"
                              "function add( n ) for _ = 1, n do sum = sum + #{ n } end return sum end\n";

/* What may fail for want of memory runs below lua_pcall(): everything that a state does, even to name a function. */
static int start( lua_State* state )
{
    static const luaL_Reg libraries[] = { { LUA_GNAME, luaopen_base }, { LUA_STRLIBNAME, luaopen_string } };
    const script_t*       script      = lua_touserdata( state, 1 );
    for( size_t i = 0; i < sizeof libraries / sizeof *libraries; i++ )
        luaL_requiref( state, libraries[i].name, libraries[i].func, 1 );
    if( luaL_loadbuffer( state, script->source, strlen( script->source ), script->name ) != LUA_OK ) lua_error( state );
    lua_call( state, 0, 0 );
    return 0;
}

static int call( lua_State* state )
{
    lua_getglobal( state, lua_touserdata( state, 1 ) );
    lua_insert( state, 2 ); /* in front of its argument */
    lua_call( state, 1, 1 );
    return 1;
}

/* Calls a C function that takes a pointer and a number and gives a number; -1 where there was an error. */
static lua_Integer run( script_t* script, lua_CFunction function, const void* what, lua_Integer number )
{
    lua_Integer answer = -1;
    lua_pushcfunction( script->state, function );
    lua_pushlightuserdata( script->state, (void*)what );
    lua_pushinteger( script->state, number );
    if( lua_pcall( script->state, 2, 1, 0 ) == LUA_OK )
        answer = lua_tointeger( script->state, -1 );
    else
        printf( "%s: %s\n", script->name, lua_tostring( script->state, -1 ) );
    lua_pop( script->state, 1 );
    return answer;
}

static bool load( script_t* script )
{
    if( !dmheap_set_module_limit( script->name, script->limit ) ) return false;
    script->module = dmheap_module_open( script->name );
    script->state  = lua_newstate( allocate, script );
    return script->state != NULL && run( script, start, script, 0 ) != -1;
}

static dmheap_module_stats_t report( const script_t* script, const char* when )
{
    dmheap_module_stats_t held = { 0 };
    expect( dmheap_get_module_stats( script->name, &held ), script->name, "is known" );
    printf( "%-8s %-14s %6lu bytes in %3lu blocks, at most %6lu of %6lu\n", script->name, when,
            (unsigned long)held.live_bytes, (unsigned long)held.live_blocks, (unsigned long)held.peak_bytes,
            (unsigned long)held.limit_bytes );
    return held;
}

int main( void )
{
    static script_t greedy = { "greedy", 64 * 1024, hoarder, { 0 }, NULL };
    static script_t modest = { "modest", 32 * 1024, adder, { 0 }, NULL };
    static script_t tiny   = { "tiny", 2 * 1024, adder, { 0 }, NULL };

    dmheap_stats_t        before, after = { 0 };
    dmheap_module_stats_t held, neighbour;

    if( !dmheap_init( arena, sizeof arena, 8 ) || !dmheap_get_stats( &before ) ) return 1;
    if( !load( &greedy ) || !load( &modest ) ) return 1;
    for( int i = 1; i <= 200; i++ )
    {
        expect( run( &greedy, call, "keep", i ) == i, "greedy", "keeps what it is given" );
        expect( run( &modest, call, "add", i ) == i * ( i + 1 ) / 2, "modest", "adds up" );
    }
    report( &greedy, "after 200 runs" );
    neighbour = report( &modest, "after 200 runs" );

    /* More than the limit: an error inside of the script, which goes on with what it has; nothing to its neighbour. */
    expect( run( &greedy, call, "take", 100 ) == 200, "greedy", "catches the error and has what it had" );
    held = report( &greedy, "refused" );
    expect( held.peak_bytes > held.limit_bytes / 2 && held.live_bytes < held.limit_bytes + 16, "greedy",
            "came near its limit, and not beyond" );
    held = report( &modest, "meanwhile" );
    expect( held.live_bytes == neighbour.live_bytes && held.live_blocks == neighbour.live_blocks, "modest",
            "notices nothing" );
    expect( run( &greedy, call, "keep", 201 ) == 201, "greedy", "goes on" );

    /* Without lua_close(): no finalizer of the script runs, and no block of it is looked at but to free it. */
    dmheap_unregister_module( greedy.name );
    greedy.state = NULL;
    expect( !dmheap_get_module_stats( greedy.name, &held ), "greedy", "is gone" );

    expect( run( &modest, call, "add", 201 ) == 201 * 202 / 2, "modest", "runs on" );
    lua_close( modest.state );
    expect( report( &modest, "closed" ).live_blocks == 0, "modest", "gave everything back" );
    dmheap_unregister_module( modest.name );

    /* Too little for a state: there is none, and what Lua had taken for it is back. */
    expect( !load( &tiny ) && tiny.state == NULL, "tiny", "is not loaded" );
    expect( report( &tiny, "not loaded" ).live_blocks == 0, "tiny", "holds nothing" );
    dmheap_unregister_module( tiny.name );

    expect( dmheap_get_stats( &after ) && after.free_bytes == before.free_bytes && after.free_blocks == 1, "the arena",
            "is one free block again" );
    expect( dmheap_check( NULL ) == DMHEAP_CHECK_OK, "the arena", "has no fault" );
    if( failures == 0 ) printf( "Everything is back: %lu bytes in one free block.\n", (unsigned long)after.free_bytes );
    return failures == 0 ? 0 : 1;
}
