// The settings of a process from all sources: loaded at start, and again when CONFIG_FILE or Consul has new
// ones.
#pragma once

#include <expected>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "config/load.hpp"
#include "config/settings_in_force.hpp"
#include "consul/key_values.hpp"

namespace weir::app {

// How to reach Consul by these sources; nothing if CONSUL_HTTP_ADDR is not set, or if one of CONSUL_* is
// wrong, which load() then reports.
[[nodiscard]] std::optional<consul::Query> consul_query(const config::Sources& sources);

// Adds the texts of CONFIG_FILE, and what is wrong with it.
void read_file(config::Sources& sources);
// Adds the texts of Consul's keys.
void set_consul(config::Sources& sources, const consul::KeyValues& keys);

// Adds the texts of CONFIG_FILE and Consul. Returns the index of Consul's keys; 0 if Consul is not used.
// Error: Consul does not answer within a few seconds; its texts are missing then.
[[nodiscard]] Result<std::uint64_t> read_sources(config::Sources& sources);

// The functions are called by one thread, except offer().
class SettingsFeed {
 public:
  struct Update {
    config::Settings settings;
    config::SettingChanges changes;
    // Values of Consul that are wrong; the last good ones stay in force.
    std::vector<config::SettingError> refused;
  };
  using Result = std::expected<Update, std::vector<config::SettingError>>;

  // `sources` are those of the start, without errors, and `loaded` is their result.
  SettingsFeed(config::Sources sources, const config::Loaded& loaded, std::uint64_t consul_index)
      : consul_index_(consul_index),
        last_good_consul_(sources.consul.texts),
        in_force_(loaded),
        sources_(std::move(sources)) {}

  [[nodiscard]] std::optional<consul::Query> query() const { return consul_query(sources_); }
  // The index of Consul's keys at the start; 0 if it did not answer.
  [[nodiscard]] std::uint64_t consul_index() const { return consul_index_; }

  // Reads CONFIG_FILE again. On an error everything stays as it was.
  [[nodiscard]] Result reload_file();

  // Consul has these keys now. They are kept for take_offered(). Thread-safe.
  void offer(consul::KeyValues keys);
  // Takes over what was offered last. Nothing if nothing was offered.
  [[nodiscard]] std::optional<Result> take_offered();

 private:
  [[nodiscard]] Result load(config::Sources sources);

  const std::uint64_t consul_index_;
  config::Texts last_good_consul_;
  config::SettingsInForce in_force_;
  config::Sources sources_;
  std::mutex mutex_;  // guards offered_
  std::optional<consul::KeyValues> offered_;
};

}  // namespace weir::app
