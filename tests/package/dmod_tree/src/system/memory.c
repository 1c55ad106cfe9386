/*
 * DMOD's own memory functions, which know no owner: a heap brings real ones. Aligned memory is executable, since modules
 * are loaded into it.
 */
#define _GNU_SOURCE /* sysconf */
#include "dmod.h"

#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

DMOD_INPUT_WEAK_API_DECLARATION( Dmod, 1.0, void*, _MallocEx, ( size_t Size, const char* ModuleName ) )
{
    (void)ModuleName;
    return malloc( Size );
}

DMOD_INPUT_WEAK_API_DECLARATION( Dmod, 1.0, void*, _ReallocEx, ( void* Ptr, size_t Size, const char* ModuleName ) )
{
    (void)ModuleName;
    return realloc( Ptr, Size );
}

DMOD_INPUT_WEAK_API_DECLARATION( Dmod, 1.0, void*, _AlignedMallocEx,
                                 ( size_t Size, size_t Alignment, const char* ModuleName ) )
{
    size_t page  = (size_t)sysconf( _SC_PAGESIZE );
    size_t whole = ( Size + page - 1 ) / page * page;
    void*  block = aligned_alloc( page, whole );
    (void)Alignment;
    (void)ModuleName;
    if( block != NULL && mprotect( block, whole, PROT_READ | PROT_WRITE | PROT_EXEC ) != 0 )
    {
        free( block );
        return NULL;
    }
    return block;
}

DMOD_INPUT_WEAK_API_DECLARATION( Dmod, 1.0, void, _FreeEx, ( void* Ptr, bool Concatenate ) )
{
    (void)Concatenate;
    free( Ptr );
}

DMOD_INPUT_WEAK_API_DECLARATION( Dmod, 1.0, void, _FreeModule, ( const char* ModuleName ) )
{
    (void)ModuleName;
}

DMOD_INPUT_WEAK_API_DECLARATION( Dmod, 1.0, bool, _RetagEx, ( void* Ptr, const char* ModuleName ) )
{
    (void)Ptr;
    (void)ModuleName;
    return false;
}

DMOD_INPUT_WEAK_API_DECLARATION( Dmod, 1.0, bool, _RenameTag, ( const char* OldTag, const char* NewTag ) )
{
    (void)OldTag;
    (void)NewTag;
    return false;
}

DMOD_INPUT_WEAK_API_DECLARATION( Dmod, 1.0, const char*, _GetCurrentAllocatorNameEx, ( const char* Default ) )
{
    return Default;
}
