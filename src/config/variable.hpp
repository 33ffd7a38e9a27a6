// The table of the environment variables of Weir: names, defaults, accepted values and meanings. Reading
// them, --help, `weir config` and docs/SETTINGS.md are derived from it. A new setting is one entry, and one
// member of Settings.
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
  full,  // uses it
  // Uses it only if this log or store is chosen. Otherwise the value is checked, and has no effect.
  kafka_only,
  embedded_only,
  postgres_only,
  ignored,  // does not use it, and warns (Loaded::warnings): that cannot do harm
  refused,  // does not use it, and does not start: to ignore it would be unsafe or change its meaning
};

struct Variable {
  std::string_view name;
  std::string_view default_value;  // as a user writes it; empty: not set
  std::string_view serve_default;  // of the command serve, if it differs; else empty
  ValueSpec value_spec;
  Support support = Support::full;
  Commands used_by;
  bool secret = false;
  std::string_view help;  // understandable by itself; no full stop

  [[nodiscard]] std::string_view default_for(Command command) const;
  // KAFKA_PROPERTY_* and OTEL_* stand for all names with this beginning.
  [[nodiscard]] bool is_family() const { return name.ends_with('*'); }
  [[nodiscard]] bool matches(std::string_view candidate) const;
  // Whether this version uses it, with some log and store.
  [[nodiscard]] bool is_supported() const {
    return support != Support::ignored && support != Support::refused;
  }
  // Whether the value must not be shown. `candidate` is the full name of a member of a family, else `name`.
  [[nodiscard]] bool is_secret_for(std::string_view candidate) const;
};

// All variables, in the order of the documentation. Static storage; any thread.
[[nodiscard]] std::span<const Variable> variables();

// The variable with this name, or the family that the name belongs to. Null if there is none.
[[nodiscard]] const Variable* find_variable(std::string_view name);

}  // namespace weir::config
