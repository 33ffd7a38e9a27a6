#include "support/kafka_server.hpp"

#include <array>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <librdkafka/rdkafka.h>
#include <memory>
#include <poll.h>
#include <random>
#include <stdexcept>

#include "support/child.hpp"

namespace weir::support {
namespace {

constexpr std::chrono::seconds start_deadline{60};
constexpr std::chrono::milliseconds between_tries{50};
constexpr int answer_ms_max = 5000;
constexpr int starts_max = 3;  // a port can be taken between being found free and being used

const char* chosen_brokers() {
  const char* const brokers = std::getenv("KAFKA_BROKERS");
  return brokers != nullptr && *brokers != '\0' ? brokers : nullptr;
}

struct ClientEnd {
  void operator()(rd_kafka_t* client) const { rd_kafka_destroy(client); }
};
using Client = std::unique_ptr<rd_kafka_t, ClientEnd>;

// A client that says nothing: while the server starts, its complaints would fill the output.
Client connect(const std::string& brokers) {
  std::array<char, 256> fault{};
  rd_kafka_conf_t* const settings = rd_kafka_conf_new();
  rd_kafka_conf_set(settings, "bootstrap.servers", brokers.c_str(), fault.data(), fault.size());
  rd_kafka_conf_set(settings, "reconnect.backoff.max.ms", "200", fault.data(), fault.size());
  rd_kafka_conf_set_log_cb(settings, [](const rd_kafka_t*, int, const char*, const char*) {});
  rd_kafka_t* const client = rd_kafka_new(RD_KAFKA_PRODUCER, settings, fault.data(), fault.size());
  if (client == nullptr) throw std::runtime_error(std::string("rd_kafka_new: ") + fault.data());
  return Client(client);
}

// The number of brokers it tells of; of this topic's partitions that have a leader, where one is asked about.
int answered(rd_kafka_t* client, const char* topic = nullptr) {
  const rd_kafka_metadata_t* metadata = nullptr;
  rd_kafka_topic_t* const handle = topic == nullptr ? nullptr : rd_kafka_topic_new(client, topic, nullptr);
  const auto error = rd_kafka_metadata(client, 0, handle, &metadata, answer_ms_max);
  if (handle != nullptr) rd_kafka_topic_destroy(handle);
  if (error != RD_KAFKA_RESP_ERR_NO_ERROR) return 0;
  int count = metadata->broker_cnt;
  if (topic != nullptr) {
    count = 0;
    for (int i = 0; metadata->topic_cnt == 1 && i < metadata->topics[0].partition_cnt; ++i)
      count += metadata->topics[0].partitions[i].leader >= 0 ? 1 : 0;
  }
  rd_kafka_metadata_destroy(metadata);
  return count;
}

void create(rd_kafka_t* client, const std::string& topic, int partitions, std::string_view setting) {
  std::array<char, 256> fault{};
  rd_kafka_NewTopic_t* wanted =
      rd_kafka_NewTopic_new(topic.c_str(), partitions, 1, fault.data(), fault.size());
  if (wanted == nullptr) throw std::runtime_error("topic " + topic + ": " + fault.data());
  if (const auto equals = setting.find('='); equals != std::string_view::npos)
    rd_kafka_NewTopic_set_config(wanted, std::string(setting.substr(0, equals)).c_str(),
                                 std::string(setting.substr(equals + 1)).c_str());
  rd_kafka_queue_t* const replies = rd_kafka_queue_new(client);
  rd_kafka_CreateTopics(client, &wanted, 1, nullptr, replies);
  rd_kafka_event_t* const reply = rd_kafka_queue_poll(replies, 2 * answer_ms_max);
  std::size_t count = 0;
  std::string failure = "no answer";
  if (const auto* const result = rd_kafka_event_CreateTopics_result(reply); result != nullptr) {
    const rd_kafka_topic_result_t** const topics = rd_kafka_CreateTopics_result_topics(result, &count);
    const char* const text = count == 1 ? rd_kafka_topic_result_error_string(topics[0]) : nullptr;
    failure = count == 1 ? (text == nullptr ? "" : text) : rd_kafka_event_error_string(reply);
  }
  if (reply != nullptr) rd_kafka_event_destroy(reply);
  rd_kafka_queue_destroy(replies);
  rd_kafka_NewTopic_destroy(wanted);
  if (!failure.empty()) throw std::runtime_error("topic " + topic + ": " + failure);
}

void pause() { poll(nullptr, 0, static_cast<int>(between_tries.count())); }

}  // namespace

std::string kafka_missing() {
  if (chosen_brokers() != nullptr) return {};
  const std::string ask = std::string(WEIR_KAFKA_SCRIPT) + " check 2>/dev/null";
  if (std::system(ask.c_str()) == 0) return {};
  return "Kafka's jars (scripts/fetch-kafka, or KAFKA_HOME) or Java 17";
}

KafkaServer::KafkaServer() {
  if (const char* const brokers = chosen_brokers(); brokers != nullptr) {
    brokers_ = brokers;
    return;
  }
  folder_ = make_folder("weir-kafka");
  for (int tries = 1; pid_ < 0; ++tries) {
    try {
      start_on(free_port(), free_port());
    } catch (...) {
      kill();
      if (tries == starts_max) {
        std::filesystem::remove_all(folder_);
        throw;
      }
    }
  }
}

KafkaServer::~KafkaServer() {
  if (!ours()) return;
  kill();  // nothing of it is kept, so it need not write anything down
  std::error_code ignored;
  std::filesystem::remove_all(folder_, ignored);
}

void KafkaServer::kill() {
  if (pid_ < 0) return;
  ::kill(pid_, SIGKILL);
  wait_for_end(pid_);
  pid_ = -1;
}

void KafkaServer::restart() { start_on(port_, controller_port_); }

void KafkaServer::start_on(int port, int controller_port) {
  port_ = port;
  controller_port_ = controller_port;
  brokers_ = "127.0.0.1:" + std::to_string(port);
  pid_ = support::start(
      {.command = {WEIR_KAFKA_SCRIPT, "run", folder_, std::to_string(port), std::to_string(controller_port)},
       .log = folder_ / "log"});
  wait_until_it_answers();
}

void KafkaServer::wait_until_it_answers() {
  const auto deadline = std::chrono::steady_clock::now() + start_deadline;
  const Client client = connect(brokers_);
  while (answered(client.get()) == 0) {
    const bool left = !still_runs(pid_);
    if (left) pid_ = -1;
    if (left || std::chrono::steady_clock::now() > deadline) {
      const std::string said = read_text(folder_ / "log");
      throw std::runtime_error("Kafka did not start:\n" +
                               said.substr(said.size() - std::min<std::size_t>(said.size(), 4000)));
    }
    pause();
  }
}

std::string KafkaServer::make_topic(std::string_view name, int partitions, std::string_view setting) const {
  std::random_device random;
  const std::string topic = std::string(name) + "-" + std::to_string(random());
  const Client client = connect(brokers_);
  create(client.get(), topic, partitions, setting);
  const auto deadline = std::chrono::steady_clock::now() + start_deadline;
  while (answered(client.get(), topic.c_str()) != partitions) {
    if (std::chrono::steady_clock::now() > deadline)
      throw std::runtime_error("topic " + topic + " got no leaders in time");
    pause();
  }
  return topic;
}

int KafkaServer::partitions(const std::string& topic) const {
  return answered(connect(brokers_).get(), topic.c_str());
}

KafkaServer& shared_kafka() {
  static KafkaServer server;
  return server;
}

}  // namespace weir::support
