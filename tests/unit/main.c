/*
 * Runs all groups of unit tests.
 */
#include "unit.h"

int main( void )
{
    int failed = 0;
    failed += test_init();
    failed += test_allocation();
    failed += test_reallocation();
    failed += test_pointers();
    failed += test_modules();
    failed += test_contexts();
    failed += test_inspection();
    failed += test_steps();
    failed += test_vanishing();
    failed += test_damage();
    failed += test_dmod_api();
    failed += test_limits();
    failed += test_fits();
    failed += test_handles();
    failed += test_heaps();
    failed += test_refusals();
    failed += test_log();
    failed += test_names();
    return failed != 0;
}
