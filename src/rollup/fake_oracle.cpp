#include "rollup/fake_oracle.hpp"

#include <algorithm>
#include <utility>

#include "activity/rfc3339.hpp"
#include "base/ensure.hpp"
#include "base/hash.hpp"
#include "base/json_text.hpp"
#include "tally/sketch.hpp"

namespace weir::rollup {
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

std::uint64_t hash_of_user(const std::string& user) { return murmur3(user).low; }

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
};
using Showing = std::map<tally::WindowKey, Shown>;

void show(Showing& showing, const tally::WindowKey& key, std::int64_t events, std::int64_t page_views,
          const std::string& users) {
  Shown& shown = showing[key];
  shown.events += events;
  shown.page_views += page_views;
  ensure(shown.users.unite_encoded(users).has_value(), "a stored sketch can be read");
}

// The three views, in the contract's sense: rows, and in hours and days also what their minutes have not rolled up.
Showing views_of(const FakeDatabase& database) {
  Showing showing;
  for (const auto& [key, window] : database.windows) {
    const tally::WindowRow& row = window.row;
    show(showing, key, row.events, row.page_views, row.users);
    if (key.granularity != Granularity::minute) continue;
    if (!database.unrolled.contains(UnrolledMinute{key.partition, key.start})) continue;
    for (const Granularity coarse : {Granularity::hour, Granularity::day}) {
      tally::WindowKey target = key;
      target.granularity = coarse;
      target.start = tally::window_of(coarse, key.start);
      show(showing, target, row.events - row.rolled_events, row.page_views - row.rolled_page_views,
           row.users);
    }
  }
  return showing;
}

}  // namespace

FakeRecord written_down(const Told& told, RecordTime record_time) {
  FakeRecord record{
      .time = record_time, .key = told.user, .value = std::nullopt, .replay_source = told.replay_of};
  if (told.kind == Told::Kind::without_value) return record;
  if (told.kind == Told::Kind::garbage) {
    record.value = "{]";
    return record;
  }
  JsonText json;
  json.begin_object().member("user_id", told.user).member("activity_type", told.type);
  json.member("timestamp", activity::format_rfc3339(told.at)).key("metadata").begin_object();
  if (!told.page.empty()) json.member("page_url", told.page);
  if (!told.referrer.empty()) json.member("referrer", "https://" + told.referrer + "/");
  json.end_object();
  if (told.message_id) json.member("message_id", *told.message_id);
  record.value = json.end_object().take();
  return record;
}

Oracle::Verdict Oracle::told(std::int32_t partition, std::int64_t offset, const FakeRecord& record,
                             const Told& what) {
  auto& facts = facts_[partition];
  Fact fact{.what = what, .record_time = record.time};
  fact.hash = hash_of({.offset = offset, .time = record.time, .key = record.key, .value = record.value});
  if (what.kind != Told::Kind::activity)
    fact.verdict = Verdict::dead_lettered;
  else if (what.message_id && is_duplicate(facts, offset, fact)) {
    fact.verdict = Verdict::duplicate;
    fact.repeated = true;
  }
  if (what.replay_of) fact.source = letter_source_of(*what.replay_of);
  return facts.emplace(offset, std::move(fact)).first->second.verdict;
}

void Oracle::made_anew() {
  for (auto& [partition, facts] : facts_) facts_of_old_logs_[partition].push_back(std::exchange(facts, {}));
}

void Oracle::retired(const Retirement& retirement) {
  const auto of_it = [&](const auto& entry) {
    return entry.first.topic == FakeMetricsStore::topic && entry.first.partition == retirement.seen.partition;
  };
  std::map<LetterSource, Letter> renamed;
  for (const auto& [place, letter] : letters_) {
    if (of_it(std::pair(place, letter)))
      renamed[{retirement.as_topic, place.partition, place.offset}] = letter;
  }
  std::erase_if(letters_, of_it);
  letters_.merge(renamed);
}

void Oracle::cut_off(std::int32_t partition, std::int64_t offset) {
  cut_at_[partition] = std::max(cut_at_[partition], offset);
}

template <class Self>
auto& Oracle::facts_in(Self& self, const tally::LedgerRow& account) {
  const auto present = self.facts_.find(account.partition);
  if (present == self.facts_.end()) return self.no_facts_;
  const auto old = self.facts_of_old_logs_.find(account.partition);
  if (old == self.facts_of_old_logs_.end()) return present->second;
  const auto is_of = [&](const Facts& facts) {
    const auto last = facts.find(account.next_offset - 1);
    return last != facts.end() && last->second.hash == account.last_record_hash;
  };
  const auto found = std::ranges::find_if(old->second, is_of);
  if (found != old->second.end()) return *found;
  return is_of(present->second) ? present->second : self.no_facts_;
}

