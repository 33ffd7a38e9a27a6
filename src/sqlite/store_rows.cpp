#include "sqlite/store_rows.hpp"

#include <chrono>
#include <optional>

#include "activity/rfc3339.hpp"

namespace weir::sqlite {
namespace {

constexpr std::size_t moment_bytes = std::string_view("2015-05-19T09:00:00.000Z").size();

// The number in `text` from `at` on, if it is all digits.
std::optional<int> digits(std::string_view text, std::size_t at, std::size_t count) {
  int number = 0;
  for (const char digit : text.substr(at, count)) {
    if (digit < '0' || digit > '9') return std::nullopt;
    number = number * 10 + (digit - '0');
  }
  return number;
}

}  // namespace

std::string moment_text(WallTime moment) { return activity::format_rfc3339(moment); }

Result<WallTime> parse_moment(std::string_view text) {
  const auto wrong = [text] {
    return fail(Move::ourselves, "moment_unreadable",
                "\"" + std::string(text) + "\" stands where a moment like 2015-05-19T09:00:00.000Z should");
  };
  if (text.size() != moment_bytes) return wrong();
  constexpr std::string_view shape = "0000-00-00T00:00:00.000Z";
  for (std::size_t at = 0; at < text.size(); ++at) {
    if (shape[at] != '0' && text[at] != shape[at]) return wrong();
  }
  const auto year = digits(text, 0, 4);
  const auto month = digits(text, 5, 2);
  const auto day = digits(text, 8, 2);
  const auto hour = digits(text, 11, 2);
  const auto minute = digits(text, 14, 2);
  const auto second = digits(text, 17, 2);
  const auto thousandth = digits(text, 20, 3);
  if (!year || !month || !day || !hour || !minute || !second || !thousandth) return wrong();
  const std::chrono::year_month_day date{std::chrono::year(*year),
                                         std::chrono::month(static_cast<unsigned>(*month)),
                                         std::chrono::day(static_cast<unsigned>(*day))};
  if (!date.ok() || *hour > 23 || *minute > 59 || *second > 59) return wrong();
  return std::chrono::sys_days(date) + std::chrono::hours(*hour) + std::chrono::minutes(*minute) +
         std::chrono::seconds(*second) + std::chrono::milliseconds(*thousandth);
}

Result<tally::LedgerRow> ledger_row(const Statement& statement) {
  tally::LedgerRow row;
  row.partition = static_cast<std::int32_t>(statement.number(0));
  row.start_offset = statement.number(1);
  row.next_offset = statement.number(2);
  row.version = statement.number(3);
  row.read = statement.number(4);
  row.tallied = statement.number(5);
  row.duplicate = statement.number(6);
  row.dead_lettered = statement.number(7);
  row.skipped = statement.number(8);
  if (!statement.is_null(9)) row.last_record_hash = statement.number(9);
  row.observed.log_end_offset = statement.number(10);
  if (!statement.is_null(11)) {
    auto oldest = parse_moment(statement.text(11));
    if (!oldest) return pass_on(oldest);
    row.observed.oldest_unread_at = *oldest;
  }
  auto observed = parse_moment(statement.text(12));
  auto updated = parse_moment(statement.text(13));
  if (!observed) return pass_on(observed);
  if (!updated) return pass_on(updated);
  row.observed.observed_at = *observed;
  row.updated_at = *updated;
  return row;
}

tally::WindowRow window_row(const Statement& statement, tally::Granularity granularity, WindowStart start,
                            std::int32_t partition) {
  const auto small = [&statement](int column) { return static_cast<std::int32_t>(statement.number(column)); };
  return {.key = {granularity, static_cast<tally::Dimension>(statement.number(0)), start, partition,
                  std::string(statement.text(1))},
          .events = statement.number(2),
          .page_views = statement.number(3),
          .rolled_events = statement.number(4),
          .rolled_page_views = statement.number(5),
          .place = small(6),
          .stored = {small(7), small(8), small(9)},  // null where there are none, which reads as 0
          .users = std::string(statement.blob(10))};
}

}  // namespace weir::sqlite
