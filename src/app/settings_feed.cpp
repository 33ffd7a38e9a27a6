#include "app/settings_feed.hpp"

#include <array>
#include <utility>

#include "config/config_file.hpp"
#include "config/variable.hpp"

namespace weir::app {
namespace {

// A start waits for Consul no longer than this for the connection, and again for the reply.
constexpr std::chrono::milliseconds start_timeout{2000};

}  // namespace

std::optional<consul::Query> consul_query(const config::Sources& sources) {
  config::Settings settings;
  constexpr std::array<std::string_view, 4> names{"CONSUL_HTTP_ADDR", "CONSUL_HTTP_TOKEN", "CONSUL_PREFIX",
                                                  "CONSUL_DATACENTER"};
  // Only these four are read here. All other texts are checked by load(), once the keys are there.
  for (const std::string_view name : names) {
    const std::string text = config::text_of(sources, name);
    if (!text.empty() && !config::find_variable(name)->value_spec.read(text, settings)) return std::nullopt;
  }
  if (!settings.consul_address) return std::nullopt;
  return consul::Query{.agent = *settings.consul_address,
                       .prefix = settings.consul_prefix,
                       .token = settings.consul_token,
                       .datacenter = settings.consul_datacenter};
}

void read_file(config::Sources& sources) {
  const std::string path = config::text_of(sources, "CONFIG_FILE");
  if (!path.empty()) sources.file = config::read_config_file(path);
}

void set_consul(config::Sources& sources, const consul::KeyValues& keys) {
  sources.consul = {.origin = config::Origin::consul, .texts = {}, .errors = {}};
  for (const auto& [key, value] : keys.values) sources.consul.add(key, value, "in Consul");
}

weir::Result<std::uint64_t> read_sources(config::Sources& sources) {
  read_file(sources);
  const auto query = consul_query(sources);
  if (!query) return 0;
  const auto keys = consul::fetch(*query, start_timeout);
  if (!keys)
    return fail(keys.error().kind, keys.error().code,
                "Consul (" + query->agent.authority() + ") is not available: " + keys.error().text);
  set_consul(sources, *keys);
  return keys->index;
}

SettingsFeed::Result SettingsFeed::reload_file() {
  config::Sources next = sources_;
  read_file(next);
  return load(std::move(next));
}

void SettingsFeed::offer(consul::KeyValues keys) {
  // Keys that were offered before and not taken are replaced.
  const std::lock_guard lock(mutex_);
  offered_ = std::move(keys);
}

std::optional<SettingsFeed::Result> SettingsFeed::take_offered() {
  std::unique_lock lock(mutex_);
  const auto keys = std::exchange(offered_, std::nullopt);
  lock.unlock();
  if (!keys) return std::nullopt;
  set_consul(sources_, *keys);  // also if they are wrong: a later CONFIG_FILE may fit them
  return load(sources_);
}

// Takes the sources over if they are good.
SettingsFeed::Result SettingsFeed::load(config::Sources sources) {
  // A value of Consul that is refused is replaced by the last good one. A fault elsewhere is an error.
  auto loaded = config::load_without_refused(sources, last_good_consul_);
  if (!loaded) return std::unexpected(std::move(loaded.error()));
  sources_ = std::move(sources);
  last_good_consul_ = std::move(loaded->consul);
  config::SettingChanges changes = in_force_.update(loaded->loaded);
  return Update{std::move(loaded->loaded.settings), std::move(changes), std::move(loaded->refused)};
}

}  // namespace weir::app