template <class See>
void Oracle::for_each_counted(const tally::LedgerRow& account, See see) const {
  const Facts& facts = facts_in(*this, account);
  const auto end = facts.lower_bound(account.next_offset);
  for (auto at = facts.lower_bound(account.start_offset); at != end; ++at) see(at->first, at->second);
}

template <class See>
void Oracle::for_each_counted(const FakeDatabase& database, See see) const {
  const auto pass = [&](const tally::LedgerRow& row) {
    for_each_counted(row, [&](std::int64_t, const Fact& fact) { see(row.partition, fact); });
  };
  for (const auto& [partition, row] : database.ledgers) pass(row);
  for (const auto& [name, row] : database.retired) pass(row);
}

// A gap is passed when the partition is opened, and so in front of all that a transaction has of it.
void Oracle::mark_gone(const tally::LedgerRow& row, std::int64_t from) {
  const auto cut_at = cut_at_.find(row.partition);
  if (cut_at == cut_at_.end()) return;
  Facts& facts = facts_in(*this, row);
  std::int64_t missing = -row.read;
  for_each_counted(row,
                   [&](std::int64_t, const Fact& fact) { missing += fact.verdict == Verdict::gone ? 0 : 1; });
  for (auto at = facts.lower_bound(from); at != facts.end() && missing > 0 && at->first < cut_at->second;
       ++at, --missing)
    at->second.verdict = Verdict::gone;
}

// In the order in which a flush looks at them: letters first, then replays by partition and offset.
void Oracle::committed(const Changes& changes, const std::map<std::int32_t, Fence>& before) {
  for (const tally::LedgerRow& row : changes.ledgers) {
    if (const auto was = before.find(row.partition); was != before.end())
      mark_gone(row, was->second.next_offset);
  }
  for (const bool replays : {false, true}) {
    for (const tally::LedgerRow& row : changes.ledgers) {
      const auto was = before.find(row.partition);
      if (was == before.end()) continue;
      Facts& facts = facts_in(*this, row);
      for (auto at = facts.lower_bound(was->second.next_offset);
           at != facts.end() && at->first < row.next_offset; ++at) {
        const LetterSource place{FakeMetricsStore::topic, row.partition, at->first};
        Fact& fact = at->second;
        if (fact.verdict == Verdict::gone) continue;
        if (fact.source && replays) settle_replay(place, fact);
        if (!fact.source && !replays && fact.verdict == Verdict::dead_lettered) letters_[place] = {};
      }
    }
  }
}

void Oracle::settle_replay(const LetterSource& place, Fact& fact) {
  const auto letter = letters_.find(*fact.source);
  const bool known = letter != letters_.end();
  if (fact.verdict == Verdict::dead_lettered) {
    if (known)
      ++letter->second.attempts;
    else
      letters_[place] = {};
    return;
  }
  const bool late = known && letter->second.replayed;
  fact.verdict = fact.repeated || late ? Verdict::duplicate : Verdict::tallied;
  if (known) letter->second.replayed = true;
}

// The rule of tally/dedupe.hpp, word by word.
bool Oracle::is_duplicate(const Facts& facts, std::int64_t offset, const Fact& fact) const {
  RecordTime latest = fact.record_time;
  for (auto at = facts.rbegin(); at != facts.rend() && offset - at->first <= dedupe_.records; ++at) {
    const Fact& earlier = at->second;
    latest = std::max(latest, earlier.record_time);
    if (earlier.verdict == Verdict::dead_lettered || earlier.what.message_id != fact.what.message_id ||
        earlier.what.user != fact.what.user)
      continue;
    return latest <= earlier.record_time + dedupe_.window;
  }
  return false;
}

bool Oracle::is_old(const Fact& fact) const {
  return minute_retention_.count() > 0 && fact.what.at + minute_retention_ < fact.record_time;
}

// An event that is too old for its minute leaves the minutes incomplete up to the end of its hour.
WallTime Oracle::minute_horizon(const FakeDatabase& database) const {
  WallTime horizon{};
  for_each_counted(database, [&](std::int32_t, const Fact& fact) {
    if (fact.verdict != Verdict::tallied || !is_old(fact)) return;
    const WindowStart hour = tally::window_of(Granularity::hour, fact.what.at);
    horizon = std::max(horizon, WallTime(tally::window_end(Granularity::hour, hour)));
  });
  return horizon;
}

