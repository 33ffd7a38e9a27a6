#include "app/remote.hpp"

#include <cstring>
#include <filesystem>
#include <fstream>

#include "access/basic_credentials.hpp"
#include "base/text.hpp"
#include "http/client.hpp"

namespace weir::app {

namespace {

constexpr std::string_view key_option = "--key";

}  // namespace

// The command line has precedence over the settings. The key has precedence over the dashboard password,
// which is used with the user name `weir` (RFC 7617).
void Remote::complete(const config::Settings& settings) {
  if (url.empty()) url = "http://127.0.0.1:" + std::to_string(settings.server_port);
  if (key.empty()) key = settings.weir_api_key;
  if (!key.empty())
    credentials = {{"Authorization", "Bearer " + key}};
  else if (!settings.dashboard_password.empty())
    credentials = {{"Authorization", "Basic " + access::to_base64({"weir", settings.dashboard_password})}};
}

Argument url_into(std::string& url) {
  return {.name = "--url",
          .help = "address of the running Weir (default: http://127.0.0.1:SERVER_PORT)",
          .expected = "http://host:port/prefix or https://host:port/prefix, without a user name and password",
          .take = [&url](const std::string& typed) {
            url = typed;
            return http::parse_base_url(typed).has_value();
          }};
}

Argument ca_file_into(std::string& ca_file) {
  return {.name = "--cacert",
          .help =
              "PEM file of the authorities that may have issued the certificate of an https:// Weir "
              "(default: SSL_CERT_FILE, else those of the system)",
          .expected = "a readable file of certificates in PEM",
          .take = [&ca_file](const std::string& typed) {
            ca_file = typed;
            std::error_code ignored;
            return !std::filesystem::is_directory(typed, ignored) && std::ifstream(typed).is_open();
          }};
}

// A line break in a header would begin another header.
Argument key_into(std::string& key) {
  return {.name = std::string(key_option),
          .help = "API key of that Weir (default: WEIR_API_KEY)",
          .expected = "an API key of visible ASCII characters",
          .take =
              [&key](const std::string& typed) {
                key = typed;
                return !typed.empty() && is_visible_ascii(typed);
              },
          .is_secret = true};
}

void hide_key(int argc, char** argv) {
  // Writes over the value in the process's own argument memory, which ps(1) and /proc/PID/cmdline show. Both
  // forms are recognised: `--key VALUE` and `--key=VALUE`.
  for (int at = 1; at < argc; ++at) {
    const std::string_view argument = argv[at];
    char* value = nullptr;
    if (argument == key_option && at + 1 < argc) value = argv[at + 1];
    if (argument.starts_with(std::string(key_option) + "=")) value = argv[at] + key_option.size() + 1;
    if (value != nullptr) std::memset(value, 'x', std::strlen(value));
  }
}

}  // namespace weir::app
