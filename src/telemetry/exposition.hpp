// What /metrics says, gathered at one scrape: each part of the process describes its numbers into it.
//
// Names are `weir_…` in base units (seconds, bytes, ratios), counters end in `_total`; help is one sentence.
// Series of one name differ in the values of the same labels, and a label's values come from a small fixed
// set or from partition numbers: never from a client's bytes. IMPLEMENTATION.md lists all names.
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
  std::string_view value;  // any UTF-8; escaped on the way out
};

// A value of one thread, made for one scrape. A name keeps the kind and the help that it first had; help and
// labels are copied. Costs a few allocations a series.
class Exposition {
 public:
  using Labels = std::initializer_list<Label>;

  static constexpr std::string_view content_type = "text/plain; version=0.0.4; charset=utf-8";

  Exposition();
  Exposition(const Exposition&) = delete;
  Exposition& operator=(const Exposition&) = delete;
  ~Exposition();

  // Only ever grows while the process lives.
  void counter(std::string_view name, std::string_view help, double value, Labels labels = {});
  void gauge(std::string_view name, std::string_view help, double value, Labels labels = {});

  // `counts` has one number more than `bounds`: how many observations were in (bounds[i-1], bounds[i]], not
  // cumulative, the last of them above all bounds. Bounds are in base units, ascending.
  void histogram(std::string_view name, std::string_view help, std::span<const double> bounds,
                 std::span<const std::uint64_t> counts, double sum, Labels labels = {});

  // The text format of Prometheus
  // (https://prometheus.io/docs/instrumenting/exposition_formats/#text-based-format).
  [[nodiscard]] std::string text() const;

 private:
  struct Families;

  std::unique_ptr<Families> families_;
};

}  // namespace weir::telemetry
