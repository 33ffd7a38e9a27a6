// Whether the log and the metrics store answer. Logs each change once, however often a call is repeated.
#pragma once

#include <cstdint>
#include <string>

#include "base/result.hpp"
#include "consumer/status.hpp"
#include "telemetry/logger.hpp"

namespace weir::consumer {

// One thread: the consumer's. Errors of ErrorKind::internal end the process and are not reported here.
class Availability {
 public:
  // `logger` must outlive the object.
  explicit Availability(telemetry::Logger& logger) : logger_(logger) {}

  // A poll, seek or query of the log failed.
  void on_log_failed(const Error& why) {
    if (log_up_) logger_.warn("the log cannot be read; it is retried", {{"reason", why.text}});
    log_up_ = false;
    log_reason_ = why.text;
  }
  // A poll of the log succeeded.
  void on_log_answered() {
    if (!log_up_) logger_.info("the log answers again");
    log_up_ = true;
    log_reason_.clear();
  }

  // An opening or a transaction failed. `why` says whether an operator must act (ErrorKind::invalid).
  void on_store_failed(const Error& why) {
    const bool needs_operator = why.kind == ErrorKind::invalid;
    const auto fields = {telemetry::Field{"code", std::string(why.code)},
                         telemetry::Field{"reason", why.text}};
    if (needs_operator && (store_up_ || !store_needs_operator_))
      logger_.error("the metrics store rejects transactions until an operator acts; it is retried", fields);
    else if (store_up_)
      logger_.warn("the metrics store failed; it is retried", fields);
    ++store_retries_;
    store_needs_operator_ = needs_operator;
    store_up_ = false;
    store_reason_ = why.text;
  }
  // A partition was opened while no transaction is failing. Not logged.
  void on_store_answered() { store_up_ = true; }
  // A transaction was committed. `was_failing`: earlier tries of it had failed.
  void on_committed(bool was_failing) {
    if (was_failing) logger_.info("the metrics store answers again");
    store_up_ = true;
    store_reason_.clear();
  }

  // Copies the state into the members of Status that describe log and store.
  void add_to(Status& status) const {
    status.log_up = log_up_;
    status.log_reason = log_reason_;
    status.store_up = store_up_;
    status.store_reason = store_reason_;
    status.store_needs_operator = store_needs_operator_;
    status.store_retries = store_retries_;
  }

 private:
  telemetry::Logger& logger_;
  bool log_up_ = true;
  std::string log_reason_;
  bool store_up_ = true;
  std::string store_reason_;
  bool store_needs_operator_ = false;
  std::int64_t store_retries_ = 0;
};

}  // namespace weir::consumer
