// A client of a Kafka cluster: its configuration, its ownership, and the forwarding of its log lines.
//
// Public headers of this module only forward-declare librdkafka's types; rdkafka_handles.hpp, for .cpp files,
// has the other holders. The properties that Weir sets are of two kinds. KAFKA_PROPERTY_x_y overrides a
// default. It cannot override a required property.
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

// Name and value, as in librdkafka's CONFIGURATION.md: ("socket.timeout.ms", "4000").
using Property = std::pair<std::string, std::string>;

// The operator's settings. `properties` are the variables KAFKA_PROPERTY_x_y.
struct Cluster {
  std::string brokers = "localhost:9092";
  std::string topic;
  std::vector<Property> properties;
};

// The deleter of the holders below. To destroy a client waits for its threads. A group member must have left
// its group before (GroupMember does).
struct Destroy {
  void operator()(rd_kafka_s* client) const noexcept;
  void operator()(rd_kafka_conf_s* conf) const noexcept;
  void operator()(rd_kafka_queue_s* queue) const noexcept;
  void operator()(rd_kafka_topic_s* topic) const noexcept;
};
using ConfHandle = std::unique_ptr<rd_kafka_conf_s, Destroy>;
using ClientHandle = std::unique_ptr<rd_kafka_s, Destroy>;
using QueueHandle = std::unique_ptr<rd_kafka_queue_s, Destroy>;
using TopicHandle = std::unique_ptr<rd_kafka_topic_s, Destroy>;

// Checks that librdkafka knows the property and accepts its value, for any kind of client. Fails with
// ErrorKind::invalid, property_unknown or property_invalid. Contacts no broker.
[[nodiscard]] Result<void> check_property(const Property& property);

// Returns the configuration of a client of this cluster. Sets `defaults`, then the operator's properties,
// then `required` and the brokers. Fails with ErrorKind::invalid; the text names the property:
//   property_unknown, property_invalid   librdkafka rejects it; the text never contains the value of a secret
//   property_reserved                    the operator's properties contain a required one
[[nodiscard]] Result<ConfHandle> make_conf(const Cluster& cluster, std::span<const Property> defaults,
                                           std::span<const Property> required);

// Client::open: two properties contradict each other, or a file that one names cannot be read.
inline constexpr std::string_view code_settings = "kafka_settings";

// librdkafka has two kinds of clients. A consumer also queries metadata without side effects (topic.hpp).
enum class Role : std::uint8_t { producer, consumer };

// One client of librdkafka with its threads and connections. It retries unreachable brokers as long as it
// exists, and reports no error for them. librdkafka's threads write its log lines to `logger`, at most 20 a
// minute. Lines about connections have the level debug, because the owner of the client reports the same with
// more context.
class Client {
 public:
  // Does not wait for a broker. Uses the opaque pointer of the configuration. Fails only with
  // ErrorKind::invalid, code_settings. `logger` must outlive the client.
  static Result<Client> open(Role role, ConfHandle conf, telemetry::Logger& logger);
  Client(Client&&) noexcept;
  Client& operator=(Client&&) noexcept;
  ~Client();

  [[nodiscard]] rd_kafka_s* get() const { return handle_.get(); }

  // Wakes the threads of all broker connections. librdkafka 2.0 does not do so when the application has
  // emptied a full queue: the thread that fetches then sleeps for the rest of a second. Costs microseconds.
  void wake_broker_threads();

 private:
  class LogForwarder;

  Client(std::unique_ptr<LogForwarder> log_forwarder, ClientHandle handle, Property credentials);

  // Declared first: the threads of handle_ use it.
  std::unique_ptr<LogForwarder> log_forwarder_;
  ClientHandle handle_;
  // The user and password of SASL, empty without it.
  Property credentials_;
};

}  // namespace weir::kafka
