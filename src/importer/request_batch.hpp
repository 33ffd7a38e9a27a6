// Items made into the body of one request: the events that Weir is to have, each with an id that is the same
// whenever the same line of the same run is sent.
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

struct Event {
  std::uint64_t line = 0;
  bool page_view = false;
  EventTime time;
};

struct UnreadableLine {
  std::uint64_t line = 0;
  std::string why;
};

// How much Weir takes.
struct BodyLimits {
  std::size_t event_bytes = SIZE_MAX;
  std::size_t body_bytes = SIZE_MAX;

  friend bool operator==(const BodyLimits&, const BodyLimits&) = default;
};

struct RequestBatch {
  std::string body;           // NDJSON, a line for each of `events`
  std::vector<Event> events;  // in order
  std::vector<UnreadableLine> unreadable;
  std::size_t items = 0;  // how many of the items it holds; fewer than were given only if the body is full
};

// What came of a run so far.
struct Totals {
  std::uint64_t events = 0;
  std::uint64_t page_views = 0;
  std::uint64_t unreadable = 0;
  std::uint64_t rejected = 0;
  std::optional<EventTime> first;  // of the events that Weir took
  std::optional<EventTime> last;

  // `rejected` are the numbers of events in the piece, ascending.
  void add(const RequestBatch& piece, const std::vector<std::size_t>& rejected);
  void add(const Totals& other);

  friend bool operator==(const Totals&, const Totals&) = default;
};

// Keeps its buffers from piece to piece. One thread.
//
//   access log   user_id from client address and user agent, page_url the request target, status, method and
//                host, the line's own time; several entries that are glued to one line are several events, or
//                the line is unreadable
//   activities   as they are; one without a message_id gets one. What is no activity is unreadable: Weir
//                would refuse it for the same reasons
class RequestBatchWriter {
 public:
  RequestBatchWriter(const RequestBatchWriter&) = delete;
  RequestBatchWriter& operator=(const RequestBatchWriter&) = delete;

  // `visitors` outlives it; it is only asked for access logs.
  RequestBatchWriter(const InputFormat& format, const VisitorHasher* visitors);

  enum class Extent : std::uint8_t {
    one_body,  // stops before the item that would make the body larger than the limit
    all,       // writes all items, however large the body becomes
  };

  // `id` is the run's: message_id is id-line, of a further entry on the same line id-line.2 and so on. The
  // result is good until the next call. An item that is too large for a body of its own is unreadable.
  [[nodiscard]] const RequestBatch& write(const std::vector<Item>& items, std::string_view id,
                                          const BodyLimits& limits = {}, Extent extent = Extent::one_body);

 private:
  void write_item(const Item& item, const BodyLimits& limits);
  Result<void> write_log_line(const Item& item);
  void write_entry(std::uint64_t line, std::size_t entry);
  Result<void> write_activity(const Item& item);
  std::string_view message_id(std::uint64_t line, std::size_t entry);

  InputFormat format_;
  std::optional<formats::LineReader> reader_;  // of access logs
  formats::LogEntry entry_;
  const VisitorHasher* visitors_;
  RequestBatch piece_;
  activity::Decoder decoder_;
  std::string scratch_;
  std::string id_;
  std::size_t id_stem_ = 0;
};

}  // namespace weir::importer
