/*
 * Reads what memory a file has; see target.h. May not trust a number in it.
 */
#include "target.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- ELF ---- */

/* A number of `bytes` bytes at this place in the file; 0 where the file ends before. */
static uint64_t field( const target_t* target, uint64_t at, unsigned bytes )
{
    uint64_t value  = 0;
    bool     is_big = target->file[EI_DATA] == ELFDATA2MSB;
    if( at > target->bytes || bytes > target->bytes - at ) return 0;
    for( unsigned i = 0; i < bytes; i++ )
        value = value << 8 | target->file[at + ( is_big ? i : bytes - 1 - i )];
    return value;
}

static int by_address( const void* one, const void* other )
{
    const region_t* a = one;
    const region_t* b = other;
    return a->address < b->address ? -1 : a->address > b->address;
}

static bool add_region( target_t* target, uint64_t address, uint64_t at, uint64_t bytes )
{
    if( at >= target->bytes ) return true;
    if( bytes > target->bytes - at ) bytes = target->bytes - at;
    if( bytes > UINT64_MAX - address ) bytes = UINT64_MAX - address;
    if( bytes == 0 ) return true;
    region_t* more = realloc( target->regions, ( target->count + 1 ) * sizeof *more );
    if( more == NULL ) return false;
    target->regions                  = more;
    target->regions[target->count++] = ( region_t ){ address, target->file + at, bytes };
    return true;
}

static bool is_elf( const target_t* target )
{
    return target->bytes > EI_NIDENT && memcmp( target->file, ELFMAG, SELFMAG ) == 0 &&
           ( target->file[EI_CLASS] == ELFCLASS32 || target->file[EI_CLASS] == ELFCLASS64 );
}

/* Looks in the notes of a core for where its program began: it may have been moved to another place than it was linked to. */
static void read_notes( target_t* target, uint64_t at, uint64_t bytes, unsigned size )
{
    uint64_t end = at + bytes;
    while( at < end && at + 12 <= target->bytes )
    {
        uint64_t name = ( field( target, at, 4 ) + 3 ) & ~UINT64_C( 3 ), content = field( target, at + 4, 4 );
        uint64_t from = at + 12 + name;
        if( field( target, at + 8, 4 ) == NT_AUXV )
            for( uint64_t pair = from; pair + 2 * size <= from + content && pair < target->bytes; pair += 2 * size )
                if( field( target, pair, size ) == AT_ENTRY ) target->entry = field( target, pair + size, size );
        at = from + ( ( content + 3 ) & ~UINT64_C( 3 ) );
    }
}

static bool open_elf( target_t* target )
{
    bool     wide  = target->file[EI_CLASS] == ELFCLASS64;
    unsigned size  = wide ? 8 : 4; /* of an address */
    uint64_t table = field( target, wide ? offsetof( Elf64_Ehdr, e_phoff ) : offsetof( Elf32_Ehdr, e_phoff ), size );
    uint64_t entry =
        field( target, wide ? offsetof( Elf64_Ehdr, e_phentsize ) : offsetof( Elf32_Ehdr, e_phentsize ), 2 );
    uint64_t entries = field( target, wide ? offsetof( Elf64_Ehdr, e_phnum ) : offsetof( Elf32_Ehdr, e_phnum ), 2 );
    uint64_t least   = wide ? sizeof( Elf64_Phdr ) : sizeof( Elf32_Phdr );
    target->entry    = field( target, offsetof( Elf64_Ehdr, e_entry ), size ); /* at the same place in both */
    target->pointer  = size;
    target->placed   = true;
    for( uint64_t at = table; entries != 0 && entry >= least && at < target->bytes; at += entry, entries-- )
    {
        uint64_t type = field( target, at, 4 );
        if( type != PT_LOAD && type != PT_NOTE ) continue;
        uint64_t from =
            field( target, at + ( wide ? offsetof( Elf64_Phdr, p_offset ) : offsetof( Elf32_Phdr, p_offset ) ), size );
        uint64_t address =
            field( target, at + ( wide ? offsetof( Elf64_Phdr, p_vaddr ) : offsetof( Elf32_Phdr, p_vaddr ) ), size );
        uint64_t bytes =
            field( target, at + ( wide ? offsetof( Elf64_Phdr, p_filesz ) : offsetof( Elf32_Phdr, p_filesz ) ), size );
        if( type == PT_NOTE )
            read_notes( target, from, bytes < target->bytes ? bytes : target->bytes, size );
        else if( !add_region( target, address, from, bytes ) )
            return false;
    }
    if( target->count != 0 ) qsort( target->regions, target->count, sizeof *target->regions, by_address );
    return true;
}

/* ---- Files ---- */

bool target_open( target_t* target, const char* path, bool placed, uint64_t base )
{
    struct stat state;
    *target  = ( target_t ){ .placed = placed };
    int file = open( path, O_RDONLY );
    if( file < 0 ) return false;
    bool there = fstat( file, &state ) == 0;
    if( there && !S_ISREG( state.st_mode ) ) there = false, errno = S_ISDIR( state.st_mode ) ? EISDIR : EINVAL;
    if( there && state.st_size > 0 )
    {
        void* memory = mmap( NULL, (size_t)state.st_size, PROT_READ, MAP_PRIVATE, file, 0 );
        there        = memory != MAP_FAILED;
        if( there ) target->file = memory, target->bytes = (size_t)state.st_size;
    }
    int why = errno;
    (void)close( file );
    errno = why;
    if( !there ) return false;
    if( target->bytes == 0 ) return true;
    return is_elf( target ) ? open_elf( target ) : add_region( target, base, 0, target->bytes );
}

void target_close( target_t* target )
{
    if( target->file != NULL ) (void)munmap( (void*)(uintptr_t)target->file, target->bytes );
    free( target->regions );
    *target = ( target_t ){ 0 };
}

/* ---- Reading ---- */

static const region_t* region_of( const target_t* target, uint64_t address )
{
    for( size_t i = 0; i < target->count; i++ )
        if( address - target->regions[i].address < target->regions[i].bytes ) return &target->regions[i];
    return NULL;
}

uint64_t target_read( const target_t* target, uint64_t address, void* buffer, uint64_t bytes )
{
    uint64_t        done = 0;
    const region_t* region;
    while( done < bytes && ( region = region_of( target, address + done ) ) != NULL )
    {
        uint64_t inside = address + done - region->address;
        uint64_t part   = region->bytes - inside;
        if( part > bytes - done ) part = bytes - done;
        memcpy( (char*)buffer + done, region->data + inside, (size_t)part );
        done += part;
    }
    return done;
}

uint64_t target_extent( const target_t* target, uint64_t address )
{
    uint64_t        bytes = 0;
    const region_t* region;
    while( ( region = region_of( target, address + bytes ) ) != NULL )
        bytes += region->bytes - ( address + bytes - region->address );
    return bytes;
}
