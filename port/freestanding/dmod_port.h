/*
 * What a program on a bare processor gives to this port so that the log is seen. Not a part of DMOD's interface.
 */
#ifndef DMOD_PORT_H
#define DMOD_PORT_H

/* Writes one character to the console; called outside of critical sections. The weak default discards it. */
void Dmod_PutChar( char Character );

#endif
