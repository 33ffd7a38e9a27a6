#include "kafka/producer.hpp"

#include <algorithm>
#include <array>

#include "base/ensure.hpp"
#include "kafka/rdkafka_handles.hpp"

namespace weir::kafka {
namespace {

using std::chrono::milliseconds;

constexpr std::size_t reports_at_once = 1000;
// The upper bound of what Kafka's format adds to a record.
constexpr std::size_t record_frame_bytes = 512;
// Just below the brokers' default of message.max.bytes.
constexpr std::size_t batch_bytes_default = 1'000'000;

std::string text_of(std::size_t number) { return std::to_string(number); }
std::string text_of(milliseconds time) { return std::to_string(time.count()); }

Result<ConfHandle> producer_conf(const ProducerOptions& options) {
  const std::vector<Property> defaults{
      {"socket.nagle.disable", "true"},
      {"retry.backoff.ms", "300"},
      // A topic that the brokers have denied is requested again after this time: an operator may have granted
      // access or created it again.
      {"topic.metadata.refresh.interval.ms", "10000"},
      {"socket.timeout.ms", text_of(options.request_timeout + milliseconds{500})},
      {"request.timeout.ms", text_of(options.request_timeout)},
      {"message.max.bytes",
       text_of(std::max(batch_bytes_default, options.record_bytes_max + record_frame_bytes))},
      {"message.send.max.retries", "2"},
      {"queue.buffering.max.kbytes", text_of(options.queue_bytes_max / 1024 + 1)},
      {"queue.buffering.max.messages", text_of(options.queue_records_max)},
  };
  const std::vector<Property> required{
      {"acks", "all"},
      {"enable.idempotence", "true"},
      {"partitioner", "murmur2_random"},
      // Never: see Producer::purge().
      {"message.timeout.ms", "0"},
      {"compression.codec", options.compression},
      {"linger.ms", text_of(options.linger)},
  };
  auto conf = make_conf(options.cluster, defaults, required);
  if (conf) rd_kafka_conf_set_events(conf->get(), RD_KAFKA_EVENT_DR | RD_KAFKA_EVENT_ERROR);
  return conf;
}

// NOT_PERSISTED: librdkafka never sent the record, or the broker rejected it. POSSIBLY_PERSISTED: it may be
// in the log.
intake::Receipt receipt_of(const rd_kafka_message_t& message) {
  if (message.err == RD_KAFKA_RESP_ERR_NO_ERROR) return intake::Receipt::kept;
  return rd_kafka_message_status(&message) == RD_KAFKA_MSG_STATUS_NOT_PERSISTED ? intake::Receipt::not_kept
                                                                                : intake::Receipt::unknown;
}

struct Bytes {
  std::string_view key;
  std::string_view value;

