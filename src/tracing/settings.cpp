#include "tracing/settings.hpp"

#include <algorithm>

#include "base/hex.hpp"
#include "base/text.hpp"

// The format of the pairs is that of W3C Baggage without properties, as both variables are specified.
namespace weir::tracing {
namespace {

// Unlike in a form, '+' stays as it is.
std::string percent_decoded(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const int byte = text[i] == '%' && i + 2 < text.size() ? hex_number(text.substr(i + 1, 2)) : -1;
    if (byte < 0) {
      out += text[i];
      continue;
    }
    out += static_cast<char>(byte);
    i += 2;
  }
  return out;
}

}  // namespace

std::string TracingSettings::url() const {
  if (!traces_endpoint.empty()) return traces_endpoint;
  std::string url = endpoint;
  if (url.ends_with('/')) url.pop_back();
  return url + "/v1/traces";
}

TextPairs TracingSettings::resource(std::string_view version) const {
  TextPairs all{{"service.name", service_name}};
  for (const auto& [name, value] : resource_attributes) {
    if (name != "service.name")
      all.emplace_back(name, value);
    else if (all.front().second.empty())
      all.front().second = value;
  }
  if (all.front().second.empty()) all.front().second = "weir";
  const auto add_default = [&all](std::string name, std::string value) {
    if (std::ranges::find(all, name, &TextPairs::value_type::first) == all.end())
      all.emplace_back(std::move(name), std::move(value));
  };
  add_default("service.version", std::string(version));
  add_default("telemetry.sdk.name", "weir");
  add_default("telemetry.sdk.language", "cpp");
  add_default("telemetry.sdk.version", std::string(version));
  return all;
}

std::optional<TextPairs> parse_pairs(std::string_view text) {
  TextPairs pairs;
  for (const std::string_view entry : split(text, ',')) {
    const std::string_view one = trimmed(entry, header_spaces);
    if (one.empty()) continue;
    const std::size_t equals = one.find('=');
    if (equals == std::string_view::npos) return std::nullopt;
    const std::string_view name = trimmed(one.substr(0, equals), header_spaces);
    if (name.empty()) return std::nullopt;
    pairs.emplace_back(percent_decoded(name),
                       percent_decoded(trimmed(one.substr(equals + 1), header_spaces)));
  }
  return pairs;
}

}  // namespace weir::tracing
