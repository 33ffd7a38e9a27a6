// Everything runs on the calling thread and session: the checks that need no table, the version, then the
// missing migrations as one script between BEGIN with the advisory lock and COMMIT. The version is read again
// under the lock, because another process may have migrated while this one waited.
#include "postgres/migrations.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include "postgres/errors.hpp"
#include "postgres/schema.hpp"

namespace weir::postgres {
namespace {

constexpr int oldest_server = 13'00'00;

// The ASCII text "weirtabl" as a number. All processes that share a database use the same one.
constexpr std::string_view lock_sql = "SELECT pg_advisory_xact_lock(8603398603460928108)";

int newest_version() { return static_cast<int>(schema_migrations().size()); }

// Adds to the text what was being done.
Error while_doing(std::string_view what, Error error) {
  error.text = std::string(what) + ": " + error.text;
  return error;
}

// What Weir needs of a server and of a database, apart from its tables.
Result<void> check_server(Connection& connection) {
  const int version = connection.server_version();
  if (version < oldest_server)
    return fail(ErrorKind::invalid, code_too_old,
                "the server is PostgreSQL " + std::to_string(version / 10'000) + "; expected 13 or later");
  auto facts = connection.run(Statement{
      "", "SELECT current_setting('server_encoding'), current_setting('transaction_read_only') = 'on'"});
  if (!facts) return propagate(facts);
  if (facts->bytes(0, 0) != "UTF8")
    return fail(ErrorKind::invalid, code_encoding,
                "the database's encoding is " + std::string(facts->bytes(0, 0)) +
                    "; expected UTF8 (CREATE DATABASE … ENCODING 'UTF8' TEMPLATE template0)");
  if (facts->number(0, 1) != 0)
    return fail(
        ErrorKind::invalid, code_read_only,
        "the database is read only (a standby, or default_transaction_read_only); expected one that can "
        "be written");
  return {};
}

// The version of the tables; 0 if there are none.
Result<int> version_of(Connection& connection) {
  // to_regclass() would answer from the catalog cache, as it was before this session waited for the lock. A
  // query on pg_class refreshes the cache.
  auto there =
      connection.run(Statement{"",
                               "SELECT EXISTS (SELECT 1 FROM pg_class WHERE relname = 'activity_schema' "
                               "AND pg_table_is_visible(oid))"});
  if (!there) return propagate(there);
  if (there->number(0, 0) == 0) return 0;
  auto version = connection.run(
      Statement{"", "SELECT coalesce(max(version), 0) FROM activity_schema", "n", "activity_schema"});
  if (!version) return propagate(version);
  const auto found = static_cast<int>(version->number(0, 0));
  if (found > newest_version())
    return fail(ErrorKind::invalid, code_newer,
                "the tables are of version " + std::to_string(found) +
                    ", created by a newer Weir; expected at most " + std::to_string(newest_version()));
  return found;
}

// All missing migrations with their rows in activity_schema, then the views. client_min_messages hides the
// notice of IF NOT EXISTS.
std::string script_from(int version) {
  std::string sql =
      "SET LOCAL client_min_messages = warning;\n"
      "CREATE TABLE IF NOT EXISTS activity_schema (version INTEGER PRIMARY KEY, "
      "applied_at TIMESTAMPTZ NOT NULL DEFAULT now());\n";
  for (int next = version; next < newest_version(); ++next) {
    sql += schema_migrations()[static_cast<std::size_t>(next)];
    sql += ";\nINSERT INTO activity_schema (version) VALUES (" + std::to_string(next + 1) + ");\n";
  }
  return sql + schema_views();
}

// Leaves the transaction open after an error; the caller rolls it back.
Result<void> apply(Connection& connection) {
  const Statement begin{"", "BEGIN"};
  const Statement lock{"", std::string(lock_sql)};
  const Parameters none;
  auto begun = connection.run(std::array{Connection::Call{begin, none}, Connection::Call{lock, none}});
  if (!begun) return propagate(begun);
  auto version = version_of(connection);  // again, under the lock
  if (!version) return propagate(version);
  if (*version == newest_version()) return {};
  if (auto ran = connection.run_script(script_from(*version)); !ran) return ran;
  auto committed = connection.run(Statement{"", "COMMIT"});
  if (!committed) return propagate(committed);
  return {};
}

// The first column that Weir needs and that is missing. A table that is missing lacks each of its columns.
constexpr std::string_view missing_sql =
    "SELECT want.table_name, want.column_name, to_regclass(want.table_name) IS NULL "
    "FROM unnest($1::text[], $2::text[]) WITH ORDINALITY AS want(table_name, column_name, place) "
    "WHERE NOT EXISTS (SELECT 1 FROM pg_attribute AS a WHERE a.attrelid = to_regclass(want.table_name) "
    "AND a.attname = want.column_name AND a.attnum > 0 AND NOT a.attisdropped) ORDER BY place LIMIT 1";

// The first column that has another type than Weir has given it.
constexpr std::string_view other_type_sql =
    "SELECT want.table_name, want.column_name, format_type(a.atttypid, a.atttypmod), want.type_name "
    "FROM unnest($1::text[], $2::text[], $3::text[]) WITH ORDINALITY "
    "AS want(table_name, column_name, type_name, place) "
    "JOIN pg_attribute AS a ON a.attrelid = to_regclass(want.table_name) AND a.attname = want.column_name "
    "AND a.attnum > 0 AND NOT a.attisdropped JOIN pg_type AS t ON t.oid = a.atttypid "
    "WHERE want.type_name <> '' AND t.typname <> want.type_name ORDER BY place LIMIT 1";

// A column of an adopted user_activity_metrics that an INSERT of Weir cannot fill: it has another type, or it
// is NOT NULL and has no default.
constexpr std::string_view unfit_sql =
    "SELECT a.attname::text, format_type(a.atttypid, a.atttypmod), coalesce(fit.expected, '') "
    "FROM pg_attribute AS a LEFT JOIN (VALUES "
    "('timestamp', ARRAY['timestamptz', 'timestamp'], 'TIMESTAMPTZ or TIMESTAMP'), "
    "('created_at', ARRAY['timestamptz', 'timestamp'], 'TIMESTAMPTZ or TIMESTAMP'), "
    "('unique_users', ARRAY['int8', 'int4', 'numeric'], 'BIGINT, INTEGER or NUMERIC'), "
    "('page_view_count', ARRAY['int8', 'int4', 'numeric'], 'BIGINT, INTEGER or NUMERIC')"
    ") AS fit(name, types, expected) ON fit.name = a.attname "
    "JOIN pg_type AS t ON t.oid = a.atttypid "
    "WHERE a.attrelid = to_regclass('user_activity_metrics') AND a.attnum > 0 AND NOT a.attisdropped "
    "AND CASE WHEN fit.name IS NULL THEN a.attnotnull AND NOT a.atthasdef AND a.attidentity = '' "
    "ELSE t.typname <> ALL (fit.types) END ORDER BY a.attnum LIMIT 1";

// Cuts the first word off.
std::string_view next_word(std::string_view& rest) {
  const auto end = std::min(rest.find(' '), rest.size());
  const std::string_view word = rest.substr(0, end);
  rest.remove_prefix(std::min(end + 1, rest.size()));
  return word;
}

// The parameters of missing_sql, and of other_type_sql if `typed`.
Parameters wanted_columns(bool typed) {
  Array tables(Type::text);
  Array columns(Type::text);
  Array types(Type::text);
  for (const TableColumns& wanted : schema_columns()) {
    std::string_view rest = wanted.columns;
    std::string_view types_left = wanted.types;
    while (!rest.empty()) {
      tables.add(wanted.table);
      columns.add(next_word(rest));
      types.add(next_word(types_left));
    }
  }
  Parameters parameters;
  parameters.add(std::move(tables)).add(std::move(columns));
  if (typed) parameters.add(std::move(types));
  return parameters;
}

}  // namespace

// Three queries in one round trip. The first fault in this order is reported: missing, of another type,
// cannot be filled.
Result<void> check_columns(Connection& connection) {
  const Statement missing{"", std::string(missing_sql)};
  const Statement other_type{"", std::string(other_type_sql)};
  const Statement unfit{"", std::string(unfit_sql)};
  const Parameters none;
  auto found = connection.run(std::array{Connection::Call{missing, wanted_columns(false)},
                                         Connection::Call{other_type, wanted_columns(true)},
                                         Connection::Call{unfit, none}});
  if (!found) return propagate(found);
  if (const Rows& first = found->front(); first.count() > 0) {
    const std::string table(first.bytes(0, 0));
    if (first.number(0, 2) != 0)
      return fail(ErrorKind::invalid, code_tables_differ,
                  "table " + table + " is missing; expected it beside activity_schema");
    return fail(ErrorKind::invalid, code_tables_differ,
                "table " + table + " has no column " + std::string(first.bytes(0, 1)) +
                    "; expected it as Weir creates it");
  }
  if (const Rows& first = (*found)[1]; first.count() > 0) {
    return fail(ErrorKind::invalid, code_tables_differ,
                "column " + std::string(first.bytes(0, 0)) + "." + std::string(first.bytes(0, 1)) + " is " +
                    std::string(first.bytes(0, 2)) + "; expected " + std::string(first.bytes(0, 3)) +
                    ", as Weir creates it");
  }
  if (const Rows& first = found->back(); first.count() > 0) {
    const std::string column = "column user_activity_metrics." + std::string(first.bytes(0, 0));
    const std::string type(first.bytes(0, 1));
    if (first.bytes(0, 2).empty())
      return fail(ErrorKind::invalid, code_tables_differ,
                  column + " is NOT NULL without a default; Weir has no value for it: give it a default");
    return fail(ErrorKind::invalid, code_tables_differ,
                column + " is " + type + "; expected " + std::string(first.bytes(0, 2)));
  }
  return {};
}

Result<void> migrate(Connection& connection) {
  if (auto fit = check_server(connection); !fit) return fit;
  auto version = version_of(connection);
  if (!version) return propagate(version);
  if (*version < newest_version()) {
    auto applied = apply(connection);
    connection.rollback();  // does nothing after a commit
    if (!applied)
      return std::unexpected(while_doing("creating or migrating the tables", std::move(applied).error()));
  }
  return check_columns(connection);
}

}  // namespace weir::postgres
