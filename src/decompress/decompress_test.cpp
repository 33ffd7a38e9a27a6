#include "decompress/decompress.hpp"

#include <gtest/gtest.h>
#include <string>

#include "base/limits.hpp"
#include "decompress/testing/compress.hpp"

namespace weir::decompress {
namespace {

using namespace std::string_literals;

constexpr std::size_t large_limit = 1 << 20;

// Text that compresses about as well as events do. No two lines are equal.
std::string lines(int count) {
  std::string text;
  for (int each = 0; each < count; ++each)
    text += "{\"user_id\":\"u" + std::to_string(each * 7919LL) + "\"}\n";
  return text;
}

std::string deflated(Encoding encoding, std::string_view bytes) {
  if (encoding == Encoding::gzip) return gzip_of(bytes);
  if (encoding == Encoding::zstd) return zstd_of(bytes);
  return std::string(bytes);
}

constexpr std::array encodings{Encoding::identity, Encoding::gzip, Encoding::zstd};
constexpr std::array compressed{Encoding::gzip, Encoding::zstd};

TEST(Inflate, ReadsTheNameOfAnEncodingInAnyCase) {
  EXPECT_EQ(encoding_named("gzip"), Encoding::gzip);
  EXPECT_EQ(encoding_named("GZip"), Encoding::gzip);
  EXPECT_EQ(encoding_named("x-gzip"), Encoding::gzip);
  EXPECT_EQ(encoding_named("zstd"), Encoding::zstd);
  EXPECT_EQ(encoding_named("identity"), Encoding::identity);
  EXPECT_EQ(encoding_named(""), Encoding::identity);
  for (const std::string_view unknown :
       {"br", "deflate", "gzip, gzip", "gzip,identity", "gzip2", "gz", "xgzip", "compress"}) {
    EXPECT_FALSE(encoding_named(unknown)) << unknown;
  }
}

TEST(Inflate, ReturnsWhatWasCompressed) {
  for (const Encoding encoding : encodings) {
    for (const std::string& text :
         {""s, "x"s, "\0"s, lines(1), lines(1000), lines(20'000), std::string(900'000, 'x')}) {
      const auto out = inflate(encoding, deflated(encoding, text), large_limit);
      ASSERT_TRUE(out) << out.error().text;
      EXPECT_EQ(*out == text, true) << text.size();
    }
  }
  for (const ZstdOptions options :
       {ZstdOptions{.declares_size = false}, ZstdOptions{.check_summed = false},
        ZstdOptions{.window_log = 23, .declares_size = false, .check_summed = false}}) {
    EXPECT_EQ(inflate(Encoding::zstd, zstd_of(lines(20'000), options), large_limit), lines(20'000));
  }
}

TEST(Inflate, LeavesReadableZerosAfterTheResultAlsoWhenItIsMoved) {
  for (const Encoding encoding : encodings) {
    for (const std::string& text : {""s, "x"s, lines(1), lines(333)}) {
      auto out = inflate(encoding, deflated(encoding, text), large_limit);
      ASSERT_TRUE(out);
      const std::string moved = std::move(*out);
      ASSERT_GE(moved.capacity() - moved.size(), limits::json_slack_bytes);
      const std::string_view behind(moved.data() + moved.size(), limits::json_slack_bytes);
      EXPECT_EQ(behind, std::string(limits::json_slack_bytes, '\0'));
    }
  }
}

TEST(Inflate, StopsAtTheLimitHoweverSmallTheInputIs) {
  const std::string bomb(50'000'000, '0');
  for (const std::string& body : {gzip_of(bomb), zstd_of(bomb), zstd_of(bomb, {.declares_size = false})}) {
    const Encoding encoding = body.starts_with("\x1F") ? Encoding::gzip : Encoding::zstd;
    EXPECT_LT(body.size(), bomb.size() / 900);
    const auto out = inflate(encoding, body, large_limit);
    ASSERT_FALSE(out);
    EXPECT_EQ(out.error().code, "too_large");
    EXPECT_EQ(out.error().kind, ErrorKind::invalid);
  }
}

TEST(Inflate, AllowsExactlyTheLimit) {
  const std::string text = lines(1000);
  for (const Encoding encoding : encodings) {
    const std::string body = deflated(encoding, text);
    EXPECT_TRUE(inflate(encoding, body, text.size()));
    const auto over = inflate(encoding, body, text.size() - 1);
    ASSERT_FALSE(over);
    EXPECT_EQ(over.error().code, "too_large");
  }
  const std::string unsized = zstd_of(text, {.declares_size = false});
  EXPECT_TRUE(inflate(Encoding::zstd, unsized, text.size()));
  EXPECT_EQ(inflate(Encoding::zstd, unsized, text.size() - 1).error().code, "too_large");
  EXPECT_TRUE(inflate(Encoding::gzip, gzip_of(""), 0));
}

void expect_bad(Encoding encoding, const std::string& body, const std::string& what) {
  const auto out = inflate(encoding, body, large_limit);
  ASSERT_FALSE(out) << what;
  EXPECT_EQ(out.error().code, "bad_encoding") << what;
  EXPECT_EQ(out.error().kind, ErrorKind::invalid) << what;
}

TEST(Inflate, RejectsABodyThatIsIncompleteAtAnyByte) {
  for (const Encoding encoding : compressed) {
    const std::string body = deflated(encoding, lines(50));
    for (std::size_t bytes = 0; bytes < body.size(); ++bytes) {
      expect_bad(encoding, body.substr(0, bytes), "cut to " + std::to_string(bytes));
    }
  }
}

TEST(Inflate, JoinsSeveralMembersOrFrames) {
  for (const Encoding encoding : compressed) {
    const std::string body = deflated(encoding, lines(50));
    const std::string empty = deflated(encoding, "");
    const auto three = inflate(encoding, body + empty + body + deflated(encoding, "x") + empty, large_limit);
    ASSERT_TRUE(three) << three.error().text;
    EXPECT_EQ(*three, lines(50) + lines(50) + "x");
    EXPECT_FALSE(inflate(encoding, body + body.substr(0, body.size() - 1), large_limit))
        << "the second is incomplete";
  }
  EXPECT_EQ(inflate(Encoding::zstd, zstd_of("a") + zstd_of("b", {.declares_size = false}), large_limit),
            "ab");
}

TEST(Inflate, BoundsAllMembersOfABodyTogether) {
  for (const Encoding encoding : compressed) {
    const std::string part = deflated(encoding, std::string(1000, 'x'));
    std::string body;
    for (int member = 0; member < 10; ++member) body += part;
    EXPECT_TRUE(inflate(encoding, body, 10'000));
    const auto over = inflate(encoding, body, 9'999);
    ASSERT_FALSE(over);
    EXPECT_EQ(over.error().code, "too_large");
    const std::string bombs = deflated(encoding, std::string(500'000, '0'));
    EXPECT_EQ(inflate(encoding, bombs + bombs + bombs, large_limit).error().code, "too_large");
  }
}

TEST(Inflate, RejectsBytesThatAreNoMember) {
  for (const Encoding encoding : compressed) {
    const std::string body = deflated(encoding, lines(50));
    expect_bad(encoding, body + "x", "garbage behind");
    expect_bad(encoding, body + "\0"s, "a zero behind");
    expect_bad(encoding, "x" + body, "garbage before");
    expect_bad(encoding, lines(50), "plain");
  }
  expect_bad(Encoding::gzip, zstd_of("x"), "zstd under gzip's name");
  expect_bad(Encoding::zstd, gzip_of("x"), "gzip under zstd's name");
}

TEST(Inflate, DetectsAnyChangedByte) {
  for (const Encoding encoding : compressed) {
    const std::string text = lines(50);
    const std::string body = deflated(encoding, text);
    for (std::size_t at = 0; at < body.size(); ++at) {
      std::string damaged = body;
      damaged[at] = static_cast<char>(damaged[at] ^ 0x55);
      const auto out = inflate(encoding, damaged, large_limit);
      // The header of gzip holds a time and the name of a system, which no checksum covers.
      EXPECT_EQ(out.value_or(text), text);
    }
  }
}

TEST(Inflate, RejectsAZstdWindowAboveTheBound) {
  const std::string text = lines(700'000);
  const auto out =
      inflate(Encoding::zstd, zstd_of(text, {.window_log = 24, .declares_size = false}), text.size());
  ASSERT_FALSE(out);
  EXPECT_EQ(out.error().code, "bad_encoding");
}

TEST(Inflate, DecompressesOneLayerOnly) {
  const std::string inner = gzip_of("{}");
  EXPECT_EQ(inflate(Encoding::gzip, gzip_of(inner), large_limit), inner);
}

// Feeds `file` in chunks of `chunk_bytes`. Returns the output, or the error.
Result<std::string> inflate_file(std::string_view file, std::size_t chunk_bytes) {
  Inflater inflater;
  std::string out;
  bool ended = false;
  while (true) {
    auto piece = inflater.take();
    if (!piece) return propagate(piece);
    EXPECT_LE(piece->size(), Inflater::piece_bytes_max);
    out += *piece;
    if (!piece->empty()) continue;
    if (ended) return out;
    // Each chunk has its own copy, so that AddressSanitizer sees a read beyond it or after its lifetime.
    static std::unique_ptr<char[]> chunk;
    const std::size_t bytes = std::min(chunk_bytes, file.size());
    chunk = std::make_unique<char[]>(bytes);
    std::ranges::copy(file.substr(0, bytes), chunk.get());
    file.remove_prefix(bytes);
    inflater.feed({chunk.get(), bytes});
    if (!file.empty()) continue;
    inflater.end();
    ended = true;
  }
}

TEST(Inflater, DetectsTheFormatAndReadsAllMembersWithChunksOfAnySize) {
  const std::string a = lines(3000);
  const std::string b = std::string(300'000, 'x') + lines(10);
  const std::string skippable = "\x5A\x2A\x4D\x18\x03\x00\x00\x00xyz"s;
  const std::array<std::pair<std::string, std::string>, 14> files{{
      {"", ""},
      {"x", "x"},
      {"\x1F", "\x1F"},
      {"(\xB5/", "(\xB5/"},
      {a + b, a + b},
      {gzip_of(a), a},
      {gzip_of(a) + gzip_of(b), a + b},
      {gzip_of("") + gzip_of(b) + gzip_of(""), b},
      {gzip_of(b) + std::string(1000, '\0'), b},
      {zstd_of(a), a},
      {zstd_of(a) + zstd_of(b, {.declares_size = false}), a + b},
      {skippable + zstd_of(b) + skippable, b},
      {zstd_of(""), ""},
      {gzip_of(gzip_of(a)), gzip_of(a)},
  }};
  for (const auto& [file, expected] : files) {
    for (const std::size_t chunk_bytes : {1u, 2u, 3u, 5u, 1000u, 1u << 20}) {
      const auto out = inflate_file(file, chunk_bytes);
      ASSERT_TRUE(out) << out.error().text;
      EXPECT_TRUE(*out == expected) << file.size() << " bytes in chunks of " << chunk_bytes;
    }
  }
}

TEST(Inflater, ReportsAFileThatIsIncompleteOrDamaged) {
  const std::string text = lines(300);
  for (const std::string& file :
       {gzip_of(text), zstd_of(text), gzip_of("a") + gzip_of(text), zstd_of("a") + zstd_of(text)}) {
    for (const std::size_t missing : {std::size_t{1}, std::size_t{5}, file.size() / 2}) {
      const auto out = inflate_file(file.substr(0, file.size() - missing), 100);
      ASSERT_FALSE(out) << missing;
      EXPECT_EQ(out.error().code, "bad_encoding");
      EXPECT_NE(out.error().text.find("incomplete"), std::string::npos) << out.error().text;
    }
    EXPECT_FALSE(inflate_file(file + "garbage", 100));
  }
  EXPECT_FALSE(inflate_file(gzip_of(text) + "\0\0x"s, 100));
}

TEST(Inflater, ReturnsTheSameErrorAgain) {
  Inflater inflater;
  inflater.feed("\x1F\x8Bxxxxxxxx");
  EXPECT_FALSE(inflater.take());
  inflater.end();
  const auto again = inflater.take();
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().code, "bad_encoding");
}

TEST(Inflater, ReturnsABombInBoundedPieces) {
  const std::string bomb(20'000'000, '0');
  for (const std::string& file : {gzip_of(bomb), zstd_of(bomb)}) {
    const auto out = inflate_file(file, 1 << 20);
    ASSERT_TRUE(out);
    EXPECT_EQ(out->size(), bomb.size());
  }
}

}  // namespace
}  // namespace weir::decompress
