/*
 * Reading a heap's image by the library's own code. How blocks are laid out differs between builds of the library: there is
 * a reader for each of these, the same source compiled once more.
 */
#ifndef READER_H
#define READER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum
{
    READER_NAME_SIZE  = 255, /* the longest that any build has */
    READER_NOTE_SIZE  = 160,
    READER_MAGIC      = 0x50484d44,
    READER_VERSION    = 3,
    READER_HEAD_WORDS = 25 /* the context: it tells how much there is to be read */
};

/* The same memory is looked at as the library's structures. */
typedef uint32_t __attribute__( ( may_alias ) ) image_word_t;

/* A copy of a heap's memory, its words in the order of this machine. */
typedef struct
{
    uint64_t      address; /* on the target */
    image_word_t* words;   /* as much aligned as there */
    size_t        count;
    size_t        there;                  /* words that the file has; zeros behind them */
    bool          swapped;                /* the target has another byte order than this machine */
    bool          damaged;                /* `note` says in what way, as far as it is known before a check */
    char          note[READER_NOTE_SIZE]; /* empty: nothing */
} image_t;

/* What a layout word says; see src/image.h. */
typedef struct
{
    unsigned version, owner_bits, most_modules, name_size;
    bool     big_endian, guard;
} layout_t;

typedef enum
{
    BLOCK_FREE,
    BLOCK_LIVE,
    BLOCK_OWN,
    BLOCK_MOVING
} block_use_t;

typedef struct
{
    uint64_t    address, caller;
    size_t      bytes, size; /* of the block, of its payload */
    block_use_t use;
    bool        nobody;
    const char* owner; /* "": nobody, or the heap */
} block_info_t;

typedef struct
{
    const char* name; /* "": nobody */
    bool        nobody;
    uint64_t    bytes, blocks, peak;
    bool        limited;
    uint64_t    limit;
} module_info_t;

typedef struct
{
    uint64_t size, used, overhead, free, largest;
} figures_t;

/* Where text goes, and how. */
typedef struct
{
    void ( *print )( const char* text, void* user );
    const char* ( *place )( uint64_t caller, void* user ); /* NULL: no words for addresses in the code */
    void* user;
    bool  json;
} sink_t;

typedef struct
{
    unsigned owner_bits;
    bool     guard;
    unsigned pointer; /* bytes, where it has a guard: callers are written down */

    layout_t ( *layout )( uint32_t word );
    /* Words that a heap with this head has; 0 where the head is overwritten. */
    size_t ( *size )( const uint32_t* head, bool swapped );
    /* Makes of the words of a file the image of a heap; mends on the copy what says where everything lies, if that can be
     * told. False where there is no heap. `forced`: there is one, whatever it says of itself. */
    bool ( *open )( image_t* image, bool forced );
    /* NULL where every invariant holds, or what is wrong first; `*where` is 0 where that is in no block. */
    const char* ( *check )( image_t* image, uint64_t* where );
    /* Blocks whose guard is in its place. */
    size_t ( *guarded )( image_t* image );
    /* The low bits of the heap's address, of which the lowest are known: those that give its blocks their alignment. */
    uint64_t ( *residue )( image_t* image, uint64_t residue );

    void ( *figures )( image_t* image, figures_t* figures );
    void ( *blocks )( image_t* image, void ( *visit )( const block_info_t* block, void* user ), void* user );
    void ( *modules )( image_t* image, void ( *visit )( const module_info_t* module, void* user ), void* user );
    /* Modules by the keys that traces have of them. */
    void ( *names )( image_t* image, void ( *visit )( uint64_t key, const char* name, void* user ), void* user );

    void ( *show_report )( image_t* image, const sink_t* sink );
    void ( *show_modules )( image_t* image, const sink_t* sink );
    void ( *show_blocks )( image_t* image, const sink_t* sink, const char* module );
    void ( *show_block_at )( image_t* image, const sink_t* sink, uint64_t address );
    void ( *show_map )( image_t* image, const sink_t* sink );
} reader_t;

extern const reader_t reader_plain, reader_plain_8, reader_guard_32, reader_guard_32_8, reader_guard_64,
    reader_guard_64_8;

#endif
