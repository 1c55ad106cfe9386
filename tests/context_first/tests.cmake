# The tests of a build of the context-first generation: its own, and those for the seed's that do not depend on what differs,
# with its calls made of the others.
set(DMHEAP_SEED_FACES -include ${CMAKE_CURRENT_SOURCE_DIR}/context_first/seed_faces.h)

dmheap_test(test_simple test_simple.c)
set_tests_properties(test_simple PROPERTIES PASS_REGULAR_EXPRESSION "All simple tests completed!")

add_library(dmheap_test_support STATIC support/fixture.c support/model.c)
target_include_directories(dmheap_test_support PUBLIC support)
target_link_libraries(dmheap_test_support PUBLIC dmheap)
target_compile_options(dmheap_test_support PRIVATE ${DMHEAP_TEST_WARNINGS} ${DMHEAP_SEED_FACES})

set(DMHEAP_TESTS_OF_CORE test_sizes test_every_pointer)
if(NOT DMHEAP_GUARD)
    list(APPEND DMHEAP_TESTS_OF_CORE test_explorer) # writes to free memory, to tell states apart
endif()
foreach(name ${DMHEAP_TESTS_OF_CORE})
    dmheap_test(${name} property/${name}.c)
endforeach()
if(DMOD_MODE STREQUAL "DMOD_SYSTEM")
    dmheap_test(test_threads property/test_threads.c)
    target_compile_options(test_threads PRIVATE ${DMHEAP_SEED_FACES})
    target_include_directories(test_threads PRIVATE support)
endif()
if(NOT DMHEAP_DONT_IMPLEMENT_DMOD_API)
    dmheap_test(test_dmheap_module module/test_module.c)
    list(APPEND DMHEAP_TESTS_OF_CORE test_dmheap_module)
    if(DMOD_MODE STREQUAL "DMOD_SYSTEM") # switches memory off
        dmheap_test(test_context_first context_first/test_context_first.c)
        target_include_directories(test_context_first PRIVATE ${CMOCKA_INCLUDE_DIR})
        target_link_libraries(test_context_first PRIVATE dmheap_test_support ${CMOCKA_LIBRARY})
    endif()
endif()
foreach(name ${DMHEAP_TESTS_OF_CORE})
    target_compile_options(${name} PRIVATE ${DMHEAP_SEED_FACES})
    target_include_directories(${name} PRIVATE ${CMOCKA_INCLUDE_DIR} ${PROJECT_SOURCE_DIR}/src)
    target_link_libraries(${name} PRIVATE dmheap_test_support ${CMOCKA_LIBRARY})
endforeach()
target_compile_options(test_simple PRIVATE ${DMHEAP_SEED_FACES})
