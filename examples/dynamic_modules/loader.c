/*
 * See loader.h. In this order: what the system offers; from a file to an image that can run; a module's life.
 */
#include "loader.h"

#include <elf.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "dmheap.h"
#include "system.h"

static loaded_t *all_loaded, *running;

DMOD_INPUT_API_DECLARATION( Dmod, 1.0, const char*, _GetCurrentAllocatorName, (void))
{
    return running == NULL ? NULL : running->allocator_name;
}

DMOD_INPUT_API_DECLARATION( example, 1.0, int, _format, ( char* text, size_t size, const char* format, ... ) )
{
    va_list arguments;
    va_start( arguments, format );
    int length = vsnprintf( text, size, format, arguments );
    va_end( arguments );
    return length;
}

/* ---- Exports and imports ---- */

/* The registration records of this file, which sees them by DMOD_ENABLE_REGISTRATION; system.ld puts them together. */
extern const Dmod_ApiRegistration_t dmod_inputs_begin[], dmod_inputs_end[];

/* Of "NAME@MODULE:MAJOR.MINOR", what must be equal: all up to the first dot of the version. */
static size_t binding_length( const char* signature )
{
    size_t name_and_module = strcspn( signature, ":" );
    return name_and_module + strcspn( signature + name_and_module, "." );
}

static void* find_export( const char* signature )
{
    size_t length = binding_length( signature );
    for( const Dmod_ApiRegistration_t* offer = dmod_inputs_begin; offer < dmod_inputs_end; offer++ )
        if( binding_length( offer->Signature ) == length && memcmp( offer->Signature, signature, length ) == 0 )
            return offer->Function;
    return NULL;
}

/* Before linking, an import points to its signature; afterwards, to the function. */
static bool link_imports( unsigned char* image, const char* path )
{
    const module_header_t* header = (const module_header_t*)image;
    void**                 end    = (void**)( image + header->outputs_end );
    for( void** import = (void**)( image + header->outputs ); import < end; import++ )
    {
        const char* signature = *import;
        *import               = find_export( signature );
        if( *import != NULL ) continue;
        fprintf( stderr, "%s: API not connected: %s\n", path, signature + strlen( "\021DMOD\022" ) );
        return false;
    }
    return true;
}

/* ---- From a file to an image that can run ---- */

static bool header_is_valid( const module_header_t* header )
{
    return header->magic == MODULE_MAGIC && sizeof *header <= header->module && header->module <= header->outputs &&
           sizeof( module_t ) <= header->outputs - header->module && header->outputs <= header->outputs_end &&
           header->outputs_end <= header->relocations && header->relocations <= header->relocations_end &&
           header->relocations_end <= header->image_size && header->image_size <= INT32_MAX;
}

/* The image belongs to nobody yet. */
static unsigned char* read_image( FILE* file )
{
    module_header_t header;
    if( fread( &header, sizeof header, 1, file ) != 1 || !header_is_valid( &header ) ) return NULL;
    unsigned char* image = Dmod_AlignedMallocEx( header.image_size, 16, NULL );
    if( image == NULL ) return NULL;
    memset( image, 0, header.image_size );
    rewind( file );
    if( fread( image, header.relocations_end, 1, file ) == 1 ) return image;
    Dmod_FreeEx( image, true );
    return NULL;
}

/* A module is position independent; what is left to be done is to add the image's address to each address that it keeps. */
#if defined( __x86_64__ )
typedef Elf64_Rela relocation_t;
#define IS_RELATIVE( relocation )  ( ELF64_R_TYPE( ( relocation )->r_info ) == R_X86_64_RELATIVE )
#define ADDEND( relocation, word ) ( ( relocation )->r_addend )
#elif defined( __aarch64__ )
typedef Elf64_Rela relocation_t;
#define IS_RELATIVE( relocation )  ( ELF64_R_TYPE( ( relocation )->r_info ) == R_AARCH64_RELATIVE )
#define ADDEND( relocation, word ) ( ( relocation )->r_addend )
#elif defined( __i386__ )
typedef Elf32_Rel relocation_t;
#define IS_RELATIVE( relocation )  ( ELF32_R_TYPE( ( relocation )->r_info ) == R_386_RELATIVE )
#define ADDEND( relocation, word ) ( word )
#else
#error "What this processor's linkers leave to the loader is not known here"
#endif