  // librdkafka takes pointers to non-const bytes but does not change them.
  [[nodiscard]] void* key_at() const { return key.empty() ? nullptr : const_cast<char*>(key.data()); }
  [[nodiscard]] void* value_at() const { return const_cast<char*>(value.data()); }
};

// rd_kafka_produce takes no headers. Replays, copies of dead letters and traced events have some.
rd_kafka_resp_err_t send_plain(rd_kafka_topic_t* topic, const Bytes& bytes, void* ticket) {
  const int failed = rd_kafka_produce(topic, RD_KAFKA_PARTITION_UA, 0, bytes.value_at(), bytes.value.size(),
                                      bytes.key_at(), bytes.key.size(), ticket);
  return failed ? rd_kafka_last_error() : RD_KAFKA_RESP_ERR_NO_ERROR;
}

rd_kafka_resp_err_t send_with_headers(rd_kafka_t* client, rd_kafka_topic_t* topic, const Bytes& bytes,
                                      const std::vector<intake::Header>& headers, void* ticket) {
  HeadersHandle named(rd_kafka_headers_new(headers.size()));
  for (const auto& [name, text] : headers)
    rd_kafka_header_add(named.get(), name.data(), static_cast<ssize_t>(name.size()), text.data(),
                        static_cast<ssize_t>(text.size()));
  std::array<rd_kafka_vu_t, 5> parts{};
  parts[0].vtype = RD_KAFKA_VTYPE_RKT;
  parts[0].u.rkt = topic;
  parts[1].vtype = RD_KAFKA_VTYPE_KEY;
  parts[1].u.mem = {bytes.key_at(), bytes.key.size()};
  parts[2].vtype = RD_KAFKA_VTYPE_VALUE;
  parts[2].u.mem = {bytes.value_at(), bytes.value.size()};
  parts[3].vtype = RD_KAFKA_VTYPE_HEADERS;
  parts[3].u.headers = named.get();
  parts[4].vtype = RD_KAFKA_VTYPE_OPAQUE;
  parts[4].u.ptr = ticket;
  const RdErrorHandle error(rd_kafka_produceva(client, parts.data(), parts.size()));
  if (error) return rd_kafka_error_code(error.get());
  // The message owns the headers now.
  (void)named.release();
  return RD_KAFKA_RESP_ERR_NO_ERROR;
}

void collect_reports(rd_kafka_event_t* event, std::vector<DeliveryReport>& reports) {
  while (const rd_kafka_message_t* const message = rd_kafka_event_message_next(event))
    reports.push_back({.ticket = message->_private,
                       .receipt = receipt_of(*message),
                       .error = message->err,
                       .partition = message->partition,
                       .offset = message->err ? -1 : message->offset});
}

}  // namespace

Result<std::unique_ptr<Producer>> Producer::open(const ProducerOptions& options, telemetry::Logger& logger) {
  auto conf = producer_conf(options);
  if (!conf) return propagate(conf);
  auto client = Client::open(Role::producer, std::move(*conf), logger);
  if (!client) return propagate(client);
  return std::unique_ptr<Producer>(new Producer(options.cluster.topic, std::move(*client)));
}

Producer::Producer(std::string topic, Client client)
    : topic_name_(std::move(topic)),
      client_(std::move(client)),
      queue_(rd_kafka_queue_get_main(client_.get())) {}

rd_kafka_topic_s* Producer::topic() {
  std::call_once(topic_once_,
                 [this] { topic_.reset(rd_kafka_topic_new(client_.get(), topic_name_.c_str(), nullptr)); });
  return topic_.get();
}

Producer::~Producer() {
  ensure(open_records() == 0, "all records are reported before the producer is destroyed");
}

int Producer::send(std::string_view key, std::string_view value, const std::vector<intake::Header>& headers,
                   void* ticket) {
  rd_kafka_topic_t* const to = topic();
  if (to == nullptr) return RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC;
  open_.fetch_add(1, std::memory_order_relaxed);
  const Bytes bytes{.key = key, .value = value};
  const auto error = headers.empty() ? send_plain(to, bytes, ticket)
                                     : send_with_headers(client_.get(), to, bytes, headers, ticket);
  if (error) open_.fetch_sub(1, std::memory_order_relaxed);
  return error;
}

void Producer::poll(milliseconds wait_max, ProducerEvents& events) {
  events.reports.clear();
  events.brokers_lost = false;
  events.fatal = false;
  int wait = static_cast<int>(wait_max.count());
  while (const EventHandle event{rd_kafka_queue_poll(queue_.get(), wait)}) {
    // After the first event, take only what is in the queue already.
    wait = 0;
    if (rd_kafka_event_type(event.get()) == RD_KAFKA_EVENT_DR) collect_reports(event.get(), events.reports);
    if (rd_kafka_event_type(event.get()) == RD_KAFKA_EVENT_ERROR) {
      const auto error = rd_kafka_event_error(event.get());
      events.brokers_lost = events.brokers_lost || error == RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN;
      events.fatal = events.fatal || error == RD_KAFKA_RESP_ERR__FATAL;
    }
    if (events.reports.size() >= reports_at_once) break;
  }
  open_.fetch_sub(static_cast<std::int64_t>(events.reports.size()), std::memory_order_release);
}

void Producer::wake() { rd_kafka_queue_yield(queue_.get()); }

void Producer::flush(milliseconds timeout) {
  rd_kafka_flush(client_.get(), static_cast<int>(timeout.count()));
}

// A client with a fatal error sends nothing more. Without that, librdkafka's thread of one broker could
// renumber its records and send them before the threads of the other brokers have purged theirs.
// rd_kafka_test_fatal_error exists to test how an application handles a fatal error; it is the only way to
// raise one.
void Producer::purge() {
  rd_kafka_test_fatal_error(client_.get(), RD_KAFKA_RESP_ERR__FATAL, "purged");
  rd_kafka_purge(client_.get(), RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT);
}

}  // namespace weir::kafka
