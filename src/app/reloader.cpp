#include "app/reloader.hpp"

#include <algorithm>

namespace weir::app {
namespace {

std::string joined(const std::vector<std::string>& parts) {
  std::string out;
  for (const std::string& part : parts) out.append(out.empty() ? "" : ", ").append(part);
  return out;
}

}  // namespace

void Reloader::on_hangup() {
  if (apply(feed_.reload_file()))
    logger_.info("SIGHUP received; the settings are loaded again",
                 {{"changed", applied_.empty() ? "nothing" : applied_}});
  else
    logger_.error("SIGHUP received; the settings are wrong, so the old ones stay in force");
  service_.reload_files();
}

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
  refused_ = std::move(refused);
  service_.reload(result->settings);
  applied_ = joined(result->changes.applied);
  if (result->changes.need_restart != need_restart_ && !result->changes.need_restart.empty())
    logger_.warn("settings have changed that take effect after a restart",
                 {{"settings", joined(result->changes.need_restart)}});
  need_restart_ = result->changes.need_restart;
  return true;
}

}  // namespace weir::app
