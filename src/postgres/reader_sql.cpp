// Where rows are looked up, one window after the other, they are found by the whole of their key, with any
// statistics of the tables: hence LATERAL … OFFSET 0, as in store_sql.hpp. As a plain join, each window read
// all rows of the topic once the tables had grown since the last ANALYZE.
#include "postgres/reader_sql.hpp"

#include <string>
#include <vector>

#include "postgres/store_rows.hpp"
#include "tally/ledger_columns.hpp"

namespace weir::postgres {

const Keywords& reader_session() {
  static const Keywords session{{"enable_hashjoin", "off"},     {"enable_mergejoin", "off"},
                                {"enable_seqscan", "off"},      {"join_collapse_limit", "1"},
                                {"cursor_tuple_fraction", "1"}, {"jit", "off"},
                                {"enable_hashagg", "off"}};
  return session;
}

namespace reader_sql {
namespace {

using report::Scan;

const std::string declare = "DECLARE weir_scan NO SCROLL CURSOR FOR ";

// A minute's counts that its hour and day lack. Its sketch is whole, because a union ignores what is united
// twice.
constexpr std::string_view pending_counts =
    "w.events - w.rolled_events AS events, w.page_views - w.rolled_page_views AS page_views";

// The rows of `where` in the windows that exist: minutes with counts pending roll-up, or each window's one
// total row.
std::string lookup(bool pending_rollup, const std::string& where) {
  std::string sql = pending_rollup ? "activity_unrolled AS known " : "activity_windows AS known ";
  sql += "CROSS JOIN LATERAL (SELECT w.* FROM activity_windows AS w " + where +
         " AND w.window_start = known.window_start AND w.partition = known.partition OFFSET 0) AS w "
         "WHERE known.topic = $1::text AND known.window_start >= $4::timestamptz "
         "AND known.window_start < $5::timestamptz";
  if (!pending_rollup) sql += " AND known.granularity = $2::smallint AND known.dimension = 0";
  return sql;
}

std::string scan_text(const Scan& scan) {
  std::string sql = "SELECT w.window_start, w.partition, w.value, ";
  sql += scan.pending_rollup ? pending_counts : "w.events, w.page_views";
  if (scan.users) sql += ", w.users";
  std::string where =
      "WHERE w.topic = $1::text AND w.granularity = $2::smallint AND w.dimension = $3::smallint";
  if (scan.pending_rollup) where += " AND w.events > w.rolled_events";
  if (scan.values != Scan::Values::all) where += " AND w.value = ANY ($6::text[])";
  if (scan.pending_rollup || scan.values == Scan::Values::few)
    return sql + " FROM " + lookup(scan.pending_rollup, where);
  return sql + " FROM activity_windows AS w " + where +
         " AND w.window_start >= $4::timestamptz AND w.window_start < $5::timestamptz";
}

// Every row of the runs, with these columns of w for stored rows and for what is pending roll-up.
std::string rows_of_runs(const std::string& stored, const std::string& pending) {
  const std::string runs =
      " FROM unnest($3::smallint[], $4::timestamptz[], $5::timestamptz[]) AS run(granularity, first, past)";
  const std::string windows =
      "FROM activity_windows AS w WHERE w.topic = $1::text AND w.dimension = $2::smallint AND ";
  return "SELECT w.*" + runs + " CROSS JOIN LATERAL (SELECT " + stored + " " + windows +
         "w.granularity = run.granularity AND w.window_start >= run.first AND w.window_start < run.past "
         "OFFSET 0) AS w"
         " UNION ALL SELECT w.*" +
         runs +
         " CROSS JOIN LATERAL (SELECT known.* FROM activity_unrolled AS known WHERE run.granularity > 0"
         " AND known.topic = $1::text AND known.window_start >= run.first AND known.window_start < run.past "
         "OFFSET 0)"
         " AS known CROSS JOIN LATERAL (SELECT " +
         pending + " " + windows +
         "w.granularity = 0 AND w.window_start = known.window_start AND w.partition = known.partition"
         " AND w.events > w.rolled_events OFFSET 0) AS w";
}

std::string count_by_value_text() {
  return "SELECT value, sum(events)::bigint, sum(page_views)::bigint FROM (" +
         rows_of_runs("w.value, w.events, w.page_views", "w.value, " + std::string(pending_counts)) +
         ") AS w GROUP BY value ORDER BY value";
}

std::string users_by_value_text() {
  return "SELECT value, events, page_views, users FROM (" +
         rows_of_runs("w.value, w.events, w.page_views, w.users",
                      "w.value, " + std::string(pending_counts) + ", w.users") +
         ") AS w ORDER BY value";
}

constexpr std::string_view matching_dead_letters =
    " FROM activity_dead_letters AS l WHERE topic = $1::text"
    " AND (partition, \"offset\") > ($8::int, $9::bigint)"
    " AND ($2::text IS NULL OR reason = $2::text) AND ($3::timestamptz IS NULL OR at >= $3::timestamptz)"
    " AND ($4::timestamptz IS NULL OR at < $4::timestamptz) AND ($5::int IS NULL OR partition = $5::int)"
    " AND ($6::bigint IS NULL OR \"offset\" = $6::bigint)"
    " AND (NOT $7::boolean OR replayed_at IS NULL)";

std::string fetch(int rows) { return "FETCH " + std::to_string(rows) + " FROM weir_scan"; }

}  // namespace

const Statement begin{"", "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"};

const Statement horizons{"weir_horizons", "SELECT granularity, pruned_to FROM activity_horizon", "tm",
                         "activity_horizon"};

const Statement dimensions{
    "weir_dimensions", "SELECT " + std::string(dimension_columns) + " FROM activity_dimensions ORDER BY id",
    dimension_kinds, "activity_dimensions"};

const Statement ledgers{"weir_ledgers",
                        "SELECT " + std::string(tally::ledger_columns) +
                            " FROM activity_ledger WHERE topic = $1::text ORDER BY partition",
                        ledger_kinds, "activity_ledger"};

const Statement count_by_value{"weir_count_by_value", declare + count_by_value_text()};

const Statement users_by_value{"weir_users_by_value", declare + users_by_value_text()};

const Statement fetch_windows{"weir_fetch_windows", fetch(rows_of_counts_max), "mntnn", "activity_windows"};

const Statement fetch_windows_with_users{"weir_fetch_windows_with_users", fetch(rows_with_users_max),
                                         "mntnnt", "activity_windows"};

const Statement fetch_values{"weir_fetch_values", fetch(rows_of_counts_max), "tnn", "activity_windows"};

const Statement fetch_values_with_users{"weir_fetch_values_with_users", fetch(rows_with_users_max), "tnnt",
                                        "activity_windows"};

const Statement day_marks{
    "weir_day_marks",
    declare +
        "SELECT window_start, partition, 0::bigint, events, last_write FROM activity_windows"
        " WHERE topic = $1::text AND granularity = 2 AND dimension = 0"
        " AND window_start >= $2::timestamptz AND window_start < $3::timestamptz"
        " UNION ALL SELECT window_start, partition, 1::bigint, 0, to_timestamp(0) FROM activity_unrolled"
        " WHERE topic = $1::text AND window_start >= $2::timestamptz AND window_start < $3::timestamptz"};

const Statement fetch_day_marks{"weir_fetch_day_marks", fetch(rows_of_counts_max), "mnnnm",
                                "activity_windows"};

const Statement dead_letters{"weir_dead_letters", declare + "SELECT " + std::string(dead_letter_columns) +
                                                      std::string(matching_dead_letters) +
                                                      " ORDER BY partition, \"offset\""};

const Statement dead_letter_groups{
    "weir_dead_letter_groups",
    "SELECT DISTINCT ON (reason COLLATE \"C\") " + std::string(dead_letter_columns) +
        ", count(*) OVER same, (sum(attempts) OVER same)::bigint, count(replayed_at) OVER same" +
        std::string(matching_dead_letters) +
        " WINDOW same AS (PARTITION BY reason)"
        " ORDER BY reason COLLATE \"C\", at DESC, partition DESC, \"offset\" DESC",
    "nnttTTmnMnnn", "activity_dead_letters"};

const Statement fetch_dead_letters{"weir_fetch_dead_letters", fetch(dead_letters_max), dead_letter_kinds,
                                   "activity_dead_letters"};

const Statement close{"weir_close", "CLOSE weir_scan"};

const Statement& scan(const Scan& scan) {
  static const std::vector<Statement> scans = [] {
    std::vector<Statement> made;
    for (std::size_t index = 0; index < Scan::count; ++index)
      made.push_back({"weir_scan_" + std::to_string(index), declare + scan_text(report::scan_at(index))});
    return made;
  }();
  return scans[report::index_of(scan)];
}

}  // namespace reader_sql
}  // namespace weir::postgres
