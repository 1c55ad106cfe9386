/*
 * A library that collects samples in one block that grows, and hands them to a DMA engine that wants 64-byte alignment.
 */
#include "module.h"

enum
{
    SAMPLES = 256
};

static unsigned*          samples;
static unsigned           count;
static volatile unsigned* transfer;

static bool module_start( void )
{
    transfer = Dmod_AlignedMalloc( SAMPLES * sizeof *transfer, 64 );
    return transfer != NULL && ( (uintptr_t)transfer & 63 ) == 0;
}

static bool module_run( unsigned round )
{
    unsigned* grown = Dmod_Realloc( samples, ( count + 1 ) * sizeof *samples );
    if( grown == NULL ) return false;
    samples          = grown;
    samples[count++] = round;
    if( count < SAMPLES ) return true;
    for( unsigned i = 0; i < SAMPLES; i++ )
        transfer[i] = samples[i];
    Dmod_Free( samples );
    samples = NULL;
    count   = 0;
    return true;
}

static void module_stop( void )
{
    Dmod_Free( samples );
    Dmod_Free( (void*)transfer );
}
