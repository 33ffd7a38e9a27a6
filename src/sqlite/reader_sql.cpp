// Each statement finds its rows by the primary key of activity_windows, with any statistics of the file.
// CROSS JOIN fixes the order of the joins in SQLite.
#include "sqlite/reader_sql.hpp"

#include <memory>
#include <string>
#include <vector>

#include "sqlite/store_rows.hpp"
#include "tally/ledger_columns.hpp"

namespace weir::sqlite::reader_sql {
namespace {

using report::Scan;

// A minute's counts that its hour and day lack. Its sketch is whole, because a union ignores what is united
// twice.
constexpr std::string_view pending_counts = "w.events - w.rolled_events, w.page_views - w.rolled_page_views";

std::string scan_text(const Scan& scan) {
  const bool few = scan.values == Scan::Values::few;
  std::string sql;
  if (few) sql = "WITH wanted AS MATERIALIZED (SELECT DISTINCT value FROM json_each(?6)) ";
  sql += "SELECT w.window_start, w.partition, w.value, ";
  sql += scan.pending_rollup ? pending_counts : "w.events, w.page_views";
  if (scan.users) sql += ", w.users";
  sql += " FROM ";
  if (scan.pending_rollup || few) {
    // First the windows that exist: minutes with counts pending roll-up, or each window's one total row.
    sql += scan.pending_rollup ? "activity_unrolled AS known" : "activity_windows AS known";
    if (few) sql += " CROSS JOIN wanted";
    // The unary plus hides the range of known.window_start from the planner. Otherwise it applies the range
    // to w, as a better constraint than the equality, and reads the whole range for each minute.
    sql +=
        " CROSS JOIN activity_windows AS w ON w.window_start = +known.window_start"
        " AND w.partition = known.partition AND known.topic = ?1"
        " AND known.window_start >= ?4 AND known.window_start < ?5";
    if (few) sql += " AND w.value = wanted.value";
    if (!scan.pending_rollup) sql += " AND known.granularity = ?2 AND known.dimension = 0";
  } else {
    sql += "activity_windows AS w";
  }
  sql += " WHERE w.topic = ?1 AND w.granularity = ?2 AND w.dimension = ?3";
  if (!scan.pending_rollup && !few) sql += " AND w.window_start >= ?4 AND w.window_start < ?5";
  if (scan.pending_rollup) sql += " AND w.events > w.rolled_events";
  if (scan.values == Scan::Values::many) sql += " AND +w.value IN (SELECT value FROM json_each(?6))";
  return sql;
}

// Every row of the runs, with these columns of w for stored rows and for what is pending roll-up.
std::string rows_of_runs(const std::string& stored, const std::string& pending) {
  const std::string windows = " CROSS JOIN activity_windows AS w ON w.topic = ?1 AND w.dimension = ?2 AND ";
  return "SELECT " + stored + " FROM json_each(?3) AS run" + windows +
         "w.granularity = json_extract(run.value, '$[0]')"
         " AND w.window_start >= json_extract(run.value, '$[1]')"
         " AND w.window_start < json_extract(run.value, '$[2]')"
         " UNION ALL SELECT " +
         pending +
         " FROM json_each(?3) AS run CROSS JOIN activity_unrolled AS known ON known.topic = ?1"
         " AND known.window_start >= json_extract(run.value, '$[1]')"
         " AND known.window_start < json_extract(run.value, '$[2]')"
         // The unary plus: as in scan_text().
         + windows +
         "w.granularity = 0 AND w.window_start = +known.window_start AND w.partition = known.partition"
         " WHERE json_extract(run.value, '$[0]') > 0 AND w.events > w.rolled_events";
}

constexpr std::string_view stored_columns =
    "w.value AS value, w.events AS events, w.page_views AS page_views";

std::string count_by_value_text() {
  return "SELECT value, sum(events), sum(page_views) FROM (" +
         rows_of_runs(std::string(stored_columns), "w.value, " + std::string(pending_counts)) +
         ") GROUP BY value ORDER BY value";
}

std::string users_by_value_text() {
  const std::string rest = ", CASE WHEN length(w.users) <= " + std::to_string(inline_users_bytes_max) +
                           " THEN w.users END AS users, w.granularity AS granularity,"
                           " w.window_start AS window_start, w.partition AS partition";
  return rows_of_runs(std::string(stored_columns) + rest, "w.value, " + std::string(pending_counts) + rest) +
         " ORDER BY value";
}

}  // namespace

const NamedSql horizons{"horizons", "SELECT granularity, pruned_to FROM activity_horizon"};

const NamedSql dimensions{"dimensions", std::string(read_dimensions_sql)};

const NamedSql ledgers{"ledgers", "SELECT " + std::string(tally::ledger_columns) +
                                      " FROM activity_ledger WHERE topic = ?1 ORDER BY partition"};

const NamedSql count_by_value{"count_by_value", count_by_value_text()};

const NamedSql users_by_value{"users_by_value", users_by_value_text()};

const NamedSql users_of_row{"users_of_row", R"sql(
SELECT users FROM activity_windows
WHERE topic = ?1 AND dimension = ?2 AND granularity = ?3 AND window_start = ?4 AND partition = ?5 AND value = ?6)sql"};

const NamedSql day_marks{"day_marks", R"sql(
SELECT window_start, partition, 0, events, last_write_ms FROM activity_windows
WHERE topic = ?1 AND granularity = 2 AND dimension = 0 AND window_start >= ?2 AND window_start < ?3
UNION ALL
SELECT window_start, partition, 1, 0, 0 FROM activity_unrolled
WHERE topic = ?1 AND window_start >= ?2 AND window_start < ?3)sql"};

namespace {

constexpr std::string_view dead_letter_columns =
    "partition, offset, reason, detail, key, value, at, attempts, replayed_at";
constexpr std::string_view matching_dead_letters =
    " FROM activity_dead_letters WHERE topic = ?1 AND (partition, offset) > (?8, ?9)"
    " AND (?2 IS NULL OR reason = ?2) AND (?3 IS NULL OR at >= ?3) AND (?4 IS NULL OR at < ?4)"
    " AND (?5 IS NULL OR partition = ?5) AND (?6 IS NULL OR offset = ?6)"
    " AND (?7 = 0 OR replayed_at IS NULL)";

}  // namespace

const NamedSql dead_letters{"dead_letters", "SELECT " + std::string(dead_letter_columns) +
                                                std::string(matching_dead_letters) +
                                                " ORDER BY partition, offset"};

// Beside max(), SQLite takes the other columns from the row that has the maximum. The key of the maximum is
// of fixed width, so that rows of one moment have an order.
const NamedSql dead_letter_groups{
    "dead_letter_groups", "SELECT " + std::string(dead_letter_columns) +
                              ", count(*), sum(attempts), count(replayed_at),"
                              " max(at || printf('%010d%020d', partition, offset))" +
                              std::string(matching_dead_letters) + " GROUP BY reason ORDER BY reason"};

const NamedSql& scan(const Scan& scan) {
  static const std::vector<std::unique_ptr<const NamedSql>> scans = [] {
    std::vector<std::unique_ptr<const NamedSql>> made;
    for (std::size_t index = 0; index < Scan::count; ++index)
      made.push_back(std::make_unique<const NamedSql>("scan", scan_text(report::scan_at(index))));
    return made;
  }();
  return *scans[report::index_of(scan)];
}

std::span<const NamedSql* const> all() {
  static const std::vector<const NamedSql*> list = [] {
    std::vector<const NamedSql*> made{&horizons,       &dimensions,     &ledgers,
                                      &count_by_value, &users_by_value, &users_of_row,
                                      &day_marks,      &dead_letters,   &dead_letter_groups};
    for (std::size_t index = 0; index < Scan::count; ++index) made.push_back(&scan(report::scan_at(index)));
    return made;
  }();
  return list;
}

}  // namespace weir::sqlite::reader_sql
