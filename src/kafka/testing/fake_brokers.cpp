#include "kafka/testing/fake_brokers.hpp"

#include <stdexcept>

#include "base/clock.hpp"
#include "kafka/errors.hpp"
#include "kafka/rdkafka_handles.hpp"
#include "kafka/topic.hpp"

// Requires rdkafka.h before it.
#include <librdkafka/rdkafka_mock.h>

namespace weir::kafka {
namespace {

constexpr std::chrono::milliseconds timeout{10'000};
constexpr int patience_ms = 10'000;

template <class T>
T must(Result<T> result) {
  if (!result) throw std::runtime_error(result.error().text);
  return std::move(*result);
}

Client host(telemetry::Logger& logger) {
  return must(Client::open(Role::producer, must(make_conf({.brokers = ""}, {}, {})), logger));
}

std::string text_of(const void* bytes, std::size_t size) {
  return bytes == nullptr ? std::string() : std::string(static_cast<const char*>(bytes), size);
}

struct Bounds {
  std::int64_t start = 0;
  std::int64_t end = 0;
};
// Retries, because a broker that has just restarted may not lead its partitions yet.
Bounds bounds(rd_kafka_t* client, const std::string& topic, std::int32_t partition) {
  const MonoTime until = read_clock().mono + timeout;
  Bounds found;
  while (const auto error = rd_kafka_query_watermark_offsets(client, topic.c_str(), partition, &found.start,
                                                             &found.end, patience_ms)) {
    if (read_clock().mono > until)
      throw std::runtime_error(error_of(error, "reading the end offsets of " + topic).text);
  }
  return found;
}

ReadRecord record_of(const rd_kafka_message_t& message) {
  ReadRecord record{.key = text_of(message.key, message.key_len),
                    .value = text_of(message.payload, message.len),
                    .headers = {}};
  rd_kafka_headers_t* headers = nullptr;
  if (rd_kafka_message_headers(&message, &headers) != RD_KAFKA_RESP_ERR_NO_ERROR) return record;
  const char* name = nullptr;
  const void* value = nullptr;
  std::size_t size = 0;
  for (std::size_t i = 0; rd_kafka_header_get_all(headers, i, &name, &value, &size) == 0; ++i)
    record.headers.emplace_back(name, text_of(value, size));
  return record;
}

}  // namespace

FakeBrokers::FakeBrokers(int brokers)
    : brokers_(brokers),
      logger_(telemetry::make_silent_logger()),
      host_(host(*logger_)),
      cluster_(rd_kafka_mock_cluster_new(host_.get(), brokers)) {
  if (!cluster_) throw std::runtime_error("cannot create the mock cluster");
}

FakeBrokers::~FakeBrokers() = default;

void FakeBrokers::DestroyBrokers::operator()(rd_kafka_mock_cluster_s* cluster) const noexcept {
  rd_kafka_mock_cluster_destroy(cluster);
}

std::string FakeBrokers::address() const { return rd_kafka_mock_cluster_bootstraps(cluster_.get()); }

void FakeBrokers::make_topic(const std::string& name, int partitions) {
  rd_kafka_mock_topic_create(cluster_.get(), name.c_str(), partitions, brokers_);
}

void FakeBrokers::refuse_next(Api api, int error, int times) {
  const std::vector<rd_kafka_resp_err_t> errors(static_cast<std::size_t>(times),
                                                static_cast<rd_kafka_resp_err_t>(error));
  rd_kafka_mock_push_request_errors_array(cluster_.get(), static_cast<std::int16_t>(api), errors.size(),
                                          errors.data());
}

void FakeBrokers::refuse_no_more(Api api) {
  rd_kafka_mock_clear_request_errors(cluster_.get(), static_cast<std::int16_t>(api));
}

void FakeBrokers::refuse_topic(const std::string& name, int error) {
  rd_kafka_mock_topic_set_error(cluster_.get(), name.c_str(), static_cast<rd_kafka_resp_err_t>(error));
}

void FakeBrokers::set_up(bool up) {
  for (int broker = 1; broker <= brokers_; ++broker) {
    if (up)
      rd_kafka_mock_broker_set_up(cluster_.get(), broker);
    else
      rd_kafka_mock_broker_set_down(cluster_.get(), broker);
  }
}

void FakeBrokers::set_delay(std::chrono::milliseconds delay) {
  for (int broker = 1; broker <= brokers_; ++broker)
    rd_kafka_mock_broker_set_rtt(cluster_.get(), broker, static_cast<int>(delay.count()));
}

std::vector<ReadRecord> read_topic(const std::string& brokers, const std::string& topic) {
  const auto logger = telemetry::make_silent_logger();
  const auto client = must(open_admin_client({.brokers = brokers, .topic = topic}, *logger));
  // Before describe_topic(), whose metadata then also reaches this handle.
  const TopicHandle handle(rd_kafka_topic_new(client.get(), topic.c_str(), nullptr));
  const auto metadata = must(describe_topic(client.get(), topic, timeout));
  std::vector<ReadRecord> records;
  for (std::int32_t partition = 0; partition < metadata.partitions; ++partition) {
    const auto [start, end] = bounds(client.get(), topic, partition);
    if (start == end) continue;
    rd_kafka_consume_start(handle.get(), partition, start);
    for (std::int64_t next = start; next < end;) {
      const MessageHandle message(rd_kafka_consume(handle.get(), partition, patience_ms));
      if (!message) throw std::runtime_error("reading " + topic + ": no record arrived in time");
      if (message->err) throw std::runtime_error(error_of(message->err, "reading " + topic).text);
      records.push_back(record_of(*message));
      next = message->offset + 1;
    }
    rd_kafka_consume_stop(handle.get(), partition);
  }
  return records;
}

}  // namespace weir::kafka
