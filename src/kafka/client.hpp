// A connection to a Kafka cluster: what it is told, who owns it, and where its own log lines go.
//
// Public headers of this room name librdkafka's types only by forward declaration; rdkafka_handles.hpp, for
// .cpp files, has the rest. The settings that a part of Weir sets on its client come in two kinds: defaults,
// which KAFKA_PROPERTY_x_y may replace, and laws, which it may not.
#pragma once

#include <atomic>
#include <chrono>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.hpp"
#include "telemetry/logger.hpp"

struct rd_kafka_s;
struct rd_kafka_conf_s;
struct rd_kafka_queue_s;
struct rd_kafka_topic_s;

namespace weir::kafka {

// As ("socket.timeout.ms", "4000").
using Property = std::pair<std::string, std::string>;

// Which cluster and topic, as the operator told it.
struct Cluster {
  std::string brokers = "localhost:9092";
  std::string topic;
  std::vector<Property> properties;  // KAFKA_PROPERTY_x_y: win over Weir's defaults, never over its laws
};

struct Destroy {
  void operator()(rd_kafka_s* client) const noexcept;  // waits for librdkafka's threads
  void operator()(rd_kafka_conf_s* conf) const noexcept;
  void operator()(rd_kafka_queue_s* queue) const noexcept;
  void operator()(rd_kafka_topic_s* topic) const noexcept;
};
using ConfHandle = std::unique_ptr<rd_kafka_conf_s, Destroy>;
using ClientHandle = std::unique_ptr<rd_kafka_s, Destroy>;
using QueueHandle = std::unique_ptr<rd_kafka_queue_s, Destroy>;
using TopicHandle = std::unique_ptr<rd_kafka_topic_s, Destroy>;

// Whether librdkafka has the property and takes its value, whichever client it is for: property_unknown,
// property_invalid (ErrorKind::invalid). Asks no broker.
[[nodiscard]] Result<void> check_property(const Property& property);

// The configuration of a client of this cluster: defaults, then the cluster's properties, then laws and brokers.
// Both lists may name any property of librdkafka. Fails with ErrorKind::invalid, naming the property:
//   property_unknown, property_invalid   as librdkafka judges it; a secret's value is not repeated
//   property_reserved                    it is one of the laws
[[nodiscard]] Result<ConfHandle> make_conf(const Cluster& cluster, std::span<const Property> defaults,
                                           std::span<const Property> laws);

// Properties contradict each other, e.g. two timeouts, or name a file that cannot be read.
inline constexpr std::string_view code_settings = "kafka_settings";

enum class Role : std::uint8_t { producer, consumer };

// One librdkafka client: its threads, its connections. Neither connects nor fails because a broker is away:
// it goes on trying for as long as it lives. librdkafka's log lines go to `log`, from librdkafka's threads,
// at most 20 a minute; what connections do is said at level debug, for its owner says it better.
class Client {
 public:
  // Takes the configuration. Uses librdkafka's opaque for itself. Fails with ErrorKind::invalid,
  // code_settings alone. `log` must outlive the client.
  static Result<Client> open(Role role, ConfHandle conf, telemetry::Logger& logger);
  Client(Client&&) noexcept;
  Client& operator=(Client&&) noexcept;
  ~Client();

  [[nodiscard]] rd_kafka_s* get() const { return handle_.get(); }

 private:
  class LogForwarder;

  Client(std::unique_ptr<LogForwarder> voice, ClientHandle handle);

  std::unique_ptr<LogForwarder> voice_;  // outlives the handle, whose threads speak through it
  ClientHandle handle_;
};

}  // namespace weir::kafka
