#include <gtest/gtest.h>
#include <random>

#include "base/testing/seeds.hpp"
#include "kafka_protocol/crc32c.hpp"
#include "kafka_protocol/messages.hpp"
#include "kafka_protocol/partitioner.hpp"
#include "kafka_protocol/record_batch.hpp"
#include "kafka_protocol/wire.hpp"

namespace weir::kafka_protocol {
namespace {

using namespace std::chrono_literals;

// The check value of the Castagnoli polynomial, and RFC 3720, appendix B.4.
TEST(Crc32c, IsTheOneOfTheRfc) {
  EXPECT_EQ(crc32c("123456789"), 0xE3069283U);
  EXPECT_EQ(crc32c(std::string(32, '\0')), 0x8A9136AAU);
  EXPECT_EQ(crc32c(std::string(32, '\xff')), 0x62A8AB43U);
}

TEST(Crc32c, IsTheSameByInstructionAndByTable) {
  for_each_seed(200, [](std::uint64_t seed) {
    std::mt19937_64 random(seed);
    std::string bytes(random() % 300, '\0');
    for (char& byte : bytes) byte = static_cast<char>(random());
    EXPECT_EQ(crc32c(bytes), crc32c_by_table(bytes));
  });
}

// The values of Kafka's own UtilsTest.testMurmur2.
TEST(Partitioner, HashesAsKafkasJavaClientDoes) {
  const auto hash = [](std::string_view key) { return static_cast<std::int32_t>(murmur2(key)); };
  EXPECT_EQ(hash("21"), -973932308);
  EXPECT_EQ(hash("foobar"), -790332482);
  EXPECT_EQ(hash("a-little-bit-long-string"), -985981536);
  EXPECT_EQ(hash("a-little-bit-longer-string"), -1486304829);
  EXPECT_EQ(hash("lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8"), -58897971);
  EXPECT_EQ(hash("abc"), 479470107);
}

TEST(Wire, WritesVarintsThatItCanRead) {
  for (const std::int64_t value :
       {std::int64_t{0}, std::int64_t{-1}, std::int64_t{1}, std::int64_t{63}, std::int64_t{-64},
        std::int64_t{64}, std::int64_t{300}, INT64_MAX, INT64_MIN}) {
    std::string bytes;
    Writer(bytes).varint(value);
    EXPECT_EQ(bytes.size(), varint_size(value)) << value;
    Reader reader(bytes);
    EXPECT_EQ(reader.varint(), value);
    EXPECT_FALSE(reader.failed());
  }
}

TEST(Wire, FailsOnceAndForAllWhereAValueIsNotWhole) {
  Reader reader(std::string_view("\0\0\0\7", 4));
  EXPECT_EQ(reader.integer<std::int32_t>(), 7);
  EXPECT_EQ(reader.integer<std::int16_t>(), 0);
  EXPECT_TRUE(reader.failed());
  EXPECT_EQ(reader.string(), "");
}

TEST(Wire, RefusesAnArrayThatTheRestCannotHold) {
  Reader reader(std::string_view("\x7f\xff\xff\xff", 4));
  EXPECT_EQ(reader.array_size(1), 0U);
  EXPECT_TRUE(reader.failed());
}

RecordSet some_records() {
  RecordSet records;
  const WallTime now{1'700'000'000'000ms};
  records.add("key", "value", {}, now);
  records.add("", "no key", {}, now + 5ms);
  const std::array<HeaderView, 2> headers{{{"traceparent", ""}, {"weir.replay", "topic/0/17"}}};
  records.add("k", "", headers, now + 7ms);
  return records;
}

TEST(RecordSet, HoldsWhatWasAdded) {
  const RecordSet records = some_records();
  std::vector<std::string> seen;
  ASSERT_TRUE(for_each_record(
      records.encoded(), records.count(), WallTime{1'700'000'000'000ms}, [&](const RecordView& record) {
        seen.push_back(std::string(record.key) + "=" + std::string(record.value) + "@" +
                       std::to_string(record.time.time_since_epoch().count() % 1000));
        for (const auto& header : record.headers)
          seen.push_back(std::string(header.name) + ":" + std::string(header.value));
      }));
  EXPECT_EQ(seen, (std::vector<std::string>{"key=value@0", "=no key@5", "k=@7",
                                            "traceparent:", "weir.replay:topic/0/17"}));
}

TEST(BatchWriter, WritesAHeaderThatBrokersCheck) {
  const RecordSet records = some_records();
  BatchWriter writer(Compression::none);
  std::string batch = "before";
  writer.write(records, {4711, 2}, 2'147'483'646, batch);
  Reader reader(std::string_view(batch).substr(6));
  EXPECT_EQ(reader.integer<std::int64_t>(), 0);
  const auto length = reader.integer<std::int32_t>();
  EXPECT_EQ(length, static_cast<std::int32_t>(reader.rest().size()));
  EXPECT_EQ(reader.integer<std::int32_t>(), -1);
  EXPECT_EQ(reader.integer<std::int8_t>(), 2);
  const auto crc = reader.integer<std::uint32_t>();
  EXPECT_EQ(crc, crc32c_by_table(reader.rest()));
  EXPECT_EQ(reader.integer<std::int16_t>(), 0);
  EXPECT_EQ(reader.integer<std::int32_t>(), 2);
  EXPECT_EQ(reader.integer<std::int64_t>(), 1'700'000'000'000);
  EXPECT_EQ(reader.integer<std::int64_t>(), 1'700'000'000'007);
  EXPECT_EQ(reader.integer<std::int64_t>(), 4711);
  EXPECT_EQ(reader.integer<std::int16_t>(), 2);
  EXPECT_EQ(reader.integer<std::int32_t>(), 2'147'483'646);
  EXPECT_EQ(reader.integer<std::int32_t>(), 3);
  EXPECT_EQ(reader.rest(), records.encoded());
}

TEST(BatchWriter, LeavesRecordsThatDoNotBecomeSmallerAsTheyAre) {
  RecordSet records;
  records.add("", "x", {}, WallTime{});
  for (const Compression compression : {Compression::lz4, Compression::zstd}) {
    BatchWriter writer(compression);
    std::string batch;
    writer.write(records, {1, 0}, 0, batch);
    EXPECT_EQ(batch.size(), batch_header_bytes + records.bytes());
    EXPECT_EQ(batch[22], 0) << "the attributes say that nothing is compressed";
  }
}

TEST(Sequence, WrapsAfterTheLargestNumber) {
  EXPECT_EQ(sequence_after(5, 3), 8);
  EXPECT_EQ(sequence_after(2'147'483'647, 1), 0);
  EXPECT_EQ(sequence_after(2'147'483'646, 3), 1);
}

// Brokers are trusted to answer, not to be right: any bytes are either a response or refused.
TEST(Messages, NoBytesHarmTheParsers) {
  for_each_seed(2000, [](std::uint64_t seed) {
    std::mt19937_64 random(seed);
    std::string bytes(random() % 200, '\0');
    for (char& byte : bytes)
      byte = random() % 3 == 0 ? static_cast<char>(random()) : static_cast<char>(random() % 4);
    static_cast<void>(parse_api_versions(bytes));
    static_cast<void>(parse_metadata(bytes));
    static_cast<void>(parse_init_producer_id(bytes));
    static_cast<void>(parse_produce(bytes));
    static_cast<void>(for_each_record(bytes, 3, WallTime{}, [](const RecordView&) {}));
  });
}

TEST(Messages, SayWhichRequestABrokerDoesNotKnow) {
  ApiVersionsResponse versions;
  versions.ranges = {{0, 3, 11}, {3, 0, 12}, {22, 2, 4}};
  EXPECT_FALSE(versions.missing({Api::produce, Api::metadata}).has_value());
  EXPECT_EQ(versions.missing({Api::produce, Api::init_producer_id}), Api::init_producer_id);
}

}  // namespace
}  // namespace weir::kafka_protocol
