// The port through which accepted events become durable. Filled by sqlite (the embedded log) and kafka; the
// suite in event_log_contract.hpp holds every filler to what is promised here.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.hpp"
#include "base/result.hpp"

namespace weir::intake {

struct Header {
  std::string name;
  std::string value;
};

// Where a record's key and value stand in Append::bytes.
struct RecordSlice {
  std::uint32_t key_at = 0;
  std::uint32_t key_bytes = 0;  // 0: no key, any partition
  std::uint32_t value_at = 0;
  std::uint32_t value_bytes = 0;
  std::vector<Header> headers;  // nearly always empty
};

// The events of one request, in order; one allocation for all their bytes. Moved into the log.
struct EventBatch {
  std::string bytes;
  std::vector<RecordSlice> records;

  [[nodiscard]] std::string_view key(const RecordSlice& record) const {
    return std::string_view(bytes).substr(record.key_at, record.key_bytes);
  }
  [[nodiscard]] std::string_view value(const RecordSlice& record) const {
    return std::string_view(bytes).substr(record.value_at, record.value_bytes);
  }
};

enum class Receipt : std::uint8_t {
  kept,      // durable, as durably as this log is set up: the client may be told so
  not_kept,  // surely not in the log: 503, send again
  unknown,   // may or may not be in the log: 500, send again with the same message_id
};

struct Receipts {
  Receipt all = Receipt::unknown;  // what holds for every record…
  std::vector<Receipt> each;       // …unless they differ: then one for each record, in order
  // Where any is not `kept`. ErrorKind::invalid (record_too_large, record_refused) only if that is why every
  // record that is not kept was refused: sending it again cannot help.
  Error why;

  [[nodiscard]] Receipt of(std::size_t record) const { return each.empty() ? all : each[record]; }
};

// Called exactly once for each append, on a thread of the log's own or before append() returns. It must only
// hand the receipts on and return: it runs between two commits.
using ReceiptCallback = std::move_only_function<void(Receipts)>;

struct LogHealth {
  bool up = false;
  std::string reason;           // in words; empty when all is well
  std::string log_id;           // embedded: made with the file; Kafka: cluster id and topic
  std::int64_t end = 0;         // sum of the partitions' end offsets
  std::int32_t partitions = 1;  // of the topic; 0: not known yet
  std::int64_t latency_ms = 0;  // of the last append that was answered
};

class EventLog {
 public:
  EventLog() = default;
  EventLog(const EventLog&) = delete;
  EventLog& operator=(const EventLog&) = delete;
  virtual ~EventLog() = default;  // answers what is still open: not_kept if never tried, else unknown

  // From any thread; never blocks on the disk or the network. What is over the log's bound on waiting bytes
  // is answered not_kept at once (code log_full), and so is everything while it knows that it cannot be
  // reached (log_away).
  virtual void append(EventBatch events, ReceiptCallback receive) = 0;

  // From any thread; cheap enough for every health probe.
  [[nodiscard]] virtual LogHealth health() const = 0;
};

}  // namespace weir::intake
