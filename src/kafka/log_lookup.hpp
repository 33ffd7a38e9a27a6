// Questions to the log that are answered beside the reading of it.
//
// A client of its own: brokers answer the requests of one connection one after the other, and a fetch that
// waits for more records would hold every question up for as long as it waits.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "base/clock.hpp"
#include "base/result.hpp"
#include "consumer/log_reader.hpp"
#include "kafka/client.hpp"
#include "telemetry/logger.hpp"

struct rd_kafka_message_s;

namespace weir::kafka {

// One thread. Every call may wait: a few milliseconds while the brokers answer, at most a few times
// `patience` while they do not. Errors are error_of()'s. For what the answers mean see consumer::LogReader.
class LogLookup {
 public:
  static constexpr std::chrono::milliseconds patience{3000};
  static constexpr std::chrono::seconds partitions_age_max{10};

  static Result<std::unique_ptr<LogLookup>> open(const Cluster& cluster, telemetry::Logger& logger);
  LogLookup(const LogLookup&) = delete;
  LogLookup& operator=(const LogLookup&) = delete;
  ~LogLookup();

  // Whether the topic can be reached.
  Result<void> probe(std::chrono::milliseconds at_most);
  // As they were at most partitions_age_max ago.
  Result<std::int32_t> partition_count();
  // The end is the last stable offset: records of an open transaction do not count yet.
  Result<consumer::Watermarks> bounds(std::int32_t partition);
  Result<std::optional<consumer::LogReader::RecordIdentity>> record_identity(std::int32_t partition,
                                                                             std::int64_t offset);

 private:
  LogLookup(Client client, const std::string& topic);
  Result<std::int64_t> offset_of(std::int32_t partition, std::int64_t time_ms);
  Result<std::int64_t> ask_offset(std::int32_t partition, std::int64_t time_ms);
  Result<std::optional<consumer::LogReader::RecordIdentity>> next_record(std::int32_t partition,
                                                                         std::int64_t offset);
  Result<std::optional<consumer::LogReader::RecordIdentity>> read_as(const rd_kafka_message_s& message,
                                                                     std::int64_t offset) const;

  Client client_;
  const std::string name_;
  TopicHandle topic_;
  QueueHandle queue_;  // of the one partition that a record identity is read from

  std::int32_t partitions_ = 0;  // 0: not known
  MonoTime partitions_at_;
};

}  // namespace weir::kafka
