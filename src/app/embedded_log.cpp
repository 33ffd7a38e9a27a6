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
  EmbeddedLogAdapter(const config::Settings& settings, observe::Log& log, LogFatal fatal)
      : upkeep_settings_{.log_retention = settings.retention_log, .dedup_window = settings.dedup_window},
        log_(log),
        fatal_(std::move(fatal)) {}

  // `store`: the file of the store, if that is embedded too; it is open by now.
  Result<void> open(const std::filesystem::path& file, const std::optional<std::filesystem::path>& store) {
    auto events = sqlite::EmbeddedLog::open({.file = file}, log_, fatal_);
    if (!events) return pass_on(events);
    events_ = std::move(*events);
    auto reader = sqlite::EmbeddedLogReader::open(file, events_->commits());
    if (!reader) return pass_on(reader);
    reader_ = std::move(*reader);
    std::vector<std::filesystem::path> files{file};
    if (store) files.push_back(*store);
    watch_.emplace(files, *events_, log_);
    return {};
  }

  intake::EventLog& writer() override { return *events_; }
  Result<rollup::LogReader*> reader() override { return reader_.get(); }
  rollup::LetterCopies* copies() override { return nullptr; }
  intake::LogHealth health() const override { return events_->health(); }
  void describe(observe::Exposition&) const override {}
  std::unique_ptr<Upkeep> start_upkeep(Upkeep::Counted counted, Upkeep::Settle settle) override {
    return std::make_unique<Upkeep>(upkeep_settings_, std::move(counted), std::move(settle), *events_, log_,
                                    fatal_);
  }
  void stop_writing(std::chrono::milliseconds patience) override { events_->stop(patience); }
  bool is_ours_alone() const override { return true; }

 private:
  const UpkeepSettings upkeep_settings_;
  observe::Log& log_;
  const LogFatal fatal_;
  std::unique_ptr<sqlite::EmbeddedLog> events_;
  std::unique_ptr<sqlite::EmbeddedLogReader> reader_;
  std::optional<DataWatch> watch_;
};

}  // namespace

Result<std::unique_ptr<LogAdapter>> open_embedded_log(const config::Settings& settings, observe::Log& log,
                                                      LogFatal fatal) {
  auto adapter = std::make_unique<EmbeddedLogAdapter>(settings, log, std::move(fatal));
  std::optional<std::filesystem::path> store;
  if (settings.metrics_store == config::StoreKind::sqlite) store = settings.data_dir / "metrics.db";
  if (auto opened = adapter->open(settings.data_dir / "events.db", store); !opened) return pass_on(opened);
  return adapter;
}

}  // namespace weir::app
