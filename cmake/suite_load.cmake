# How ctest runs the suites side by side. Most of them wait: for deadlines, sessions, minutes to become quiet. So
# scripts/test gives ctest three slots for each core. Here stands for each suite
#   SECONDS  how long it takes alone: those that take longest are started first (COST)
#   SLOTS    how many thirds of a core it keeps busy (PROCESSORS)
#   SHARES   in how many parts its tests are run side by side (WEIR_SHARE, tests/system/weir.py)
# TESTING.md has the measured seconds. A suite that is not named here takes little and keeps one slot busy.
function(weir_suite name seconds slots shares)
  set_property(GLOBAL PROPERTY weir_suite_${name} ${seconds} ${slots} ${shares})
endfunction()

#          name                          SECONDS SLOTS SHARES
weir_suite(simulation                         60     3     1)
weir_suite(tally_test                         60     3     1)

# The numbers of SHARES into the variable `out`.
function(weir_shares_of name out)
  get_property(load GLOBAL PROPERTY weir_suite_${name})
  set(shares 1)
  if(load)
    list(GET load 2 shares)
  endif()
  set(${out} ${shares} PARENT_SCOPE)
endfunction()

# `test`: the name of the whole suite `name`, or of one of its parts.
function(weir_set_load test name)
  get_property(load GLOBAL PROPERTY weir_suite_${name})
  if(NOT load)
    return()
  endif()
  list(GET load 0 seconds)
  list(GET load 1 slots)
  list(GET load 2 shares)
  math(EXPR cost "${seconds} / ${shares}")
  set_tests_properties(${test} PROPERTIES COST ${cost} PROCESSORS ${slots})
endfunction()
