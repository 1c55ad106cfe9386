# Cases of tests/package/run, which sources this: the two files of `make amalgamation`, and the version.

warnings="-Wall -Wextra -Wpedantic -Wconversion -Wshadow -Wstrict-prototypes -Werror"

make_two_files() { # into $work/two, where nothing else lies
    rm -rf "$work/two"
    "$top/scripts/amalgamate" "$work/two"
    [ "$(ls "$work/two")" = "$(printf 'dmheap.c\ndmheap.h')" ]
}
compile_two_files() { # the object, a compiler, further arguments: from the folder, so that no other file is found
    object=$work/$1; shift
    # shellcheck disable=SC2086
    (cd "$work/two" && "$@" -std=c11 $warnings -c dmheap.c -o "$object") || return 1
}
two_files_pass_the_unit_tests() {
    make_two_files
    compile_two_files two.o cc -O2
    cc -std=c11 -I"$work/two" "$top/tests/test_simple.c" "$work/two.o" -pthread -o "$work/two_simple"
    "$work/two_simple" > "$work/two_simple.out"
    grep -q 'All simple tests completed!' "$work/two_simple.out"
    # what looks inside of a heap knows its layout from src/; all else is in the two files
    # (whose groups main.c runs; those with a main() of their own are for other builds)
    grep -L '^int main' "$top"/tests/unit/*.c "$top/tests/support/fixture.c" "$top/tests/support/model.c" > "$work/two_sources"
    grep -q test_damage.c "$work/two_sources"
    # shellcheck disable=SC2046
    cc -std=c11 -O1 -fno-pie -no-pie -DDMHEAP_WITHOUT_ATTRIBUTES -I"$work/two" -I"$top/tests/support" -I"$top/src" $(cat "$work/two_sources") \
        "$top/tests/unit/main.c" "$work/two.o" -lcmocka -pthread -o "$work/two_unit"
    "$work/two_unit" > "$work/two_unit.out" 2>&1 || { grep -v ' OK ' "$work/two_unit.out"; false; }
}
two_files_are_enough_for_other_builds() {
    make_two_files
    compile_two_files two_clang.o clang -O2
    compile_two_files two_32.o gcc -O2 -m32
    compile_two_files two_guarded.o gcc -O2 -DDMHEAP_GUARD
    compile_two_files two_diagnosed.o gcc -O2 -DDMHEAP_DIAGNOSTICS
}
two_files_are_enough_for_a_cortex_m0() {
    make_two_files
    for flags in "" -ffreestanding; do
        # shellcheck disable=SC2086
        compile_two_files two_m0.o arm-none-eabi-gcc -mcpu=cortex-m0 -mthumb -Os $flags
        arm-none-eabi-nm -u "$work/two_m0.o" > "$work/two_m0.nm"
        grep -q memcpy "$work/two_m0.nm" # it was read
        has_none ' U (dmheap_|Dmod_|pthread|v?printf|malloc|free)' "$work/two_m0.nm"
    done
}
dmods_kernel_runs_on_two_files() {
    make_two_files
    build "$here/two_files" two_files -DTWO_FILES="$work/two"
    "$work/two_files/kernel"
    find "$work/two_files" -name 'dmheap.c.o' > "$work/two_dmod"
    nm "$(cat "$work/two_dmod")" > "$work/two_dmod.nm"
    grep -q ' U Dmod_EnterCritical' "$work/two_dmod.nm" # no port of ours is in it
    if (cd "$work/two" && cc -std=c11 -DDMHEAP_PORT_DMOD -fsyntax-only dmheap.c); then
        echo "it does not ask for DMOD's header"
        false
    fi
}
the_library_and_its_port_are_one_unit() {
    for flags in "" "-DDMHEAP_PORT_FREESTANDING -ffreestanding"; do
        # shellcheck disable=SC2086
        cc -std=c11 $warnings $flags -O2 -I"$top/include" -I"$top/port/include" -c "$top/port/one_unit.c" \
            -o "$work/one_unit.o" || return 1
    done
}
every_place_says_the_same_version() {
    version=$(sed -n 's/^project(dmheap VERSION \([0-9.]*\) .*/\1/p' "$top/CMakeLists.txt")
    [ -n "$version" ]
    cat > "$work/version.c" << 'C'
#include <stdio.h>
#include <string.h>
#include "dmheap.h"
int main( void )
{
    char text[32];
    snprintf( text, sizeof text, "%d.%d.%d", DMHEAP_VERSION_MAJOR, DMHEAP_VERSION_MINOR, DMHEAP_VERSION_PATCH );
    puts( text );
    return strcmp( text, DMHEAP_VERSION ) != 0 || strcmp( text, dmheap_version() ) != 0;
}
C
    cc -std=c11 -I"$top/include" -I"$top/port/include" "$work/version.c" "$top/port/one_unit.c" -pthread -o "$work/version"
    [ "$("$work/version")" = "$version" ] || { echo "CMake: $version; the header: $("$work/version")"; false; }
}

check "CMake, the header and the library say the same version" every_place_says_the_same_version
check "the library and its port are one unit" the_library_and_its_port_are_one_unit
if [ "${2:-}" != few ]; then
    check "the two files alone pass the unit tests" two_files_pass_the_unit_tests
    check "the two files are enough for clang, 32 bits, the guard and diagnostics" two_files_are_enough_for_other_builds
    check "the two files are enough for a Cortex-M0" two_files_are_enough_for_a_cortex_m0
    check "DMOD's kernel runs on the two files" dmods_kernel_runs_on_two_files
fi
