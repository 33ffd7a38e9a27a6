// A set is compiled completely before it is published. Threads that check events load the shared pointer and
// keep the set alive until their check has ended, so reload() waits for no check.
#include "schema/schema_set.hpp"

#include <algorithm>
#include <fstream>
#include <iterator>
#include <system_error>
#include <utility>
#include <vector>

#include "base/limits.hpp"
#include "base/printable.hpp"

namespace weir::schema {
namespace {

constexpr std::string_view suffix = ".json";
constexpr std::string_view default_name = "default";

// Bounds of a folder that was named by mistake.
constexpr std::size_t schemas_max = 10'000;
constexpr std::uintmax_t schema_bytes_max = limits::MiB;

// "SCHEMA_DIR: /etc/schemas/page_view.json: …"
std::string about(const std::filesystem::path& path, std::string_view what) {
  return "SCHEMA_DIR: " + printable(path.string()) + ": " + std::string(what);
}

// Returns the paths of the schema files in ascending order. Subfolders are not searched.
Result<std::vector<std::filesystem::path>> files_of(const std::filesystem::path& folder) {
  std::error_code error;
  std::vector<std::filesystem::path> files;
  std::filesystem::directory_iterator entries(folder, error);
  for (; !error && entries != std::filesystem::directory_iterator(); entries.increment(error))
    if (entries->path().filename().string().ends_with(suffix)) files.push_back(entries->path());
  if (error)
    return fail(ErrorKind::invalid, code_schema_dir,
                about(folder, error.message() + "; expected a folder that can be read"));
  if (files.size() > schemas_max)
    return fail(ErrorKind::invalid, code_schema_dir,
                about(folder, "has " + std::to_string(files.size()) + " schemas; expected at most " +
                                  std::to_string(schemas_max)));
  std::ranges::sort(files);  // so that faults are listed in the same order each time
  return files;
}

// Reads and compiles one file. The caller adds the path to the error.
Result<Schema> read_schema(const std::filesystem::path& path) {
  std::error_code ignored;
  const std::uintmax_t size = std::filesystem::file_size(path, ignored);
  std::ifstream file(path, std::ios::binary);
  if (!file || ignored) return fail(ErrorKind::invalid, code_schema_dir, "cannot be read");
  if (size > schema_bytes_max) return fail(ErrorKind::invalid, code_schema_dir, "is larger than 1 MiB");
  const std::string text{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
  if (file.bad()) return fail(ErrorKind::invalid, code_schema_dir, "cannot be read");
  return Schema::compile(text);
}

}  // namespace

Result<SchemaSet> SchemaSet::load(const std::filesystem::path& folder) {
  const auto files = files_of(folder);
  if (!files) return std::unexpected(files.error());
  SchemaSet set;
  // All files are tried, so that an operator sees every fault at once.
  std::string faults;
  for (const std::filesystem::path& path : *files) {
    auto schema = read_schema(path);
    if (!schema) {
      faults += (faults.empty() ? "" : "; ") + about(path, schema.error().text);
      continue;
    }
    const std::string name = path.filename().string();
    const std::string type = name.substr(0, name.size() - suffix.size());
    if (type == default_name)
      set.default_ = std::move(*schema);
    else
      set.by_type_.emplace(type, std::move(*schema));
  }
  if (!faults.empty()) return fail(ErrorKind::invalid, code_schema_dir, std::move(faults));
  return set;
}

Result<void> SchemaSet::check(std::string_view activity_type, std::string_view json) const {
  const auto found = by_type_.find(activity_type);
  if (found == by_type_.end() && !default_) return {};
  // A type without a schema of its own uses default.json.
  auto checked = (found == by_type_.end() ? *default_ : found->second).check(json);
  if (checked) return checked;
  const std::string name = found == by_type_.end() ? std::string(default_name) : printable(found->first);
  checked.error().text += " (schema " + name + std::string(suffix) + ")";
  return checked;
}

Schemas::Schemas(std::filesystem::path folder, SchemaSet set)
    : folder_(std::move(folder)), current_(std::make_shared<const SchemaSet>(std::move(set))) {}

Result<std::unique_ptr<Schemas>> Schemas::open(std::filesystem::path folder) {
  auto set = SchemaSet::load(folder);
  if (!set) return propagate(set);
  return std::unique_ptr<Schemas>(new Schemas(std::move(folder), std::move(*set)));
}

Result<std::size_t> Schemas::reload() {
  auto set = SchemaSet::load(folder_);
  if (!set) return propagate(set);
  const std::size_t size = set->size();
  // Checks that run now keep the old set; later ones load the new set.
  current_.store(std::make_shared<const SchemaSet>(std::move(*set)));
  return size;
}

Result<void> Schemas::check(std::string_view activity_type, std::string_view json) const {
  return current_.load()->check(activity_type, json);
}

}  // namespace weir::schema
