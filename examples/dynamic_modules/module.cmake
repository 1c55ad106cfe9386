# add_dmod_module( name LIBRARY|APPLICATION source ): builds name.dmf, a file that the loader can load.
set(DMOD_MODULE_FOLDER ${CMAKE_CURRENT_LIST_DIR})

function(add_dmod_module name kind source)
    add_library(${name} MODULE ${source})
    string(COMPARE EQUAL ${kind} LIBRARY is_library)
    target_compile_definitions(${name} PRIVATE DMOD_MODULE_EN=1 MODULE_NAME="${name}" MODULE_IS_LIBRARY=${is_library})
    target_include_directories(${name} PRIVATE ${DMOD_MODULE_FOLDER} ${DMHEAP_DIR}/include ${DMHEAP_DIR}/port/include)
    # No C library, and no function that only it would have. AArch64's other models want images aligned to 4,096.
    target_compile_options(${name} PRIVATE -Os -ffreestanding -fvisibility=hidden -fno-stack-protector
        -fno-asynchronous-unwind-tables)
    if(CMAKE_SYSTEM_PROCESSOR MATCHES "aarch64|arm64")
        target_compile_options(${name} PRIVATE -mcmodel=tiny)
    endif()
    target_link_libraries(${name} PRIVATE -nostdlib -Wl,-T,${DMOD_MODULE_FOLDER}/module.ld -Wl,-z,defs
        -Wl,--build-id=none)
    set_target_properties(${name} PROPERTIES C_STANDARD 11)
    add_custom_command(TARGET ${name} POST_BUILD
        COMMAND ${CMAKE_OBJCOPY} -O binary $<TARGET_FILE:${name}> ${CMAKE_CURRENT_BINARY_DIR}/${name}.dmf)
endfunction()
