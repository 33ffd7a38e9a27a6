#include "base64/base64.hpp"

#include <array>
#include <gtest/gtest.h>

namespace weir {
namespace {

struct Vector {
  std::string_view bytes;
  std::string_view text;
};
// RFC 4648 §10, and bytes that need the last two characters of the alphabet.
constexpr std::array<Vector, 8> vectors{{{"", ""},
                                         {"f", "Zg=="},
                                         {"fo", "Zm8="},
                                         {"foo", "Zm9v"},
                                         {"foob", "Zm9vYg=="},
                                         {"fooba", "Zm9vYmE="},
                                         {"foobar", "Zm9vYmFy"},
                                         {{"\xfb\xff\0", 3}, "+/8A"}}};

TEST(Base64, FollowsTheVectorsOfTheRfc) {
  for (const auto& [bytes, text] : vectors) {
    EXPECT_EQ(encode_base64(bytes), text);
    EXPECT_EQ(decode_base64(text, Base64Padding::required), bytes) << text;
    EXPECT_EQ(decode_base64(text, Base64Padding::optional), bytes) << text;
    const auto bare = text.substr(0, text.find('='));
    EXPECT_EQ(decode_base64(bare, Base64Padding::optional), bytes) << bare;
    if (bare != text) {
      EXPECT_EQ(decode_base64(bare, Base64Padding::required), std::nullopt) << bare;
    }
  }
}

TEST(Base64, RefusesWhatIsNoBase64) {
  for (const std::string_view text : {"Zg===", "====", "Z", "Z===", "Zm9vY", "Zg==Zm9v", "Z=g=", " Zm9v",
                                      "Zm9v\r\n", "Zm 9", "Zm9-", "Zm9_"})
    for (const auto padding : {Base64Padding::required, Base64Padding::optional})
      EXPECT_EQ(decode_base64(text, padding), std::nullopt) << text;
}

}  // namespace
}  // namespace weir
