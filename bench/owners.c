/* The names of those who own blocks, of the lengths that names of modules have. */
#include "heap.h"

const char* const owner_names[OWNERS] = { "sensor", "network", "fs",    "shell", "usb",  "audio", "display", "logger",
                                          "crypto", "update",  "motor", "radio", "http", "mqtt",  "config",  "main" };
