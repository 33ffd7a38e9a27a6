// Reads /metrics as strictly as a scraper may, for tests.
#pragma once

#include <expected>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace weir::telemetry {

struct Series {
  std::string name;  // with _bucket, _sum, _count as it stands
  std::map<std::string, std::string> labels;
  double value = 0;
};

// All series in order, or what is wrong. Besides the grammar
// (https://prometheus.io/docs/instrumenting/exposition_formats/) it holds: each family has HELP and TYPE
// before its series and stands once; no series stands twice; counters end in _total and are not negative; a
// histogram's buckets rise to its count; names begin with weir_ or process_.
[[nodiscard]] std::expected<std::vector<Series>, std::string> read_exposition(std::string_view text);

// The value of the one series of that name with these labels among its own; nothing if there is none, or
// more.
[[nodiscard]] const Series* find_series(const std::vector<Series>& all, std::string_view name,
                                        const std::map<std::string, std::string>& labels = {});

}  // namespace weir::telemetry
