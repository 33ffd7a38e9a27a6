// One walk over the document visits each subschema, checks its keywords and notes its edges: the subschemas
// that are applied to the same value. A second walk finds cycles among these. Then a copy is rewritten.
#include "schema/schema_rules.hpp"

#include <algorithm>
#include <array>
#include <boost/json.hpp>
#include <span>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/percent.hpp"
#include "base/printable.hpp"

namespace weir::schema {
namespace {

namespace json = boost::json;

// What the value of a keyword is, as far as the walk needs to know it. The library checks the rest.
enum class Kind : std::uint8_t {
  plain,         // no schema
  comment,       // no schema, and without effect
  same,          // a schema for the same value
  same_list,     // an array of them
  inner,         // a schema for members or items
  inner_map,     // an object of them
  items,         // a schema or an array of schemas, for items
  dependencies,  // an object of schemas for the same value, and of arrays of names
  definitions,   // an object of schemas that are applied by $ref only
  pattern,
  format,
  ref,
  root_only,  // $schema, $id
};

struct Keyword {
  std::string_view name;
  Kind kind;
};
// All keywords of draft 7 that Weir accepts, in ascending order of their names. A keyword that is missing
// here is refused, unless it begins with "x-".
constexpr std::array keywords{
    Keyword{"$comment", Kind::comment},
    Keyword{"$id", Kind::root_only},
    Keyword{"$ref", Kind::ref},
    Keyword{"$schema", Kind::root_only},
    Keyword{"additionalItems", Kind::inner},
    Keyword{"additionalProperties", Kind::inner},
    Keyword{"allOf", Kind::same_list},
    Keyword{"anyOf", Kind::same_list},
    Keyword{"const", Kind::plain},
    Keyword{"contains", Kind::inner},
    Keyword{"default", Kind::comment},
    Keyword{"definitions", Kind::definitions},
    Keyword{"dependencies", Kind::dependencies},
    Keyword{"description", Kind::comment},
    Keyword{"else", Kind::same},
    Keyword{"enum", Kind::plain},
    Keyword{"examples", Kind::comment},
    Keyword{"exclusiveMaximum", Kind::plain},
    Keyword{"exclusiveMinimum", Kind::plain},
    Keyword{"format", Kind::format},
    Keyword{"if", Kind::same},
    Keyword{"items", Kind::items},
    Keyword{"maxItems", Kind::plain},
    Keyword{"maxLength", Kind::plain},
    Keyword{"maxProperties", Kind::plain},
    Keyword{"maximum", Kind::plain},
    Keyword{"minItems", Kind::plain},
    Keyword{"minLength", Kind::plain},
    Keyword{"minProperties", Kind::plain},
    Keyword{"minimum", Kind::plain},
    Keyword{"multipleOf", Kind::plain},
    Keyword{"not", Kind::same},
    Keyword{"oneOf", Kind::same_list},
    Keyword{"pattern", Kind::pattern},
    Keyword{"properties", Kind::inner_map},
    Keyword{"propertyNames", Kind::inner},
    Keyword{"readOnly", Kind::comment},
    Keyword{"required", Kind::plain},
    Keyword{"then", Kind::same},
    Keyword{"title", Kind::comment},
    Keyword{"type", Kind::plain},
    Keyword{"uniqueItems", Kind::plain},
    Keyword{"writeOnly", Kind::comment},
};

constexpr std::int64_t unique_items_max = 200;

const Keyword* find_keyword(std::string_view name) {
  const auto* const found = std::ranges::find(keywords, name, &Keyword::name);
  return found == keywords.end() ? nullptr : found;
}

// The patterns that stand for formats of RFC 3339. Only the day of the month is not compared with the month.
struct Format {
  std::string_view name;
  std::string_view pattern;
};
#define WEIR_DATE "[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])"
#define WEIR_TIME \
  "([01][0-9]|2[0-3]):[0-5][0-9]:([0-5][0-9]|60)(\\.[0-9]+)?([Zz]|[+-]([01][0-9]|2[0-3]):[0-5][0-9])"
constexpr std::array formats{Format{"date-time", "^" WEIR_DATE "[Tt]" WEIR_TIME "$"},
                             Format{"date", "^" WEIR_DATE "$"}, Format{"time", "^" WEIR_TIME "$"}};
#undef WEIR_DATE
#undef WEIR_TIME

const Format* find_format(std::string_view name) {
  const auto* const found = std::ranges::find(formats, name, &Format::name);
  return found == formats.end() ? nullptr : found;
}

// `name` as a part of a JSON pointer.
std::string pointer_part(std::string_view name) {
  std::string part = "/";
  for (const char byte : name) {
    if (byte == '~')
      part += "~0";
    else if (byte == '/')
      part += "~1";
    else
      part += byte;
  }
  return part;
}

std::unexpected<Error> refuse(const std::string& pointer, const std::string& what) {
  return fail(ErrorKind::invalid, "schema_invalid",
              (pointer.empty() ? "the schema" : printable(pointer)) + ": " + printable(what));
}

// The JSON pointer of "#/definitions/a%25b". In a fragment a plus is no space.
std::string pointer_in(std::string_view reference) {
  std::string raw;
  for (const char byte : reference.substr(1)) {
    if (byte == '+')
      raw += "%2B";
    else
      raw += byte;
  }
  std::string pointer;
  append_percent_decoded(pointer, raw);
  return pointer;
}

// Checks one document.
class Walker {
 public:
  explicit Walker(const json::value& root) : root_(root) {}

