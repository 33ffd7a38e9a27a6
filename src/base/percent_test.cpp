#include "base/percent.hpp"

#include <gtest/gtest.h>

namespace weir {
namespace {

std::string decoded(std::string_view raw) {
  std::string out = "-";
  append_percent_decoded(out, raw);
  return out.substr(1);
}

TEST(Percent, DecodesBytesAndPlusSigns) {
  EXPECT_EQ(decoded("spring%20sale+2%2B1"), "spring sale 2+1");
  EXPECT_EQ(decoded("%e2%82%AC"), "\u20ac");
  EXPECT_EQ(decoded(""), "");
}

TEST(Percent, LeavesWhatIsNoEncodingAsItIs) {
  for (const char* const raw : {"%", "%2", "%zz", "100%", "%%", "a%g0"}) EXPECT_EQ(decoded(raw), raw);
  EXPECT_EQ(decoded("%%41"), "%A");
}

TEST(Percent, KnowsWhatItWouldChange) {
  EXPECT_TRUE(is_percent_encoded("a+b"));
  EXPECT_TRUE(is_percent_encoded("%41"));
  EXPECT_FALSE(is_percent_encoded("plain-text_~."));
}

}  // namespace
}  // namespace weir
