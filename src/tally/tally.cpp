#include "tally/tally.hpp"

#include <algorithm>
#include <functional>

#include "tally/names.hpp"

namespace weir::tally {
namespace {

constexpr std::size_t first_slots = 64;

std::uint32_t hash_of(Granularity granularity, Dimension dimension, WindowStart start,
                      std::string_view value) {
  // Windows that are open at once differ in few bits; the multiplier (2^64 / golden ratio) spreads them.
  std::uint64_t hash = static_cast<std::uint64_t>(start.time_since_epoch().count()) << 4 |
                       static_cast<std::uint64_t>(granularity) << 2 | static_cast<std::uint64_t>(dimension);
  hash = (hash ^ std::hash<std::string_view>{}(value)) * 0x9e3779b97f4a7c15ULL;
  return static_cast<std::uint32_t>(hash >> 32);
}

// Saturates nothing and overflows nowhere: an event's time spans some centuries, a record's may be anything.
bool is_too_old(EventTime event, RecordTime record, std::chrono::days retention) {
  if (retention == std::chrono::days::zero()) return false;
  return std::chrono::floor<std::chrono::milliseconds>(event) + retention < record;
}

}  // namespace

void Tally::add(const activity::UserActivity& activity, std::uint64_t user_hash, RecordTime record_time) {
  const std::string_view page = page_of(activity.metadata.page_url);
  const std::string_view referrer = referrer_of(activity.metadata.referrer, lowered_);
  if (is_too_old(activity.timestamp, record_time, minute_retention_)) {
    const WindowStart hour = window_of(Granularity::hour, activity.timestamp);
    minute_horizon_ =
        std::max(minute_horizon_.value_or(WindowStart::min()), window_end(Granularity::hour, hour));
    add_to_window(Granularity::hour, activity, page, referrer, user_hash);
    add_to_window(Granularity::day, activity, page, referrer, user_hash);
  } else {
    add_to_window(Granularity::minute, activity, page, referrer, user_hash);
  }
  ++events_;
  page_views_ += activity.is_page_view() ? 1 : 0;
  users_.insert(user_hash);
}

void Tally::add_to_window(Granularity granularity, const activity::UserActivity& activity,
                          std::string_view page, std::string_view referrer, std::uint64_t user_hash) {
  const WindowStart start = window_of(granularity, activity.timestamp);
  const std::int64_t page_views = activity.is_page_view() ? 1 : 0;
  for (const Dimension dimension : all_dimensions) {
    std::string_view value;
    if (dimension == Dimension::activity_type) value = activity.activity_type;
    if (dimension == Dimension::page) value = page;
    if (dimension == Dimension::referrer) value = referrer;
    WindowDelta& delta = delta_of({granularity, dimension, start, value});
    ++delta.events;
    delta.page_views += page_views;
    delta.users.add(user_hash);
  }
}

WindowDelta& Tally::delta_of(const Name& name) {
  if ((deltas_.size() + 1) * 2 > slots_.size()) grow();
  const std::uint32_t hash = hash_of(name.granularity, name.dimension, name.start, name.value);
  const std::size_t mask = slots_.size() - 1;
  std::size_t at = hash & mask;
  for (; slots_[at].delta != 0; at = (at + 1) & mask) {
    if (slots_[at].hash != hash) continue;
    WindowDelta& delta = deltas_[slots_[at].delta - 1];
    if (delta.start == name.start && delta.dimension == name.dimension &&
        delta.granularity == name.granularity && delta.value == name.value)
      return delta;
  }
  deltas_.push_back({.granularity = name.granularity,
                     .dimension = name.dimension,
                     .start = name.start,
                     .value = std::string(name.value)});
  slots_[at] = {hash, static_cast<std::uint32_t>(deltas_.size())};
  return deltas_.back();
}

void Tally::grow() {
  std::vector<Slot> larger(std::max(first_slots, slots_.size() * 2));
  const std::size_t mask = larger.size() - 1;
  for (const Slot& slot : slots_) {
    if (slot.delta == 0) continue;
    std::size_t at = slot.hash & mask;
    while (larger[at].delta != 0) at = (at + 1) & mask;
    larger[at] = slot;
  }
  slots_ = std::move(larger);
}

}  // namespace weir::tally
