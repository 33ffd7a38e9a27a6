// PostgreSQL behind libpq: a session, its statements and their answers. No vendor type leaves this room.
//
// A Connection and the Rows it answered belong to one thread at a time. Every call blocks, and none longer
// than ConnectionSettings::answer_timeout (connecting: connect_timeout for each host, and the resolver's own
// time). Errors carry the codes of errors.hpp; no text ever holds a password.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
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
#include "postgres/connection_settings.hpp"

struct pg_conn;
struct pg_result;

namespace weir::postgres {

// SQL with $1, $2 …, each cast to its type ($1::bigint[]). Prepared in a session when it is first run there,
// under its name; without one it is parsed each time.
struct Statement {
  std::string name;
  std::string sql;
  // What the columns of its answer are, so that a table which a person changed is seen before a value is read:
  //   n  a whole number or a boolean     t  text or bytea     m  timestamptz     capital: may be null as well
  // Empty: not checked. `table` is where most of the columns stand, for messages.
  std::string_view columns = {};
  std::string_view table = {};
};

// The answer to one statement, held whole in memory. Rows and columns count from 0. Views live as long as
// this.
class Rows {
 public:
  [[nodiscard]] int count() const;
  [[nodiscard]] bool is_null(int row, int column) const;
  [[nodiscard]] std::int64_t number(int row, int column) const;     // smallint, integer, bigint or boolean
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

  // Statements with their parameters in one round trip, in this order, each with its answer at the same
  // place. An answer that is not as Statement::columns says is an error: ErrorKind::invalid,
  // code_tables_differ. If one fails, those after it are not run and its error is the answer. Outside of a
  // transaction they are one: all or nothing (say BEGIN and COMMIT if you must know which).
  struct Call {
    const Statement& statement;
    Parameters parameters = {};
  };
  Result<std::vector<Rows>> run(std::span<const Call> calls);
  Result<Rows> run(const Statement& statement, Parameters parameters = {});
  // Any number of statements without parameters, whose answers nobody wants; for tables and settings.
  Result<void> run_script(const std::string& sql);

  // From now on each call asks `check` before it begins and every 100 ms while it waits for the server. Once
  // `check` has an error the session is given up, with that error. An empty function: nothing is asked.
  void interrupt_when(std::function<Result<void>()> check) { check_ = std::move(check); }

  // Gone: every call answers connection_lost from now on; open another one.
  [[nodiscard]] bool is_lost() const;
  // A transaction is open on the server, be it one that has failed. False once the session is lost.
  [[nodiscard]] bool in_transaction() const;
  // Ends an open transaction. If the server does not do so, the session is lost; nothing is open afterwards.
  void rollback();

  [[nodiscard]] int server_version() const;  // 150020 is 15.20

 private:
  struct Finish {
    void operator()(pg_conn* connection) const noexcept;
  };
  // What was sent, in the order in which it is answered: a statement, or the preparation of one.
  struct Sent {
    const Statement* statement = nullptr;
    std::string_view prepares = {};
  };
  Connection(pg_conn* connection, std::chrono::milliseconds answer_timeout)
      : fatal_(std::make_unique<std::optional<Error>>()),
        connection_(connection),
        answer_timeout_(answer_timeout) {}

  Result<void> finish_connecting(const Keywords& keywords);
  Result<void> set_up(const Keywords& session);
  Result<void> check_client(std::chrono::milliseconds interval);
  bool send(const Call& call, std::vector<Sent>& sent);
  Result<std::vector<Rows>> collect(std::span<const Sent> sent, MonoTime deadline);
  Result<Rows> next_answer(MonoTime deadline);
  // Gives the session up. The error is what the server said when it ended the session, if it said so: what
  // libpq reports is often only that nothing could be sent any more.
  Error lose();
  [[nodiscard]] std::optional<Error> find_last_words();
  // Waits until the socket is ready for one of `events`. The error says why the session was given up.
  Result<void> wait(short events, MonoTime deadline);

  std::unique_ptr<std::optional<Error>> fatal_;  // a FATAL message that came while no answer was waited for
  std::unique_ptr<pg_conn, Finish> connection_;  // none: lost
  std::chrono::milliseconds answer_timeout_;
  std::set<std::string> prepared_;
  std::function<Result<void>()> check_;
};

}  // namespace weir::postgres
