# A RISC-V of 32 bits in QEMU's virt.
set(CMAKE_SYSTEM_PROCESSOR riscv32)
set(DMHEAP_PREFIX riscv64-unknown-elf)
set(DMHEAP_FLAGS "-march=rv32imac -mabi=ilp32 -mcmodel=medany")
set(DMHEAP_FLASH 0x80000000)
set(DMHEAP_FLASH_SIZE 0x400000)
set(DMHEAP_RAM 0x80400000)
set(DMHEAP_QEMU qemu-system-riscv32 -M virt -bios none)
include(${CMAKE_CURRENT_LIST_DIR}/bare.cmake)
