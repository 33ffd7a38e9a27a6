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

// The topic.

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

// The test's calls of a reader.

void FakeLogReader::assign(std::vector<std::int32_t> partitions) {
  const std::scoped_lock lock(topic_.mutex_);
  rebalances_.emplace_back(Assigned{std::move(partitions)});
  topic_.changed_.notify_all();
}

void FakeLogReader::revoke(std::vector<std::int32_t> partitions) {
  const std::scoped_lock lock(topic_.mutex_);
  rebalances_.emplace_back(Revoked{std::move(partitions)});
  topic_.changed_.notify_all();
}

void FakeLogReader::lose(std::vector<std::int32_t> partitions) {
  const std::scoped_lock lock(topic_.mutex_);
  rebalances_.emplace_back(Lost{std::move(partitions)});
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
  for (const auto& [partition, owned] : owned_) out.insert(partition);
  return out;
}

std::set<std::int32_t> FakeLogReader::revoking() const {
  const std::scoped_lock lock(topic_.mutex_);
  std::set<std::int32_t> out;
  for (const auto& [partition, owned] : owned_)
    if (owned.revoked) out.insert(partition);
  return out;
}

std::set<std::int32_t> FakeLogReader::paused() const {
  const std::scoped_lock lock(topic_.mutex_);
  std::set<std::int32_t> out;
  for (const auto& [partition, owned] : owned_)
    if (owned.paused) out.insert(partition);
  return out;
}

// LogReader.

Result<std::vector<LogEvent>> FakeLogReader::poll(std::chrono::milliseconds wait_max) {
  std::unique_lock lock(topic_.mutex_);
  if (auto scripted = scripted_result(Call::poll); !scripted) return propagate(scripted);
  polled_.clear();
  views_.clear();
  std::vector<LogEvent> events;
  if (wait_max.count() > 0)  // a wait of 0 ms would still be a system call
    topic_.changed_.wait_for(lock, wait_max, [this] { return woken_ || has_events(); });
  woken_ = false;
  if (auto scripted = scripted_result(Call::poll); !scripted) return propagate(scripted);
  take_rebalances(events);
  take_records(events);
  return events;
}

void FakeLogReader::wake() {
  const std::scoped_lock lock(topic_.mutex_);
  woken_ = true;
  topic_.changed_.notify_all();
}

Result<void> FakeLogReader::seek(std::int32_t partition, std::int64_t offset) {
  const std::scoped_lock lock(topic_.mutex_);
  if (auto scripted = scripted_result(Call::seek); !scripted) return scripted;
  const auto owned = owned_.find(partition);
  if (owned == owned_.end())
    return fail(ErrorKind::unavailable, "not_assigned",
                "partition " + std::to_string(partition) + " is not assigned");
  owned->second.position = offset;
  return {};
}

void FakeLogReader::pause(std::int32_t partition) {
  const std::scoped_lock lock(topic_.mutex_);
  if (const auto owned = owned_.find(partition); owned != owned_.end()) owned->second.paused = true;
}

void FakeLogReader::resume(std::int32_t partition) {
  const std::scoped_lock lock(topic_.mutex_);
  if (const auto owned = owned_.find(partition); owned != owned_.end()) owned->second.paused = false;
}

Result<std::int32_t> FakeLogReader::partition_count() { return topic_.partition_count(); }

Result<Watermarks> FakeLogReader::bounds(std::int32_t partition) {
  const std::scoped_lock lock(topic_.mutex_);
  if (auto scripted = scripted_result(Call::bounds); !scripted) return propagate(scripted);
  const auto& log = topic_.partitions_.at(static_cast<std::size_t>(partition));
  return Watermarks{.start = log.start, .end = log.end};
}

Result<std::optional<LogReader::RecordIdentity>> FakeLogReader::record_identity(std::int32_t partition,
                                                                                std::int64_t offset) {
  const std::scoped_lock lock(topic_.mutex_);
  if (auto scripted = scripted_result(Call::record_identity); !scripted) return propagate(scripted);
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
  for (const auto partition : partitions) owned_.erase(partition);
}

Result<void> FakeLogReader::scripted_result(Call call) {
  auto& failures = failures_.at(static_cast<std::size_t>(call));
  if (failures.empty()) return {};
  Error error = std::move(failures.front());
  failures.pop_front();
  return std::unexpected<Error>(std::move(error));
}

void FakeLogReader::take_rebalances(std::vector<LogEvent>& events) {
  for (auto& change : rebalances_) {
    if (const auto* assigned = std::get_if<Assigned>(&change)) {
      for (const auto partition : assigned->partitions) {
        ensure(has_partition(partition), "the test assigns partitions that exist");
        owned_[partition] = {};
      }
    } else if (const auto* revoked = std::get_if<Revoked>(&change)) {
      for (const auto partition : revoked->partitions)
        if (const auto owned = owned_.find(partition); owned != owned_.end()) owned->second.revoked = true;
    } else if (const auto* lost = std::get_if<Lost>(&change)) {
      for (const auto partition : lost->partitions) owned_.erase(partition);
    }
    events.push_back(std::move(change));
  }
  rebalances_.clear();
}

void FakeLogReader::take_records(std::vector<LogEvent>& events) {
  for (auto& [partition, owned] : owned_) {
    const auto& log = topic_.partitions_[static_cast<std::size_t>(partition)];
    if (!owned.position || owned.paused || owned.revoked || *owned.position == log.end) continue;
    if (*owned.position < log.start || *owned.position > log.end) {
      owned.position.reset();
      events.emplace_back(OffsetOutOfRange{partition});
      continue;
    }
    auto& views = views_.emplace_back();
    auto next = log.records.lower_bound(*owned.position);
    for (; next != log.records.end() && views.size() < records_a_poll_max_; ++next) {
      polled_.push_back(next->second);
      views.push_back(view_of(next->first, *next->second));
    }
    // Offsets without a record at the end of the log are passed after the last record only.
    owned.position = next == log.records.end() ? log.end : views.back().offset + 1;
    events.emplace_back(Records{
        .partition = partition, .records = views, .next_offset = *owned.position, .log_end = log.end});
  }
}

bool FakeLogReader::has_events() const {
  if (!rebalances_.empty() || !failures_[static_cast<std::size_t>(Call::poll)].empty()) return true;
  return std::ranges::any_of(owned_, [this](const auto& entry) {
    const auto& [partition, owned] = entry;
    return owned.position && !owned.paused && !owned.revoked &&
           *owned.position != topic_.partitions_[static_cast<std::size_t>(partition)].end;
  });
}

bool FakeLogReader::has_partition(std::int32_t partition) const {
  return partition >= 0 && static_cast<std::size_t>(partition) < topic_.partitions_.size();
}

}  // namespace weir::consumer
