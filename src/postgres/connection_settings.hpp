// The address of the database and the timeouts of a session, and their translation for libpq and for the
// server.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.hpp"

namespace weir::postgres {

struct ConnectionSettings {
  std::string host = "localhost";
  std::uint16_t port = 5432;
  std::string user = "postgres";
  std::string password;  // empty: libpq looks for it (~/.pgpass)
  std::string dbname = "analytics";
  // DATABASE_URL, a URI or a `keyword=value` list of libpq. Overrides the five settings above, and those of
  // connect_timeout, keepalives… and tcp_user_timeout that it names.
  std::string url;
  std::string application_name = "weir";

  std::chrono::seconds connect_timeout{5};  // for each host of the list
  // After it both sides notice that the other machine does not answer any more.
  std::chrono::milliseconds dead_peer_timeout{10'000};
  // Limits that the server enforces; 0: none.
  std::chrono::milliseconds statement_timeout{30'000};
  std::chrono::milliseconds lock_timeout{15'000};
  std::chrono::milliseconds idle_in_transaction_timeout{5'000};
  // How long a call waits for the server before it closes the session. Longer than statement_timeout.
  std::chrono::milliseconds answer_timeout{35'000};
  // How often the server checks, while a statement runs, that the client is still connected; it ends the
  // statement if not. 0: never. PostgreSQL before 14, and on systems that cannot check, runs on to
  // statement_timeout.
  std::chrono::milliseconds client_check_interval{0};
  // Further settings of the session on the server, for example ("plan_cache_mode", "force_generic_plan").
  std::vector<std::pair<std::string, std::string>> session;
};

// The forms of ConnectionSettings::url, for messages.
inline constexpr std::string_view url_expected =
    "postgresql://user:password@host:port/database, special characters percent-encoded (an @ in the password "
    "as %40), or key=value pairs";

using Keywords = std::vector<std::pair<std::string, std::string>>;

// The connection keywords of libpq with their values. ErrorKind::invalid, code_settings: DATABASE_URL cannot
// be parsed. The text quotes nothing of it, because a malformed one may have its password anywhere. Source:
// https://www.postgresql.org/docs/15/libpq-connect.html#LIBPQ-PARAMKEYWORDS
[[nodiscard]] Result<Keywords> keywords_of(const ConnectionSettings& settings);

// The settings that a new session sets on the server.
[[nodiscard]] Keywords session_settings_of(const ConnectionSettings& settings);

// The longest time that connecting may take, over all hosts of the list.
[[nodiscard]] std::chrono::milliseconds connect_timeout_of(const Keywords& keywords);

// "host:port/database", for messages.
[[nodiscard]] std::string address_of(const Keywords& keywords);

}  // namespace weir::postgres
