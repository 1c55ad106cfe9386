/*
 * Containers whose memory is dmheap's, each with its owner; with and without exceptions, and with operator new on dmheap
 * where WITH_NEW is defined.
 */
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <list>
#include <memory>
#include <string>
#include <vector>

#include "dmheap.hpp"
#include "dmheap_glue.h"

static unsigned    failures;
static const char* running;

extern "C" const char* dmheap_glue_owner( void )
{
    return running;
}

static void expect( bool holds, const char* what )
{
    std::printf( "%s: %s\n", holds ? "PASS" : "FAIL", what );
    if( !holds ) failures++;
}

static dmheap_module_stats_t stats_of( const char* module )
{
    dmheap_module_stats_t stats = {};
    (void)dmheap_get_module_stats( module, &stats );
    return stats;
}

static bool is_ours( const void* block )
{
    return dmheap_ctx_of( block ) != nullptr;
}

struct alignas( 64 ) wide
{
    char bytes[64];
};

static void resources()
{
    dmheap::resource net( "net" ), shell( "shell" );
    {
        std::pmr::vector<int>          numbers( &net );
        std::pmr::vector<std::uint8_t> bytes( 100, std::uint8_t{ 7 }, &shell );
        for( int i = 0; i < 1000; i++ )
            numbers.push_back( i );
        expect( is_ours( numbers.data() ) && numbers[999] == 999, "a pmr vector lies in the heap" );
        expect( stats_of( "net" ).live_blocks == 1 && stats_of( "net" ).live_bytes >= 4000 &&
                    stats_of( "shell" ).live_blocks == 1,
                "its owner is the resource's" );
        std::pmr::vector<std::pmr::string> texts( &net );
        texts.emplace_back( "a text that is too long to lie in the string itself, wherever that may be" );
        expect( stats_of( "net" ).live_blocks == 3, "what lies in a container has its resource" );
        std::pmr::vector<wide> aligned( 3, &shell );
        expect( reinterpret_cast<std::uintptr_t>( aligned.data() ) % 64 == 0, "an alignment is kept" );
        std::pmr::vector<long double> most( 3, &shell );
        expect( reinterpret_cast<std::uintptr_t>( most.data() ) % alignof( long double ) == 0,
                "one beyond the heap's is kept" );
    }
    expect( stats_of( "net" ).live_blocks == 0 && stats_of( "shell" ).live_blocks == 0, "everything is back" );
    expect( net == net && !( net == shell ) && !( *std::pmr::new_delete_resource() == net ),
            "resources are told apart" );
    expect( std::strcmp( net.owner(), "net" ) == 0, "a resource tells its owner" );
}

static void allocators()
{
    using list    = std::list<int, dmheap::allocator<int>>;
    using numbers = std::vector<double, dmheap::allocator<double>>;
    {
        list    a( dmheap::allocator<int>( "net" ) ), b( dmheap::allocator<int>( "shell" ) );
        numbers c( 10, 0.5, dmheap::allocator<double>( "net" ) );
        a.assign( { 1, 2, 3 } );
        expect( stats_of( "net" ).live_blocks == 4 && is_ours( c.data() ), "an allocator's blocks are its owner's" );
        b = std::move( a );
        expect( b.size() == 3 && stats_of( "shell" ).live_blocks == 3,
                "elements that move to another owner are its own" );
        list d( b );
        expect( stats_of( "shell" ).live_blocks == 6, "a copy has the same owner" );
        expect( dmheap::allocator<int>( "net" ) != dmheap::allocator<int>(), "allocators of two owners differ" );
    }
    expect( stats_of( "net" ).live_blocks == 0 && stats_of( "shell" ).live_blocks == 0, "everything is back" );
}

#ifdef __cpp_exceptions
template <class CALL>
static bool throws( CALL call )
{
    try
    {
        call();
    }
    catch( const std::bad_alloc& )
    {
        return true;
    }
    return false;
}

static void refusals()
{
    dmheap::resource net( "net" );
    expect( throws( [&] { (void)net.allocate( 1 << 24 ); } ), "a resource without memory throws" );
    expect( throws( [] { (void)dmheap::allocator<long>( "net" ).allocate( 1 << 24 ); } ), "so does an allocator" );
    expect( throws( [] { (void)dmheap::allocator<long>( "net" ).allocate( ~std::size_t{ 0 } / sizeof( long ) + 2 ); } ),
            "so does one whose product overflows" );
}
#endif

#ifdef WITH_NEW
static unsigned handled;

static void give_up()
{
    if( ++handled == 3 ) std::set_new_handler( nullptr );
}

static void news()
{
    running    = "program";
    auto* one  = new int( 7 );
    auto* many = new std::string[4];
    auto* far  = new wide;
    auto* none = new char[0];
    auto* thin = new( std::nothrow ) char[10];
    auto* both = new( std::nothrow ) wide[2];
    expect( is_ours( one ) && is_ours( far ) && is_ours( none ) && is_ours( thin ) && is_ours( both ),
            "new lies in the heap, in all of its forms" );
    expect( stats_of( "program" ).live_blocks == 6, "its owner is who runs" );
    expect( reinterpret_cast<std::uintptr_t>( one ) % __STDCPP_DEFAULT_NEW_ALIGNMENT__ == 0 &&
                reinterpret_cast<std::uintptr_t>( far ) % 64 == 0 && reinterpret_cast<std::uintptr_t>( both ) % 64 == 0,
            "alignments are kept" );
    std::set_new_handler( give_up );
    char* volatile refused = new( std::nothrow ) char[1 << 24]; // what is not kept, the compiler may leave out
    expect( refused == nullptr && handled == 3, "the new-handler is asked while there is one" );
#ifdef __cpp_exceptions
    expect( throws( [&] { refused = new char[1 << 24]; } ), "new without memory throws" );
    std::set_new_handler( [] { throw std::bad_alloc(); } );
    refused = new( std::nothrow ) char[1 << 24];
    expect( refused == nullptr, "a handler that throws ends in a null pointer" );
#endif
    delete one;
    delete[] many;
    delete far;
    delete[] none;
    delete[] thin;
    delete[] both;
    expect( stats_of( "program" ).live_blocks == 0, "everything is back" );
}
#endif

int main()
{
    alignas( 64 ) static char memory[1 << 18];
    if( !dmheap_init( memory + 8, sizeof memory - 8, 8 ) ) return 1;
    resources();
    allocators();
#ifdef __cpp_exceptions
    refusals();
#endif
#ifdef WITH_NEW
    news();
#endif
    expect( dmheap_check( nullptr ) == DMHEAP_CHECK_OK, "the heap holds" );
    std::printf( "%u failures\n", failures );
    return failures != 0;
}
