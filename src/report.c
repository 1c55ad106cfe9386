/*
 * The one place that words what a call came to, and writes it to the log. A part of dmheap.c, behind owners.c. Called outside
 * of the critical section. May not touch a heap. An error says what was wrong, with which figures, and what to do.
 *
 * A line is put together here and handed over whole, in a format of one text: so it is short enough for the buffer that
 * DMOD's printf has on the stack, whatever names and numbers are in it. That printf takes longer ones from this heap, which
 * may have no memory. What is longer goes on in another line.
 *
 * One report is written at a time, in all heaps. What is to be said meanwhile, by interrupts, other threads and the log
 * function itself, is counted, and the next report tells the number. So a log function may allocate.
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
    const void* from; /* the heap that was asked first, or who had allocated */
} report_t;

#ifdef DMOD_NO_LOGGING

/* Whether anybody hears of a refusal. */
enum
{
#if defined( DMHEAP_DIAGNOSTICS ) || defined( DMHEAP_TRACE )
    REPORTS = true
#else
    REPORTS = false
#endif
};

static inline void report( const report_t* what )
{
    (void)what;
}

#else

enum
{
    REPORTS = true
};

/* ---- Words ---- */

/*
 * Letters behind a % stand for members of the report: %p address, %s size, %a alignment, %l largest, %n the module's name,
 * %f from, %v the purpose, %m the longest name that there may be; or for words that many have in common: %P of a
 * pointer, %B of a buffer, %R of what is refused to a module, %T behind that. At a line's end there is a place where the
 * line may go on in another.
 */

#pragma GCC diagnostic push
#pragma GCC diagnostic warning "-Wswitch-enum" /* although there is a default */

static const char* words_for( status_t status )
{
    switch( status )
    {
    case STATUS_NO_HEAP: return "No heap here: %p is none, or was taken down.";
    case STATUS_NO_BUFFER: return "%Bthe buffer is NULL, empty or wraps around.";
    case STATUS_BUFFER_TOO_SMALL: return "%Bit has no room for one allocation.";
    case STATUS_BUFFER_TOO_LARGE: return "%Ba heap has at most 2 GiB, on 32-bit processors 32 MiB; make several.";
    case STATUS_BAD_BUFFER_ALIGNMENT: return "%Bthe alignment must be a power of two no larger than the buffer.";
    case STATUS_TOO_MANY_HEAPS: return "%Braise DMHEAP_MAX_CONTEXTS or take a heap down.";

    case STATUS_BAD_NAME: return "Invalid module name '%n':\nit must have 1 to %m characters.";
    case STATUS_NO_ARGUMENT: return "NULL where figures are to be written or a function called.";
    case STATUS_OVERFLOW: return "Cannot allocate %a elements of %s bytes for module %n:\nit overflows.";

    case STATUS_OUTSIDE: return "%Pin no heap.";
    case STATUS_MISALIGNED: return "%Pmisaligned, so never handed out.";
    case STATUS_NOT_LIVE: return "%Pfreed already, or inside of a block.";
    case STATUS_SYSTEM_BLOCK: return "%Pthe heap's own record.";
    case STATUS_MOVING: return "%Pa realloc is copying it at this moment.";
    case STATUS_NOT_OWNER: return "%Pa block of another module.";
    case STATUS_CORRUPTED:
        return "%Pmemory around it is overwritten;\nthe heap is left as it is, dmheap_check() says where.";

    case STATUS_BAD_ALIGNMENT: return "%Rthe alignment is no power of two.";
    case STATUS_NO_MEMORY: return "%Rout of memory%T";
    case STATUS_OVER_LIMIT: return "%Rthe module's limit is reached.";
    case STATUS_LEAVING: return "%Rthe module is being unregistered.";
    case STATUS_TABLE_FULL: return "%Rthe module table is full%T";
    case STATUS_STALE_MODULE: return "%Rthe module's handle is not or no longer valid.";

    case STATUS_KNOWN_MODULE: return "Module %n is already registered.";
    case STATUS_UNKNOWN_MODULE: return "Module %n is not registered.";
    case STATUS_BLOCKS_LEFT: return "Heap at %p taken down with %s bytes still allocated.";
    case STATUS_HEAP_LOST: return "Heap at %p taken down:\nit lies in a block of module %n.";
    case STATUS_HEAP_OVERWRITTEN: return "Heap at %p given up: it is overwritten.";

    case STATUS_INITIALIZED: return "Initialized with buffer %p of size %s.";
    case STATUS_REGISTERED: return "Module %n registered successfully.";
    case STATUS_UNREGISTERED: return "Module %n unregistered successfully.";
    case STATUS_CHECK_FAILED: return "Check failed with code %s at block %p.";
    case STATUS_WRITTEN_BEHIND: return "Written behind the end of %p, %s bytes of module %n,\nallocated at %f.";
    case STATUS_WRITTEN_FREE: return "Written to free memory at %p:\nused after it was freed, or far behind a block.";

    case STATUS_NEVER_KNOWN:
    case STATUS_OK:
    default: return NULL;
    }
}

