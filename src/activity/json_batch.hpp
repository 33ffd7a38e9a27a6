// The body of POST /activities taken apart: a JSON array, or NDJSON (https://github.com/ndjson/ndjson-spec),
// told apart by the first byte that is not white space. Only taken apart: each item is then for
// activity::Decoder.
#pragma once

#include <cstddef>
#include <optional>
#include <string_view>

#include "base/result.hpp"

namespace weir::activity {

struct BatchItem {
  std::size_t index = 0;  // from 0, in order; blank lines have none
  std::string_view json;  // the item's bytes as they came, without white space around them
};

// A value of views into the body. Copies nothing and holds nothing per item; about 0.3 ns a byte for NDJSON,
// 0.5 for an array. Nesting costs nothing: brackets are counted, and each item's depth is the decoder's to
// judge.
//
//   JsonBatch batch(body);
//   while (true) {
//     auto item = batch.next();
//     if (!item) …400, and nothing of this body may be kept, items that came before included
//     if (!*item) break;
//     …(*item)->json
//   }
//
// In NDJSON each line stands alone, LF or CRLF, the last with or without one. In an array an item that is no
// JSON itself is given out like any other as long as its end can be found (its strings closed, its brackets
// even): it is the decoder that refuses it, and only it.
class JsonBatch {
 public:
  // limits::json_slack_bytes behind the body are readable; then as many are behind each item.
  explicit JsonBatch(std::string_view body);

  // The next item; nothing behind the last. Error ErrorKind::invalid, not_json: the body as a whole is no
  // JSON (empty; a byte order mark; an array that is not closed, with a comma too many or too few, or with
  // something behind it). It may come after items.
  [[nodiscard]] Result<std::optional<BatchItem>> next();

 private:
  enum class Form { empty, byte_order_mark, array, lines };

  Result<std::optional<BatchItem>> next_element();
  std::optional<BatchItem> next_line();
  bool find_element_end();
  Result<std::optional<BatchItem>> close();
  [[nodiscard]] bool starts(char byte) const;
  void skip_white_space();
  std::unexpected<Error> no_json(std::string_view expected, std::size_t at) const;

  std::string_view body_;
  std::size_t at_ = 0;
  std::size_t index_ = 0;  // of the next item
  Form form_ = Form::empty;
  bool closed_ = false;  // the array's closing bracket has been passed
};

}  // namespace weir::activity
