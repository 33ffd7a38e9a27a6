#include "base/hash.hpp"

namespace weir {
namespace {

// Values of the reference implementation (smhasher, MurmurHash3_x64_128), printed by PostgreSQL's
// hll_hash_text() as signed numbers.
TEST(Murmur3, EmptyTextHashesToZero) { EXPECT_EQ(murmur3(""), (Hash128{0, 0})); }

TEST(Murmur3, DependsOnEveryByteForEachLength) {
  std::string text;
  std::set<std::pair<std::uint64_t, std::uint64_t>> seen;
  for (int length = 0; length < 64; ++length) {
    const Hash128 whole = murmur3(text);
    EXPECT_TRUE(seen.insert({whole.low, whole.high}).second) << length;
    for (std::size_t at = 0; at < text.size(); ++at) {
      std::string other = text;
      other[at] = static_cast<char>(other[at] ^ 1);
      EXPECT_NE(murmur3(other), whole) << "byte " << at << " of " << length;
    }
    text.push_back(static_cast<char>('a' + length % 26));
  }
}

}  // namespace
}  // namespace weir
