#include <gtest/gtest.h>

#include "app/store_adapter.hpp"

namespace weir::app {
namespace {

TEST(PostgresStore, IsOpenedThoughNoDatabaseIsThere) {
  const auto quiet = observe::make_silent_log();
  config::Settings settings;
  settings.database.port = 1;
  EXPECT_TRUE(open_postgres_store(settings, *quiet));
  settings.database.url = "postgresql://me:secret@127.0.0.1:1/numbers?sslmode=disable";
  EXPECT_TRUE(open_postgres_store(settings, *quiet));
}

TEST(PostgresStore, RefusesAUrlThatLibpqCannotRead) {
  const auto quiet = observe::make_silent_log();
  for (const std::string url :
       {"postgresql://me:secret@127.0.0.1/numbers?nonsense=1", "password=secret host"}) {
    config::Settings settings;
    settings.database.url = url;
    const auto refused = open_postgres_store(settings, *quiet);
    ASSERT_FALSE(refused) << url;
    EXPECT_EQ(refused.error().code, "database_settings");
    EXPECT_TRUE(refused.error().text.contains("DATABASE_URL")) << refused.error().text;
    EXPECT_FALSE(refused.error().text.contains("secret"));
  }
}

}  // namespace
}  // namespace weir::app
