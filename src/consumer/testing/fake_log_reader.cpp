#include "consumer/testing/fake_log_reader.hpp"

#include <algorithm>

#include "base/ensure.hpp"
#include "base/limits.hpp"

namespace weir::consumer {
namespace {

template <class Stored>
RecordView view_of(std::int64_t offset, const Stored& stored) {
  RecordView view{.offset = offset, .time = stored.time, .key = stored.key};
  if (stored.has_value) view.value = std::string_view(stored.value).substr(0, stored.value_bytes);
  if (stored.replay_source) view.replay_source = *stored.replay_source;
  return view;
}

}  // namespace

// The topic

FakeTopic::FakeTopic(std::int32_t partitions) : partitions_(static_cast<std::size_t>(partitions)) {}

std::int32_t FakeTopic::partition_count() const {
  const std::scoped_lock lock(mutex_);
  return static_cast<std::int32_t>(partitions_.size());
}

std::int64_t FakeTopic::append(std::int32_t partition, FakeRecord record) {
  auto stored = std::make_shared<Stored>();
  stored->time = record.time;
  stored->key = std::move(record.key);
  stored->has_value = record.value.has_value();
  stored->value = std::move(record.value).value_or("");
  stored->value_bytes = stored->value.size();
  stored->value.append(limits::json_slack_bytes, '\0');
  stored->replay_source = std::move(record.replay_source);
  const std::scoped_lock lock(mutex_);
  auto& log = partitions_.at(static_cast<std::size_t>(partition));
  log.records.emplace(log.end, std::move(stored));
  changed_.notify_all();
  return log.end++;
}

void FakeTopic::append_holes(std::int32_t partition, std::int64_t count) {
  const std::scoped_lock lock(mutex_);
  partitions_.at(static_cast<std::size_t>(partition)).end += count;
  changed_.notify_all();
}

void FakeTopic::add_partition() {
  const std::scoped_lock lock(mutex_);
  partitions_.emplace_back();
}

void FakeTopic::prune_before(std::int32_t partition, std::int64_t offset) {
  const std::scoped_lock lock(mutex_);
  auto& log = partitions_.at(static_cast<std::size_t>(partition));
  log.start = std::clamp(offset, log.start, log.end);
  log.records.erase(log.records.begin(), log.records.lower_bound(log.start));
}

void FakeTopic::recreate() {
  const std::scoped_lock lock(mutex_);
  partitions_.assign(partitions_.size(), {});
}

Watermarks FakeTopic::bounds(std::int32_t partition) const {
  const std::scoped_lock lock(mutex_);
  const auto& log = partitions_.at(static_cast<std::size_t>(partition));
  return {.start = log.start, .end = log.end};
}

std::map<std::int64_t, FakeRecord> FakeTopic::records(std::int32_t partition) const {
  const std::scoped_lock lock(mutex_);
  std::map<std::int64_t, FakeRecord> out;
  for (const auto& [offset, stored] : partitions_.at(static_cast<std::size_t>(partition)).records) {
    FakeRecord record{stored->time, stored->key, std::nullopt, stored->replay_source};
    if (stored->has_value) record.value = stored->value.substr(0, stored->value_bytes);
    out.emplace(offset, std::move(record));
  }
  return out;
}

// The test's side of a reader

void FakeLogReader::assign(std::vector<std::int32_t> partitions) {
  const std::scoped_lock lock(topic_.mutex_);
  changes_.emplace_back(Assigned{std::move(partitions)});
  topic_.changed_.notify_all();
}

void FakeLogReader::revoke(std::vector<std::int32_t> partitions) {
  const std::scoped_lock lock(topic_.mutex_);
  changes_.emplace_back(Revoked{std::move(partitions)});
  topic_.changed_.notify_all();
}

void FakeLogReader::lose(std::vector<std::int32_t> partitions) {
  const std::scoped_lock lock(topic_.mutex_);
  changes_.emplace_back(Lost{std::move(partitions)});
  topic_.changed_.notify_all();
}

void FakeLogReader::fail_next(Call call, Error error, int times) {
  const std::scoped_lock lock(topic_.mutex_);
  auto& failures = failures_.at(static_cast<std::size_t>(call));
  failures.insert(failures.end(), static_cast<std::size_t>(times), error);
  topic_.changed_.notify_all();
}

void FakeLogReader::records_a_poll_max(std::size_t records) {
  const std::scoped_lock lock(topic_.mutex_);
  records_a_poll_max_ = records;
}

std::map<std::int32_t, std::int64_t> FakeLogReader::stored_offsets() const {
  const std::scoped_lock lock(topic_.mutex_);
  return stored_offsets_;
}

std::set<std::int32_t> FakeLogReader::owned() const {
  const std::scoped_lock lock(topic_.mutex_);
  std::set<std::int32_t> out;
  for (const auto& [partition, place] : places_) out.insert(partition);
  return out;
}

std::set<std::int32_t> FakeLogReader::revoking() const {
  const std::scoped_lock lock(topic_.mutex_);
  std::set<std::int32_t> out;
  for (const auto& [partition, place] : places_)
    if (place.revoked) out.insert(partition);
  return out;
}

std::set<std::int32_t> FakeLogReader::paused() const {
  const std::scoped_lock lock(topic_.mutex_);
  std::set<std::int32_t> out;
  for (const auto& [partition, place] : places_)
    if (place.paused) out.insert(partition);
  return out;
}

// The port

Result<std::vector<LogEvent>> FakeLogReader::poll(std::chrono::milliseconds wait_max) {
  std::unique_lock lock(topic_.mutex_);
  if (auto told = scripted(Call::poll); !told) return propagate(told);
  held_.clear();
  views_.clear();
  std::vector<LogEvent> events;
  if (wait_max.count() > 0)  // a wait for no time is a call of the kernel all the same
    topic_.changed_.wait_for(lock, wait_max, [this] { return woken_ || has_news(); });
  woken_ = false;
  if (auto told = scripted(Call::poll); !told) return propagate(told);
  give_changes(events);
  give_records(events);
  return events;
}

void FakeLogReader::wake() {
  const std::scoped_lock lock(topic_.mutex_);
  woken_ = true;
  topic_.changed_.notify_all();
}

Result<void> FakeLogReader::seek(std::int32_t partition, std::int64_t offset) {
  const std::scoped_lock lock(topic_.mutex_);
  if (auto told = scripted(Call::seek); !told) return told;
  const auto place = places_.find(partition);
  if (place == places_.end())
    return fail(ErrorKind::unavailable, "not_assigned",
                "partition " + std::to_string(partition) + " is not ours");
  place->second.position = offset;
  return {};
}

void FakeLogReader::pause(std::int32_t partition) {
  const std::scoped_lock lock(topic_.mutex_);
  if (const auto place = places_.find(partition); place != places_.end()) place->second.paused = true;
}

void FakeLogReader::resume(std::int32_t partition) {
  const std::scoped_lock lock(topic_.mutex_);
  if (const auto place = places_.find(partition); place != places_.end()) place->second.paused = false;
}

Result<std::int32_t> FakeLogReader::partition_count() { return topic_.partition_count(); }

Result<Watermarks> FakeLogReader::bounds(std::int32_t partition) {
  const std::scoped_lock lock(topic_.mutex_);
  if (auto told = scripted(Call::bounds); !told) return propagate(told);
  const auto& log = topic_.partitions_.at(static_cast<std::size_t>(partition));
  return Watermarks{.start = log.start, .end = log.end};
}

Result<std::optional<LogReader::RecordIdentity>> FakeLogReader::record_identity(std::int32_t partition,
                                                                                std::int64_t offset) {
  const std::scoped_lock lock(topic_.mutex_);
  if (auto told = scripted(Call::record_identity); !told) return propagate(told);
  const auto& log = topic_.partitions_.at(static_cast<std::size_t>(partition));
  const auto found = log.records.find(offset);
  if (found == log.records.end()) return std::nullopt;
  return RecordIdentity{.hash = hash_of(view_of(offset, *found->second)), .time = found->second->time};
}

void FakeLogReader::store_offset(std::int32_t partition, std::int64_t next_offset) {
  const std::scoped_lock lock(topic_.mutex_);
  stored_offsets_[partition] = next_offset;
}

void FakeLogReader::release(std::span<const std::int32_t> partitions) {
  const std::scoped_lock lock(topic_.mutex_);
  for (const auto partition : partitions) places_.erase(partition);
}

Result<void> FakeLogReader::scripted(Call call) {
  auto& failures = failures_.at(static_cast<std::size_t>(call));
  if (failures.empty()) return {};
  Error error = std::move(failures.front());
  failures.pop_front();
  return std::unexpected<Error>(std::move(error));
}

void FakeLogReader::give_changes(std::vector<LogEvent>& events) {
  for (auto& change : changes_) {
    if (const auto* assigned = std::get_if<Assigned>(&change)) {
      for (const auto partition : assigned->partitions) {
        ensure(has_partition(partition), "the test assigns partitions that there are");
        places_[partition] = {};
      }
    } else if (const auto* revoked = std::get_if<Revoked>(&change)) {
      for (const auto partition : revoked->partitions)
        if (const auto place = places_.find(partition); place != places_.end()) place->second.revoked = true;
    } else if (const auto* lost = std::get_if<Lost>(&change)) {
      for (const auto partition : lost->partitions) places_.erase(partition);
    }
    events.push_back(std::move(change));
  }
  changes_.clear();
}

void FakeLogReader::give_records(std::vector<LogEvent>& events) {
  for (auto& [partition, place] : places_) {
    const auto& log = topic_.partitions_[static_cast<std::size_t>(partition)];
    if (!place.position || place.paused || place.revoked || *place.position == log.end) continue;
    if (*place.position < log.start || *place.position > log.end) {
      place.position.reset();
      events.emplace_back(OffsetOutOfRange{partition});
      continue;
    }
    auto& views = views_.emplace_back();
    auto next = log.records.lower_bound(*place.position);
    for (; next != log.records.end() && views.size() < records_a_poll_max_; ++next) {
      held_.push_back(next->second);
      views.push_back(view_of(next->first, *next->second));
    }
    // Holes at the end are passed only once all records are; those between records are passed with the next
    // one.
    place.position = next == log.records.end() ? log.end : views.back().offset + 1;
    events.emplace_back(Records{
        .partition = partition, .records = views, .next_offset = *place.position, .log_end = log.end});
  }
}

bool FakeLogReader::has_news() const {
  if (!changes_.empty() || !failures_[static_cast<std::size_t>(Call::poll)].empty()) return true;
  return std::ranges::any_of(places_, [this](const auto& entry) {
    const auto& [partition, place] = entry;
    return place.position && !place.paused && !place.revoked &&
           *place.position != topic_.partitions_[static_cast<std::size_t>(partition)].end;
  });
}

bool FakeLogReader::has_partition(std::int32_t partition) const {
  return partition >= 0 && static_cast<std::size_t>(partition) < topic_.partitions_.size();
}

}  // namespace weir::consumer
