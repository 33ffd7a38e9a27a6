// The event log as one process uses it: its writer, its reader, or both. embedded_log.cpp and kafka_log.cpp
// implement it. No other code knows which of the two logs is in use.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>

#include "app/log_retention.hpp"
#include "base/result.hpp"
#include "config/settings.hpp"
#include "consumer/dead_letter_topic.hpp"
#include "consumer/log_reader.hpp"
#include "http/io_task.hpp"
#include "intake/event_log.hpp"
#include "telemetry/exposition.hpp"
#include "telemetry/logger.hpp"

namespace weir::app {

// The log cannot continue (a failed fsync). The process must exit with 1. Called on a thread of the log.
using OnLogFatal = std::function<void(const Error&)>;

class LogAdapter {
 public:
  LogAdapter() = default;
  LogAdapter(const LogAdapter&) = delete;
  LogAdapter& operator=(const LogAdapter&) = delete;
  virtual ~LogAdapter() = default;

  // The writer. Only in processes that accept events. Lives as long as the adapter.
  virtual intake::EventLog& writer() = 0;
  // What the writer runs on one io thread of the HTTP server; null if it has threads of its own. Called once
  // for each io thread. The adapter must outlive the server.
  [[nodiscard]] virtual http::IoTask* make_io_task() { return nullptr; }
  // The reader, which lives as long as the adapter. The first call opens it. From then on this process is a
  // member of the consumer group, and the caller must call poll(). ErrorKind::unavailable: try again later.
  virtual Result<consumer::LogReader*> reader() = 0;
  // The topic for copies of dead letters; null for the embedded log, which has none. Call it after reader().
  virtual consumer::DeadLetterTopic* dead_letter_topic() = 0;

  // These two are thread-safe and do not block.
  [[nodiscard]] virtual intake::LogHealth health() const = 0;
  // Adds the metrics that only this log has: weir_kafka_….
  virtual void collect(telemetry::Exposition& into) const = 0;

  // Starts retention, if this process stores the log itself; returns null for Kafka, where the brokers do it.
  // The adapter, and everything that the two functions use, must outlive the result.
  [[nodiscard]] virtual std::unique_ptr<LogRetention> start_retention(
      LogRetention::CountedOffset counted, LogRetention::MakeDurable make_durable) = 0;
  // Refuses further appends. Waits at most `timeout` until those that were accepted have their receipts.
  virtual void stop_writing(std::chrono::milliseconds timeout) = 0;
  // Whether no other process reads or writes this log. After stop_writing(), such a log can be read to its
  // end before the process exits.
  [[nodiscard]] virtual bool is_exclusive() const = 0;
};

// Opens the embedded log in DATA_DIR, which the caller has locked; both its writer and its reader. The error
// text says what the operator must do.
[[nodiscard]] Result<std::unique_ptr<LogAdapter>> open_embedded_log(const config::Settings& settings,
                                                                    telemetry::Logger& logger,
                                                                    OnLogFatal on_fatal);

// Which clients of Kafka the process needs.
enum class KafkaEnds : std::uint8_t { writer, reader, both };

// Creates the Kafka clients. Succeeds while no broker is reachable. Fails if librdkafka refuses the settings.
[[nodiscard]] Result<std::unique_ptr<LogAdapter>> open_kafka_log(const config::Settings& settings,
                                                                 KafkaEnds ends, telemetry::Logger& logger);

}  // namespace weir::app
