#include <optional>
#include <utility>
#include <vector>

#include "app/data_watch.hpp"
#include "app/log_adapter.hpp"
#include "sqlite/event_log.hpp"
#include "sqlite/log_reader.hpp"

// The log of `weir serve` in one SQLite file. The writer and the reader are open from the start; a DataWatch
// checks the files from then on.
namespace weir::app {
namespace {

class EmbeddedLogAdapter final : public LogAdapter {
 public:
  EmbeddedLogAdapter(const config::Settings& settings, telemetry::Logger& logger, OnLogFatal on_fatal)
      : retention_settings_{.log_retention = settings.retention_log, .dedup_window = settings.dedup_window},
        logger_(logger),
        on_fatal_(std::move(on_fatal)) {}

  // `store` is the file of the embedded store, if there is one. It is open already and is watched too.
  Result<void> open(const std::filesystem::path& file, const std::optional<std::filesystem::path>& store) {
    auto log = sqlite::EmbeddedLog::open({.file = file}, logger_, on_fatal_);
    if (!log) return propagate(log);
    log_ = std::move(*log);
    auto reader = sqlite::EmbeddedLogReader::open(file, log_->commits());
    if (!reader) return propagate(reader);
    reader_ = std::move(*reader);
    std::vector<std::filesystem::path> files{file};
    if (store) files.push_back(*store);
    watch_.emplace(files, *log_, logger_);
    return {};
  }

  intake::EventLog& writer() override { return *log_; }
  Result<consumer::LogReader*> reader() override { return reader_.get(); }
  consumer::DeadLetterTopic* dead_letter_topic() override { return nullptr; }
  intake::LogHealth health() const override {
    intake::LogHealth health = log_->health();
    health.disk_free_bytes = watch_->free_bytes();
    return health;
  }
  // Its state is in the metrics of every log (weir_log_…).
  void collect(telemetry::Exposition&) const override {}
  std::unique_ptr<LogRetention> start_retention(LogRetention::CountedOffset counted,
                                                LogRetention::MakeDurable make_durable) override {
    return std::make_unique<LogRetention>(retention_settings_, std::move(counted), std::move(make_durable),
                                          *log_, logger_, on_fatal_);
  }
  void stop_writing(std::chrono::milliseconds timeout) override { log_->stop(timeout); }
  bool is_exclusive() const override { return true; }  // weir.lock keeps other processes out

 private:
  const LogRetentionSettings retention_settings_;
  telemetry::Logger& logger_;
  const OnLogFatal on_fatal_;
  std::unique_ptr<sqlite::EmbeddedLog> log_;
  std::unique_ptr<sqlite::EmbeddedLogReader> reader_;
  std::optional<DataWatch> watch_;  // its thread uses log_, so it is destroyed first
};

}  // namespace

Result<std::unique_ptr<LogAdapter>> open_embedded_log(const config::Settings& settings,
                                                      telemetry::Logger& logger, OnLogFatal on_fatal) {
  auto adapter = std::make_unique<EmbeddedLogAdapter>(settings, logger, std::move(on_fatal));
  std::optional<std::filesystem::path> store;
  if (settings.metrics_store == config::StoreKind::sqlite) store = settings.data_dir / "metrics.db";
  if (auto opened = adapter->open(settings.data_dir / "events.db", store); !opened) return propagate(opened);
  return adapter;
}

}  // namespace weir::app
