// The membership in the consumer group: which partitions are ours, and the offsets that the group stores.
//
// This client fetches no records: its assignment in librdkafka is always empty, and assign and unassign only
// acknowledge a rebalance to the group. So stopping or seeking in record_fetcher.hpp cannot be mistaken for
// an acknowledgement. And a rebalance does not drop records of partitions that stay ours.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.hpp"
#include "base/result.hpp"
#include "consumer/log_reader.hpp"
#include "kafka/client.hpp"
#include "telemetry/logger.hpp"

// rd_kafka_event_t.
struct rd_kafka_op_s;

namespace weir::kafka {

// One thread makes all calls. Only release() and the destructor block.
class GroupMember {
 public:
  // Starts to join the group. librdkafka writes Wakeup::payload to `wakeup_fd` when serve() has something to
  // do. `wakeup_fd` and `logger` must outlive the member. Fails as make_conf() and Client::open(), or if the
  // topic's name is invalid.
  static Result<std::unique_ptr<GroupMember>> open(const Cluster& cluster, const std::string& group,
                                                   telemetry::Logger& logger, int wakeup_fd);
  GroupMember(const GroupMember&) = delete;
  GroupMember& operator=(const GroupMember&) = delete;
  // Commits the last offsets and leaves the group. Takes some 10 ms. Takes up to 10 s while the coordinator
  // does not respond: 4 s for the commit, 5 s for librdkafka's LeaveGroup request.
  ~GroupMember();

  // Appends Assigned, Revoked and Lost. Must be called at least every max.poll.interval.ms (60 s), or the
  // group removes this member.
  void serve(std::vector<consumer::LogEvent>& events);
  // Returns the last error since the previous call, if there was one. After ErrorKind::internal this member
  // cannot join again; after other kinds librdkafka retries.
  [[nodiscard]] std::optional<Error> take_failure();

  // Whether this is a member of the group, with or without partitions.
  [[nodiscard]] bool joined() const { return joined_; }
  [[nodiscard]] const std::set<std::int32_t>& partitions() const { return partitions_; }

  // Stores the offset for the next commit. serve() commits at most once a second. Does nothing for other
  // partitions.
  void store_offset(std::int32_t partition, std::int64_t next_offset);
  // The group can continue its rebalance once all revoked partitions are released. The last call commits the
  // offsets first and waits for that up to 1 s.
  void release(std::span<const std::int32_t> partitions);

 private:
  GroupMember(Client client, QueueHandle queue, const std::string& topic, telemetry::Logger& logger);

  void on_rebalance(rd_kafka_op_s* event, std::vector<consumer::LogEvent>& events);
  void on_error(rd_kafka_op_s* event);
  // Tell the group that this member has finished its part of the rebalance.
  void acknowledge_assignment();
  void acknowledge_revocation();
  void send_commits(rd_kafka_queue_s* replies_to);
  // Commits all stored offsets and waits for the response.
  void commit_and_wait();
  void log_partitions(std::string_view what, const std::vector<std::int32_t>& partitions);
  void leave();

  Client client_;
  QueueHandle queue_;
  const std::string topic_;
  telemetry::Logger& logger_;

  std::set<std::int32_t> partitions_;
  // Revoked partitions for which the group waits.
  std::set<std::int32_t> to_release_;
  bool joined_ = false;
  std::optional<Error> failure_;
  std::map<std::int32_t, std::int64_t> to_commit_;
  MonoTime commit_at_;
};

}  // namespace weir::kafka
