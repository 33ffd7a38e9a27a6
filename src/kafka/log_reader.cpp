#include "kafka/log_reader.hpp"

#include <algorithm>
#include <utility>

namespace weir::kafka {
namespace {

using consumer::LogEvent;

constexpr std::chrono::seconds probe_interval{1};
constexpr std::chrono::milliseconds probe_patience{300};

}  // namespace

Result<std::unique_ptr<KafkaLogReader>> KafkaLogReader::open(const Cluster& cluster, const std::string& group,
                                                             telemetry::Logger& logger) {
  std::unique_ptr<KafkaLogReader> reader(new KafkaLogReader());
  auto lookup = LogLookup::open(cluster, logger);
  if (!lookup) return propagate(lookup);
  reader->lookup_ = std::move(*lookup);
  auto fetcher = RecordFetcher::open(cluster, logger, reader->knock_.fd());
  if (!fetcher) return propagate(fetcher);
  reader->fetcher_ = std::move(*fetcher);
  auto member = GroupMember::open(cluster, group, logger, reader->knock_.fd());
  if (!member) return propagate(member);
  reader->member_ = std::move(*member);
  return reader;
}

Result<std::vector<LogEvent>> KafkaLogReader::poll(std::chrono::milliseconds wait_max) {
  const MonoTime until = read_clock().mono + wait_max;
  for (;;) {
    std::vector<LogEvent> events = take();
    if (!events.empty()) return events;
    if (trouble_) look_whether_it_is_over();
    if (trouble_) return std::unexpected<Error>(*trouble_);
    if (woken_.exchange(false)) return events;
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(until - read_clock().mono);
    if (left.count() <= 0) return events;
    knock_.wait(left);
  }
}

std::vector<LogEvent> KafkaLogReader::take() {
  std::vector<LogEvent> events;
  member_->serve(events);
  if (!events.empty()) {
    follow(events);
    note_membership();
  }
  note_trouble();
  fetcher_->take(events);
  if (!events.empty() && trouble_ && trouble_->kind != ErrorKind::internal) trouble_.reset();
  return events;
}

void KafkaLogReader::follow(const std::vector<LogEvent>& changes) {
  for (const LogEvent& change : changes) {
    if (const auto* assigned = std::get_if<consumer::Assigned>(&change))
      for (const auto partition : assigned->partitions) fetcher_->add(partition);
    if (const auto* lost = std::get_if<consumer::Lost>(&change))
      for (const auto partition : lost->partitions) fetcher_->remove(partition);
  }
}

void KafkaLogReader::note_membership() {
  const std::scoped_lock lock(mutex_);
  membership_ = {.joined = member_->joined(),
                 .partitions = {member_->partitions().begin(), member_->partitions().end()}};
}

void KafkaLogReader::note_trouble() {
  if (trouble_ && trouble_->kind == ErrorKind::internal) return;
  std::optional<Error> from_member = member_->take_trouble();
  std::optional<Error> from_fetcher = fetcher_->take_trouble();
  if (from_fetcher) trouble_ = std::move(from_fetcher);
  if (from_member) trouble_ = std::move(from_member);
}

// Errors come once. They are over when the topic can be reached, but for those of a member that is not in the
// group: only being let in shows that the group takes us.
void KafkaLogReader::look_whether_it_is_over() {
  const MonoTime now = read_clock().mono;
  if (trouble_->kind == ErrorKind::internal || now < probe_at_) return;
  probe_at_ = now + probe_interval;
  const bool of_the_way =
      trouble_->code == "broker_away" || trouble_->code == "timed_out" || trouble_->code == "topic_unknown";
  if (!of_the_way && !member_->joined()) return;
  if (lookup_->probe(probe_patience)) trouble_.reset();
}

void KafkaLogReader::wake() {
  woken_.store(true);
  knock_.knock();
}

Result<void> KafkaLogReader::seek(std::int32_t partition, std::int64_t offset) {
  return fetcher_->seek(partition, offset);
}

void KafkaLogReader::pause(std::int32_t partition) { fetcher_->pause(partition); }

void KafkaLogReader::resume(std::int32_t partition) { fetcher_->resume(partition); }

Result<std::int32_t> KafkaLogReader::partition_count() { return lookup_->partition_count(); }

Result<consumer::Watermarks> KafkaLogReader::bounds(std::int32_t partition) {
  return lookup_->bounds(partition);
}

Result<std::optional<consumer::LogReader::RecordIdentity>> KafkaLogReader::record_identity(
    std::int32_t partition, std::int64_t offset) {
  return lookup_->record_identity(partition, offset);
}

void KafkaLogReader::store_offset(std::int32_t partition, std::int64_t next_offset) {
  member_->committed(partition, next_offset);
}

void KafkaLogReader::release(std::span<const std::int32_t> partitions) {
  for (const auto partition : partitions) fetcher_->remove(partition);
  member_->release(partitions);
  note_membership();
}

Membership KafkaLogReader::membership() const {
  const std::scoped_lock lock(mutex_);
  return membership_;
}

}  // namespace weir::kafka
