/*
 * Prints where the parts of a heap's image lie, as JSON: src/layout.json is what this says, so that the page has its numbers
 * from the library's headers. Knows nothing itself.
 */
#include "image.h"

#include <stddef.h>
#include <stdio.h>

#define FIELD( structure, field )                                                                                      \
    printf( "        \"%s\": [%zu, %zu],\n", #field, offsetof( structure, field ), sizeof( ( (structure*)0 )->field ) )

int main( void )
{
    printf( "{\n    \"magic\": %d,\n    \"version\": %d,\n    \"min_block\": %d,\n", IMAGE_MAGIC, IMAGE_VERSION,
            BLOCK_MIN_SIZE );
    printf( "    \"owner\": { \"free\": %d, \"moving\": %d, \"system\": %d, \"nobody\": %d, \"first_module\": %d },\n",
            OWNER_FREE, OWNER_MOVING, OWNER_SYSTEM, OWNER_NOBODY, OWNER_FIRST_MODULE );
    printf( "    \"header\": { \"previous_free\": %d, \"aligned\": %d, \"owner_shift\": %d },\n", HEADER_PREVIOUS_FREE,
            HEADER_ALIGNED, HEADER_OWNER_SHIFT );
    printf( "    \"seal\": %d,\n    \"no_ceiling\": %d,\n", IMAGE_SEAL, CEILING_NONE );
    printf( "    \"context\": {\n" );
    FIELD( dmheap_context_t, magic );
    FIELD( dmheap_context_t, layout );
    FIELD( dmheap_context_t, first );
    FIELD( dmheap_context_t, reach );
    FIELD( dmheap_context_t, map_at );
    FIELD( dmheap_context_t, granule_shift );
    FIELD( dmheap_context_t, size_scale );
    FIELD( dmheap_context_t, seal );
    FIELD( dmheap_context_t, free_words );
    FIELD( dmheap_context_t, free_lowest );
    FIELD( dmheap_context_t, failures );
    FIELD( dmheap_context_t, name );
    FIELD( dmheap_context_t, table_at );
    FIELD( dmheap_context_t, table_span );
    FIELD( dmheap_context_t, nobody );
    printf( "        \"bytes\": %zu\n    },\n    \"module\": {\n", sizeof( dmheap_context_t ) );
    FIELD( holding_t, live );
    FIELD( holding_t, blocks );
    FIELD( holding_t, ceiling );
    FIELD( holding_t, peak );
    FIELD( module_t, key );
    printf( "        \"name\": %zu\n    }\n}\n", offsetof( module_t, name ) );
    return 0;
}
