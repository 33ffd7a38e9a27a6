#include "simulation/oracle.hpp"

#include <algorithm>
#include <utility>

#include "activity/rfc3339.hpp"
#include "base/hash.hpp"
#include "base/json_text.hpp"

namespace weir::simulation {

std::vector<tally::CountedDimension> own_dimensions() {
  using enum tally::DimensionSource::Kind;
  const tally::Dimension second{tally::index_of(tally::first_own_dimension) + 1};
  return {{tally::first_own_dimension, {metadata, "campaign"}}, {second, {query, "term"}}};
}

consumer::FakeRecord written_down(const Told& told, RecordTime record_time) {
  consumer::FakeRecord record{
      .time = record_time, .key = told.user, .value = std::nullopt, .replay_source = told.replay_of};
  if (told.kind == Told::Kind::without_value) return record;
  if (told.kind == Told::Kind::garbage) {
    record.value = "{]";
    return record;
  }
  JsonText json;
  json.begin_object().member("user_id", told.user).member("activity_type", told.type);
  json.member("timestamp", activity::format_rfc3339(told.at)).key("metadata").begin_object();
  if (!told.page.empty() || !told.term.empty())
    json.member("page_url", told.term.empty() ? told.page : told.page + "?a=b&term=" + told.term);
  if (!told.campaign.empty()) json.member("campaign", told.campaign);
  if (!told.referrer.empty()) json.member("referrer", "https://" + told.referrer + "/");
  json.end_object();
  if (told.message_id) json.member("message_id", *told.message_id);
  record.value = json.end_object().take();
  return record;
}

Oracle::Verdict Oracle::told(std::int32_t partition, std::int64_t offset, const consumer::FakeRecord& record,
                             const Told& what, WallTime now) {
  auto& facts = facts_[partition];
  Fact fact{.what = what,
            .record_time = record.time,
            .lateness_time = std::min(record.time, now),
            .user_hash = murmur3(what.user).low};
  fact.hash =
      consumer::hash_of({.offset = offset, .time = record.time, .key = record.key, .value = record.value});
  if (what.kind != Told::Kind::activity)
    fact.verdict = Verdict::dead_lettered;
  else if (what.message_id && is_duplicate(facts, offset, fact)) {
    fact.verdict = Verdict::duplicate;
    fact.repeated = true;
  }
  fact.first_verdict = fact.verdict;
  if (what.replay_of) fact.source = commit::parse_dead_letter_id(*what.replay_of);
  return facts.emplace(offset, std::move(fact)).first->second.verdict;
}

void Oracle::made_anew() {
  for (auto& [partition, facts] : facts_) facts_of_old_logs_[partition].push_back(std::exchange(facts, {}));
}

void Oracle::retired(const commit::LedgerArchival& retirement) {
  const auto of_it = [&](const auto& entry) {
    return entry.first.topic == commit::FakeMetricsStore::topic &&
           entry.first.partition == retirement.seen.partition;
  };
  std::map<commit::DeadLetterId, Letter> renamed;
  for (const auto& [place, letter] : letters_) {
    if (of_it(std::pair(place, letter)))
      renamed[{retirement.as_topic, place.partition, place.offset}] = letter;
  }
  std::erase_if(letters_, of_it);
  letters_.merge(renamed);
}

void Oracle::fall_back(const commit::FakeTables& tables) {
  letters_ = kept_letters_;
  std::map<const Facts*, std::int64_t> counted_to;
  for (const auto& [partition, row] : tables.ledgers) counted_to[&facts_in(*this, row)] = row.next_offset;
  for (const auto& [name, row] : tables.retired) counted_to[&facts_in(*this, row)] = row.next_offset;
  const auto judge_again = [&](Facts& facts) {
    const auto counted = counted_to.find(&facts);
    for (auto at = facts.lower_bound(counted == counted_to.end() ? 0 : counted->second); at != facts.end();
         ++at)
      at->second.verdict = at->second.first_verdict;
  };
  for (auto& [partition, facts] : facts_) judge_again(facts);
  for (auto& [partition, logs] : facts_of_old_logs_) std::ranges::for_each(logs, judge_again);
}

void Oracle::cut_off(std::int32_t partition, std::int64_t offset) {
  cut_at_[partition] = std::max(cut_at_[partition], offset);
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
void Oracle::committed(const commit::Changes& changes, const std::map<std::int32_t, commit::Fence>& before) {
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
        const commit::DeadLetterId place{commit::FakeMetricsStore::topic, row.partition, at->first};
        Fact& fact = at->second;
        if (fact.verdict == Verdict::gone) continue;
        if (fact.source && replays) settle_replay(place, fact);
        if (!fact.source && !replays && fact.verdict == Verdict::dead_lettered) letters_[place] = {};
      }
    }
  }
}

void Oracle::settle_replay(const commit::DeadLetterId& place, Fact& fact) {
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
  for (auto at = facts.rbegin(); at != facts.rend() && offset - at->first <= dedupe_.records; ++at) {
    const Fact& earlier = at->second;
    if (earlier.verdict == Verdict::dead_lettered || earlier.what.message_id != fact.what.message_id ||
        earlier.what.user != fact.what.user)
      continue;
    return fact.record_time - earlier.record_time <= dedupe_.window;
  }
  return false;
}

}  // namespace weir::simulation
