// The port to the event log, which makes accepted events durable. kafka and sqlite (the embedded log)
// implement it. testing/event_log_contract.hpp checks each implementation, and the fake, against what is
// stated here.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.hpp"
#include "base/result.hpp"

namespace weir::intake {

// A header of a record, as Kafka has them.
struct Header {
  std::string name;
  std::string value;
};

// Position of one record's key and value in EventBatch::bytes.
struct RecordSlice {
  std::uint32_t key_at = 0;
  std::uint32_t key_bytes = 0;  // 0: the record has no key and may go to any partition
  std::uint32_t value_at = 0;
  std::uint32_t value_bytes = 0;
  std::vector<Header> headers;  // usually empty
};

// Bounds EventBatch::shared_headers, for all records of a request together.
inline constexpr std::size_t shared_header_bytes_max = std::size_t{1} << 20;

// The events of one request, in order. All their bytes are one allocation, because a batch has thousands of
// events.
struct EventBatch {
  std::string bytes;
  std::vector<RecordSlice> records;
  // The headers of the first `records_with_shared_headers` records, once for all of them: the trace context
  // of the request.
  std::vector<Header> shared_headers;
  std::size_t records_with_shared_headers = 0;

  [[nodiscard]] std::string_view key(const RecordSlice& record) const {
    return std::string_view(bytes).substr(record.key_at, record.key_bytes);
  }
  [[nodiscard]] std::string_view value(const RecordSlice& record) const {
    return std::string_view(bytes).substr(record.value_at, record.value_bytes);
  }
  // Gives these headers to all records, or to as many of the first ones as shared_header_bytes_max
  // allows.
  void share(std::vector<Header> headers) {
    shared_headers = std::move(headers);
    records_with_shared_headers = records.size();
    if (const std::size_t all = shared_header_bytes(); all > shared_header_bytes_max)
      records_with_shared_headers = shared_header_bytes_max / (all / records.size());
  }
  // Of all records together.
  [[nodiscard]] std::size_t shared_header_bytes() const {
    std::size_t one = 0;
    for (const Header& header : shared_headers) one += header.name.size() + header.value.size();
    return one * records_with_shared_headers;
  }
  // `record` is an element of `records`. One with headers of its own has only these.
  [[nodiscard]] const std::vector<Header>& headers(const RecordSlice& record) const {
    const auto index = static_cast<std::size_t>(&record - records.data());
    const bool shares = record.headers.empty() && index < records_with_shared_headers;
    return shares ? shared_headers : record.headers;
  }
};

// The result of an append for one record. The order is from the best to the worst.
enum class Receipt : std::uint8_t {
  kept,      // stored durably: fsync of the embedded log, acks=all of Kafka. The client may get 200.
  not_kept,  // certainly not in the log. The client gets 503 and sends again.
  unknown,   // may or may not be in the log. The client gets 500 and sends again with the same message_id.
};

// The receipts of one append.
struct Receipts {
  // For every record, if `each` is empty.
  Receipt all = Receipt::unknown;
  // For each record in order, if they differ.
  std::vector<Receipt> each;
  // Why records are not `kept`. It has ErrorKind::invalid (record_too_large, record_refused) only if every
  // record that is not kept was rejected for that reason; sending it again cannot help then.
  Error why;

  [[nodiscard]] Receipt of(std::size_t record) const { return each.empty() ? all : each[record]; }
};

// Called exactly once for each append, on a thread of the log or before append() returns. It must only pass
// the receipts on: it may run between two commits of the log.
using ReceiptCallback = std::move_only_function<void(Receipts)>;

// The state of the log, for /health/ready and metrics.
struct LogHealth {
  bool up = false;
  std::string reason;           // a text for people; empty if all is well
  std::string log_id;           // embedded: created with the file; Kafka: cluster id and topic
  std::int64_t end = 0;         // sum of the end offsets of all partitions
  std::int32_t partitions = 1;  // of the topic; 0: not known yet
  std::int64_t latency_ms = 0;  // of the last append with receipts
};

// Thread-safe.
class EventLog {
 public:
  EventLog() = default;
  EventLog(const EventLog&) = delete;
  EventLog& operator=(const EventLog&) = delete;
  // Reports receipts for all outstanding appends: not_kept for those that were not tried, else unknown.
  virtual ~EventLog() = default;

  // Appends the records in order and takes ownership of them. Never blocks on the disk or the network. The
  // receipts are reported later.
  //
  // An append gets not_kept at once in two cases: more bytes wait than the log allows (code log_full), or the
  // log knows that it is unavailable (code log_away).
  virtual void append(EventBatch events, ReceiptCallback on_receipts) = 0;

  // Returns the current state. Cheap enough for every health probe.
  [[nodiscard]] virtual LogHealth health() const = 0;
};

}  // namespace weir::intake