  Result<void> run() {
    if (auto visited = visit(root_, ""); !visited) return visited;
    for (const auto& [from, pointer, target] : references_) {
      const auto node = nodes_.find(target);
      if (node == nodes_.end()) return refuse(pointer, "$ref leads to no schema of this document");
      nodes_[from].same.push_back(target);
    }
    for (auto& [value, node] : nodes_)
      if (leads_back(value)) return refuse(node.pointer, "$ref leads back to this schema without end");
    return {};
  }

 private:
  // A subschema of the document. Its address is the key, because the document is not changed during the walk.
  struct Node {
    std::string pointer;
    std::vector<const json::value*> same;  // applied to the same value
    enum class State : std::uint8_t { fresh, entered, done } state = State::fresh;
  };
  // A $ref. It is resolved after the walk, because its target may come later in the document.
  struct Reference {
    const json::value* from;
    std::string pointer;
    const json::value* target;
  };

  Result<void> visit(const json::value& schema, const std::string& pointer) {
    nodes_[&schema].pointer = pointer;
    if (schema.is_bool()) return {};
    if (!schema.is_object()) return refuse(pointer, "expected a schema: an object, true or false");
    const bool is_reference = schema.get_object().contains("$ref");
    if (!is_unique_bounded(schema.get_object()))
      return refuse(pointer + "/uniqueItems", "expected maxItems of at most " +
                                                  std::to_string(unique_items_max) +
                                                  " beside it, because each pair of items is compared");
    for (const auto& [name, value] : schema.get_object()) {
      const std::string at = pointer + pointer_part(name);
      const Keyword* keyword = find_keyword(name);
      if (keyword == nullptr) {
        if (name.starts_with("x-")) continue;
        return refuse(at, name == "patternProperties"
                              ? "cannot be checked in bounded time; expected properties or propertyNames"
                              : "is no keyword that Weir can check; expected one of draft 7");
      }
      const bool goes_with_reference = keyword->kind == Kind::comment || keyword->kind == Kind::ref ||
                                       keyword->kind == Kind::definitions || keyword->kind == Kind::root_only;
      if (is_reference && !goes_with_reference)
        return refuse(at, "draft 7 ignores what stands beside $ref; expected it in allOf, or no $ref");
      if (auto visited = visit_keyword(schema, *keyword, value, at, pointer.empty()); !visited)
        return visited;
    }
    return {};
  }

  // Returns true if uniqueItems is absent or false, or if maxItems limits the comparisons.
  static bool is_unique_bounded(const json::object& schema) {
    const json::value* unique = schema.if_contains("uniqueItems");
    if (unique == nullptr || (unique->is_bool() && !unique->get_bool())) return true;
    const json::value* most = schema.if_contains("maxItems");
    return most != nullptr && most->is_int64() && most->get_int64() >= 0 &&
           most->get_int64() <= unique_items_max;
  }

  Result<void> visit_keyword(const json::value& schema, const Keyword& keyword, const json::value& value,
                             const std::string& at, bool is_root) {
    switch (keyword.kind) {
      case Kind::plain:
      case Kind::comment:
        return {};
      case Kind::same:
        nodes_[&schema].same.push_back(&value);
        return visit(value, at);
      case Kind::inner:
        return visit(value, at);
      case Kind::same_list:
        return visit_list(value, at, &nodes_[&schema].same);
      case Kind::items:
        return value.is_array() ? visit_list(value, at, nullptr) : visit(value, at);
      case Kind::inner_map:
      case Kind::definitions:
        return visit_map(value, at, nullptr);
      case Kind::dependencies:
        return visit_map(value, at, &nodes_[&schema].same);
      case Kind::pattern:
        return value.is_string() ? Result<void>{} : refuse(at, "expected a string");
      case Kind::format:
        if (value.is_string() && find_format(value.get_string()) != nullptr) return {};
        return refuse(at, "is a format that Weir cannot check; expected date-time, date or time");
      case Kind::ref:
        return note_reference(schema, value, at);
      case Kind::root_only:
        return check_root_only(keyword.name, value, at, is_root);
    }
    return {};
  }

  // Visits an array of schemas. `same` collects those that apply to the same value; it is null for items.
  Result<void> visit_list(const json::value& list, const std::string& at,
                          std::vector<const json::value*>* same) {
    if (!list.is_array() || list.get_array().empty()) {
      // An empty array is allowed for items.
      if (list.is_array() && same == nullptr) return {};
      return refuse(at, "expected an array of schemas, not empty");
    }
    for (std::size_t index = 0; index < list.get_array().size(); ++index) {
      const json::value& each = list.get_array()[index];
      if (same != nullptr) same->push_back(&each);
      if (auto visited = visit(each, at + '/' + std::to_string(index)); !visited) return visited;
    }
    return {};
  }

