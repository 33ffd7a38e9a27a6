#include "postgres/scan_sql.hpp"

namespace weir::postgres {

namespace {

// Where rows are looked up, one window after the other, they are found by the whole of their key whatever the
// planner believes of the tables: hence LATERAL … OFFSET 0, as in store_sql.hpp. As a plain join, over tables
// that had grown since they were last analysed, each of the windows read all rows of the topic.
std::string lookup(bool remainders, const std::string& rows) {
  // Who is there at all: the minutes with a remainder, or the windows, each of which has one total row.
  std::string sql = remainders ? "activity_unrolled AS known " : "activity_windows AS known ";
  sql += "CROSS JOIN LATERAL (SELECT w.* FROM activity_windows AS w " + rows +
         " AND w.window_start = known.window_start AND w.partition = known.partition OFFSET 0) AS w "
         "WHERE known.topic = $1::text AND known.window_start >= $4::timestamptz "
         "AND known.window_start < $5::timestamptz";
  if (!remainders) sql += " AND known.granularity = $2::smallint AND known.dimension = 0";
  return sql;
}

// Every row of the runs with these columns of w. LATERAL … OFFSET 0: as in lookup().
std::string rows_of_runs(const std::string& stored, const std::string& remainder) {
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
         remainder + " " + windows +
         "w.granularity = 0 AND w.window_start = known.window_start AND w.partition = known.partition"
         " AND w.events > w.rolled_events OFFSET 0) AS w";
}

constexpr std::string_view stored_counts = "w.value, w.events, w.page_views";
constexpr std::string_view remaining_counts =
    "w.value, w.events - w.rolled_events AS events, w.page_views - w.rolled_page_views AS page_views";

}  // namespace

std::string count_by_value_sql() {
  return "SELECT value, sum(events)::bigint, sum(page_views)::bigint FROM (" +
         rows_of_runs(std::string(stored_counts), std::string(remaining_counts)) +
         ") AS w GROUP BY value ORDER BY value";
}

std::string users_by_value_sql() {
  return "SELECT value, events, page_views, users FROM (" +
         rows_of_runs(std::string(stored_counts) + ", w.users", std::string(remaining_counts) + ", w.users") +
         ") AS w ORDER BY value";
}

std::string scan_sql(const Scan& scan) {
  std::string sql = scan.remainders
                        ? "SELECT w.window_start, w.partition, w.value, w.events - w.rolled_events, "
                          "w.page_views - w.rolled_page_views"
                        : "SELECT w.window_start, w.partition, w.value, w.events, w.page_views";
  if (scan.users) sql += ", w.users";
  std::string rows =
      "WHERE w.topic = $1::text AND w.granularity = $2::smallint AND w.dimension = $3::smallint";
  if (scan.remainders) rows += " AND w.events > w.rolled_events";
  if (scan.values != Scan::Values::all) rows += " AND w.value = ANY ($6::text[])";
  if (scan.remainders || scan.values == Scan::Values::few)
    return sql + " FROM " + lookup(scan.remainders, rows);
  return sql + " FROM activity_windows AS w " + rows +
         " AND w.window_start >= $4::timestamptz AND w.window_start < $5::timestamptz";
}

const Keywords& reader_session() {
  static const Keywords session{{"enable_hashjoin", "off"},     {"enable_mergejoin", "off"},
                                {"enable_seqscan", "off"},      {"join_collapse_limit", "1"},
                                {"cursor_tuple_fraction", "1"}, {"jit", "off"},
                                {"enable_hashagg", "off"}};
  return session;
}

}  // namespace weir::postgres
