// An embedded log in a folder of its own, with its log lines, its fatal errors and its records.
#pragma once

#include <chrono>
#include <gtest/gtest.h>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "base/clock.hpp"
#include "intake/testing/event_log_fixture.hpp"
#include "sqlite/event_log.hpp"
#include "sqlite/log_reader.hpp"
#include "sqlite/schema.hpp"
#include "sqlite/testing/temporary_folder.hpp"
#include "telemetry/testing/fake_logger.hpp"

namespace weir::sqlite {

// A clock that the test sets. Any thread.
class TestClock {
 public:
  void set(RecordTime wall) {
    const std::scoped_lock lock(mutex_);
    wall_ = wall;
  }
  void step(std::chrono::milliseconds by) {
    const std::scoped_lock lock(mutex_);
    wall_ += by;
  }
  [[nodiscard]] Now now() const {
    const std::scoped_lock lock(mutex_);
    return {.wall = wall_, .mono = {}};
  }

 private:
  mutable std::mutex mutex_;
  RecordTime wall_{std::chrono::milliseconds(1'764'000'000'000)};
};

// Waits, without sleeping, until another thread has made it true.
template <class Predicate>
void eventually(Predicate holds) {
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(60);
  while (!holds() && std::chrono::steady_clock::now() < deadline) std::this_thread::yield();
  EXPECT_TRUE(holds()) << "not within a minute";
}

// A record as a test reads it back.
struct ReadBack {
  std::int64_t offset = 0;
  RecordTime time;
  std::string key;
  std::string value;
  std::optional<std::string> replay_source;
};

// All records of the file, read on a connection of its own.
inline Result<std::vector<ReadBack>> read_all(const std::filesystem::path& file,
                                              std::shared_ptr<CommitSignal> commits) {
  auto reader = EmbeddedLogReader::open(file, commits);
  if (!reader) return propagate(reader);
  if (auto assigned = (*reader)->poll(std::chrono::milliseconds(0)); !assigned) return propagate(assigned);
  auto bounds = (*reader)->bounds(0);
  if (!bounds) return propagate(bounds);
  if (auto sought = (*reader)->seek(0, bounds->start); !sought) return propagate(sought);
  std::vector<ReadBack> all;
  while (true) {
    auto events = (*reader)->poll(std::chrono::milliseconds(0));
    if (!events) return propagate(events);
    if (events->empty()) return all;
    for (const auto& record : std::get<consumer::Records>(events->front()).records) {
      auto& back = all.emplace_back(ReadBack{
          record.offset, record.time, std::string(record.key), std::string(record.value.value_or("")), {}});
      if (record.replay_source) back.replay_source = std::string(*record.replay_source);
    }
  }
}

class LogUnderTest {
 public:
  explicit LogUnderTest(EventLogOptions options = {}) : options_(std::move(options)) {
    options_.file = folder_ / "events.db";
    options_.clock = [this] { return clock_.now(); };
  }

  // Opens the log, after closing it if it is open.
  Result<void> open() {
    log_.reset();
    auto opened = EmbeddedLog::open(options_, logger_, [this](const Error& why) {
      const std::scoped_lock lock(mutex_);
      fatal_.push_back(why);
    });
    if (!opened) return propagate(opened);
    log_ = std::move(*opened);
    return {};
  }
  void close() { log_.reset(); }
  // Closes the log and deletes its files.
  void recreate_file() {
    close();
    for (const char* const more : {"", "-wal", "-shm"})
      std::filesystem::remove(std::filesystem::path(options_.file) += more);
  }

  [[nodiscard]] EmbeddedLog& log() { return *log_; }
  [[nodiscard]] EventLogOptions& options() { return options_; }
  [[nodiscard]] TestClock& clock() { return clock_; }
  [[nodiscard]] const telemetry::FakeLogger& logger() const { return logger_; }
  [[nodiscard]] const std::filesystem::path& file() const { return options_.file; }
  [[nodiscard]] Result<std::vector<ReadBack>> everything() { return read_all(file(), log_->commits()); }
  // The arguments of each call of the fatal callback.
  [[nodiscard]] std::vector<Error> fatal() const {
    const std::scoped_lock lock(mutex_);
    return fatal_;
  }

 private:
  TestFolder folder_;
  TestClock clock_;
  telemetry::FakeLogger logger_;
  EventLogOptions options_;
  mutable std::mutex mutex_;
  std::vector<Error> fatal_;
  std::unique_ptr<EmbeddedLog> log_;
};

}  // namespace weir::sqlite
