#include "sqlite/prepared_statements.hpp"

#include <utility>

#include "base/ensure.hpp"

namespace weir::sqlite {

Result<PreparedStatements> PreparedStatements::prepare(Database& database,
                                                       std::span<const NamedSql* const> list) {
  // All statements are prepared at start. If a table was changed by other means, the start fails, not a later
  // flush.
  PreparedStatements prepared;
  for (const NamedSql* const sql : list) {
    auto statement = database.prepare(sql->sql);
    if (!statement) {
      Error why = std::move(statement).error();
      // SQLite has no result code of its own for a missing table or column.
      if (why.code == code_error) {
        why.kind = ErrorKind::invalid;
        why.code = code_tables_differ;
        why.text +=
            ", in the statement " + std::string(sql->name) + "; expected the tables as Weir creates them";
      }
      return std::unexpected(std::move(why));
    }
    prepared.statements_.emplace(sql, std::move(*statement));
  }
  return prepared;
}

Statement& PreparedStatements::operator[](const NamedSql& sql) {
  const auto found = statements_.find(&sql);
  ensure(found != statements_.end(), "a statement that is run is in the list of those that are prepared");
  return found->second;
}

}  // namespace weir::sqlite
