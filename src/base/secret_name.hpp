// Which settings' values nobody is shown: neither `weir config`, nor the log, nor an error's text.
#pragma once

#include <string_view>

namespace weir {

// Whether the value may hold a password or a key, judging by the setting's name in lower case, as Kafka's
// properties have it. Rather too often than once too seldom.
[[nodiscard]] bool is_secret_name(std::string_view name);

}  // namespace weir
