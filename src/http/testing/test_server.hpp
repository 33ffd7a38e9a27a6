// A server for tests of one feature: it listens on a free port of 127.0.0.1 and serves the test's own routes.
#pragma once

#include <gtest/gtest.h>
#include <map>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "http/server.hpp"
#include "http/testing/raw_socket.hpp"
#include "telemetry/exposition.hpp"
#include "telemetry/testing/exposition_reader.hpp"
#include "telemetry/testing/fake_logger.hpp"

namespace weir::http {

// One io thread unless the test changes `settings_` before start(). The routes are copied for each io thread.
class TestServer : public testing::Test {
 protected:
  TestServer() {
    settings_.bind_address = "127.0.0.1";
    settings_.port = 0;
  }
  // The io threads run handlers that use the members of the test: they stop first.
  ~TestServer() override { server_.reset(); }

  void start(std::vector<Route> routes) {
    auto opened = Server::open(settings_, [routes = std::move(routes)] { return routes; }, logger_);
    if (!opened) throw std::runtime_error(opened.error().text);
    server_ = *std::move(opened);
    server_->start();
  }

  RawSocket connect() { return RawSocket(server_->port()); }

  double metric(const std::string& name, const std::map<std::string, std::string>& labels = {}) {
    telemetry::Exposition exposition;
    server_->collect(exposition);
    const auto series = telemetry::read_exposition(exposition.text());
    return telemetry::find_series(*series, name, labels)->value;
  }

  ServerSettings settings_;
  telemetry::FakeLogger logger_;
  std::unique_ptr<Server> server_;
};

inline std::string get(const std::string& path, const std::string& headers = "") {
  return "GET " + path + " HTTP/1.1\r\nHost: weir\r\n" + headers + "\r\n";
}

inline std::string post(const std::string& path, const std::string& body, const std::string& headers = "") {
  return "POST " + path + " HTTP/1.1\r\nHost: weir\r\nContent-Length: " + std::to_string(body.size()) +
         "\r\n" + headers + "\r\n" + body;
}

}  // namespace weir::http
