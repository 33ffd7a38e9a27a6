// The one table of the environment variables that Weir knows: their names and defaults, what may stand in
// them, what they are for. Reading them, --help, `weir config` and the docs are all derived from it.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "config/value_spec.hpp"

namespace weir::config {

enum class Command : std::uint8_t { serve, producer, consumer, import, stats, dlq };

[[nodiscard]] std::string_view name_of(Command command);

// A set of commands.
class Commands {
 public:
  constexpr Commands() = default;
  constexpr Commands(Command one) : bits_(1U << static_cast<unsigned>(one)) {}
  [[nodiscard]] constexpr bool has(Command one) const { return (bits_ & Commands(one).bits_) != 0; }
  friend constexpr Commands operator|(Commands a, Commands b) {
    a.bits_ |= b.bits_;
    return a;
  }

 private:
  std::uint32_t bits_ = 0;
};

// What this version does with a variable that is set.
enum class Support : std::uint8_t {
  in_use,  // its value goes into Settings, and is used
  // The same, but used only where this log or store is chosen: elsewhere it is checked, and has no effect.
  with_kafka,
  with_embedded,
  with_postgres,
  noted,    // its feature is not built yet, and its absence harms nobody: said in Loaded::notes
  refused,  // its feature is not built yet, and to go on without it would be unsafe or mean something else
};

struct Variable {
  std::string_view name;
  std::string_view fallback;        // as one would write it; empty: not set
  std::string_view serve_fallback;  // where serve has another one
  ValueSpec form;
  Support standing = Support::in_use;
  Commands used_by;
  bool secret = false;
  std::string_view help;

  [[nodiscard]] std::string_view fallback_of(Command command) const;
  // KAFKA_PROPERTY_* and OTEL_* stand for every name that begins so.
  [[nodiscard]] bool is_family() const { return name.ends_with('*'); }
  [[nodiscard]] bool covers(std::string_view candidate) const;
  // Whether any log and store make use of it in this version.
  [[nodiscard]] bool is_built() const { return standing != Support::noted && standing != Support::refused; }
  // Whether its value, under that name (which matters for a family), is nobody's business.
  [[nodiscard]] bool hides(std::string_view candidate) const;
};

// In the order of the contract.
[[nodiscard]] std::span<const Variable> variables();

// The row of that name, or of its family; null if Weir knows none.
[[nodiscard]] const Variable* find_variable(std::string_view name);

}  // namespace weir::config
