// One JSON Schema of draft 7, compiled once. https://json-schema.org/draft-07/json-schema-validation
// The library is valijson (docs/adr/0015-json-schema-with-valijson.md).
#pragma once

#include <memory>
#include <string_view>

#include "base/result.hpp"

namespace weir::schema {

// Immutable. check() may be called on any thread.
class Schema {
 public:
  // Compiles the text of a schema.
  //
  // ErrorKind::invalid, schema_invalid: the text is no JSON, no schema of draft 7, or it asks for something
  // that would not be checked exactly (schema_rules.hpp). The text names the place in the schema as a JSON
  // pointer, what was found and what is expected.
  static Result<Schema> compile(std::string_view text);

  Schema(Schema&&) noexcept;
  Schema& operator=(Schema&&) noexcept;
  ~Schema();

  // Checks one JSON document. Of members that are repeated in an object, the last one counts.
  //
  // ErrorKind::invalid, schema_violation: the text begins with the JSON pointer (RFC 6901) of the value that
  // is wrong, or of the member that is missing or not allowed. Where several are wrong, it names one. The
  // same code for a document that the library cannot read: it has an escape of a lone surrogate, or a number
  // beyond the range of a double.
  //
  // Patterns are matched in a time proportional to the length of the text, for any text.
  [[nodiscard]] Result<void> check(std::string_view json) const;

 private:
  struct Compiled;
  explicit Schema(std::unique_ptr<const Compiled> compiled);

  std::unique_ptr<const Compiled> compiled_;
};

}  // namespace weir::schema
