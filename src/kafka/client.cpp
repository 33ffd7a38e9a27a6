#include "kafka/client.hpp"

#include <algorithm>
#include <array>

#include "base/clock.hpp"
#include "base/ensure.hpp"
#include "base/secret_name.hpp"
#include "kafka/rdkafka_handles.hpp"

namespace weir::kafka {
namespace {

constexpr std::size_t reason_bytes_max = 512;

std::string without_line_end(std::string text) {
  while (text.ends_with('\n')) text.pop_back();
  return text;
}

// The reason of librdkafka may contain the value, which must not be shown if it is a secret.
Result<void> set(rd_kafka_conf_t* conf, const Property& property) {
  const auto& [name, value] = property;
  std::array<char, reason_bytes_max> reason{};
  const auto outcome = rd_kafka_conf_set(conf, name.c_str(), value.c_str(), reason.data(), reason.size());
  if (outcome == RD_KAFKA_CONF_OK) return {};
  if (outcome == RD_KAFKA_CONF_UNKNOWN)
    return fail(ErrorKind::invalid, "property_unknown",
                "librdkafka has no property " + name + "; use one that its CONFIGURATION.md lists");
  std::string why = without_line_end(reason.data());
  const bool secret = is_secret_name(name);
  if (secret && why.contains(value)) why = "not allowed";
  return fail(ErrorKind::invalid, "property_invalid",
              "librdkafka rejects " + (secret ? "the value" : value) + " of " + name + " (" + why +
                  "); its CONFIGURATION.md lists the allowed values");
}

Result<void> set_all(rd_kafka_conf_t* conf, std::span<const Property> properties) {
  for (const auto& property : properties)
    if (auto done = set(conf, property); !done) return done;
  return {};
}

Result<void> reject_required(std::span<const Property> properties, std::span<const Property> required) {
  for (const auto& [name, value] : properties)
    if (std::ranges::find(required, name, &Property::first) != required.end())
      return fail(ErrorKind::invalid, "property_reserved",
                  "the Kafka property " + name + " cannot be changed: Weir's guarantees depend on its value");
  return {};
}

// Levels of syslog: 0–3 are errors, 4 is a warning, 5 and 6 are information, 7 is for debugging. The
// facilities of connections get the level debug, because TopicWatch and the log reader report the same once.
telemetry::Severity severity_of(int level, std::string_view facility) {
  static constexpr std::array<std::string_view, 5> of_connections{"FAIL", "ERROR", "REQTMOUT", "FATAL",
                                                                  "CONFWARN"};
  if (std::ranges::find(of_connections, facility) != of_connections.end()) return telemetry::Severity::debug;
  if (level <= 3) return telemetry::Severity::error;
  if (level == 4) return telemetry::Severity::warn;
  return level <= 6 ? telemetry::Severity::info : telemetry::Severity::debug;
}

}  // namespace

// NO_CONSUMER_CLOSE: GroupMember has left the group before, and no other client is in one.
void Destroy::operator()(rd_kafka_s* client) const noexcept {
  rd_kafka_destroy_flags(client, RD_KAFKA_DESTROY_F_NO_CONSUMER_CLOSE);
}
void Destroy::operator()(rd_kafka_conf_s* conf) const noexcept { rd_kafka_conf_destroy(conf); }
void Destroy::operator()(rd_kafka_queue_s* queue) const noexcept { rd_kafka_queue_destroy(queue); }
void Destroy::operator()(rd_kafka_topic_s* topic) const noexcept { rd_kafka_topic_destroy(topic); }

Result<void> check_property(const Property& property) {
  const ConfHandle conf(rd_kafka_conf_new());
  return set(conf.get(), property);
}

Result<ConfHandle> make_conf(const Cluster& cluster, std::span<const Property> defaults,
                             std::span<const Property> required) {
  // For every client: fast reconnects, and no log lines about idle connections that a broker closes.
  static const std::array<Property, 4> everywhere{{{"client.id", "weir"},
                                                   {"reconnect.backoff.ms", "100"},
                                                   {"reconnect.backoff.max.ms", "1000"},
                                                   {"log.connection.close", "false"}}};
  const std::array<Property, 1> brokers{{{"bootstrap.servers", cluster.brokers}}};

  // Later values replace earlier ones, so the order of the lists is their precedence.
  ConfHandle conf(rd_kafka_conf_new());
  for (const auto list : {std::span<const Property>(required), std::span<const Property>(brokers)})
    if (auto allowed = reject_required(cluster.properties, list); !allowed) return propagate(allowed);
  for (const auto list :
       {std::span<const Property>(everywhere), defaults, std::span<const Property>(cluster.properties),
        required, std::span<const Property>(brokers)})
    if (auto done = set_all(conf.get(), list); !done) return propagate(done);
  return conf;
}

// Forwards the log lines of one client. Several threads of librdkafka call it, so it has no lock. A line
// that arrives while the counter is reset may not be counted.
class Client::LogForwarder {
 public:
  explicit LogForwarder(telemetry::Logger& logger) : logger_(logger) {}

