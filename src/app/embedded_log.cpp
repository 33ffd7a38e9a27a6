#include <optional>
#include <utility>
#include <vector>

#include "app/data_watch.hpp"
#include "app/log_adapter.hpp"
#include "sqlite/event_log.hpp"
#include "sqlite/log_reader.hpp"

namespace weir::app {
namespace {

class EmbeddedLogAdapter final : public LogAdapter {
 public:
  EmbeddedLogAdapter(const config::Settings& settings, telemetry::Logger& logger, LogFatal fatal)
      : upkeep_settings_{.log_retention = settings.retention_log, .dedup_window = settings.dedup_window},
        logger_(logger),
        fatal_(std::move(fatal)) {}

  // `store`: the file of the store, if that is embedded too; it is open by now.
  Result<void> open(const std::filesystem::path& file, const std::optional<std::filesystem::path>& store) {
    auto events = sqlite::EmbeddedLog::open({.file = file}, logger_, fatal_);
    if (!events) return propagate(events);
    events_ = std::move(*events);
    auto reader = sqlite::EmbeddedLogReader::open(file, events_->commits());
    if (!reader) return propagate(reader);
    reader_ = std::move(*reader);
    std::vector<std::filesystem::path> files{file};
    if (store) files.push_back(*store);
    watch_.emplace(files, *events_, logger_);
    return {};
  }

  intake::EventLog& writer() override { return *events_; }
  Result<consumer::LogReader*> reader() override { return reader_.get(); }
  consumer::DeadLetterTopic* copies() override { return nullptr; }
  intake::LogHealth health() const override { return events_->health(); }
  void collect(telemetry::Exposition&) const override {}
  std::unique_ptr<LogRetention> start_upkeep(LogRetention::Counted counted,
                                             LogRetention::Settle settle) override {
    return std::make_unique<LogRetention>(upkeep_settings_, std::move(counted), std::move(settle), *events_,
                                          logger_, fatal_);
  }
  void stop_writing(std::chrono::milliseconds patience) override { events_->stop(patience); }
  bool is_ours_alone() const override { return true; }

 private:
  const UpkeepSettings upkeep_settings_;
  telemetry::Logger& logger_;
  const LogFatal fatal_;
  std::unique_ptr<sqlite::EmbeddedLog> events_;
  std::unique_ptr<sqlite::EmbeddedLogReader> reader_;
  std::optional<DataWatch> watch_;
};

}  // namespace

Result<std::unique_ptr<LogAdapter>> open_embedded_log(const config::Settings& settings,
                                                      telemetry::Logger& logger, LogFatal fatal) {
  auto adapter = std::make_unique<EmbeddedLogAdapter>(settings, logger, std::move(fatal));
  std::optional<std::filesystem::path> store;
  if (settings.metrics_store == config::StoreKind::sqlite) store = settings.data_dir / "metrics.db";
  if (auto opened = adapter->open(settings.data_dir / "events.db", store); !opened) return propagate(opened);
  return adapter;
}

}  // namespace weir::app
