// The named statements of one connection, prepared once.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <unordered_map>

#include "base/result.hpp"
#include "sqlite/database.hpp"

namespace weir::sqlite {

// The SQL of a statement, under the name that C++ code uses for it. Lives as long as the program.
struct NamedSql {
  std::string_view name;
  std::string sql;

  NamedSql(std::string_view its_name, std::string its_sql) : name(its_name), sql(std::move(its_sql)) {}
  NamedSql(const NamedSql&) = delete;  // a statement is found by the address of its name
  NamedSql& operator=(const NamedSql&) = delete;
};

// Belongs to the thread of its connection, and must be destroyed before the connection.
class PreparedStatements {
 public:
  // Prepares all of `list`. ErrorKind::invalid, code_tables_differ: a table or a column is missing; the text
  // names it and the statement. Other errors are those of Database::prepare().
  static Result<PreparedStatements> prepare(Database& database, std::span<const NamedSql* const> list);

  // The statement must be in the list. One hash lookup.
  [[nodiscard]] Statement& operator[](const NamedSql& sql);

 private:
  std::unordered_map<const NamedSql*, Statement> statements_;
};

}  // namespace weir::sqlite
