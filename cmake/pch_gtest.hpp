// Precompiled for the tests: the standard headers and GoogleTest.
#include <gtest/gtest.h>

#include "pch_std.hpp"
