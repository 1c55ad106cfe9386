/*
 * The console of a bare target is that of its C library, which semihosting carries to the host.
 */
#include <stdio.h>

void Dmod_PutChar( char character );

void Dmod_PutChar( char character )
{
    (void)putchar( character );
}
