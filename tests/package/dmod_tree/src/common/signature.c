/*
 * How a loader compares signatures: name and module whole, the version up to its first dot.
 */
#include "dmod.h"

#include <string.h>

static bool is_signature( const char* text )
{
    return text != NULL && strncmp( text, DMOD_SIGNATURE_PREFIX, sizeof DMOD_SIGNATURE_PREFIX - 1 ) == 0;
}

/* Bytes of prefix, name, module and the version's part in front of the dot. */
static size_t compared_length( const char* signature )
{
    const char* version = strchr( signature, ':' );
    return version != NULL ? (size_t)( version - signature ) + strcspn( version, "." ) : strlen( signature );
}

bool Dmod_ApiSignature_AreEqual( const char* Signature1, const char* Signature2 )
{
    if( !is_signature( Signature1 ) || !is_signature( Signature2 ) ) return false;
    size_t length = compared_length( Signature1 );
    return length == compared_length( Signature2 ) && memcmp( Signature1, Signature2, length ) == 0;
}
