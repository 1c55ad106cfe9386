/*
 * Stands in for SEGGER's header, with what docs/trace.md uses of it.
 */
#ifndef SEGGER_SYSVIEW_H
#define SEGGER_SYSVIEW_H

void SEGGER_SYSVIEW_HeapDefine( void* heap, void* base, unsigned int size, unsigned int metadata );
void SEGGER_SYSVIEW_HeapAllocEx( void* heap, void* block, unsigned int size, unsigned int tag );
void SEGGER_SYSVIEW_HeapFree( void* heap, void* block );

#endif
