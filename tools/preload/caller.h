/*
 * In front of the library's sources in the recorder: who called is not the caller of the library, which is preload.c, but
 * the caller of malloc, as recorder.h keeps it. May not be included elsewhere.
 */
#include "guard.h"
#include "recorder.h"

#undef GUARD_CALLER
#define GUARD_CALLER() ( (const void*)recorder_caller )
