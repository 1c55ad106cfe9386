/*
 * The functions whose names upstream's context-first generation has too, as the seed's generation has them. A part of
 * dmheap.c, behind inspect.c. May not decide anything: it hands on to the functions that all faces are made of.
 */

DMHEAP_API_BODY( bool, _init, ( void* buffer, size_t size, size_t alignment ) )
{
    context_plan_t plan;
    status_t       status = context_plan( buffer, size, alignment, &plan );
    if( status == STATUS_OK ) status = install_heap( &plan, NULL, true );
    report_buffer( status == STATUS_OK ? STATUS_INITIALIZED : status, buffer, size, alignment );
    return status == STATUS_OK;
}

DMHEAP_API_BODY( bool, _is_initialized, (void))
{
    lock();
    bool found = registry.first != NULL;
    unlock();
    return found;
}

DMHEAP_API_BODY( bool, _register_module, ( const char* module_name ) )
{
    return register_module( NULL, module_name );
}

DMHEAP_API_BODY( void, _unregister_module, ( const char* module_name ) )
{
    unregister_module( NULL, module_name, STATUS_UNKNOWN_MODULE );
}

DMHEAP_API_BODY( void*, _malloc, ( size_t size, const char* module_name ) )
{
    return allocate( size, module_name, GUARD_CALLER() );
}

DMHEAP_API_BODY( void*, _aligned_alloc, ( size_t alignment, size_t size, const char* module_name ) )
{
    return allocate_aligned( NULL, alignment, size, module_name, GUARD_CALLER() );
}

/* In the default heaps; of size 0, it frees. */
static void* reallocate_default( void* pointer, size_t size, const char* module, const void* caller )
{
    return change_size( NULL, pointer, size, 0, module, caller );
}

DMHEAP_API_BODY( void*, _realloc, ( void* ptr, size_t size, const char* module_name ) )
{
    return reallocate_default( ptr, size, module_name, GUARD_CALLER() );
}

DMHEAP_API_BODY( void, _free, ( void* ptr, bool concatenate ) )
{
    (void)concatenate; /* merging is O(1) and never deferred */
    release( ptr, GUARD_CALLER() );
}

DMHEAP_API_BODY( void, _concatenate_free_blocks, (void))
{
    /* no two free blocks are ever neighbours: release_merge() */
}

DMHEAP_API_BODY( bool, _retag, ( void* ptr, const char* module_name ) )
{
    return retag( NULL, ptr, module_name );
}

DMHEAP_API_BODY( bool, _get_stats, ( dmheap_stats_t * stats ) )
{
    return get_stats( NULL, stats );
}
