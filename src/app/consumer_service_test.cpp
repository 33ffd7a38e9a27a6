#include "app/consumer_service.hpp"

#include "intake/testing/event_log_fixture.hpp"
#include "sqlite/log_reader.hpp"
#include "sqlite/testing/log_fixture.hpp"

namespace weir::app {
namespace {

using namespace std::chrono_literals;

// An embedded log whose upkeep asks again and again without a pause.
class BusyLog final : public LogAdapter {
 public:
  BusyLog() {
    EXPECT_TRUE(log_.open());
    reader_ = *sqlite::EmbeddedLogReader::open(log_.file(), log_.log().commits());
  }

  intake::EventLog& writer() override { return log_.log(); }
  Result<consumer::LogReader*> reader() override { return reader_.get(); }
  consumer::DeadLetterTopic* copies() override { return nullptr; }
  [[nodiscard]] intake::LogHealth health() const override { return log_.log().health(); }
  void collect(telemetry::Exposition&) const override {}
  std::unique_ptr<LogRetention> start_upkeep(LogRetention::Counted counted,
                                             LogRetention::Settle settle) override {
    auto alive = std::make_shared<int>();
    upkeep_alive_ = alive;
    const auto asks = [this, alive, counted = std::move(counted)] {
      ++asked_;
      return counted();
    };
    return std::make_unique<LogRetention>(UpkeepSettings{.pause = 0ms}, asks, std::move(settle), log_.log(),
                                          *silent_, [](const Error&) {});
  }
  void stop_writing(std::chrono::milliseconds patience) override { log_.log().stop(patience); }
  [[nodiscard]] bool is_ours_alone() const override { return true; }

  [[nodiscard]] int asked() const { return asked_; }
  [[nodiscard]] bool upkeep_is_alive() const { return !upkeep_alive_.expired(); }

 private:
  mutable sqlite::LogUnderTest log_;
  std::unique_ptr<telemetry::Logger> silent_ = telemetry::make_silent_logger();
  std::unique_ptr<sqlite::EmbeddedLogReader> reader_;
  std::atomic<int> asked_ = 0;
  std::weak_ptr<int> upkeep_alive_;
};

TEST(CountingTest, EndsTheUpkeepThatCallsItBeforeItEndsItself) {
  BusyLog log;
  const sqlite::TestFolder folder;
  config::Settings settings;
  settings.data_dir = folder.path();
  auto store = open_sqlite_store(settings);
  ASSERT_TRUE(store) << store.error().text;
  const auto silent = telemetry::make_silent_logger();
  auto counting = std::make_unique<ConsumerService>(settings, log, **store, *silent,
                                                    [](int, const Error& why) { FAIL() << why.text; });
  counting->start();
  sqlite::eventually([&] { return log.asked() > 10; });
  counting.reset();
  EXPECT_FALSE(log.upkeep_is_alive());
}

}  // namespace
}  // namespace weir::app