  // Visits the schemas in the members of an object. `same` is set for `dependencies` only.
  Result<void> visit_map(const json::value& map, const std::string& at,
                         std::vector<const json::value*>* same) {
    if (!map.is_object()) return refuse(at, "expected an object");
    for (const auto& [name, value] : map.get_object()) {
      if (same != nullptr && value.is_array()) continue;  // names, of `dependencies`
      if (same != nullptr) same->push_back(&value);
      if (auto visited = visit(value, at + pointer_part(name)); !visited) return visited;
    }
    return {};
  }

  Result<void> note_reference(const json::value& schema, const json::value& value, const std::string& at) {
    if (!value.is_string() || !value.get_string().starts_with('#'))
      return refuse(at, "expected a reference within this document, which begins with #");
    boost::system::error_code error;
    const json::value* target = root_.find_pointer(pointer_in(value.get_string()), error);
    if (target == nullptr) return refuse(at, "leads to nothing in this document");
    references_.push_back({&schema, at, target});
    return {};
  }

  static Result<void> check_root_only(std::string_view name, const json::value& value, const std::string& at,
                                      bool is_root) {
    if (!is_root) return refuse(at, "expected " + std::string(name) + " only at the root");
    if (name != "$schema") return {};
    const std::string_view draft = value.is_string() ? std::string_view(value.get_string()) : "";
    for (const std::string_view known :
         {"http://json-schema.org/draft-07/schema#", "http://json-schema.org/draft-07/schema",
          "https://json-schema.org/draft-07/schema#", "https://json-schema.org/draft-07/schema"})
      if (draft == known) return {};
    return refuse(at, "expected draft 7: http://json-schema.org/draft-07/schema#");
  }

  // Depth-first search along the edges. A node that is entered twice on one path lies on a cycle. Each node
  // is entered once, so the time is linear in the size of the document.
  bool leads_back(const json::value* at) {
    Node& node = nodes_[at];
    if (node.state != Node::State::fresh) return node.state == Node::State::entered;
    node.state = Node::State::entered;
    for (const json::value* next : node.same)
      if (leads_back(next)) return true;
    node.state = Node::State::done;
    return false;
  }

  const json::value& root_;
  std::unordered_map<const json::value*, Node> nodes_;
  std::vector<Reference> references_;
};

void rewrite(json::value& schema, PreparedSchema& prepared);

void rewrite_all(json::value& container, PreparedSchema& prepared) {
  if (container.is_array())
    for (json::value& each : container.get_array()) rewrite(each, prepared);
  else if (container.is_object())
    for (auto& member : container.get_object()) rewrite(member.value(), prepared);
}

// Adds one more condition without a change of the others: a value must satisfy each schema in allOf.
void add_to_all_of(json::object& schema, json::object more) {
  json::value& all_of = schema["allOf"];
  if (!all_of.is_array()) all_of = json::array();
  all_of.get_array().push_back(std::move(more));
}

// Gathers the patterns of a subschema, puts patterns in the place of formats, and bounds uniqueItems.
void rewrite(json::value& schema, PreparedSchema& prepared) {
  if (!schema.is_object()) return;
  json::object& object = schema.get_object();
  std::string_view format;
  for (auto& member : object) {
    const Keyword* keyword = find_keyword(member.key());
    if (keyword == nullptr) continue;
    json::value& value = member.value();
    switch (keyword->kind) {
      case Kind::same:
      case Kind::inner:
        rewrite(value, prepared);
        break;
      case Kind::items:
        value.is_array() ? rewrite_all(value, prepared) : rewrite(value, prepared);
        break;
      case Kind::same_list:
      case Kind::inner_map:
      case Kind::dependencies:
      case Kind::definitions:
        rewrite_all(value, prepared);
        break;
      case Kind::pattern:
        prepared.patterns.emplace(value.get_string());
        break;
      case Kind::format:
        format = find_format(value.get_string())->pattern;
        break;
      default:
        break;
    }
  }
  if (!format.empty()) {
    prepared.patterns.emplace(format);
    object.erase("format");
    add_to_all_of(object, json::object{{"pattern", format}});
  }
  const json::value* unique = object.if_contains("uniqueItems");
  if (unique == nullptr || !unique->is_bool() || !unique->get_bool()) return;
  // The library compares the items also where there are too many of them.
  json::object bounded{{"if", json::object{{"maxItems", object["maxItems"]}}},
                       {"then", json::object{{"uniqueItems", true}}}};
  object.erase("uniqueItems");
  add_to_all_of(object, std::move(bounded));
}

}  // namespace

Result<PreparedSchema> prepare_schema(const json::value& schema) {
  if (auto checked = Walker(schema).run(); !checked) return propagate(checked);
  PreparedSchema prepared{schema, {}};
  rewrite(prepared.value, prepared);
  if (prepared.value.is_object()) {
    prepared.value.get_object().erase("$schema");
    prepared.value.get_object().erase("$id");
  }
  return prepared;
}

}  // namespace weir::schema
