#include "base/keyed_hash.hpp"

#include <gtest/gtest.h>
#include <string>

namespace weir {
namespace {

constexpr HashKey authors_key{0x0706050403020100U, 0x0f0e0d0c0b0a0908U};

std::string first_bytes(std::size_t count) {
  std::string bytes;
  for (std::size_t i = 0; i < count; ++i) bytes.push_back(static_cast<char>(i));
  return bytes;
}

// The authors' vectors.h (vectors_sip128).
TEST(SipHash, EqualsTheAuthorsVectorsFor128Bits) {
  EXPECT_EQ(siphash_2_4_128(authors_key, {}),
            (Hash128{.low = 0xe6a825ba047f81a3U, .high = 0x930255c71472f66dU}));
  EXPECT_EQ(siphash_2_4_128(authors_key, first_bytes(1)),
            (Hash128{.low = 0x44af996bd8c187daU, .high = 0x45fc229b11597634U}));
}

// Rust's library/core test vectors for SipHasher13, and one vector of another implementation.
TEST(SipHash, EqualsRustsVectorsFor64Bits) {
  EXPECT_EQ(siphash_1_3(authors_key, {}), 0xabac0158050fc4dcU);
  EXPECT_EQ(siphash_1_3(authors_key, first_bytes(1)), 0xc9f49bf37d57ca93U);
  EXPECT_EQ(siphash_1_3(authors_key, first_bytes(15)), 0xd320d86d2a519956U);
}

TEST(KeyedHash, DependsOnEveryPartOfTheKey) {
  const HashKey first{authors_key.first + 1, authors_key.second};
  const HashKey second{authors_key.first, authors_key.second + 1};
  for (const HashKey& other : {first, second}) {
    EXPECT_NE(siphash_1_3(other, "text"), siphash_1_3(authors_key, "text"));
    EXPECT_NE(siphash_2_4_128(other, "text"), siphash_2_4_128(authors_key, "text"));
    EXPECT_NE(hash_number(other, 7), hash_number(authors_key, 7));
  }
  EXPECT_NE(hash_number(authors_key, 7, 1), hash_number(authors_key, 7, 2));
}

TEST(KeyedHash, ProcessHasOneRandomKey) {
  EXPECT_EQ(&process_hash_key(), &process_hash_key());
  EXPECT_NE(process_hash_key().first, process_hash_key().second);
  EXPECT_NE(process_hash_key().first, 0U);
}

}  // namespace
}  // namespace weir
