/*
 * dmheap as the allocator of a Linux program that knows nothing of it: LD_PRELOAD=libdmheap-preload.so PROGRAM. All of the
 * program's memory comes from one arena; the owner of a block is the library, or the program, that asked for it. May not call
 * anything that allocates.
 *
 *   DMHEAP_ARENA     MiB of the arena, 256 where it is not set
 *   DMHEAP_SUMMARY   what each owner holds at the end is written to standard error
 *
 * Built with DMHEAP_TRACE it is the recorder: recorder.c.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <link.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "dmheap.h"
#include "recorder.h"

enum
{
    ALIGNMENT = 16, /* what malloc gives on 64 bits */
    OBJECTS   = 200 /* libraries that are told apart; what is called from others is nobody's */
};

/* Code of a library or the program: who calls from there. An entry is complete before `objects` counts it, and stays: memory
 * of a library that is closed can outlive it. */
typedef struct
{
    uintptr_t base, first, end;
    char      name[DMHEAP_NAME_SIZE];
} object_t;

static object_t        object[OBJECTS];
static atomic_uint     objects;
static pthread_mutex_t growing = PTHREAD_MUTEX_INITIALIZER;

/* ---- Who calls ---- */

static const char* known_caller( uintptr_t address )
{
    for( unsigned i = objects; i-- != 0; ) /* the newest first: it may lie where another was */
        if( address >= object[i].first && address < object[i].end )
        {
#ifdef DMHEAP_TRACE
            recorder_caller = address - object[i].base;
#endif
            return object[i].name;
        }
    return NULL;
}

/* Notes an object of the program if the address that is looked for lies in its code. */
static int note_object( struct dl_phdr_info* info, size_t size, void* address )
{
    uintptr_t wanted = *(uintptr_t*)address;
    unsigned  place  = objects;
    (void)size;
    for( unsigned i = 0; i < info->dlpi_phnum; i++ )
    {
        const ElfW( Phdr )* segment = &info->dlpi_phdr[i];
        uintptr_t first             = info->dlpi_addr + segment->p_vaddr;
        if( segment->p_type != PT_LOAD || wanted - first >= segment->p_memsz ) continue;
        if( place == OBJECTS ) return 1;
        const char* path = info->dlpi_name[0] != '\0' ? info->dlpi_name : program_invocation_name;
        const char* name = strrchr( path, '/' ) != NULL ? strrchr( path, '/' ) + 1 : path;
        object[place]    = ( object_t ){ .base = info->dlpi_addr, .first = first, .end = first + segment->p_memsz };
        strncpy( object[place].name, name, sizeof object[place].name - 1 );
        objects = place + 1;
        return 1;
    }
    return 0;
}

static const char* caller_name( const void* caller )
{
    uintptr_t address = (uintptr_t)caller;
#ifdef DMHEAP_TRACE
    recorder_caller = address;
#endif
    const char* name = known_caller( address );
    if( name != NULL ) return name;
    pthread_mutex_lock( &growing );
    name = known_caller( address );
    if( name == NULL && dl_iterate_phdr( note_object, &address ) != 0 ) name = known_caller( address );
    pthread_mutex_unlock( &growing );
    return name;
}

/* ---- The arena ---- */

static bool arena_make( void )
{
    const char* wanted = getenv( "DMHEAP_ARENA" );
    size_t      size   = ( wanted != NULL ? strtoul( wanted, NULL, 10 ) : 256 ) << 20;
    void*       arena  = mmap( NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0 );
    return arena != MAP_FAILED && dmheap_init( arena, size, ALIGNMENT );
}

/* The first call comes long before main(), and before there is a second thread. */
static void arena_need( void )
{
    static bool made;
    if( made ) return;
    made = true;
    recorder_begin();
    if( arena_make() ) return;
    static const char text[] = "dmheap: DMHEAP_ARENA cannot be had\n";
    (void)!write( STDERR_FILENO, text, sizeof text - 1 );
    _exit( 127 );
}

