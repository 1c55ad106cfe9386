/*
 * DMOD's own memory API on top of the default heaps. A part of dmheap.c, the last; the whole file is what
 * DMHEAP_DONT_IMPLEMENT_DMOD_API removes. The same functions as the public ones are made of, so that the guard notes who
 * called, and not them.
 */

DMOD_INPUT_API_DECLARATION( Dmod, 1.0, void*, _MallocEx, ( size_t Size, const char* ModuleName ) )
{
    return allocate( Size, ModuleName, GUARD_CALLER() );
}

DMOD_INPUT_API_DECLARATION( Dmod, 1.0, void*, _ReallocEx, ( void* Ptr, size_t Size, const char* ModuleName ) )
{
    return reallocate_default( Ptr, Size, ModuleName, GUARD_CALLER() );
}

DMOD_INPUT_API_DECLARATION( Dmod, 1.0, void*, _AlignedMallocEx,
                            ( size_t Size, size_t Alignment, const char* ModuleName ) )
{
    return allocate_aligned( NULL, Alignment, Size, ModuleName, GUARD_CALLER() );
}

DMOD_INPUT_API_DECLARATION( Dmod, 1.0, void, _FreeEx, ( void* Ptr, bool Concatenate ) )
{
    (void)Concatenate;
    release( Ptr, GUARD_CALLER() );
}

DMOD_INPUT_API_DECLARATION( Dmod, 1.0, void, _FreeModule, ( const char* ModuleName ) )
{
    unregister_module( NULL, ModuleName, STATUS_NEVER_KNOWN ); /* a kernel unloads modules that never allocated, too */
}

DMOD_INPUT_API_DECLARATION( Dmod, 1.0, bool, _RetagEx, ( void* Ptr, const char* ModuleName ) )
{
    return retag( NULL, Ptr, ModuleName );
}

DMOD_INPUT_API_DECLARATION( Dmod, 1.0, bool, _RenameTag, ( const char* OldTag, const char* NewTag ) )
{
    return rename_module( NULL, OldTag, NewTag );
}
