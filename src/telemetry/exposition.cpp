#include "telemetry/exposition.hpp"

#include <prometheus/metric_family.h>
#include <prometheus/text_serializer.h>

#include "base/ensure.hpp"

// Uses the data types and the serializer of prometheus-cpp. Its registry is not used: Weir's counters are
// members of the objects that count, so each scrape copies them into prometheus-cpp's types.
namespace weir::telemetry {

struct Exposition::Families {
  std::vector<prometheus::MetricFamily> all;  // in the order in which the names were first added

  // Adds a series to the family of that name and returns it. Creates the family at the first call. The linear
  // search is cheap: there are fewer than 100 families.
  prometheus::ClientMetric& add(prometheus::MetricType type, std::string_view name, std::string_view help,
                                Labels labels) {
    auto family = std::ranges::find(all, name, &prometheus::MetricFamily::name);
    if (family == all.end()) {
      all.push_back({.name = std::string(name), .help = std::string(help), .type = type, .metric = {}});
      family = all.end() - 1;
    }
    ensure(family->type == type, "a metric name has one type");
    prometheus::ClientMetric& metric = family->metric.emplace_back();
    for (const Label& label : labels)
      metric.label.push_back({std::string(label.name), std::string(label.value)});
    return metric;
  }
};

Exposition::Exposition() : families_(std::make_unique<Families>()) {}

Exposition::~Exposition() = default;

void Exposition::counter(std::string_view name, std::string_view help, double value, Labels labels) {
  families_->add(prometheus::MetricType::Counter, name, help, labels).counter.value = value;
}

void Exposition::gauge(std::string_view name, std::string_view help, double value, Labels labels) {
  families_->add(prometheus::MetricType::Gauge, name, help, labels).gauge.value = value;
}

void Exposition::histogram(std::string_view name, std::string_view help, std::span<const double> bounds,
                           std::span<const std::uint64_t> counts, double sum, Labels labels) {
  ensure(counts.size() == bounds.size() + 1, "a histogram has one count more than it has bounds");
  auto& histogram = families_->add(prometheus::MetricType::Histogram, name, help, labels).histogram;
  // Prometheus' buckets are cumulative: each one includes all smaller observations.
  for (std::size_t at = 0; at < counts.size(); ++at) {
    histogram.sample_count += counts[at];
    histogram.bucket.push_back(
        {.cumulative_count = histogram.sample_count,
         .upper_bound = at < bounds.size() ? bounds[at] : std::numeric_limits<double>::infinity()});
  }
  histogram.sample_sum = sum;
}

std::string Exposition::text() const { return prometheus::TextSerializer().Serialize(families_->all); }

}  // namespace weir::telemetry
