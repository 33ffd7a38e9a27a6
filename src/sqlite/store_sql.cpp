#include "sqlite/store_sql.hpp"

#include <string>
#include <utility>

#include "base/ensure.hpp"
#include "commit/fence.hpp"
#include "sqlite/store_rows.hpp"

namespace weir::sqlite {

std::vector<std::string> store_statements() {
  const std::string ledger(ledger_columns);
  const std::string window(window_columns);
  return {
      "SELECT group_id FROM activity_ledger WHERE topic = ?1 AND group_id <> ?2 LIMIT 1",
      "SELECT 1 FROM activity_ledger WHERE topic = ?1 LIMIT 1",
      "INSERT INTO activity_ledger (topic, partition, group_id, start_offset, next_offset, log_end_offset, "
      "observed_at, updated_at, version, skipped, counted_from, last_record_hash) "
      "VALUES (?1, ?2, ?3, ?4, ?7, ?7, ?5, ?5, ?6, ?7 - ?4, nullif(?7, ?4), ?8) ON CONFLICT DO NOTHING",
      "SELECT " + ledger + " FROM activity_ledger WHERE topic = ?1 AND partition = ?2",
      "UPDATE activity_ledger SET topic = ?5 WHERE topic = ?1 AND partition = ?2 AND next_offset = ?3 "
      "AND version = ?4",
      "UPDATE activity_dead_letters SET topic = ?3 WHERE topic = ?1 AND partition = ?2",
      "SELECT offset FROM activity_dead_letters WHERE topic = ?1 AND partition = ?2 AND offset >= ?3 "
      "AND offset < ?4 ORDER BY offset",
      "SELECT window_start FROM activity_unrolled WHERE topic = ?1 AND partition = ?2 ORDER BY window_start",
      "UPDATE activity_ledger SET version = version + 1 WHERE topic = ?1 AND partition = ?2 "
      "AND (next_offset = ?3 AND version = ?4 AND tallied = ?5 AND duplicate = ?6 AND dead_lettered = ?7 "
      "AND skipped = ?8" +
          std::string(commit::fence_condition_suffix) + ")",
      "SELECT " + window +
          " FROM activity_windows WHERE topic = ?1 AND granularity = ?2 AND dimension = ?3 "
          "AND window_start = ?4 AND partition = ?5 AND value = ?6",
      // length() reads no page of a sketch.
      "SELECT dimension, place, value, length(users) FROM activity_windows WHERE topic = ?1 AND granularity "
      "= 0 "
      "AND dimension IN (0, 1, 2, 3) AND window_start = ?2 AND partition = ?3 "
      "AND (events <> rolled_events OR page_views <> rolled_page_views)",
      "REPLACE INTO activity_windows (topic, granularity, dimension, window_start, partition, value, events, "
      "page_views, rolled_events, rolled_page_views, place, stored_activity_types, stored_pages, "
      "stored_referrers, last_write_ms, users) "
      "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16)",
      "INSERT INTO activity_unrolled (topic, window_start, partition) VALUES (?1, ?2, ?3) "
      "ON CONFLICT DO NOTHING",
      "DELETE FROM activity_unrolled WHERE topic = ?1 AND window_start = ?2 AND partition = ?3",
      "UPDATE activity_horizon SET pruned_to = ?2 WHERE granularity = ?1 AND pruned_to < ?2",
      "INSERT INTO activity_dead_letters (topic, partition, offset, reason, detail, key, value, at) "
      "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
      "SELECT replayed_at IS NOT NULL FROM activity_dead_letters WHERE topic = ?1 AND partition = ?2 AND "
      "offset = ?3",
      "UPDATE activity_dead_letters SET replayed_at = ?4 WHERE topic = ?1 AND partition = ?2 AND offset = ?3 "
      "AND replayed_at IS NULL",
      "UPDATE activity_dead_letters SET attempts = attempts + ?4 WHERE topic = ?1 AND partition = ?2 "
      "AND offset = ?3",
      "INSERT INTO user_activity_metrics (timestamp, unique_users, page_view_count, created_at) "
      "VALUES (?1, ?2, ?3, ?4)",
      "UPDATE activity_ledger SET next_offset = ?4, read = ?5, tallied = ?6, duplicate = ?7, "
      "dead_lettered = ?8, skipped = ?9, last_record_hash = ?10, log_end_offset = ?11, oldest_unread_at = "
      "?12, observed_at = ?13, updated_at = ?14 WHERE topic = ?1 AND partition = ?2 AND (version = ?3" +
          std::string(commit::fence_condition_suffix) + ")",
      "SELECT window_start, 4 + coalesce(stored_activity_types, 0) + coalesce(stored_pages, 0) "
      "+ coalesce(stored_referrers, 0) FROM activity_windows AS total WHERE topic = ?1 AND granularity = ?2 "
      "AND dimension = 0 AND window_start <= ?3 AND partition = ?4 AND (last_write_ms <= ?5 OR last_write_ms "
      "> ?6) "
      "AND NOT EXISTS (SELECT 1 FROM activity_windows AS other WHERE other.topic = ?1 "
      "AND other.granularity = ?2 AND other.dimension IN (1, 2, 3) AND other.window_start = "
      "total.window_start "
      "AND other.partition = ?4 AND other.last_write_ms > ?5 AND other.last_write_ms <= ?6) "
      "AND NOT (?2 = 0 AND EXISTS (SELECT 1 FROM activity_unrolled AS unrolled WHERE unrolled.topic = ?1 "
      "AND unrolled.window_start = total.window_start AND unrolled.partition = ?4)) "
      "ORDER BY window_start",
      "DELETE FROM activity_windows WHERE topic = ?1 AND granularity = ?2 AND dimension IN (0, 1, 2, 3) "
      "AND window_start = ?3 AND partition = ?4",
      // Rows lie in the order they came, and so nearly in that of their time: no index is worth its upkeep.
      "DELETE FROM user_activity_metrics WHERE timestamp < ?1 "
      "AND id IN (SELECT id FROM user_activity_metrics ORDER BY id LIMIT 1000)",
  };
}

Result<std::vector<Statement>> prepare_store_statements(Database& database) {
  std::vector<Statement> statements;
  for (const std::string& text : store_statements()) {
    auto prepared = database.prepare(text);
    if (!prepared) {
      Error why = std::move(prepared).error();
      if (why.code == code_error) {  // a table or a column is not there
        why.kind = ErrorKind::invalid;
        why.text += "; expected the tables of Weir's metrics store as Weir made them";
      }
      return std::unexpected(std::move(why));
    }
    statements.push_back(std::move(*prepared));
  }
  ensure(statements.size() == static_cast<std::size_t>(StoreSql::count), "every statement has a name");
  return statements;
}

std::string scan_sql(const Scan& scan) {
  const bool few = scan.values == Scan::Values::few;
  std::string sql;
  if (few) sql = "WITH wanted AS MATERIALIZED (SELECT DISTINCT value FROM json_each(?7)) ";
  sql += scan.remainders ? "SELECT w.window_start - w.window_start % ?6, w.partition, w.value, "
                           "w.events - w.rolled_events, w.page_views - w.rolled_page_views"
                         : "SELECT w.window_start, w.partition, w.value, w.events, w.page_views";
  if (scan.users) sql += ", w.users";
  sql += " FROM ";
  if (scan.remainders || few) {
    // Who is there at all: the minutes with a remainder, or the windows, each of which has one total row.
    sql += scan.remainders ? "activity_unrolled AS known" : "activity_windows AS known";
    if (few) sql += " CROSS JOIN wanted";
    // The plus keeps the planner from carrying the range of known.window_start over to w, where it would take
    // it for better than the equality: a look at the whole range for each minute.
    sql +=
        " CROSS JOIN activity_windows AS w ON w.window_start = +known.window_start"
        " AND w.partition = known.partition AND known.topic = ?1"
        " AND known.window_start >= ?4 AND known.window_start < ?5";
    if (few) sql += " AND w.value = wanted.value";
    if (!scan.remainders) sql += " AND known.granularity = ?2 AND known.dimension = 0";
  } else {
    sql += "activity_windows AS w";
  }
  sql += " WHERE w.topic = ?1 AND w.granularity = ?2 AND w.dimension = ?3";
  if (!scan.remainders && !few) sql += " AND w.window_start >= ?4 AND w.window_start < ?5";
  if (scan.remainders) sql += " AND w.events > w.rolled_events";
  if (scan.values == Scan::Values::many) sql += " AND +w.value IN (SELECT value FROM json_each(?7))";
  return sql;
}

namespace {

// Every row of the runs with these columns, which name it w.
std::string rows_of_runs(const std::string& stored, const std::string& remainder) {
  const std::string windows = " CROSS JOIN activity_windows AS w ON w.topic = ?1 AND w.dimension = ?2 AND ";
  return "SELECT " + stored + " FROM json_each(?3) AS run" + windows +
         "w.granularity = json_extract(run.value, '$[0]')"
         " AND w.window_start >= json_extract(run.value, '$[1]')"
         " AND w.window_start < json_extract(run.value, '$[2]')"
         " UNION ALL SELECT " +
         remainder +
         " FROM json_each(?3) AS run CROSS JOIN activity_unrolled AS known ON known.topic = ?1"
         " AND known.window_start >= json_extract(run.value, '$[1]')"
         " AND known.window_start < json_extract(run.value, '$[2]')"
         // The plus: as in scan_sql().
         + windows +
         "w.granularity = 0 AND w.window_start = +known.window_start AND w.partition = known.partition"
         " WHERE json_extract(run.value, '$[0]') > 0 AND w.events > w.rolled_events";
}

}  // namespace

std::string count_by_value_sql() {
  return "SELECT value, sum(events), sum(page_views) FROM (" +
         rows_of_runs("w.value AS value, w.events AS events, w.page_views AS page_views",
                      "w.value, w.events - w.rolled_events, w.page_views - w.rolled_page_views") +
         ") GROUP BY value ORDER BY value";
}

std::string users_by_value_sql() {
  const std::string inline_max = std::to_string(inline_users_bytes_max);
  const std::string key =
      ", CASE WHEN length(w.users) <= " + inline_max +
      " THEN w.users END AS users, w.granularity AS granularity, w.window_start AS window_start,"
      " w.partition AS partition";
  return rows_of_runs("w.value AS value, w.events AS events, w.page_views AS page_views" + key,
                      "w.value, w.events - w.rolled_events, w.page_views - w.rolled_page_views" + key) +
         " ORDER BY value";
}

std::string users_of_row_sql() {
  return "SELECT users FROM activity_windows WHERE topic = ?1 AND dimension = ?2 AND granularity = ?3 "
         "AND window_start = ?4 AND partition = ?5 AND value = ?6";
}

}  // namespace weir::sqlite
