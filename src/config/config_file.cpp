// The only file that uses toml++. Errors are values: the library is compiled without its exceptions.
#include "config/config_file.hpp"

#include <cerrno>
#include <cstring>
#include <fstream>
#include <iterator>
#include <optional>

#include "base/limits.hpp"
#include "base/printable.hpp"

#define TOML_EXCEPTIONS 0
#define TOML_ENABLE_FORMATTERS 0
#include <toml++/toml.h>

namespace weir::config {
namespace {

constexpr std::size_t file_bytes_max = limits::MiB;

std::string about(const std::filesystem::path& path) { return "CONFIG_FILE " + printable(path.string()); }

// A string or a whole number; nothing for any other value.
std::optional<std::string> scalar_text(const toml::node& node) {
  if (const auto* text = node.as_string()) return text->get();
  if (const auto* number = node.as_integer()) return std::to_string(number->get());
  if (const auto* flag = node.as_boolean()) return flag->get() ? "true" : "false";
  return std::nullopt;
}

// Returns a list as the text with commas that the same setting has in the environment.
std::optional<std::string> value_text(const toml::node& node) {
  const toml::array* const list = node.as_array();
  if (list == nullptr) return scalar_text(node);
  std::string joined;
  for (const toml::node& entry : *list) {
    const auto text = scalar_text(entry);
    if (!text) return std::nullopt;
    joined.append(joined.empty() ? "" : ",").append(*text);
  }
  return joined;
}

// A file that cannot be used as a whole has this error and no texts.
SourceTexts with_error(const std::filesystem::path& path, std::string_view what) {
  return {.origin = Origin::file,
          .texts = {},
          .errors = {{"CONFIG_FILE", about(path) + std::string(what), Origin::file}}};
}

}  // namespace

SourceTexts parse_config_file(std::string_view toml, const std::filesystem::path& path) {
  const toml::parse_result parsed = toml::parse(toml, path.string());
  const auto line = [](const toml::source_region& region) {
    return ", line " + std::to_string(region.begin.line);
  };
  if (!parsed)
    return with_error(path, line(parsed.error().source()) + ": " + printable(parsed.error().description()) +
                                "; expected TOML");
  SourceTexts file{.origin = Origin::file, .texts = {}, .errors = {}};
  // Every wrong key is reported, with its line, not the first one alone.
  for (const auto& [key, node] : parsed.table()) {
    const std::string where = "in " + about(path) + line(key.source());
    if (auto text = value_text(node))
      file.add(key.str(), *std::move(text), where);
    else
      file.errors.push_back({std::string(key.str()),
                             printable(key.str()) + " " + where + ": found " +
                                 (node.is_table() ? "a table" : "a value of another type") +
                                 "; expected a string, a whole number or a list of them",
                             Origin::file});
  }
  return file;
}

SourceTexts read_config_file(const std::filesystem::path& path) {
  errno = 0;
  std::ifstream file(path, std::ios::binary);
  std::error_code ignored;
  if (!file || !std::filesystem::is_regular_file(path, ignored))
    return with_error(path, std::string(": ") + (errno != 0 ? std::strerror(errno) : "it is no file") +
                                "; expected a TOML file that can be read");
  // The bound keeps a wrong path, such as that of a log file, out of memory.
  if (std::filesystem::file_size(path, ignored) > file_bytes_max)
    return with_error(path, ": it is larger than 1 MiB; expected a TOML file with settings");
  const std::string text{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
  if (file.bad()) return with_error(path, ": it cannot be read; expected a TOML file that can be read");
  return parse_config_file(text, path);
}

}  // namespace weir::config
