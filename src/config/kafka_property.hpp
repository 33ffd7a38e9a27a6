// KAFKA_PROPERTY_x_y: any property of librdkafka (TLS, SASL…) but those that Weir must set itself.
#pragma once

#include <string>
#include <string_view>

namespace weir::config {

// The row of the table that stands for all of them.
inline constexpr std::string_view kafka_properties = "KAFKA_PROPERTY_*";

// The property that a variable's name means: lower case, a dot for each underscore behind the prefix.
[[nodiscard]] std::string property_of(std::string_view variable_name);

// Why it cannot be set to that, and what to use instead; empty if it can. Librdkafka is asked whether it
// knows the property and takes the value; only what contradicts another property is left for when a client is
// made.
[[nodiscard]] std::string why_refused(const std::string& property, const std::string& value);

}  // namespace weir::config
