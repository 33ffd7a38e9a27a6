// libpq in pipeline mode on a non-blocking socket: run() sends all statements with one Sync at the end, then
// collect() reads the answers in the same order. Each statement is answered by its result and an end marker
// (a null result), a preparation likewise, and the Sync by one result. All waiting is in wait(), which knows
// the deadline and the check.
//
// Everything runs on the calling thread. libpq calls on_notice() while it reads.
#include "postgres/connection.hpp"

#include <algorithm>
#include <array>
#include <libpq-fe.h>
#include <optional>
#include <poll.h>

#include "base/ensure.hpp"
#include "postgres/errors.hpp"

namespace weir::postgres {
namespace {

constexpr int binary = 1;

const Statement rollback_statement{"", "ROLLBACK"};

MonoTime deadline_after(std::chrono::milliseconds timeout) { return read_clock().mono + timeout; }

// How often a call that waits runs the check of interrupt_when().
constexpr std::chrono::milliseconds check_interval{100};

// Waits for the socket. Returns whether it was ready for one of `events` before the deadline.
bool wait_for(const PGconn* connection, short events, MonoTime deadline) {
  while (true) {
    // poll() takes an int of milliseconds; a longer wait is done in parts.
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - read_clock().mono).count();
    pollfd socket{.fd = PQsocket(connection), .events = events, .revents = 0};
    const int ready = poll(&socket, 1, static_cast<int>(std::clamp<std::int64_t>(left, 0, 60'000)));
    if (ready > 0) return true;
    if (left <= 0) return false;
  }
}

std::string_view field(const PGresult* result, int which) {
  const char* const text = PQresultErrorField(result, which);
  return text == nullptr ? std::string_view() : text;
}

// The error of a failed answer. A result that libpq made itself has no fields, only a message.
Error error_in(const PGresult* result) {
  std::string message(field(result, PG_DIAG_MESSAGE_PRIMARY));
  if (message.empty()) message = PQresultErrorMessage(result);
  return error_of(field(result, PG_DIAG_SQLSTATE), message, field(result, PG_DIAG_CONSTRAINT_NAME));
}

struct Kind {
  char letter;
  std::string_view name;
  std::array<Oid, 4> types;  // pg_type.dat
};
// The kinds of Statement::columns with the types that each accepts.
constexpr std::array kinds{Kind{'n', "a whole number", {20, 23, 21, 16}},
                           Kind{'t', "text or bytea", {25, 17, 25, 17}},
                           Kind{'m', "timestamptz", {1184, 1184, 1184, 1184}}};

// Finds the first column of an answer that is not as Statement::columns says.
std::optional<Error> difference_in(const PGresult* result, const Statement& statement) {
  const auto differs = [&](int column, const Kind& kind, const std::string& found) {
    return Error{ErrorKind::invalid, code_tables_differ,
                 "PostgreSQL: column " + std::string(statement.table) + "." + PQfname(result, column) + " " +
                     found + "; expected " + std::string(kind.name) + ", as Weir creates the table"};
  };
  const int rows = PQntuples(result);
  for (int column = 0; column < static_cast<int>(statement.columns.size()); ++column) {
    const char letter = statement.columns[static_cast<std::size_t>(column)];
    const bool may_be_null = letter >= 'A' && letter <= 'Z';
    const auto* const kind =
        std::ranges::find(kinds, may_be_null ? static_cast<char>(letter - 'A' + 'a') : letter, &Kind::letter);
    ensure(kind != kinds.end() && column < PQnfields(result),
           "a statement describes the columns of its answer");
    const Oid type = PQftype(result, column);
    if (std::ranges::find(kind->types, type) == kind->types.end())
      return differs(column, *kind, "is of another type (oid " + std::to_string(type) + ")");
    for (int row = 0; row < rows && !may_be_null; ++row) {
      if (PQgetisnull(result, row, column) != 0) return differs(column, *kind, "holds NULL");
    }
  }
  return std::nullopt;
}

// A failed connect has no result with a SQLSTATE. The verbose form of the message has it, in every language:
// `… FATAL:  28P01: password authentication failed …`. A line about the source code of the server follows.
Error connect_error(const PGconn* connection, const std::string& address) {
  std::string message = PQerrorMessage(connection);
  std::string sqlstate;
  constexpr std::string_view digits = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ";
  for (std::size_t at = 0; (at = message.find(":  ", at)) != std::string::npos; at += 3) {
    if (message.size() < at + 10 || message.compare(at + 8, 2, ": ") != 0) continue;
    const std::string candidate = message.substr(at + 3, 5);
    if (candidate.find_first_not_of(digits) != std::string::npos) continue;
    sqlstate = candidate;
    message.erase(at + 2, 7);
    message.erase(std::min(message.find('\n', at), message.size()));
    break;
  }
  if (sqlstate.empty()) sqlstate = PQconnectionNeedsPassword(connection) != 0 ? "28P01" : "08001";
  Error error = error_of(sqlstate, message);
  if (error.text.find(address) == std::string::npos) error.text += "; connecting to " + address;
  return error;
}

// libpq passes on as a notice what the server sends outside of an answer. A FATAL one says why the server
// ends the session (25P03, 57P01). Other notices are ignored.
void on_notice(void* fatal, const PGresult* notice) {
  const std::string_view severity = field(notice, PG_DIAG_SEVERITY_NONLOCALIZED);
  if (severity == "FATAL" || severity == "PANIC")
    *static_cast<std::optional<Error>*>(fatal) = error_in(notice);
}

// One statement for all settings; unlike SET, set_config() takes parameters.
std::string set_config(std::size_t count) {
  std::string sql = "SELECT ";
  for (std::size_t i = 0; i < count; ++i) {
    if (i > 0) sql += ", ";
    sql += "set_config($" + std::to_string(2 * i + 1) + ", $" + std::to_string(2 * i + 2) + ", false)";
  }
  return sql;
}

}  // namespace

// Rows

void Rows::Clear::operator()(pg_result* result) const noexcept { PQclear(result); }

int Rows::count() const { return PQntuples(result_.get()); }

bool Rows::is_null(int row, int column) const { return PQgetisnull(result_.get(), row, column) != 0; }

std::string_view Rows::bytes(int row, int column) const {
  return {PQgetvalue(result_.get(), row, column),
          static_cast<std::size_t>(PQgetlength(result_.get(), row, column))};
}

std::int64_t Rows::number(int row, int column) const { return read_number(bytes(row, column)); }

WallTime Rows::moment(int row, int column) const { return moment_of(number(row, column)); }

std::string_view Rows::command() const { return PQcmdStatus(result_.get()); }

std::int64_t Rows::rows_changed() const { return std::atoll(PQcmdTuples(result_.get())); }

// Connecting

void Connection::Finish::operator()(pg_conn* connection) const noexcept { PQfinish(connection); }

Result<Connection> Connection::open(const ConnectionSettings& settings) {
  auto keywords = keywords_of(settings);
  if (!keywords) return propagate(keywords);
  std::vector<const char*> names;
  std::vector<const char*> values;
  for (const auto& [name, value] : *keywords) {
    names.push_back(name.c_str());
    values.push_back(value.c_str());
  }
  names.push_back(nullptr);
  values.push_back(nullptr);
  // The URL was parsed by keywords_of(), so dbname is a plain name.
  constexpr int dbname_is_a_url = 0;
  Connection made(PQconnectStartParams(names.data(), values.data(), dbname_is_a_url),
                  settings.answer_timeout);
  if (made.connection_ == nullptr)
    return fail(ErrorKind::unavailable, code_lost, "PostgreSQL: out of memory");
  if (auto done = made.finish_connecting(*keywords); !done) return propagate(done);
  if (auto done = made.set_up(session_settings_of(settings)); !done) return propagate(done);
  if (auto done = made.set_client_check(settings.client_check_interval); !done) return propagate(done);
  return made;
}

Result<void> Connection::finish_connecting(const Keywords& keywords) {
  // Verbose while connecting only: connect_error() reads the SQLSTATE from the message.
  PGconn* const connection = connection_.get();
  PQsetNoticeReceiver(connection, on_notice, fatal_.get());
  PQsetErrorVerbosity(connection, PQERRORS_VERBOSE);
  const MonoTime deadline = deadline_after(connect_timeout_of(keywords));
  PostgresPollingStatusType next =
      PQstatus(connection) == CONNECTION_BAD ? PGRES_POLLING_FAILED : PGRES_POLLING_WRITING;
  while (next == PGRES_POLLING_READING || next == PGRES_POLLING_WRITING) {
    if (!wait_for(connection, next == PGRES_POLLING_READING ? POLLIN : POLLOUT, deadline)) {
      return fail(ErrorKind::unavailable, code_lost,
                  "PostgreSQL: " + address_of(keywords) + " does not answer");
    }
    next = PQconnectPoll(connection);
  }
  if (next != PGRES_POLLING_OK) return std::unexpected(connect_error(connection, address_of(keywords)));
  PQsetErrorVerbosity(connection, PQERRORS_DEFAULT);
  PQsetnonblocking(connection, 1);
  return {};
}

// The settings of the session, in one round trip.
Result<void> Connection::set_up(const Keywords& session) {
  Parameters parameters;
  for (const auto& [name, value] : session) parameters.add(name).add(value);
  auto done = run(Statement{"", set_config(session.size())}, parameters);
  if (!done) return propagate(done);
  return {};
}

// PostgreSQL before 14 does not know the setting, and a server whose operating system cannot report a closed
// socket refuses it. The session works without it.
Result<void> Connection::set_client_check(std::chrono::milliseconds interval) {
  constexpr int first_version = 140000;
  if (interval == interval.zero() || server_version() < first_version) return {};
  Parameters parameters;
  parameters.add("client_connection_check_interval").add(std::to_string(interval.count()));
  auto done = run(Statement{"", set_config(1)}, parameters);
  if (!done && is_lost()) return propagate(done);
  return {};
}

// Running

Result<std::vector<Rows>> Connection::run(std::span<const Call> calls) {
  if (is_lost()) return fail(ErrorKind::unavailable, code_lost, "PostgreSQL: the session is lost");
  if (auto due = check_ ? check_() : Result<void>{}; !due) {
    connection_.reset();
    return propagate(due);
  }
  const MonoTime deadline = deadline_after(answer_timeout_);
  std::vector<Sent> sent;
  // Nothing waits here: what the socket does not take now, next_answer() flushes while it reads.
  bool all_sent = PQenterPipelineMode(connection_.get()) == 1;
  for (const Call& call : calls) all_sent = all_sent && send(call, sent);
  all_sent = all_sent && PQpipelineSync(connection_.get()) == 1;
  if (!all_sent) return std::unexpected(lose());
  return collect(sent, deadline);
}

Result<Rows> Connection::run(const Statement& statement, Parameters parameters) {
  const Call call{statement, std::move(parameters)};
  auto answers = run(std::span(&call, 1));
  if (!answers) return propagate(answers);
  return std::move(answers->front());
}

bool Connection::send(const Call& call, std::vector<Sent>& sent) {
  PGconn* const connection = connection_.get();
  const std::string& name = call.statement.name;
  const std::string& sql = call.statement.sql;
  std::vector<const char*> values;
  std::vector<int> lengths;
  for (std::size_t i = 0; i < call.parameters.count(); ++i) {
    const std::optional<std::string>& value = call.parameters.value(i);
    values.push_back(value ? value->data() : nullptr);
    lengths.push_back(value ? static_cast<int>(value->size()) : 0);
  }
  const std::vector<int> formats(values.size(), binary);
  const auto count = static_cast<int>(values.size());
  if (name.empty()) {
    sent.push_back({.statement = &call.statement});
    return PQsendQueryParams(connection, sql.c_str(), count, nullptr, values.data(), lengths.data(),
                             formats.data(), binary) == 1;
  }
  // The preparation goes with the first use, so it costs no round trip. If it fails, collect() forgets the
  // name.
  if (prepared_.insert(name).second) {
    sent.push_back({.statement = &call.statement, .prepares = name});
    if (PQsendPrepare(connection, name.c_str(), sql.c_str(), 0, nullptr) != 1) return false;
  }
  sent.push_back({.statement = &call.statement});
  return PQsendQueryPrepared(connection, name.c_str(), count, values.data(), lengths.data(), formats.data(),
                             binary) == 1;
}

Result<std::vector<Rows>> Connection::collect(std::span<const Sent> sent, MonoTime deadline) {
  std::vector<Rows> answers;
  // All answers are read, also after an error, or the session could not be used again.
  std::optional<Error> failure;
  for (const Sent& one : sent) {
    auto answer = next_answer(deadline);
    if (!answer) return failure ? std::unexpected(*std::move(failure)) : propagate(answer);
    const ExecStatusType status = PQresultStatus(answer->result_.get());
    if (status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK) {
      if (!failure && one.prepares.empty()) failure = difference_in(answer->result_.get(), *one.statement);
      if (one.prepares.empty()) answers.push_back(*std::move(answer));
    } else {
      if (!failure) failure = error_in(answer->result_.get());  // later ones only say "aborted"
      prepared_.erase(std::string(one.prepares));
    }
    auto end = next_answer(deadline);  // the end marker of this statement
    if (!end) return failure ? std::unexpected(*std::move(failure)) : propagate(end);
  }
  auto sync = next_answer(deadline);
  if (!sync || PQexitPipelineMode(connection_.get()) != 1) {
    Error why = lose();
    return std::unexpected(failure ? *std::move(failure) : std::move(why));
  }
  if (!failure) return answers;
  if (failure->code == code_plan_outdated || failure->code == code_no_sessions) lose();  // to prepare again
  return std::unexpected(*std::move(failure));
}

Result<Rows> Connection::next_answer(MonoTime deadline) {
  while (!is_lost()) {
    PGconn* const connection = connection_.get();
    // While there are unsent bytes it waits for both directions: the server may stop reading until its
    // answers are read.
    const int unsent = PQflush(connection);
    if (unsent < 0) break;
    if (PQisBusy(connection) == 0) return Rows(PQgetResult(connection));
    auto ready = wait(static_cast<short>(unsent > 0 ? POLLIN | POLLOUT : POLLIN), deadline);
    if (!ready) return propagate(ready);
    if (PQconsumeInput(connection) == 0) break;
  }
  return std::unexpected(lose());
}

Result<void> Connection::wait(short events, MonoTime deadline) {
  while (true) {
    const MonoTime until = check_ ? std::min(deadline, deadline_after(check_interval)) : deadline;
    if (wait_for(connection_.get(), events, until)) return {};
    // The check first: its error says more than a timeout.
    Result<void> may_go_on = check_ ? check_() : Result<void>{};
    if (may_go_on && read_clock().mono >= deadline)
      may_go_on = fail(ErrorKind::unavailable, commit::code_response_timeout,
                       "PostgreSQL did not answer within " + std::to_string(answer_timeout_.count()) + " ms");
    if (may_go_on) continue;
    connection_.reset();
    return may_go_on;
  }
}

// The simple query protocol, which takes several statements in one string. Not in pipeline mode.
Result<void> Connection::run_script(const std::string& sql) {
  if (is_lost()) return fail(ErrorKind::unavailable, code_lost, "PostgreSQL: the session is lost");
  const MonoTime deadline = deadline_after(answer_timeout_);
  if (PQsendQuery(connection_.get(), sql.c_str()) != 1) return std::unexpected(lose());
  std::optional<Error> failure;
  while (true) {
    auto answer = next_answer(deadline);
    if (!answer) return failure ? std::unexpected(*std::move(failure)) : propagate(answer);
    const PGresult* const result = answer->result_.get();
    if (result == nullptr) break;
    const ExecStatusType status = PQresultStatus(result);
    if (!failure && status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK) failure = error_in(result);
  }
  if (failure) return std::unexpected(*std::move(failure));
  return {};
}

// The end of a session

Error Connection::lose() {
  std::optional<Error> fatal = find_fatal_message();
  std::string message = connection_ == nullptr ? "" : PQerrorMessage(connection_.get());
  if (message.empty()) message = "the session is lost";
  connection_.reset();
  fatal_->reset();
  return fatal ? *std::move(fatal) : error_of("08006", message);
}

std::optional<Error> Connection::find_fatal_message() {
  // An answer that was received before the loss may not have been read yet. On a lost session this reads
  // nothing from the socket.
  constexpr int answers_max = 16;
  for (int i = 0; i < answers_max && !*fatal_; ++i) {
    if (connection_ == nullptr || PQstatus(connection_.get()) != CONNECTION_BAD) break;
    const Rows answer(PQgetResult(connection_.get()));
    if (answer.result_ && !field(answer.result_.get(), PG_DIAG_SQLSTATE).empty())
      return error_in(answer.result_.get());
  }
  return *fatal_;
}

bool Connection::is_lost() const {
  return connection_ == nullptr || PQstatus(connection_.get()) == CONNECTION_BAD;
}

bool Connection::in_transaction() const {
  return !is_lost() && PQtransactionStatus(connection_.get()) != PQTRANS_IDLE;
}

void Connection::rollback() {
  if (in_transaction() && !run(rollback_statement)) connection_.reset();
}

int Connection::server_version() const { return PQserverVersion(connection_.get()); }

}  // namespace weir::postgres
