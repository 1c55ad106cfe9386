/*
 * A module that collects samples in one block that grows, and hands them to a DMA engine that wants 64-byte alignment.
 */
#include "../module.h"

#include <string.h>

#include "dmod.h"

static unsigned* samples;
static unsigned  count;
static void*     transfer;

bool module_start( void )
{
    transfer = Dmod_AlignedMalloc( 1024, 64 );
    return transfer != NULL && ( (uintptr_t)transfer & 63 ) == 0;
}

bool module_run( unsigned round )
{
    unsigned* grown = Dmod_Realloc( samples, ( count + 1 ) * sizeof *samples );
    if( grown == NULL ) return false;
    samples          = grown;
    samples[count++] = round;
    if( count % 256 != 0 ) return true;
    memcpy( transfer, samples, 1024 );
    Dmod_Free( samples );
    samples = NULL;
    count   = 0;
    return true;
}

void module_stop( void )
{
    Dmod_Free( samples );
    Dmod_Free( transfer );
}
