#include "app/consumer_service.hpp"

#include "intake/testing/event_log_fixture.hpp"
#include "sqlite/log_reader.hpp"
#include "sqlite/testing/log_fixture.hpp"

namespace weir::app {
namespace {

using namespace std::chrono_literals;

// An embedded log whose retention runs without a pause and counts its rounds.
class BusyLog final : public LogAdapter {
 public:
  BusyLog() {
    EXPECT_TRUE(log_.open());
    reader_ = *sqlite::EmbeddedLogReader::open(log_.file(), log_.log().commits());
  }

  intake::EventLog& writer() override { return log_.log(); }
  Result<consumer::LogReader*> reader() override { return reader_.get(); }
  consumer::DeadLetterTopic* dead_letter_topic() override { return nullptr; }
  [[nodiscard]] intake::LogHealth health() const override { return log_.log().health(); }
  void collect(telemetry::Exposition&) const override {}
  std::unique_ptr<LogRetention> start_retention(LogRetention::CountedOffset counted,
                                                LogRetention::MakeDurable make_durable) override {
    auto alive = std::make_shared<int>();
    retention_alive_ = alive;
    const auto counting = [this, alive, counted = std::move(counted)] {
      ++rounds_;
      return counted();
    };
    return std::make_unique<LogRetention>(LogRetentionSettings{.interval = 0ms}, counting,
                                          std::move(make_durable), log_.log(), *silent_, [](const Error&) {});
  }
  void stop_writing(std::chrono::milliseconds timeout) override { log_.log().stop(timeout); }
  [[nodiscard]] bool is_exclusive() const override { return true; }

  [[nodiscard]] int rounds() const { return rounds_; }
  [[nodiscard]] bool retention_is_alive() const { return !retention_alive_.expired(); }

 private:
  mutable sqlite::LogUnderTest log_;
  std::unique_ptr<telemetry::Logger> silent_ = telemetry::make_silent_logger();
  std::unique_ptr<sqlite::EmbeddedLogReader> reader_;
  std::atomic<int> rounds_ = 0;
  std::weak_ptr<int> retention_alive_;
};

TEST(ConsumerService, EndsTheRetentionThatCallsItBeforeItsOwnMembers) {
  BusyLog log;
  const sqlite::TestFolder folder;
  config::Settings settings;
  settings.data_dir = folder.path();
  auto store = open_sqlite_store(settings);
  ASSERT_TRUE(store) << store.error().text;
  const auto silent = telemetry::make_silent_logger();
  auto service = std::make_unique<ConsumerService>(settings, log, **store, *silent,
                                                   [](int, const Error& why) { FAIL() << why.text; });
  service->start();
  sqlite::eventually([&] { return log.rounds() > 10; });
  service.reset();
  EXPECT_FALSE(log.retention_is_alive());
}

}  // namespace
}  // namespace weir::app
