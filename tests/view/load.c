/*
 * A load on a real heap, and the truth about it: writes a trace of what it does, with an encoder of its own from docs/trace.md,
 * what the library says of the heap at some moments, and the heap's image at the end. Module `logger` loses a block with each
 * round, `codec` leaves some behind with each unload, the others lose none.
 *   load EVENTS TRACE TRUTH IMAGE
 */
#include "dmheap.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#ifndef HEAP_BYTES
#define HEAP_BYTES 196608
#define LIVE_MOST  600 /* blocks of those that come and go */
#endif

enum
{
    BLOCKS_MOST = LIVE_MOST + 4096,
    MOMENTS     = 8,
    MODULES     = 7
};

static const char* const names[MODULES] = { "logger", "gps", "radio", "display", "codec", "mqtt", "lua" };
static unsigned          owners[MODULES];
static unsigned          next_owner = 4;

typedef struct
{
    unsigned char* address;
    size_t         bytes;
} extent_t;

typedef struct
{
    extent_t block;
    unsigned module;
} held_t;

static _Alignas( 64 ) unsigned char buffer[HEAP_BYTES];
static held_t         held[BLOCKS_MOST];
static unsigned       held_count;
static extent_t       own[BLOCKS_MOST], own_before[BLOCKS_MOST];
static unsigned       own_count, own_before_count;
static FILE *         trace, *truth;
static unsigned long  events, ticks;
static unsigned char* last_address;
static uint64_t       random_state = 88172645463325252u;

static unsigned random_below( unsigned limit )
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return (unsigned)( random_state >> 33 ) % limit;
}

/* ---- The trace ---- */

static unsigned char record[512];
static size_t        record_length;

static void put( uint64_t value )
{
    for( ; value > 127; value >>= 7 )
        record[record_length++] = (unsigned char)( value | 128 );
    record[record_length++] = (unsigned char)value;
}

static uint64_t zigzag( int64_t value )
{
    return value < 0 ? ( (uint64_t)-value << 1 ) - 1 : (uint64_t)value << 1;
}

static void begin( unsigned op, void* address )
{
    unsigned long time = random_below( 60 );
    record_length      = 0;
    ticks += time;
    record[record_length++] = (unsigned char)op;
    put( time );
    put( zigzag( ( (intptr_t)address - (intptr_t)last_address ) / 4 ) );
    last_address = address;
}

static void end( void )
{
    unsigned char text[512];
    size_t        length = record_length;
    memcpy( text, record, length );
    record_length = 0;
    put( length );
    fwrite( record, 1, record_length, trace );
    fwrite( text, 1, length, trace );
    events++;
}

static void put_text( const char* text )
{
    put( strlen( text ) );
    memcpy( record + record_length, text, strlen( text ) );
    record_length += strlen( text );
}

static unsigned caller_of( unsigned module, unsigned place )
{
    return 0x8001001u + module * 0x400u + place * 0x10u;
}

static void put_caller( unsigned module, unsigned place )
{
    put( caller_of( module, place ) );
    put( module % 3 );
}

/* ---- What the library says ---- */

typedef struct
{
    size_t         used, own, free, largest, blocks, holes;
    size_t         bytes[MODULES + 1];
    unsigned       count[MODULES + 1];
    unsigned char *first, *end;
} look_t;

static bool look( const dmheap_block_info_t* info, void* user )
{
    look_t*        sum  = user;
    unsigned char* from = (unsigned char*)(uintptr_t)info->address - 4;
    if( sum->first == NULL ) sum->first = from;
    sum->end = from + info->block_bytes;
    if( info->use == DMHEAP_BLOCK_FREE )
    {
        sum->free += info->block_bytes;
        sum->holes++;
        if( info->block_bytes > sum->largest ) sum->largest = info->block_bytes;
        return true;
    }
    if( info->use == DMHEAP_BLOCK_SYSTEM )
    {
        sum->own += info->block_bytes;
        own[own_count++] = ( extent_t ){ from + 4, info->block_bytes };
        return true;
    }
    unsigned module = 0;
    while( module < MODULES && strcmp( names[module], info->owner ) != 0 )
        module++;
    sum->used += info->block_bytes;
    sum->blocks++;
    sum->bytes[module] += info->block_bytes;
    sum->count[module]++;
    return true;
}

