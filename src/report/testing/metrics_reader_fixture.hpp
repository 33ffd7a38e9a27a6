// The fixture of metrics_reader_contract.hpp: the interface that an implementation derives, and rows to put
// into its store.
#pragma once

#include <array>
#include <chrono>
#include <gtest/gtest.h>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "report/metrics_reader.hpp"

namespace weir::report {

struct StoredMinute {
  std::int32_t partition = 0;
  WindowStart start;
};

// One atomic write to the store.
struct Stored {
  std::vector<tally::WindowRow> windows;        // inserted, or the row of the same key replaced
  std::vector<StoredMinute> pending_rollups;    // minutes that have pending counts after this write
  std::vector<StoredMinute> rolled_up;          // minutes that have none after it
  std::optional<Horizons> horizons;             // the new horizons
  std::vector<tally::LedgerRow> ledgers;        // inserted, or the row of the same partition replaced
  std::vector<tally::OwnDimension> dimensions;  // registered in this order
  // Inserted. All that are replayed have the same replayed_at.
  std::vector<DeadLetterRow> dead_letters;
};

// A separate store for one test. It is empty at first and has the only topic of the suite.
class ReaderFixture {
 public:
  ReaderFixture() = default;
  ReaderFixture(const ReaderFixture&) = delete;
  ReaderFixture& operator=(const ReaderFixture&) = delete;
  virtual ~ReaderFixture() = default;

