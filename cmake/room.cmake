# A room is one folder of src/: `thing.hpp` (the promise), `thing.cpp`, `thing_test.cpp` side by side.
#
#   weir_room(tally DEPENDS base activity VENDOR PkgConfig::sqlite3)
#
# makes  weir_tally        from *.cpp
#        weir_tally_fakes  from fake_*.cpp, where there are any: fakes that other rooms' tests use too
#        tally_test        from *_test.cpp, where there are any; known to ctest by that name
# DEPENDS names the rooms that this one may include; tests/tidy holds that it includes no other.
function(weir_room name)
  cmake_parse_arguments(ROOM "" "" "DEPENDS;VENDOR;TEST_VENDOR;TEST_ROOMS" ${ARGN})
  set(here ${CMAKE_SOURCE_DIR}/src/${name})
  file(GLOB sources CONFIGURE_DEPENDS ${here}/*.cpp)
  list(FILTER sources EXCLUDE REGEX "/main\\.cpp$")
  file(GLOB tests CONFIGURE_DEPENDS ${here}/*_test.cpp)
  file(GLOB fakes CONFIGURE_DEPENDS ${here}/fake_*.cpp)
  list(FILTER fakes EXCLUDE REGEX "_test\\.cpp$")
  set(units ${sources})
  if(tests OR fakes)
    list(REMOVE_ITEM units ${tests} ${fakes})
  endif()

  set(rooms ${ROOM_DEPENDS})
  list(TRANSFORM rooms PREPEND weir_)
  if(units)
    add_library(weir_${name} STATIC ${units})
    set(kind PUBLIC)
    target_link_libraries(weir_${name} PRIVATE ${ROOM_VENDOR})  # a vendor's headers stay in their room
    weir_precompile(weir_${name} std)
  else()
    add_library(weir_${name} INTERFACE)
    set(kind INTERFACE)
  endif()
  target_include_directories(weir_${name} ${kind} ${CMAKE_SOURCE_DIR}/src)
  target_link_libraries(weir_${name} ${kind} ${rooms})

  set(under_test weir_${name})
  if(fakes)
    add_library(weir_${name}_fakes STATIC ${fakes})
    target_link_libraries(weir_${name}_fakes PUBLIC weir_${name})
    weir_precompile(weir_${name}_fakes std)
    list(APPEND under_test weir_${name}_fakes)
  endif()
  if(tests)
    list(TRANSFORM ROOM_TEST_ROOMS PREPEND weir_)
    add_executable(${name}_test ${tests})
    target_link_libraries(${name}_test PRIVATE ${under_test} ${ROOM_TEST_ROOMS} ${ROOM_TEST_VENDOR}
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
