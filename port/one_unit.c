/*
 * The library and its port as one unit: what `make amalgamation` makes two files of, and what build systems compile that
 * take a list of sources and cannot choose among them. May not add anything of its own.
 *
 * Which port is a macro's: DMHEAP_PORT_HOSTED (threads and stdio), DMHEAP_PORT_FREESTANDING (a bare processor), or
 * DMHEAP_PORT_DMOD: DMOD's own dmod.h and functions. Without one it is what the compiler is for.
 */
#if !defined( DMHEAP_PORT_HOSTED ) && !defined( DMHEAP_PORT_FREESTANDING ) && !defined( DMHEAP_PORT_DMOD )
#if __STDC_HOSTED__ && ( defined( __unix__ ) || defined( __APPLE__ ) )
#define DMHEAP_PORT_HOSTED
#else
#define DMHEAP_PORT_FREESTANDING
#endif
#endif

/* The port comes first: what it defines says what the system's headers offer. */
#if defined( DMHEAP_PORT_HOSTED )
#include "hosted/dmod_port.c"
#elif defined( DMHEAP_PORT_FREESTANDING )
#include "freestanding/dmod_port.c"
#endif

#include "../src/dmheap.c"
