// Connects the loops to what they share: the admission and the counters of EventLogState, and the TopicWatch.
// A request is admitted first, then appended to a loop; on_answer() returns its cost to EventLogState.
#include "kafka_producer/producer_log.hpp"

#include <ranges>

namespace weir::kafka_producer {
namespace {

// Splits the value of KAFKA_BROKERS at its commas, and removes spaces and the prefix PLAINTEXT://.
std::vector<std::string> split_brokers(const std::string& brokers) {
  std::vector<std::string> all;
  for (const auto part : std::views::split(brokers, ',')) {
    std::string address(part.begin(), part.end());
    std::erase(address, ' ');
    if (address.starts_with("PLAINTEXT://")) address.erase(0, 12);
    if (!address.empty()) all.push_back(std::move(address));
  }
  return all;
}

ProducerSettings settings_of(const kafka::EventLogOptions& options) {
  return {.topic = options.cluster.topic,
          .bootstrap = split_brokers(options.cluster.brokers),
          .compression = *kafka_protocol::parse_compression(options.compression),
          .linger = options.linger,
          .request_timeout = options.request_timeout,
          .answer_timeout = options.append_timeout};
}

}  // namespace

std::string reason_against(const kafka::EventLogOptions& options) {
  if (!options.cluster.properties.empty())
    return "KAFKA_PROPERTY_ sets " + options.cluster.properties.front().first;
  if (!kafka_protocol::parse_compression(options.compression))
    return "KAFKA_COMPRESSION is " + options.compression;
  if (options.cluster.brokers.find("://") != std::string::npos &&
      options.cluster.brokers.find("PLAINTEXT://") == std::string::npos)
    return "KAFKA_BROKERS names a protocol other than PLAINTEXT";
  return {};
}

Result<std::unique_ptr<ProducerLog>> ProducerLog::open(kafka::EventLogOptions options,
                                                       telemetry::Logger& logger) {
  auto watch =
      kafka::TopicWatch::open({options.cluster, options.partitions, options.create_dlq_topic}, logger);
  if (!watch) return propagate(watch);
  return std::unique_ptr<ProducerLog>(new ProducerLog(std::move(options), logger, std::move(*watch)));
}

ProducerLog::ProducerLog(kafka::EventLogOptions options, telemetry::Logger& logger,
                         std::unique_ptr<kafka::TopicWatch> watch)
    : options_(std::move(options)),
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
  return &loops_.emplace_back(settings_of(options_), std::move(events));
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

void ProducerLog::on_answer(Answer answer) {
  if (answer.error != 0)
    answer.receipts.why =
        kafka::error_of_code(answer.error, "writing to the topic " + options_.cluster.topic);
  state_.on_receipts(answer.receipts, answer.records, static_cast<std::int64_t>(answer.cost),
                     read_clock().mono - answer.appended_at);
  answer.receive(std::move(answer.receipts));
}

}  // namespace weir::kafka_producer
