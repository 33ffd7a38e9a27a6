// A session with PostgreSQL through libpq, its statements and their answers. No type of libpq-fe.h leaves
// this module.
//
// A Connection and the Rows that it returned belong to one thread at a time. Every call blocks, but not
// longer than ConnectionSettings::answer_timeout. Connecting takes at most connect_timeout for each host, and
// the time of the resolver. errors.hpp lists the errors and what to do about each. No text of an error holds
// a password.
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

// SQL with $1, $2 …, each cast to its type ($1::bigint[]). A session prepares it under its name when it first
// runs there. Without a name it is parsed each time.
struct Statement {
  std::string name;
  std::string sql;
  // What each column of the answer is. A column that a person changed is reported before a value is read:
  //   n  an integer or a boolean     t  text or bytea     m  timestamptz     capital: may be NULL
  // Empty: not checked. `table` is the table of most of the columns, for messages.
  std::string_view columns = {};
  std::string_view table = {};
};

// The answer to one statement, all of it in memory. Rows and columns count from 0. The views live as long as
// this.
class Rows {
 public:
  [[nodiscard]] int count() const;
  [[nodiscard]] bool is_null(int row, int column) const;
  [[nodiscard]] std::int64_t number(int row, int column) const;     // smallint, integer, bigint or boolean
  [[nodiscard]] std::string_view bytes(int row, int column) const;  // text or bytea
  [[nodiscard]] WallTime moment(int row, int column) const;         // timestamptz, cut to milliseconds
  // The command tag of the server: "UPDATE 3", "COMMIT".
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
  // Opens a session with TimeZone UTC and encoding UTF-8. search_path stays as the server has it.
  static Result<Connection> open(const ConnectionSettings& settings);

  // Runs statements in one round trip, in this order, and returns one answer for each. Without a transaction
  // all of them are one: all or nothing. Use BEGIN and COMMIT to learn which.
  //
  // The first error ends the list: later statements do not run. ErrorKind::invalid, code_tables_differ: an
  // answer is not as Statement::columns says.
  struct Call {
    const Statement& statement;
    Parameters parameters = {};
  };
  Result<std::vector<Rows>> run(std::span<const Call> calls);
  Result<Rows> run(const Statement& statement, Parameters parameters = {});
  // Runs any number of statements without parameters and ignores their rows. For tables and settings.
  Result<void> run_script(const std::string& sql);

  // From now on each call runs `check` before it begins, and every 100 ms while it waits for the server. If
  // `check` returns an error, the session is closed and the call returns that error. An empty function turns
  // this off.
  void interrupt_when(std::function<Result<void>()> check) { check_ = std::move(check); }

  // The session is closed. Every further call returns code_lost: open another session.
  [[nodiscard]] bool is_lost() const;
  // A transaction is open on the server, also one that has failed. False once the session is lost.
  [[nodiscard]] bool in_transaction() const;
  // Rolls an open transaction back. If the server does not do so, the session is closed, so none is open
  // afterwards.
  void rollback();

  [[nodiscard]] int server_version() const;  // 150020 is 15.20

 private:
  struct Finish {
    void operator()(pg_conn* connection) const noexcept;
  };
  // One message to the server, in the order of the answers: a statement, or the preparation of one.
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
  Result<void> set_client_check(std::chrono::milliseconds interval);
  bool send(const Call& call, std::vector<Sent>& sent);
  Result<std::vector<Rows>> collect(std::span<const Sent> sent, MonoTime deadline);
  Result<Rows> next_answer(MonoTime deadline);
  // Closes the session. Returns the error that the server sent when it ended the session, if it sent one.
  // libpq itself often reports only that it could not send.
  Error lose();
  [[nodiscard]] std::optional<Error> find_fatal_message();
  // Waits until the socket is ready for one of `events`. On an error the session is closed.
  Result<void> wait(short events, MonoTime deadline);

  std::unique_ptr<std::optional<Error>>
      fatal_;  // a FATAL message outside of an answer; libpq knows the address
  std::unique_ptr<pg_conn, Finish> connection_;  // null: the session is lost
  std::chrono::milliseconds answer_timeout_;
  std::set<std::string> prepared_;  // names of statements
  std::function<Result<void>()> check_;
};

}  // namespace weir::postgres
