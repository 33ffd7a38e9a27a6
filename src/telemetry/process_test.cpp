#include "telemetry/process.hpp"

#include <gtest/gtest.h>

#include "base/clock.hpp"
#include "telemetry/exposition.hpp"
#include "telemetry/testing/exposition_reader.hpp"

namespace weir::telemetry {
namespace {

TEST(ProcessStat, IsParsedForAnyProcessName) {
  for (const std::string_view name : {"weir", "a) S 1 (b", " "}) {
    const std::string text =
        "77 (" + std::string(name) +
        ") S 1 77 77 0 -1 4194304 100 0 1 0 250 50 9 8 20 0 4 0 12345 1048576 256 184467 1 2\n";
    const auto stat = read_process_stat(text);
    ASSERT_TRUE(stat) << text;
    EXPECT_EQ(stat->cpu_ticks, 300u);
    EXPECT_EQ(stat->start_ticks, 12345u);
    EXPECT_EQ(stat->virtual_bytes, 1048576u);
    EXPECT_EQ(stat->resident_pages, 256u);
  }
  EXPECT_FALSE(read_process_stat(""));
  EXPECT_FALSE(read_process_stat("77 (weir) S 1 77"));
}

TEST(Process, CollectsItsOwnMetrics) {
  Exposition exposition;
  collect_process(exposition, "1.2.3");
  const auto series = read_exposition(exposition.text());
  ASSERT_TRUE(series) << series.error();
  ASSERT_NE(find_series(*series, "weir_build_info", {{"version", "1.2.3"}}), nullptr);
  EXPECT_GT(find_series(*series, "process_resident_memory_bytes")->value, 100'000);
  EXPECT_GE(find_series(*series, "process_cpu_seconds_total")->value, 0);
  EXPECT_GE(find_series(*series, "process_open_fds")->value, 3);
  const double now = std::chrono::duration<double>(read_clock().wall.time_since_epoch()).count();
  EXPECT_NEAR(find_series(*series, "process_start_time_seconds")->value, now, 3600);
}

}  // namespace
}  // namespace weir::telemetry
