// The fixture of metrics_store_contract.hpp: what an implementation provides, the contents that the tests
// compare, and values to write.
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

struct StoredDeadLetter {
  DeadLetter dead_letter;
  std::int64_t attempts = 0;
  std::optional<WallTime> replayed_at;

  friend bool operator==(const StoredDeadLetter&, const StoredDeadLetter&) = default;
};

// A ledger row that archive_ledger() has moved to another topic name, with its dead letters by offset.
struct ArchivedLedger {
  std::string topic;
  tally::LedgerRow ledger;
  std::vector<StoredDeadLetter> dead_letters;

  friend bool operator==(const ArchivedLedger&, const ArchivedLedger&) = default;
};

// The committed rows of all sessions. `windows`, `pending_rollups` and `ledgers` are sorted by key.
// `dead_letters` are sorted by partition and offset, `flushes` by insertion, `archived` by topic and
// partition. All but `archived` have the topic of the suite.
struct StoreContents {
  std::vector<tally::WindowRow> windows;
  std::vector<PendingRollup> pending_rollups;
  std::array<WallTime, tally::granularity_count> pruned_to;  // by granularity
  std::vector<StoredDeadLetter> dead_letters;
  std::vector<FlushRow> flushes;
  std::vector<tally::LedgerRow> ledgers;
  std::vector<ArchivedLedger> archived;
};

// A new, empty database for one test.
class StoreFixture {
 public:
  StoreFixture() = default;
  StoreFixture(const StoreFixture&) = delete;
  StoreFixture& operator=(const StoreFixture&) = delete;
  virtual ~StoreFixture() = default;

  // Opens a session of this group. The fixture must outlive it.
  virtual std::unique_ptr<MetricsStore> session(const std::string& group) = 0;
  virtual StoreContents contents() = 0;
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

// A sketch of exactly one user, in the storage format of the hll extension.
inline std::string one_user(char last_byte = 1) {
  return {'\x12', '\x8e', '\x4d', '\0', '\0', '\0', '\0', '\0', '\0', '\0', last_byte};
}

inline tally::WindowRow row(Granularity granularity, WindowStart start, Dimension dimension,
                            std::string value, std::int64_t events, std::int32_t arrival_rank = 0) {
  tally::WindowRow made;
  made.key = {granularity, dimension, start, 0, std::move(value)};
  made.events = events;
  made.page_views = events / 2;
  made.arrival_rank = arrival_rank;
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

// The ledger row after `events` more records, all tallied.
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

  // Commits one transaction that tallies one event of partition 0. Returns the new ledger row.
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
    EXPECT_EQ(ended.status, CommitStatus::committed) << ended.why.text;
    return after;
  }

  // Expects that write() fails with ErrorKind::internal and that nothing is written.
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

  std::unique_ptr<StoreFixture> fixture_ = GetParam()();
  std::unique_ptr<MetricsStore> store_ = fixture_->session(group);
};

}  // namespace weir::commit
