/*
 * Names on standard output; see text.h.
 */
#include "text.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

static bool is_plain( unsigned char character )
{
    return character >= ' ' && character < 0x7f;
}

static void put( FILE* out, const char* text, size_t length )
{
    for( size_t i = 0; i < length; i++ )
        (void)fputc( is_plain( (unsigned char)text[i] ) ? text[i] : '?', out );
}

void text_plain( FILE* out, const char* text )
{
    put( out, text, strlen( text ) );
}

void text_name( const char* name, unsigned width )
{
    size_t length = strlen( name );
    if( width == 0 || length <= width )
        put( stdout, name, length );
    else
    {
        size_t front = ( width - 2 ) / 2, back = width - 2 - front;
        put( stdout, name, front );
        (void)fputs( "..", stdout );
        put( stdout, name + length - back, back );
    }
    for( ; length < width; length++ )
        (void)putchar( ' ' );
}

void text_json( const char* text )
{
    text_json_to( stdout, text );
}

void text_json_to( FILE* out, const char* text )
{
    if( text == NULL )
    {
        (void)fputs( "null", out );
        return;
    }
    (void)fputc( '"', out );
    for( ; *text != '\0'; text++ )
    {
        unsigned char character = (unsigned char)*text;
        if( character == '"' || character == '\\' )
            (void)fprintf( out, "\\%c", character );
        else if( is_plain( character ) )
            (void)fputc( character, out );
        else
            (void)fprintf( out, "\\u00%02x", character );
    }
    (void)fputc( '"', out );
}
