// The content of one answer of GET /metrics. At each scrape, every part of the process adds its metrics to
// one Exposition (functions named `collect`), which then serializes them.
//
// Conventions for all metrics of Weir:
//   - Names begin with `weir_`, use base units (seconds, bytes, ratios), and counters end in `_total`.
//   - The help text is one sentence.
//   - All series of one name have the same label names. Label values come from a small fixed set or are
//     partition numbers. They never contain bytes that a client sent.
// docs/metrics.md lists all metrics.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <memory>
#include <span>
#include <string>
#include <string_view>

namespace weir::telemetry {

struct Label {
  std::string_view name;
  std::string_view value;  // any UTF-8; text() escapes it
};

// Not thread-safe: create one for each scrape. Help texts and labels are copied. Each series costs a few
// allocations. Metrics appear in the order in which their names were first added. The first call for a name
// determines its help text. Adding a name again with another metric type aborts the process.
class Exposition {
 public:
  using Labels = std::initializer_list<Label>;

  // The Content-Type header that belongs to text().
  static constexpr std::string_view content_type = "text/plain; version=0.0.4; charset=utf-8";

  Exposition();
  Exposition(const Exposition&) = delete;
  Exposition& operator=(const Exposition&) = delete;
  ~Exposition();

  // Adds one series. A counter must not decrease while the process runs.
  void counter(std::string_view name, std::string_view help, double value, Labels labels = {});
  void gauge(std::string_view name, std::string_view help, double value, Labels labels = {});

  // Adds one histogram. `bounds` are the upper bounds of the buckets, in base units and ascending. `counts`
  // has one element more than `bounds`. counts[i] is the number of observations in (bounds[i-1], bounds[i]],
  // not cumulative. The last element counts those above all bounds. `sum` is the sum of all observations.
  void histogram(std::string_view name, std::string_view help, std::span<const double> bounds,
                 std::span<const std::uint64_t> counts, double sum, Labels labels = {});

  // Returns everything that was added, in Prometheus' text format
  // (https://prometheus.io/docs/instrumenting/exposition_formats/#text-based-format).
  [[nodiscard]] std::string text() const;

 private:
  struct Families;

  std::unique_ptr<Families> families_;
};

}  // namespace weir::telemetry
