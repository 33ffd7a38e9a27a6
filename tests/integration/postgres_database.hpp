// For tests on a real PostgreSQL: one server for the whole program, and a database for each test.
#pragma once

#include <cstdlib>
#include <gtest/gtest.h>
#include <iostream>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>

#include "postgres/connection.hpp"
#include "support/postgres_server.hpp"

namespace weir::postgres {

// Starts the server before the first test and ends it after the last one. If PostgreSQL with the hll
// extension is not installed, it prints that and skips all tests; if CI is true, it fails.
class SharedServer final : public testing::Environment {
 public:
  void SetUp() override {
    if (const auto programs = support::find_postgres("hll")) {
      server() = std::make_unique<support::PostgresServer>(*programs);
      return;
    }
    const char* const ci = std::getenv("CI");
    if (ci != nullptr && std::string_view(ci) == "true")
      FAIL() << "postgresql-15 and postgresql-15-hll are not installed";
    std::cerr << "\n*** NOT CHECKED: anything on a real PostgreSQL. Install postgresql-15-hll. ***\n\n";
    GTEST_SKIP();
  }
  void TearDown() override { server().reset(); }

  static std::unique_ptr<support::PostgresServer>& server() {
    static std::unique_ptr<support::PostgresServer> only;
    return only;
  }
};

// Runs statements, and throws if one fails. For statements that the test does not examine.
class TestConnection {
 public:
  explicit TestConnection(const ConnectionSettings& settings)
      : connection_(must(Connection::open(settings))) {}

  Rows run(const std::string& sql, const Parameters& parameters = {}) {
    return must(connection_.run(Statement{"", sql}, parameters));
  }
  void script(const std::string& sql) {
    if (auto done = connection_.run_script(sql); !done)
      throw std::runtime_error(done.error().text + " in " + sql);
  }
  std::int64_t number(const std::string& sql) { return run(sql).number(0, 0); }
  std::string text(const std::string& sql) { return std::string(run(sql).bytes(0, 0)); }
  Connection& operator*() { return connection_; }

 private:
  template <class T>
  static T must(Result<T> result) {
    if (!result) throw std::runtime_error(result.error().text);
    return std::move(*result);
  }

  Connection connection_;
};

// An empty database. The destructor drops it and ends the sessions on it.
class TestDatabase {
 public:
  explicit TestDatabase(const std::string& options = "") : name_("test_" + std::to_string(++made())) {
    TestConnection(settings_of("postgres")).script("CREATE DATABASE " + name_ + " " + options);
  }
  TestDatabase(const TestDatabase&) = delete;
  TestDatabase& operator=(const TestDatabase&) = delete;
  ~TestDatabase() {
    TestConnection(settings_of("postgres")).script("DROP DATABASE " + name_ + " WITH (FORCE)");
  }

  // As superuser, or as this role.
  [[nodiscard]] ConnectionSettings settings(const std::string& role = "postgres") const {
    return settings_of(name_, role);
  }
  [[nodiscard]] TestConnection connect(const std::string& role = "postgres") const {
    return TestConnection(settings(role));
  }
  [[nodiscard]] const std::string& name() const { return name_; }

 private:
  static int& made() {
    static int count = 0;
    return count;
  }
  static ConnectionSettings settings_of(const std::string& database, const std::string& role = "postgres") {
    ConnectionSettings settings;
    settings.url = SharedServer::server()->connection_info() + " dbname=" + database + " user=" + role;
    return settings;
  }

  std::string name_;
};

}  // namespace weir::postgres
