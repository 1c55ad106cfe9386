# A Cortex-M7 in QEMU's mps2-an500.
set(CMAKE_SYSTEM_PROCESSOR cortex-m7)
set(DMHEAP_PREFIX arm-none-eabi)
set(DMHEAP_FLAGS "-mcpu=cortex-m7 -mthumb")
set(DMHEAP_FLASH 0)
set(DMHEAP_FLASH_SIZE 0x400000)
set(DMHEAP_RAM 0x60000000)
set(DMHEAP_QEMU qemu-system-arm -M mps2-an500)
include(${CMAKE_CURRENT_LIST_DIR}/bare.cmake)
