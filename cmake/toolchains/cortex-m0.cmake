# A Cortex-M0, with more memory than the board has, in QEMU's microbit.
set(CMAKE_SYSTEM_PROCESSOR cortex-m0)
set(DMHEAP_PREFIX arm-none-eabi)
set(DMHEAP_FLAGS "-mcpu=cortex-m0 -mthumb")
set(DMHEAP_FLASH 0)
set(DMHEAP_FLASH_SIZE 0x80000)
set(DMHEAP_RAM 0x20000000)
set(DMHEAP_QEMU qemu-system-arm -M microbit -global nrf51-soc.sram-size=16777216 -global nrf51-soc.flash-size=524288)
include(${CMAKE_CURRENT_LIST_DIR}/bare.cmake)
