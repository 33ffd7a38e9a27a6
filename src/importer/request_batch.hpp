// Makes the body of one request from the items of a chunk. Each line or element that can be read becomes an
// event. Its message_id depends only on the input, the run and the line.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "activity/decoder.hpp"
#include "base/clock.hpp"
#include "formats/line_reader.hpp"
#include "importer/chunker.hpp"
#include "importer/recognize.hpp"
#include "importer/visitor_hasher.hpp"

namespace weir::importer {

// What is known of an event without its body, for totals and for messages about its line.
struct Event {
  std::uint64_t line = 0;
  bool page_view = false;
  EventTime time;
};

// A line or element that became no event, and why: one line for the user.
struct UnreadableLine {
  std::uint64_t line = 0;
  std::string reason;
};

// MAX_EVENT_BYTES and MAX_BODY_BYTES of the Weir that the events go to.
struct BodyLimits {
  std::size_t event_bytes = SIZE_MAX;
  std::size_t body_bytes = SIZE_MAX;

  friend bool operator==(const BodyLimits&, const BodyLimits&) = default;
};

struct RequestBatch {
  // The events as NDJSON, a line for each of `events`.
  std::string body;
  // The events in the order of their lines in `body`.
  std::vector<Event> events;
  std::vector<UnreadableLine> unreadable;
  // How many of the given items the batch covers. These are all, unless the body is full.
  std::size_t items = 0;
};

// The result of a run up to some position.
struct Totals {
  std::uint64_t events = 0;
  std::uint64_t page_views = 0;
  std::uint64_t unreadable = 0;
  std::uint64_t rejected = 0;
  // The times of the first and the last event that Weir accepted.
  std::optional<EventTime> first;
  std::optional<EventTime> last;

  // `rejected` holds indexes into batch.events, ascending.
  void add(const RequestBatch& batch, const std::vector<std::size_t>& rejected);
  void add(const Totals& other);

  friend bool operator==(const Totals&, const Totals&) = default;
};

// Keeps its buffers between calls. For one thread.
//
//   access log   user_id from client address and user agent; page_url is the request target; metadata has
//                status, method and host; the time is the line's own. If several entries are glued to one
//                line, each of them is an event, or the line is unreadable.
//   activities   are sent as they are. One without a message_id gets one. What activity::Decoder refuses is
//                unreadable, because Weir would refuse it for the same reason.
class RequestBatchWriter {
 public:
  // `hasher` must outlive the writer. It is needed for access logs only.
  RequestBatchWriter(const InputFormat& format, const VisitorHasher* hasher);
  RequestBatchWriter(const RequestBatchWriter&) = delete;
  RequestBatchWriter& operator=(const RequestBatchWriter&) = delete;

  enum class Extent : std::uint8_t {
    one_body,  // stops before the item that would make the body larger than the limit
    all,       // writes all items; the body may become larger than the limit
  };

  // The message_id of an entry is `id`-line, of a further entry on the same line `id`-line.2 and so on. An
  // item whose events alone exceed limits.body_bytes is unreadable. The result is valid until the next call.
  [[nodiscard]] const RequestBatch& write(const std::vector<Item>& items, std::string_view id,
                                          const BodyLimits& limits = {}, Extent extent = Extent::one_body);

 private:
  void write_item(const Item& item, const BodyLimits& limits);
  Result<void> write_log_line(const Item& item);
  void write_entry(std::uint64_t line, std::size_t entry);
  Result<void> write_activity(const Item& item);
  std::string_view message_id(std::uint64_t line, std::size_t entry);

  InputFormat format_;
  std::optional<formats::LineReader> reader_;  // for access logs
  formats::LogEntry entry_;
  const VisitorHasher* hasher_;
  RequestBatch batch_;
  activity::Decoder decoder_;
  std::string scratch_;
  std::string id_;  // "id-", then the line and the entry
  std::size_t id_prefix_bytes_ = 0;
};

}  // namespace weir::importer