static void* or_errno( void* block )
{
    if( block == NULL ) errno = ENOMEM;
    return block;
}

/* ---- What the C library has ---- */

#define CALLER() caller_name( __builtin_return_address( 0 ) )

void* malloc( size_t size )
{
    arena_need();
    return or_errno( dmheap_malloc( size, CALLER() ) );
}

void* calloc( size_t count, size_t size )
{
    arena_need();
    return or_errno( dmheap_calloc( count, size, CALLER() ) );
}

void* realloc( void* block, size_t size )
{
    arena_need();
    void* moved = dmheap_realloc( block, size, CALLER() );
    return block != NULL && size == 0 ? NULL : or_errno( moved );
}

void* reallocarray( void* block, size_t count, size_t size )
{
    size_t bytes;
    arena_need();
    if( __builtin_mul_overflow( count, size, &bytes ) ) return or_errno( NULL );
    return or_errno( dmheap_realloc( block, bytes != 0 ? bytes : 1, CALLER() ) );
}

void free( void* block )
{
    int error = errno;
#ifdef DMHEAP_TRACE
    (void)CALLER();
#endif
    dmheap_free( block, false );
    errno = error;
}

static int aligned( void** block, size_t alignment, size_t size, const char* caller )
{
    arena_need();
    if( alignment == 0 || ( alignment & ( alignment - 1 ) ) != 0 ) return EINVAL;
    *block = dmheap_aligned_alloc( alignment, size, caller );
    return *block != NULL ? 0 : ENOMEM;
}

int posix_memalign( void** block, size_t alignment, size_t size )
{
    void* had   = NULL;
    int   error = alignment % sizeof( void* ) == 0 ? aligned( &had, alignment, size, CALLER() ) : EINVAL;
    if( error == 0 ) *block = had;
    return error;
}

static void* aligned_or_errno( size_t alignment, size_t size, const char* caller )
{
    void* block = NULL;
    int   error = aligned( &block, alignment, size, caller );
    if( error != 0 ) errno = error;
    return block;
}

void* aligned_alloc( size_t alignment, size_t size )
{
    return aligned_or_errno( alignment, size, CALLER() );
}

void* memalign( size_t alignment, size_t size )
{
    return aligned_or_errno( alignment, size, CALLER() );
}

void* valloc( size_t size )
{
    return aligned_or_errno( (size_t)sysconf( _SC_PAGESIZE ), size, CALLER() );
}

void* pvalloc( size_t size )
{
    size_t page = (size_t)sysconf( _SC_PAGESIZE );
    return aligned_or_errno( page, ( size + page - 1 ) & ~( page - 1 ), CALLER() );
}

size_t malloc_usable_size( void* block )
{
    return dmheap_usable_size( block );
}

/* ---- What is held at the end ---- */

static bool show_module( const dmheap_module_info_t* module, void* user )
{
    char line[160];
    (void)user;
    int length = snprintf( line, sizeof line, "dmheap: %-40s %10zu bytes in %7u blocks, peak %10zu\n", module->name,
                           module->stats.live_bytes, (unsigned)module->stats.live_blocks, module->stats.peak_bytes );
    return write( STDERR_FILENO, line, (size_t)length ) == length;
}

static __attribute__( ( destructor ) ) void show_summary( void )
{
    char           line[160];
    dmheap_stats_t stats;
    recorder_end();
    if( getenv( "DMHEAP_SUMMARY" ) == NULL || !dmheap_get_stats( &stats ) ) return;
    dmheap_visit_modules( show_module, NULL );
    int length = snprintf( line, sizeof line, "dmheap: peak %zu bytes, %u refusals, check %d\n", stats.peak_used_bytes,
                           (unsigned)stats.failed_allocations, (int)dmheap_check( NULL ) );
    (void)!write( STDERR_FILENO, line, (size_t)length );
}
