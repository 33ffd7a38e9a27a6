// The one table of the environment variables that Weir knows: their names and defaults, what may stand in them, what
// they are for. Reading them, --help, `weir config` and the docs are all derived from it.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "config/settings.hpp"

namespace weir::config {

enum class Command : std::uint8_t { serve, producer, consumer, import, stats, dlq };

[[nodiscard]] std::string_view name_of(Command command);

// A set of commands.
class Commands {
 public:
  constexpr Commands() = default;
  constexpr Commands(Command one) : bits_(1U << static_cast<unsigned>(one)) {}  // NOLINT: reads as what it is
  [[nodiscard]] constexpr bool has(Command one) const { return (bits_ & Commands(one).bits_) != 0; }
  friend constexpr Commands operator|(Commands a, Commands b) {
    a.bits_ |= b.bits_;
    return a;
  }

 private:
  std::uint32_t bits_ = 0;
};

// What this version does with a variable that is set.
enum class Standing : std::uint8_t {
  in_use,       // its value goes into Settings
  elsewhere,    // belongs to a combination of log and store that is not chosen: checked, and not used
  without_say,  // its feature is not built yet and its absence harms nobody: said in Loaded::notes
  refused,      // its feature is not built yet, and to ignore it would be unsafe or mean something else
};

struct Variable {
  std::string_view name;
  std::string_view fallback;            // the default as one would write it; empty: not set
  std::string_view fallback_elsewhere;  // the default of producer and consumer where it differs from serve's
  std::string_view help;
  Commands used_by;
  Standing standing = Standing::in_use;
  bool secret = false;
  // Puts what `text` says into `into`; false if it is not what was expected.
  bool (*read)(std::string_view text, Settings& into) = nullptr;
  // In words, e.g. "a whole number from 1 to 65535".
  std::string (*expected)() = nullptr;

  [[nodiscard]] std::string_view fallback_of(Command command) const;
  // SERVER_PORT → "server-port": how the command line spells it.
  [[nodiscard]] std::string option() const;
};

// In the order of the contract. KAFKA_PROPERTY_… and OTEL_… are families: one row each, the name ending in '*'.
[[nodiscard]] std::span<const Variable> variables();

// The row of that name; a member of a family finds the family's.
[[nodiscard]] const Variable* find_variable(std::string_view name);

}  // namespace weir::config
