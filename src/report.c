/*
 * The words for every status; see report.h. An error says what was wrong, with which figures, and what to do.
 */
#include "report.h"

#ifndef DMOD_NO_LOGGING

#pragma GCC diagnostic warning "-Wswitch-enum" /* although there is a default */

static unsigned long number( size_t value )
{
    return (unsigned long)value;
}

static const char* name_of( const report_t* what )
{
    return what->module != NULL ? what->module : "(none)";
}

static void report_pointer( const report_t* what, const char* reason )
{
    DMOD_LOG_ERROR( "dmheap: Pointer %p refused: %s.\n", what->address, reason );
}

static void report_memory( const report_t* what, const char* reason )
{
    DMOD_LOG_ERROR( "dmheap: Cannot allocate %lu bytes (alignment %lu) for module %s: %s; largest free block is %lu "
                    "bytes.\n",
                    number( what->size ), number( what->alignment ), name_of( what ), reason, number( what->largest ) );
}

static void report_init( const report_t* what, const char* reason )
{
    DMOD_LOG_ERROR( "dmheap: Cannot make a heap of buffer %p of size %lu, alignment %lu: %s.\n", what->address,
                    number( what->size ), number( what->alignment ), reason );
}

/* A name that is too long may have no end: no more of it is read than a module name has. */
static void report_name( const char* name )
{
    char     shown[DMOD_MAX_MODULE_NAME_LENGTH];
    unsigned length = 0;
    while( name != NULL && length < sizeof shown - 1 && name[length] != '\0' )
    {
        shown[length] = name[length];
        length++;
    }
    shown[length] = '\0';
    DMOD_LOG_ERROR( "dmheap: Invalid module name '%s': it must have 1 to %lu characters.\n", shown,
                    (unsigned long)( sizeof shown - 1 ) );
}

void report( const report_t* what )
{
    switch( what->status )
    {
    case STATUS_NO_HEAP: DMOD_LOG_ERROR( "dmheap: No heap here (%p): call dmheap_init first.\n", what->address ); break;
    case STATUS_NO_BUFFER: report_init( what, "the buffer is NULL, empty or wraps around" ); break;
    case STATUS_BUFFER_TOO_SMALL: report_init( what, "it has no room for one allocation" ); break;
    case STATUS_BUFFER_TOO_LARGE:
        report_init( what, "a heap has at most 2 GiB, on 32-bit processors 32 MiB; make several" );
        break;
    case STATUS_TOO_MANY_HEAPS: report_init( what, "raise DMHEAP_MAX_CONTEXTS or take a heap down" ); break;
    case STATUS_BAD_BUFFER_ALIGNMENT:
        report_init( what, "the alignment must be a power of two no larger than the buffer" );
        break;

    case STATUS_BAD_NAME: report_name( what->module ); break;

    case STATUS_OUTSIDE: report_pointer( what, "in no heap" ); break;
    case STATUS_MISALIGNED: report_pointer( what, "misaligned, so never handed out" ); break;
    case STATUS_NOT_LIVE: report_pointer( what, "freed already, or inside of a block" ); break;
    case STATUS_SYSTEM_BLOCK: report_pointer( what, "the heap's own record" ); break;
    case STATUS_MOVING: report_pointer( what, "a realloc is copying it at this moment" ); break;
    case STATUS_CORRUPTED:
        report_pointer( what, "memory around it is overwritten, the heap is left as it is; dmheap_check() says where" );
        break;

    case STATUS_BAD_ALIGNMENT: report_memory( what, "the alignment is no power of two" ); break;
    case STATUS_OVERFLOW: report_memory( what, "the number of elements overflows" ); break;
    case STATUS_NO_MEMORY: report_memory( what, "out of memory" ); break;
    case STATUS_OVER_LIMIT: report_memory( what, "the module's limit is reached" ); break;
    case STATUS_LEAVING: report_memory( what, "the module is being unregistered" ); break;
    case STATUS_TABLE_FULL: report_memory( what, "the module table is full" ); break;
    case STATUS_BUSY: report_memory( what, "others change the modules without a pause" ); break;
    case STATUS_STALE_MODULE: report_memory( what, "the module's handle is not or no longer valid" ); break;

    case STATUS_KNOWN_MODULE: DMOD_LOG_WARN( "dmheap: Module %s is already registered.\n", name_of( what ) ); break;
    case STATUS_UNKNOWN_MODULE: DMOD_LOG_WARN( "dmheap: Module %s is not registered.\n", name_of( what ) ); break;
    case STATUS_BLOCKS_LEFT:
        DMOD_LOG_WARN( "dmheap: Heap at %p taken down with %lu bytes still allocated.\n", what->address,
                       number( what->size ) );
        break;

    case STATUS_INITIALIZED:
        DMOD_LOG_INFO( "dmheap: Initialized with buffer %p of size %lu.\n", what->address, number( what->size ) );
        break;
    case STATUS_REGISTERED: DMOD_LOG_INFO( "dmheap: Module %s registered successfully.\n", name_of( what ) ); break;
    case STATUS_UNREGISTERED: DMOD_LOG_INFO( "dmheap: Module %s unregistered successfully.\n", name_of( what ) ); break;
    case STATUS_CHECK_FAILED:
        DMOD_LOG_ERROR( "dmheap: Check failed with code %lu at block %p.\n", number( what->size ), what->address );
        break;

    case STATUS_NOT_SO:
    case STATUS_OK:
    default: break;
    }
}

#else
typedef int report_is_off; /* a translation unit must declare something */
#endif
