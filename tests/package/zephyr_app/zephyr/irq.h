/*
 * What the glue to Zephyr needs of this header, for a machine without Zephyr: a lock that counts.
 */
#ifndef ZEPHYR_IRQ_H
#define ZEPHYR_IRQ_H

unsigned int irq_lock( void );
void         irq_unlock( unsigned int key );

#endif
