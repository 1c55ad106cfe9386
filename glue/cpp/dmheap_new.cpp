/*
 * operator new and delete on the default heaps of dmheap, for a program that compiles this file. The other forms for arrays
 * come by these. May not make a heap: the program does, before its first new; objects of static storage are constructed before
 * main().
 */
#include "dmheap.hpp"
#include "dmheap_glue.h"

extern "C" __attribute__( ( weak ) ) const char* dmheap_glue_owner( void )
{
    return nullptr;
}

namespace
{

/* Asks the new-handler, where there is one, until there is memory. */
void* new_or_null( std::size_t bytes, std::size_t alignment )
{
    for( ;; )
    {
        void* block = dmheap::try_allocate( bytes, alignment, dmheap_glue_owner() );
        if( block != nullptr ) return block;
        std::new_handler handler = std::get_new_handler();
        if( handler == nullptr ) return nullptr;
        handler();
    }
}

void* must_new( std::size_t bytes, std::size_t alignment )
{
    void* block = new_or_null( bytes, alignment );
    if( block == nullptr ) dmheap::out_of_memory();
    return block;
}

void* try_new( std::size_t bytes, std::size_t alignment ) noexcept
{
#ifdef __cpp_exceptions
    try
    {
        return new_or_null( bytes, alignment );
    }
    catch( const std::bad_alloc& ) // by the handler
    {
        return nullptr;
    }
#else
    return new_or_null( bytes, alignment );
#endif
}

} // namespace

void* operator new( std::size_t bytes )
{
    return must_new( bytes, __STDCPP_DEFAULT_NEW_ALIGNMENT__ );
}

void* operator new( std::size_t bytes, std::align_val_t alignment )
{
    return must_new( bytes, static_cast<std::size_t>( alignment ) );
}

void* operator new( std::size_t bytes, const std::nothrow_t& ) noexcept
{
    return try_new( bytes, __STDCPP_DEFAULT_NEW_ALIGNMENT__ );
}

void* operator new( std::size_t bytes, std::align_val_t alignment, const std::nothrow_t& ) noexcept
{
    return try_new( bytes, static_cast<std::size_t>( alignment ) );
}

/* The library's own would ask the one that throws, and end a program without exceptions. */
void* operator new[]( std::size_t bytes, const std::nothrow_t& ) noexcept
{
    return try_new( bytes, __STDCPP_DEFAULT_NEW_ALIGNMENT__ );
}

void* operator new[]( std::size_t bytes, std::align_val_t alignment, const std::nothrow_t& ) noexcept
{
    return try_new( bytes, static_cast<std::size_t>( alignment ) );
}

void operator delete( void* block ) noexcept
{
    dmheap_free( block, true );
}

void operator delete( void* block, std::align_val_t ) noexcept
{
    dmheap_free( block, true );
}

void operator delete( void* block, std::size_t ) noexcept
{
    dmheap_free( block, true );
}

void operator delete( void* block, std::size_t, std::align_val_t ) noexcept
{
    dmheap_free( block, true );
}
