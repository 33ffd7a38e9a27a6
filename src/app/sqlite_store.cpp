#include <utility>

#include "app/store_adapter.hpp"
#include "sqlite/metrics_reader.hpp"
#include "sqlite/metrics_store.hpp"

// Three kinds of connections to metrics.db: one writes, one runs checkpoints for make_durable() on the thread
// of the retention, and store_readers read.
namespace weir::app {
namespace {

class SqliteStoreAdapter final : public StoreAdapter {
 public:
  Result<void> open(const config::Settings& settings) {
    const sqlite::MetricsStoreOptions options{
        .data_dir = settings.data_dir, .topic = settings.kafka_topic, .group_id = settings.kafka_group_id};
    auto store = sqlite::SqliteMetricsStore::open(options);
    if (!store) return propagate(store);
    store_ = std::move(*store);
    auto checkpointing = sqlite::SqliteMetricsStore::open(options);
    if (!checkpointing) return propagate(checkpointing);
    checkpointing_ = std::move(*checkpointing);
    auto metrics = sqlite::SqliteMetricsReader::open(
        {.data_dir = settings.data_dir, .topic = settings.kafka_topic, .connections = store_readers});
    if (!metrics) return propagate(metrics);
    metrics_ = std::move(*metrics);
    return {};
  }

  // open() has created the tables already, under the lock of DATA_DIR.
  Result<void> prepare() override { return {}; }
  commit::MetricsStore& store() override { return *store_; }
  report::MetricsReader& metrics() override { return *metrics_; }
  Result<bool> make_durable() override { return checkpointing_->checkpoint(); }

 private:
  std::unique_ptr<sqlite::SqliteMetricsStore> store_;
  std::unique_ptr<sqlite::SqliteMetricsStore> checkpointing_;
  std::unique_ptr<sqlite::SqliteMetricsReader> metrics_;
};

}  // namespace

Result<std::unique_ptr<StoreAdapter>> open_sqlite_store(const config::Settings& settings) {
  auto adapter = std::make_unique<SqliteStoreAdapter>();
  if (auto opened = adapter->open(settings); !opened) return propagate(opened);
  return adapter;
}

Result<std::unique_ptr<report::MetricsReader>> open_sqlite_reader(const config::Settings& settings) {
  auto reader = sqlite::SqliteMetricsReader::open(
      {.data_dir = settings.data_dir, .topic = settings.kafka_topic, .connections = 1});
  if (!reader) return propagate(reader);
  return std::move(*reader);
}

}  // namespace weir::app
