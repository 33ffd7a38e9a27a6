#include "sqlite/segment.hpp"

#include <gtest/gtest.h>
#include <random>

#include "base/hash.hpp"
#include "base/limits.hpp"
#include "base/testing/seeds.hpp"

namespace weir::sqlite {
namespace {

constexpr RecordTime noon{std::chrono::milliseconds(1'764'000'000'000)};

intake::EventBatch one(std::string_view key, std::string_view value,
                       std::vector<intake::Header> headers = {}) {
  intake::EventBatch events{.bytes = std::string(key) + std::string(value), .records = {}};
  events.records.push_back({.key_at = 0,
                            .key_bytes = static_cast<std::uint32_t>(key.size()),
                            .value_at = static_cast<std::uint32_t>(key.size()),
                            .value_bytes = static_cast<std::uint32_t>(value.size()),
                            .headers = std::move(headers)});
  return events;
}

std::string body_of(const std::vector<intake::EventBatch>& appends) {
  SegmentWriter writer;
  for (const auto& events : appends)
    for (const auto& record : events.records) writer.add(events, record);
  return std::string(writer.finish());
}

// The records of a segment, and the bytes that they are views into.
struct Read {
  std::string bytes;
  std::vector<consumer::RecordView> records;
};

Result<Read> read(const SegmentRow& row, std::string_view body) {
  Read read;
  if (auto unpacked = unpack_segment(row, body, read.bytes); !unpacked) return propagate(unpacked);
  const std::size_t size = read.bytes.size();
  read.bytes.append(limits::json_slack_bytes, '\0');
  if (auto parsed = read_records(row, std::string_view(read.bytes).substr(0, size), read.records); !parsed)
    return propagate(parsed);
  return read;
}

// Replaces the check of a body by the right one.
void seal(std::string& body) {
  body.resize(body.size() - 8);
  const std::uint64_t check = murmur3(body).low;
  for (int shift = 0; shift < 64; shift += 8) body += static_cast<char>(check >> shift);
}

std::vector<intake::EventBatch> similar_events(int count) {
  std::vector<intake::EventBatch> events;
  for (int i = 0; i < count; ++i)
    events.push_back(one("user" + std::to_string(i),
                         R"({"user_id":"user)" + std::to_string(i) + R"(","activity_type":"page_view"})"));
  return events;
}

TEST(Segment, ReadsBackItsRecords) {
  const std::string large(70'000, 'x');
  const std::string body =
      body_of({one("user", "value"), one("", ""), one("k", large),
               one("r", "again", {{"traceparent", "00-0"}, {"weir.replay", "topic/0/17"}})});
  const SegmentRow row{.first_offset = 100, .records = 4, .time = noon};
  const auto read = sqlite::read(row, body);
  ASSERT_TRUE(read) << read.error().text;
  const auto& records = read->records;
  ASSERT_EQ(records.size(), 4U);
  EXPECT_EQ(records[0].key, "user");
  EXPECT_EQ(records[0].value, "value");
  EXPECT_EQ(records[0].offset, 100);
  EXPECT_EQ(records[0].time, noon);
  EXPECT_EQ(records[1].key, "");
  EXPECT_EQ(records[1].value, "");
  EXPECT_EQ(records[2].value, large);
  EXPECT_FALSE(records[2].replay_source);
  EXPECT_EQ(records[3].replay_source, "topic/0/17");
  EXPECT_EQ(records[3].offset, 103);
  EXPECT_EQ(records[3].traceparent, "00-0");
  EXPECT_EQ(records[0].traceparent, "");
}

TEST(Segment, IsPackedIfThatMakesItClearlySmaller) {
  const std::string body = body_of(similar_events(100));
  EXPECT_EQ(body[0], 2);
  EXPECT_LT(body.size(), 2000U) << "of 6,000";
  const auto read = sqlite::read({.first_offset = 0, .records = 100, .time = noon}, body);
  ASSERT_TRUE(read) << read.error().text;
  for (int i = 0; i < 100; ++i)
    EXPECT_EQ(read->records[static_cast<std::size_t>(i)].key, "user" + std::to_string(i));
  EXPECT_EQ(body_of(similar_events(3))[0], 1) << "small";
  std::mt19937_64 random(1);
  std::string noise(10'000, '\0');
  for (char& byte : noise) byte = static_cast<char>(random());
  EXPECT_EQ(body_of({one("k", noise)})[0], 1) << "not compressible";
}

TEST(Segment, AppendsToWhatWasUnpackedBefore) {
  std::string bytes = "before";
  const std::string body = body_of(similar_events(100));
  const SegmentRow row{.first_offset = 0, .records = 100, .time = noon};
  ASSERT_TRUE(unpack_segment(row, body, bytes));
  ASSERT_TRUE(bytes.starts_with("before"));
  std::vector<consumer::RecordView> records;
  EXPECT_TRUE(read_records(row, std::string_view(bytes).substr(6), records));
}

// A body with a right check may still be wrong, if another program has written it.
TEST(SegmentProperty, AnyBodyIsReadOrRefused) {
  const std::string packed = body_of(similar_events(40));
  const SegmentRow row{.first_offset = 0, .records = 40, .time = noon};
  for_each_seed(500, [&](std::uint64_t seed) {
    std::mt19937_64 random(seed);
    std::string body = packed;
    for (std::uint64_t changes = 1 + random() % 4; changes > 0; --changes)
      body[random() % 3 == 0 ? 1 + random() % 4 : random() % body.size()] = static_cast<char>(random());
    if (random() % 4 == 0) body.resize(9 + random() % (body.size() - 9));
    seal(body);
    std::string bytes = "before";
    if (!unpack_segment(row, body, bytes)) {
      EXPECT_EQ(bytes, "before");
      return;
    }
    const auto read = sqlite::read(row, body);
    if (!read) {
      EXPECT_EQ(read.error().code, code_segment_damaged);
    }
  });
}

TEST(Segment, RefusesABodyThatAnnouncesTooManyBytes) {
  std::string body = body_of(similar_events(40));
  std::string huge = body.substr(0, 1) + "\xff\xff\xff\xff\x7f" + body.substr(3);
  seal(huge);
  EXPECT_FALSE(read({.first_offset = 0, .records = 40, .time = noon}, huge));
}

TEST(Segment, IsFullByBytesOrByRecords) {
  SegmentWriter writer;
  const auto large = one("k", std::string(limits::segment_bytes_max, 'x'));
  EXPECT_FALSE(writer.full());
  writer.add(large, large.records[0]);
  EXPECT_TRUE(writer.full());
  writer.reset();
  const auto small = one("k", "v");
  while (!writer.full()) writer.add(small, small.records[0]);
  EXPECT_EQ(writer.records(), limits::segment_records_max);
}

// Every flipped bit and every missing byte is detected.
TEST(Segment, DetectsADamagedBody) {
  for (const int count : {2, 40}) {  // plain and packed
    const std::string whole = body_of(similar_events(count));
    const SegmentRow row{.first_offset = 7, .records = count, .time = noon};
    for (std::size_t at = 0; at < whole.size(); ++at) {
      std::string flipped = whole;
      flipped[at] = static_cast<char>(flipped[at] ^ 0x10);
      EXPECT_FALSE(read(row, flipped)) << at;
      EXPECT_FALSE(read(row, whole.substr(0, at))) << at;
    }
    const auto damaged = read(row, whole.substr(1));
    EXPECT_EQ(damaged.error().code, code_segment_damaged);
    EXPECT_EQ(damaged.error().kind, ErrorKind::internal);
  }
}

TEST(Segment, DetectsABodyOfAnotherRow) {
  std::string bytes;
  ASSERT_TRUE(unpack_segment({}, body_of({one("user", "value"), one("u", "v")}), bytes));
  std::vector<consumer::RecordView> records;
  for (const std::int64_t count : {0, 1, 3, 1'000'000}) {
    EXPECT_FALSE(read_records({.first_offset = 7, .records = count, .time = noon}, bytes, records)) << count;
    EXPECT_TRUE(records.empty());
  }
}

}  // namespace
}  // namespace weir::sqlite
