/*
 * Every report at its longest: no line of the log is longer than DMOD's printf can write without a heap, and none loses what
 * it has to say. Looks into the core (src/report.c).
 */
#include <stdio.h>
#include <string.h>

#include "core.h"
#include "fixture.h"

enum
{
    STATUSES  = STATUS_WRITTEN_FREE + 1,
    PURPOSES  = TO_LOOK + 1,
    DMOD_MOST = 15, /* bytes of DMOD's prefix and colour */
    LINE_MAX  = sizeof( void* ) > 4 ? 160 : 99,
    NAME_LONG = 2 * DMHEAP_NAME_SIZE
};

static unsigned faults, lines, longest;
static char     name[NAME_LONG + 1];

static void fault( const char* what, const char* line )
{
    if( faults++ < 10 ) printf( "%s: %s\n", what, line );
}

/* As DMOD would write it. */
static unsigned bytes_of( const char* line )
{
    return (unsigned)strlen( strchr( line, ']' ) + 2 ) + DMOD_MOST;
}

static void look_at_line( const char* line )
{
    unsigned bytes = bytes_of( line );
    lines++;
    if( bytes > longest ) longest = bytes;
    if( bytes > LINE_MAX ) fault( "too long", line );
    if( strchr( line, '%' ) != NULL || strchr( line, '\n' ) != line + strlen( line ) - 1 ) fault( "not worded", line );
    if( strstr( line, "] dmheap: " ) == NULL ) fault( "not ours", line );
}

/* A report, and what is said of it, as one line. */
static const char* said_of( const report_t* what )
{
    lines = 0;
    report( what );
    return fixture_log();
}

/* Whether the name is there, whole or both of its ends. One that was not read to its end has one end. */
static bool shows_name( const char* text, bool has_end )
{
    static char head[] = "abc", whole[DMHEAP_NAME_SIZE];
    memcpy( whole, name, DMHEAP_NAME_SIZE - 1 );
    const char* tail = has_end ? "yz" : "..";
    return strstr( text, whole ) != NULL || ( strstr( text, head ) != NULL && strstr( text, tail ) != NULL );
}

/* A name of so many characters, the last ones of which are "yz". */
static const char* name_of( unsigned length )
{
    for( unsigned i = 0; i < length; i++ )
        name[i] = (char)( 'a' + i % 20 );
    memcpy( name + length - 2, "yz", 3 );
    return name;
}

/* At its longest, with and without the counts that may stand behind it. */
static void look_at_report( report_t what, bool has_end )
{
    bool        says_name = false;
    char        plain[512];
    const char* words = words_of( &what );
    for( const char* at = words; *at != '\0'; at++ )
        says_name |= at[0] == '%' && ( at[1] == 'n' || at[1] == 'R' );
    registry.said.times  = 0;
    registry.said.unsaid = 0;
    snprintf( plain, sizeof plain, "%s", said_of( &what ) );
    if( lines < 1 || lines > 2 ) fault( "more than two lines", plain );
    if( strchr( plain, '\n' ) != plain + strlen( plain ) - 1 ) fault( "goes on without a space", plain );
    if( strlen( plain ) < 30 ) fault( "nothing said", plain );
    if( says_name && what.module != NULL && !shows_name( plain, has_end ) ) fault( "no name", plain );
    if( says_name && what.module == NULL && strstr( plain, "(none)" ) == NULL ) fault( "not nobody's", plain );

    registry.said.unsaid = UINT16_MAX;
    const char* text     = said_of( &what );
    bool        repeats  = is_refusal( words );
    if( strncmp( text, plain, strlen( plain ) - 1 ) != 0 ) fault( "something else", text );
    if( repeats && strstr( text, " (2 times) (+65535 not shown)\n" ) == NULL ) fault( "counts", text );
    if( !repeats && strcmp( text + strlen( plain ) - 1, " (+65535 not shown)\n" ) != 0 ) fault( "count", text );

    /* the longest counts that there are: of this one, and of another in front of it */
    registry.said.times  = repeats ? UINT32_MAX / 2 : UINT32_MAX;
    registry.said.owner  = owner_mark( &what );
    registry.said.heap   = what.from;
    registry.said.status = (uint8_t)what.status;
    registry.said.unsaid = UINT16_MAX;
    text                 = said_of( &what );
    if( repeats && strstr( text, " (2147483648 times) (+65535 not shown)\n" ) == NULL ) fault( "counts", text );
    if( !repeats && strstr( text, "The last refusal came 4294967295 times.\n" ) == NULL ) fault( "no count", text );
}

int main( void )
{
    unsigned reports = 0;
    fixture_line     = look_at_line;
    for( unsigned status = 0; status < STATUSES; status++ )
    {
        report_t what = {
            .status = (status_t)status, .size = SIZE_MAX, .alignment = SIZE_MAX, .largest = SIZE_MAX, .looked = true };
        if( words_of( &what ) == NULL )
        {
            if( status != STATUS_OK && status != STATUS_NEVER_KNOWN ) fault( "not worded", "" );
            continue;
        }
        for( unsigned variant = 0; variant < 2 * PURPOSES * 2 * 5; variant++, reports++ )
        {
            static const unsigned lengths[] = { DMHEAP_NAME_SIZE - 1, NAME_LONG, 20, 8, 0 };
            unsigned              length    = lengths[variant % 5];
            what.module                     = length != 0 ? name_of( length ) : NULL;
            what.address                    = variant / 5 % 2 != 0 ? (const void*)UINTPTR_MAX : NULL;
            what.purpose                    = (purpose_t)( variant / 10 % PURPOSES );
            what.from                       = variant / 10 / PURPOSES != 0 ? (const void*)UINTPTR_MAX : NULL;
            look_at_report( what, length < DMHEAP_NAME_SIZE );
        }
    }
    printf( "%u reports of %u words, the longest line has %u bytes\n", reports, (unsigned)STATUSES - 2, longest );
    return faults != 0 || longest < LINE_MAX - 5;
}
