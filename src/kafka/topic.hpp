// Describes a topic of the cluster, and creates it if it is missing.
//
// Each call blocks for at most about `timeout`, so call it from a thread that may wait. The client must be a
// consumer (Role::consumer). A producer that asks for the metadata of a topic makes brokers create it with
// their own defaults.
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
  // The smallest number of replicas of a partition.
  std::int32_t replicas_min = 0;
  // Whether this call has created the topic.
  bool created = false;
};

struct NewTopicConfig {
  std::string name;
  std::int32_t partitions = 12;
};

// Returns the name of the topic for copies of dead letters: `<topic>.dlq`.
[[nodiscard]] std::string dlq_topic(std::string_view topic);

// Opens a client for the functions below. It joins no group and creates no topic by itself. Fails as
// make_conf() and Client::open().
[[nodiscard]] Result<Client> open_admin_client(const Cluster& cluster, telemetry::Logger& logger);

// Fails as error_of(); topic_unknown if the topic does not exist.
[[nodiscard]] Result<TopicMetadata> describe_topic(rd_kafka_s* client, const std::string& name,
                                                   std::chrono::milliseconds timeout);

// As describe_topic(), but creates the topic if it is missing, with message.timestamp.type=LogAppendTime. The
// number of replicas is the brokers' default, or one if the cluster is too small for it. Succeeds too if
// another client creates the topic at the same time.
[[nodiscard]] Result<TopicMetadata> ensure_topic(rd_kafka_s* client, const NewTopicConfig& config,
                                                 std::chrono::milliseconds timeout);

}  // namespace weir::kafka
