// The log as this process uses it: its writing end, its reading end, or both. Which log it is, embedded or
// Kafka, is decided here and known nowhere else.
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

// A part of the log cannot go on, and the process must leave with 1.
using LogFatal = std::function<void(const Error&)>;

class LogAdapter {
 public:
  LogAdapter() = default;
  LogAdapter(const LogAdapter&) = delete;
  LogAdapter& operator=(const LogAdapter&) = delete;
  virtual ~LogAdapter() = default;

  virtual intake::EventLog& writer() = 0;
  // What the writing end runs on each io thread of the HTTP server; null where it has threads of its own. Called once
  // for each io thread. The adapter must outlive the server.
  [[nodiscard]] virtual http::IoTask* make_io_task() { return nullptr; }
  // Opens the reading end at the first call; from then on this process is a member of the group, and its
  // poll() must be called. ErrorKind::unavailable: try again.
  virtual Result<consumer::LogReader*> reader() = 0;
  // Where copies of dead letters go; null where the table is all there is. After reader().
  virtual consumer::DeadLetterTopic* copies() = 0;

  // From any thread, at once.
  [[nodiscard]] virtual intake::LogHealth health() const = 0;
  virtual void collect(telemetry::Exposition& into) const = 0;

  // Starts the retention of a log that this process keeps itself; null where the brokers keep it. The adapter
  // outlives the result, and so does everything that `counted` and `settle` use.
  [[nodiscard]] virtual std::unique_ptr<LogRetention> start_upkeep(LogRetention::Counted counted,
                                                                   LogRetention::Settle settle) = 0;
  // Takes nothing more; what was handed in gets its receipts, within `patience`.
  virtual void stop_writing(std::chrono::milliseconds patience) = 0;
  // After stop_writing(): whether what the log holds is all ours to count before we leave, because nobody
  // else reads or writes it.
  [[nodiscard]] virtual bool is_ours_alone() const = 0;
};

// The file in DATA_DIR, which the caller has locked; both ends. The error says what a person must do.
[[nodiscard]] Result<std::unique_ptr<LogAdapter>> open_embedded_log(const config::Settings& settings,
                                                                    telemetry::Logger& logger,
                                                                    LogFatal fatal);

enum class KafkaEnds : std::uint8_t { writer, reader, both };
// Kafka need not be there yet.
[[nodiscard]] Result<std::unique_ptr<LogAdapter>> open_kafka_log(const config::Settings& settings,
                                                                 KafkaEnds ends, telemetry::Logger& logger);

}  // namespace weir::app
