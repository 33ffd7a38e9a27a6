#include "kafka/topic.hpp"

#include <algorithm>
#include <array>

#include "base/clock.hpp"
#include "kafka/rdkafka_handles.hpp"

namespace weir::kafka {
namespace {

using std::chrono::milliseconds;

constexpr int replicas_by_default = -1;       // as the brokers are set up
constexpr milliseconds appearance_pause{50};  // a new topic is not at once in every broker's metadata

int to_ms(milliseconds patience) { return static_cast<int>(std::max<std::int64_t>(patience.count(), 1)); }

std::string cluster_id(rd_kafka_t* client, milliseconds patience) {
  char* const id = rd_kafka_clusterid(client, to_ms(patience));
  if (id == nullptr) return {};
  std::string text(id);
  rd_kafka_mem_free(client, id);
  return text;
}

Result<NewTopicHandle> new_topic(const NewTopicConfig& plan, int replicas) {
  std::array<char, 256> reason{};
  NewTopicHandle topic(
      rd_kafka_NewTopic_new(plan.name.c_str(), plan.partitions, replicas, reason.data(), reason.size()));
  if (!topic)
    return fail(ErrorKind::invalid, "topic_refused",
                "the topic " + plan.name + " cannot be made: " + reason.data());
  rd_kafka_NewTopic_set_config(topic.get(), "message.timestamp.type", "LogAppendTime");
  return topic;
}

// The broker's word about the one topic that was asked for.
Result<void> outcome_of(rd_kafka_event_t* event, const std::string& doing) {
  if (event == nullptr) return std::unexpected(error_of(RD_KAFKA_RESP_ERR__TIMED_OUT, doing));
  if (const auto error = rd_kafka_event_error(event)) return std::unexpected(error_of(error, doing));
  const auto* const result = rd_kafka_event_CreateTopics_result(event);
  std::size_t count = 0;
  const auto* const* const topics = rd_kafka_CreateTopics_result_topics(result, &count);
  for (std::size_t i = 0; i < count; ++i) {
    const auto error = rd_kafka_topic_result_error(topics[i]);
    if (error == RD_KAFKA_RESP_ERR_NO_ERROR) continue;
    Error why = error_of(error, doing);
    if (const char* const more = rd_kafka_topic_result_error_string(topics[i]))
      why.text.append(": ").append(more);
    return std::unexpected(std::move(why));
  }
  return {};
}

Result<void> make_topic(rd_kafka_t* client, const NewTopicConfig& plan, int replicas, milliseconds patience) {
  auto topic = new_topic(plan, replicas);
  if (!topic) return propagate(topic);
  const AdminOptionsHandle options(rd_kafka_AdminOptions_new(client, RD_KAFKA_ADMIN_OP_CREATETOPICS));
  rd_kafka_AdminOptions_set_request_timeout(options.get(), to_ms(patience), nullptr, 0);
  rd_kafka_AdminOptions_set_operation_timeout(options.get(), to_ms(patience), nullptr, 0);
  const QueueHandle answers(rd_kafka_queue_new(client));
  rd_kafka_NewTopic_t* const wanted = topic->get();
  std::array<rd_kafka_NewTopic_t*, 1> all{wanted};
  rd_kafka_CreateTopics(client, all.data(), all.size(), options.get(), answers.get());
  const EventHandle answer(rd_kafka_queue_poll(answers.get(), to_ms(patience) + 500));
  auto made = outcome_of(answer.get(), "making the topic " + plan.name);
  if (!made && made.error().code == "topic_exists") return {};
  return made;
}

}  // namespace

std::string dlq_topic(std::string_view topic) { return std::string(topic) + ".dlq"; }

Result<Client> open_admin_client(const Cluster& cluster, telemetry::Logger& logger) {
  static const std::array<Property, 2> laws{
      {{"enable.auto.commit", "false"}, {"allow.auto.create.topics", "false"}}};
  auto conf = make_conf(cluster, {}, laws);
  if (!conf) return propagate(conf);
  return Client::open(Role::consumer, std::move(*conf), logger);
}

Result<TopicMetadata> describe_topic(rd_kafka_s* client, const std::string& name, milliseconds patience) {
  const std::string doing = "asking for the topic " + name;
  const TopicHandle topic(rd_kafka_topic_new(client, name.c_str(), nullptr));
  if (!topic) return std::unexpected(error_of(rd_kafka_last_error(), doing));
  const struct rd_kafka_metadata* found = nullptr;
  const auto error = rd_kafka_metadata(client, 0, topic.get(), &found, to_ms(patience));
  if (error) return std::unexpected(error_of(error, doing));
  const MetadataHandle metadata(found);
  if (metadata->topic_cnt != 1) return std::unexpected(error_of(RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC, doing));
  const auto& described = metadata->topics[0];
  if (described.err) return std::unexpected(error_of(described.err, doing));
  TopicMetadata facts{.cluster_id = cluster_id(client, patience), .partitions = described.partition_cnt};
  for (int i = 0; i < described.partition_cnt; ++i) {
    const int replicas = described.partitions[i].replica_cnt;
    facts.replicas_min = i == 0 ? replicas : std::min(facts.replicas_min, replicas);
  }
  return facts;
}

Result<TopicMetadata> ensure_topic(rd_kafka_s* client, const NewTopicConfig& plan, milliseconds patience) {
  const MonoTime until = read_clock().mono + patience;
  auto facts = describe_topic(client, plan.name, patience);
  if (facts || facts.error().code != "topic_unknown") return facts;
  auto made = make_topic(client, plan, replicas_by_default, patience);
  if (!made && made.error().code == "replication_refused") made = make_topic(client, plan, 1, patience);
  if (!made) return propagate(made);
  do {
    facts = describe_topic(client, plan.name, patience);
    if (facts) facts->made = true;
    if (facts || facts.error().code != "topic_unknown") return facts;
    std::this_thread::sleep_for(appearance_pause);
  } while (read_clock().mono < until);
  return facts;
}

}  // namespace weir::kafka
