#include "tally/sketch.hpp"

#include <cmath>
#include <gtest/gtest.h>
#include <random>

#include "base/hash.hpp"
#include "tally/hll_format.hpp"

namespace weir::tally {
namespace {

std::uint64_t user(std::uint64_t number) {
  static std::vector<std::uint64_t> hashes;
  while (hashes.size() <= number) hashes.push_back(murmur3("user-" + std::to_string(hashes.size())).low);
  return hashes[number];
}

// Returns a sketch of the users first, first + 1, … in this number.
Sketch sketch_of(std::uint64_t count, std::uint64_t first = 0) {
  Sketch sketch;
  for (std::uint64_t i = 0; i < count; ++i) sketch.add(user(first + i));
  return sketch;
}

// Describes the bytes of a sketch in a short text, for the message of a failed test.
std::string digest(std::string_view bytes) {
  return std::to_string(bytes.size()) + " bytes, " + std::to_string(murmur3(bytes).low);
}
std::string digest(const Sketch& sketch) { return digest(sketch.encode()); }

std::string hex(std::string_view bytes) {
  std::string text;
  for (const char byte : bytes) {
    constexpr std::string_view digits = "0123456789abcdef";
    text += digits[static_cast<unsigned char>(byte) >> 4];
    text += digits[static_cast<unsigned char>(byte) & 15];
  }
  return text;
}

TEST(Sketch, IsExactToFourThousandAndNinetySix) {
  Sketch sketch;
  for (std::uint64_t i = 0; i < 4096; ++i) {
    ASSERT_TRUE(sketch.add(user(i)));
    ASSERT_EQ(sketch.estimate(), static_cast<std::int64_t>(i + 1));
  }
  EXPECT_TRUE(sketch.is_exact());
  EXPECT_EQ(sketch.relative_error(), 0.0);
  EXPECT_FALSE(sketch.add(user(7))) << "a user counts once";
  EXPECT_TRUE(sketch.is_exact());
  EXPECT_TRUE(sketch.add(user(4096)));
  EXPECT_FALSE(sketch.is_exact());
  EXPECT_EQ(sketch.relative_error(), 0.0081);
}

TEST(Sketch, StatesALargerErrorInTheRangeOfTheBias) {
  EXPECT_EQ(sketch_of(30'000).relative_error(), 0.0081);
  EXPECT_EQ(sketch_of(50'000).relative_error(), 0.027);
  EXPECT_EQ(sketch_of(80'000).relative_error(), 0.0081);
}

TEST(Sketch, HasTheHeaderOfTheExtension) {
  EXPECT_EQ(hex(Sketch().encode()), "118e4d");
  Sketch explicit_one;
  explicit_one.add(1);
  EXPECT_EQ(hex(explicit_one.encode()), "128e4d0000000000000001");
  EXPECT_EQ(hex(sketch_of(4097).encode()).substr(0, 6), "138e4d");
  EXPECT_EQ(hex(sketch_of(20'000).encode()).substr(0, 6), "148e4d");
}

TEST(Sketch, OrdersHashesAsSignedNumbers) {
  Sketch sketch;
  for (const std::uint64_t hash : {std::uint64_t{2}, ~std::uint64_t{0}, std::uint64_t{0}}) sketch.add(hash);
  EXPECT_EQ(hex(sketch.encode()), "128e4dffffffffffffffff00000000000000000000000000000002");
}

TEST(Sketch, EncodesRegistersAsSparseIfThatIsShorter) {
  for (const std::size_t filled : {1UL, 4311UL, 4312UL, hll::register_count}) {
    std::string bytes = hll::header(hll::Kind::full);
    bytes.resize(hll::header_bytes + hll::full_bytes);
    for (std::size_t i = 0; i < filled; ++i)
      hll::raise_packed(bytes, i, static_cast<std::uint8_t>(1 + i % 31));
    const auto sketch = Sketch::decode(bytes);
    ASSERT_TRUE(sketch);
    const std::string written = sketch->encode();
    EXPECT_EQ(written[0], filled <= 4311 ? 0x13 : 0x14) << filled;
    EXPECT_LE(written.size(), bytes.size());
    EXPECT_EQ(Sketch::decode(written)->cardinality(), sketch->cardinality());
  }
}

TEST(Sketch, CapsARegisterAndIgnoresAHashWithoutBits) {
  Sketch sketch = sketch_of(5000);
  const std::string before = sketch.encode();
  EXPECT_FALSE(sketch.add(0)) << "no bit above the register's number";
  EXPECT_EQ(digest(sketch), digest(before));
  EXPECT_TRUE(sketch.add(std::uint64_t{1} << 63));
  const std::string capped = sketch.encode();
  EXPECT_FALSE(sketch.add(std::uint64_t{1} << (14 + 30))) << "31 is the maximum of 5 bits";
  EXPECT_EQ(digest(sketch), digest(capped));
}

TEST(Sketch, CorrectsForTheLargeRange) {
  // All registers are so high that the estimator exceeds a thirtieth of the number of hashes.
  std::string bytes = hll::header(hll::Kind::full);
  bytes.resize(hll::header_bytes + hll::full_bytes);
  for (std::size_t i = 0; i < hll::register_count; ++i) hll::raise_packed(bytes, i, 28);
  const double range = std::pow(2.0, 44);
  const double estimator = 0.7213 / (1 + 1.079 / 16384) * 16384.0 * std::pow(2.0, 28);
  ASSERT_GT(estimator, range / 30);
  EXPECT_NEAR(Sketch::decode(bytes)->cardinality(), -range * std::log(1 - estimator / range), 1e-3);
}

TEST(Sketch, EstimatesANumberForAnyRegisters) {
  std::string bytes = hll::header(hll::Kind::full);
  bytes.resize(hll::header_bytes + hll::full_bytes);
  for (std::size_t i = 0; i < hll::register_count; ++i) hll::raise_packed(bytes, i, 31);
  EXPECT_TRUE(std::isnan(Sketch::decode(bytes)->cardinality()));
  EXPECT_EQ(Sketch::decode(bytes)->estimate(), std::int64_t{1} << 44);
}

TEST(Sketch, IsCopiedDeeply) {
  for (const std::uint64_t size : {1U, 100U, 5000U}) {
    const Sketch original = sketch_of(size);
    Sketch copy = original;
    copy.add(user(200'000));
    EXPECT_EQ(digest(original), digest(sketch_of(size)));
  }
}

struct Broken {
  const char* why;
  std::string bytes;
};

std::string bytes_of(std::initializer_list<int> values) {
  std::string bytes;
  for (const int value : values) bytes.push_back(static_cast<char>(value));
  return bytes;
}

// Returns an explicit sketch of these hashes in this order.
std::string explicit_of(std::initializer_list<std::uint64_t> hashes) {
  std::string bytes = hll::header(hll::Kind::exact);
  for (const std::uint64_t hash : hashes) hll::append_hash(bytes, hash);
  return bytes;
}

std::vector<Broken> broken_sketches() {
  const std::string header = hll::header(hll::Kind::exact);
  std::string too_many = header;
  for (std::uint64_t i = 0; i <= 4096; ++i) hll::append_hash(too_many, i);
  const std::string full = sketch_of(20'000).encode();
  const std::string sparse = sketch_of(4100).encode();
  return {
      {"nothing at all", ""},
      {"shorter than a header", bytes_of({0x12, 0x8e})},
      {"version 0", bytes_of({0x01, 0x8e, 0x4d})},
      {"version 2", bytes_of({0x21, 0x8e, 0x4d})},
      {"undefined", bytes_of({0x10, 0x8e, 0x4d})},
      {"unknown kind", bytes_of({0x15, 0x8e, 0x4d})},
      {"log2m 11", bytes_of({0x11, 0x8b, 0x4d})},
      {"regwidth 6", bytes_of({0x11, 0xae, 0x4d})},
      {"expthresh auto", bytes_of({0x11, 0x8e, 0x7f})},
      {"sparse off", bytes_of({0x11, 0x8e, 0x0d})},
      {"unused bit", bytes_of({0x11, 0x8e, 0xcd})},
      {"empty with a body", bytes_of({0x11, 0x8e, 0x4d, 0})},
      {"explicit without a hash", header},
      {"explicit, cut", explicit_of({1, 2}).substr(0, 18)},
      {"explicit, more than 4096", too_many},
      {"explicit, descending", explicit_of({2, 1})},
      {"explicit, repeated", explicit_of({1, 1})},
      {"explicit, ascending as unsigned numbers", explicit_of({1, ~std::uint64_t{0}})},
      {"sparse, cut", sparse.substr(0, sparse.size() - 2)},
      {"sparse, a byte too many", sparse + '\0'},
      {"sparse, bits after the end", bytes_of({0x13, 0x8e, 0x4d, 0x00, 0x00, 0x21})},
      {"sparse, value 0", bytes_of({0x13, 0x8e, 0x4d, 0x00, 0x04, 0x00})},
      {"sparse, repeated", bytes_of({0x13, 0x8e, 0x4d, 0x00, 0x00, 0x20, 0x00, 0x04})},
      {"sparse, more registers than there are", bytes_of({0x13, 0x8e, 0x4d}) + std::string(40'000, '\0')},
      {"full, cut", full.substr(0, full.size() - 1)},
      {"full, a byte too many", full + '\0'},
  };
}

TEST(Sketch, RefusesBytesThatTheExtensionDoesNotWrite) {
  for (const auto& [why, bytes] : broken_sketches()) {
    const auto sketch = Sketch::decode(bytes);
    ASSERT_FALSE(sketch) << why;
    EXPECT_EQ(sketch.error().code, "sketch_broken") << why;
    EXPECT_EQ(sketch.error().kind, ErrorKind::internal) << why;
    std::string stored = bytes;
    EXPECT_FALSE(unite_into(stored, sketch_of(10'000))) << why;
    EXPECT_EQ(digest(stored), digest(bytes)) << why;
  }
}

TEST(Sketch, AcceptsASparseSketchOfAnyLength) {
  // Entries of 19 bits: registers 0 and 1 with the values 1 and 2.
  EXPECT_EQ(Sketch::decode(bytes_of({0x13, 0x8e, 0x4d, 0x00, 0x00, 0x20, 0x00, 0x88}))->encode(),
            bytes_of({0x13, 0x8e, 0x4d, 0x00, 0x00, 0x20, 0x00, 0x88}));
  EXPECT_EQ(Sketch::decode(bytes_of({0x13, 0x8e, 0x4d}))->cardinality(), 0.0);
}

TEST(Sketch, NeverReadsBeyondTheEndOfDamagedBytes) {
  std::mt19937_64 random(5);
  for (const std::uint64_t size : {3U, 300U, 4200U, 6000U}) {
    const std::string good = sketch_of(size).encode();
    for (int round = 0; round < 300; ++round) {
      std::string bytes = good.substr(0, random() % 3 == 0 ? random() % good.size() : good.size());
      for (std::size_t i = random() % 4; i > 0 && !bytes.empty(); --i)
        bytes[random() % std::min<std::size_t>(bytes.size(), 40)] = static_cast<char>(random());
      Sketch sketch = sketch_of(random() % 200);
      (void)sketch.unite_encoded(std::string(bytes));
      (void)unite_into(bytes, sketch_of(random() % 200));
    }
  }
}

}  // namespace
}  // namespace weir::tally
