/*
 * The one place that words what a call came to. A part of dmheap.c, behind owners.c. Called outside of the critical
 * section. May not touch a heap. An error says what was wrong, with which figures, and what to do.
 */

/* What was to be done. */
typedef enum
{
    TO_ALLOCATE,
    TO_REGISTER,
    TO_RENAME,
    TO_LIMIT,
    TO_RETAG,
    TO_LOOK
} purpose_t;

/* What there is to say, nothing of STATUS_OK; members that a status does not need stay 0. */
typedef struct
{
    status_t    status;
    purpose_t   purpose;
    size_t      size, alignment; /* bytes */
    size_t      largest;         /* free block where memory was looked for, bytes */
    bool        looked;          /* for memory */
    const char* module;
    const void* address;
} report_t;

#ifdef DMOD_NO_LOGGING

static inline void report( const report_t* what )
{
    (void)what;
}

#else

#pragma GCC diagnostic warning "-Wswitch-enum" /* although there is a default */

static unsigned long number( size_t value )
{
    return (unsigned long)value;
}

static const char* name_of( const report_t* what )
{
    return what->module != NULL && what->module[0] != '\0' ? what->module : "(none)";
}

static void report_pointer( const report_t* what, const char* reason )
{
    DMOD_LOG_ERROR( "dmheap: Pointer %p refused: %s.\n", what->address, reason );
}

/* What could not be had or done for a module. */
static void report_refusal( const report_t* what, const char* reason )
{
    static const char verbs[][16] = { "allocate for", "register", "rename", "limit", "give a block to", "look at" };
    if( what->purpose != TO_ALLOCATE )
    {
        DMOD_LOG_ERROR( "dmheap: Cannot %s module %s: %s.\n", verbs[what->purpose], name_of( what ), reason );
    }
    else if( what->looked )
    {
        DMOD_LOG_ERROR(
            "dmheap: Cannot allocate %lu bytes (alignment %lu) for module %s: %s; largest free block is %lu "
            "bytes.\n",
            number( what->size ), number( what->alignment ), name_of( what ), reason, number( what->largest ) );
    }
    else
    {
        DMOD_LOG_ERROR( "dmheap: Cannot allocate %lu bytes (alignment %lu) for module %s: %s.\n", number( what->size ),
                        number( what->alignment ), name_of( what ), reason );
    }
}

static void report_init( const report_t* what, const char* reason )
{
    DMOD_LOG_ERROR( "dmheap: Cannot make a heap of buffer %p of size %lu, alignment %lu: %s.\n", what->address,
                    number( what->size ), number( what->alignment ), reason );
}

/* A name that is too long may have no end: no more of it is read than a module name has. */
static void report_name( const char* name )
{
    char     shown[DMHEAP_NAME_SIZE];
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

static RARE void report( const report_t* what )
{
    switch( what->status )
    {
    case STATUS_NO_HEAP:
        if( what->address != NULL )
        {
            DMOD_LOG_ERROR( "dmheap: No heap here: %p is none, or was taken down.\n", what->address );
        }
        else
        {
            DMOD_LOG_ERROR( "dmheap: No heap here: call dmheap_init first.\n" );
        }
        break;
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
    case STATUS_NO_ARGUMENT:
        DMOD_LOG_ERROR( "dmheap: NULL where figures are to be written or a function called.\n" );
        break;

    case STATUS_OUTSIDE: report_pointer( what, "in no heap" ); break;
    case STATUS_MISALIGNED: report_pointer( what, "misaligned, so never handed out" ); break;
    case STATUS_NOT_LIVE: report_pointer( what, "freed already, or inside of a block" ); break;
    case STATUS_SYSTEM_BLOCK: report_pointer( what, "the heap's own record" ); break;
    case STATUS_MOVING: report_pointer( what, "a realloc is copying it at this moment" ); break;
    case STATUS_NOT_OWNER: report_pointer( what, "a block of another module" ); break;
    case STATUS_CORRUPTED:
        if( what->address != NULL )
            report_pointer( what,
                            "memory around it is overwritten, the heap is left as it is; dmheap_check() says where" );
        else
            report_refusal( what, "the heap is overwritten; dmheap_check() says where" );
        break;

    case STATUS_BAD_ALIGNMENT: report_refusal( what, "the alignment is no power of two" ); break;
    case STATUS_OVERFLOW:
        DMOD_LOG_ERROR( "dmheap: Cannot allocate %lu elements of %lu bytes for module %s: that overflows.\n",
                        number( what->alignment ), number( what->size ), name_of( what ) );
        break;
    case STATUS_NO_MEMORY: report_refusal( what, "out of memory" ); break;
    case STATUS_OVER_LIMIT: report_refusal( what, "the module's limit is reached" ); break;
    case STATUS_LEAVING: report_refusal( what, "the module is being unregistered" ); break;
    case STATUS_TABLE_FULL: report_refusal( what, "the module table is full" ); break;
    case STATUS_STALE_MODULE: report_refusal( what, "the module's handle is not or no longer valid" ); break;

    case STATUS_KNOWN_MODULE: DMOD_LOG_WARN( "dmheap: Module %s is already registered.\n", name_of( what ) ); break;
    case STATUS_UNKNOWN_MODULE: DMOD_LOG_WARN( "dmheap: Module %s is not registered.\n", name_of( what ) ); break;
    case STATUS_BLOCKS_LEFT:
        DMOD_LOG_WARN( "dmheap: Heap at %p taken down with %lu bytes still allocated.\n", what->address,
                       number( what->size ) );
        break;
    case STATUS_HEAP_LOST:
        DMOD_LOG_WARN( "dmheap: Heap at %p taken down: it lies in a block of module %s, which is freed.\n",
                       what->address, name_of( what ) );
        break;
    case STATUS_HEAP_OVERWRITTEN:
        DMOD_LOG_WARN( "dmheap: Heap at %p given up: it is overwritten.\n", what->address );
        break;

    case STATUS_INITIALIZED:
        DMOD_LOG_INFO( "dmheap: Initialized with buffer %p of size %lu.\n", what->address, number( what->size ) );
        break;
    case STATUS_REGISTERED: DMOD_LOG_INFO( "dmheap: Module %s registered successfully.\n", name_of( what ) ); break;
    case STATUS_UNREGISTERED: DMOD_LOG_INFO( "dmheap: Module %s unregistered successfully.\n", name_of( what ) ); break;
    case STATUS_CHECK_FAILED:
        DMOD_LOG_ERROR( "dmheap: Check failed with code %lu at block %p.\n", number( what->size ), what->address );
        break;

    case STATUS_OK:
    default: break;
    }
}

#endif