void Oracle::add(View& view, std::int32_t partition, const Fact& fact) const {
  const Told& what = fact.what;
  const bool old = is_old(fact);
  for (const Granularity granularity : tally::all_granularities) {
    if (granularity == Granularity::minute && old) continue;
    const WindowStart start = tally::window_of(granularity, what.at);
    const auto put = [&](Dimension dimension, const std::string& value) {
      Sums& sums = view[{granularity, dimension, start, partition, value}];
      sums.events += 1;
      sums.page_views += what.type == "page_view" ? 1 : 0;
      sums.users.insert(hash_of_user(what.user));
    };
    put(Dimension::total, "");
    put(Dimension::activity_type, what.type);
    put(Dimension::page, what.page.empty() ? std::string(tally::value_none) : what.page);
    put(Dimension::referrer, what.referrer.empty() ? std::string(tally::value_direct) : what.referrer);
  }
}

Oracle::View Oracle::expected(const FakeDatabase& database) const {
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
std::optional<std::string> Oracle::account_fault(const FakeDatabase& database) const {
  std::set<const Facts*> counted;
  const auto is_second = [&](const tally::LedgerRow& row) {
    return row.next_offset > row.start_offset && !counted.insert(&facts_in(*this, row)).second;
  };
  for (const auto& [partition, row] : database.ledgers) {
    if (is_second(row)) return "a log has two accounts";
  }
  for (const auto& [name, row] : database.retired) {
    if (is_second(row)) return name.first + " is an account of a log that has another one";
  }
  return std::nullopt;
}

std::optional<std::string> Oracle::letter_fault(const FakeDatabase& database) const {
  std::map<LetterSource, Letter> is;
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

std::optional<std::string> Oracle::find_uncopied(const Changes& changes,
                                                 const std::map<std::int32_t, Fence>& before,
                                                 const FakeLetterTopic& copies) const {
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

std::optional<std::string> Oracle::find_fault(const FakeDatabase& database) const {
  for (const auto& [partition, row] : database.ledgers) {
    if (auto fault = ledger_fault(row)) return fault;
  }
  for (const auto& [name, row] : database.retired) {
    if (auto fault = ledger_fault(row)) return name.first + ": " + *fault;
  }
  if (auto fault = account_fault(database)) return fault;
  if (auto fault = letter_fault(database)) return fault;

  const View should = expected(database);
  const Showing shows = views_of(database);
  std::int64_t page_views = 0;
  for (const auto& [key, sums] : should) {
    const auto found = shows.find(key);
    if (found == shows.end()) return in_words(key) + " is missing";
    const Shown& is = found->second;
    if (is.events != sums.events) return in_words(key) + differs(": events", is.events, sums.events);
    if (is.page_views != sums.page_views)
      return in_words(key) + differs(": page views", is.page_views, sums.page_views);
    if (is.users.encode() != encoded(sums.users)) return in_words(key) + ": the users are others";
    if (key.granularity == Granularity::day && key.dimension == Dimension::total)
      page_views += sums.page_views;
  }
  for (const auto& [key, shown] : shows) {
    if (!should.contains(key)) return in_words(key) + " should not be there";
  }
  if (database.pruned_to[0] != minute_horizon(database))
    return "the minutes' horizon is not where it should be";
  std::int64_t flushed = 0;
  for (const FlushRow& row : database.flushes) flushed += row.page_view_count;
  if (flushed != page_views) return differs("page views in user_activity_metrics", flushed, page_views);
  return std::nullopt;
}

std::optional<std::string> Oracle::find_fault(const Changes& changes,
                                              const std::map<std::int32_t, Fence>& before) const {
  std::set<std::uint64_t> users;
  std::int64_t page_views = 0;
  bool tallied = false;
  for (const tally::LedgerRow& row : changes.ledgers) {
    const auto was = before.find(row.partition);
    if (was == before.end()) return "a ledger row was written that was never opened";
    if (auto fault = ledger_fault(row)) return fault;
    if (row.version != was->second.version + 1)
      return differs("version", row.version, was->second.version + 1);
    if (row.next_offset < was->second.next_offset) return "next_offset went backwards";
    const Facts& facts = facts_in(*this, row);
    for (auto at = facts.lower_bound(was->second.next_offset);
         at != facts.end() && at->first < row.next_offset; ++at) {
      if (at->second.verdict != Verdict::tallied) continue;
      tallied = true;
      page_views += at->second.what.type == "page_view" ? 1 : 0;
      users.insert(hash_of_user(at->second.what.user));
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

}  // namespace weir::rollup
