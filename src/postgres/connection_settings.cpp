// A setting of DATABASE_URL is kept. Each default is added only if the URL does not name its keyword.
#include "postgres/connection_settings.hpp"

#include <algorithm>
#include <charconv>
#include <libpq-fe.h>
#include <memory>

#include "postgres/errors.hpp"

namespace weir::postgres {
namespace {

// Returns the value of a keyword, or `otherwise` if it is absent.
std::string_view value_of(const Keywords& keywords, std::string_view name, std::string_view otherwise) {
  const auto found = std::ranges::find(keywords, name, &Keywords::value_type::first);
  return found == keywords.end() ? otherwise : std::string_view(found->second);
}

// Keepalive settings are whole seconds. 0 would select the default of the operating system.
std::int64_t whole_seconds(std::chrono::milliseconds duration) {
  return std::max<std::int64_t>(1, std::chrono::ceil<std::chrono::seconds>(duration).count());
}

// Half of the timeout passes before the first keepalive probe, half with probes a second apart.
std::string half_of(std::chrono::milliseconds timeout) { return std::to_string(whole_seconds(timeout / 2)); }

// The keywords that the URL names. libpq checks their values when it connects.
Result<Keywords> read_url(const std::string& url) {
  char* why = nullptr;  // never shown: it may quote the password
  const std::unique_ptr<PQconninfoOption, void (*)(PQconninfoOption*)> options(
      PQconninfoParse(url.c_str(), &why), PQconninfoFree);
  PQfreemem(why);
  const auto unreadable = [] {
    return fail(ErrorKind::invalid, code_settings,
                "DATABASE_URL cannot be parsed; expected " + std::string(url_expected));
  };
  if (!options) return unreadable();
  Keywords keywords;
  for (const PQconninfoOption* option = options.get(); option->keyword != nullptr; ++option) {
    if (option->val != nullptr) keywords.emplace_back(option->keyword, option->val);
  }
  // libpq ends user and password at the first @. If the password contains an unescaped @, its rest is in the
  // host.
  if (value_of(keywords, "host", "").contains('@')) return unreadable();
  return keywords;
}

}  // namespace

Result<Keywords> keywords_of(const ConnectionSettings& settings) {
  Keywords keywords;
  if (!settings.url.empty()) {
    auto read = read_url(settings.url);
    if (!read) return read;
    keywords = *std::move(read);
  } else {
    keywords = {{"host", settings.host},
                {"port", std::to_string(settings.port)},
                {"user", settings.user},
                {"dbname", settings.dbname}};
    if (!settings.password.empty()) keywords.emplace_back("password", settings.password);
  }
  const std::string half = half_of(settings.dead_peer_timeout);
  for (const auto& [name, value] : Keywords{
           {"fallback_application_name", settings.application_name},
           {"client_encoding", "UTF8"},
           {"connect_timeout", std::to_string(settings.connect_timeout.count())},
           {"keepalives", "1"},
           {"keepalives_idle", half},
           {"keepalives_interval", "1"},
           {"keepalives_count", half},
           {"tcp_user_timeout", std::to_string(settings.dead_peer_timeout.count())},
       }) {
    if (value_of(keywords, name, "").empty()) keywords.emplace_back(name, value);
  }
  return keywords;
}

// TimeZone is UTC, because an adopted user_activity_metrics may have TIMESTAMP columns without a time zone.
Keywords session_settings_of(const ConnectionSettings& settings) {
  const auto milliseconds = [](std::chrono::milliseconds duration) {
    return std::to_string(duration.count());
  };
  const std::string half = half_of(settings.dead_peer_timeout);
  Keywords all{
      {"client_encoding", "UTF8"},
      {"TimeZone", "UTC"},
      {"statement_timeout", milliseconds(settings.statement_timeout)},
      {"lock_timeout", milliseconds(settings.lock_timeout)},
      {"idle_in_transaction_session_timeout", milliseconds(settings.idle_in_transaction_timeout)},
      {"tcp_keepalives_idle", half},
      {"tcp_keepalives_interval", "1"},
      {"tcp_keepalives_count", half},
      {"tcp_user_timeout", milliseconds(settings.dead_peer_timeout)},
  };
  all.insert(all.end(), settings.session.begin(), settings.session.end());
  return all;
}

std::chrono::milliseconds connect_timeout_of(const Keywords& keywords) {
  const std::string_view text = value_of(keywords, "connect_timeout", "");
  std::int64_t seconds = 0;
  std::from_chars(text.data(), text.data() + text.size(), seconds);
  constexpr std::int64_t seconds_max = 3600;  // to libpq, 0 and less mean no limit
  if (seconds <= 0 || seconds > seconds_max) seconds = seconds_max;
  // libpq applies the timeout to each host of the list.
  const std::string_view hosts = value_of(keywords, "host", value_of(keywords, "hostaddr", ""));
  return std::chrono::seconds{seconds * (1 + std::ranges::count(hosts, ','))};
}

// For log lines: host, port and database without user and password. The defaults are those of libpq.
std::string address_of(const Keywords& keywords) {
  const std::string_view host = value_of(keywords, "host", value_of(keywords, "hostaddr", "localhost"));
  return std::string(host) + ":" + std::string(value_of(keywords, "port", "5432")) + "/" +
         std::string(value_of(keywords, "dbname", value_of(keywords, "user", "")));
}

}  // namespace weir::postgres
