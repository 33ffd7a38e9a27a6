// Decides which settings are masked in `weir config`, in log lines and in error texts.
#pragma once

#include <string_view>

namespace weir {

// Returns whether the value of the setting may contain a password or a key. `name` is in lower case, like the
// names of Kafka's properties. Some harmless settings are masked too; no secret must be missed.
[[nodiscard]] bool is_secret_name(std::string_view name);

}  // namespace weir
