/*
 * What bench/record records as "lua64": Lua as firmware has it, in at most 64 KiB: its allocator refuses more, and a script that
 * asks for more gets an ordinary error and is run no further. The libraries that need no file system; a script for each
 * message that comes. For liblua5.4-dev.
 */
#include <lauxlib.h>
#include <lua.h>
#include <lualib.h>
#include <stdio.h>
#include <stdlib.h>

enum
{
    LIMIT    = 64 * 1024,
    MESSAGES = 400
};

static size_t held;
static int    refused;

static void* limited( void* unused, void* block, size_t had, size_t wanted )
{
    (void)unused;
    if( block == NULL ) had = 0; /* the kind of object then */
    if( wanted == 0 )
    {
        free( block );
        held -= had;
        return NULL;
    }
    if( wanted > had && held - had + wanted > LIMIT )
    {
        refused++;
        return NULL;
    }
    void* moved = realloc( block, wanted );
    if( moved != NULL ) held += wanted - had;
    return moved;
}

static const char handlers[] =
    "local state = { sum = {}, last = {} }\n"
    "function on_message( n )\n"
    "  local key = 'sensor/' .. n % 13 .. '/' .. ( n % 3 == 0 and 'temperature' or 'voltage' )\n"
    "  local fields = {}\n"
    "  for word in ( key .. '/' .. n ):gmatch( '[^/]+' ) do fields[ #fields + 1 ] = word end\n"
    "  state.sum[ key ] = ( state.sum[ key ] or 0 ) + n * 0.5\n"
    "  state.last[ key ] = { at = n, fields = fields }\n"
    "  return string.format( '%s=%.1f', key, state.sum[ key ] )\n"
    "end\n"
    "function greedy() local kept = {} while true do kept[ #kept + 1 ] = ( 'x' ):rep( 500 ) .. #kept end end\n";

int main( void )
{
    static const luaL_Reg libraries[] = { { LUA_GNAME, luaopen_base },
                                          { LUA_TABLIBNAME, luaopen_table },
                                          { LUA_STRLIBNAME, luaopen_string },
                                          { LUA_MATHLIBNAME, luaopen_math } };
    lua_State*            lua         = lua_newstate( limited, NULL );
    int                   failed      = 0;
    if( lua == NULL ) return 1;
    for( size_t i = 0; i < sizeof libraries / sizeof *libraries; i++ )
    {
        luaL_requiref( lua, libraries[i].name, libraries[i].func, 1 );
        lua_pop( lua, 1 );
    }
    if( luaL_dostring( lua, handlers ) != LUA_OK ) return 1;
    for( int i = 0; i < MESSAGES; i++ )
    {
        char text[160]; /* a command that comes as text, compiled and run */
        snprintf( text, sizeof text,
                  "local r = {} for i = 1, %d do r[ i ] = on_message( %d + i ) end return table.concat( r, ';' )",
                  i % 7 + 1, i * 31 );
        if( luaL_dostring( lua, i % 100 == 99 ? "greedy()" : text ) != LUA_OK ) failed++;
        lua_settop( lua, 0 );
    }
    lua_close( lua );
    printf( "%d messages, %d failed; %d requests were refused, %zu bytes are left\n", MESSAGES, failed, refused, held );
    return failed == MESSAGES / 100 && held == 0 ? 0 : 1;
}
