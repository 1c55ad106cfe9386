/*
 * A module that was built for one generation of the API is refused by a system of the other one. The loader's part is done
 * as DMOD does it: name and module are compared whole, versions up to the first dot.
 */
#include <stdio.h>
#include <string.h>

#include "dmheap.h"
#include "imports.h"

static const Dmod_ApiRegistration_t* const offered[IMPORTS] = {
    &dmheap_init_registration,
    &dmheap_is_initialized_registration,
    &dmheap_register_module_registration,
    &dmheap_unregister_module_registration,
    &dmheap_malloc_registration,
    &dmheap_aligned_alloc_registration,
    &dmheap_realloc_registration,
    &dmheap_free_registration,
    &dmheap_concatenate_free_blocks_registration,
    &dmheap_retag_registration,
    &dmheap_get_stats_registration,
};

/* Whether a loader connects an import with what the system offers. */
static bool connects( const char* import, const char* offer )
{
    size_t name = strcspn( import, ":" );
    if( strcspn( offer, ":" ) != name || strncmp( import, offer, name ) != 0 ) return false;
    const char* wanted  = import + name;
    const char* version = offer + name;
    size_t      major   = strcspn( wanted, "." );
    return strcspn( version, "." ) == major && strncmp( wanted, version, major ) == 0;
}

/* How many of a module's imports the system of this build connects. */
static unsigned connected( void ( *imports_of )( const char* signatures[IMPORTS] ) )
{
    const char* signatures[IMPORTS];
    unsigned    count = 0;
    imports_of( signatures );
    for( unsigned i = 0; i < IMPORTS; i++ )
        count += connects( signatures[i], offered[i]->Signature );
    return count;
}

static int failures;

static void expect( const char* what, unsigned is, unsigned should_be )
{
    printf( "%s: %u of %u connected\n", what, is, (unsigned)IMPORTS );
    failures += is != should_be;
}

int main( void )
{
    bool     context_first = DMHEAP_CONTEXT_FIRST;
    unsigned all           = IMPORTS;
    expect( "a module of the seed's generation", connected( imports_of_seed ), context_first ? 0 : all );
    expect( "a module of the context-first generation", connected( imports_of_context_first ),
            context_first ? all : 0 );

    const char* seed[IMPORTS];
    const char* seed_time[IMPORTS];
    const char* context[IMPORTS];
    imports_of_seed( seed );
    imports_of_seed_time( seed_time );
    imports_of_context_first( context );
    failures += strcmp( seed[4], "\021DMOD\022_malloc@dmheap:2.0" ) != 0;
    failures += strcmp( seed_time[4], "\021DMOD\022_malloc@dmheap:1.0" ) != 0;
    failures += strcmp( context[4], "\021DMOD\022_malloc@dmheap:1.0" ) != 0;
    return failures != 0;
}
