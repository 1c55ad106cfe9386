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

static void put( const char* text, size_t length )
{
    for( size_t i = 0; i < length; i++ )
        (void)putchar( is_plain( (unsigned char)text[i] ) ? text[i] : '?' );
}

void text_name( const char* name, unsigned width )
{
    size_t length = strlen( name );
    if( width == 0 || length <= width )
        put( name, length );
    else
    {
        size_t front = ( width - 2 ) / 2, back = width - 2 - front;
        put( name, front );
        (void)fputs( "..", stdout );
        put( name + length - back, back );
    }
    for( ; length < width; length++ )
        (void)putchar( ' ' );
}

void text_json( const char* text )
{
    if( text == NULL )
    {
        (void)fputs( "null", stdout );
        return;
    }
    (void)putchar( '"' );
    for( ; *text != '\0'; text++ )
    {
        unsigned char character = (unsigned char)*text;
        if( character == '"' || character == '\\' )
            (void)printf( "\\%c", character );
        else if( is_plain( character ) )
            (void)putchar( character );
        else
            (void)printf( "\\u00%02x", character );
    }
    (void)putchar( '"' );
}
