#include <utility>

#include "app/log_adapter.hpp"
#include "base/ensure.hpp"
#include "kafka/dead_letter_topic.hpp"
#include "kafka/event_log.hpp"
#include "kafka/log_reader.hpp"
#include "kafka/metrics.hpp"
#include "kafka/topic_watch.hpp"
#include "kafka_producer/producer_log.hpp"

// A process that writes has a ProducerLog or a KafkaEventLog, which watch the topic themselves. A process
// that only reads has a TopicWatch instead, for its health. The first call of reader() creates the reader and
// the producer of dead letter copies. It does not happen earlier, because a member of the group must be
// polled.
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
    const bool reads = ends != KafkaEnds::writer;  // then <topic>.dlq must exist, too
    if (ends == KafkaEnds::reader) {
      auto watch = kafka::TopicWatch::open(
          {.cluster = cluster_, .partitions = settings_.kafka.partitions, .create_dlq_topic = true}, logger_);
      if (!watch) return propagate(watch);
      watch_ = std::move(*watch);
      return {};
    }
    const kafka::EventLogOptions options{.cluster = cluster_,
                                         .partitions = settings_.kafka.partitions,
                                         .create_dlq_topic = reads,
                                         .compression = settings_.kafka.compression,
                                         .linger = settings_.kafka.linger,
                                         .event_bytes_max = settings_.max_event_bytes};
    const std::string why_librdkafka = kafka_producer::reason_against(options);
    if (why_librdkafka.empty()) {
      auto log = kafka_producer::ProducerLog::open(options, logger_);
      if (!log) return propagate(log);
      own_log_ = std::move(*log);
      return {};
    }
    logger_.info("librdkafka writes the events instead of Weir's own producer", {{"reason", why_librdkafka}});
    auto log = kafka::KafkaEventLog::open(options, logger_);
    if (!log) return propagate(log);
    log_ = std::move(*log);
    return {};
  }

  intake::EventLog& writer() override {
    if (own_log_) return *own_log_;
    ensure(log_ != nullptr, "a process that accepts events has opened the log's writer");
    return *log_;
  }

  http::IoTask* make_io_task() override { return own_log_ ? own_log_->make_loop() : nullptr; }

  // Called on the start thread of the ConsumerService only.
  Result<consumer::LogReader*> reader() override {
    if (reader_) return reader_.get();
    auto reader = kafka::KafkaLogReader::open(cluster_, settings_.kafka_group_id, logger_);
    if (!reader) return propagate(reader);
    reader_ = std::move(*reader);
    // A finished copy wakes the reader's poll(), because the consumer thread waits there.
    dead_letter_topic_ = std::make_unique<kafka::KafkaDeadLetterTopic>(
        kafka::DeadLetterTopicOptions{.cluster = cluster_,
                                      .partitions = settings_.kafka.partitions,
                                      .compression = settings_.kafka.compression},
        logger_, [this] { reader_->wake(); });
    return reader_.get();
  }

  consumer::DeadLetterTopic* dead_letter_topic() override { return dead_letter_topic_.get(); }

  intake::LogHealth health() const override {
    if (own_log_) return own_log_->health();
    return log_ ? log_->health() : watch_->health();
  }

  void collect(telemetry::Exposition& into) const override {
    if (own_log_) kafka::collect(own_log_->counts(), into);
    if (log_) kafka::collect(log_->counts(), into);
  }
  std::unique_ptr<LogRetention> start_retention(LogRetention::CountedOffset,
                                                LogRetention::MakeDurable) override {
    return nullptr;  // the brokers delete old segments
  }
  void stop_writing(std::chrono::milliseconds timeout) override {
    if (own_log_) own_log_->stop();
    if (log_) log_->stop(timeout);
  }
  bool is_exclusive() const override { return false; }

 private:
  const config::Settings settings_;
  const kafka::Cluster cluster_;
  telemetry::Logger& logger_;
  // One of these three. Each watches the topic.
  std::unique_ptr<kafka_producer::ProducerLog> own_log_;  // if the process writes, with our own producer
  std::unique_ptr<kafka::KafkaEventLog> log_;             // if it writes with librdkafka
  std::unique_ptr<kafka::TopicWatch> watch_;              // if it only reads
  std::unique_ptr<kafka::KafkaLogReader> reader_;
  std::unique_ptr<kafka::KafkaDeadLetterTopic>
      dead_letter_topic_;  // destroyed before the reader that it wakes
};

}  // namespace

Result<std::unique_ptr<LogAdapter>> open_kafka_log(const config::Settings& settings, KafkaEnds ends,
                                                   telemetry::Logger& logger) {
  auto adapter = std::make_unique<KafkaLogAdapter>(settings, logger);
  if (auto opened = adapter->open(ends); !opened) return propagate(opened);
  return adapter;
}

}  // namespace weir::app
