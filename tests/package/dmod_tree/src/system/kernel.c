/*
 * See kernel.h. The order of the calls is the kernel's, and their arguments: memory for the image as nobody known, then
 * under the instance's name; the context under that name; a library from a file under its own. A name handed to the heap
 * lies in blocks of the heap, and vanishes with them.
 */
#include "kernel.h"

#include <stdio.h>
#include <string.h>

extern const Dmod_ApiRegistration_t __dmod_inputs_start[] __attribute__( ( weak ) );
extern const Dmod_ApiRegistration_t __dmod_inputs_end[] __attribute__( ( weak ) );

/* The front of a module's image. */
typedef struct
{
    char  name[DMOD_MAX_MODULE_NAME_LENGTH];
    void* outputs[KERNEL_MOST_IMPORTS];
} image_t;

struct kernel_context
{
    char     allocator_name[DMOD_MAX_MODULE_NAME_LENGTH + 24];
    image_t* image;
    bool     is_library;
};

void* kernel_find( const char* signature )
{
    for( const Dmod_ApiRegistration_t* offer = __dmod_inputs_start; offer != __dmod_inputs_end; offer++ )
        if( Dmod_ApiSignature_AreEqual( offer->Signature, signature ) ) return offer->Function;
    return NULL;
}

static image_t* read_image( const kernel_module_t* module, const char* allocator_name )
{
    size_t   read  = module->is_packed ? module->image_bytes / 2 : module->image_bytes;
    image_t* image = Dmod_AlignedMalloc( read, DMOD_STACK_ALIGNMENT );
    if( image == NULL ) return NULL;
    Dmod_RetagEx( image, allocator_name );
    if( module->is_packed )
    {
        image_t* unpacked = Dmod_ReallocEx( image, module->image_bytes, allocator_name );
        if( unpacked == NULL ) Dmod_FreeEx( image, true );
        image = unpacked;
    }
    return image;
}

static bool connect( image_t* image, const kernel_module_t* module )
{
    for( size_t i = 0; i < module->import_count; i++ )
    {
        image->outputs[i] = kernel_find( module->imports[i] );
        if( image->outputs[i] != NULL ) continue;
        Dmod_FPrintf( Dmod_GetStreamLogFile( Dmod_LogLevel_Error ), "%s: API not connected: %s\n", module->name,
                      module->imports[i] + sizeof DMOD_SIGNATURE_PREFIX - 1 );
        return false;
    }
    return true;
}

kernel_context_t* kernel_load( const char* path, const kernel_module_t* module )
{
    static unsigned   instances;
    char              allocator_name[DMOD_MAX_MODULE_NAME_LENGTH + 24];
    kernel_context_t* context;
    size_t            needed = offsetof( image_t, outputs ) + module->import_count * sizeof( void* );
    if( module->import_count > KERNEL_MOST_IMPORTS || module->image_bytes < needed ) return NULL;
    if( module->is_packed && module->image_bytes < 2 * needed ) return NULL;

    snprintf( allocator_name, sizeof allocator_name, "%s#%u", path != NULL ? path : module->name, instances++ );
    image_t* image = read_image( module, allocator_name );
    if( image == NULL ) return NULL;
    context = Dmod_MallocEx( sizeof *context, allocator_name );
    if( context == NULL )
    {
        Dmod_FreeEx( image, true );
        Dmod_FreeModule( allocator_name );
        return NULL;
    }
    memcpy( context->allocator_name, allocator_name, sizeof allocator_name );
    context->image      = image;
    context->is_library = module->is_library;
    snprintf( image->name, sizeof image->name, "%s", module->name );
    if( !connect( image, module ) )
    {
        kernel_unload( context );
        return NULL;
    }
    if( path != NULL && module->is_library && Dmod_RenameTag( context->allocator_name, image->name ) )
        memcpy( context->allocator_name, image->name, sizeof image->name );
    return context;
}

void kernel_unload( kernel_context_t* context )
{
    char allocator_name[sizeof context->allocator_name];
    memcpy( allocator_name, context->allocator_name, sizeof allocator_name );
    Dmod_EnterCritical();
    Dmod_FreeEx( context->image, true );
    Dmod_FreeEx( context, true );
    Dmod_FreeModule( allocator_name );
    Dmod_ExitCritical();
}

void* kernel_import( const kernel_context_t* context, size_t which )
{
    return context->image->outputs[which];
}

const char* kernel_allocator( const kernel_context_t* context )
{
    return context->is_library ? context->image->name : context->allocator_name;
}
