// Puts new settings in force while the process runs, and logs what changed.
#pragma once

#include <string>
#include <vector>

#include "app/service.hpp"
#include "app/settings_feed.hpp"
#include "telemetry/logger.hpp"

namespace weir::app {

// Main thread only. All references must outlive the object.
class Reloader {
 public:
  Reloader(Service& service, SettingsFeed& feed, telemetry::Logger& logger)
      : service_(service), feed_(feed), logger_(logger) {}

  // SIGHUP: CONFIG_FILE and the files that settings name.
  void on_hangup();
  // Consul has new keys.
  void on_new_settings();

 private:
  [[nodiscard]] bool apply(const SettingsFeed::Result& result);

  Service& service_;
  SettingsFeed& feed_;
  telemetry::Logger& logger_;
  // What was logged last, so that it is not repeated.
  std::vector<std::string> need_restart_;
  std::vector<std::string> refused_;
  std::string applied_;  // by the last apply()
};

}  // namespace weir::app
