#include "importer/source.hpp"

#include <fstream>
#include <gtest/gtest.h>

#include "importer/testing/fake_input.hpp"

namespace weir::importer {
namespace {

TEST(Source, ReadsNoFurtherThanAsked) {
  int reads = 0;
  Source source([&reads](std::span<char> buffer) -> Result<std::size_t> {
    ++reads;
    buffer[0] = 'x';
    return 1;
  });
  source.fill(10);
  const int before = reads;
  source.fill(5);
  EXPECT_EQ(reads, before);
  EXPECT_GE(source.buffered().size(), 10U);
}

TEST(Source, ReturnsTheSameBytesPlainAndGzipped) {
  std::string bytes;
  for (int at = 0; at < 10'000; ++at) bytes += access_line(at % 200, at);
  for (const std::string& stored : {bytes, gzipped(bytes)}) {
    Source source(read_from_string(stored, 10'007));
    std::string got;
    for (source.fill(1); !source.buffered().empty(); source.fill(1)) {
      got += source.buffered();
      source.consume(source.buffered().size());
    }
    EXPECT_EQ(got, bytes);
    EXPECT_TRUE(source.ended());
    EXPECT_FALSE(source.error());
    EXPECT_EQ(source.position(), bytes.size());
    EXPECT_EQ(source.raw_bytes_read(), stored.size());
  }
}

TEST(Source, SkipsNulBytesAtTheBeginning) {
  const std::string bytes = "a" + std::string(3, '\0') + "b";
  for (const std::size_t chunk : {1U, 1000U}) {
    Source source(read_from_string(std::string(300'000, '\0') + bytes, chunk * 1000));
    source.fill(1);
    EXPECT_EQ(source.position(), 0U);
    source.fill(100);
    EXPECT_EQ(source.buffered(), bytes);
    source.consume(5);
    Source without(read_from_string(bytes));
    without.fill(5);
    without.consume(5);
    EXPECT_EQ(source.hash(), without.hash());
  }
}

TEST(Source, ComputesTheHashBeforeItConsumes) {
  Source source(read_from_string("hello, world, and all that is in it"));
  source.fill(20);
  const Hash128 expected = source.hash_after(12);
  source.consume(5);
  source.consume(7);
  EXPECT_EQ(source.hash(), expected);
  EXPECT_TRUE(source.buffered().starts_with(", and"));
}

TEST(Source, ConsumesUpToAPositionOrReportsAnEarlierEnd) {
  const std::string bytes(700'000, 'a');
  Source source(read_from_string(bytes));
  EXPECT_TRUE(source.consume_up_to(600'001));
  EXPECT_EQ(source.position(), 600'001U);
  EXPECT_TRUE(source.consume_up_to(700'000));
  EXPECT_FALSE(source.consume_up_to(700'001));
  EXPECT_FALSE(source.consume_up_to(1));
}

TEST(Source, ReturnsTheGoodPartOfADamagedFileAndTheError) {
  const std::string bytes(200'000, 'b');
  const std::string stored = gzipped(bytes);
  Source source(read_from_string(stored.substr(0, stored.size() - 70'000)));
  source.fill(bytes.size());
  EXPECT_TRUE(source.ended());
  ASSERT_TRUE(source.error());
  EXPECT_EQ(source.error()->code, "bad_encoding");
  EXPECT_GT(source.buffered().size(), 65'000U);
}

// A zstd frame of two thousand RLE blocks, which each say "this byte, 128 KiB of it" (RFC 8878, 3.1.1.2).
TEST(Source, InflatesNoFurtherThanAsked) {
  std::string stored("\x28\xb5\x2f\xfd\x00\x38", 6);  // a window of 128 KiB
  constexpr int blocks = 2000;
  for (int block = 1; block <= blocks; ++block) {
    const unsigned header = (131072U << 3U) | (1U << 1U) | (block == blocks ? 1U : 0U);
    for (int at = 0; at < 3; ++at)
      stored += static_cast<char>((header >> (8U * static_cast<unsigned>(at))) & 0xFFU);
    stored += 'z';
  }
  Source source(read_from_string(stored));
  source.fill(1000);
  EXPECT_FALSE(source.error());
  EXPECT_GE(source.buffered().size(), 1000U);
  EXPECT_LE(source.buffered().size(), 1000U + decompress::Inflater::piece_bytes_max);
  EXPECT_TRUE(source.consume_up_to(131072ULL * blocks));
  source.fill(1);
  EXPECT_TRUE(source.ended() && source.buffered().empty() && !source.error());
}

TEST(OpenFile, ReportsWhyItCannotBeRead) {
  const TempDir folder;
  EXPECT_EQ(open_file(folder.path() / "missing").error().code, "file_unreadable");
  EXPECT_EQ(open_file(folder.path()).error().text, "it is a folder: expected a file");
}

TEST(OpenFile, KnowsTheSizeOfAFile) {
  const TempDir folder;
  std::ofstream(folder.path() / "a.log") << "12345";
  auto file = open_file(folder.path() / "a.log");
  ASSERT_TRUE(file);
  EXPECT_EQ(file->bytes, 5U);
  Source source(std::move(file->read), file->bytes);
  source.fill(100);
  EXPECT_EQ(source.buffered(), "12345");
}

}  // namespace
}  // namespace weir::importer
