#include "postgres/scan_sql.hpp"

namespace weir::postgres {

std::string scan_sql(const Scan& scan) {
  const bool few = scan.values == Scan::Values::few;
  std::string sql = scan.remainders
                        ? "SELECT w.window_start, w.partition, w.value, w.events - w.rolled_events, "
                          "w.page_views - w.rolled_page_views"
                        : "SELECT w.window_start, w.partition, w.value, w.events, w.page_views";
  if (scan.users) sql += ", w.users";
  sql += " FROM ";
  if (scan.remainders || few) {
    // Who is there at all: the minutes with a remainder, or the windows, each of which has one total row.
    sql += scan.remainders ? "activity_unrolled AS known " : "activity_windows AS known ";
    sql +=
        "JOIN activity_windows AS w ON w.window_start = known.window_start AND w.partition = known.partition "
        "AND known.topic = $1::text AND known.window_start >= $4::timestamptz "
        "AND known.window_start < $5::timestamptz";
    if (!scan.remainders) sql += " AND known.granularity = $2::smallint AND known.dimension = 0";
  } else {
    sql += "activity_windows AS w";
  }
  sql += " WHERE w.topic = $1::text AND w.granularity = $2::smallint AND w.dimension = $3::smallint";
  if (!scan.remainders && !few)
    sql += " AND w.window_start >= $4::timestamptz AND w.window_start < $5::timestamptz";
  if (scan.remainders) sql += " AND w.events > w.rolled_events";
  if (scan.values != Scan::Values::all) sql += " AND w.value = ANY ($6::text[])";
  return sql;
}

const Keywords& reader_session() {
  static const Keywords session{{"enable_hashjoin", "off"},     {"enable_mergejoin", "off"},
                                {"enable_seqscan", "off"},      {"join_collapse_limit", "1"},
                                {"cursor_tuple_fraction", "1"}, {"jit", "off"}};
  return session;
}

}  // namespace weir::postgres
