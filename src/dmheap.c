/*
 * The library: what the archive, and a program that takes the sources, are built from. All that its files share is private
 * to this one unit, so that an archive shows no name without the library's prefix, and the hot functions can be put in
 * line. In the order of their layers; each may use those before it.
 */
#include "blocks.c"
#include "contexts.c"
#include "owners.c"
#include "report.c"
#include "guard.c"
#include "api.c"
#include "resize.c"
#include "modules.c"
#include "heaps.c"
#include "inspect.c"
#include "diagnose.c"
#include "trace.c"
#if DMHEAP_CONTEXT_FIRST
#include "context_first.c"
#else
#include "seed.c"
#endif
#ifndef DMHEAP_DONT_IMPLEMENT_DMOD_API
#include "dmod_api.c"
#endif
