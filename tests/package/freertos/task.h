/*
 * As FreeRTOS.h of this folder: what the glue asks of the scheduler.
 */
#ifndef TASK_H
#define TASK_H

typedef struct tskTaskControlBlock* TaskHandle_t;
typedef long                        BaseType_t;

#define taskSCHEDULER_NOT_STARTED ( (BaseType_t)1 )
#define taskSCHEDULER_RUNNING     ( (BaseType_t)2 )

char*      pcTaskGetName( TaskHandle_t xTaskToQuery );
BaseType_t xTaskGetSchedulerState( void );

#endif
