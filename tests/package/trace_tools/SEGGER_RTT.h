/*
 * Stands in for SEGGER's header, with what docs/trace.md uses of it.
 */
#ifndef SEGGER_RTT_H
#define SEGGER_RTT_H

#define SEGGER_RTT_MODE_NO_BLOCK_SKIP 0

int      SEGGER_RTT_ConfigUpBuffer( unsigned index, const char* name, void* buffer, unsigned size, unsigned flags );
unsigned SEGGER_RTT_WriteNoLock( unsigned index, const void* bytes, unsigned size );

#endif
