// Connects the loops to what they share: the admission and the counters of EventLogState, and the TopicWatch.
// A request is admitted first, then appended to a loop; on_answer() returns its cost to EventLogState.
#include "kafka_producer/producer_log.hpp"

#include <ranges>

#include "base/ensure.hpp"

namespace weir::kafka_producer {
namespace {

// Splits the value of KAFKA_BROKERS at its commas, and removes spaces and the prefix "<protocol>://".
std::vector<std::string> split_brokers(const std::string& brokers, const std::string& protocol) {
  std::vector<std::string> all;
  for (const auto part : std::views::split(brokers, ',')) {
    std::string address(part.begin(), part.end());
    std::erase(address, ' ');
    if (address.starts_with(protocol + "://")) address.erase(0, protocol.size() + 3);
    if (!address.empty()) all.push_back(std::move(address));
  }
  return all;
}

ProducerSettings settings_of(const kafka::EventLogOptions& options, const Security& security) {
  return {.topic = options.cluster.topic,
          .bootstrap = split_brokers(options.cluster.brokers, security.protocol),
          .compression = *kafka_protocol::parse_compression(options.compression),
          .linger = options.linger,
          .request_timeout = options.request_timeout,
          .answer_timeout = options.append_timeout,
          .login = security.login};
}

}  // namespace

std::string reason_against(const kafka::EventLogOptions& options) {
  const auto security = read_security(options.cluster.properties);
  if (!security) return security.error();
  if (!kafka_protocol::parse_compression(options.compression))
    return "KAFKA_COMPRESSION is " + options.compression;
  for (const auto& address : split_brokers(options.cluster.brokers, security->protocol))
    if (address.contains("://")) return "KAFKA_BROKERS names a protocol other than " + security->protocol;
  return {};
}

Result<std::unique_ptr<ProducerLog>> ProducerLog::open(kafka::EventLogOptions options,
                                                       telemetry::Logger& logger) {
  auto security = read_security(options.cluster.properties);
  ensure(security.has_value(), "a log is opened only with properties that it supports");
  // First: librdkafka's errors about the properties are those that the other clients of this process have.
  auto watch =
      kafka::TopicWatch::open({options.cluster, options.partitions, options.create_dlq_topic}, logger);
  if (!watch) return propagate(watch);
  std::unique_ptr<tls::ClientContext> tls;
  if (security->tls) {
    auto opened = tls::ClientContext::open(*security->tls);
    if (!opened) return propagate(opened);
    tls = std::move(*opened);
  }
  return std::unique_ptr<ProducerLog>(
      new ProducerLog(std::move(options), std::move(*security), std::move(tls), logger, std::move(*watch)));
}

ProducerLog::ProducerLog(kafka::EventLogOptions options, Security security,
                         std::unique_ptr<tls::ClientContext> tls, telemetry::Logger& logger,
                         std::unique_ptr<kafka::TopicWatch> watch)
    : options_(std::move(options)),
      security_(std::move(security)),
      tls_(std::move(tls)),
      watch_(std::move(watch)),
      state_(options_.cluster.topic, options_.waiting_bytes_max, *watch_, logger) {}

ProducerLog::~ProducerLog() = default;

http::IoTask* ProducerLog::make_loop() {
  ProducerLoop::Events events;
  events.written = [this](std::span<const WrittenTo> written) {
    std::vector<kafka::PartitionEnd> ends;
    ends.reserve(written.size());
    for (const auto& each : written) ends.push_back({each.partition, each.end});
    watch_->on_ends_written(ends);
  };
  events.answered = [this](Answer answer) { on_answer(std::move(answer)); };
  events.brokers_lost = [this] { watch_->on_brokers_lost(); };
  events.failed = [this](const ConnectionFailure& failure) { on_failure(failure); };
  return &loops_.emplace_back(settings_of(options_, security_), tls_.get(), std::move(events));
}

void ProducerLog::append(intake::EventBatch events, intake::ReceiptCallback receive) {
  if (events.records.empty()) return receive({.all = intake::Receipt::kept, .each = {}, .why = {}});
  const std::size_t records = events.records.size();
  const std::int64_t cost = kafka::EventLogState::cost_of(events);
  if (auto why = state_.admit(records, cost))
    return refuse(std::move(*why), records, cost, std::move(receive));
  if (ProducerLoop* const loop = ProducerLoop::of_this_thread())
    return loop->append(std::move(events), std::move(receive), static_cast<std::size_t>(cost));
  for (auto& loop : loops_)
    if (loop.post(events, receive, static_cast<std::size_t>(cost))) return;
  refuse({ErrorKind::unavailable, "log_stopping", "the log is shutting down"}, records, cost,
         std::move(receive));
}

void ProducerLog::refuse(Error why, std::size_t records, std::int64_t cost, intake::ReceiptCallback receive) {
  intake::Receipts receipts{.all = intake::Receipt::not_kept, .each = {}, .why = std::move(why)};
  state_.on_receipts(receipts, records, cost, std::nullopt);
  receive(std::move(receipts));
}

// The watch has clients of its own with the same settings, and logs why they cannot connect.
void ProducerLog::on_failure(const ConnectionFailure& failure) {
  const Error error = kafka::error_of_code(failure.error, "connecting to " + failure.broker);
  state_.on_connection_failure(error.code, error.text + ": " + failure.why);
}

void ProducerLog::on_answer(Answer answer) {
  if (answer.error != 0)
    answer.receipts.why =
        kafka::error_of_code(answer.error, "writing to the topic " + options_.cluster.topic);
  state_.on_receipts(answer.receipts, answer.records, static_cast<std::int64_t>(answer.cost),
                     read_clock().mono - answer.appended_at);
  answer.receive(std::move(answer.receipts));
}

}  // namespace weir::kafka_producer
