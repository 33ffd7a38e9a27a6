// Oracle: the comparison with what the store says.
#include <algorithm>
#include <array>
#include <map>
#include <tuple>
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
         label_of(key.dimension) + " '" + key.value + "' of partition " + std::to_string(key.partition);
}

std::string differs(std::string_view what, std::int64_t is, std::int64_t should) {
  return std::string(what) + " is " + std::to_string(is) + ", should be " + std::to_string(should);
}

std::string encoded(const std::set<std::uint64_t>& users) {
  tally::Sketch sketch;
  for (const std::uint64_t user : users) sketch.add(user);
  return sketch.encode();
}

// A row of a view, put together from stored rows.
struct Shown {
  std::int64_t events = 0;
  std::int64_t page_views = 0;
  tally::Sketch users;
  bool readable = true;  // each of the sketches
};
using Showing = std::map<tally::WindowKey, Shown>;

void show(Showing& showing, const tally::WindowKey& key, std::int64_t events, std::int64_t page_views,
          const std::string& users) {
  Shown& shown = showing[key];
  shown.events += events;
  shown.page_views += page_views;
  shown.readable = shown.users.unite_encoded(users).has_value() && shown.readable;
}

// The three views, in the contract's sense: rows, and in hours and days also what their minutes have not
// rolled up; and of both only what stands at or above the granularity's horizon.
Showing views_of(const commit::FakeDatabase& database) {
  Showing showing;
  const auto hidden = [&](const tally::WindowKey& key) {
    return WallTime(key.start) < database.pruned_to[static_cast<std::size_t>(key.granularity)];
  };
  for (const auto& [key, window] : database.windows) {
    const tally::WindowRow& row = window.row;
    if (!hidden(key)) show(showing, key, row.events, row.page_views, row.users);
    if (key.granularity != Granularity::minute) continue;
    if (!database.unrolled.contains(commit::PendingRollup{key.partition, key.start})) continue;
    for (const Granularity coarse : tally::coarser_granularities) {
      tally::WindowKey target = key;
      target.granularity = coarse;
      target.start = tally::floor_to(coarse, key.start);
      if (hidden(target)) continue;
      show(showing, target, row.events - row.rolled_events, row.page_views - row.rolled_page_views,
           row.users);
    }
  }
  return showing;
}

}  // namespace

bool Oracle::is_old(const Fact& fact) const {
  return retention_.minute.count() > 0 && fact.what.at + retention_.minute < fact.lateness_time;
}

// An event that is too old for its minute leaves the minutes incomplete up to the end of its hour.
WallTime Oracle::minute_horizon(const commit::FakeDatabase& database) const {
  WallTime horizon{};
  for_each_counted(database, [&](std::int32_t, const Fact& fact) {
    if (fact.verdict != Verdict::tallied || !is_old(fact)) return;
    const WindowStart hour = tally::floor_to(Granularity::hour, fact.what.at);
    horizon = std::max(horizon, WallTime(tally::window_end(Granularity::hour, hour)));
  });
  return horizon;
}

void Oracle::add(View& view, std::int32_t partition, const Fact& fact) const {
  const Told& what = fact.what;
  const bool old = is_old(fact);
  for (const Granularity granularity : tally::all_granularities) {
    if (granularity == Granularity::minute && old) continue;
    const WindowStart start = tally::floor_to(granularity, what.at);
    const auto put = [&](Dimension dimension, const std::string& value) {
      Sums& sums = view[{granularity, dimension, start, partition, value}];
      sums.events += 1;
      sums.page_views += what.type == "page_view" ? 1 : 0;
      sums.users.insert(fact.user_hash);
    };
    put(Dimension::total, "");
    put(Dimension::activity_type, what.type);
    const std::string no_path(what.term.empty() ? tally::value_none : "/");
    put(Dimension::page, what.page.empty() ? no_path : what.page);
    put(Dimension::referrer, what.referrer.empty() ? std::string(tally::value_direct) : what.referrer);
    for (const auto& [dimension, source] : dimensions_) {
      const std::string& value = source.name == "term" ? what.term : what.campaign;
      put(dimension, value.empty() ? std::string(tally::value_none) : value);
    }
  }
}

