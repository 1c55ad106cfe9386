/*
 * See loader.h.
 */
#include "loader.h"

#include <dlfcn.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "dmheap.h"

/* Where system.ld and module.ld put the records. */
extern const Dmod_ApiRegistration_t dmod_inputs_begin[], dmod_inputs_end[];

static void* find_export( const char* signature )
{
    for( const Dmod_ApiRegistration_t* export = dmod_inputs_begin; export < dmod_inputs_end; export ++)
        if( strcmp( export->Signature, signature ) == 0 ) return export->Function;
    return NULL;
}

/* Before linking, an import points to its signature; afterwards, to the function. */
static bool link_imports( void* library, const char* name )
{
    void** import = dlsym( library, "dmod_outputs_begin" );
    void** end    = dlsym( library, "dmod_outputs_end" );
    for( ; import < end; import++ )
    {
        void* function = find_export( *import );
        if( function == NULL )
        {
            fprintf( stderr, "%s: the system does not export %s\n", name, (const char*)*import );
            return false;
        }
        *import = function;
    }
    return true;
}

static bool find_functions( loaded_t* module )
{
    *(void**)&module->start = dlsym( module->library, "module_start" );
    *(void**)&module->run   = dlsym( module->library, "module_run" );
    *(void**)&module->stop  = dlsym( module->library, "module_stop" );
    return module->start != NULL && module->run != NULL && module->stop != NULL;
}

bool loader_load( const char* directory, const char* name, loaded_t* module )
{
    char path[512];
    snprintf( path, sizeof path, "%s/%s.dmf", directory, name );
    *module         = ( loaded_t ){ .name = name };
    module->library = dlopen( path, RTLD_NOW | RTLD_LOCAL );
    if( module->library == NULL )
        fprintf( stderr, "%s\n", dlerror() );
    else if( find_functions( module ) && link_imports( module->library, name ) && module->start() )
        return true;
    fprintf( stderr, "%s: cannot be loaded\n", name );
    return false;
}

void loader_unload( loaded_t* module )
{
    module->stop();
    dlclose( module->library );
    Dmod_FreeModule( module->name );
}
