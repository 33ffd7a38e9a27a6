#include <utility>

#include "app/log_adapter.hpp"
#include "base/ensure.hpp"
#include "kafka/dead_letter_topic.hpp"
#include "kafka/event_log.hpp"
#include "kafka/log_reader.hpp"
#include "kafka/metrics.hpp"
#include "kafka/topic_watch.hpp"

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
          {.cluster = cluster_, .partitions = settings_.kafka.partitions, .create_dlq_topic = true}, logger_);
      if (!watch) return propagate(watch);
      watch_ = std::move(*watch);
      return {};
    }
    auto events = kafka::KafkaEventLog::open({.cluster = cluster_,
                                              .partitions = settings_.kafka.partitions,
                                              .create_dlq_topic = reads,
                                              .compression = settings_.kafka.compression,
                                              .linger = settings_.kafka.linger,
                                              .event_bytes_max = settings_.max_event_bytes},
                                             logger_);
    if (!events) return propagate(events);
    events_ = std::move(*events);
    return {};
  }

  intake::EventLog& writer() override {
    ensure(events_ != nullptr, "a process that takes events has the log's writing end");
    return *events_;
  }

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

  intake::LogHealth health() const override { return events_ ? events_->health() : watch_->health(); }

  void collect(telemetry::Exposition& into) const override {
    if (events_) kafka::collect(events_->counts(), into);
  }
  std::unique_ptr<LogRetention> start_upkeep(LogRetention::Counted, LogRetention::Settle) override {
    return nullptr;
  }
  void stop_writing(std::chrono::milliseconds patience) override { events_->stop(patience); }
  bool is_ours_alone() const override { return false; }

 private:
  const config::Settings settings_;
  const kafka::Cluster cluster_;
  telemetry::Logger& logger_;
  std::unique_ptr<kafka::KafkaEventLog> events_;  // with a watch of its own; else
  std::unique_ptr<kafka::TopicWatch> watch_;      // this one
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
