/*
 * What includes all of DMOD's interface.
 */
#ifndef DMOD_TREE_DMOD_H
#define DMOD_TREE_DMOD_H

#include "dmod-config.h"
#include "dmod_defs.h"
#include "dmod_types.h"
#include "dmod_sal.h"

#if DMOD_SYSTEM_EN == OFF && DMOD_MODULE_EN == OFF
#error "neither the system nor a module"
#endif

extern bool Dmod_ApiSignature_AreEqual( const char* Signature1, const char* Signature2 );

#endif