#pragma GCC diagnostic pop

/* NULL: there is nothing to say. */
static const char* words_of( const report_t* what )
{
    if( what->address == NULL && what->status == STATUS_NO_HEAP ) return "No heap here: call dmheap_init first.";
    if( what->address == NULL && what->status == STATUS_CORRUPTED )
        return "%Rthe heap is overwritten;\ndmheap_check() says where.";
#ifdef DMHEAP_DIAGNOSTICS
    if( what->address == NULL && what->status == STATUS_BLOCKS_LEFT )
        return what->from == NULL ? "%s bytes in %a blocks were left by module %n."
                                  : "%s bytes in %a blocks of module %n,\nallocated at %f.";
#endif
    return words_for( what->status );
}

/* What stands for a capital letter. */
static const char* common_words( const report_t* what, char letter )
{
    switch( letter )
    {
    case 'P': return "Pointer %p refused:\n";
    case 'B': return "Cannot make a heap at %p, size %s, alignment %a:\n";
    case 'R':
        return what->purpose != TO_ALLOCATE ? "Cannot %v module %n:\n"
               : what->alignment != 0       ? "Cannot allocate %s bytes (alignment %a) for module %n:\n"
                                            : "Cannot allocate %s bytes for module %n:\n";
    default: return what->looked ? ";\nlargest free block is %l bytes." : ".";
    }
}

/* Whether memory or a place was asked for a module in vain: what a program that lives at its limit is told all the time. */
static bool is_refusal( const char* words )
{
    return words != NULL && words[0] == '%' && words[1] == 'R';
}

/* ---- Lines ---- */

typedef enum
{
    LEVEL_ERROR,
    LEVEL_WARN,
    LEVEL_INFO
} level_t;

enum
{
    /* Bytes of a line as DMOD writes it: on small processors what fits in its printf's buffer. */
    LOG_LINE_BYTES = sizeof( void* ) > WORD_SIZE ? 160 : 99,
    /* Less its prefix and colour, our own prefix, and the line's end: characters. */
    LINE_MOST = LOG_LINE_BYTES - 15 - 8 - 1,
    /* Digits of the largest number, and more. */
    DIGITS_MOST = 3 * sizeof( size_t )
};

typedef struct
{
    level_t  level;
    unsigned length, place; /* where it may go on in another line, 0: nowhere */
    char     text[LINE_MOST + 1];
} line_t;

static level_t level_of( status_t status )
{
    switch( status )
    {
    case STATUS_KNOWN_MODULE:
    case STATUS_UNKNOWN_MODULE:
    case STATUS_BLOCKS_LEFT:
    case STATUS_HEAP_LOST:
    case STATUS_HEAP_OVERWRITTEN: return LEVEL_WARN;
    case STATUS_INITIALIZED:
    case STATUS_REGISTERED:
    case STATUS_UNREGISTERED: return LEVEL_INFO;
    default: return LEVEL_ERROR;
    }
}

