#include "telemetry/exposition.hpp"

#include <cmath>
#include <gtest/gtest.h>
#include <limits>

#include "telemetry/testing/exposition_reader.hpp"

namespace weir::telemetry {
namespace {

TEST(Exposition, WritesPrometheusTextFormat) {
  Exposition exposition;
  exposition.counter("weir_a_total", "How many.", 3, {{"code", "x"}});
  exposition.gauge("weir_b", "How much.", -0.25);
  exposition.counter("weir_a_total", "How many.", 4, {{"code", "y"}});
  EXPECT_EQ(exposition.text(), R"(# HELP weir_a_total How many.
# TYPE weir_a_total counter
weir_a_total{code="x"} 3
weir_a_total{code="y"} 4
# HELP weir_b How much.
# TYPE weir_b gauge
weir_b -0.25
)");
}

TEST(Exposition, WritesCumulativeHistogramBuckets) {
  Exposition exposition;
  const std::array bounds{0.1, 1.0};
  const std::array<std::uint64_t, 3> counts{5, 2, 1};
  exposition.histogram("weir_c_seconds", "How long.", bounds, counts, 4.5, {{"route", "/a"}});
  EXPECT_EQ(exposition.text(), R"(# HELP weir_c_seconds How long.
# TYPE weir_c_seconds histogram
weir_c_seconds_count{route="/a"} 8
weir_c_seconds_sum{route="/a"} 4.5
weir_c_seconds_bucket{route="/a",le="0.1"} 5
weir_c_seconds_bucket{route="/a",le="1"} 7
weir_c_seconds_bucket{route="/a",le="+Inf"} 8
)");
}

TEST(Exposition, EscapesLabelValues) {
  Exposition exposition;
  const std::string special = "a\"b\\c\nd{}=,\t# é";
  exposition.gauge("weir_d", "How special.", 1, {{"reason", special}});
  const auto series = read_exposition(exposition.text());
  ASSERT_TRUE(series) << series.error();
  ASSERT_EQ(series->size(), 1u);
  EXPECT_EQ((*series)[0].labels.at("reason"), special);
}

TEST(Exposition, WritesInfinityAndNan) {
  Exposition exposition;
  exposition.gauge("weir_e", "Endless.", std::numeric_limits<double>::infinity(), {{"n", "1"}});
  exposition.gauge("weir_e", "Endless.", std::nan(""), {{"n", "2"}});
  const auto series = read_exposition(exposition.text());
  ASSERT_TRUE(series) << series.error();
  EXPECT_TRUE(std::isinf((*series)[0].value));
  EXPECT_TRUE(std::isnan((*series)[1].value));
}

TEST(ExpositionReader, RejectsWhatPrometheusRejects) {
  const std::string head = "# HELP weir_a_total A.\n# TYPE weir_a_total counter\n";
  EXPECT_TRUE(read_exposition(head + "weir_a_total 1\n"));
  for (const std::string wrong : {"weir_a_total 1\n", "# TYPE weir_a_total counter\nweir_a_total 1\n",
                                  "# HELP weir_a_total A.\nweir_a_total 1\n"})
    EXPECT_FALSE(read_exposition(wrong)) << wrong;
  for (const std::string wrong :
       {"weir_a_total 1", "weir_a_total one\n", "weir_a_total{code=x} 1\n", "weir_a_total{code=\"x} 1\n",
        "weir_a_total{1code=\"x\"} 1\n", "weir-a 1\n", "weir_b_total 1\n", "weir_a_total 1\nweir_a_total 2\n",
        "weir_a_total{a=\"1\",b=\"2\"} 1\nweir_a_total{b=\"2\",a=\"1\"} 1\n", "weir_a_total -1\n"})
    EXPECT_FALSE(read_exposition(head + wrong)) << wrong;
}

}  // namespace
}  // namespace weir::telemetry
