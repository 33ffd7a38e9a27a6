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

// The commands of the program that read settings.
enum class Command : std::uint8_t { serve, producer, consumer, import, stats, dlq };

[[nodiscard]] std::string_view name_of(Command command);

// A set of commands.
class Commands {
 public:
  // Combine commands with |.
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
  // Uses the value.
  full,
  // Uses it only if this log or store is chosen. Otherwise the value is checked, and has no effect.
  kafka_only,
  embedded_only,
  postgres_only,
  // Ignores the value, and warns (Loaded::warnings). That cannot do harm.
  ignored,
};

// When a new value of CONFIG_FILE or Consul takes effect in a running process.
enum class TakesEffect : std::uint8_t {
  // After a restart; the log names the settings that wait for one.
  at_start,
  // At once.
  while_running,
  // After a restart. The setting tells where other settings are, so it cannot come from there.
  as_source,
};

struct Variable {
  std::string_view name;
  // The default as a user writes it; empty if there is none.
  std::string_view default_value;
  // The default of the commands serve and dlq, if it is another one; else empty.
  std::string_view serve_default;
  // The accepted values, and how they are read.
  ValueSpec value_spec;
  Support support = Support::full;
  // The commands that use the variable. For the others, only its value is checked.
  Commands used_by;
  // Whether the value is a secret: it is masked in every output, and is no option of the command line.
  bool secret = false;
  // What the variable sets, understandable without its neighbours, without a full stop.
  std::string_view help;
  TakesEffect takes_effect = TakesEffect::at_start;

  // The default for a command; empty if there is none.
  [[nodiscard]] std::string_view default_for(Command command) const;
  // KAFKA_PROPERTY_* and OTEL_* stand for all names with this beginning that have no row of their own.
  [[nodiscard]] bool is_family() const { return name.ends_with('*'); }
  // Whether it is the variable with this name, or the family that the name belongs to.
  [[nodiscard]] bool matches(std::string_view candidate) const;
  // Whether this version uses it, with some log and store.
  [[nodiscard]] bool is_supported() const { return support != Support::ignored; }
  // Whether the value must not be shown. `candidate` is the full name of a member of a family, else `name`.
  [[nodiscard]] bool is_secret_for(std::string_view candidate) const;
};

// All variables, in the order of the documentation. Static storage; any thread.
[[nodiscard]] std::span<const Variable> variables();

// The variable with this name, or the family that the name belongs to. Null if there is none.
[[nodiscard]] const Variable* find_variable(std::string_view name);

}  // namespace weir::config
