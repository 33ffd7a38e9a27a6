#include "telemetry/health.hpp"

#include "base/json_text.hpp"

namespace weir::telemetry {

std::string_view name_of(Readiness readiness) {
  constexpr std::array<std::string_view, 3> names{"ready", "degraded", "unready"};
  return names[static_cast<std::size_t>(readiness)];
}

// Readiness is ordered from best to worst, so the maximum is the worst.
Readiness Health::readiness() const {
  Readiness worst = Readiness::ready;
  for (const Check& check : checks) worst = std::max(worst, check.readiness);
  return worst;
}

// {"status":…,"checks":{"<name>":{"status":…,"latency_ms":…,"reason":…,<numbers and texts>}}}
std::string Health::to_json() const {
  JsonText json;
  json.begin_object().member("status", name_of(readiness())).key("checks").begin_object();
  for (const Check& check : checks) {
    json.key(check.name).begin_object();
    json.member("status", name_of(check.readiness)).member("latency_ms", check.latency_ms);
    json.member("reason", check.reason);
    for (const auto& [name, number] : check.numbers) {
      json.key(name);
      // An unknown number is null, not 0: 0 would look like a good value.
      if (number)
        json.value(*number);
      else
        json.null();
    }
    for (const auto& [name, text] : check.texts) json.member(name, text);
    json.end_object();
  }
  return json.end_object().end_object().take();
}

}  // namespace weir::telemetry
