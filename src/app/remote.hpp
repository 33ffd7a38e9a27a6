// The running Weir that `weir import` and `weir stats` talk to.
#pragma once

#include <string>

#include "app/arguments.hpp"
#include "config/settings.hpp"
#include "http/exchange.hpp"

namespace weir::app {

struct Remote {
  std::string url;               // http://host:port/prefix or https://…
  std::string ca_file;           // --cacert; empty: the authorities of the system
  std::string key;               // the API key; empty: none
  http::HeaderList credentials;  // headers of each request, after complete()

  // Adds what was not typed from the settings of the command: the address of a Weir on this machine, and
  // WEIR_API_KEY. Without a key, DASHBOARD_PASSWORD is used, as Basic.
  void complete(const config::Settings& settings);
};

// The options --url, --key and --cacert.
[[nodiscard]] Argument url_into(std::string& url);
[[nodiscard]] Argument key_into(std::string& key);
[[nodiscard]] Argument ca_file_into(std::string& ca_file);

// Overwrites the value of --key in the arguments of main(). They are visible to other users (ps), so main()
// calls it first thing after it has copied them. The variable is not visible at any time.
void hide_key(int argc, char** argv);

}  // namespace weir::app