static bool relocate( unsigned char* image )
{
    const module_header_t* header = (const module_header_t*)image;
    const relocation_t*    end    = (const relocation_t*)( image + header->relocations_end );
    for( const relocation_t* relocation = (const relocation_t*)( image + header->relocations ); relocation < end;
         relocation++ )
    {
        if( !IS_RELATIVE( relocation ) || relocation->r_offset > header->image_size - sizeof( uintptr_t ) )
            return false;
        uintptr_t* word = (uintptr_t*)( image + relocation->r_offset );
        *word           = (uintptr_t)image + (uintptr_t)ADDEND( relocation, *word );
    }
    return true;
}

static unsigned char* load_image( const char* path )
{
    FILE*          file  = fopen( path, "rb" );
    unsigned char* image = file == NULL ? NULL : read_image( file );
    if( file != NULL ) fclose( file );
    if( image == NULL ) return NULL;
    if( relocate( image ) && link_imports( image, path ) )
    {
        __builtin___clear_cache( (char*)image, (char*)image + ( (const module_header_t*)image )->image_size );
        return image;
    }
    Dmod_FreeEx( image, true );
    return NULL;
}

/* ---- A module's life ---- */

/* The end of the path is kept, and the number: instances of one file, and files of one folder, differ there. */
static void make_allocator_name( char* name, size_t size, const char* path )
{
    static unsigned number;
    char            suffix[16];
    size_t          room   = size - 1 - (size_t)snprintf( suffix, sizeof suffix, "#%u", ++number );
    size_t          length = strlen( path );
    if( length > room ) path += length - room;
    snprintf( name, size, "%s%s", path, suffix );
}

static loaded_t* make_context( const char* path, unsigned char* image )
{
    loaded_t context = { .image = image, .next = all_loaded };
    context.module   = (const module_t*)( image + ( (const module_header_t*)image )->module );
    make_allocator_name( context.allocator_name, sizeof context.allocator_name, path );
    loaded_t* loaded = Dmod_MallocEx( sizeof *loaded, context.allocator_name );
    if( loaded == NULL ) return NULL;
    *loaded    = context;
    all_loaded = loaded;
    return loaded;
}

static bool name_is_taken( const char* name )
{
    for( const loaded_t* other = all_loaded; other != NULL; other = other->next )
        if( strcmp( other->allocator_name, name ) == 0 ) return true;
    return false;
}

/* From here on, image and context are what the module's own blocks are: those of its allocator name. */
static bool own_image( loaded_t* loaded )
{
    const char* name = loaded->module->name;
    if( !Dmod_RetagEx( loaded->image, loaded->allocator_name ) ) return false;
    if( !loaded->module->is_library ) return true;
    if( strlen( name ) >= sizeof loaded->allocator_name || name_is_taken( name ) ) return false;
    if( !Dmod_RenameTag( loaded->allocator_name, name ) ) return false;
    strcpy( loaded->allocator_name, name );
    return true;
}

static bool start( loaded_t* loaded )
{
    running      = loaded;
    bool started = loaded->module->start();
    running      = NULL;
    return started;
}

loaded_t* loader_load( const char* path )
{
    unsigned char* image = load_image( path );
    if( image != NULL )
    {
        loaded_t* loaded = make_context( path, image );
        if( loaded != NULL && own_image( loaded ) && start( loaded ) ) return loaded;
        if( loaded != NULL )
            loader_unload( loaded );
        else
            Dmod_FreeEx( image, true );
    }
    fprintf( stderr, "%s: cannot be loaded\n", path );
    return NULL;
}

bool loader_run( loaded_t* loaded, unsigned round )
{
    running      = loaded;
    bool goes_on = loaded->module->run( round );
    running      = NULL;
    return goes_on;
}

void loader_stop( loaded_t* loaded )
{
    running = loaded;
    loaded->module->stop();
    running = NULL;
}

void loader_unload( loaded_t* loaded )
{
    char       name[sizeof loaded->allocator_name]; /* the context is gone when its name is needed */
    loaded_t** link = &all_loaded;
    strcpy( name, loaded->allocator_name );
    while( *link != loaded )
        link = &( *link )->next;
    *link = loaded->next;

    Dmod_EnterCritical();
    Dmod_FreeEx( loaded->image, true );
    Dmod_FreeEx( loaded, true );
    Dmod_FreeModule( name );
    Dmod_ExitCritical();
}