static look_t look_at_heap( void )
{
    look_t sum = { 0 };
    memcpy( own_before, own, sizeof own );
    own_before_count = own_count;
    own_count        = 0;
    dmheap_visit_blocks( look, &sum );
    return sum;
}

static bool is_in( extent_t one, const extent_t* list, unsigned count )
{
    for( unsigned i = 0; i < count; i++ )
        if( list[i].address == one.address && list[i].bytes == one.bytes ) return true;
    return false;
}

/* What has become of the heap's own blocks since this was asked last. */
static void trace_own( void )
{
    (void)look_at_heap();
    for( unsigned i = 0; i < own_before_count; i++ )
    {
        if( is_in( own_before[i], own, own_count ) ) continue;
        begin( 2, own_before[i].address );
        put( 2 );
        put( own_before[i].bytes );
        put( 0 );
        put( 0 );
        end();
    }
    for( unsigned i = 0; i < own_count; i++ )
    {
        if( is_in( own[i], own_before, own_before_count ) ) continue;
        begin( 1, own[i].address );
        put( 2 );
        put( own[i].bytes - 4 );
        put( own[i].bytes );
        put( 0 );
        put( 0 );
        put( 0 );
        end();
    }
}

static void say_truth( void )
{
    static bool again;
    look_t      sum = look_at_heap();
    fprintf( truth,
             "%s{\"event\":%lu,\"ticks\":%lu,\"size\":%ld,\"used\":%zu,\"own\":%zu,\"free\":%zu,\"largest\":%zu,"
             "\"blocks\":%zu,"
             "\"holes\":%zu,\"modules\":{",
             again ? ",\n" : "[", events, ticks, (long)( sum.end - buffer ) + 4, sum.used,
             sum.own + (size_t)( sum.first - buffer ), sum.free, sum.largest, sum.blocks, sum.holes );
    bool comma = false;
    for( unsigned module = 0; module < MODULES; module++ )
    {
        if( sum.count[module] == 0 ) continue;
        fprintf( truth, "%s\"%s\":[%zu,%u]", comma ? "," : "", names[module], sum.bytes[module], sum.count[module] );
        comma = true;
    }
    fprintf( truth, "}}" );
    again = true;
}

/* ---- The load ---- */

static void load_module( unsigned module )
{
    if( !dmheap_register_module( names[module] ) ) exit( 1 );
    owners[module] = next_owner++;
    trace_own();
    begin( 6, buffer );
    put( owners[module] );
    put_text( names[module] );
    end();
}

static void take( unsigned module, size_t size, unsigned place )
{
    unsigned char* address = dmheap_malloc( size, names[module] );
    if( address == NULL )
    {
        begin( 5, buffer );
        put( size );
        put( 0 );
        put( 1 );
        put_text( names[module] );
        put_caller( module, place );
        end();
        return;
    }
    if( held_count == BLOCKS_MOST ) exit( 1 );
    extent_t block     = { address, dmheap_usable_size( address ) + 4 };
    held[held_count++] = ( held_t ){ block, module };
    begin( 1, address );
    put( owners[module] );
    put( size );
    put( block.bytes );
    put( 0 );
    put_caller( module, place );
    end();
}

static void give( unsigned index )
{
    held_t one = held[index];
    dmheap_free( one.block.address, false );
    begin( 2, one.block.address );
    put( owners[one.module] );
    put( one.block.bytes );
    put_caller( one.module, 9 );
    end();
    held[index] = held[--held_count];
}

static void resize( unsigned index, size_t size )
{
    held_t*        one     = &held[index];
    unsigned char* address = dmheap_realloc( one->block.address, size, names[one->module] );
    if( address == NULL ) return;
    extent_t block = { address, dmheap_usable_size( address ) + 4 };
    begin( 3, one->block.address );
    put( owners[one->module] );
    put( one->block.bytes );
    put( zigzag( ( address - one->block.address ) / 4 ) );
    put( owners[one->module] );
    put( size );
    put( block.bytes );
    put( 0 );
    put_caller( one->module, 8 );
    end();
    one->block = block;
}

