// Parses the list entry by entry and stops at the first invalid one. An error names the entry. Limits and
// rules of names are those of tally; a name must also differ from the parameters of the API, because it is a
// filter there.
#include "config/dimension_list.hpp"

#include <algorithm>

#include "base/limits.hpp"
#include "base/text.hpp"
#include "report/query.hpp"

namespace weir::config {
namespace {

constexpr std::size_t source_bytes_max = 256;

std::unexpected<std::string> refuse(std::string_view entry, std::string_view why) {
  return std::unexpected("'" + std::string(entry) + "': " + std::string(why));
}

std::expected<tally::OwnDimension, std::string> parse_entry(std::string_view entry) {
  const std::size_t equals = entry.find('=');
  if (equals == std::string_view::npos) return refuse(entry, "there is no '=' in it");
  const std::string_view name = trimmed(entry.substr(0, equals), json_spaces);
  const std::string_view source = trimmed(entry.substr(equals + 1), json_spaces);
  if (!tally::is_dimension_name(name))
    return refuse(entry, "the name must begin with a letter and be of at most 32 of a to z, 0 to 9 and _");
  if (tally::dimension_named(name)) return refuse(entry, "the name is that of a built-in dimension");
  if (report::is_api_parameter(name)) return refuse(entry, "the name is that of a parameter of the API");
  auto parsed = tally::parse_dimension_source(source);
  if (!parsed || source.size() > source_bytes_max)
    return refuse(entry, "the source must be metadata.<member> or query.<parameter>, of at most " +
                             std::to_string(source_bytes_max) + " bytes");
  return tally::OwnDimension{std::string(name), *std::move(parsed)};
}

}  // namespace

std::expected<std::vector<tally::OwnDimension>, std::string> parse_dimension_list(std::string_view text) {
  std::vector<tally::OwnDimension> dimensions;
  for (const std::string_view untrimmed : split(text, ',')) {
    const std::string_view entry = trimmed(untrimmed, json_spaces);
    auto parsed = parse_entry(entry);
    if (!parsed) return std::unexpected(std::move(parsed).error());
    if (std::ranges::find(dimensions, parsed->name, &tally::OwnDimension::name) != dimensions.end())
      return refuse(entry, "the name is given twice");
    if (dimensions.size() == limits::own_dimensions_max)
      return refuse(entry, "it is one more than " + std::to_string(limits::own_dimensions_max));
    dimensions.push_back(*std::move(parsed));
  }
  return dimensions;
}

std::string dimension_list_expected() {
  return "name=source,…, at most " + std::to_string(limits::own_dimensions_max) +
         ", with metadata.<member> or query.<parameter> as the source";
}

}  // namespace weir::config