  // Commits the write. The suite calls it also while snapshots are open.
  virtual void given(const Stored& stored) = 0;
  // Returns a reader with at least two connections. The reader is destroyed before the fixture.
  virtual std::unique_ptr<MetricsReader> reader() = 0;
};
using MakeReaderFixture = std::unique_ptr<ReaderFixture> (*)();

// The time at which commit() registers own dimensions.
inline constexpr WallTime since{std::chrono::milliseconds{1'764'000'000'123}};

// Converts a write to the Changes of module commit. The type is a parameter, because report does not include
// commit.
template <class Changes>
Changes changes_of(const Stored& stored) {
  Changes changes{.windows = stored.windows};
  for (const StoredMinute& minute : stored.pending_rollups)
    changes.pending_rollups.push_back({minute.partition, minute.start});
  for (const StoredMinute& minute : stored.rolled_up)
    changes.rolled_up.push_back({minute.partition, minute.start});
  for (const auto granularity : tally::all_granularities) {
    if (stored.horizons) changes.horizons.push_back({granularity, stored.horizons->of(granularity)});
  }
  changes.ledgers = stored.ledgers;
  for (const DeadLetterRow& row : stored.dead_letters) {
    changes.dead_letters.push_back(
        {row.partition, row.offset, row.reason, row.detail, row.key, row.value, row.at});
    if (row.attempts > 1)
      changes.failed_replays.push_back({{"the-topic", row.partition, row.offset}, row.attempts - 1});
    if (!row.replayed_at) continue;
    changes.written_at = *row.replayed_at;
    changes.replayed.push_back({"the-topic", row.partition, row.offset});
  }
  return changes;
}
// Commits a write through a MetricsStore in one transaction, for fixtures of real stores. Calls
// set_version(partition, version) if a row's version is not the next one of the stored ledger.
template <class Changes, class MetricsStore, class FenceOf, class SetVersion>
void commit(MetricsStore& store, const Stored& stored, FenceOf fence_of, SetVersion set_version) {
  const auto counted = store.register_dimensions(stored.dimensions, since);
  ASSERT_TRUE(counted.has_value()) << counted.error().text;
  std::vector<std::invoke_result_t<FenceOf, const tally::LedgerRow&>> fences;
  for (const tally::LedgerRow& row : stored.ledgers) {
    auto before = store.open_ledger(row.partition, row.start_offset, WallTime{});
    ASSERT_TRUE(before.has_value()) << before.error().text;
    if (before->version != row.version - 1) set_version(row.partition, row.version - 1);
    before->version = row.version - 1;
    fences.push_back(fence_of(*before));
  }
  const auto held = store.begin(fences);
  ASSERT_TRUE(held.has_value()) << held.error().text;
  ASSERT_EQ(held->size(), fences.size());
  const auto wrote = store.write(changes_of<Changes>(stored));
  ASSERT_TRUE(wrote.has_value()) << wrote.error().text;
  const auto ended = store.commit();
  ASSERT_EQ(ended.status, decltype(ended.status)::committed);
}

namespace reader_contract {

using tally::Dimension;
using tally::Granularity;

inline constexpr WindowStart midnight{
    std::chrono::seconds{1'431'993'600}};  // 2015-05-19T00:00:00Z, a Tuesday

inline WindowStart at(int hour, int minute = 0) {
  return midnight + std::chrono::hours{hour} + std::chrono::minutes{minute};
}

// Returns a sketch of one user in the storage format of the hll extension.
inline std::string one_user(char last_byte = 1) {
  return {'\x12', '\x8e', '\x4d', '\0', '\0', '\0', '\0', '\0', '\0', '\0', last_byte};
}

struct Counts {
  std::int64_t events = 0;
  std::int64_t page_views = 0;
  std::int64_t rolled_events = 0;
  std::int64_t rolled_page_views = 0;
};

inline tally::WindowRow row(Granularity granularity, WindowStart start, Dimension dimension,
                            std::string value, Counts counts) {
  tally::WindowRow made;
  made.key = {granularity, dimension, start, 0, std::move(value)};
  made.events = counts.events;
  made.page_views = counts.page_views;
  made.rolled_events = counts.rolled_events;
  made.rolled_page_views = counts.rolled_page_views;
  made.users = one_user();
  return made;
}
// Returns a total row. Every window has one for each of its partitions.
inline tally::WindowRow total(Granularity granularity, WindowStart start, Counts counts) {
  return row(granularity, start, Dimension::total, "", counts);
}
inline tally::WindowRow of_partition(std::int32_t partition, tally::WindowRow of) {
  of.key.partition = partition;
  return of;
}

// The sum of the rows of one window and value: the counts added, the sketches gathered.
struct Sum {
  std::int64_t events = 0;
  std::int64_t page_views = 0;
  std::set<std::string> users;

  friend bool operator==(const Sum&, const Sum&) = default;
};
using Sums = std::map<std::pair<WindowStart, std::string>, Sum>;

// Prints a sum in the message of a failed test.
inline void PrintTo(const Sum& sum, std::ostream* out) {
  *out << sum.events << " events, " << sum.page_views << " page views, " << sum.users.size() << " sketches";
}

}  // namespace reader_contract

class MetricsReaderContract : public testing::TestWithParam<MakeReaderFixture> {
 protected:
  // Returns a query of the whole day.
  static WindowQuery query(tally::Granularity granularity,
                           tally::Dimension dimension = tally::Dimension::total) {
    return {.granularity = granularity,
            .dimension = dimension,
            .from = reader_contract::midnight,
            .to = reader_contract::at(24),
            .values = std::nullopt};
  }

  std::unique_ptr<MetricsSnapshot> snapshot() {
    auto taken = reader_->snapshot();
    EXPECT_TRUE(taken.has_value()) << taken.error().text;
    return std::move(taken).value();
  }

  static reader_contract::Sums sums(MetricsSnapshot& snapshot, const WindowQuery& query) {
    reader_contract::Sums gathered;
    auto scanned = snapshot.scan(query, [&gathered](const ViewRow& row) {
      auto& sum = gathered[{row.start, std::string(row.value)}];
      sum.events += row.events;
      sum.page_views += row.page_views;
      sum.users.emplace(row.users);
    });
    EXPECT_TRUE(scanned.has_value()) << scanned.error().text;
    return gathered;
  }
  reader_contract::Sums sums(const WindowQuery& query) { return sums(*snapshot(), query); }

  std::unique_ptr<ReaderFixture> fixture_ = GetParam()();
  std::unique_ptr<MetricsReader> reader_ = fixture_->reader();
};

}  // namespace weir::report
