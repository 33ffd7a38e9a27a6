# A module is one folder of src/: `thing.hpp` (the contract), `thing.cpp` and `thing_test.cpp` side by side. Test support
# (fakes, contract suites, fixtures) lies in its subfolder testing/.
#
#   weir_module(tally DEPENDS base activity VENDOR PkgConfig::sqlite3)
#
# makes  weir_tally          from *.cpp
#        weir_tally_testing  from testing/*.cpp, if there are any; the tests of other modules may link it
#        tally_test          from *_test.cpp, if there are any; registered with ctest under that name
# DEPENDS names the modules that this one may include. tests/tidy checks that it includes no others.
# TEST_MODULES and TEST_VENDOR name what only the tests need.
function(weir_module name)
  cmake_parse_arguments(MODULE "" "" "DEPENDS;VENDOR;TEST_VENDOR;TEST_MODULES" ${ARGN})
  set(here ${CMAKE_SOURCE_DIR}/src/${name})
  file(GLOB sources CONFIGURE_DEPENDS ${here}/*.cpp)
  list(FILTER sources EXCLUDE REGEX "/main\\.cpp$")
  file(GLOB tests CONFIGURE_DEPENDS ${here}/*_test.cpp)
  file(GLOB support CONFIGURE_DEPENDS ${here}/testing/*.cpp)
  set(units ${sources})
  if(tests)
    list(REMOVE_ITEM units ${tests})
  endif()

  set(modules ${MODULE_DEPENDS})
  list(TRANSFORM modules PREPEND weir_)
  if(units)
    add_library(weir_${name} STATIC ${units})
    set(kind PUBLIC)
    target_link_libraries(weir_${name} PRIVATE ${MODULE_VENDOR})  # a vendor's headers stay in their module
    weir_precompile(weir_${name} std)
  else()
    add_library(weir_${name} INTERFACE)
    set(kind INTERFACE)
  endif()
  target_include_directories(weir_${name} ${kind} ${CMAKE_SOURCE_DIR}/src)
  target_link_libraries(weir_${name} ${kind} ${modules})

  set(under_test weir_${name})
  if(support)
    add_library(weir_${name}_testing STATIC ${support})
    target_link_libraries(weir_${name}_testing PUBLIC weir_${name})
    weir_precompile(weir_${name}_testing std)
    list(APPEND under_test weir_${name}_testing)
  endif()
  if(tests)
    list(TRANSFORM MODULE_TEST_MODULES PREPEND weir_)
    add_executable(${name}_test ${tests})
    target_link_libraries(${name}_test PRIVATE ${under_test} ${MODULE_TEST_MODULES} ${MODULE_TEST_VENDOR}
                                               GTest::gtest_main Threads::Threads)
    weir_precompile(${name}_test gtest)
    add_test(NAME ${name}_test COMMAND ${name}_test)
    set_tests_properties(${name}_test PROPERTIES LABELS unit TIMEOUT 1200)
    add_dependencies(unit_tests ${name}_test)
  endif()
endfunction()

# Two precompiled headers for the whole tree: the standard library's, and the same with GoogleTest.
function(weir_precompile target kind)
  if(NOT TARGET weir_pch_${kind})
    if(NOT EXISTS ${CMAKE_BINARY_DIR}/pch_${kind}.cpp)
      file(WRITE ${CMAKE_BINARY_DIR}/pch_${kind}.cpp "")
    endif()
    add_library(weir_pch_${kind} STATIC ${CMAKE_BINARY_DIR}/pch_${kind}.cpp)
    target_precompile_headers(weir_pch_${kind} PRIVATE ${CMAKE_SOURCE_DIR}/cmake/pch_${kind}.hpp)
    if(kind STREQUAL "gtest")
      target_link_libraries(weir_pch_gtest PRIVATE GTest::gtest)  # its macros are part of what is precompiled
    endif()
  endif()
  target_precompile_headers(${target} REUSE_FROM weir_pch_${kind})
endfunction()
