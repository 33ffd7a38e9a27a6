#include <utility>

#include "app/log_adapter.hpp"
#include "base/ensure.hpp"
#include "kafka/describe.hpp"
#include "kafka/event_log.hpp"
#include "kafka/letter_copies.hpp"
#include "kafka/log_reader.hpp"
#include "kafka/topic_watch.hpp"

namespace weir::app {
namespace {

class KafkaLogAdapter final : public LogAdapter {
 public:
  KafkaLogAdapter(const config::Settings& settings, observe::Log& log)
      : settings_(settings),
        cluster_{.brokers = settings.kafka.brokers,
                 .topic = settings.kafka_topic,
                 .properties = settings.kafka.properties},
        log_(log) {}

  Result<void> open(KafkaEnds ends) {
    const bool reads = ends != KafkaEnds::writer;
    if (ends == KafkaEnds::reader) {
      auto watch = kafka::TopicWatch::open(
          {.cluster = cluster_, .partitions = settings_.kafka.partitions, .make_letters_too = true}, log_);
      if (!watch) return pass_on(watch);
      watch_ = std::move(*watch);
      return {};
    }
    auto events = kafka::KafkaEventLog::open({.cluster = cluster_,
                                              .partitions = settings_.kafka.partitions,
                                              .make_letters_too = reads,
                                              .compression = settings_.kafka.compression,
                                              .linger = settings_.kafka.linger,
                                              .event_bytes_max = settings_.max_event_bytes},
                                             log_);
    if (!events) return pass_on(events);
    events_ = std::move(*events);
    return {};
  }

  intake::EventLog& writer() override {
    ensure(events_ != nullptr, "a process that takes events has the log's writing end");
    return *events_;
  }

  Result<rollup::LogReader*> reader() override {
    if (reader_) return reader_.get();
    auto reader = kafka::KafkaLogReader::open(cluster_, settings_.kafka_group_id, log_);
    if (!reader) return pass_on(reader);
    reader_ = std::move(*reader);
    copies_ = std::make_unique<kafka::KafkaLetterCopies>(
        kafka::LetterCopiesOptions{.cluster = cluster_,
                                   .partitions = settings_.kafka.partitions,
                                   .compression = settings_.kafka.compression},
        log_, [this] { reader_->wake(); });
    return reader_.get();
  }

  rollup::LetterCopies* copies() override { return copies_.get(); }

  intake::LogHealth health() const override { return events_ ? events_->health() : watch_->health(); }

  void describe(observe::Exposition& into) const override {
    if (events_) kafka::describe(events_->counts(), into);
  }
  std::unique_ptr<Upkeep> start_upkeep(Upkeep::Counted, Upkeep::Settle) override { return nullptr; }
  void stop_writing(std::chrono::milliseconds patience) override { events_->stop(patience); }
  bool is_ours_alone() const override { return false; }

 private:
  const config::Settings settings_;
  const kafka::Cluster cluster_;
  observe::Log& log_;
  std::unique_ptr<kafka::KafkaEventLog> events_;  // with a watch of its own; else
  std::unique_ptr<kafka::TopicWatch> watch_;      // this one
  std::unique_ptr<kafka::KafkaLogReader> reader_;
  std::unique_ptr<kafka::KafkaLetterCopies> copies_;  // wakes the reader
};

}  // namespace

Result<std::unique_ptr<LogAdapter>> open_kafka_log(const config::Settings& settings, KafkaEnds ends,
                                                   observe::Log& log) {
  auto adapter = std::make_unique<KafkaLogAdapter>(settings, log);
  if (auto opened = adapter->open(ends); !opened) return pass_on(opened);
  return adapter;
}

}  // namespace weir::app
