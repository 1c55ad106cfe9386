# Cases of tests/package/run, which sources this: the files by which package managers know dmheap.

platformio_finds_what_its_manifest_names() {
    "$here/metadata" "$work/metadata" platformio
}
esp_idf_builds_the_component() {
    "$here/metadata" "$work/metadata" esp_idf
}
zephyr_builds_the_module() {
    "$here/metadata" "$work/metadata" zephyr
}
dmod_finds_what_its_package_names() {
    "$here/metadata" "$work/metadata" dmod
}
package_files_say_the_same_version() {
    "$here/metadata" "$work/metadata" versions
}

if [ "${2:-}" != few ]; then
    check "PlatformIO finds what its manifest names" platformio_finds_what_its_manifest_names
    check "ESP-IDF builds the component" esp_idf_builds_the_component
    check "Zephyr builds the module" zephyr_builds_the_module
    check "DMOD finds what its package names" dmod_finds_what_its_package_names
    check "package files say the header's version and defaults" package_files_say_the_same_version
fi
