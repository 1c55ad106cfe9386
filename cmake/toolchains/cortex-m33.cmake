# A Cortex-M33 in QEMU's mps2-an505.
set(CMAKE_SYSTEM_PROCESSOR cortex-m33)
set(DMHEAP_PREFIX arm-none-eabi)
set(DMHEAP_FLAGS "-mcpu=cortex-m33 -mthumb")
set(DMHEAP_FLASH 0x10000000)
set(DMHEAP_FLASH_SIZE 0x400000)
set(DMHEAP_RAM 0x80000000)
set(DMHEAP_QEMU qemu-system-arm -M mps2-an505)
include(${CMAKE_CURRENT_LIST_DIR}/bare.cmake)