Oracle::View Oracle::expected(const commit::FakeDatabase& database) const {
  View view;
  for_each_counted(database, [&](std::int32_t partition, const Fact& fact) {
    if (fact.verdict == Verdict::tallied) add(view, partition, fact);
  });
  return view;
}

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

// No log is counted by two accounts.
std::optional<std::string> Oracle::account_fault(const commit::FakeDatabase& database) const {
  std::set<const Facts*> counted;
  const auto is_second = [&](const tally::LedgerRow& row) {
    const Facts& facts = facts_in(*this, row);
    if (facts.empty()) return false;  // nothing but holes: nothing that could be counted twice
    return row.next_offset > row.start_offset && !counted.insert(&facts).second;
  };
  for (const auto& [partition, row] : database.ledgers) {
    if (is_second(row)) return "a log has two accounts";
  }
  for (const auto& [name, row] : database.retired) {
    if (is_second(row)) return name.first + " is an account of a log that has another one";
  }
  return std::nullopt;
}

std::optional<std::string> Oracle::letter_fault(const commit::FakeDatabase& database) const {
  std::map<commit::DeadLetterId, Letter> is;
  std::int64_t attempts = 0;
  for (const auto& [place, letter] : database.letters) {
    is[place] = {.attempts = letter.attempts, .replayed = letter.replayed_at.has_value()};
    attempts += letter.attempts;
  }
  if (is != letters_) return "the dead letters are not those of the log";
  std::int64_t dead_lettered = 0;
  for (const auto& [partition, row] : database.ledgers) dead_lettered += row.dead_lettered;
  for (const auto& [name, row] : database.retired) dead_lettered += row.dead_lettered;
  if (attempts != dead_lettered) return differs("the sum of attempts", attempts, dead_lettered);
  return std::nullopt;
}

std::optional<std::string> Oracle::find_uncopied(const commit::Changes& changes,
                                                 const std::map<std::int32_t, commit::Fence>& before,
                                                 const consumer::FakeDlq& copies) const {
  for (const tally::LedgerRow& row : changes.ledgers) {
    const auto was = before.find(row.partition);
    if (was == before.end()) continue;
    const Facts& facts = facts_in(*this, row);
    for (auto at = facts.lower_bound(was->second.next_offset);
         at != facts.end() && at->first < row.next_offset; ++at) {
      if (at->second.verdict == Verdict::dead_lettered && !copies.has_copy_of(row.partition, at->first))
        return "the offset moved before the dead letter at " + std::to_string(at->first) + " was copied";
    }
  }
  return std::nullopt;
}

WallTime Oracle::pruned_at_most(Granularity granularity) const {
  const std::array days{retention_.minute, retention_.hour, retention_.day};
  const std::chrono::days kept = days[static_cast<std::size_t>(granularity)];
  return kept.count() == 0 ? WallTime{} : std::max(latest_ - kept, WallTime{});
}

std::optional<std::string> Oracle::horizon_fault(const commit::FakeDatabase& database) const {
  for (const Granularity granularity : tally::all_granularities) {
    const WallTime horizon = database.pruned_to[static_cast<std::size_t>(granularity)];
    const WallTime least = granularity == Granularity::minute ? minute_horizon(database) : WallTime{};
    if (horizon < least || horizon > std::max(least, pruned_at_most(granularity)))
      return "the horizon of each " + std::string(name_of(granularity)) + " is not where it should be";
  }
  return std::nullopt;
}

