#include <utility>

#include "app/store_adapter.hpp"
#include "postgres/metrics_reader.hpp"
#include "postgres/metrics_store.hpp"
#include "postgres/migrations.hpp"

// One session writes, DB_POOL_SIZE − 1 sessions read. prepare() uses a session of its own for the migrations.
namespace weir::app {
namespace {

// DATABASE_URL takes precedence over the DB_… variables (postgres/connection_settings.hpp).
postgres::ConnectionSettings connection_settings(const config::Database& database) {
  return {.host = database.host,
          .port = database.port,
          .user = database.user,
          .password = database.password,
          .dbname = database.name,
          .url = database.url};
}

class PostgresStoreAdapter final : public StoreAdapter {
 public:
  PostgresStoreAdapter(const config::Settings& settings, telemetry::Logger& logger)
      : connection_(connection_settings(settings.database)),
        logger_(logger),
        store_(
            {.connection = connection_, .topic = settings.kafka_topic, .group_id = settings.kafka_group_id}),
        metrics_({.connection = connection_,
                  .topic = settings.kafka_topic,
                  .connections = static_cast<std::size_t>(settings.database.pool_size - 1)}) {}

  Result<void> prepare() override {
    auto connection = postgres::Connection::open(connection_);
    if (!connection) return propagate(connection);
    if (auto migrated = postgres::migrate(*connection); !migrated) return migrated;
    logger_.info("PostgreSQL is ready", {{"version", std::to_string(connection->server_version())}});
    return {};
  }

  commit::MetricsStore& store() override { return store_; }
  report::MetricsReader& metrics() override { return metrics_; }
  Result<bool> make_durable() override { return true; }  // PostgreSQL flushes its WAL at each COMMIT

 private:
  const postgres::ConnectionSettings connection_;
  telemetry::Logger& logger_;
  postgres::PostgresMetricsStore store_;
  postgres::PostgresMetricsReader metrics_;
};

}  // namespace

// Cannot fail: no connection is made yet.
std::unique_ptr<StoreAdapter> make_postgres_store(const config::Settings& settings,
                                                  telemetry::Logger& logger) {
  return std::make_unique<PostgresStoreAdapter>(settings, logger);
}

std::unique_ptr<report::MetricsReader> make_postgres_reader(const config::Settings& settings) {
  return std::make_unique<postgres::PostgresMetricsReader>(postgres::MetricsReaderOptions{
      .connection = connection_settings(settings.database), .topic = settings.kafka_topic, .connections = 1});
}

}  // namespace weir::app
