/*
 * What bench/record records as "json": a device that speaks JSON by cJSON: a configuration is parsed and kept; each message
 * that comes is parsed, looked through, changes the configuration and gets an answer, which is built and printed. Some are
 * broken. For libcjson-dev.
 */
#include <cjson/cJSON.h>
#include <stdio.h>
#include <stdlib.h>

enum
{
    CHANNELS = 40,
    MESSAGES = 250
};

static cJSON* configuration( void )
{
    cJSON* made     = cJSON_CreateObject();
    cJSON* channels = cJSON_AddArrayToObject( made, "channels" );
    for( int i = 0; i < CHANNELS; i++ )
    {
        char   name[32];
        cJSON* channel = cJSON_CreateObject();
        snprintf( name, sizeof name, "channel %d of %s", i, i % 3 == 0 ? "the pump" : "a valve" );
        cJSON_AddStringToObject( channel, "name", name );
        cJSON_AddNumberToObject( channel, "gain", i * 0.25 );
        cJSON_AddBoolToObject( channel, "on", i % 2 );
        cJSON_AddItemToArray( channels, channel );
    }
    char*  text   = cJSON_Print( made );
    cJSON* parsed = cJSON_Parse( text );
    free( text );
    cJSON_Delete( made );
    return parsed;
}

static char* message( int number )
{
    cJSON* made   = cJSON_CreateObject();
    cJSON* values = cJSON_AddArrayToObject( made, "values" );
    cJSON_AddNumberToObject( made, "channel", number * 7 % CHANNELS );
    cJSON_AddStringToObject( made, "unit", number % 2 == 0 ? "mV" : "degrees Celsius" );
    for( int i = 0; i < number % 9 + 1; i++ )
        cJSON_AddItemToArray( values, cJSON_CreateNumber( number * 0.125 + i ) );
    char* text = cJSON_PrintUnformatted( made );
    cJSON_Delete( made );
    if( number % 25 == 24 ) text[10] = '}'; /* broken on its way */
    return text;
}

/* The answer, or NULL: this was no message. */
static char* answer( cJSON* known, const char* text )
{
    cJSON* came = cJSON_Parse( text );
    if( came == NULL ) return NULL;
    cJSON* channel = cJSON_GetArrayItem( cJSON_GetObjectItem( known, "channels" ),
                                         cJSON_GetObjectItem( came, "channel" )->valueint );
    double sum     = 0;
    cJSON* value;
    cJSON_ArrayForEach( value, cJSON_GetObjectItem( came, "values" ) ) sum += value->valuedouble;
    cJSON_DeleteItemFromObject( channel, "last" );
    cJSON_AddItemToObject( channel, "last", cJSON_Duplicate( came, 1 ) );
    cJSON* made = cJSON_CreateObject();
    cJSON_AddStringToObject( made, "name", cJSON_GetObjectItem( channel, "name" )->valuestring );
    cJSON_AddNumberToObject( made, "sum", sum );
    char* printed = cJSON_PrintUnformatted( made );
    cJSON_Delete( made );
    cJSON_Delete( came );
    return printed;
}

int main( void )
{
    cJSON* known    = configuration();
    int    answered = 0;
    for( int i = 0; i < MESSAGES; i++ )
    {
        char* text    = message( i );
        char* printed = answer( known, text );
        if( printed != NULL ) answered++;
        free( printed );
        free( text );
    }
    char* kept = cJSON_Print( known );
    printf( "%d of %d messages answered\n", answered, MESSAGES );
    free( kept );
    cJSON_Delete( known );
    return answered == MESSAGES - MESSAGES / 25 ? 0 : 1;
}
