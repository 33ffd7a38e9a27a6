// A Logger that keeps its lines in memory, for tests.
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

// Thread-safe.
class FakeLogger final : public Logger {
 public:
  void write(Severity severity, std::string_view text, std::initializer_list<Field> fields) override {
    std::string line(std::array{"debug ", "info ", "warn ", "error "}[static_cast<std::size_t>(severity)]);
    line.append(text);
    for (const Field& field : fields) line.append(" ").append(field.name).append("=").append(field.value);
    const std::lock_guard lock(mutex_);
    lines_.push_back(std::move(line));
    line_added_.notify_all();
  }

  // Returns all lines in order, each in the form "warn text name=value name=value".
  [[nodiscard]] std::vector<std::string> lines() const {
    const std::lock_guard lock(mutex_);
    return lines_;
  }
  // Blocks until a line contains `part` and returns the first such line. Returns "" after `timeout`.
  [[nodiscard]] std::string await(std::string_view part,
                                  std::chrono::seconds timeout = std::chrono::seconds{20}) const {
    std::unique_lock lock(mutex_);
    const auto find = [&] {
      return std::ranges::find_if(lines_, [&](const std::string& line) { return line.contains(part); });
    };
    line_added_.wait_for(lock, timeout, [&] { return find() != lines_.end(); });
    return find() == lines_.end() ? "" : *find();
  }

 private:
  mutable std::mutex mutex_;
  mutable std::condition_variable line_added_;
  std::vector<std::string> lines_;
};

}  // namespace weir::telemetry
