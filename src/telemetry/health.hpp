// The answer of GET /health/ready: the state of the process and of each of its parts.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace weir::telemetry {

// Ordered from best to worst. `degraded`: the process does its work, but a part has a problem. `unready`: do
// not send requests to this process.
enum class Readiness : std::uint8_t { ready, degraded, unready };

// Returns "ready", "degraded" or "unready".
[[nodiscard]] std::string_view name_of(Readiness readiness);

// The state of one part. A value without invariants; /health/ready shows all members.
struct Check {
  std::string name;  // event_log, metrics_store or freshness
  Readiness readiness = Readiness::ready;
  std::int64_t latency_ms = 0;  // of the part's last completed operation
  std::string reason;           // one line, such as "catching up"; empty when there is nothing to report
  // Further JSON members with a number (end, oldest_unread_age_ms, …). std::nullopt becomes null: not known.
  std::vector<std::pair<std::string, std::optional<std::int64_t>>> numbers;
  // Further JSON members with a string (log_id, …).
  std::vector<std::pair<std::string, std::string>> texts;
};

// The state of the process: one Check for each part.
struct Health {
  std::vector<Check> checks;

  // Returns the worst readiness of all checks; `ready` if there are none.
  [[nodiscard]] Readiness readiness() const;
  // Returns the body of /health/ready. The HTTP status that belongs to it is 503 for `unready`, else 200.
  [[nodiscard]] std::string to_json() const;
};

}  // namespace weir::telemetry
