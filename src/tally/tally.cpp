// add() hashes each value of the event once, under the key of the process. The hash of a delta's name
// combines this with the window, so an event that counts in two granularities hashes its values once.
// by_hash_ maps the hash of a name to the newest delta with it, and same_hash links it to older ones. Equal
// hashes of different names are rare, and each candidate is compared by its full name.
#include "tally/tally.hpp"

#include <algorithm>

#include "base/ensure.hpp"
#include "base/keyed_hash.hpp"

namespace weir::tally {
namespace {

// Upper bounds of memory: for a delta without its value and its users (the vector and the table can have
// twice the needed capacity), and for a member of a user set.
constexpr std::size_t delta_bytes = 2 * sizeof(WindowDelta) + 40;
constexpr std::size_t user_bytes = 32;

// A record's time can be any number. The sum cannot overflow, because an EventTime spans some centuries only.
bool is_too_old(EventTime event, RecordTime record, std::chrono::days retention) {
  if (retention == std::chrono::days::zero()) return false;
  return std::chrono::floor<std::chrono::milliseconds>(event) + retention < record;
}

}  // namespace

void Tally::add(const CountedEvent& event, std::uint64_t user_hash, RecordTime record_time) {
  ensure(event.values.size() <= event_values_max, "an event has one value in each dimension");
  ValueHashes hashes;
  for (std::size_t at = 0; at < event.values.size(); ++at) {
    const std::string_view text = event.values[at].text;
    hashes[at] = text.empty() ? 0 : siphash_1_3(process_hash_key(), text);  // total has the empty value only
  }
  if (is_too_old(event.at, record_time, minute_retention_)) {
    // The minute may be pruned already. The minutes of this hour are incomplete from now on.
    const WindowStart hour = floor_to(Granularity::hour, event.at);
    minute_horizon_ =
        std::max(minute_horizon_.value_or(WindowStart::min()), window_end(Granularity::hour, hour));
    for (const Granularity granularity : coarser_granularities)
      add_to_window(granularity, floor_to(granularity, event.at), event, hashes, user_hash);
  } else {
    // The granularity is a constant here, so the compiler replaces the division.
    const WindowStart start = floor_to(finest_granularity, event.at);
    add_to_window(finest_granularity, start, event, hashes, user_hash);
  }
  ++events_;
  page_views_ += event.is_page_view ? 1 : 0;
  if (users_.insert(user_hash)) memory_bytes_ += user_bytes;
}

void Tally::add_to_window(Granularity granularity, WindowStart start, const CountedEvent& event,
                          const ValueHashes& hashes, std::uint64_t user_hash) {
  const std::int64_t page_views = event.is_page_view ? 1 : 0;
  for (std::size_t at = 0; at < event.values.size(); ++at) {
    const auto& [dimension, text] = event.values[at];
    WindowDelta& delta = delta_of({granularity, dimension, start, text}, hashes[at]);
    ++delta.events;
    delta.page_views += page_views;
    if (delta.users.add(user_hash) && delta.users.is_exact()) memory_bytes_ += user_bytes;
  }
}

WindowDelta& Tally::delta_of(const WindowName& name, std::uint64_t value_hash) {
  const auto [found, is_new] = by_hash_.try_emplace(hash_of(name, value_hash), 0);
  for (std::uint32_t next = is_new ? 0 : found->second; next != 0; next = deltas_[next - 1].same_hash) {
    WindowDelta& delta = deltas_[next - 1];
    if (delta.start == name.start && delta.dimension == name.dimension &&
        delta.granularity == name.granularity && delta.value == name.value)
      return delta;
  }
  deltas_.push_back({.granularity = name.granularity,
                     .dimension = name.dimension,
                     .start = name.start,
                     .value = std::string(name.value),
                     .same_hash = found->second});
  memory_bytes_ += delta_bytes + name.value.size();
  found->second = static_cast<std::uint32_t>(deltas_.size());
  return deltas_.back();
}

}  // namespace weir::tally
