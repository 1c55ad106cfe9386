/*
 * What the system gives on a bare processor: interrupt masking as the critical section, a small formatter for the log.
 * Every function is weak: a program puts its own in its place by defining it. May not use a C library, nor the heap.
 */
#include "dmod.h"
#include "dmod_port.h"

#include <stdarg.h>

#if defined( __ARM_ARCH_PROFILE ) && __ARM_ARCH_PROFILE == 'M'
/* Masks interrupts, and tells whether they were already. */
static inline uint32_t interrupts_mask( void )
{
    uint32_t masked;
    __asm__ volatile( "mrs %0, primask\n\tcpsid i" : "=r"( masked )::"memory" );
    return masked;
}
static inline void interrupts_unmask( void )
{
    __asm__ volatile( "cpsie i" ::: "memory" );
}
#define PORT_HAS_CRITICAL 1
#elif defined( __riscv )
enum
{
    MSTATUS_MIE = 8
};
/* Every RISC-V with machine mode has these instructions; newer assemblers want to be told. */
#if defined( __riscv_zicsr ) || __GNUC__ < 12
#define CSR( instruction ) instruction
#else
#define CSR( instruction ) ".option push\n\t.option arch, +zicsr\n\t" instruction "\n\t.option pop"
#endif
static inline uint32_t interrupts_mask( void )
{
    unsigned long before;
    __asm__ volatile( CSR( "csrrc %0, mstatus, %1" ) : "=r"( before ) : "r"( (unsigned long)MSTATUS_MIE ) : "memory" );
    return ( before & MSTATUS_MIE ) == 0;
}
static inline void interrupts_unmask( void )
{
    __asm__ volatile( CSR( "csrs mstatus, %0" )::"r"( (unsigned long)MSTATUS_MIE ) : "memory" );
}
#define PORT_HAS_CRITICAL 1
#endif

/* On any other processor the program must bring these two: a critical section that protects nothing is worse than a
 * link error. */
#ifdef PORT_HAS_CRITICAL
/* How many critical sections were entered with interrupts masked already; only touched while they are. Each of these leaves
 * them masked, so that nothing need be remembered of the outermost. */
static uint32_t critical_nested;

DMOD_INPUT_WEAK_API_DECLARATION( Dmod, 1.0, void, _EnterCritical, (void))
{
    if( interrupts_mask() != 0 ) critical_nested++;
}

DMOD_INPUT_WEAK_API_DECLARATION( Dmod, 1.0, void, _ExitCritical, (void))
{
    if( critical_nested == 0 )
        interrupts_unmask();
    else
        critical_nested--;
}
#endif

__attribute__( ( weak ) ) void Dmod_PutChar( char Character )
{
    (void)Character; /* no console is known here; a program that has one defines this function */
}

static int put_text( const char* text )
{
    int written = 0;
    for( ; text[written] != '\0'; written++ )
        Dmod_PutChar( text[written] );
    return written;
}

static int put_number( uintmax_t value, unsigned base )
{
    char  digits[sizeof value * 8 / 3 + 2];
    char* first = digits + sizeof digits;
    *--first    = '\0';
    do
    {
        *--first = "0123456789abcdef"[value % base];
        value /= base;
    } while( value != 0 );
    return put_text( first );
}

static int put_signed( intmax_t value )
{
    if( value >= 0 ) return put_number( (uintmax_t)value, 10 );
    Dmod_PutChar( '-' );
    return 1 + put_number( 0 - (uintmax_t)value, 10 );
}

/* Understands %c %s %p %d %i %u %x with the lengths l, ll and z, and %%: what this library and its tests write. */
DMOD_INPUT_WEAK_API_DECLARATION( Dmod, 1.0, int, _Printf, ( const char* Format, ... ) )
{
    va_list arguments;
    int     written = 0;
    va_start( arguments, Format );
    for( const char* at = Format; *at != '\0'; at++ )
    {
        if( *at != '%' )
        {
            Dmod_PutChar( *at );
            written++;
            continue;
        }
        unsigned length = 0;
        for( at++; *at == 'l'; at++ )
            length++;
        bool is_size = *at == 'z';
        if( is_size ) at++;
        switch( *at )
        {
        case 's': written += put_text( va_arg( arguments, const char* ) ); break;
        case 'p': written += put_text( "0x" ) + put_number( (uintptr_t)va_arg( arguments, void* ), 16 ); break;
        case 'c':
            Dmod_PutChar( (char)va_arg( arguments, int ) );
            written++;
            break;
        case 'd':
        case 'i':
            written += put_signed( length > 1 ? va_arg( arguments, long long )
                                   : length   ? va_arg( arguments, long )
                                              : va_arg( arguments, int ) );
            break;
        case 'u':
        case 'x':
            written += put_number( is_size      ? va_arg( arguments, size_t )
                                   : length > 1 ? va_arg( arguments, unsigned long long )
                                   : length     ? va_arg( arguments, unsigned long )
                                                : va_arg( arguments, unsigned ),
                                   *at == 'x' ? 16 : 10 );
            break;
        case '\0': at--; break;
        default:
            Dmod_PutChar( *at );
            written++;
            break;
        }
    }
    va_end( arguments );
    return written;
}

DMOD_INPUT_WEAK_API_DECLARATION( Dmod, 1.0, void, _Assert,
                                 ( int Condition, const char* Message, const char* File, int Line,
                                   const char* Function ) )
{
    if( Condition ) return;
    (void)Dmod_Printf( "%s:%d: %s: assertion failed: %s\n", File, Line, Function, Message );
    for( ;; )
    {
    }
}
