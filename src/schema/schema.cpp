// The library compiles each pattern when it first meets it, with an engine of std::regex that recurses once
// for each character: a long text would exhaust the stack. So all patterns are compiled here, with the other
// engine of libstdc++, whose time and stack are bounded, and the library finds them in its cache. Then
// nothing changes during a check, so that any number of threads can run one. Without this the library ends
// the process where a schema is wrong.
#define VALIJSON_USE_EXCEPTIONS 1

#include "schema/schema.hpp"

#include <boost/json.hpp>
#include <memory>
#include <regex>
#include <string>
#include <unordered_map>
#include <utility>
#include <valijson/adapters/boost_json_adapter.hpp>
#include <valijson/schema.hpp>
#include <valijson/schema_parser.hpp>
#include <valijson/validation_results.hpp>
#include <valijson/validation_visitor.hpp>

#include "base/printable.hpp"
#include "base/utf8.hpp"
#include "schema/schema_rules.hpp"

namespace weir::schema {
namespace {

namespace json = boost::json;
using Adapter = valijson::adapters::BoostJsonAdapter;
using Regexes = std::unordered_map<std::string, std::regex>;

constexpr std::string_view code_invalid = "schema_invalid";
constexpr std::string_view code_violation = "schema_violation";

// Of one pointer in an error.
constexpr std::size_t pointer_bytes_max = 300;

// Deeper than an event can be. The recursion of the library is bounded by it, too.
constexpr std::size_t depth_max = 64;

json::parse_options parse_options() {
  json::parse_options options;
  options.max_depth = depth_max;
  return options;
}

std::unexpected<Error> invalid(std::string text) {
  return fail(ErrorKind::invalid, code_invalid, std::move(text));
}

// A search tries each position of a text in turn. The prefix makes the first try find a match wherever it
// begins, and the others end at once, so that the time is not the square of the length.
Result<Regexes> compile_patterns(const std::unordered_set<std::string>& patterns) {
  constexpr auto options = std::regex::ECMAScript | std::regex_constants::__polynomial;
  Regexes regexes;
  for (const std::string& pattern : patterns) {
    try {
      regexes.emplace(pattern, std::regex("^[\\s\\S]*?(?:" + pattern + ")", options));
    } catch (const std::regex_error& error) {
      return invalid("the pattern \"" + printable(pattern) + "\" cannot be used: " + error.what() +
                     "; expected an ECMAScript pattern without back-references");
    }
  }
  return regexes;
}

void append_pointer(std::string& pointer, std::string_view name) {
  pointer += '/';
  for (const char byte : name) {
    if (byte == '~')
      pointer += "~0";
    else if (byte == '/')
      pointer += "~1";
    else
      pointer += byte;
  }
}

// The library names a place as "<root>", "[member]", "[0]".
std::string pointer_of(const valijson::ValidationResults::Error& error) {
  std::string pointer;
  for (const std::string& part : error.context)
    if (part.size() >= 2 && part.front() == '[')
      append_pointer(pointer, std::string_view(part).substr(1, part.size() - 2));
  return pointer;
}

// Removes the name of a member in quotes from the end of a description, and returns it: "… property 'plan'."
std::string_view cut_name(std::string_view& text, std::string_view before) {
  if (!text.starts_with(before) || !text.ends_with("'.")) return {};
  const std::string_view name = text.substr(before.size(), text.size() - before.size() - 2);
  text = before;
  return name;
}

// "/metadata/plan: is missing"
std::string describe(const valijson::ValidationResults::Error& error) {
  std::string pointer = pointer_of(error);
  std::string_view text = error.description;
  std::string what;
  if (const auto missing = cut_name(text, "Missing required property '"); !missing.empty()) {
    append_pointer(pointer, missing);
    what = "is missing, and the schema requires it";
  } else if (const auto unwanted =
                 cut_name(text,
                          "Object contains a property that could not be validated using 'properties' or "
                          "'additionalProperties' constraints: '");
             !unwanted.empty()) {
    append_pointer(pointer, unwanted);
    what = "is a member that the schema does not allow";
  } else {
    what = text.substr(0, text.find_last_not_of('.') + 1);
  }
  const std::string shown = printable(utf8_prefix(pointer, pointer_bytes_max));
  return (pointer.empty() ? "(the event)" : shown) + ": " + printable(what);
}

}  // namespace

struct Schema::Compiled {
  valijson::Schema schema;
  // The library wants to be able to add to it, but finds all that it needs.
  mutable Regexes regexes;

  bool passes(const Adapter& document, valijson::ValidationResults* results) const {
    valijson::ValidationVisitor<Adapter> visitor(document, {"<root>"}, true, results, regexes);
    return visitor.validateSchema(schema);
  }
};

Schema::Schema(std::unique_ptr<const Compiled> compiled) : compiled_(std::move(compiled)) {}
Schema::Schema(Schema&&) noexcept = default;
Schema& Schema::operator=(Schema&&) noexcept = default;
Schema::~Schema() = default;

Result<Schema> Schema::compile(std::string_view text) {
  json::error_code error;
  const json::value parsed = json::parse(text, error, {}, parse_options());
  if (error) return invalid("is no JSON: " + error.message());
  auto prepared = prepare_schema(parsed);
  if (!prepared) return propagate(prepared);
  auto regexes = compile_patterns(prepared->patterns);
  if (!regexes) return propagate(regexes);
  auto compiled = std::make_unique<Compiled>();
  compiled->regexes = std::move(*regexes);
  try {
    valijson::SchemaParser parser(valijson::SchemaParser::kDraft7);
    parser.populateSchema(Adapter(prepared->value), compiled->schema);
  } catch (const std::exception& failure) {
    return invalid(printable(failure.what()));
  }
  return Schema(std::move(compiled));
}

Result<void> Schema::check(std::string_view text) const {
  json::error_code error;
  const json::value document = json::parse(text, error, {}, parse_options());
  if (error)
    return fail(ErrorKind::invalid, code_violation,
                "the event cannot be checked against its schema: " + error.message());
  const Adapter adapter(document);
  // Without results the check ends at the first violation. Few events need the second one.
  if (compiled_->passes(adapter, nullptr)) return {};
  valijson::ValidationResults results;
  (void)compiled_->passes(adapter, &results);
  valijson::ValidationResults::Error first;
  if (!results.popError(first))
    return fail(ErrorKind::invalid, code_violation, "(the event): the schema does not allow it");
  return fail(ErrorKind::invalid, code_violation, describe(first));
}

}  // namespace weir::schema
