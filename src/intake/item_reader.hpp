// The items of one request body, in any format. Each format that Weir accepts implements ItemReader; Intake
// takes the items one by one and does not know the format.
#pragma once

#include <cstddef>
#include <optional>
#include <string_view>

#include "activity/json_batch.hpp"
#include "base/result.hpp"

namespace weir::intake {

// One item of a request: an event, or the format's reason to reject it. A small value of views, because a
// batch has thousands; what they point to belongs to the reader or to the body.
struct Item {
  // Position of the item in the request, from 0. Positions increase and may have gaps.
  std::size_t index = 0;
  // The event as one activity in JSON (activity/decoder.hpp). Intake checks it and appends these bytes to the
  // log. limits::json_slack_bytes after it are readable. A format that translates its items keeps the result
  // in a buffer of its own; a format whose items are activities returns a view into the body.
  std::string_view event;
  // Not null: the format rejects this item, and only this one. ErrorKind::invalid; weir_intake_rejected_total
  // counts its code, and its text goes to the client. `event` is not used then.
  const Error* rejection = nullptr;
};

// One request, one pass, one thread.
class ItemReader {
 public:
  ItemReader() = default;
  ItemReader(const ItemReader&) = delete;
  ItemReader& operator=(const ItemReader&) = delete;
  virtual ~ItemReader() = default;

  // Returns the next item, or nothing after the last one. The item is valid until the next call.
  //
  // An error rejects the request as a whole: no item of it is appended, not even those returned before. It
  // has ErrorKind::invalid and a code with static storage. After an error, next() is not called again.
  [[nodiscard]] virtual Result<std::optional<Item>> next() = 0;

  // Estimate of the size of all events together, in bytes. Intake reserves that much memory at once.
  [[nodiscard]] virtual std::size_t bytes_expected() const = 0;
};

// The body of POST /activities: a JSON array or NDJSON of activities (activity/json_batch.hpp). Copies
// nothing: each event is a view into the body, which must outlive the reader. Error code of next(): not_json.
class JsonItems final : public ItemReader {
 public:
  // limits::json_slack_bytes after `body` are readable.
  explicit JsonItems(std::string_view body) : items_(body), body_bytes_(body.size()) {}

  [[nodiscard]] Result<std::optional<Item>> next() override;
  [[nodiscard]] std::size_t bytes_expected() const override { return body_bytes_; }

 private:
  activity::JsonBatch items_;
  std::size_t body_bytes_;
};

}  // namespace weir::intake
