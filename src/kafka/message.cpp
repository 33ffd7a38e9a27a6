#include "kafka/message.hpp"

#include <algorithm>
#include <chrono>
#include <librdkafka/rdkafka.h>
#include <string_view>

namespace weir::kafka {
namespace {

std::string_view bytes(const void* data, std::size_t size) {
  return {static_cast<const char*>(data), data == nullptr ? 0 : size};
}

// If the header occurs more than once, the last one counts.
std::optional<std::string_view> replay_source_of(const rd_kafka_message_t& message) {
  rd_kafka_headers_t* headers = nullptr;
  if (rd_kafka_message_headers(&message, &headers) != RD_KAFKA_RESP_ERR_NO_ERROR) return std::nullopt;
  const void* value = nullptr;
  std::size_t size = 0;
  const auto found = rd_kafka_header_get_last(headers, consumer::replay_header.data(), &value, &size);
  if (found != RD_KAFKA_RESP_ERR_NO_ERROR || value == nullptr) return std::nullopt;
  return bytes(value, size);
}

}  // namespace

consumer::RecordView view_of(const rd_kafka_message_t& message) {
  rd_kafka_timestamp_type_t type = RD_KAFKA_TIMESTAMP_NOT_AVAILABLE;
  const std::int64_t ms = rd_kafka_message_timestamp(&message, &type);
  consumer::RecordView record{.offset = message.offset,
                              .time = RecordTime(std::chrono::milliseconds(std::max<std::int64_t>(ms, 0))),
                              .key = bytes(message.key, message.key_len),
                              .value = {},
                              .replay_source = replay_source_of(message)};
  // A null payload is a tombstone: a record without a value, which differs from an empty value.
  if (message.payload != nullptr) record.value = bytes(message.payload, message.len);
  return record;
}

}  // namespace weir::kafka
