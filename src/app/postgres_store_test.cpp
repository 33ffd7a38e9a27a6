#include <gtest/gtest.h>

#include "app/store_adapter.hpp"

namespace weir::app {
namespace {

TEST(PostgresStore, IsMadeWhileNoDatabaseIsReachable) {
  const auto logger = telemetry::make_silent_logger();
  config::Settings settings;
  settings.database.port = 1;
  EXPECT_TRUE(make_postgres_store(settings, *logger));
  settings.database.url = "postgresql://me:secret@127.0.0.1:1/numbers?sslmode=disable";
  EXPECT_TRUE(make_postgres_store(settings, *logger));
}

}  // namespace
}  // namespace weir::app
