// The schemas of SCHEMA_DIR, by activity type. intake and consumer check each event in the same way.
#pragma once

#include <atomic>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.hpp"
#include "schema/schema.hpp"

namespace weir::schema {

// The code of all errors of load(), open() and reload().
inline constexpr std::string_view code_schema_dir = "schema_dir";

// Immutable. check() may be called on any thread.
class SchemaSet {
 public:
  // Reads and compiles the files of the folder whose names end in ".json": `<activity_type>.json` is the
  // schema of that type, `default.json` that of all types without one. Other files are ignored.
  //
  // ErrorKind::invalid, schema_dir: the folder or a file cannot be read, or a schema cannot be used. The text
  // names the file and the reason (Schema::compile), for each file that is wrong.
  static Result<SchemaSet> load(const std::filesystem::path& folder);

  // Checks an event that decodes. An event whose type has no schema passes if there is no default. Errors are
  // those of Schema::check(); the text names the file of the schema.
  [[nodiscard]] Result<void> check(std::string_view activity_type, std::string_view json) const;

  [[nodiscard]] std::size_t size() const { return by_type_.size() + (default_ ? 1 : 0); }

 private:
  std::map<std::string, Schema, std::less<>> by_type_;
  std::optional<Schema> default_;
};

// The set that is in force. reload() swaps it as a whole; a check under way ends with the one it began with.
//
// Thread-safe. check() takes no lock.
class Schemas {
 public:
  // Errors are those of SchemaSet::load().
  static Result<std::unique_ptr<Schemas>> open(std::filesystem::path folder);

  // Reads the folder again. On an error the set in force stays. Returns the number of schemas.
  Result<std::size_t> reload();

  [[nodiscard]] Result<void> check(std::string_view activity_type, std::string_view json) const;

 private:
  Schemas(std::filesystem::path folder, SchemaSet set);

  const std::filesystem::path folder_;
  std::atomic<std::shared_ptr<const SchemaSet>> current_;
};

}  // namespace weir::schema
