// Parses /metrics for tests, as strictly as a Prometheus scraper may.
#pragma once

#include <expected>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace weir::telemetry {

struct Series {
  std::string name;  // of a histogram: with _bucket, _sum or _count
  std::map<std::string, std::string> labels;
  double value = 0;
};

// Returns all series in their order, or a text that names the first violation. Besides the grammar
// (https://prometheus.io/docs/instrumenting/exposition_formats/) it requires:
//   - each family has HELP and TYPE before its series, and occurs once;
//   - no series occurs twice;
//   - counters, and only they, end in _total; counters and histograms are not negative;
//   - the buckets of a histogram are cumulative, and the last one equals its count;
//   - names begin with weir_ or process_.
[[nodiscard]] std::expected<std::vector<Series>, std::string> read_exposition(std::string_view text);

// Returns the series with that name whose labels include `labels`. Returns nullptr if there is none, or more
// than one.
[[nodiscard]] const Series* find_series(const std::vector<Series>& all, std::string_view name,
                                        const std::map<std::string, std::string>& labels = {});

}  // namespace weir::telemetry
