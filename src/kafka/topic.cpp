#include "kafka/topic.hpp"

#include <algorithm>
#include <array>

#include "base/clock.hpp"
#include "kafka/errors.hpp"
#include "kafka/rdkafka_handles.hpp"

namespace weir::kafka {
namespace {

using std::chrono::milliseconds;

// CreateTopics: the brokers' default.replication.factor.
constexpr int broker_default_replicas = -1;
// A new topic appears in the metadata of the other brokers after a moment.
constexpr milliseconds metadata_retry_interval{50};

int to_ms(milliseconds timeout) { return static_cast<int>(std::max<std::int64_t>(timeout.count(), 1)); }

std::string cluster_id(rd_kafka_t* client, milliseconds timeout) {
  char* const id = rd_kafka_clusterid(client, to_ms(timeout));
  if (id == nullptr) return {};
  std::string text(id);
  rd_kafka_mem_free(client, id);
  return text;
}

// LogAppendTime: the brokers' clock dates the records, because dedupe and lateness compare these times.
Result<NewTopicHandle> new_topic(const NewTopicConfig& config, int replicas) {
  std::array<char, 256> reason{};
  NewTopicHandle topic(
      rd_kafka_NewTopic_new(config.name.c_str(), config.partitions, replicas, reason.data(), reason.size()));
  if (!topic)
    return fail(ErrorKind::invalid, "topic_refused",
                "the topic " + config.name + " cannot be created: " + reason.data());
  rd_kafka_NewTopic_set_config(topic.get(), "message.timestamp.type", "LogAppendTime");
  return topic;
}

// The result of a CreateTopics request for one topic.
Result<void> outcome_of(rd_kafka_event_t* event, const std::string& action) {
  if (event == nullptr) return std::unexpected(error_of(RD_KAFKA_RESP_ERR__TIMED_OUT, action));
  if (const auto error = rd_kafka_event_error(event)) return std::unexpected(error_of(error, action));
  const auto* const result = rd_kafka_event_CreateTopics_result(event);
  std::size_t count = 0;
  const auto* const* const topics = rd_kafka_CreateTopics_result_topics(result, &count);
  for (std::size_t i = 0; i < count; ++i) {
    const auto error = rd_kafka_topic_result_error(topics[i]);
    if (error == RD_KAFKA_RESP_ERR_NO_ERROR) continue;
    Error why = error_of(error, action);
    if (const char* const more = rd_kafka_topic_result_error_string(topics[i]))
      why.text.append(": ").append(more);
    return std::unexpected(std::move(why));
  }
  return {};
}

Result<void> create_topic(rd_kafka_t* client, const NewTopicConfig& config, int replicas,
                          milliseconds timeout) {
  auto topic = new_topic(config, replicas);
  if (!topic) return propagate(topic);
  const AdminOptionsHandle options(rd_kafka_AdminOptions_new(client, RD_KAFKA_ADMIN_OP_CREATETOPICS));
  rd_kafka_AdminOptions_set_request_timeout(options.get(), to_ms(timeout), nullptr, 0);
  rd_kafka_AdminOptions_set_operation_timeout(options.get(), to_ms(timeout), nullptr, 0);
  const QueueHandle replies(rd_kafka_queue_new(client));
  rd_kafka_NewTopic_t* const wanted = topic->get();
  std::array<rd_kafka_NewTopic_t*, 1> all{wanted};
  rd_kafka_CreateTopics(client, all.data(), all.size(), options.get(), replies.get());
  const EventHandle reply(rd_kafka_queue_poll(replies.get(), to_ms(timeout) + 500));
  auto made = outcome_of(reply.get(), "creating the topic " + config.name);
  if (!made && made.error().code == "topic_exists") return {};
  return made;
}

}  // namespace

std::string dlq_topic(std::string_view topic) { return std::string(topic) + ".dlq"; }

Result<Client> open_admin_client(const Cluster& cluster, telemetry::Logger& logger) {
  static const std::array<Property, 2> required{
      {{"enable.auto.commit", "false"}, {"allow.auto.create.topics", "false"}}};
  auto conf = make_conf(cluster, {}, required);
  if (!conf) return propagate(conf);
  rd_kafka_conf_set_events(conf->get(), RD_KAFKA_EVENT_ERROR);  // for ConnectionFailure
  return Client::open(Role::consumer, std::move(*conf), logger);
}

Result<TopicMetadata> describe_topic(rd_kafka_s* client, const std::string& name, milliseconds timeout) {
  const std::string action = "reading the metadata of the topic " + name;
  const TopicHandle topic(rd_kafka_topic_new(client, name.c_str(), nullptr));
  if (!topic) return std::unexpected(error_of(rd_kafka_last_error(), action));
  const struct rd_kafka_metadata* found = nullptr;
  const auto error = rd_kafka_metadata(client, 0, topic.get(), &found, to_ms(timeout));
  if (error) return std::unexpected(error_of(error, action));
  const MetadataHandle response(found);
  if (response->topic_cnt != 1) return std::unexpected(error_of(RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC, action));
  const auto& described = response->topics[0];
  if (described.err) return std::unexpected(error_of(described.err, action));
  TopicMetadata metadata{.cluster_id = cluster_id(client, timeout), .partitions = described.partition_cnt};
  for (int i = 0; i < described.partition_cnt; ++i) {
    const int replicas = described.partitions[i].replica_cnt;
    metadata.replicas_min = i == 0 ? replicas : std::min(metadata.replicas_min, replicas);
  }
  return metadata;
}

// After the creation, waits until the topic is in the metadata of the broker that is asked.
Result<TopicMetadata> ensure_topic(rd_kafka_s* client, const NewTopicConfig& config, milliseconds timeout) {
  const MonoTime until = read_clock().mono + timeout;
  auto metadata = describe_topic(client, config.name, timeout);
  if (metadata || metadata.error().code != "topic_unknown") return metadata;
  auto made = create_topic(client, config, broker_default_replicas, timeout);
  // A cluster with fewer brokers than its own default number of replicas, as in a test.
  if (!made && made.error().code == "replication_refused") made = create_topic(client, config, 1, timeout);
  if (!made) return propagate(made);
  do {
    metadata = describe_topic(client, config.name, timeout);
    if (metadata) metadata->created = true;
    if (metadata || metadata.error().code != "topic_unknown") return metadata;
    std::this_thread::sleep_for(metadata_retry_interval);
  } while (read_clock().mono < until);
  return metadata;
}

}  // namespace weir::kafka
