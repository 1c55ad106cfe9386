/**
 * @file dmheap.hpp
 * @brief C++17 on dmheap: a memory resource and an allocator, each with the module that owns what it allocates.
 *
 * Needs neither exceptions nor run-time types. Where memory does not suffice, std::bad_alloc is thrown, or, without
 * exceptions, std::abort() called: neither interface knows of a null pointer.
 */
#ifndef DMHEAP_HPP
#define DMHEAP_HPP

#include <cstddef>
#include <cstdlib>
#include <limits>
#include <memory_resource>
#include <new>

#include "dmheap.h"

/** @brief The alignment that all default heaps are made with, or less: a request up to it takes the quicker way. */
#ifndef DMHEAP_CPP_ALIGNMENT
#define DMHEAP_CPP_ALIGNMENT 4
#endif

namespace dmheap
{

/** @brief Throws std::bad_alloc, or ends the program where there are no exceptions. */
[[noreturn]] inline void out_of_memory()
{
#ifdef __cpp_exceptions
    throw std::bad_alloc();
#else
    std::abort();
#endif
}

/** @brief A block for a module, or a null pointer. */
inline void* try_allocate( std::size_t bytes, std::size_t alignment, const char* owner ) noexcept
{
    return alignment <= DMHEAP_CPP_ALIGNMENT ? dmheap_malloc( bytes, owner )
                                             : dmheap_aligned_alloc( alignment, bytes, owner );
}

/** @brief A std::pmr::memory_resource on the default heaps. It has no state but its owner's name. */
class resource final : public std::pmr::memory_resource
{
public:
    /** @param owner The module's name, which must live as long as the resource; a null pointer: nobody. */
    explicit resource( const char* owner = nullptr ) noexcept : owner_( owner )
    {
    }

    const char* owner() const noexcept
    {
        return owner_;
    }

private:
    void* do_allocate( std::size_t bytes, std::size_t alignment ) override
    {
        void* block = try_allocate( bytes, alignment, owner_ );
        if( block == nullptr ) out_of_memory();
        return block;
    }

    void do_deallocate( void* block, std::size_t, std::size_t ) override
    {
        dmheap_free( block, true );
    }

    /* Without run-time types another resource cannot be asked what it is. */
    bool do_is_equal( const std::pmr::memory_resource& other ) const noexcept override
    {
        return this == &other;
    }

    const char* owner_;
};

/** @brief An allocator for containers that are made without std::pmr. A copy of a container has the same owner. */
template <class T>
class allocator
{
public:
    using value_type = T;

    /** @param owner As in resource. Two allocators are equal if it is the same pointer. */
    explicit allocator( const char* owner = nullptr ) noexcept : owner_( owner )
    {
    }

    template <class U>
    allocator( const allocator<U>& other ) noexcept : owner_( other.owner() )
    {
    }

    const char* owner() const noexcept
    {
        return owner_;
    }

    T* allocate( std::size_t count )
    {
        void* block = count <= std::numeric_limits<std::size_t>::max() / sizeof( T )
                          ? try_allocate( count * sizeof( T ), alignof( T ), owner_ )
                          : nullptr;
        if( block == nullptr ) out_of_memory();
        return static_cast<T*>( block );
    }

    void deallocate( T* block, std::size_t ) noexcept
    {
        dmheap_free( block, true );
    }

private:
    const char* owner_;
};

template <class T, class U>
bool operator==( const allocator<T>& a, const allocator<U>& b ) noexcept
{
    return a.owner() == b.owner();
}

template <class T, class U>
bool operator!=( const allocator<T>& a, const allocator<U>& b ) noexcept
{
    return !( a == b );
}

} // namespace dmheap

#endif
