// The contract tests of LogReader. They run on the fake, the embedded log and Kafka.
//
// Include this header in one test file of the implementation, derive a LogReaderFixture, and instantiate:
//
//   INSTANTIATE_TEST_SUITE_P(Embedded, LogReaderContract, testing::Values(&make_embedded_fixture));
#pragma once

#include <chrono>
#include <cstdint>
#include <gtest/gtest.h>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <variant>
#include <vector>

#include "base/limits.hpp"
#include "consumer/log_reader.hpp"

namespace weir::consumer {

struct WrittenRecord {
  std::string key;
  std::string value;
  std::optional<std::string> replay_source;

  friend bool operator==(const WrittenRecord&, const WrittenRecord&) = default;
};

// An empty log with partition 0 only, and one reader of it. Each test has its own.
class LogReaderFixture {
 public:
  LogReaderFixture() = default;
  LogReaderFixture(const LogReaderFixture&) = delete;
  LogReaderFixture& operator=(const LogReaderFixture&) = delete;
  virtual ~LogReaderFixture() = default;

  // The first event of its poll() is the assignment.
  virtual LogReader& reader() = 0;
  // Appends these records with this record time. They are readable when it returns. Any thread.
  virtual void append(RecordTime time, const std::vector<WrittenRecord>& records) = 0;
  // Deletes old records. The log may delete fewer than asked: its new start is at most `offset`, and at least
  // one record stays.
  virtual void prune_before(std::int64_t offset) = 0;
};
using MakeLogReaderFixture = std::unique_ptr<LogReaderFixture> (*)();

class LogReaderContract : public testing::TestWithParam<MakeLogReaderFixture> {
 protected:
  struct ReadRecord {
    std::int64_t offset = 0;
    RecordTime time;
    WrittenRecord record;
    std::int64_t hash = 0;
  };

