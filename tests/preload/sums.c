/*
 * What a trace says that each owner holds at its end and has held at most, in the words of DMHEAP_SUMMARY: a recording is
 * right where the two are the same. May not know anything of the library.
 *   sums TRACE [BYTES]     BYTES: instead, who called for so many, as an address in the owner's file
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "records.h"

enum
{
    OWNERS = 64
};

static struct
{
    uint64_t key, bytes, blocks, peak;
    char     name[NAME_SIZE];
} owner[OWNERS];
static unsigned owners;

static void hold( uint64_t key, uint64_t bytes, bool is_more )
{
    for( unsigned i = 0; i < owners; i++ )
        if( owner[i].key == key )
        {
            owner[i].bytes += is_more ? bytes : 0 - bytes;
            owner[i].blocks += is_more ? 1 : UINT64_MAX;
            if( owner[i].bytes > owner[i].peak ) owner[i].peak = owner[i].bytes;
        }
}

static void apply( const event_t* event )
{
    switch( event->op )
    {
    case OP_REGISTER:
        if( owners == OWNERS ) exit( 3 );
        owner[owners].key = event->owner;
        memcpy( owner[owners++].name, event->name, sizeof event->name );
        break;
    case OP_MALLOC: hold( event->owner, event->block, true ); break;
    case OP_REALLOC:
        hold( event->owner, event->old_block, false );
        hold( event->new_owner, event->block, true );
        break;
    case OP_FREE: hold( event->owner, event->block, false ); break;
    case OP_LOST: exit( 4 );
    default: break;
    }
}

int main( int argc, char** argv )
{
    static records_t records;
    static event_t   event;
    static uint8_t   bytes[64 << 20];
    FILE*            file = argc == 2 || argc == 3 ? fopen( argv[1], "rb" ) : NULL;
    if( file == NULL ) return 2;
    uint64_t asked = argc == 3 ? strtoull( argv[2], NULL, 0 ) : 0;
    size_t   size = fread( bytes, 1, sizeof bytes, file ), at = records_header( &records, bytes, size ), length;
    if( at == 0 ) return 5;
    for( ; ( length = records_next( &records, bytes + at, size - at, &event ) ) != 0; at += length )
    {
        apply( &event );
        if( asked != 0 && event.requested == asked ) printf( "0x%" PRIx64 "\n", event.caller );
    }
    for( unsigned i = 0; i < owners && asked == 0; i++ )
        printf( "dmheap: %-40s %10" PRIu64 " bytes in %7" PRIu64 " blocks, peak %10" PRIu64 "\n", owner[i].name,
                owner[i].bytes, owner[i].blocks, owner[i].peak );
    return at == size ? 0 : 6;
}
