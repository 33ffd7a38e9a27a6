// Attacks on hash tables by a client that knows this code and chooses colliding keys. In each table, 40,000
// of these keys may cost at most three times as much as ordinary ones. The tests count comparisons and
// probes, not time.
#include <bit>
#include <boost/unordered/unordered_flat_map.hpp>
#include <boost/unordered/unordered_flat_set.hpp>
#include <cstring>
#include <functional>
#include <gtest/gtest.h>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/hash.hpp"
#include "base/keyed_hash.hpp"
#include "tally/dedupe.hpp"
#include "tally/tally.hpp"
#include "tally/user_set.hpp"
#include "tally/window_name.hpp"

namespace weir::tally {
namespace {

constexpr std::size_t keys = 40'000;

std::string bytes_of(std::uint64_t first, std::uint64_t second) {
  std::string bytes(16, '\0');
  std::memcpy(bytes.data(), &first, 8);
  std::memcpy(bytes.data() + 8, &second, 8);
  return bytes;
}

// The inverse of an odd number modulo 2^64, by Newton's method.
constexpr std::uint64_t inverse(std::uint64_t odd) {
  std::uint64_t result = odd;
  for (int i = 0; i < 6; ++i) result *= 2 - odd * result;
  return result;
}

// Returns texts of 16 bytes with equal std::hash (libstdc++'s _Hash_bytes: MurmurHash64A with a constant
// seed). The second word of each text cancels the effect of the first one.
std::vector<std::string> texts_of_one_std_hash() {
  constexpr std::uint64_t mul = 0xc6a4a7935bd1e995U;
  constexpr std::uint64_t start = 0xc70f6907U ^ (16 * mul);
  constexpr std::uint64_t wanted = 0x0123456789abcdefU;
  const auto shift_mix = [](std::uint64_t v) { return v ^ (v >> 47); };  // its own inverse
  std::vector<std::string> texts;
  for (std::uint64_t i = 0; i < keys; ++i) {
    const std::uint64_t after_first = (start ^ shift_mix(i * mul) * mul) * mul;
    const std::uint64_t second = after_first ^ wanted;
    texts.push_back(bytes_of(i, shift_mix(second * inverse(mul)) * inverse(mul)));
  }
  return texts;
}

std::vector<std::string> ordinary_texts() {
  std::vector<std::string> texts;
  for (std::size_t i = 0; i < keys; ++i) texts.push_back("/products/" + std::to_string(i));
  return texts;
}

std::size_t comparisons = 0;
struct CountingEqual {
  using is_transparent = void;
  bool operator()(const auto& a, const auto& b) const {
    ++comparisons;
    return a == b;
  }
};

// Inserts each key, then looks up each key.
template <class Table, class Keys>
std::size_t comparisons_in(const Keys& all, auto to_key) {
  Table table;
  comparisons = 0;
  for (const auto& key : all) table.insert(to_key(key));
  for (const auto& key : all) EXPECT_EQ(table.count(to_key(key)), 1U);
  EXPECT_EQ(table.size(), keys);
  return comparisons;
}

TEST(CollidingKeys, HaveEqualStdHashes) {
  const std::vector<std::string> texts = texts_of_one_std_hash();
  for (const std::string& text : texts)
    ASSERT_EQ(std::hash<std::string_view>()(text), std::hash<std::string_view>()(texts.front()));
}

TEST(CollidingKeys, Fault39CostNoMoreThanOrdinaryOnesInTheTablesOfWindows) {
  using Table = boost::unordered_flat_set<WindowName, WindowNameHash, CountingEqual>;
  for (const Dimension dimension : {Dimension::page, Dimension::activity_type, first_own_dimension}) {
    const auto name_of_text = [dimension](const std::string& text) {
      return WindowName{Granularity::minute, dimension, {}, text};
    };
    const std::size_t ordinary = comparisons_in<Table>(ordinary_texts(), name_of_text);
    EXPECT_LE(comparisons_in<Table>(texts_of_one_std_hash(), name_of_text), 3 * ordinary);
  }
}

TEST(CollidingKeys, Fault39HaveDifferentHashesInATally) {
  Tally tally(std::chrono::days{7});
  const std::vector<std::string> texts = texts_of_one_std_hash();
  for (const std::string& text : texts) {
    const EventValue value{Dimension::activity_type, text};
    tally.add({.values = {&value, 1}}, 1, RecordTime{});
  }
  EXPECT_EQ(tally.deltas().size(), keys);
  for (const WindowDelta& delta : tally.deltas()) EXPECT_EQ(delta.same_hash, 0U);
}

TEST(CollidingKeys, Fault39CostNoMoreThanOrdinaryOnesInTheTableOfAReport) {
  using Table = std::unordered_map<std::string, int, TextHash, CountingEqual>;
  const auto entry_of = [](const std::string& text) { return std::pair(text, 0); };
  const auto count = [&](const std::vector<std::string>& texts) {
    Table table;
    comparisons = 0;
    for (const std::string& text : texts) table.insert(entry_of(text));
    for (const std::string& text : texts) EXPECT_TRUE(table.contains(std::string_view(text)));
    return comparisons;
  };
  const std::size_t ordinary = count(ordinary_texts());
  EXPECT_LE(count(texts_of_one_std_hash()), 3 * ordinary);
}

// Murmur3 is invertible, so a client can choose a user id for any value of murmur3(user_id).low.
TEST(CollidingKeys, Fault39CostNoMoreThanOrdinaryOnesInAUserSet) {
  using Table = boost::unordered_flat_set<std::uint64_t, UserSet::Hash, CountingEqual>;
  const auto itself = [](std::uint64_t hash) { return hash; };
  std::vector<std::uint64_t> ordinary;
  for (std::size_t i = 0; i < keys; ++i) ordinary.push_back(murmur3("user-" + std::to_string(i)).low);
  const std::size_t most = 3 * comparisons_in<Table>(ordinary, itself);
  for (const int shift : {0, 16, 32, 48}) {  // hashes that differ in 16 bits only
    std::vector<std::uint64_t> colliding;
    for (std::uint64_t i = 0; i < keys; ++i) colliding.push_back(i << shift);
    EXPECT_LE(comparisons_in<Table>(colliding, itself), most) << shift;
  }
}

// Returns a message_id of 16 bytes for a user_id of 8 bytes, so that Murmur3 of length, user_id and
// message_id is `hash`. Inverts the steps of Murmur3 from the last one to the first one.
std::string message_id_for(const std::string& user_id, Hash128 hash) {
  constexpr std::uint64_t c1 = 0x87c37b91114253d5U;
  constexpr std::uint64_t c2 = 0x4cf5ad432745937fU;
  const auto mix_low = [](std::uint64_t k) { return std::rotl(k * c1, 31) * c2; };
  const auto mix_high = [](std::uint64_t k) { return std::rotl(k * c2, 33) * c1; };
  const auto unfinish = [](std::uint64_t k) {
    k ^= k >> 33;
    k *= inverse(0xc4ceb9fe1a85ec53U);
    k ^= k >> 33;
    k *= inverse(0xff51afd7ed558ccdU);
    return k ^ (k >> 33);
  };
  std::uint64_t first = 8;
  std::uint64_t second = 0;
  std::memcpy(&second, user_id.data(), 8);
  const std::uint64_t low = std::rotl(mix_low(first), 27) * 5 + 0x52dce729;
  const std::uint64_t high = (std::rotl(mix_high(second), 31) + low) * 5 + 0x38495ab5;

  hash.high -= hash.low;
  hash.low -= hash.high;
  hash = {unfinish(hash.low), unfinish(hash.high)};
  hash.high -= hash.low;
  hash.low -= hash.high;
  hash.low ^= 32;
  hash.high ^= 32;
  const std::uint64_t mixed_low = low ^ std::rotr((hash.low - 0x52dce729) * inverse(5) - high, 27);
  const std::uint64_t mixed_high = high ^ std::rotr((hash.high - 0x38495ab5) * inverse(5) - hash.low, 31);
  return bytes_of(std::rotr(mixed_low * inverse(c2), 31) * inverse(c1),
                  std::rotr(mixed_high * inverse(c1), 33) * inverse(c2));
}

// Counts the probes of inserts into a table like that of Dedupe: open addressing by the low 32 bits of a
// fingerprint, at most half full.
std::size_t probes_of(const std::vector<Hash128>& fingerprints) {
  std::vector<bool> taken(std::bit_ceil(2 * fingerprints.size()));
  std::size_t probes = 0;
  for (const Hash128& fingerprint : fingerprints) {
    std::size_t slot = static_cast<std::uint32_t>(fingerprint.low) & (taken.size() - 1);
    for (++probes; taken[slot]; slot = (slot + 1) & (taken.size() - 1)) ++probes;
    taken[slot] = true;
  }
  return probes;
}

TEST(CollidingKeys, Fault39CostNoMoreThanOrdinaryOnesInTheDedupe) {
  const std::string user_id = "attacker";
  std::vector<Hash128> ordinary;
  std::vector<Hash128> colliding;
  for (std::uint64_t i = 0; i < keys; ++i) {
    const Hash128 wanted{i << 40, i};
    const std::string message_id = message_id_for(user_id, wanted);
    if (i < 10) {
      ASSERT_EQ(murmur3(std::string("\x08\0\0\0\0\0\0\0", 8) + user_id + message_id), wanted);
    }
    ordinary.push_back(fingerprint(user_id, "message " + std::to_string(i)));
    colliding.push_back(fingerprint(user_id, message_id));
  }
  EXPECT_LE(probes_of(colliding), 3 * probes_of(ordinary));
}

}  // namespace
}  // namespace weir::tally
