#include "kafka/message.hpp"

#include <algorithm>
#include <chrono>
#include <librdkafka/rdkafka.h>
#include <string_view>

#include "tracing/trace_context.hpp"

namespace weir::kafka {
namespace {

std::string_view bytes(const void* data, std::size_t size) {
  return {static_cast<const char*>(data), data == nullptr ? 0 : size};
}

// Sets the members that come from headers. If a header occurs more than once, the last one counts.
void read_headers(const rd_kafka_message_t& message, consumer::RecordView& into) {
  rd_kafka_headers_t* headers = nullptr;
  if (rd_kafka_message_headers(&message, &headers) != RD_KAFKA_RESP_ERR_NO_ERROR) return;
  const char* name = nullptr;
  const void* value = nullptr;
  std::size_t size = 0;
  for (std::size_t i = 0;
       rd_kafka_header_get_all(headers, i, &name, &value, &size) == RD_KAFKA_RESP_ERR_NO_ERROR; ++i) {
    if (value == nullptr) continue;
    if (name == consumer::replay_header) into.replay_source = bytes(value, size);
    if (name == tracing::traceparent_header) into.traceparent = bytes(value, size);
    if (name == tracing::tracestate_header) into.tracestate = bytes(value, size);
  }
}

}  // namespace

consumer::RecordView view_of(const rd_kafka_message_t& message) {
  rd_kafka_timestamp_type_t type = RD_KAFKA_TIMESTAMP_NOT_AVAILABLE;
  const std::int64_t ms = rd_kafka_message_timestamp(&message, &type);
  consumer::RecordView record{.offset = message.offset,
                              .time = RecordTime(std::chrono::milliseconds(std::max<std::int64_t>(ms, 0))),
                              .key = bytes(message.key, message.key_len),
                              .value = {},
                              .replay_source = {},
                              .traceparent = {},
                              .tracestate = {}};
  read_headers(message, record);
  // A null payload is a tombstone: a record without a value, which differs from an empty value.
  if (message.payload != nullptr) record.value = bytes(message.payload, message.len);
  return record;
}

}  // namespace weir::kafka
