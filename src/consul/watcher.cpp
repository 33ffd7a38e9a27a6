// The thread sends one query after the other. Each is a blocking call of at most query_deadline. Between two
// of them it sleeps, which request_stop() ends.
#include "consul/watcher.hpp"

#include <random>

#include "base/clock.hpp"
#include "base/limits.hpp"

namespace weir::consul {

Watcher::Watcher(Query query, std::uint64_t index, telemetry::Logger& logger, OnChange on_change)
    : query_(std::move(query)), logger_(logger), on_change_(std::move(on_change)) {
  // Without an index, the caller has logged that Consul is not available.
  thread_ = std::thread([this, index] { run(index, index == 0); });
}

Watcher::~Watcher() {
  request_stop();
  thread_.join();
}

void Watcher::request_stop() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  stopped_.notify_all();
}

void Watcher::run(std::uint64_t index, bool failing) {
  http::Client client(query_.agent, {.connect_deadline = std::chrono::milliseconds(2000),
                                     .request_deadline = query_deadline,
                                     .response_bytes_max = 4 * limits::MiB,
                                     .headers = headers_of(query_)});
  QueryState state(index);
  std::minstd_rand random{std::random_device{}()};
  std::uniform_real_distribution<double> chance;
  for (;;) {
    const MonoTime asked_at = read_clock().mono;
    auto keys = ask(client, state.index());
    std::chrono::milliseconds delay{0};
    if (keys) {
      if (failing) logger_.info("Consul is available", {{"agent", query_.agent.authority()}});
      failing = false;
      const bool changed = state.on_reply(keys->index);
      const auto took = std::chrono::floor<std::chrono::milliseconds>(read_clock().mono - asked_at);
      delay = std::max(delay, QueryState::interval_min - took);
      if (!sleep({})) return;
      if (changed) on_change_(*std::move(keys));
    } else {
      if (!failing)
        logger_.warn("Consul is not available; the last good settings stay in force",
                     {{"agent", query_.agent.authority()}, {"reason", keys.error().text}});
      failing = true;
      delay = state.on_failure(chance(random));
    }
    if (!sleep(delay)) return;
  }
}

Result<KeyValues> Watcher::ask(http::Client& client, std::uint64_t index) const {
  const auto reply = client.send("GET", path_of(query_, index, wait), {}, "");
  if (!reply) return std::unexpected(reply.error());
  return parse_reply(*reply, query_);
}

// Returns false if the thread must end.
bool Watcher::sleep(std::chrono::milliseconds time) {
  std::unique_lock lock(mutex_);
  return !stopped_.wait_for(lock, time, [this] { return stopping_; });
}

}  // namespace weir::consul
