// KAFKA_PROPERTY_x_y: sets the property x.y of librdkafka (TLS, SASL…). Properties that Weir must set itself
// are refused. Pure functions; any thread.
#pragma once

#include <string>
#include <string_view>

namespace weir::config {

// The entry of the table of variables that stands for all of them.
inline constexpr std::string_view kafka_properties = "KAFKA_PROPERTY_*";

// The property of a variable: lower case, with a dot for each underscore after the prefix.
[[nodiscard]] std::string property_name(std::string_view variable_name);

// Why the property cannot have this value, and what to use instead; empty if it can. Weir's own list is
// checked first. Then librdkafka checks the name and the value. It finds contradictions between properties
// only when a client is created.
[[nodiscard]] std::string property_error(const std::string& property, const std::string& value);

}  // namespace weir::config
