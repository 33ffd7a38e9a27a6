// Each answer has a function that writes its members in the order of the contract. CSV and JSON of an answer
// have the same rows.
#include "report/answer_text.hpp"

#include <algorithm>
#include <numeric>

#include "activity/rfc3339.hpp"
#include "base/json_text.hpp"
#include "base/utf8.hpp"
#include "report/live.hpp"

namespace weir::report {

namespace {

// The used range. `resolution` is present only if the windows are coarser than minutes.
void add_range(JsonText& json, const UsedRange& range) {
  json.member("from", activity::format_rfc3339(range.from)).member("to", activity::format_rfc3339(range.to));
  if (const auto resolution = range.resolution()) json.member("resolution", name_of(*resolution));
}

// The three figures, with the names that every answer uses.
void add_numbers(JsonText& json, const Numbers& numbers) {
  json.member("events", numbers.events)
      .member("page_views", numbers.page_views)
      .member("unique_users", numbers.unique_users);
}

void add_summary(JsonText& json, const Summary& summary) {
  add_range(json, summary.range);
  add_numbers(json, summary.numbers);
  json.member("unique_users_error", summary.unique_users_error);
}

// A number, or null if it is not known.
void add_optional(JsonText& json, std::string_view name, std::optional<std::int64_t> number) {
  json.key(name);
  if (number)
    json.value(*number);
  else
    json.null();
}

// One partition: the position, the account of its records, and what was observed of its log.
void add_ledger_line(JsonText& json, const LedgerAnswer& answer, const LedgerLine& line) {
  const auto& row = line.row;
  const auto& observed = row.observed;
  json.begin_object().member("topic", answer.topic).member("partition", row.partition);
  json.member("group_id", answer.group_id);
  json.member("start_offset", row.start_offset).member("next_offset", row.next_offset);
  json.member("version", row.version).member("read", row.read).member("tallied", row.tallied);
  json.member("duplicate", row.duplicate).member("dead_lettered", row.dead_lettered);
  json.member("skipped", row.skipped).key("last_record_hash");
  // A string, because many JSON parsers lose digits of numbers above 2^53.
  if (row.last_record_hash)
    json.value(std::to_string(*row.last_record_hash));
  else
    json.null();
  json.member("log_end_offset", observed.log_end_offset).key("oldest_unread_at");
  if (observed.oldest_unread_at)
    json.value(activity::format_rfc3339(*observed.oldest_unread_at));
  else
    json.null();
  json.member("observed_at", activity::format_rfc3339(observed.observed_at));
  json.member("updated_at", activity::format_rfc3339(row.updated_at));
  add_optional(json, "lag", line.lag);
  add_optional(json, "oldest_unread_age_ms",
               line.oldest_unread_age ? std::optional(line.oldest_unread_age->count()) : std::nullopt);
  json.member("observed_age_ms", line.observed_age.count()).end_object();
}

void add_points(JsonText& json, const SeriesAnswer& answer) {
  json.member("interval", name_of(answer.interval)).key("points").begin_array();
  for (const auto& point : answer.points) {
    json.begin_object().member("time", activity::format_rfc3339(point.time));
    add_numbers(json, point.numbers);
    json.end_object();
  }
  json.end_array();
}

// The rows of a top list, and `other`: what the range has besides them. Users cannot be subtracted, so it has
// none.
void add_rows(JsonText& json, const TopAnswer& answer) {
  json.member("dimension", answer.dimension).key("rows").begin_array();
  for (const auto& row : answer.rows) {
    json.begin_object().member("value", row.value);
    add_numbers(json, row.numbers);
    json.end_object();
  }
  json.end_array().key("other").begin_object();
  json.member("events", answer.other_events).member("page_views", answer.other_page_views).end_object();
}

// Adds up all partitions. Only sums that are meaningful over partitions are written: offsets are not.
void add_sums(JsonText& json, const LedgerAnswer& answer) {
  const auto sum = [&](auto what) {
    return std::transform_reduce(answer.lines.begin(), answer.lines.end(), std::int64_t{0}, std::plus<>(),
                                 what);
  };
  json.key("sums").begin_object();
  json.member("read", sum([](const LedgerLine& line) { return line.row.read; }));
  json.member("tallied", sum([](const LedgerLine& line) { return line.row.tallied; }));
  json.member("duplicate", sum([](const LedgerLine& line) { return line.row.duplicate; }));
  json.member("dead_lettered", sum([](const LedgerLine& line) { return line.row.dead_lettered; }));
  json.member("skipped", sum([](const LedgerLine& line) { return line.row.skipped; }));
  // The sum of lags is null if the lag of any partition is not known: 0 would be a wrong number.
  const bool lag_is_known =
      std::ranges::all_of(answer.lines, [](auto& line) { return line.lag.has_value(); });
  const std::int64_t lag = sum([](const LedgerLine& line) { return line.lag.value_or(0); });
  add_optional(json, "lag", lag_is_known ? std::optional(lag) : std::nullopt);
  json.end_object();
}

// At most this much of a key, a value or a detail, so that an answer stays small.
constexpr std::size_t sample_bytes_max = 1024;

// Cuts a long text before a character. JsonText replaces what is not UTF-8.
std::string_view sample_of(std::string_view text) {
  if (text.size() <= sample_bytes_max) return text;
  std::size_t end = sample_bytes_max;
  while (end + 4 > sample_bytes_max && is_utf8_continuation(text[end])) --end;
  return text.substr(0, end);
}

// The bytes as text, or null where the record had none, and their number before the cut.
void add_bytes(JsonText& json, std::string_view name, const std::optional<std::string>& bytes) {
  const std::string size_name = std::string(name) + "_bytes";
  json.key(name);
  if (!bytes) {
    json.null().key(size_name).null();
    return;
  }
  json.value(sample_of(*bytes)).member(size_name, bytes->size());
}

void add_sample(JsonText& json, const DeadLetterRow& row) {
  json.begin_object().member("partition", row.partition).member("offset", row.offset);
  json.member("at", activity::format_rfc3339(row.at));
  json.member("detail", sample_of(row.detail));
  add_bytes(json, "key", row.key);
  add_bytes(json, "value", row.value);
  json.member("attempts", row.attempts).key("replayed_at");
  if (row.replayed_at)
    json.value(activity::format_rfc3339(*row.replayed_at));
  else
    json.null();
  json.end_object();
}

// The end of a CSV line: the numbers and CRLF.
std::string csv_numbers(const Numbers& numbers) {
  return "," + std::to_string(numbers.events) + "," + std::to_string(numbers.page_views) + "," +
         std::to_string(numbers.unique_users) + "\r\n";
}

}  // namespace

std::string to_json(const SummaryAnswer& answer) {
  JsonText json;
  json.begin_object();
  add_summary(json, answer.summary);
  if (answer.previous) {
    json.key("previous").begin_object();
    add_summary(json, *answer.previous);
    json.end_object();
  }
  return json.end_object().take();
}

std::string to_json(const SeriesAnswer& answer) {
  JsonText json;
  json.begin_object();
  add_range(json, answer.range);
  if (answer.zone) json.member("tz", answer.zone->name());
  if (answer.rounded) json.member("rounded", true);
  add_points(json, answer);
  return json.end_object().take();
}

std::string to_json(const TopAnswer& answer) {
  JsonText json;
  json.begin_object();
  add_range(json, answer.range);
  add_rows(json, answer);
  return json.end_object().take();
}

std::string to_json(const LedgerAnswer& answer) {
  JsonText json;
  json.begin_object().key("partitions").begin_array();
  for (const auto& line : answer.lines) add_ledger_line(json, answer, line);
  json.end_array();
  add_sums(json, answer);
  return json.end_object().take();
}

// The text for readers of one time zone: `day` selects the summary of their current day.
std::string to_json(const LiveAnswer& answer, WindowStart day) {
  JsonText json;
  json.begin_object().member("time", activity::format_rfc3339(answer.time));
  json.member("visitors", answer.visitors);
  add_points(json, answer.minutes);
  json.key("summary").begin_object();
  add_summary(json, answer.todays.at(day));
  json.end_object();
  add_rows(json, answer.pages);
  add_sums(json, answer.ledger);
  return json.end_object().take();
}

std::string to_json(const DimensionsAnswer& answer) {
  JsonText json;
  json.begin_object().key("dimensions").begin_array();
  for (const tally::KnownDimension& each : answer.dimensions) {
    if (each.dimension == tally::Dimension::total) continue;
    json.begin_object().member("name", each.name).member("source", each.source).key("since");
    if (each.since)
      json.value(activity::format_rfc3339(*each.since));
    else
      json.null();
    json.end_object();
  }
  return json.end_array().end_object().take();
}

std::string to_json(const DeadLettersAnswer& answer) {
  JsonText json;
  DeadLetterGroup sums;
  json.begin_object().key("reasons").begin_array();
  for (const DeadLetterGroup& group : answer.groups) {
    sums.count += group.count;
    sums.attempts += group.attempts;
    sums.replayed += group.replayed;
    json.begin_object().member("reason", group.newest.reason).member("count", group.count);
    json.member("attempts", group.attempts).member("replayed", group.replayed);
    json.member("last_at", activity::format_rfc3339(group.newest.at)).key("sample");
    add_sample(json, group.newest);
    json.end_object();
  }
  json.end_array().key("sums").begin_object().member("count", sums.count);
  json.member("attempts", sums.attempts).member("replayed", sums.replayed);
  return json.end_object().end_object().take();
}

// All CSV answers have a header line, CRLF line ends (RFC 4180) and UTF-8 without a byte order mark.
std::string to_csv(const DimensionsAnswer& answer) {
  std::string csv = "name,source,since\r\n";
  for (const tally::KnownDimension& each : answer.dimensions) {
    if (each.dimension == tally::Dimension::total) continue;
    const std::string since = each.since ? activity::format_rfc3339(*each.since) : "";
    csv += csv_cell(each.name) + ',' + csv_cell(each.source) + ',' + since + "\r\n";
  }
  return csv;
}

std::string to_csv(const SeriesAnswer& answer) {
  std::string csv = "time,events,page_views,unique_users\r\n";
  for (const auto& point : answer.points)
    csv += activity::format_rfc3339(point.time) + csv_numbers(point.numbers);
  return csv;
}

std::string to_csv(const TopAnswer& answer) {
  std::string csv(answer.dimension);
  csv += ",events,page_views,unique_users\r\n";
  for (const auto& row : answer.rows) csv += csv_cell(row.value) + csv_numbers(row.numbers);
  return csv;
}

std::string csv_cell(std::string_view text) {
  // Spreadsheets evaluate a cell that begins so. An apostrophe in front makes it a text.
  const bool formula = !text.empty() && std::string_view("=+-@\t\r").contains(text.front());
  std::string cell(formula ? "'" : "");
  cell += text;
  // RFC 4180: a cell with a quotation mark, a comma or a line break is quoted, and its quotation marks
  // doubled.
  if (cell.find_first_of("\",\r\n") == std::string::npos) return cell;
  std::string quoted = "\"";
  for (const char byte : cell) {
    if (byte == '"') quoted += '"';
    quoted += byte;
  }
  return quoted + '"';
}

}  // namespace weir::report
