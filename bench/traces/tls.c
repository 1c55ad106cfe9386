/*
 * What bench/record records as "tls": an mbedTLS server and a client in one process, which meet in memory: handshakes with
 * a certificate of the tests of the library (out of date: verified, and taken all the same), some data each way, a session
 * resumed, and a connection that is closed while others are open. For libmbedtls-dev, 2.28.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <mbedtls/certs.h>
#include <mbedtls/ctr_drbg.h>
#include <mbedtls/entropy.h>
#include <mbedtls/ssl.h>
#include <mbedtls/ssl_cache.h>

enum
{
    CONNECTIONS = 3, /* open at a time */
    ROUNDS      = 1,
    PIPE        = 32768
};

/* One way of a connection. */
typedef struct
{
    unsigned char bytes[PIPE];
    size_t        used;
} way_t;

typedef struct
{
    way_t *from, *to;
} end_t;

typedef struct
{
    way_t               up, down;
    end_t               client_end, server_end;
    mbedtls_ssl_context client, server;
} connection_t;

static mbedtls_ssl_config        client_config, server_config;
static mbedtls_x509_crt          authority, certificate;
static mbedtls_pk_context        key;
static mbedtls_entropy_context   entropy;
static mbedtls_ctr_drbg_context  generator;
static mbedtls_ssl_cache_context cache;
static connection_t              connections[CONNECTIONS];

static void need( int result )
{
    if( result >= 0 ) return;
    printf( "mbedTLS says -0x%x\n", (unsigned)-result );
    exit( 1 );
}

static int to_way( void* end, const unsigned char* bytes, size_t size )
{
    way_t* way = ( (end_t*)end )->to;
    if( way->used + size > PIPE ) return MBEDTLS_ERR_SSL_WANT_WRITE;
    memcpy( way->bytes + way->used, bytes, size );
    way->used += size;
    return (int)size;
}

static int from_way( void* end, unsigned char* bytes, size_t size )
{
    way_t* way = ( (end_t*)end )->from;
    if( way->used == 0 ) return MBEDTLS_ERR_SSL_WANT_READ;
    if( size > way->used ) size = way->used;
    memcpy( bytes, way->bytes, size );
    memmove( way->bytes, way->bytes + size, way->used - size );
    way->used -= size;
    return (int)size;
}

static void is_fine( int result )
{
    need( result == MBEDTLS_ERR_SSL_WANT_READ || result == MBEDTLS_ERR_SSL_WANT_WRITE ? 0 : result );
}

static void configure( mbedtls_ssl_config* config, int endpoint )
{
    mbedtls_ssl_config_init( config );
    need( mbedtls_ssl_config_defaults( config, endpoint, MBEDTLS_SSL_TRANSPORT_STREAM, MBEDTLS_SSL_PRESET_DEFAULT ) );
    mbedtls_ssl_conf_rng( config, mbedtls_ctr_drbg_random, &generator );
    mbedtls_ssl_conf_ca_chain( config, &authority, NULL );
    mbedtls_ssl_conf_authmode( config, endpoint == MBEDTLS_SSL_IS_CLIENT ? MBEDTLS_SSL_VERIFY_OPTIONAL
                                                                         : MBEDTLS_SSL_VERIFY_NONE );
    mbedtls_ssl_conf_session_cache( config, &cache, mbedtls_ssl_cache_get, mbedtls_ssl_cache_set );
}

static void prepare( void )
{
    mbedtls_entropy_init( &entropy );
    mbedtls_ctr_drbg_init( &generator );
    mbedtls_ssl_cache_init( &cache );
    mbedtls_x509_crt_init( &authority );
    mbedtls_x509_crt_init( &certificate );
    mbedtls_pk_init( &key );
    need( mbedtls_ctr_drbg_seed( &generator, mbedtls_entropy_func, &entropy, NULL, 0 ) );
    need( mbedtls_x509_crt_parse( &authority, (const unsigned char*)mbedtls_test_cas_pem, mbedtls_test_cas_pem_len ) );
    need( mbedtls_x509_crt_parse( &certificate, (const unsigned char*)mbedtls_test_srv_crt_ec,
                                  mbedtls_test_srv_crt_ec_len ) );
    need( mbedtls_pk_parse_key( &key, (const unsigned char*)mbedtls_test_srv_key_ec, mbedtls_test_srv_key_ec_len, NULL,
                                0 ) );
    configure( &client_config, MBEDTLS_SSL_IS_CLIENT );
    configure( &server_config, MBEDTLS_SSL_IS_SERVER );
    need( mbedtls_ssl_conf_own_cert( &server_config, &certificate, &key ) );
}

static void make( connection_t* connection, const mbedtls_ssl_session* resumed )
{
    memset( connection, 0, sizeof *connection );
    connection->client_end = ( end_t ){ &connection->down, &connection->up };
    connection->server_end = ( end_t ){ &connection->up, &connection->down };
    mbedtls_ssl_init( &connection->client );
    mbedtls_ssl_init( &connection->server );
    need( mbedtls_ssl_setup( &connection->client, &client_config ) );
    need( mbedtls_ssl_setup( &connection->server, &server_config ) );
    need( mbedtls_ssl_set_hostname( &connection->client, "localhost" ) );
    mbedtls_ssl_set_bio( &connection->client, &connection->client_end, to_way, from_way, NULL );
    mbedtls_ssl_set_bio( &connection->server, &connection->server_end, to_way, from_way, NULL );
    if( resumed != NULL ) need( mbedtls_ssl_set_session( &connection->client, resumed ) );
    while( connection->client.state != MBEDTLS_SSL_HANDSHAKE_OVER ||
           connection->server.state != MBEDTLS_SSL_HANDSHAKE_OVER )
    {
        is_fine( mbedtls_ssl_handshake( &connection->client ) );
        is_fine( mbedtls_ssl_handshake( &connection->server ) );
    }
}

static void talk( connection_t* connection )
{
    unsigned char bytes[1000] = "a request";
    need( mbedtls_ssl_write( &connection->client, bytes, 100 ) );
    need( mbedtls_ssl_read( &connection->server, bytes, sizeof bytes ) );
    need( mbedtls_ssl_write( &connection->server, bytes, sizeof bytes ) );
    need( mbedtls_ssl_read( &connection->client, bytes, sizeof bytes ) );
}

static void end( connection_t* connection )
{
    mbedtls_ssl_free( &connection->client );
    mbedtls_ssl_free( &connection->server );
}

int main( void )
{
    mbedtls_ssl_session session;
    mbedtls_ssl_session_init( &session );
    prepare();
    for( int i = 0; i < CONNECTIONS; i++ )
        make( &connections[i], NULL );
    need( mbedtls_ssl_get_session( &connections[0].client, &session ) );
    for( int round = 0; round < ROUNDS; round++ )
        for( int i = 0; i < CONNECTIONS; i++ )
        {
            for( int other = 0; other < CONNECTIONS; other++ )
                talk( &connections[other] );
            end( &connections[i] );
            make( &connections[i], ( round + i ) % 2 == 0 ? &session : NULL );
        }
    for( int i = 0; i < CONNECTIONS; i++ )
        end( &connections[i] );
    mbedtls_ssl_session_free( &session );
    mbedtls_ssl_config_free( &client_config );
    mbedtls_ssl_config_free( &server_config );
    mbedtls_ssl_cache_free( &cache );
    mbedtls_x509_crt_free( &certificate );
    mbedtls_x509_crt_free( &authority );
    mbedtls_pk_free( &key );
    mbedtls_ctr_drbg_free( &generator );
    mbedtls_entropy_free( &entropy );
    return 0;
}
