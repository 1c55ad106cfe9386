# What the toolchains of bare processors share: picolibc, with semihosting for the console and the exit status, in a board
# of QEMU. The file that includes this one says which:
#   DMHEAP_PREFIX   of the compiler         DMHEAP_FLAGS   that choose the processor
#   DMHEAP_FLASH, DMHEAP_FLASH_SIZE, DMHEAP_RAM   of the board, whose RAM has 16 MiB
#   DMHEAP_QEMU     the emulator and its board
set(CMAKE_SYSTEM_NAME Generic)
set(CMAKE_C_COMPILER ${DMHEAP_PREFIX}-gcc)
set(CMAKE_TRY_COMPILE_TARGET_TYPE STATIC_LIBRARY)
set(CMAKE_C_FLAGS_INIT "${DMHEAP_FLAGS} --specs=picolibc.specs -ffunction-sections -fdata-sections")
set(CMAKE_EXE_LINKER_FLAGS_INIT "--oslib=semihost --crt0=semihost -Wl,--gc-sections \
-Wl,--defsym=__flash=${DMHEAP_FLASH} -Wl,--defsym=__flash_size=${DMHEAP_FLASH_SIZE} \
-Wl,--defsym=__ram=${DMHEAP_RAM} -Wl,--defsym=__ram_size=0x1000000 -Wl,--defsym=__stack_size=0x10000")
# without arg= picolibc would take the program's name for its first argument
set(CMAKE_CROSSCOMPILING_EMULATOR ${DMHEAP_QEMU} -semihosting-config enable=on,target=native,arg=
    -display none -monitor none -serial none -kernel)
