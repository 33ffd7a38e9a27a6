#include "postgres/pool.hpp"

#include <gtest/gtest.h>

#include "postgres/errors.hpp"

namespace weir::postgres {
namespace {

// The rest of the pool is tested on a real server, in
// tests/integration/postgres_metrics_reader_test.cpp.
TEST(Pool, ReleasesTheSlotOfASessionThatDidNotOpen) {
  PoolOptions options;
  options.connection.url = "host=/nowhere";
  options.connections_max = 1;
  options.wait_max = std::chrono::milliseconds(0);
  Pool pool(options);
  for (int round = 0; round < 3; ++round) {
    auto refused = pool.take();
    ASSERT_FALSE(refused.has_value());
    EXPECT_EQ(refused.error().code, code_lost) << refused.error().text;
    EXPECT_EQ(refused.error().kind, ErrorKind::unavailable);
  }
}

}  // namespace
}  // namespace weir::postgres
