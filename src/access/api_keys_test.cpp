#include "access/api_keys.hpp"

#include <gtest/gtest.h>

#include "access/basic_credentials.hpp"
#include "base/hex.hpp"
#include "base/limits.hpp"

namespace weir::access {
namespace {

TEST(Digest, IsSha256) {
  std::string hex;
  for (const std::uint8_t byte : digest_of("abc")) {
    hex += hex_digits[byte >> 4];
    hex += hex_digits[byte & 15];
  }
  EXPECT_EQ(hex,
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");  // FIPS 180-4, example 1
  EXPECT_TRUE(is_equal(digest_of("abc"), digest_of("abc")));
  EXPECT_FALSE(is_equal(digest_of("abc"), digest_of("abd")));
}

TEST(ApiKeys, AreFoundByTheirWholeSecretAlone) {
  const ApiKeys keys(*parse_api_keys("web:s3cret, app : other ,batch:a:b:c"));
  ASSERT_EQ(keys.all().size(), 3u);
  EXPECT_EQ(keys.all()[1].name, "app");
  EXPECT_EQ(keys.find("s3cret"), 0u);
  EXPECT_EQ(keys.find("other"), 1u);
  EXPECT_EQ(keys.find("a:b:c"), 2u) << "a secret may contain colons";
  for (const std::string_view unknown :
       {"", "s3cre", "s3cretx", "S3CRET", "web", "web:s3cret", " s3cret", "a"})
    EXPECT_FALSE(keys.find(unknown)) << unknown;
  EXPECT_FALSE(keys.find(std::string_view("s3cret\0", 7)));
  EXPECT_FALSE(keys.find(std::string(1'000'000, 'x')));
  EXPECT_FALSE(ApiKeys().find("s3cret"));
}

TEST(ApiKeys, OfAnyLengthUpToTheLimitAreFound) {
  const std::string longest(limits::api_key_bytes_max, 'k');
  EXPECT_EQ(ApiKeys(*parse_api_keys("long:" + longest)).find(longest), 0u);
}

TEST(ApiKeys, AreRefusedWithTheNumberOfTheEntryAndWithoutAnySecret) {
  struct Case {
    std::string text, error;
  };
  const std::string name_rule = "its name must be 1 to 64 letters, digits, '.', '_' or '-'";
  for (const Case& one : {
           Case{"hunter2", "entry 1: there is no ':' in it"},
           Case{"web:hunter2,", "entry 2: there is no ':' in it"},
           Case{",web:hunter2", "entry 1: there is no ':' in it"},
           Case{" ", "entry 1: there is no ':' in it"},
           Case{":hunter2", "entry 1: " + name_rule},
           Case{"a web:hunter2", "entry 1: " + name_rule},
           Case{"wéb:hunter2", "entry 1: " + name_rule},
           Case{std::string(65, 'n') + ":hunter2", "entry 1: " + name_rule},
           Case{"web:", "entry 1: its secret is empty"},
           Case{"web: ,app:hunter2", "entry 1: its secret is empty"},
           Case{"web:hunter 2", "entry 1: its secret has a character that is not visible ASCII"},
           Case{"web:hünter2", "entry 1: its secret has a character that is not visible ASCII"},
           Case{"web:" + std::string(257, 'k'), "entry 1: its secret is longer than 256 bytes"},
           Case{"web:a,app:hunter2,web:c", "entry 3: its name is that of an earlier entry"},
           Case{"web:hunter2,app:hunter2", "entry 2: its secret is that of an earlier entry"},
       }) {
    const auto parsed = parse_api_keys(one.text);
    ASSERT_FALSE(parsed) << one.text;
    EXPECT_EQ(parsed.error(), one.error);
    EXPECT_FALSE(parsed.error().contains("hunter")) << parsed.error();
  }
}

TEST(ApiKeys, AreLimitedInNumber) {
  std::string text = "k0:s0";
  for (std::size_t number = 1; number < limits::api_keys_max; ++number)
    text += ",k" + std::to_string(number) + ":s" + std::to_string(number);
  EXPECT_TRUE(parse_api_keys(text));
  EXPECT_EQ(parse_api_keys(text + ",more:more").error(), "entry 101: it is one more than 100");
}

TEST(BasicCredentials, AreUserAndPasswordInBase64) {
  struct Case {
    std::string_view base64, user, password;
  };
  for (const Case& one :
       {Case{"d2VpcjpzM2NyZXQ=", "weir", "s3cret"}, Case{"d2VpcjpzM2NyZXQ", "weir", "s3cret"},
        Case{"czNjcmV0Og==", "s3cret", ""}, Case{"czNjcmV0Og", "s3cret", ""}, Case{"OnA=", "", "p"},
        Case{"YTpiOmM=", "a", "b:c"}, Case{"Og==", "", ""}}) {
    const auto parsed = parse_basic_credentials(one.base64);
    ASSERT_TRUE(parsed) << one.base64;
    EXPECT_EQ(parsed->user, one.user);
    EXPECT_EQ(parsed->password, one.password);
  }
}

TEST(BasicCredentials, AreWrittenAsTheyAreRead) {
  EXPECT_EQ(to_base64({"weir", "s3cret"}), "d2VpcjpzM2NyZXQ=");
  for (const std::string password : {"", "p", "a:b", "pässword"})
    EXPECT_EQ(parse_basic_credentials(to_base64({"weir", password}))->password, password);
}

TEST(BasicCredentials, AreNothingElse) {
  for (const std::string_view text :
       {"", "=", "==", "====", "d2VpcjpzM2NyZXQ===", "d2Vpcg==", "d2Vp cjpz", "d2Vp\n", "!!!!",
        "d2VpcjpzM2NyZXQ=x", "d", "d2VpcjpzM2N-_w==", "\xff\xff\xff\xff"})
    EXPECT_FALSE(parse_basic_credentials(text)) << text;
  EXPECT_FALSE(parse_basic_credentials(std::string(5000, 'A')));
}

}  // namespace
}  // namespace weir::access
