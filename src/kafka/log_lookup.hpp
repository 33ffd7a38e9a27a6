// Queries about the log that do not disturb the reading of records.
//
// It has a client of its own, because a broker processes the requests of one connection in order. A fetch
// that waits for more records would delay every query.
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

// One thread makes all calls. A call takes a few milliseconds, or up to a few times call_timeout while the
// brokers do not respond. Fails as error_of(). consumer::LogReader documents the results.
class LogLookup {
 public:
  static constexpr std::chrono::milliseconds call_timeout{3000};
  static constexpr std::chrono::seconds partitions_age_max{10};

  static Result<std::unique_ptr<LogLookup>> open(const Cluster& cluster, telemetry::Logger& logger);
  LogLookup(const LogLookup&) = delete;
  LogLookup& operator=(const LogLookup&) = delete;
  ~LogLookup();

  // Succeeds if the topic is reachable.
  Result<void> probe(std::chrono::milliseconds timeout);
  // The result may be up to partitions_age_max old.
  Result<std::int32_t> partition_count();
  // `end` is the last stable offset, so records of an open transaction are not included.
  Result<consumer::Watermarks> bounds(std::int32_t partition);
  Result<std::optional<consumer::LogReader::RecordIdentity>> record_identity(std::int32_t partition,
                                                                             std::int64_t offset);

 private:
  LogLookup(Client client, const std::string& topic);
  // `time_ms` is a timestamp, or one of the special values of ListOffsets. Refreshes the metadata once if the
  // partition is unknown.
  Result<std::int64_t> offset_of(std::int32_t partition, std::int64_t time_ms);
  // One ListOffsets request.
  Result<std::int64_t> list_offset(std::int32_t partition, std::int64_t time_ms);
  // Waits for the first message of a fetch that has started.
  Result<std::optional<consumer::LogReader::RecordIdentity>> next_record(std::int32_t partition,
                                                                         std::int64_t offset);
  Result<std::optional<consumer::LogReader::RecordIdentity>> identity_of(const rd_kafka_message_s& message,
                                                                         std::int64_t offset) const;

  Client client_;
  const std::string name_;
  TopicHandle topic_;
  QueueHandle queue_;  // of the one partition that a record identity is read from

  // 0: not known yet.
  std::int32_t partitions_ = 0;
  MonoTime partitions_at_;
};

}  // namespace weir::kafka