  static constexpr std::chrono::milliseconds timeout{30'000};
  static RecordTime at(std::int64_t ms) {
    return RecordTime(std::chrono::milliseconds(1'764'000'000'000 + ms));
  }

  static std::vector<WrittenRecord> make_records(int count, const std::string& name = "event") {
    std::vector<WrittenRecord> records;
    for (int i = 0; i < count; ++i)
      records.push_back({"user " + std::to_string(i), name + " " + std::to_string(i), {}});
    return records;
  }

  LogReader& reader() { return fixture_->reader(); }

  void await_assignment() {
    for (int polls = 0; polls < 100; ++polls) {
      auto events = reader().poll(timeout);
      ASSERT_TRUE(events) << events.error().text;
      if (events->empty()) continue;
      ASSERT_EQ(events->size(), 1U);
      const auto* assigned = std::get_if<Assigned>(&events->front());
      ASSERT_NE(assigned, nullptr);
      EXPECT_EQ(assigned->partitions, std::vector<std::int32_t>{0});
      return;
    }
    FAIL() << "no assignment arrived";
  }

  void start_at(std::int64_t offset) {
    ASSERT_NO_FATAL_FAILURE(await_assignment());
    ASSERT_TRUE(reader().seek(0, offset));
    next_ = offset;
  }

  // Polls once and returns the records. Reads every byte that the contract makes readable.
  std::vector<ReadRecord> poll(std::chrono::milliseconds wait_max) {
    std::vector<ReadRecord> seen;
    auto events = reader().poll(wait_max);
    EXPECT_TRUE(events) << events.error().text;
    for (const auto& event : events.value()) {
      if (std::holds_alternative<OffsetOutOfRange>(event)) ++out_of_range_;
      const auto* records = std::get_if<Records>(&event);
      if (records == nullptr) continue;
      EXPECT_EQ(records->partition, 0);
      for (const auto& record : records->records) {
        EXPECT_GE(record.offset, next_);
        next_ = record.offset + 1;
        const std::string_view value = record.value.value_or("");
        const std::string with_slack(value.data(), value.size() + limits::json_slack_bytes);
        WrittenRecord written{std::string(record.key), with_slack.substr(0, value.size()), {}};
        if (record.replay_source) written.replay_source = std::string(*record.replay_source);
        seen.push_back({record.offset, record.time, std::move(written), hash_of(record)});
      }
      EXPECT_GE(records->next_offset, next_);
      EXPECT_GE(records->log_end, records->next_offset);
      next_ = records->next_offset;
    }
    return seen;
  }

  // Polls until `count` records have arrived.
  std::vector<ReadRecord> read(std::size_t count) {
    std::vector<ReadRecord> all;
    for (int polls = 0; polls < 1000 && all.size() < count; ++polls)
      for (auto& one : poll(timeout)) all.push_back(std::move(one));
    EXPECT_EQ(all.size(), count);
    return all;
  }

  std::unique_ptr<LogReaderFixture> fixture_ = GetParam()();
  std::int64_t next_ = 0;  // the read position, by the reader's events
  int out_of_range_ = 0;   // OffsetOutOfRange events
};

TEST_P(LogReaderContract, YieldsNoRecordBeforeSeek) {
  fixture_->append(at(0), make_records(3));
  ASSERT_NO_FATAL_FAILURE(await_assignment());
  EXPECT_TRUE(poll(std::chrono::milliseconds(0)).empty());
  ASSERT_TRUE(reader().seek(0, 0));
  EXPECT_EQ(read(3).size(), 3U);
}

TEST_P(LogReaderContract, YieldsTheBytesThatWereWritten) {
  using namespace std::string_literals;
  const std::vector<WrittenRecord> records{{"user", R"({"user_id":"user"})", {}},
                                           {"", "no key", {}},
                                           {"no value", "", {}},
                                           {"\0\xff"s, "\0 any \x80 byte \0"s, "topic/0/17"},
                                           {std::string(256, 'k'), std::string(60'000, 'v'), {}}};
  fixture_->append(at(5), records);
  start_at(0);
  const auto seen = read(records.size());
  ASSERT_EQ(seen.size(), records.size());
  for (std::size_t i = 0; i < records.size(); ++i) {
    EXPECT_EQ(seen[i].offset, static_cast<std::int64_t>(i));
    EXPECT_EQ(seen[i].time, at(5));
    EXPECT_EQ(seen[i].record, records[i]);
  }
  EXPECT_EQ(next_, static_cast<std::int64_t>(records.size()));
}

TEST_P(LogReaderContract, StartsAtExactlyTheOffsetOfSeek) {
  for (int i = 0; i < 4; ++i) fixture_->append(at(i), make_records(5));
  ASSERT_NO_FATAL_FAILURE(await_assignment());
  for (const std::int64_t offset : {19, 0, 7, 10, 4, 5}) {
    ASSERT_TRUE(reader().seek(0, offset));
    next_ = offset;
    const auto seen = read(static_cast<std::size_t>(20 - offset));
    ASSERT_FALSE(seen.empty());
    EXPECT_EQ(seen.front().offset, offset);
    EXPECT_EQ(seen.front().record.value, "event " + std::to_string(offset % 5));
    EXPECT_EQ(seen.back().offset, 19);
  }
}

TEST_P(LogReaderContract, YieldsNothingAtTheEndAndThenNewRecords) {
  fixture_->append(at(0), make_records(2));
  start_at(2);
  EXPECT_TRUE(poll(std::chrono::milliseconds(0)).empty());
  std::thread writer([this] { fixture_->append(at(1), make_records(1, "late")); });
  const auto seen = read(1);
  writer.join();
  ASSERT_EQ(seen.size(), 1U);
  EXPECT_EQ(seen[0].record.value, "late 0");
  EXPECT_EQ(seen[0].offset, 2);
}

TEST_P(LogReaderContract, YieldsEachRecordOnceInBoundedPolls) {
  std::thread writer([this] {
    for (int i = 0; i < 60; ++i) fixture_->append(at(i), make_records(500));
  });
  start_at(0);
  std::int64_t wanted = 0;
  for (int polls = 0; polls < 40'000 && wanted < 30'000; ++polls) {
    const auto seen = poll(timeout);
    EXPECT_LE(seen.size(), 20'000U);
    for (const auto& one : seen) ASSERT_EQ(one.offset, wanted++);
  }
  writer.join();
  EXPECT_EQ(wanted, 30'000);
}

TEST_P(LogReaderContract, YieldsNothingWhilePausedAndContinuesAtItsPosition) {
  fixture_->append(at(0), make_records(3));
  start_at(1);
  reader().pause(0);
  EXPECT_TRUE(poll(std::chrono::milliseconds(0)).empty());
  fixture_->append(at(1), make_records(1));
  EXPECT_TRUE(poll(std::chrono::milliseconds(0)).empty());
  reader().resume(0);
  const auto seen = read(3);
  ASSERT_EQ(seen.size(), 3U);
  EXPECT_EQ(seen.front().offset, 1);
}

TEST_P(LogReaderContract, WakeEndsTheCurrentPollAndTheNextOne) {
  start_at(0);
  const auto started_at = std::chrono::steady_clock::now();
  reader().wake();
  EXPECT_TRUE(poll(timeout).empty());
  std::thread other([this] { reader().wake(); });
  EXPECT_TRUE(poll(timeout).empty());
  other.join();
  EXPECT_LT(std::chrono::steady_clock::now() - started_at, timeout);
}

TEST_P(LogReaderContract, ReturnsItsWatermarks) {
  ASSERT_NO_FATAL_FAILURE(await_assignment());
  auto bounds = reader().bounds(0);
  ASSERT_TRUE(bounds);
  EXPECT_EQ(bounds->start, 0);
  EXPECT_EQ(bounds->end, 0);
  fixture_->append(at(0), make_records(7));
  bounds = reader().bounds(0);
  ASSERT_TRUE(bounds);
  EXPECT_EQ(bounds->start, 0);
  EXPECT_EQ(bounds->end, 7);
}

TEST_P(LogReaderContract, IdentifiesARecordByItsHash) {
  for (int i = 0; i < 3; ++i) fixture_->append(at(i), make_records(3));
  start_at(0);
  const auto seen = read(9);
  ASSERT_EQ(seen.size(), 9U);
  std::set<std::int64_t> different;
  for (const auto& one : seen) {
    auto identity = reader().record_identity(0, one.offset);
    ASSERT_TRUE(identity && *identity);
    EXPECT_EQ((*identity)->hash, one.hash);
    EXPECT_EQ((*identity)->time, one.time);
    different.insert(one.hash);
  }
  EXPECT_EQ(different.size(), 9U);
  for (const std::int64_t offset : {9, 10, 1'000'000}) {
    auto identity = reader().record_identity(0, offset);
    ASSERT_TRUE(identity);
    EXPECT_FALSE(*identity) << offset;
  }
}

TEST_P(LogReaderContract, ReportsAnOffsetOutOfRangeOnceAndContinuesAfterSeek) {
  for (int i = 0; i < 10; ++i) fixture_->append(at(i), make_records(2));
  fixture_->prune_before(11);
  start_at(0);
  for (int polls = 0; polls < 100 && out_of_range_ == 0; ++polls) EXPECT_TRUE(poll(timeout).empty());
  EXPECT_TRUE(poll(std::chrono::milliseconds(0)).empty());
  EXPECT_EQ(out_of_range_, 1);
  auto bounds = reader().bounds(0);
  ASSERT_TRUE(bounds);
  EXPECT_GT(bounds->start, 0);
  EXPECT_LE(bounds->start, 11);
  EXPECT_EQ(bounds->end, 20);
  ASSERT_TRUE(reader().seek(0, bounds->start));
  const auto seen = read(static_cast<std::size_t>(20 - bounds->start));
  ASSERT_FALSE(seen.empty());
  EXPECT_EQ(seen.front().offset, bounds->start);
  EXPECT_EQ(seen.back().offset, 19);
  auto identity = reader().record_identity(0, 0);
  ASSERT_TRUE(identity);
  EXPECT_FALSE(*identity);
}

TEST_P(LogReaderContract, StoreOffsetDoesNotMoveTheReadPosition) {
  fixture_->append(at(0), make_records(4));
  start_at(0);
  EXPECT_EQ(read(4).size(), 4U);
  reader().store_offset(0, 4);
  fixture_->append(at(1), make_records(1));
  const auto seen = read(1);
  ASSERT_EQ(seen.size(), 1U);
  EXPECT_EQ(seen[0].offset, 4);
}

}  // namespace weir::consumer
