#include "importer/source.hpp"

#include <fstream>
#include <gtest/gtest.h>

#include "importer/testing/fake_input.hpp"

namespace weir::importer {
namespace {

TEST(Source, ReadsOnlyAsFarAsIsWanted) {
  int reads = 0;
  Source source([&reads](std::span<char> room) -> Result<std::size_t> {
    ++reads;
    room[0] = 'x';
    return 1;
  });
  source.want(10);  // before that many have come, the head tells no format yet
  const int before = reads;
  source.want(5);
  EXPECT_EQ(reads, before);
  EXPECT_GE(source.ahead().size(), 10U);
}

TEST(Source, GivesTheSameBytesPlainAndGzipped) {
  std::string bytes;
  for (int at = 0; at < 10'000; ++at) bytes += access_line(at % 200, at);
  for (const std::string& stored : {bytes, gzipped(bytes)}) {
    Source source(read_text(stored, 10'007));
    std::string got;
    for (source.want(1); !source.ahead().empty(); source.want(1)) {
      got += source.ahead();
      source.take(source.ahead().size());
    }
    EXPECT_EQ(got, bytes);
    EXPECT_TRUE(source.ended());
    EXPECT_FALSE(source.fault());
    EXPECT_EQ(source.position(), bytes.size());
    EXPECT_EQ(source.raw_read(), stored.size());
  }
}

TEST(Source, BeginsAfterTheHoleThatCopytruncateLeft) {
  const std::string bytes = "a" + std::string(3, '\0') + "b";
  for (const std::size_t chunk : {1U, 1000U}) {
    Source source(read_text(std::string(300'000, '\0') + bytes, chunk * 1000));
    source.want(1);
    EXPECT_EQ(source.position(), 0U);
    source.want(100);
    EXPECT_EQ(source.ahead(), bytes);
    source.take(5);
    Source without(read_text(bytes));
    without.want(5);
    without.take(5);
    EXPECT_EQ(source.hash(), without.hash());
  }
}

TEST(Source, KnowsTheHashBeforeItTakes) {
  Source source(read_text("hello, world, and all that is in it"));
  source.want(20);
  const Hash128 expected = source.hash_behind(12);
  source.take(5);
  source.take(7);
  EXPECT_EQ(source.hash(), expected);
  EXPECT_TRUE(source.ahead().starts_with(", and"));
}

TEST(Source, TakesUpToAPositionOrSaysThatItEndsBefore) {
  const std::string bytes(700'000, 'a');
  Source source(read_text(bytes));
  EXPECT_TRUE(source.take_up_to(600'001));
  EXPECT_EQ(source.position(), 600'001U);
  EXPECT_TRUE(source.take_up_to(700'000));
  EXPECT_FALSE(source.take_up_to(700'001));
  EXPECT_FALSE(source.take_up_to(1));
}

TEST(Source, GivesWhatIsGoodOfABrokenFileAndSaysSo) {
  const std::string bytes(200'000, 'b');
  const std::string stored = gzipped(bytes);
  Source source(read_text(stored.substr(0, stored.size() - 70'000)));
  source.want(bytes.size());
  EXPECT_TRUE(source.ended());
  ASSERT_TRUE(source.fault());
  EXPECT_EQ(source.fault()->code, "bad_encoding");
  EXPECT_GT(source.ahead().size(), 65'000U);
}

// One zstd frame, put together by hand: a block that says "this byte, 128 KiB of it", two thousand times (RFC
// 8878, 3.1.1.2: an RLE block).
TEST(Source, InflatesNoFurtherThanIsWanted) {
  std::string stored("\x28\xb5\x2f\xfd\x00\x38", 6);  // a window of 128 KiB
  constexpr int blocks = 2000;
  for (int block = 1; block <= blocks; ++block) {
    const unsigned header = (131072U << 3U) | (1U << 1U) | (block == blocks ? 1U : 0U);
    for (int at = 0; at < 3; ++at)
      stored += static_cast<char>((header >> (8U * static_cast<unsigned>(at))) & 0xFFU);
    stored += 'z';
  }
  Source source(read_text(stored));
  source.want(1000);
  EXPECT_FALSE(source.fault());
  EXPECT_GE(source.ahead().size(), 1000U);
  EXPECT_LE(source.ahead().size(), 1000U + decompress::Inflater::piece_bytes_max);
  EXPECT_TRUE(source.take_up_to(131072ULL * blocks));
  source.want(1);
  EXPECT_TRUE(source.ended() && source.ahead().empty() && !source.fault());
}

TEST(OpenFile, SaysWhyItCannotBeRead) {
  const FolderForTest folder;
  EXPECT_EQ(open_file(folder.path() / "missing").error().code, "file_unreadable");
  EXPECT_EQ(open_file(folder.path()).error().text, "it is a folder: expected a file");
}

TEST(OpenFile, KnowsTheSizeOfAFile) {
  const FolderForTest folder;
  std::ofstream(folder.path() / "a.log") << "12345";
  auto file = open_file(folder.path() / "a.log");
  ASSERT_TRUE(file);
  EXPECT_EQ(file->bytes, 5U);
  Source source(std::move(file->read), file->bytes);
  source.want(100);
  EXPECT_EQ(source.ahead(), "12345");
}

}  // namespace
}  // namespace weir::importer