/* Writes the first characters of a line and keeps the others. DMOD's macros are bare ifs. */
static void line_write( line_t* line, unsigned length )
{
    char behind        = line->text[length];
    line->text[length] = '\0';
    switch( line->level )
    {
    case LEVEL_WARN: DMOD_LOG_WARN( "dmheap: %s\n", line->text ); break;
    case LEVEL_INFO: DMOD_LOG_INFO( "dmheap: %s\n", line->text ); break;
    case LEVEL_ERROR:
    default: DMOD_LOG_ERROR( "dmheap: %s\n", line->text ); break;
    }
    line->text[length] = behind;
    line->length -= length;
    line->place = 0;
    for( unsigned i = 0; i < line->length; i++ )
        line->text[i] = line->text[length + i];
}

/* Where a line goes on in another, that begins with a space. */
static void line_break( line_t* line )
{
    line_write( line, line->place != 0 ? line->place : line->length );
}

static void line_put( line_t* line, char character )
{
    if( line->length == LINE_MOST ) line_break( line );
    line->text[line->length++] = character;
}

static void line_text( line_t* line, const char* text, unsigned length )
{
    for( unsigned i = 0; i < length && text[i] != '\0'; i++ )
        line_put( line, text[i] );
}

static void line_number( line_t* line, size_t value, unsigned base )
{
    char  digits[DIGITS_MOST];
    char* first = digits + sizeof digits;
    do
        *--first = "0123456789abcdef"[value % base];
    while( ( value /= base ) != 0 );
    line_text( line, first, (unsigned)( digits + sizeof digits - first ) );
}

static void line_address( line_t* line, const void* address )
{
    line_text( line, "0x", 2 );
    line_number( line, (uintptr_t)address, 16 );
}

/* A name that is too long for its line is shortened in the middle, where what stands `behind` it needs the room. One that is
 * too long for a name may have no end: no more of it is read than a name has. */
static void line_name( line_t* line, const char* name, unsigned behind )
{
    unsigned length = 0;
    if( name == NULL || name[0] == '\0' ) name = "(none)";
    while( length < DMHEAP_NAME_SIZE - 1 && name[length] != '\0' )
        length++;
    if( line->length + length + behind > LINE_MOST && line->place != 0 ) line_break( line );
    unsigned room = LINE_MOST - line->length - behind;
    unsigned tail = length > room && name[length] == '\0' ? room / 2 - 1 : 0;
    line_text( line, name, length > room ? room - 2 - tail : length );
    if( length > room ) line_text( line, "..", 2 );
    line_text( line, name + length - tail, tail );
}

/* How many characters there are up to where the line may end, or something else is put in. */
static unsigned words_length( const char* words )
{
    unsigned length = 0;
    while( words[length] != '\0' && words[length] != '\n' && words[length] != '%' )
        length++;
    return length;
}

static void line_words( line_t* line, const report_t* what, const char* words )
{
    static const char verbs[][16] = { "allocate for", "register", "rename", "limit", "give a block to", "look at" };
    const char*       rest        = NULL; /* behind common words */
    for( char letter = *words++; letter != '\0' || rest != NULL; letter = *words++ )
    {
        if( letter == '\0' )
        {
            words = rest;
            rest  = NULL;
            continue;
        }
        if( letter == '\n' )
        {
            line->place = line->length;
            letter      = ' ';
        }
        if( letter != '%' )
        {
            line_put( line, letter );
            continue;
        }
        letter = *words++;
        switch( letter )
        {
        case 'p': line_address( line, what->address ); break;
        case 'f': line_address( line, what->from ); break;
        case 's': line_number( line, what->size, 10 ); break;
        case 'a': line_number( line, what->alignment, 10 ); break;
        case 'l': line_number( line, what->largest, 10 ); break;
        case 'm': line_number( line, DMHEAP_NAME_SIZE - 1, 10 ); break;
        case 'n': line_name( line, what->module, words_length( words ) ); break;
        case 'v': line_text( line, verbs[what->purpose], sizeof verbs[0] ); break;
        default:
            rest  = words;
            words = common_words( what, letter );
            break;
        }
    }
}

