// Our membership of the consumer group: it says which partitions are ours, and keeps the group's offsets.
//
// It fetches nothing: to librdkafka its assignment is always empty, and assigning or unassigning only answers
// the group. So nothing that is done to the fetching (record_fetcher.hpp) can be taken for an answer to a
// rebalance, and no rebalance throws away what was fetched ahead of partitions that stay ours.
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

struct rd_kafka_op_s;  // an rd_kafka_event_t

namespace weir::kafka {

// All calls come from one thread. No call waits, but for release() and the destructor.
class GroupMember {
 public:
  // Begins to join. `knock_fd` gets Wakeup::payload when serve() has something to do; it and `log` outlive
  // the member.
  static Result<std::unique_ptr<GroupMember>> open(const Cluster& cluster, const std::string& group,
                                                   telemetry::Logger& logger, int knock_fd);
  GroupMember(const GroupMember&) = delete;
  GroupMember& operator=(const GroupMember&) = delete;
  // Leaves the group, giving up what is still ours: some 10 ms, but up to 10 s while the coordinator does not
  // answer (the last commits' 4 s, and librdkafka's own 5 s for the farewell).
  ~GroupMember();

  // Appends Assigned, Revoked and Lost. Not called for max.poll.interval.ms (60 s), the group takes us for
  // dead.
  void serve(std::vector<consumer::LogEvent>& events);
  // What went wrong since the last call, if anything did. ErrorKind::internal: this member will not join
  // again.
  [[nodiscard]] std::optional<Error> take_trouble();

  // In the group, with or without partitions.
  [[nodiscard]] bool joined() const { return joined_; }
  [[nodiscard]] const std::set<std::int32_t>& partitions() const { return partitions_; }

  // Sent at most once a second, from serve().
  void committed(std::int32_t partition, std::int64_t next_offset);
  // The group goes on once all that was revoked is released. Waits up to 1 s for the last offsets to be
  // taken.
  void release(std::span<const std::int32_t> partitions);

 private:
  GroupMember(Client client, QueueHandle queue, const std::string& topic, telemetry::Logger& logger);

  void rebalanced(rd_kafka_op_s* event, std::vector<consumer::LogEvent>& events);
  void failed(rd_kafka_op_s* event);
  void answer_assigned();
  void answer_revoked();
  void send_commits(rd_kafka_queue_s* answers_to);
  void commit_and_wait();
  void say(std::string_view what, const std::vector<std::int32_t>& partitions);
  void leave();

  Client client_;
  QueueHandle queue_;
  const std::string topic_;
  telemetry::Logger& logger_;

  std::set<std::int32_t> partitions_;
  std::set<std::int32_t> to_release_;  // revoked, and the group waits for it
  bool joined_ = false;
  std::optional<Error> trouble_;
  std::map<std::int32_t, std::int64_t> to_commit_;
  MonoTime commit_at_;
};

}  // namespace weir::kafka
