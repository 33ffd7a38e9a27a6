#include <gtest/gtest.h>

#include "app/store_adapter.hpp"

namespace weir::app {
namespace {

TEST(PostgresStore, IsOpenedThoughNoDatabaseIsThere) {
  const auto quiet = telemetry::make_silent_logger();
  config::Settings settings;
  settings.database.port = 1;
  EXPECT_TRUE(make_postgres_store(settings, *quiet));
  settings.database.url = "postgresql://me:secret@127.0.0.1:1/numbers?sslmode=disable";
  EXPECT_TRUE(make_postgres_store(settings, *quiet));
}

}  // namespace
}  // namespace weir::app