static void hand_over( unsigned index, unsigned module )
{
    if( !dmheap_retag( held[index].block.address, names[module] ) ) exit( 1 );
    begin( 4, held[index].block.address );
    put( owners[held[index].module] );
    put( held[index].block.bytes );
    put( owners[module] );
    end();
    held[index].module = module;
}

static void unload_module( unsigned module, unsigned left )
{
    unsigned kept = 0;
    for( unsigned i = held_count; i-- > 0; )
        if( held[i].module == module && kept++ >= left ) give( i );
    dmheap_unregister_module( names[module] );
    for( unsigned i = held_count; i-- > 0; )
    {
        if( held[i].module != module ) continue;
        begin( 11, held[i].block.address );
        put( owners[module] );
        put( held[i].block.bytes );
        end();
        held[i] = held[--held_count];
    }
    begin( 8, buffer );
    put( owners[module] );
    end();
    trace_own();
}

int main( int count, char** arguments )
{
    if( count != 5 ) return 2;
    unsigned long wanted = strtoul( arguments[1], NULL, 10 );
    trace                = fopen( arguments[2], "wb" );
    truth                = fopen( arguments[3], "w" );
    FILE* image          = fopen( arguments[4], "wb" );
    if( trace == NULL || truth == NULL || image == NULL || !dmheap_init( buffer, sizeof buffer, 8 ) ) return 1;

    const unsigned char header[] = { 'D', 'M', 'H', 'T', 1, 0, sizeof( void* ), 0 };
    fwrite( header, 1, sizeof header, trace );
    record_length = 0;
    put( 1000000 );
    fwrite( record, 1, record_length, trace );
    look_t sum = look_at_heap();
    begin( 9, buffer );
    put( (uint64_t)( sum.end - buffer ) + 4 );
    put( (uint64_t)( sum.first - buffer ) );
    put( 8 );
    put_text( "main" );
    end();
    for( unsigned module = 0; module < 4; module++ )
        load_module( module );
    for( unsigned i = 0; i < 6; i++ )
        take( 3, 2000 + 300 * i, 7 ); /* what stays for good */

    unsigned long round = 0, moment = 1;
    while( events < wanted )
    {
        /* a round: two modules come, all work, they go */
        round++;
        load_module( 4 );
        load_module( 5 + round % 2 );
        unsigned long until = events + wanted / 24 + random_below( 40 );
        while( events < until && events < wanted )
        {
            unsigned module = 1 + random_below( 5 );
            if( module == 5 ) module = 5 + round % 2;
            unsigned large = random_below( 20 ) == 0;
            unsigned what  = random_below( 100 );
            unsigned some  = held_count > 6 ? 6 + random_below( held_count - 6 ) : 0;
            unsigned most  = LIVE_MOST / 2 + (unsigned)( events * 12 / wanted ) % 4 * LIVE_MOST / 8;
            if( some == 0 || ( held_count < most ? what < 60 : what < 40 ) )
                take( module, large ? 400 + random_below( 3000 ) : 8 + random_below( 180 ), random_below( 4 ) );
            else if( what < 90 )
                give( some );
            else if( what < 98 )
                resize( some, 16 + random_below( 400 ) );
            else
                hand_over( some, 1 + random_below( 3 ) );
            if( events >= moment * wanted / MOMENTS )
            {
                say_truth();
                moment++;
            }
        }
        if( events >= wanted ) break;
        take( 1, 300000, 0 ); /* which nobody can have */
        /* what `logger` loses: nothing frees it, since it is out of the list */
        take( 0, 96, 6 );
        if( held[held_count - 1].module == 0 ) held_count--;
        for( unsigned i = 0; i < 4; i++ )
        {
            take( 0, 40, 1 );
            if( held[held_count - 1].module == 0 ) give( held_count - 1 );
        }
        take( 4, 200, 5 );
        take( 4, 120, 5 );
        unload_module( 4, 2 );
        unload_module( 5 + round % 2, 0 );
    }
    say_truth();
    fprintf( truth, "]\n" );
    fwrite( buffer, 1, sizeof buffer, image );
    return dmheap_check( NULL ) != DMHEAP_CHECK_OK || fclose( trace ) != 0 || fclose( truth ) != 0 ||
           fclose( image ) != 0;
}
