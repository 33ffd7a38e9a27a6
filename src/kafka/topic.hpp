// A topic as the cluster describes it, and how it is made where it is missing.
//
// All calls block for at most about `patience`; call them from a thread that may wait. The client must be a
// consumer (Role::consumer): asking for a topic as a producer makes brokers create it as they like.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

#include "base/result.hpp"
#include "kafka/client.hpp"

namespace weir::kafka {

struct TopicMetadata {
  std::string cluster_id;
  std::int32_t partitions = 0;
  std::int32_t replicas_min = 0;  // of its partitions
  bool made = false;              // by this call
};

struct NewTopicConfig {
  std::string name;
  std::int32_t partitions = 12;  // when it must be made
};

// The topic where copies of a topic's dead letters go.
[[nodiscard]] std::string dlq_topic(std::string_view topic);

// A client that is good for the calls below and does no more than it is asked.
[[nodiscard]] Result<Client> open_admin_client(const Cluster& cluster, telemetry::Logger& logger);

// Fails with the codes of error_of: topic_unknown if there is none.
[[nodiscard]] Result<TopicMetadata> describe_topic(rd_kafka_s* client, const std::string& name,
                                                   std::chrono::milliseconds patience);

// The same, but makes it if it is missing: with message.timestamp.type=LogAppendTime and as many replicas as
// the brokers have by default (one, if they cannot even give that). That somebody else was faster is fine.
[[nodiscard]] Result<TopicMetadata> ensure_topic(rd_kafka_s* client, const NewTopicConfig& plan,
                                                 std::chrono::milliseconds patience);

}  // namespace weir::kafka
