// The stage of metrics_store_contract.hpp: what a filler hands to the suite, what is looked at afterwards,
// and values to write.
#pragma once

#include <algorithm>
#include <array>
#include <gtest/gtest.h>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "commit/metrics_store.hpp"

namespace weir::commit {

struct StandingLetter {
  DeadLetter letter;
  std::int64_t attempts = 0;
  std::optional<WallTime> replayed_at;

  friend bool operator==(const StandingLetter&, const StandingLetter&) = default;
};

// What archive_ledger() has put away under another topic name.
struct ArchivedLedger {
  std::string topic;
  tally::LedgerRow ledger;
  std::vector<StandingLetter> letters;  // of that name and partition, by offset

  friend bool operator==(const ArchivedLedger&, const ArchivedLedger&) = default;
};

// All that is committed, whichever session wrote it. `windows`, `unrolled` and `ledgers` by key, `letters` by
// partition and offset, `flushes` in the order they came, `retired` by topic and partition; all but `retired`
// of the suite's topic.
struct Standing {
  std::vector<tally::WindowRow> windows;
  std::vector<PendingRollup> unrolled;
  std::array<WallTime, tally::granularity_count> pruned_to;  // by granularity
  std::vector<StandingLetter> letters;
  std::vector<FlushRow> flushes;
  std::vector<tally::LedgerRow> ledgers;
  std::vector<ArchivedLedger> retired;
};

// A database of its own, empty at first, with the one topic of the suite.
class StoreFixture {
 public:
  StoreFixture() = default;
  StoreFixture(const StoreFixture&) = delete;
  StoreFixture& operator=(const StoreFixture&) = delete;
  virtual ~StoreFixture() = default;

  // A new session of a process of this group. Sessions die before the world.
  virtual std::unique_ptr<MetricsStore> session(const std::string& group) = 0;
  virtual Standing standing() = 0;
};
using MakeStoreFixture = std::unique_ptr<StoreFixture> (*)();

namespace store_contract {

using tally::Dimension;
using tally::Granularity;

inline constexpr const char* topic = "the-topic";            // of every session
inline constexpr std::int64_t nine_o_clock = 1'432'026'000;  // 2015-05-19T09:00:00Z
inline constexpr std::size_t bytes_max = limits::step_bytes_max;
inline constexpr WallTime written{std::chrono::milliseconds{1'764'000'000'123}};

inline WindowStart minute(int number) {
  return WindowStart{std::chrono::seconds{nine_o_clock + 60 * number}};
}
inline WindowStart hour(int number) {
  return WindowStart{std::chrono::seconds{nine_o_clock + 3600 * number}};
}
inline WallTime end_of(Granularity granularity, WindowStart start) {
  return tally::window_end(granularity, start);
}

inline DeadLetterId letter(std::int32_t partition, std::int64_t offset) { return {topic, partition, offset}; }

// A sketch that is exactly one user, in the storage format of the hll extension.
inline std::string one_user(char last_byte = 1) {
  return {'\x12', '\x8e', '\x4d', '\0', '\0', '\0', '\0', '\0', '\0', '\0', last_byte};
}

inline tally::WindowRow row(Granularity granularity, WindowStart start, Dimension dimension,
                            std::string value, std::int64_t events, std::int32_t place = 0) {
  tally::WindowRow made;
  made.key = {granularity, dimension, start, 0, std::move(value)};
  made.events = events;
  made.page_views = events / 2;
  made.place = place;
  made.users = one_user();
  return made;
}
inline tally::WindowRow total(Granularity granularity, WindowStart start, std::int64_t events) {
  tally::WindowRow made = row(granularity, start, Dimension::total, "", events);
  made.stored = {{Dimension::activity_type, 2}, {Dimension::page, 3}, {Dimension::referrer, 5}};
  return made;
}
inline tally::WindowRow of_partition(std::int32_t partition, tally::WindowRow of) {
  of.key.partition = partition;
  return of;
}

inline void sort_by_key(std::vector<tally::WindowRow>& rows) {
  std::sort(rows.begin(), rows.end(), [](const auto& a, const auto& b) { return a.key < b.key; });
}
inline std::vector<tally::WindowRow> sorted(std::vector<tally::WindowRow> rows) {
  sort_by_key(rows);
  return rows;
}

// A log of one kind of record that was all tallied: the ledger moves on by `events`.
inline tally::LedgerRow moved_on(tally::LedgerRow ledger, std::int64_t events) {
  ledger.version += 1;
  ledger.next_offset += events;
  ledger.read += events;
  ledger.tallied += events;
  ledger.updated_at = written;
  return ledger;
}
using commit::fence_of;

}  // namespace store_contract

class MetricsStoreContract : public testing::TestWithParam<MakeStoreFixture> {
 protected:
  static constexpr const char* group = "the-group";

  tally::LedgerRow open(std::int32_t partition = 0, std::int64_t start_offset = 0) {
    auto opened = store_->open_ledger(partition, start_offset, store_contract::written);
    EXPECT_TRUE(opened.has_value()) << opened.error().text;
    return opened.value_or(tally::LedgerRow{});
  }

  // One whole transaction on partition 0, which moves on by one event. Answers its new ledger row.
  tally::LedgerRow flush(const tally::LedgerRow& before, Changes changes) {
    using store_contract::fence_of;
    const std::array fences{fence_of(before)};
    auto held = store_->begin(fences);
    EXPECT_TRUE(held.has_value() && held->size() == 1) << "the fence";
    const tally::LedgerRow after = store_contract::moved_on(before, 1);
    if (changes.written_at == WallTime{}) changes.written_at = store_contract::written;
    if (changes.ledgers.empty()) changes.ledgers.push_back(after);
    auto wrote = store_->write(changes);
    EXPECT_TRUE(wrote.has_value()) << wrote.error().text;
    auto ended = store_->commit();
    EXPECT_EQ(ended.end, CommitEnd::committed) << ended.why.text;
    return after;
  }

  // Whether this write is refused as a fault of ours, and leaves nothing.
  void expect_refused(const tally::LedgerRow& before, const Changes& changes) {
    using store_contract::fence_of;
    const std::array fences{fence_of(before)};
    ASSERT_EQ(store_->begin(fences).value(), std::vector<std::int32_t>{before.partition});
    auto wrote = store_->write(changes);
    ASSERT_FALSE(wrote.has_value());
    EXPECT_EQ(wrote.error().kind, ErrorKind::internal) << wrote.error().text;
    store_->rollback();
    EXPECT_EQ(open(before.partition), before);
  }

  std::unique_ptr<StoreFixture> world_ = GetParam()();
  std::unique_ptr<MetricsStore> store_ = world_->session(group);
};

}  // namespace weir::commit
