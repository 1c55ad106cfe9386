/*
 * What bench/record records as "lwip": lwIP with a client and a server on one interface, which gives itself what it sends: TCP
 * connections that come and go, several open at a time, requests and answers of different lengths, and datagrams between
 * them. Debian's library takes all of its memory, pools too, from malloc. For liblwip-dev.
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <lwip/netif.h>
#include <lwip/sockets.h>
#include <lwip/tcpip.h>

enum
{
    CONNECTIONS = 60,
    OPEN        = 4, /* at a time */
    REQUESTS    = 5,
    MOST        = 4096,
    PORT        = 4711
};

static struct netif       loop;
static struct sockaddr_in server_at = { .sin_family = AF_INET };

static int need( int result )
{
    if( result >= 0 ) return result;
    puts( "lwIP refuses" );
    exit( 1 );
}

static err_t drop( struct netif* interface, struct pbuf* packet, const ip4_addr_t* to )
{
    (void)interface;
    (void)packet;
    (void)to;
    return ERR_OK; /* nothing is for others */
}

static err_t set_up( struct netif* interface )
{
    interface->mtu    = 1500;
    interface->flags  = NETIF_FLAG_UP | NETIF_FLAG_LINK_UP;
    interface->output = drop;
    return ERR_OK;
}

static void ready( void* done )
{
    ip4_addr_t own, mask, gateway;
    IP4_ADDR( &own, 10, 0, 0, 1 );
    IP4_ADDR( &mask, 255, 255, 255, 0 );
    IP4_ADDR( &gateway, 0, 0, 0, 0 );
    if( netif_add( &loop, &own, &mask, &gateway, NULL, set_up, tcpip_input ) == NULL ) exit( 1 );
    netif_set_default( &loop );
    netif_set_up( &loop );
    netif_set_link_up( &loop );
    sys_sem_signal( done );
}

static void send_all( int socket, const char* bytes, size_t size )
{
    while( size > 0 )
    {
        size_t sent = (size_t)need( (int)lwip_send( socket, bytes, size, 0 ) );
        bytes += sent;
        size -= sent;
    }
}

/* False where the other end is closed. */
static int receive_all( int socket, char* bytes, size_t size )
{
    while( size > 0 )
    {
        size_t got = (size_t)need( (int)lwip_recv( socket, bytes, size, 0 ) );
        if( got == 0 ) return 0;
        bytes += got;
        size -= got;
    }
    return 1;
}

/* A request says how long itself and the answer are. */
static void* serve( void* connection )
{
    const int socket = *(int*)connection;
    uint16_t  lengths[2];
    char      bytes[MOST];
    memset( bytes, 'a', sizeof bytes );
    while( receive_all( socket, (char*)lengths, sizeof lengths ) && receive_all( socket, bytes, lengths[0] ) )
        send_all( socket, bytes, lengths[1] );
    lwip_close( socket );
    return NULL;
}

/* Nothing waits for more to send: that would take a fourth of a second each time. */
static int at_once( int socket )
{
    const int yes = 1;
    need( lwip_setsockopt( socket, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes ) );
    return socket;
}

static void* accept_all( void* listening )
{
    static int       socket[CONNECTIONS];
    static pthread_t server[CONNECTIONS];
    for( int i = 0; i < CONNECTIONS; i++ )
    {
        socket[i] = at_once( need( lwip_accept( *(int*)listening, NULL, NULL ) ) );
        if( pthread_create( &server[i], NULL, serve, &socket[i] ) != 0 ) exit( 1 );
    }
    for( int i = 0; i < CONNECTIONS; i++ )
        pthread_join( server[i], NULL );
    return NULL;
}

static int connected( void )
{
    int socket = at_once( need( lwip_socket( AF_INET, SOCK_STREAM, 0 ) ) );
    need( lwip_connect( socket, (struct sockaddr*)&server_at, sizeof server_at ) );
    return socket;
}

static void ask( int socket, int number )
{
    char     bytes[MOST] = { 0 };
    uint16_t lengths[2]  = { (uint16_t)( number * 37 % 600 + 1 ), (uint16_t)( number * 211 % MOST + 1 ) };
    memcpy( bytes, lengths, sizeof lengths );
    send_all( socket, bytes, sizeof lengths + lengths[0] );
    receive_all( socket, bytes, lengths[1] );
}

static void datagram( int from, int to, int number )
{
    char bytes[1400] = { 0 };
    need( (int)lwip_sendto( from, bytes, (size_t)( number * 97 % 1400 + 1 ), 0, (struct sockaddr*)&server_at,
                            sizeof server_at ) );
    need( (int)lwip_recv( to, bytes, sizeof bytes, 0 ) );
}

int main( void )
{
    sys_sem_t done;
    pthread_t acceptor;
    int       open[OPEN] = { 0 }, requests = 0;
    if( sys_sem_new( &done, 0 ) != ERR_OK ) return 1;
    tcpip_init( ready, &done );
    sys_arch_sem_wait( &done, 0 );
    server_at.sin_port        = lwip_htons( PORT );
    server_at.sin_addr.s_addr = lwip_htonl( 0x0A000001 );
    int listening             = need( lwip_socket( AF_INET, SOCK_STREAM, 0 ) );
    int drain                 = need( lwip_socket( AF_INET, SOCK_DGRAM, 0 ) );
    int source                = need( lwip_socket( AF_INET, SOCK_DGRAM, 0 ) );
    need( lwip_bind( listening, (struct sockaddr*)&server_at, sizeof server_at ) );
    need( lwip_bind( drain, (struct sockaddr*)&server_at, sizeof server_at ) );
    need( lwip_listen( listening, OPEN ) );
    if( pthread_create( &acceptor, NULL, accept_all, &listening ) != 0 ) return 1;
    for( int i = 0; i < CONNECTIONS + OPEN; i++ )
    {
        if( i >= OPEN ) lwip_close( open[i % OPEN] );
        if( i < CONNECTIONS ) open[i % OPEN] = connected();
        for( int at = 0; at < OPEN && i >= OPEN && i < CONNECTIONS; at++ )
            for( int request = 0; request < REQUESTS; request++, requests++ )
                ask( open[at], i * 41 + at * 7 + request );
        datagram( source, drain, i );
    }
    pthread_join( acceptor, NULL );
    printf( "%d requests on %d connections\n", requests, CONNECTIONS );
    return 0;
}