/* ---- Reports ---- */

/* Tells owners apart, and what was to be done for them: FNV-1a, see name_make(). */
static uint32_t owner_mark( const report_t* what )
{
    uint32_t hash = what->purpose;
    for( unsigned i = 0; what->module != NULL && i < DMHEAP_NAME_SIZE - 1 && what->module[i] != '\0'; i++ )
        hash = ( hash ^ (unsigned char)what->module[i] ) * 16777619u;
    return hash;
}

/* What is to be written beside the words. */
typedef struct
{
    uint32_t before; /* how often the last refusal came, where there is something else to say now */
    uint32_t times;  /* how often this one came, 0: it is none */
    uint32_t unsaid; /* reports since the last one */
} repeats_t;

/* Whether a refusal that came so many times was written: each power of two is; so was none at all. */
static bool is_said( uint32_t times )
{
    return ( times & ( times - 1 ) ) == 0;
}

/* Whether a report is to be written, now: nobody else writes one up to report_end(). */
static bool report_begin( const report_t* what, const char* words, repeats_t* counts )
{
    uint32_t owner  = owner_mark( what );
    bool     writes = false;
    *counts         = ( repeats_t ){ .times = is_refusal( words ) ? 1 : 0 };
    Dmod_EnterCritical();
    bool same = registry.said.times != 0 && registry.said.owner == owner;
    if( registry.said.writing )
        registry.said.unsaid =
            (uint16_t)( registry.said.unsaid + ( words != NULL && registry.said.unsaid != UINT16_MAX ) );
    else if( same && counts->times != 0 && registry.said.heap == what->from && registry.said.status == what->status )
    {
        registry.said.times += registry.said.times != UINT32_MAX;
        counts->times = registry.said.times;
        writes        = is_said( registry.said.times );
    }
    else if( same || words != NULL )
    {
        counts->before       = registry.said.times;
        registry.said.heap   = what->from;
        registry.said.owner  = owner;
        registry.said.status = (uint8_t)what->status;
        registry.said.times  = counts->times;
        writes               = words != NULL || !is_said( counts->before );
    }
    if( writes )
    {
        counts->unsaid        = registry.said.unsaid;
        registry.said.unsaid  = 0;
        registry.said.writing = true;
    }
    Dmod_ExitCritical();
    return writes;
}

static void report_end( void )
{
    Dmod_EnterCritical();
    registry.said.writing = false;
    Dmod_ExitCritical();
}

static void line_count( line_t* line, const char* words, uint32_t count )
{
    line_words( line, &( report_t ){ .size = count }, words );
}

static RARE void report( const report_t* what )
{
    repeats_t   counts;
    const char* words = words_of( what );
    if( what->status == STATUS_OK || !report_begin( what, words, &counts ) ) return;

    line_t line = { .level = LEVEL_ERROR };
    if( !is_said( counts.before ) )
    {
        line_count( &line, "The last refusal came %s times.", counts.before );
        if( words != NULL ) line_write( &line, line.length );
    }
    line.level = level_of( what->status );
    if( words != NULL ) line_words( &line, what, words );
    if( counts.times > 1 ) line_count( &line, "\n(%s times)", counts.times );
    if( counts.unsaid != 0 ) line_count( &line, "\n(+%s not shown)", counts.unsaid );
    line_write( &line, line.length );
    report_end();
}

#endif
