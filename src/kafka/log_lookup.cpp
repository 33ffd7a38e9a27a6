#include "kafka/log_lookup.hpp"

#include <array>
#include <utility>

#include "kafka/errors.hpp"
#include "kafka/message.hpp"
#include "kafka/rdkafka_handles.hpp"
#include "kafka/reading_settings.hpp"
#include "kafka/topic.hpp"

namespace weir::kafka {
namespace {

using consumer::LogReader;
using consumer::Watermarks;

// Special timestamps of the ListOffsets request.
constexpr std::int64_t list_latest = -1;
constexpr std::int64_t list_earliest = -2;

// A query wants one record at once. The operator's properties of groups and of fetching are for the record
// fetcher, so open() removes them.
const std::array<Property, 4> defaults{{{"fetch.min.bytes", "1"},
                                        {"fetch.wait.max.ms", "10"},
                                        {"max.partition.fetch.bytes", "65536"},
                                        {"socket.nagle.disable", "true"}}};

}  // namespace

Result<std::unique_ptr<LogLookup>> LogLookup::open(const Cluster& cluster, telemetry::Logger& logger) {
  auto conf =
      make_conf(without(without(cluster, "group."), "fetch."), defaults, required_consumer_properties);
  if (!conf) return propagate(conf);
  auto client = Client::open(Role::consumer, std::move(*conf), logger);
  if (!client) return propagate(client);
  return std::unique_ptr<LogLookup>(new LogLookup(std::move(*client), cluster.topic));
}

LogLookup::LogLookup(Client client, const std::string& topic)
    : client_(std::move(client)),
      name_(topic),
      topic_(rd_kafka_topic_new(client_.get(), topic.c_str(), nullptr)),
      queue_(rd_kafka_queue_new(client_.get())) {}

LogLookup::~LogLookup() = default;

Result<void> LogLookup::probe(std::chrono::milliseconds timeout) {
  auto metadata = describe_topic(client_.get(), name_, timeout);
  if (!metadata) return propagate(metadata);
  partitions_ = metadata->partitions;
  partitions_at_ = read_clock().mono;
  return {};
}

Result<std::int32_t> LogLookup::partition_count() {
  if (partitions_ == 0 || read_clock().mono - partitions_at_ > partitions_age_max) {
    if (auto reached = probe(call_timeout); !reached) return propagate(reached);
  }
  return partitions_;
}

// rd_kafka_query_watermark_offsets returns both in one call, but waits for ever for brokers that are not
// reachable.
Result<Watermarks> LogLookup::bounds(std::int32_t partition) {
  const auto start = offset_of(partition, list_earliest);
  if (!start) return std::unexpected<Error>(start.error());
  const auto end = offset_of(partition, list_latest);
  if (!end) return std::unexpected<Error>(end.error());
  return Watermarks{.start = *start, .end = *end};
}

Result<std::int64_t> LogLookup::offset_of(std::int32_t partition, std::int64_t time_ms) {
  auto found = list_offset(partition, time_ms);
  if (found || found.error().code != "topic_unknown") return found;
  // The partition may be newer than this client's metadata.
  if (auto reached = probe(call_timeout); !reached) return propagate(reached);
  return list_offset(partition, time_ms);
}

Result<std::int64_t> LogLookup::list_offset(std::int32_t partition, std::int64_t time_ms) {
  const PartitionsHandle request(rd_kafka_topic_partition_list_new(1));
  auto* const entry = rd_kafka_topic_partition_list_add(request.get(), name_.c_str(), partition);
  entry->offset = time_ms;
  auto error =
      rd_kafka_offsets_for_times(client_.get(), request.get(), static_cast<int>(call_timeout.count()));
  if (error == RD_KAFKA_RESP_ERR_NO_ERROR) error = entry->err;
  if (error == RD_KAFKA_RESP_ERR_NO_ERROR) return entry->offset;
  return std::unexpected<Error>(
      error_of(error, "asking for offsets of partition " + std::to_string(partition)));
}

// Starts to fetch the partition, takes one message and stops again.
Result<std::optional<LogReader::RecordIdentity>> LogLookup::record_identity(std::int32_t partition,
                                                                            std::int64_t offset) {
  if (offset < 0) return std::nullopt;
  if (rd_kafka_consume_start_queue(topic_.get(), partition, offset, queue_.get()) != 0)
    return std::unexpected<Error>(error_of(rd_kafka_last_error(), "reading one record"));
  auto found = next_record(partition, offset);
  rd_kafka_consume_stop(topic_.get(), partition);
  return found;
}

Result<std::optional<LogReader::RecordIdentity>> LogLookup::next_record(std::int32_t partition,
                                                                        std::int64_t offset) {
  const MonoTime until = read_clock().mono + call_timeout;
  for (;;) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(until - read_clock().mono);
    if (left.count() <= 0)
      return std::unexpected<Error>(
          error_of(RD_KAFKA_RESP_ERR__TIMED_OUT, "reading the record at offset " + std::to_string(offset) +
                                                     " of partition " + std::to_string(partition)));
    rd_kafka_message_t* next = nullptr;
    if (rd_kafka_consume_batch_queue(queue_.get(), static_cast<int>(left.count()), &next, 1) != 1) continue;
    const MessageHandle message(next);
    // A partition that is newer than this client's metadata: wait for the next refresh.
    if (message->partition == partition && message->err != RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION)
      return identity_of(*message, offset);
  }
}

// The first message at or after the offset: the record itself, or a later one or the end of the partition if
// that offset has no record.
Result<std::optional<LogReader::RecordIdentity>> LogLookup::identity_of(const rd_kafka_message_t& message,
                                                                        std::int64_t offset) const {
  switch (message.err) {
    case RD_KAFKA_RESP_ERR_NO_ERROR: {
      if (message.offset != offset) return std::nullopt;
      const auto record = view_of(message);
      return LogReader::RecordIdentity{.hash = hash_of(record), .time = record.time};
    }
    case RD_KAFKA_RESP_ERR__PARTITION_EOF:
    case RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET:
    case RD_KAFKA_RESP_ERR_OFFSET_OUT_OF_RANGE:
      return std::nullopt;
    default:
      return std::unexpected<Error>(
          error_of(message.err, "reading a record of partition " + std::to_string(message.partition)));
  }
}

}  // namespace weir::kafka
