#include "sqlite/segment.hpp"

#include "base/limits.hpp"

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

TEST(Segment, ReadsBackItsRecords) {
  const std::string large(70'000, 'x');
  std::string body = body_of({one("user", "value"), one("", ""), one("k", large),
                              one("r", "again", {{"traceparent", "00-0"}, {"weir.replay", "topic/0/17"}})});
  const SegmentRow row{.first_offset = 100, .records = 4, .time = noon};
  const auto bytes = body.size();
  body.append(limits::json_slack_bytes, '\0');
  std::vector<consumer::RecordView> records;
  const auto read = read_segment(row, std::string_view(body).substr(0, bytes), records);
  ASSERT_TRUE(read) << read.error().text;
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
  const std::string whole = body_of({one("user", "value"), one("u", "v")});
  const SegmentRow row{.first_offset = 7, .records = 2, .time = noon};
  std::vector<consumer::RecordView> records;
  for (std::size_t at = 0; at < whole.size(); ++at) {
    std::string flipped = whole;
    flipped[at] = static_cast<char>(flipped[at] ^ 0x10);
    EXPECT_FALSE(read_segment(row, flipped, records)) << at;
    EXPECT_FALSE(read_segment(row, whole.substr(0, at), records)) << at;
  }
  EXPECT_TRUE(records.empty());
  const auto damaged = read_segment(row, whole.substr(1), records);
  EXPECT_EQ(damaged.error().code, code_segment_damaged);
  EXPECT_EQ(damaged.error().kind, ErrorKind::internal);
}

TEST(Segment, DetectsABodyOfAnotherRow) {
  const std::string body = body_of({one("user", "value"), one("u", "v")});
  std::vector<consumer::RecordView> records;
  for (const std::int64_t count : {0, 1, 3, 1'000'000}) {
    EXPECT_FALSE(read_segment({.first_offset = 7, .records = count, .time = noon}, body, records)) << count;
    EXPECT_TRUE(records.empty());
  }
}

}  // namespace
}  // namespace weir::sqlite
