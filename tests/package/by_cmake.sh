# Cases of tests/package/run, which sources this: CMake's ways to the library.

cmake_fetches_it() {
    build "$here/fetched" fetched -DFETCHCONTENT_SOURCE_DIR_DMHEAP="$top"
    "$work/fetched/fetched"
}
it_has_the_same_names_in_its_tree_and_installed() {
    install_it
    for installed in OFF ON; do
        build "$here/by_name" "by_name_$installed" -DDMHEAP_IS_INSTALLED=$installed -DCMAKE_PREFIX_PATH="$work/prefix"
        "$work/by_name_$installed/by_short_name"
        "$work/by_name_$installed/by_full_name"
    done
}
an_installed_library_of_another_major_version_is_not_taken() {
    install_it
    mkdir -p "$work/other_version"
    printf '%s\n' 'cmake_minimum_required(VERSION 3.10)' 'project(other C)' 'find_package(dmheap 2 REQUIRED)' \
        > "$work/other_version/CMakeLists.txt"
    refused=0
    cmake -S "$work/other_version" -B "$work/other" -DCMAKE_PREFIX_PATH="$work/prefix" > "$work/other.log" 2>&1 || refused=1
    cat "$work/other.log"
    [ $refused -eq 1 ] && grep -q 'version: 1.0.0' "$work/other.log"
}

check "CMake fetches it" cmake_fetches_it
check "it has the same names in its tree and installed" it_has_the_same_names_in_its_tree_and_installed
check "an installed library of another major version is not taken" an_installed_library_of_another_major_version_is_not_taken