  static void on_line(const rd_kafka_t* client, int level, const char* facility, const char* text) {
    static_cast<LogForwarder*>(rd_kafka_opaque(client))->forward(level, facility, text);
  }

 private:
  static constexpr int lines_a_minute_max = 20;

  void forward(int level, const char* facility, const char* text) {
    const auto minute =
        std::chrono::floor<std::chrono::minutes>(read_clock().mono.time_since_epoch()).count();
    if (minute_.exchange(minute, std::memory_order_relaxed) != minute)
      lines_.store(0, std::memory_order_relaxed);
    if (lines_.fetch_add(1, std::memory_order_relaxed) >= lines_a_minute_max) return;
    logger_.write(severity_of(level, facility), "librdkafka reports",
                  {{"facility", facility}, {"text", text}});
  }

  telemetry::Logger& logger_;
  std::atomic<std::int64_t> minute_{0};
  std::atomic<int> lines_{0};
};

namespace {

// Returns the value of a property of the configuration; empty if it is not set.
std::string value_of(const rd_kafka_conf_t* conf, const char* name) {
  std::size_t size = 0;
  if (rd_kafka_conf_get(conf, name, nullptr, &size) != RD_KAFKA_CONF_OK || size == 0) return {};
  std::string value(size, '\0');
  rd_kafka_conf_get(conf, name, value.data(), &size);
  value.resize(value.find('\0'));
  return value;
}

}  // namespace

Client::Client(std::unique_ptr<LogForwarder> log_forwarder, ClientHandle handle, Property credentials)
    : log_forwarder_(std::move(log_forwarder)),
      handle_(std::move(handle)),
      credentials_(std::move(credentials)) {}
Client::Client(Client&&) noexcept = default;
Client::~Client() = default;

Client& Client::operator=(Client&& other) noexcept {
  // First: the threads of the old handle use the old forwarder.
  handle_ = std::move(other.handle_);
  log_forwarder_ = std::move(other.log_forwarder_);
  credentials_ = std::move(other.credentials_);
  return *this;
}

// librdkafka has no call for this alone. To set the credentials of SASL wakes all threads, so the same ones
// are set again. Connections stay, and a client without SASL does not use them.
void Client::wake_broker_threads() {
  rd_kafka_error_t* const error =
      rd_kafka_sasl_set_credentials(handle_.get(), credentials_.first.c_str(), credentials_.second.c_str());
  if (error != nullptr) rd_kafka_error_destroy(error);
}

Result<Client> Client::open(Role role, ConfHandle conf, telemetry::Logger& logger) {
  auto log_forwarder = std::make_unique<LogForwarder>(logger);
  rd_kafka_conf_set_opaque(conf.get(), log_forwarder.get());
  rd_kafka_conf_set_log_cb(conf.get(), &LogForwarder::on_line);
  Property credentials{value_of(conf.get(), "sasl.username"), value_of(conf.get(), "sasl.password")};
  std::array<char, reason_bytes_max> reason{};
  rd_kafka_t* const made = rd_kafka_new(role == Role::producer ? RD_KAFKA_PRODUCER : RD_KAFKA_CONSUMER,
                                        conf.get(), reason.data(), reason.size());
  if (made == nullptr)
    return fail(ErrorKind::invalid, code_settings,
                std::string("the Kafka client cannot be created: ") + reason.data());
  // rd_kafka_new has taken the configuration.
  (void)conf.release();
  return Client(std::move(log_forwarder), ClientHandle(made), std::move(credentials));
}

}  // namespace weir::kafka
