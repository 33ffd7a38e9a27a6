// Every text that may come from a record passes safe_text() or JsonText before it is written. Otherwise a
// record could send escape sequences to the terminal of an operator.
//
// A table is cut to the width of the terminal. CSV and JSON always have the whole text.
#include "cli/dlq_text.hpp"

#include <algorithm>
#include <array>
#include <optional>
#include <vector>

#include "activity/rfc3339.hpp"
#include "base/decimal.hpp"
#include "base/json_text.hpp"
#include "base/printable.hpp"
#include "cli/stats_text.hpp"
#include "commit/metrics_store.hpp"
#include "report/answer_text.hpp"

namespace weir::cli {
namespace {

// Widths of the columns of a table of rows; the detail has the rest.
constexpr std::size_t id_columns = 16;
constexpr std::size_t reason_columns = 22;
constexpr std::size_t time_columns = 26;
constexpr std::size_t attempts_columns = 10;
constexpr std::size_t detail_columns_min = 20;

// The detail gets the columns that the other ones leave, and at least the minimum.
std::size_t detail_columns(std::size_t columns) {
  constexpr std::size_t others = id_columns + reason_columns + time_columns + attempts_columns;
  return std::max(columns, others + detail_columns_min) - others;
}

std::string moment(const std::optional<WallTime>& at) {
  return at ? activity::format_rfc3339(*at) : std::string();
}

// The id without its topic, in the form that `weir dlq show` accepts.
std::string position(const report::DeadLetterRow& row) {
  return std::to_string(row.partition) + '/' + std::to_string(row.offset);
}

// "7 bytes: user-17", or "none" where the record had none.
std::string bytes_line(const std::optional<std::string>& bytes) {
  if (!bytes) return "none";
  return grouped(static_cast<std::int64_t>(bytes->size())) + (bytes->size() == 1 ? " byte: " : " bytes: ") +
         safe_text(*bytes);
}

// Adds the bytes and their number. Both are null if the record had no key or no value.
void add_bytes(JsonText& json, std::string_view name, const std::optional<std::string>& bytes) {
  json.key(name);
  if (bytes)
    json.value(*bytes);
  else
    json.null();
  json.key(std::string(name) + "_bytes");
  if (bytes)
    json.value(bytes->size());
  else
    json.null();
}

// RFC 4180: cells are separated by commas, and a line ends with CRLF.
std::string csv_line(const std::vector<std::string>& cells) {
  std::string line;
  for (const std::string& cell : cells) {
    if (&cell != &cells.front()) line += ',';
    line += report::csv_cell(cell);
  }
  return line + "\r\n";
}

}  // namespace

std::string safe_text(std::string_view bytes) {
  return printable(with_escaped_controls(bytes, Controls::all));
}

std::string id_text(const report::DeadLetterRow& row, const std::string& topic) {
  return commit::to_text({topic, row.partition, row.offset});
}

std::string groups_table(std::span<const report::DeadLetterGroup> groups, std::size_t columns) {
  constexpr std::array<std::string_view, 3> heads{"count", "attempts", "replayed"};
  std::vector<ListRow> rows;
  for (const report::DeadLetterGroup& group : groups)
    rows.push_back({group.newest.reason, {group.count, group.attempts, group.replayed}});
  std::string text = draw_list("reason", heads, rows, columns);
  for (const report::DeadLetterGroup& group : groups) {
    const report::DeadLetterRow& row = group.newest;
    text += '\n' + safe_text(row.reason) + ", newest: " + position(row) + " at " + moment(row.at) + '\n';
    text += "  detail  " + safe_text(row.detail) + '\n';
    // Spaces that pad a fitted text are removed at the end of a line.
    text += "  key     " + fitted(bytes_line(row.key), columns > 20 ? columns - 10 : 10);
    text.erase(text.find_last_not_of(' ') + 1);
    text += "\n  value   " + fitted(bytes_line(row.value), columns > 20 ? columns - 10 : 10);
    text.erase(text.find_last_not_of(' ') + 1);
    text += '\n';
  }
  return text;
}

std::string groups_csv(std::span<const report::DeadLetterGroup> groups) {
  std::string csv = "reason,count,attempts,replayed,last_at,partition,offset,detail,key,value\r\n";
  for (const report::DeadLetterGroup& group : groups) {
    const report::DeadLetterRow& row = group.newest;
    csv += csv_line({row.reason, std::to_string(group.count), std::to_string(group.attempts),
                     std::to_string(group.replayed), moment(row.at), std::to_string(row.partition),
                     std::to_string(row.offset), safe_text(row.detail), safe_text(row.key.value_or("")),
                     safe_text(row.value.value_or(""))});
  }
  return csv;
}

std::string rows_head(std::size_t columns) {
  return fitted("partition/offset", id_columns) + ' ' + fitted("reason", reason_columns - 1) +
         fitted("at", time_columns) + fitted("attempts", attempts_columns) +
         fitted("detail", detail_columns(columns)) + '\n';
}

std::string row_line(const report::DeadLetterRow& row, std::size_t columns) {
  // "2, done": the record and one replay were not counted, and a later replay is.
  const std::string attempts = std::to_string(row.attempts) + (row.replayed_at ? ", done" : "");
  std::string line = position(row);
  line.append(line.size() < id_columns ? id_columns - line.size() : 0, ' ');
  line += ' ' + fitted(row.reason, reason_columns - 2) + ' ' + fitted(moment(row.at), time_columns) +
          fitted(attempts, attempts_columns) + fitted(safe_text(row.detail), detail_columns(columns));
  line.erase(line.find_last_not_of(' ') + 1);
  return line + '\n';
}

std::string row_table(const report::DeadLetterRow& row, const std::string& topic) {
  std::string text;
  const auto add = [&text](std::string_view name, const std::string& value) {
    text += fitted(name, 13) + value + '\n';
  };
  add("topic", safe_text(topic));
  add("partition", std::to_string(row.partition));
  add("offset", std::to_string(row.offset));
  add("reason", safe_text(row.reason));
  add("detail", safe_text(row.detail));
  add("at", moment(row.at));
  add("attempts", std::to_string(row.attempts));
  add("replayed at", row.replayed_at ? moment(row.replayed_at) : "not replayed");
  add("key", bytes_line(row.key));
  add("value", bytes_line(row.value));
  return text;
}

std::string row_json(const report::DeadLetterRow& row, const std::string& topic) {
  JsonText json;
  json.begin_object().member("topic", topic).member("partition", row.partition);
  json.member("offset", row.offset).member("reason", row.reason).member("detail", row.detail);
  add_bytes(json, "key", row.key);
  add_bytes(json, "value", row.value);
  json.member("at", moment(row.at)).member("attempts", row.attempts).key("replayed_at");
  if (row.replayed_at)
    json.value(moment(row.replayed_at));
  else
    json.null();
  return with_escaped_controls(json.end_object().text(), Controls::del_and_c1);
}

std::string rows_csv_head() {
  return "topic,partition,offset,reason,detail,key,value,at,attempts,replayed_at\r\n";
}

std::string row_csv(const report::DeadLetterRow& row, const std::string& topic) {
  return csv_line({topic, std::to_string(row.partition), std::to_string(row.offset), safe_text(row.reason),
                   safe_text(row.detail), safe_text(row.key.value_or("")), safe_text(row.value.value_or("")),
                   moment(row.at), std::to_string(row.attempts), moment(row.replayed_at)});
}

}  // namespace weir::cli
