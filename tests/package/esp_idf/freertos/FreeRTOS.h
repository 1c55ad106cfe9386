/*
 * What the glue to ESP-IDF needs of this header, for a machine without ESP-IDF: a spinlock that counts.
 */
#ifndef FREERTOS_H
#define FREERTOS_H

typedef struct
{
    int held;
} portMUX_TYPE;

#define portMUX_INITIALIZER_UNLOCKED                                                                                   \
    {                                                                                                                  \
        0                                                                                                              \
    }

extern int system_critical_depth, system_critical_entries;

#define portENTER_CRITICAL_SAFE( mux ) ( ( mux )->held++, system_critical_depth++, system_critical_entries++ )
#define portEXIT_CRITICAL_SAFE( mux )  ( ( mux )->held--, system_critical_depth-- )

#endif
