# Warnings are errors everywhere: a warning that is allowed to stay is never read again.
add_compile_options(-Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wnon-virtual-dtor -Wold-style-cast
                    -Woverloaded-virtual -Wimplicit-fallthrough -Werror)
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  # g++ 12 reports these inside its own library at -O1 and above (gcc 105329, 105651), but for
  # missing-field-initializers, which it reports where a designated initializer leaves a member to its default.
  add_compile_options(-Wno-restrict -Wno-maybe-uninitialized -Wno-stringop-overread -Wno-stringop-overflow
                      -Wno-array-bounds -Wno-missing-field-initializers)
endif()

if(WEIR_SANITIZE)
  add_compile_options(-fsanitize=${WEIR_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=all)
  add_link_options(-fsanitize=${WEIR_SANITIZE})
  if(WEIR_SANITIZE MATCHES "thread")
    add_compile_options(-Wno-tsan)
  endif()
endif()
if(WEIR_COVERAGE)
  add_compile_options(--coverage -fprofile-update=atomic)
  add_link_options(--coverage)
endif()

find_program(CCACHE ccache)
if(CCACHE)
  # A precompiled header is found by content, so its time stamps and macros do not count. Paths are relative to the
  # tree, so that another clone finds the same objects.
  set(CMAKE_CXX_COMPILER_LAUNCHER ${CMAKE_COMMAND} -E env
      CCACHE_BASEDIR=${CMAKE_SOURCE_DIR} CCACHE_NOHASHDIR=true
      CCACHE_SLOPPINESS=pch_defines,time_macros,include_file_mtime,include_file_ctime ${CCACHE})
  add_compile_options(-fpch-preprocess)
endif()

# The program is position independent, and its relocations are read-only before main() runs. tests/system/hardening_test.py
# checks it. Builds with sanitizers are not for users.
if(NOT WEIR_SANITIZE)
  add_link_options(-pie -Wl,-z,relro -Wl,-z,now -Wl,-z,noexecstack)
endif()
