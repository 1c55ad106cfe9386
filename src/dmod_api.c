/*
 * DMOD's own memory API on top of the default heaps. The whole file is what DMHEAP_DONT_IMPLEMENT_DMOD_API removes.
 */
#include "dmheap.h"

#ifdef DMHEAP_GUARD
/* so that the guard notes who called these functions, and not them */
#include "api.h"
#define MALLOC( size, name )                   guarded_malloc( size, name, GUARD_CALLER() )
#define REALLOC( pointer, size, name )         guarded_realloc( pointer, size, name, GUARD_CALLER() )
#define ALIGNED_ALLOC( alignment, size, name ) guarded_aligned_alloc( alignment, size, name, GUARD_CALLER() )
#else
#define MALLOC        dmheap_malloc
#define REALLOC       dmheap_realloc
#define ALIGNED_ALLOC dmheap_aligned_alloc
#endif

DMOD_INPUT_API_DECLARATION( Dmod, 1.0, void*, _MallocEx, ( size_t Size, const char* ModuleName ) )
{
    return MALLOC( Size, ModuleName );
}

DMOD_INPUT_API_DECLARATION( Dmod, 1.0, void*, _ReallocEx, ( void* Ptr, size_t Size, const char* ModuleName ) )
{
    return REALLOC( Ptr, Size, ModuleName );
}

DMOD_INPUT_API_DECLARATION( Dmod, 1.0, void*, _AlignedMallocEx,
                            ( size_t Size, size_t Alignment, const char* ModuleName ) )
{
    return ALIGNED_ALLOC( Alignment, Size, ModuleName );
}

DMOD_INPUT_API_DECLARATION( Dmod, 1.0, void, _FreeEx, ( void* Ptr, bool Concatenate ) )
{
    dmheap_free( Ptr, Concatenate );
}

DMOD_INPUT_API_DECLARATION( Dmod, 1.0, void, _FreeModule, ( const char* ModuleName ) )
{
    dmheap_unregister_module( ModuleName );
}

DMOD_INPUT_API_DECLARATION( Dmod, 1.0, bool, _RetagEx, ( void* Ptr, const char* ModuleName ) )
{
    return dmheap_retag( Ptr, ModuleName );
}

DMOD_INPUT_API_DECLARATION( Dmod, 1.0, bool, _RenameTag, ( const char* OldTag, const char* NewTag ) )
{
    return dmheap_rename_module( OldTag, NewTag );
}
