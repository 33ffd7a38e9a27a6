#include "importer/running_hash.hpp"

#include <gtest/gtest.h>

namespace weir::importer {
namespace {

std::string bytes_of(std::size_t count) {
  std::string bytes(count, '\0');
  for (std::size_t at = 0; at < count; ++at) bytes[at] = static_cast<char>(at * 31 + at / 251);
  return bytes;
}

TEST(RunningHash, DoesNotDependOnTheSizesOfTheReads) {
  const std::string bytes = bytes_of(20'000);
  RunningHash whole;
  whole.add(bytes);
  for (const std::size_t chunk : {1U, 7U, 4095U, 4096U, 4097U, 8192U, 19'999U}) {
    RunningHash pieces;
    for (std::size_t at = 0; at < bytes.size(); at += chunk)
      pieces.add(std::string_view(bytes).substr(at, chunk));
    EXPECT_EQ(pieces.at(), whole.at()) << chunk;
  }
}

TEST(RunningHash, DiffersForEveryLengthAndByte) {
  const std::string bytes = bytes_of(9000);
  std::set<Hash128> seen;
  RunningHash hash;
  seen.insert(hash.at());
  for (const char c : bytes) {
    hash.add({&c, 1});
    EXPECT_TRUE(seen.insert(hash.at()).second);
  }
  std::string other = bytes;
  other[10] ^= 1;
  RunningHash changed;
  changed.add(other);
  EXPECT_NE(changed.at(), hash.at());
}

TEST(Hex, ReadsWhatItWrites) {
  const Hash128 hash{.low = 0x0123456789abcdefU, .high = 0xfedcba9876543210U};
  EXPECT_EQ(to_hex(hash), "fedcba98765432100123456789abcdef");
  EXPECT_EQ(hash_from_hex(to_hex(hash)), hash);
  EXPECT_EQ(hash_from_hex("fedcba98765432100123456789abcde"), std::nullopt);
  EXPECT_EQ(hash_from_hex("fedcba98765432100123456789abcdeg"), std::nullopt);
}

}  // namespace
}  // namespace weir::importer
