// Oracle: the comparison with the store. Windows are compared as the contract's views show them.
#include <algorithm>
#include <array>
#include <utility>

#include "activity/rfc3339.hpp"
#include "simulation/oracle.hpp"
#include "tally/sketch.hpp"

namespace weir::simulation {
namespace {

using tally::Dimension;
using tally::Granularity;

std::string in_words(const tally::WindowKey& key) {
  return std::string(name_of(key.granularity)) + " " + activity::format_rfc3339(key.start) + " " +
         std::string(name_of(key.dimension)) + " '" + key.value + "' of partition " +
         std::to_string(key.partition);
}

std::string differs(std::string_view what, std::int64_t is, std::int64_t should) {
  return std::string(what) + " is " + std::to_string(is) + ", should be " + std::to_string(should);
}

std::string encoded(const std::set<std::uint64_t>& users) {
  tally::Sketch sketch;
  for (const std::uint64_t user : users) sketch.add(user);
  return sketch.encode();
}

// A row of a view, as the sum of stored rows.
struct ViewRow {
  std::int64_t events = 0;
  std::int64_t page_views = 0;
  tally::Sketch users;
  bool readable = true;  // all of the sketches
};
using ViewRows = std::map<tally::WindowKey, ViewRow>;

void add_to_view(ViewRows& rows, const tally::WindowKey& key, std::int64_t events, std::int64_t page_views,
                 const std::string& users) {
  ViewRow& row = rows[key];
  row.events += events;
  row.page_views += page_views;
  row.readable = row.users.unite_encoded(users).has_value() && row.readable;
}

// Returns the rows of the three views. A view has the stored rows; in hours and days also the counts of their
// minutes that are not rolled up yet. Windows before the granularity's horizon are hidden.
ViewRows views_of(const commit::FakeDatabase& database) {
  ViewRows rows;
  const auto hidden = [&](const tally::WindowKey& key) {
    return WallTime(key.start) < database.pruned_to[static_cast<std::size_t>(key.granularity)];
  };
  for (const auto& [key, window] : database.windows) {
    const tally::WindowRow& row = window.row;
    if (!hidden(key)) add_to_view(rows, key, row.events, row.page_views, row.users);
    if (key.granularity != Granularity::minute) continue;
    if (!database.pending_rollups.contains(commit::PendingRollup{key.partition, key.start})) continue;
    for (const Granularity coarse : {Granularity::hour, Granularity::day}) {
      tally::WindowKey target = key;
      target.granularity = coarse;
      target.start = tally::window_of(coarse, key.start);
      if (hidden(target)) continue;
      add_to_view(rows, target, row.events - row.rolled_events, row.page_views - row.rolled_page_views,
                  row.users);
    }
  }
  return rows;
}

}  // namespace

// Too old for its minute: the event is counted by hour and day only.
bool Oracle::is_too_old(const Fact& fact) const {
  return retention_.minute.count() > 0 && fact.event.at + retention_.minute < fact.lateness_time;
}

// An event that is too old for its minute is missing in the minutes, so the horizon is the end of its hour.
WallTime Oracle::minute_horizon(const commit::FakeDatabase& database) const {
  WallTime horizon{};
  for_each_counted(database, [&](std::int32_t, const Fact& fact) {
    if (fact.verdict != Verdict::tallied || !is_too_old(fact)) return;
    const WindowStart hour = tally::window_of(Granularity::hour, fact.event.at);
    horizon = std::max(horizon, WallTime(tally::window_end(Granularity::hour, hour)));
  });
  return horizon;
}

// An event appears in every dimension of each granularity that counts it.
void Oracle::add(View& view, std::int32_t partition, const Fact& fact) const {
  const consumer::TestEvent& event = fact.event;
  const bool too_old = is_too_old(fact);
  for (const Granularity granularity : tally::all_granularities) {
    if (granularity == Granularity::minute && too_old) continue;
    const WindowStart start = tally::window_of(granularity, event.at);
    const auto put = [&](Dimension dimension, const std::string& value) {
      Sums& sums = view[{granularity, dimension, start, partition, value}];
      sums.events += 1;
      sums.page_views += event.type == "page_view" ? 1 : 0;
      sums.users.insert(fact.user_hash);
    };
    put(Dimension::total, "");
    put(Dimension::activity_type, event.type);
    put(Dimension::page, event.page.empty() ? std::string(tally::value_none) : event.page);
    put(Dimension::referrer, event.referrer.empty() ? std::string(tally::value_direct) : event.referrer);
  }
}

Oracle::View Oracle::expected(const commit::FakeDatabase& database) const {
  View view;
  for_each_counted(database, [&](std::int32_t partition, const Fact& fact) {
    if (fact.verdict == Verdict::tallied) add(view, partition, fact);
  });
  return view;
}

// The identities, and each count against the verdicts of the counted records.
std::optional<std::string> Oracle::ledger_fault(const tally::LedgerRow& row) const {
  if (!row.adds_up()) return "the ledger of partition " + std::to_string(row.partition) + " does not add up";
  std::array<std::int64_t, 4> counts{};
  for_each_counted(row,
                   [&](std::int64_t, const Fact& fact) { ++counts[static_cast<std::size_t>(fact.verdict)]; });
  const std::string of = " of partition " + std::to_string(row.partition);
  if (row.tallied != counts[0]) return differs("tallied" + of, row.tallied, counts[0]);
  if (row.duplicate != counts[1]) return differs("duplicate" + of, row.duplicate, counts[1]);
  if (row.dead_lettered != counts[2]) return differs("dead_lettered" + of, row.dead_lettered, counts[2]);
  return std::nullopt;
}

// Each log is counted by at most one ledger row.
std::optional<std::string> Oracle::overlap_fault(const commit::FakeDatabase& database) const {
  std::set<const Facts*> counted;
  const auto is_second = [&](const tally::LedgerRow& row) {
    const Facts& facts = facts_of(*this, row);
    if (facts.empty()) return false;  // only holes: no record can be counted twice
    return row.next_offset > row.start_offset && !counted.insert(&facts).second;
  };
  for (const auto& [partition, row] : database.ledgers) {
    if (is_second(row)) return "a log is counted by two ledger rows";
  }
  for (const auto& [name, row] : database.archived) {
    if (is_second(row)) return name.first + " is the ledger row of a log that another row has counted";
  }
  return std::nullopt;
}

// The rows, and the sum of their attempts, which must equal the sum of dead_lettered.
std::optional<std::string> Oracle::dead_letter_fault(const commit::FakeDatabase& database) const {
  std::map<commit::DeadLetterId, DeadLetterRow> is;
  std::int64_t attempts = 0;
  for (const auto& [id, letter] : database.dead_letters) {
    is[id] = {.attempts = letter.attempts, .replayed = letter.replayed_at.has_value()};
    attempts += letter.attempts;
  }
  if (is != dead_letters_) return "the dead letters differ from those of the log";
  std::int64_t dead_lettered = 0;
  for (const auto& [partition, row] : database.ledgers) dead_lettered += row.dead_lettered;
  for (const auto& [name, row] : database.archived) dead_lettered += row.dead_lettered;
  if (attempts != dead_lettered) return differs("the sum of attempts", attempts, dead_lettered);
  return std::nullopt;
}

// The copy must exist before next_offset moves past the dead letter.
std::optional<std::string> Oracle::find_missing_copy(const commit::Changes& changes,
                                                     const std::map<std::int32_t, commit::Fence>& before,
                                                     const consumer::FakeDlq& dlq) const {
  for (const tally::LedgerRow& row : changes.ledgers) {
    const auto was = before.find(row.partition);
    if (was == before.end()) continue;
    const Facts& facts = facts_of(*this, row);
    for (auto at = facts.lower_bound(was->second.next_offset);
         at != facts.end() && at->first < row.next_offset; ++at) {
      if (at->second.verdict == Verdict::dead_lettered && !dlq.has_copy_of(row.partition, at->first))
        return "the offset moved before the dead letter at " + std::to_string(at->first) + " had its copy";
    }
  }
  return std::nullopt;
}

// Retention counts from the latest time that any clock has shown.
WallTime Oracle::pruned_at_most(Granularity granularity) const {
  const std::array days{retention_.minute, retention_.hour, retention_.day};
  const std::chrono::days kept = days[static_cast<std::size_t>(granularity)];
  return kept.count() == 0 ? WallTime{} : std::max(latest_ - kept, WallTime{});
}

// A horizon must cover every event that its granularity lacks, and no more than pruning may have taken.
std::optional<std::string> Oracle::horizon_fault(const commit::FakeDatabase& database) const {
  for (const Granularity granularity : tally::all_granularities) {
    const WallTime horizon = database.pruned_to[static_cast<std::size_t>(granularity)];
    const WallTime least = granularity == Granularity::minute ? minute_horizon(database) : WallTime{};
    if (horizon < least || horizon > std::max(least, pruned_at_most(granularity)))
      return "the horizon of granularity " + std::string(name_of(granularity)) + " is wrong";
  }
  return std::nullopt;
}

// A window is pruned N days after its end or after its last write, whichever is later.
std::optional<std::string> Oracle::find_unpruned(const commit::FakeDatabase& database,
                                                 WallTime before) const {
  const std::array days{retention_.minute, retention_.hour, retention_.day};
  for (const auto& [key, window] : database.windows) {
    if (key.dimension != Dimension::total) continue;  // it is written with every other row of its window
    const std::chrono::days kept = days[static_cast<std::size_t>(key.granularity)];
    const WallTime end(tally::window_end(key.granularity, key.start));
    const bool is_minute = key.granularity == Granularity::minute;
    if (kept.count() == 0 || std::max(end, window.written_at) + kept > before) continue;
    if (is_minute && database.pending_rollups.contains(commit::PendingRollup{key.partition, key.start}))
      continue;
    return in_words(key) + " should have been pruned";
  }
  return std::nullopt;
}

// Every expected row must exist with equal sums, and no other row may exist.
std::optional<std::string> Oracle::view_fault(const commit::FakeDatabase& database, const View& should) {
  const ViewRows rows = views_of(database);
  for (const auto& [key, sums] : should) {
    if (WallTime(key.start) < database.pruned_to[static_cast<std::size_t>(key.granularity)]) continue;
    const auto found = rows.find(key);
    if (found == rows.end()) return in_words(key) + " is missing";
    const ViewRow& is = found->second;
    if (is.events != sums.events) return in_words(key) + differs(": events", is.events, sums.events);
    if (is.page_views != sums.page_views)
      return in_words(key) + differs(": page views", is.page_views, sums.page_views);
    if (!is.readable) return in_words(key) + ": a sketch cannot be read";
    if (is.users.encode() != encoded(sums.users)) return in_words(key) + ": the users differ";
  }
  for (const auto& [key, row] : rows) {
    if (!should.contains(key)) return in_words(key) + " should not exist";
  }
  return std::nullopt;
}

std::optional<std::string> Oracle::find_fault(const commit::FakeDatabase& database) const {
  for (const auto& [partition, row] : database.ledgers) {
    if (auto fault = ledger_fault(row)) return fault;
  }
  for (const auto& [name, row] : database.archived) {
    if (auto fault = ledger_fault(row)) return name.first + ": " + *fault;
  }
  if (auto fault = overlap_fault(database)) return fault;
  if (auto fault = dead_letter_fault(database)) return fault;
  const View should = expected(database);
  if (auto fault = view_fault(database, should)) return fault;
  if (auto fault = horizon_fault(database)) return fault;

  // Rows of user_activity_metrics, pruned ones included, sum up to the page views of all days.
  std::int64_t page_views = 0;
  for (const auto& [key, sums] : should) {
    if (key.granularity == Granularity::day && key.dimension == Dimension::total)
      page_views += sums.page_views;
  }
  std::int64_t flushed = database.page_views_pruned;
  for (const commit::FlushRow& row : database.flushes) flushed += row.page_view_count;
  if (flushed != page_views) return differs("page views in user_activity_metrics", flushed, page_views);
  return std::nullopt;
}

std::optional<std::string> Oracle::find_fault(const commit::Changes& changes,
                                              const std::map<std::int32_t, commit::Fence>& before) const {
  for (const tally::LedgerRow& row : changes.ledgers) {
    const auto was = before.find(row.partition);
    if (was == before.end()) return "a ledger row was written that was never opened";
    if (auto fault = ledger_fault(row)) return fault;
    if (row.version != was->second.version + 1)
      return differs("version", row.version, was->second.version + 1);
    if (row.next_offset < was->second.next_offset) return "next_offset went backwards";
  }
  // A clock that is ahead must not delete windows early.
  for (const commit::Prune& prune : changes.prunes) {
    if (prune.before > pruned_at_most(prune.granularity)) return "windows are pruned that should be kept";
  }
  const bool keeps_metrics = retention_.metrics.count() == 0;
  if (changes.prune_flushes_before &&
      (keeps_metrics || *changes.prune_flushes_before > latest_ - retention_.metrics))
    return "rows of user_activity_metrics are pruned that should be kept";
  return flush_fault(changes, before);
}

// The row of user_activity_metrics: exact users and page views of the events that this transaction tallied.
std::optional<std::string> Oracle::flush_fault(const commit::Changes& changes,
                                               const std::map<std::int32_t, commit::Fence>& before) const {
  std::set<std::uint64_t> users;
  std::int64_t page_views = 0;
  bool tallied = false;
  for (const tally::LedgerRow& row : changes.ledgers) {
    const Facts& facts = facts_of(*this, row);
    for (auto at = facts.lower_bound(before.at(row.partition).next_offset);
         at != facts.end() && at->first < row.next_offset; ++at) {
      if (at->second.verdict != Verdict::tallied) continue;
      tallied = true;
      page_views += at->second.event.type == "page_view" ? 1 : 0;
      users.insert(at->second.user_hash);
    }
  }
  if (tallied != changes.flush.has_value())
    return "user_activity_metrics has a row without events, or no row for events";
  if (!tallied) return std::nullopt;
  const auto users_now = static_cast<std::int64_t>(users.size());
  if (changes.flush->page_view_count != page_views)
    return differs("page views of a flush", changes.flush->page_view_count, page_views);
  if (changes.flush->unique_users != users_now)
    return differs("users of a flush", changes.flush->unique_users, users_now);
  return std::nullopt;
}

}  // namespace weir::simulation
