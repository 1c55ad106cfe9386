/*
 * See embed.h. The place in the template is the element with the id "data"; the bytes are its text, in base64.
 */
#include "embed.h"

#include "progress.h"

#include <string.h>

static const char place[] = "<script type=\"application/octet-stream;base64\" id=\"data\">";

/* In an attribute of HTML; control characters are left out. */
static void write_name( FILE* out, const char* name )
{
    for( ; *name != '\0'; name++ )
        switch( *name )
        {
        case '&': fputs( "&amp;", out ); break;
        case '<': fputs( "&lt;", out ); break;
        case '"': fputs( "&quot;", out ); break;
        default:
            if( (unsigned char)*name >= ' ' ) fputc( *name, out );
        }
}

static void write_base64( FILE* out, const unsigned char* bytes, size_t size )
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    char              text[4096];
    size_t            length = 0;
    for( size_t i = 0; i < size; i += 3 )
    {
        size_t        left = size - i;
        unsigned long bits = (unsigned long)bytes[i] << 16;
        if( left > 1 ) bits |= (unsigned long)bytes[i + 1] << 8;
        if( left > 2 ) bits |= bytes[i + 2];
        text[length++] = digits[bits >> 18 & 63];
        text[length++] = digits[bits >> 12 & 63];
        text[length++] = '=';
        text[length++] = '=';
        if( left > 1 ) text[length - 2] = digits[bits >> 6 & 63];
        if( left > 2 ) text[length - 1] = digits[bits & 63];
        if( length < sizeof text ) continue;
        fwrite( text, 1, length, out );
        length = 0;
        progress_show( i, size );
    }
    fwrite( text, 1, length, out );
    progress_end();
}

int view_write( FILE* out, const void* bytes, size_t size, const char* name )
{
    const char* page = (const char*)view_page;
    const char* at   = strstr( page, place );
    if( at == NULL ) return -1;
    const char* behind = at + sizeof place - 2; /* in front of the > */
    fwrite( page, 1, (size_t)( behind - page ), out );
    fputs( " data-name=\"", out );
    write_name( out, name );
    fputs( "\">", out );
    write_base64( out, bytes, size );
    fputs( behind + 1, out );
    return fflush( out ) != 0 || ferror( out ) ? -1 : 0;
}
