// Watches the settings in Consul on a thread of its own.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <mutex>
#include <thread>

#include "base/result.hpp"
#include "consul/key_values.hpp"
#include "consul/query_state.hpp"
#include "telemetry/logger.hpp"

namespace weir::consul {

// Logs when Consul becomes unavailable, and when it answers again. In between nothing changes.
class Watcher {
 public:
  // The keys have changed, or may have. Called on the watcher's thread; must not block for long.
  using OnChange = std::function<void(KeyValues)>;

  // How long Consul may hold a query open. A stop waits at most for that, or for query_deadline if Consul
  // does not answer.
  static constexpr std::chrono::seconds wait{2};
  static constexpr std::chrono::milliseconds query_deadline{5000};

  // Starts the thread. `index`: of the keys that are known already; 0 if Consul has not answered yet. The
  // logger must outlive the object.
  Watcher(Query query, std::uint64_t index, telemetry::Logger& logger, OnChange on_change);
  Watcher(const Watcher&) = delete;
  Watcher& operator=(const Watcher&) = delete;
  // request_stop(), then waits for the thread.
  ~Watcher();

  // The query under way is the last one, and on_change is not called any more. Does not block. Thread-safe.
  void request_stop();

 private:
  void run(std::uint64_t index, bool failing);
  [[nodiscard]] Result<KeyValues> ask(http::Client& client, std::uint64_t index) const;
  [[nodiscard]] bool sleep(std::chrono::milliseconds time);

  const Query query_;
  telemetry::Logger& logger_;
  const OnChange on_change_;
  std::mutex mutex_;  // guards stopping_
  std::condition_variable stopped_;
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace weir::consul
