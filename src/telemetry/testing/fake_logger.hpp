// A log that remembers what it was told, for tests.
#pragma once

#include <algorithm>
#include <array>
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <string>
#include <vector>

#include "telemetry/logger.hpp"

namespace weir::telemetry {

// Any thread may write and ask.
class FakeLogger final : public Logger {
 public:
  void write(Severity severity, std::string_view text, std::initializer_list<Field> fields) override {
    std::string line(std::array{"debug ", "info ", "warn ", "error "}[static_cast<std::size_t>(severity)]);
    line.append(text);
    for (const Field& field : fields) line.append(" ").append(field.name).append("=").append(field.value);
    const std::lock_guard lock(mutex_);
    lines_.push_back(std::move(line));
    come_.notify_all();
  }

  // As "warn text name=value name=value", in order.
  [[nodiscard]] std::vector<std::string> lines() const {
    const std::lock_guard lock(mutex_);
    return lines_;
  }
  // The first line with that part, once there is one; empty if none comes for `patience`.
  [[nodiscard]] std::string await(std::string_view part,
                                  std::chrono::seconds patience = std::chrono::seconds{20}) const {
    std::unique_lock lock(mutex_);
    const auto find = [&] {
      return std::ranges::find_if(lines_, [&](const std::string& line) { return line.contains(part); });
    };
    come_.wait_for(lock, patience, [&] { return find() != lines_.end(); });
    return find() == lines_.end() ? "" : *find();
  }

 private:
  mutable std::mutex mutex_;
  mutable std::condition_variable come_;
  std::vector<std::string> lines_;
};

}  // namespace weir::telemetry
