// Reads the topic as a member of the consumer group, with three clients:
//
//   group_member    the partitions that are ours, and the offsets of the group     fetches no records
//   record_fetcher  the records of these partitions                                knows no group
//   log_lookup      watermarks, single records, probes                             waits for no fetch
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/clock.hpp"
#include "base/result.hpp"
#include "consumer/log_reader.hpp"
#include "kafka/client.hpp"
#include "kafka/group_member.hpp"
#include "kafka/log_lookup.hpp"
#include "kafka/record_fetcher.hpp"
#include "kafka/wakeup.hpp"
#include "telemetry/logger.hpp"

namespace weir::kafka {

// The state of the membership in the consumer group.
struct Membership {
  // false: this member still joins, or the group has removed it.
  bool joined = false;
  std::vector<std::int32_t> partitions;
};

// Implements consumer::LogReader. One thread makes all calls but wake() and membership(). Each record is
// copied once out of librdkafka's buffers.
//
// poll() fails with ErrorKind::unavailable while the topic or a broker is missing or denies access.
// librdkafka retries, and a probe of at most 0.3 s a second detects that the topic is reachable again.
// ErrorKind::internal is final: open another reader. Queries take up to LogLookup::call_timeout, or twice
// that. The destructor leaves the group (GroupMember).
class KafkaLogReader final : public consumer::LogReader {
 public:
  // Starts to join the group. Fails only if the settings are wrong (ErrorKind::invalid, see make_conf).
  // `logger` must outlive the reader.
  static Result<std::unique_ptr<KafkaLogReader>> open(const Cluster& cluster, const std::string& group,
                                                      telemetry::Logger& logger);

  Result<std::vector<consumer::LogEvent>> poll(std::chrono::milliseconds wait_max) override;
  void wake() override;
  Result<void> seek(std::int32_t partition, std::int64_t offset) override;
  void pause(std::int32_t partition) override;
  void resume(std::int32_t partition) override;
  Result<std::int32_t> partition_count() override;
  Result<consumer::Watermarks> bounds(std::int32_t partition) override;
  Result<std::optional<RecordIdentity>> record_identity(std::int32_t partition, std::int64_t offset) override;
  void store_offset(std::int32_t partition, std::int64_t next_offset) override;
  void release(std::span<const std::int32_t> partitions) override;

  // From any thread. The state after the last poll().
  [[nodiscard]] Membership membership() const;

 private:
  KafkaLogReader() = default;
  // One pass over the three clients without waiting.
  std::vector<consumer::LogEvent> read_events();
  // Adds assigned partitions to the fetcher and removes lost ones.
  void update_fetcher(const std::vector<consumer::LogEvent>& changes);
  // For membership().
  void publish_membership();
  void collect_failures();
  // Clears failure_ if the topic is reachable again.
  void probe_recovery();

  // Declared before the clients, which write to it.
  Wakeup wakeup_;
  // wake() was called and poll() has not returned since.
  std::atomic<bool> woken_ = false;
  std::unique_ptr<LogLookup> lookup_;
  std::unique_ptr<GroupMember> member_;
  std::unique_ptr<RecordFetcher> fetcher_;

  // What poll() returns until a record, a rebalance or a probe shows that the failure has ended.
  std::optional<Error> failure_;
  MonoTime probe_at_;

  mutable std::mutex mutex_;
  Membership membership_;
};

}  // namespace weir::kafka
