// The document is completed at the places where the last built-in dimension stands.
#include "routes/openapi_document.hpp"

#include "base/ensure.hpp"
#include "base/json_text.hpp"

namespace weir::routes {
namespace {

std::string json_string(std::string_view text) {
  std::string out;
  append_json_string(out, text);
  return out;
}

// Inserts `addition` after each occurrence of `place`, which the document has.
void insert_after(std::string& document, const std::string& place, const std::string& addition) {
  std::size_t found = 0;
  for (std::size_t at = 0; (at = document.find(place, at)) != std::string::npos; ++found) {
    at += place.size();
    document.insert(at, addition);
    at += addition.size();
  }
  ensure(found > 0, "web/openapi.json has each place where dimensions stand");
}

std::string parameter_of(const tally::KnownDimension& dimension) {
  const std::string description =
      "Counts only this value of " + dimension.source + ". At most one filter is allowed.";
  return "\n      " + json_string(dimension.name) + R"(: {"name": )" + json_string(dimension.name) +
         R"(, "in": "query", "description": )" + json_string(description) +
         R"(, "schema": {"type": "string", "minLength": 1}},)";
}

}  // namespace

std::string describe_dimensions(std::string_view document, report::Dimensions dimensions) {
  const std::string last(tally::built_in_dimensions.back().name);
  std::string built_in;
  for (const tally::DimensionDescriptor& each : tally::built_in_dimensions)
    if (each.dimension != tally::Dimension::total)
      built_in += (built_in.empty() ? "\"" : ", \"") + std::string(each.name) + '"';
  std::string references;
  std::string values;
  std::string parameters;
  for (const tally::KnownDimension& dimension : dimensions) {
    if (tally::is_built_in(dimension.dimension)) continue;
    references += "\n          {\"$ref\": \"#/components/parameters/" + dimension.name + "\"},";
    values += ", " + json_string(dimension.name);
    parameters += parameter_of(dimension);
  }
  std::string completed(document);
  insert_after(completed, "{\"$ref\": \"#/components/parameters/" + last + "\"},", references);
  insert_after(completed, "\"enum\": [" + built_in, values);
  insert_after(completed, "\"parameters\": {", parameters);
  return completed;
}

}  // namespace weir::routes