std::optional<std::string> Oracle::find_unpruned(const commit::FakeDatabase& database,
                                                 WallTime before) const {
  const std::array days{retention_.minute, retention_.hour, retention_.day};
  // A roll-up can write some rows of a window long after the others: it ends where its transaction is full.
  using Window = std::tuple<Granularity, WindowStart, std::int32_t>;
  std::map<Window, WallTime> last_writes;
  for (const auto& [key, window] : database.windows) {
    WallTime& last = last_writes[{key.granularity, key.start, key.partition}];
    last = std::max(last, window.written_at);
  }
  for (const auto& [key, window] : database.windows) {
    if (key.dimension != Dimension::total) continue;
    const std::chrono::days kept = days[static_cast<std::size_t>(key.granularity)];
    const WallTime end(tally::window_end(key.granularity, key.start));
    const bool is_minute = key.granularity == Granularity::minute;
    if (kept.count() == 0 ||
        std::max(end, last_writes.at({key.granularity, key.start, key.partition})) + kept > before)
      continue;
    if (is_minute && database.unrolled.contains(commit::PendingRollup{key.partition, key.start})) continue;
    return in_words(key) + " should have been pruned";
  }
  return std::nullopt;
}

std::optional<std::string> Oracle::view_fault(const commit::FakeDatabase& database, const View& should) {
  const Showing shows = views_of(database);
  for (const auto& [key, sums] : should) {
    if (WallTime(key.start) < database.pruned_to[static_cast<std::size_t>(key.granularity)]) continue;
    const auto found = shows.find(key);
    if (found == shows.end()) return in_words(key) + " is missing";
    const Shown& is = found->second;
    if (is.events != sums.events) return in_words(key) + differs(": events", is.events, sums.events);
    if (is.page_views != sums.page_views)
      return in_words(key) + differs(": page views", is.page_views, sums.page_views);
    if (!is.readable) return in_words(key) + ": a sketch cannot be read";
    if (is.users.encode() != encoded(sums.users)) return in_words(key) + ": the users are others";
  }
  for (const auto& [key, shown] : shows) {
    if (!should.contains(key)) return in_words(key) + " should not be there";
  }
  return std::nullopt;
}

std::optional<std::string> Oracle::find_fault(const commit::FakeDatabase& database) const {
  for (const auto& [partition, row] : database.ledgers) {
    if (auto fault = ledger_fault(row)) return fault;
  }
  for (const auto& [name, row] : database.retired) {
    if (auto fault = ledger_fault(row)) return name.first + ": " + *fault;
  }
  if (auto fault = account_fault(database)) return fault;
  if (auto fault = letter_fault(database)) return fault;
  const View should = expected(database);
  if (auto fault = view_fault(database, should)) return fault;
  if (auto fault = horizon_fault(database)) return fault;

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
  for (const commit::Prune& prune : changes.prunes) {
    if (prune.before > pruned_at_most(prune.granularity)) return "windows are pruned that should be kept";
  }
  const bool keeps_flushes = retention_.metrics.count() == 0;
  if (changes.prune_flushes_before &&
      (keeps_flushes || *changes.prune_flushes_before > latest_ - retention_.metrics))
    return "rows of user_activity_metrics are pruned that should be kept";
  return flush_fault(changes, before);
}

std::optional<std::string> Oracle::flush_fault(const commit::Changes& changes,
                                               const std::map<std::int32_t, commit::Fence>& before) const {
  std::set<std::uint64_t> users;
  std::int64_t page_views = 0;
  bool tallied = false;
  for (const tally::LedgerRow& row : changes.ledgers) {
    const Facts& facts = facts_in(*this, row);
    for (auto at = facts.lower_bound(before.at(row.partition).next_offset);
         at != facts.end() && at->first < row.next_offset; ++at) {
      if (at->second.verdict != Verdict::tallied) continue;
      tallied = true;
      page_views += at->second.what.type == "page_view" ? 1 : 0;
      users.insert(at->second.user_hash);
    }
  }
  if (tallied != changes.flush.has_value())
    return "user_activity_metrics has a row without events, or none with";
  if (!tallied) return std::nullopt;
  const auto users_now = static_cast<std::int64_t>(users.size());
  if (changes.flush->page_view_count != page_views)
    return differs("page views of a flush", changes.flush->page_view_count, page_views);
  if (changes.flush->unique_users != users_now)
    return differs("users of a flush", changes.flush->unique_users, users_now);
  return std::nullopt;
}

}  // namespace weir::simulation
