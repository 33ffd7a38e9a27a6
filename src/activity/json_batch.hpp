// The body of POST /activities, split into items: a JSON array, or NDJSON
// (https://github.com/ndjson/ndjson-spec). The first byte that is not white space decides which of them it
// is.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#include "activity/json_array_splitter.hpp"
#include "base/result.hpp"

namespace weir::activity {

struct BatchItem {
  std::size_t index = 0;  // from 0, in order; blank lines have none
  std::string_view json;  // the item's bytes as they came, without white space around them
};

// A value of views into the body; the body must outlive it. Copies nothing and holds nothing for each item.
// Costs about 0.3 ns a byte for NDJSON and 0.5 for an array. For one thread.
//
//   JsonBatch batch(body);
//   while (true) {
//     auto item = batch.next();
//     if (!item) …400, and nothing of this body may be kept, items that came before included
//     if (!*item) break;
//     …(*item)->json
//   }
//
// In NDJSON each line is one item. Lines end with LF or CRLF; the last one may lack its end. In an array, an
// item that is not JSON is returned like any other if its strings are closed and its brackets are balanced.
// activity::Decoder then refuses that item alone.
class JsonBatch {
 public:
  // limits::json_slack_bytes after the body must be readable; then as many are readable after each item.
  explicit JsonBatch(std::string_view body);

  // The next item; std::nullopt after the last one. Error ErrorKind::invalid, not_json: the body as a whole
  // is not JSON. It is empty, begins with a byte order mark, or is a broken array. An array is broken if it
  // is not closed, has a comma too many or too few, or is followed by something. The error may come after
  // items.
  [[nodiscard]] Result<std::optional<BatchItem>> next();

 private:
  enum class Form : std::uint8_t { empty, byte_order_mark, array, lines };

  Result<std::optional<BatchItem>> next_element();
  std::optional<BatchItem> next_line();

  std::string_view body_;
  std::size_t at_ = 0;     // in NDJSON: where the next line begins
  std::size_t index_ = 0;  // of the next item
  Form form_ = Form::empty;
  JsonArraySplitter elements_;
};

}  // namespace weir::activity
