# Cases of tests/package/run, which sources this: other interfaces on dmheap.

freertos_has_its_memory_from_it() {
    build "$here/freertos" freertos
    "$work/freertos/freertos"
}
libc_has_its_memory_from_it() { # a C library, a toolchain, further arguments
    library=$1; name=libc_$1_$2; toolchain=$2; shift 2
    build "$here/libc" "$name" -DDMHEAP_LIBC="$library" -DDMOD_MODE=DMOD_EMBEDDED \
        -DCMAKE_TOOLCHAIN_FILE="$top/cmake/toolchains/$toolchain.cmake" "$@"
    timeout 60 cmake --build "$work/$name" --target emulate > "$work/$name.out" 2>&1 || { cat "$work/$name.out"; false; }
    grep -q '^0 failures' "$work/$name.out"
    grep -q '\.text\.dmheap_malloc' "$work/$name/libc.map"
    # the library's own heap was not linked: nothing asks the system for memory
    has_none '(nano-malloc|mallocr|freer|sbrkr)' "$work/$name/libc.map"
}
newlib_has_its_memory_from_it() {
    libc_has_its_memory_from_it newlib cortex-m4-newlib
}
newlib_nano_has_its_memory_from_it() {
    libc_has_its_memory_from_it newlib cortex-m4-newlib -DDMHEAP_LIBC_SPECS=--specs=nano.specs
    grep -q 'libc_nano' "$work/libc_newlib_cortex-m4-newlib/libc.map"
}
picolibc_has_its_memory_from_it() {
    libc_has_its_memory_from_it picolibc cortex-m4
    libc_has_its_memory_from_it picolibc riscv32
}
cplusplus_containers_have_their_memory_from_it() {
    for compiler in g++ clang++; do
        build "$here/cpp" "cpp_$compiler" -DCMAKE_CXX_COMPILER=$compiler
        for program in cpp_full cpp_bare cpp_new_full cpp_new_bare; do
            "$work/cpp_$compiler/$program" > "$work/cpp.out" || { cat "$work/cpp.out"; false; }
        done
    done
}
a_cplusplus_program_ends_where_there_is_neither_memory_nor_exceptions() {
    printf '%s\n' '#include "dmheap.hpp"' 'int main() { return dmheap::allocator<int>( "m" ).allocate( 10 ) != nullptr; }' \
        > "$work/ends.cpp"
    build "$top" plain
    c++ -std=c++17 -fno-exceptions -fno-rtti -I"$top/glue/cpp" -I"$top/include" -I"$top/port/include" "$work/ends.cpp" \
        "$work/plain/libdmheap.a" -lpthread -o "$work/ends"
    ended=0
    "$work/ends" || ended=$?
    [ $ended -eq 134 ] # SIGABRT
}

check "FreeRTOS's memory interface is served" freertos_has_its_memory_from_it
if [ "${2:-}" != few ]; then
    check "C++ containers have their memory from it" cplusplus_containers_have_their_memory_from_it
    check "a C++ program ends where there is neither memory nor exceptions" \
        a_cplusplus_program_ends_where_there_is_neither_memory_nor_exceptions
    check "newlib has its memory from it" newlib_has_its_memory_from_it
    check "newlib-nano has its memory from it" newlib_nano_has_its_memory_from_it
    check "picolibc has its memory from it, on two processors" picolibc_has_its_memory_from_it
fi
