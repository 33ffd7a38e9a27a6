// KAFKA_PROPERTY_x_y: any property of librdkafka (TLS, SASL…) but those that Weir must set itself.
#pragma once

#include <string>
#include <string_view>

namespace weir::config {

// The row of the table that stands for all of them.
inline constexpr std::string_view kafka_properties = "KAFKA_PROPERTY_*";

// The property that a variable's name means: lower case, a dot for each underscore behind the prefix.
[[nodiscard]] std::string property_of(std::string_view variable_name);

// Why Weir does not let it be set, and what to use instead; empty if it does. Whether librdkafka knows the property at
// all, and takes the value, is said by librdkafka when the client is made.
[[nodiscard]] std::string_view why_refused(std::string_view property);

}  // namespace weir::config
