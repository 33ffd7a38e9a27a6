// Where the database is, and how long to wait for it; and the same as libpq's keywords.
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
  std::string password;  // empty: as libpq finds it (~/.pgpass)
  std::string dbname = "analytics";
  // DATABASE_URL: wins over the five above. A URI or libpq's `keyword=value` list; what it says of the
  // connection's own timeouts (connect_timeout, keepalives…, tcp_user_timeout) wins too.
  std::string url;
  std::string application_name = "weir";

  std::chrono::seconds connect_timeout{5};  // for each host of the list
  std::chrono::milliseconds dead_peer_timeout{
      10'000};  // after it both ends know that the other machine is gone
  // The server ends by itself what lasts longer; 0: never.
  std::chrono::milliseconds statement_timeout{30'000};
  std::chrono::milliseconds lock_timeout{15'000};
  std::chrono::milliseconds idle_in_transaction_timeout{5'000};
  // If the server does not even do that, the session is given up. More than statement_timeout.
  std::chrono::milliseconds answer_timeout{35'000};
  // While a statement runs the server looks this often whether the session is still connected, and ends the
  // statement if it is not; 0: never. PostgreSQL before 14, and on systems that cannot tell, goes on to
  // statement_timeout.
  std::chrono::milliseconds client_check_interval{0};
  // Further settings of the session on the server: ("plan_cache_mode", "force_generic_plan").
  std::vector<std::pair<std::string, std::string>> session;
};

// What ConnectionSettings::url may be, for messages.
inline constexpr std::string_view url_expected =
    "postgresql://user:password@host:port/database, special characters percent-encoded (an @ in the password "
    "as "
    "%40), or key=value pairs";

using Keywords = std::vector<std::pair<std::string, std::string>>;

// What libpq is told: its keywords and their values. ErrorKind::invalid, database_settings: DATABASE_URL
// cannot be read; the text quotes nothing of it, for a broken one may have its password anywhere. Source of
// the keywords: https://www.postgresql.org/docs/15/libpq-connect.html#LIBPQ-PARAMKEYWORDS
[[nodiscard]] Result<Keywords> keywords_of(const ConnectionSettings& settings);

// What the server is told once there is a session, as names and values of its settings.
[[nodiscard]] Keywords session_settings_of(const ConnectionSettings& settings);

// How long all hosts may take together.
[[nodiscard]] std::chrono::milliseconds connect_timeout_of(const Keywords& keywords);

// "host:port/database", for messages.
[[nodiscard]] std::string address_of(const Keywords& keywords);

}  // namespace weir::postgres
