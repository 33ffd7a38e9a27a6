// The consumer's thread calls everything but wake() and membership(). One poll() does this until there are
// events, a failure, or a call of wake():
//
//   1. serve the group: rebalances change the set of fetched partitions
//   2. collect failures of the member and of the fetcher
//   3. drain the fetched records
//   4. wait for the eventfd, which the queues of both clients and wake() write to
//
// librdkafka reports an error once. failure_ keeps it, so every poll() fails until the failure has ended.
#include "kafka/log_reader.hpp"

#include <algorithm>
#include <utility>

namespace weir::kafka {
namespace {

using consumer::LogEvent;

constexpr std::chrono::seconds probe_interval{1};
constexpr std::chrono::milliseconds probe_timeout{300};

}  // namespace

Result<std::unique_ptr<KafkaLogReader>> KafkaLogReader::open(const Cluster& cluster, const std::string& group,
                                                             telemetry::Logger& logger) {
  std::unique_ptr<KafkaLogReader> reader(new KafkaLogReader());
  auto lookup = LogLookup::open(cluster, logger);
  if (!lookup) return propagate(lookup);
  reader->lookup_ = std::move(*lookup);
  auto fetcher = RecordFetcher::open(cluster, logger, reader->wakeup_.fd());
  if (!fetcher) return propagate(fetcher);
  reader->fetcher_ = std::move(*fetcher);
  auto member = GroupMember::open(cluster, group, logger, reader->wakeup_.fd());
  if (!member) return propagate(member);
  reader->member_ = std::move(*member);
  return reader;
}

Result<std::vector<LogEvent>> KafkaLogReader::poll(std::chrono::milliseconds wait_max) {
  const MonoTime until = read_clock().mono + wait_max;
  for (;;) {
    std::vector<LogEvent> events = read_events();
    if (!events.empty()) return events;
    if (failure_) probe_recovery();
    if (failure_) return std::unexpected<Error>(*failure_);
    if (woken_.exchange(false)) return events;
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(until - read_clock().mono);
    if (left.count() <= 0) return events;
    wakeup_.wait(left);
  }
}

std::vector<LogEvent> KafkaLogReader::read_events() {
  std::vector<LogEvent> events;
  member_->serve(events);
  if (!events.empty()) {
    update_fetcher(events);
    publish_membership();
  }
  collect_failures();
  fetcher_->drain(events);
  if (!events.empty() && failure_ && failure_->kind != ErrorKind::internal) failure_.reset();
  return events;
}

void KafkaLogReader::update_fetcher(const std::vector<LogEvent>& changes) {
  for (const LogEvent& change : changes) {
    if (const auto* assigned = std::get_if<consumer::Assigned>(&change))
      for (const auto partition : assigned->partitions) fetcher_->add(partition);
    if (const auto* lost = std::get_if<consumer::Lost>(&change))
      for (const auto partition : lost->partitions) fetcher_->remove(partition);
  }
}

void KafkaLogReader::publish_membership() {
  const std::scoped_lock lock(mutex_);
  membership_ = {.joined = member_->joined(),
                 .partitions = {member_->partitions().begin(), member_->partitions().end()}};
}

// The member's failure is more specific, so it wins.
void KafkaLogReader::collect_failures() {
  if (failure_ && failure_->kind == ErrorKind::internal) return;
  std::optional<Error> from_member = member_->take_failure();
  std::optional<Error> from_fetcher = fetcher_->take_failure();
  if (from_fetcher) failure_ = std::move(from_fetcher);
  if (from_member) failure_ = std::move(from_member);
}

// A failure has ended when the topic is reachable. Exception: while this member is not in the group, a
// failure that is not about the connection ends only when the group accepts it.
void KafkaLogReader::probe_recovery() {
  const MonoTime now = read_clock().mono;
  if (failure_->kind == ErrorKind::internal || now < probe_at_) return;
  probe_at_ = now + probe_interval;
  const bool is_connection_failure = failure_->code == "broker_unavailable" ||
                                     failure_->code == "timed_out" || failure_->code == "topic_unknown";
  if (!is_connection_failure && !member_->joined()) return;
  if (lookup_->probe(probe_timeout)) failure_.reset();
}

void KafkaLogReader::wake() {
  woken_.store(true);
  wakeup_.notify();
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
  member_->store_offset(partition, next_offset);
}

void KafkaLogReader::release(std::span<const std::int32_t> partitions) {
  for (const auto partition : partitions) fetcher_->remove(partition);
  member_->release(partitions);
  publish_membership();
}

Membership KafkaLogReader::membership() const {
  const std::scoped_lock lock(mutex_);
  return membership_;
}

}  // namespace weir::kafka
