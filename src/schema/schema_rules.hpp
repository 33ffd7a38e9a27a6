// What Weir accepts of draft 7. A schema that passes is checked exactly as the draft says. A schema with
// anything that would be ignored, fetched, or evaluated without end, is refused when it is loaded:
//
//   - keywords that draft 7 does not have (a typing error, or a keyword of a later draft), except those that
//     begin with "x-", which are comments
//   - patternProperties, which the library matches with an engine of unbounded time and stack
//   - uniqueItems without maxItems of at most 200 beside it, because each pair of items is compared
//   - contentEncoding, contentMediaType, and values of `format` but date-time, date and time
//   - $ref that does not begin with '#', that leads to no schema of the document, or that has siblings, which
//     draft 7 would ignore; $id below the root; $schema of another draft
//   - a $ref that leads back to itself without going into a member or an item
//   - patterns with back-references, which cannot be matched in linear time
//
// Pure. Any thread.
#pragma once

#include <boost/json/value.hpp>
#include <string>
#include <unordered_set>

#include "base/result.hpp"

namespace weir::schema {

// A schema as the library gets it.
struct PreparedSchema {
  boost::json::value value;
  std::unordered_set<std::string> patterns;  // all regular expressions in it
};

// Checks the rules above and returns the schema without $schema and $id. Each `format` is replaced by a
// pattern of the same meaning. ErrorKind::invalid, schema_invalid.
[[nodiscard]] Result<PreparedSchema> prepare_schema(const boost::json::value& schema);

}  // namespace weir::schema
