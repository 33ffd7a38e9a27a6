// Conversions between dimensions and text: labels, the sources of DIMENSIONS, and names.
#include "tally/dimension.hpp"

namespace weir::tally {
namespace {

constexpr std::string_view metadata_prefix = "metadata.";
constexpr std::string_view query_prefix = "query.";
constexpr std::size_t name_bytes_max = 32;

bool is_lower(char letter) { return letter >= 'a' && letter <= 'z'; }

}  // namespace

std::string label_of(Dimension dimension) {
  const auto* const found =
      std::ranges::find(built_in_dimensions, dimension, &DimensionDescriptor::dimension);
  if (found != built_in_dimensions.end()) return std::string(found->name);
  return "dimension " + std::to_string(index_of(dimension));
}

std::optional<DimensionSource> parse_dimension_source(std::string_view text) {
  using enum DimensionSource::Kind;
  const bool of_query = text.starts_with(query_prefix);
  if (!of_query && !text.starts_with(metadata_prefix)) return std::nullopt;
  text.remove_prefix(of_query ? query_prefix.size() : metadata_prefix.size());
  if (text.empty()) return std::nullopt;
  return DimensionSource{of_query ? query : metadata, std::string(text)};
}

std::string to_text(const DimensionSource& source) {
  const bool of_query = source.kind == DimensionSource::Kind::query;
  return std::string(of_query ? query_prefix : metadata_prefix) + source.name;
}

bool is_dimension_name(std::string_view name) {
  if (name.empty() || name.size() > name_bytes_max || !is_lower(name.front())) return false;
  return std::ranges::all_of(
      name, [](char each) { return is_lower(each) || (each >= '0' && each <= '9') || each == '_'; });
}

std::vector<KnownDimension> built_in_known_dimensions() {
  std::vector<KnownDimension> known;
  for (const DimensionDescriptor& each : built_in_dimensions)
    known.push_back({each.dimension, std::string(each.name), std::string(each.source), std::nullopt});
  return known;
}

}  // namespace weir::tally
