// The stage of metrics_reader_contract.hpp: what a filler hands to the suite, and values to put into its
// store.
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

// One committed write: whole or not at all to whoever reads meanwhile.
struct Stored {
  std::vector<tally::WindowRow> windows;        // inserted, or the row of the same key replaced
  std::vector<StoredMinute> unrolled;           // minutes that have a remainder from now on…
  std::vector<StoredMinute> rolled;             // …and those that have none any more
  std::optional<Horizons> horizons;             // raised to this
  std::vector<tally::LedgerRow> ledgers;        // as they are from now on
  std::vector<tally::OwnDimension> dimensions;  // known from now on, in this order
  // Inserted. All that are replayed have the same replayed_at.
  std::vector<DeadLetterRow> dead_letters;
};

// A database of its own, empty at first, with the one topic of the suite.
class ReaderWorld {
 public:
  ReaderWorld() = default;
  ReaderWorld(const ReaderWorld&) = delete;
  ReaderWorld& operator=(const ReaderWorld&) = delete;
  virtual ~ReaderWorld() = default;

  // May be called while snapshots are open.
  virtual void given(const Stored& stored) = 0;
  // Of at least two connections. Readers die before the world.
  virtual std::unique_ptr<MetricsReader> reader() = 0;
};
using MakeReaderWorld = std::unique_ptr<ReaderWorld> (*)();

// How worlds with a store commit: all of it in one transaction of a session. Rollup's port and its words are
// parameters, for the two rooms do not know each other. set_version(partition, version) is called where a
// ledger's version is the suite's own and not the next.
inline constexpr WallTime since{std::chrono::milliseconds{1'764'000'000'123}};  // of own dimensions

template <class Changes>
Changes changes_of(const Stored& stored) {
  Changes changes{.windows = stored.windows};
  for (const StoredMinute& minute : stored.unrolled)
    changes.pending_rollups.push_back({minute.partition, minute.start});
  for (const StoredMinute& minute : stored.rolled)
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

// A sketch that is exactly one user, in the storage format of the hll extension.
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
// Every window has a total row for each of its partitions.
inline tally::WindowRow total(Granularity granularity, WindowStart start, Counts counts) {
  return row(granularity, start, Dimension::total, "", counts);
}
inline tally::WindowRow of_partition(std::int32_t partition, tally::WindowRow of) {
  of.key.partition = partition;
  return of;
}

// What a reader makes of the rows: counts added, sketches gathered, for each window and value.
struct Sum {
  std::int64_t events = 0;
  std::int64_t page_views = 0;
  std::set<std::string> users;

  friend bool operator==(const Sum&, const Sum&) = default;
};
using Sums = std::map<std::pair<WindowStart, std::string>, Sum>;

// So that a failing test says what was there.
inline void PrintTo(const Sum& sum, std::ostream* out) {
  *out << sum.events << " events, " << sum.page_views << " page views, " << sum.users.size() << " sketches";
}

}  // namespace reader_contract

class MetricsReaderContract : public testing::TestWithParam<MakeReaderWorld> {
 protected:
  // The whole day, by default.
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

  std::unique_ptr<ReaderWorld> world_ = GetParam()();
  std::unique_ptr<MetricsReader> reader_ = world_->reader();
};

}  // namespace weir::report
