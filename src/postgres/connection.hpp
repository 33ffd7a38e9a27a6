// PostgreSQL behind libpq: a session, its statements and their answers. No vendor type leaves this room.
//
// A Connection and the Rows it answered belong to one thread at a time. Every call blocks, and none longer than
// ConnectionSettings::answer_timeout (connecting: connect_timeout for each host, and the resolver's own time).
// Errors carry the codes of errors.hpp; no text ever holds a password.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/clock.hpp"
#include "base/result.hpp"
#include "postgres/binary.hpp"

struct pg_conn;
struct pg_result;

namespace weir::postgres {

// Where the database is, and how long to wait for it.
struct ConnectionSettings {
  std::string host = "localhost";
  std::uint16_t port = 5432;
  std::string user = "postgres";
  std::string password;  // empty: as libpq finds it (~/.pgpass)
  std::string dbname = "analytics";
  // DATABASE_URL: wins over the five above. A URI or libpq's `keyword=value` list; what it says of timeouts of the
  // connection (connect_timeout, keepalives_…, tcp_user_timeout) wins too.
  std::string url;
  std::string application_name = "weir";

  std::chrono::seconds connect_timeout{5};  // for each host of the list
  std::chrono::milliseconds dead_peer_timeout{
      10'000};  // both ends know by then that the other one's machine is gone
  // The server ends by itself what lasts longer; 0: never.
  std::chrono::milliseconds statement_timeout{30'000};
  std::chrono::milliseconds lock_timeout{15'000};
  std::chrono::milliseconds idle_in_transaction_timeout{5'000};
  // If the server does not even do that, the session is given up. More than statement_timeout.
  std::chrono::milliseconds answer_timeout{35'000};
  // Further settings of the session on the server: ("plan_cache_mode", "force_generic_plan").
  std::vector<std::pair<std::string, std::string>> session;
};

// SQL with $1, $2 …, each cast to its type ($1::bigint[]). Prepared in a session when it is first run there, under
// its name; without one it is parsed each time.
struct Statement {
  std::string name;
  std::string sql;
};

// The answer to one statement, held whole in memory. Rows and columns count from 0. Views live as long as this.
class Rows {
 public:
  [[nodiscard]] int count() const;
  [[nodiscard]] bool is_null(int row, int column) const;
  [[nodiscard]] std::int64_t number(int row, int column) const;     // smallint, integer, bigint or boolean
  [[nodiscard]] double real(int row, int column) const;             // double precision
  [[nodiscard]] std::string_view bytes(int row, int column) const;  // text or bytea
  [[nodiscard]] WallTime moment(int row, int column) const;         // timestamptz, cut to milliseconds
  // What the server says that it did: "UPDATE 3", "COMMIT".
  [[nodiscard]] std::string_view command() const;
  [[nodiscard]] std::int64_t rows_changed() const;  // by an INSERT, UPDATE or DELETE

 private:
  friend class Connection;
  struct Clear {
    void operator()(pg_result* result) const noexcept;
  };
  explicit Rows(pg_result* result) : result_(result) {}

  std::unique_ptr<pg_result, Clear> result_;
};

class Connection {
 public:
  // A new session. UTC, UTF-8; search_path is left as the server has it.
  static Result<Connection> open(const ConnectionSettings& settings);

  // Statements with their parameters in one round trip, in this order, each with its answer at the same place. If one
  // fails, those behind it are not run and its error is the answer. Outside of a transaction they are one: all or
  // nothing (say BEGIN and COMMIT if you must know which).
  struct Call {
    const Statement& statement;
    const Parameters& parameters;
  };
  Result<std::vector<Rows>> run(std::span<const Call> calls);
  Result<Rows> run(const Statement& statement, const Parameters& parameters = {});
  // Any number of statements without parameters, whose answers nobody wants; for tables and settings.
  Result<void> run_script(const std::string& sql);

  // Gone: every call answers connection_lost from now on; open another one.
  [[nodiscard]] bool is_lost() const;
  // A transaction is open on the server, be it one that has failed. False once the session is lost.
  [[nodiscard]] bool in_transaction() const;
  // Ends an open transaction. If the server does not do so, the session is lost; nothing is open afterwards.
  void rollback();

  [[nodiscard]] int server_version() const;  // 150020 is 15.20
  [[nodiscard]] int backend_pid() const;     // of the server's process for this session

 private:
  struct Finish {
    void operator()(pg_conn* connection) const noexcept;
  };
  Connection(pg_conn* connection, std::chrono::milliseconds answer_timeout)
      : connection_(connection), answer_timeout_(answer_timeout) {}

  std::unique_ptr<pg_conn, Finish> connection_;
  std::chrono::milliseconds answer_timeout_;
  std::set<std::string, std::less<>> prepared_;
};

// The URL's or the settings' host, port and database as "host:port/database", for messages; never user or password.
[[nodiscard]] std::string address_of(const ConnectionSettings& settings);

}  // namespace weir::postgres
