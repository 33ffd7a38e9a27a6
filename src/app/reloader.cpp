#include "app/reloader.hpp"

#include <algorithm>

namespace weir::app {
namespace {

// Returns a list for a field of a log line.
std::string joined(const std::vector<std::string>& parts) {
  std::string out;
  for (const std::string& part : parts) out.append(out.empty() ? "" : ", ").append(part);
  return out;
}

}  // namespace

// The files that settings name are read again even if CONFIG_FILE is wrong.
void Reloader::on_hangup() {
  if (apply(feed_.reload_file()))
    logger_.info("SIGHUP received; the settings are loaded again",
                 {{"changed", applied_.empty() ? "nothing" : applied_}});
  else
    logger_.error("SIGHUP received; the settings are wrong, so the old ones stay in force");
  service_.reload_files();
}

// A new set of keys may arrive while the last one is applied. Only the newest is kept, so none may be left.
void Reloader::on_new_settings() {
  const auto result = feed_.take_offered();
  if (!result) return;
  if (!apply(*result))
    logger_.error("the settings in Consul are wrong, so the last good ones stay in force");
  else if (!applied_.empty())
    logger_.info("settings have changed in Consul", {{"changed", applied_}});
}

bool Reloader::apply(const SettingsFeed::Result& result) {
  if (!result) {
    for (const config::SettingError& error : result.error()) logger_.error(error.text);
    return false;
  }
  std::vector<std::string> refused;
  for (const config::SettingError& error : result->refused) {
    refused.push_back(error.text);
    if (std::ranges::find(refused_, error.text) == refused_.end())
      logger_.error("a setting in Consul is refused; the last good value stays in force",
                    {{"setting", error.variable}, {"reason", error.text}});
  }
  // A refused value is logged once, not at each change of another key.
  refused_ = std::move(refused);
  service_.reload(result->settings);
  applied_ = joined(result->changes.applied);
  // The same list is logged once, too.
  if (result->changes.need_restart != need_restart_ && !result->changes.need_restart.empty())
    logger_.warn("settings have changed that take effect after a restart",
                 {{"settings", joined(result->changes.need_restart)}});
  need_restart_ = result->changes.need_restart;
  return true;
}

}  // namespace weir::app
