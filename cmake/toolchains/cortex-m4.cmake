# A Cortex-M4 in QEMU's mps2-an386.
set(CMAKE_SYSTEM_PROCESSOR cortex-m4)
set(DMHEAP_PREFIX arm-none-eabi)
set(DMHEAP_FLAGS "-mcpu=cortex-m4 -mthumb")
set(DMHEAP_FLASH 0)
set(DMHEAP_FLASH_SIZE 0x400000)
set(DMHEAP_RAM 0x21000000)
set(DMHEAP_QEMU qemu-system-arm -M mps2-an386)
include(${CMAKE_CURRENT_LIST_DIR}/bare.cmake)
