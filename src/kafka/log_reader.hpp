// Reads the topic as a member of the consumer group.
//
//   group_member    which partitions are ours; the group's offsets       a client that fetches nothing
//   record_fetcher  the records of those that were sought                a client without a group
//   log_lookup      bounds, offsets by time, single records, probes      a client that waits for nobody's fetch
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

struct Membership {
  bool joined = false;  // false: on its way into the group, or thrown out
  std::vector<std::int32_t> partitions;
};

// Fills consumer::LogReader. Records are copied out of librdkafka's buffers once.
//
// A topic or broker that is missing, or refuses us, makes poll() fail with ErrorKind::unavailable until that
// is over; librdkafka goes on trying, and a probe of at most 0.3 s each second sees when the topic can be
// reached again. Questions about the log wait for up to LogLookup::patience each, or twice that. The
// destructor leaves the group: some 10 ms, up to 8 s while the coordinator does not answer.
class KafkaLogReader final : public consumer::LogReader {
 public:
  // Begins to join; fails only with wrong settings (ErrorKind::invalid, see make_conf). `log` outlives the
  // reader.
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

  // From any thread: as of the last poll.
  [[nodiscard]] Membership membership() const;

 private:
  KafkaLogReader() = default;
  std::vector<consumer::LogEvent> take();
  void follow(const std::vector<consumer::LogEvent>& changes);
  void note_membership();
  void note_trouble();
  void look_whether_it_is_over();

  Wakeup knock_;  // outlives the clients that knock
  std::atomic<bool> woken_ = false;
  std::unique_ptr<LogLookup> lookup_;
  std::unique_ptr<GroupMember> member_;
  std::unique_ptr<RecordFetcher> fetcher_;

  std::optional<Error> trouble_;  // stands until there is evidence that it is over
  MonoTime probe_at_;

  mutable std::mutex mutex_;
  Membership membership_;
};

}  // namespace weir::kafka
