// What /health/ready says: the state of each part, in a word and in words.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace weir::telemetry {

enum class Readiness : std::uint8_t { ready, degraded, unready };

[[nodiscard]] std::string_view name_of(Readiness readiness);

struct Check {
  std::string name;  // event_log, metrics_store, freshness
  Readiness readiness = Readiness::ready;
  std::int64_t latency_ms = 0;
  std::string reason;  // starting, catching up, draining, away…; may be empty
  // Further members: end, oldest_unread_age_ms, …; null what is not known.
  std::vector<std::pair<std::string, std::optional<std::int64_t>>> numbers;
  std::vector<std::pair<std::string, std::string>> texts;  // further members: log_id, …
};

struct Health {
  std::vector<Check> checks;

  // The worst of its checks.
  [[nodiscard]] Readiness readiness() const;
  // The body of /health/ready. 200 while not unready, else 503.
  [[nodiscard]] std::string to_json() const;
};

}  // namespace weir::telemetry
