// The fixture of the EventLog contract tests on Kafka: librdkafka's mock cluster or a real one.
#pragma once

#include <memory>
#include <stdexcept>
#include <type_traits>
#include <utility>
#include <vector>

#include "intake/testing/event_log_fixture.hpp"
#include "kafka/event_log.hpp"
#include "kafka/testing/fake_brokers.hpp"

namespace weir::kafka {

inline std::unique_ptr<KafkaEventLog> open_log(EventLogOptions options, telemetry::Logger& log) {
  auto opened = KafkaEventLog::open(std::move(options), log);
  if (!opened) throw std::runtime_error(opened.error().text);
  return std::move(*opened);
}

template <class Log>
std::unique_ptr<Log> open_as(EventLogOptions options, telemetry::Logger& log) {
  if constexpr (std::is_same_v<Log, KafkaEventLog>)
    return open_log(std::move(options), log);
  else
    return std::make_unique<Log>(std::move(options), log);
}

template <class Log>
class LogWorld final : public intake::EventLogFixture {
 public:
  // `cluster.topic` must be a topic that only this fixture uses. `host`: the brokers, if they run in this
  // process.
  explicit LogWorld(Cluster cluster, std::unique_ptr<FakeBrokers> host = nullptr)
      : host_(std::move(host)),
        options_{.cluster = std::move(cluster), .partitions = 4, .waiting_bytes_max = 256 * 1024} {
    open();
  }

  intake::EventLog& log() override { return *log_; }
  void reopen() override {
    log_.reset();
    open();
  }
  std::vector<intake::StoredRecord> stored_records() override {
    std::vector<intake::StoredRecord> records;
    for (auto& read : read_topic(options_.cluster.brokers, options_.cluster.topic)) {
      auto& record = records.emplace_back(intake::StoredRecord{read.key, read.value, {}});
      for (const auto& [name, value] : read.headers)
        if (name == "weir.replay") record.replay_source = value;
    }
    return records;
  }
  [[nodiscard]] std::size_t waiting_bytes_max() const override { return options_.waiting_bytes_max; }

 private:
  void open() {
    log_ = open_as<Log>(options_, *quiet_);
    EXPECT_TRUE(log_->await_up(std::chrono::seconds{30})) << log_->health().reason;
  }

  std::unique_ptr<telemetry::Logger> quiet_ = telemetry::make_silent_logger();
  std::unique_ptr<FakeBrokers> host_;
  const EventLogOptions options_;
  std::unique_ptr<Log> log_;
};
using KafkaLogWorld = LogWorld<KafkaEventLog>;

}  // namespace weir::kafka
