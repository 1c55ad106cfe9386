/*
 * DMOD's log. Without stdio a line is formatted here: one of up to LINE bytes on the stack, a longer one in a buffer from
 * Dmod_Malloc, and it is lost where there is none. Understands - and a width, the lengths h l ll z, and c s d i u x p; no
 * precision, and in an older generation no length: anything else stands in the line as it is, and takes no argument.
 */
#include "dmod.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum
{
    LINE = 100 /* bytes, the NUL included */
};

DMOD_INPUT_WEAK_API_DECLARATION( Dmod, 1.0, bool, _CheckLogLevel, ( Dmod_LogLevel_t LogLevel ) )
{
    return LogLevel <= Dmod_LogLevel_Info;
}

DMOD_INPUT_WEAK_API_DECLARATION( Dmod, 1.0, void*, _GetStreamLogFile, ( Dmod_LogLevel_t LogLevel ) )
{
    (void)LogLevel;
    return DMOD_STDLOG;
}

DMOD_INPUT_WEAK_API_DECLARATION( Dmod, 1.0, size_t, _WriteKernel, ( const void* Buffer, size_t Size ) )
{
    ssize_t written = write( STDOUT_FILENO, Buffer, Size );
    return written > 0 ? (size_t)written : 0;
}

#if !DMOD_USE_STDIO

typedef struct
{
    char*  buffer;
    size_t size;
    size_t length; /* of the line, whether it fits or not */
} line_t;

static void put( line_t* line, char character )
{
    if( line->length + 1 < line->size ) line->buffer[line->length] = character;
    line->length++;
}

static void put_padded( line_t* line, const char* text, size_t width, bool left )
{
    size_t length = strlen( text );
    for( size_t i = length; !left && i < width; i++ )
        put( line, ' ' );
    for( size_t i = 0; i < length; i++ )
        put( line, text[i] );
    for( size_t i = length; left && i < width; i++ )
        put( line, ' ' );
}

static const char* digits( char* end, uintmax_t value, unsigned base, const char* prefix )
{
    *--end = '\0';
    do
        *--end = "0123456789abcdef"[value % base];
    while( ( value /= base ) != 0 );
    size_t length = strlen( prefix );
    return memcpy( end - length, prefix, length );
}

static void format_line( line_t* line, const char* format, va_list arguments )
{
    for( ; *format != '\0'; format++ )
    {
        char        room[32];
        char*       end  = room + sizeof room;
        const char* text = NULL;
        if( *format != '%' )
        {
            put( line, *format );
            continue;
        }
        const char* start = format++;
        bool        left  = *format == '-';
        size_t      width = 0;
        unsigned    longs = 0;
        for( format += left; *format >= '0' && *format <= '9'; format++ )
            width = width * 10 + (size_t)( *format - '0' );
        for( ; DMOD_PRINTF_LENGTHS && ( *format == 'l' || *format == 'z' || *format == 'h' ); format++ )
            longs += *format != 'h';
        switch( *format )
        {
        case '%': text = "%"; break;
        case 's':
            text = va_arg( arguments, const char* );
            if( text == NULL ) text = "(null)";
            break;
        case 'c':
            room[0] = (char)va_arg( arguments, int );
            room[1] = '\0';
            text    = room;
            break;
        case 'd':
        case 'i':
        {
            intmax_t value = longs > 1    ? va_arg( arguments, long long )
                             : longs == 1 ? va_arg( arguments, long )
                                          : va_arg( arguments, int );
            text = digits( end, value < 0 ? 0 - (uintmax_t)value : (uintmax_t)value, 10, value < 0 ? "-" : "" );
            break;
        }
        case 'u':
        case 'x':
            text = digits( end,
                           longs > 1    ? va_arg( arguments, unsigned long long )
                           : longs == 1 ? va_arg( arguments, unsigned long )
                                        : va_arg( arguments, unsigned ),
                           *format == 'x' ? 16 : 10, "" );
            break;
        case 'p': text = digits( end, (uintptr_t)va_arg( arguments, void* ), 16, "0x" ); break;
        default: break;
        }
        if( text != NULL )
        {
            put_padded( line, text, width, left );
            continue;
        }
        for( ; start < format; start++ )
            put( line, *start );
        if( *format == '\0' ) break;
        put( line, *format );
    }
    if( line->size != 0 ) line->buffer[line->length < line->size ? line->length : line->size - 1] = '\0';
}

DMOD_INPUT_WEAK_API_DECLARATION( Dmod, 1.0, int, _VFPrintf, ( void* File, const char* Format, va_list Args ) )
{
    char    on_stack[LINE];
    line_t  line = { on_stack, sizeof on_stack, 0 };
    va_list again;
    (void)File;
    va_copy( again, Args );
    format_line( &line, Format, Args );
    if( line.length >= sizeof on_stack )
    {
        line_t whole = { Dmod_Malloc( line.length + 1 ), line.length + 1, 0 };
        if( whole.buffer != NULL )
        {
            format_line( &whole, Format, again );
            Dmod_WriteKernel( whole.buffer, whole.length );
            Dmod_Free( whole.buffer );
        }
        line.length = whole.length;
    }
    else
        Dmod_WriteKernel( on_stack, line.length );
    va_end( again );
    return (int)line.length;
}

#else

DMOD_INPUT_WEAK_API_DECLARATION( Dmod, 1.0, int, _VFPrintf, ( void* File, const char* Format, va_list Args ) )
{
    (void)File;
    return vprintf( Format, Args );
}

#endif

DMOD_INPUT_WEAK_API_DECLARATION( Dmod, 1.0, int, _FPrintf, ( void* File, const char* Format, ... ) )
{
    va_list arguments;
    va_start( arguments, Format );
    int written = Dmod_VFPrintf( File, Format, arguments );
    va_end( arguments );
    return written;
}

DMOD_INPUT_WEAK_API_DECLARATION( Dmod, 1.0, int, _VPrintf, ( const char* Format, va_list Args ) )
{
    return Dmod_VFPrintf( DMOD_STDOUT, Format, Args );
}

DMOD_INPUT_WEAK_API_DECLARATION( Dmod, 1.0, int, _Printf, ( const char* Format, ... ) )
{
    va_list arguments;
    va_start( arguments, Format );
    int written = Dmod_VPrintf( Format, arguments );
    va_end( arguments );
    return written;
}

DMOD_INPUT_WEAK_API_DECLARATION( Dmod, 1.0, void, _Assert,
                                 ( int Condition, const char* Message, const char* File, int Line,
                                   const char* Function ) )
{
    if( Condition ) return;
    Dmod_Printf( "%s:%d: %s: %s\n", File, Line, Function, Message );
    abort();
}
