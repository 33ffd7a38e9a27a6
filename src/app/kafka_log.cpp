#include <utility>

#include "app/log_adapter.hpp"
#include "base/ensure.hpp"
#include "kafka/dead_letter_topic.hpp"
#include "kafka/event_log.hpp"
#include "kafka/log_reader.hpp"
#include "kafka/metrics.hpp"
#include "kafka/topic_watch.hpp"
#include "kafka_producer/producer_log.hpp"

namespace weir::app {
namespace {

class KafkaLogAdapter final : public LogAdapter {
 public:
  KafkaLogAdapter(const config::Settings& settings, telemetry::Logger& logger)
      : settings_(settings),
        cluster_{.brokers = settings.kafka.brokers,
                 .topic = settings.kafka_topic,
                 .properties = settings.kafka.properties},
        logger_(logger) {}

  Result<void> open(KafkaEnds ends) {
    const bool reads = ends != KafkaEnds::writer;
    if (ends == KafkaEnds::reader) {
      auto watch = kafka::TopicWatch::open(
          {.cluster = cluster_, .partitions = settings_.kafka.partitions, .make_letters_too = true}, logger_);
      if (!watch) return propagate(watch);
      watch_ = std::move(*watch);
      return {};
    }
    const kafka::EventLogOptions options{.cluster = cluster_,
                                         .partitions = settings_.kafka.partitions,
                                         .make_letters_too = reads,
                                         .compression = settings_.kafka.compression,
                                         .linger = settings_.kafka.linger,
                                         .event_bytes_max = settings_.max_event_bytes};
    const std::string why_librdkafka = kafka_producer::reason_against(options);
    if (!why_librdkafka.empty()) {
      logger_.info("librdkafka writes the events instead of Weir's own producer",
                   {{"reason", why_librdkafka}});
      auto events = kafka::KafkaEventLog::open(options, logger_);
      if (!events) return propagate(events);
      events_ = std::move(*events);
      return {};
    }
    auto events = kafka_producer::ProducerLog::open(options, logger_);
    if (!events) return propagate(events);
    own_events_ = std::move(*events);
    return {};
  }

  intake::EventLog& writer() override {
    if (own_events_) return *own_events_;
    ensure(events_ != nullptr, "a process that takes events has the log's writing end");
    return *events_;
  }

  http::IoTask* make_io_task() override { return own_events_ ? own_events_->make_loop() : nullptr; }

  Result<consumer::LogReader*> reader() override {
    if (reader_) return reader_.get();
    auto reader = kafka::KafkaLogReader::open(cluster_, settings_.kafka_group_id, logger_);
    if (!reader) return propagate(reader);
    reader_ = std::move(*reader);
    copies_ = std::make_unique<kafka::KafkaDeadLetterTopic>(
        kafka::DeadLetterTopicOptions{.cluster = cluster_,
                                      .partitions = settings_.kafka.partitions,
                                      .compression = settings_.kafka.compression},
        logger_, [this] { reader_->wake(); });
    return reader_.get();
  }

  consumer::DeadLetterTopic* copies() override { return copies_.get(); }

  intake::LogHealth health() const override {
    if (own_events_) return own_events_->health();
    return events_ ? events_->health() : watch_->health();
  }

  void collect(telemetry::Exposition& into) const override {
    if (own_events_) kafka::collect(own_events_->counts(), into);
    if (events_) kafka::collect(events_->counts(), into);
  }
  std::unique_ptr<LogRetention> start_upkeep(LogRetention::Counted, LogRetention::Settle) override {
    return nullptr;
  }
  void stop_writing(std::chrono::milliseconds patience) override {
    if (own_events_) own_events_->stop();
    if (events_) events_->stop(patience);
  }
  bool is_ours_alone() const override { return false; }

 private:
  const config::Settings settings_;
  const kafka::Cluster cluster_;
  telemetry::Logger& logger_;
  // One of these three, each with a watch of its own: our producer, librdkafka's, or none.
  std::unique_ptr<kafka_producer::ProducerLog> own_events_;
  std::unique_ptr<kafka::KafkaEventLog> events_;
  std::unique_ptr<kafka::TopicWatch> watch_;
  std::unique_ptr<kafka::KafkaLogReader> reader_;
  std::unique_ptr<kafka::KafkaDeadLetterTopic> copies_;  // wakes the reader
};

}  // namespace

Result<std::unique_ptr<LogAdapter>> open_kafka_log(const config::Settings& settings, KafkaEnds ends,
                                                   telemetry::Logger& logger) {
  auto adapter = std::make_unique<KafkaLogAdapter>(settings, logger);
  if (auto opened = adapter->open(ends); !opened) return propagate(opened);
  return adapter;
}

}  // namespace weir::app
