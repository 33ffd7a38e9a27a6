// The signals that end the process, and the wish of one of its own parts to end it, as one queue for main.
#pragma once

#include <cstdint>
#include <mutex>
#include <optional>
#include <string>

#include "base/clock.hpp"

namespace weir::app {

// Why main woke up.
struct Wake {
  enum class Reason : std::uint8_t { signal, hangup, fatal, drained, late };
  Reason reason = Reason::signal;
  int exit_code = 0;   // of a fatal end
  std::string detail;  // "SIGTERM", or why a part cannot go on
};

// Made first of all and by main, before any other thread: SIGTERM, SIGINT and SIGHUP are blocked from then on
// in every thread and come out of wait(). SIGPIPE and SIGXFSZ are ignored: a peer that closed its connection
// and a file that may not grow are errors of write().
class Signals {
 public:
  Signals();
  Signals(const Signals&) = delete;
  Signals& operator=(const Signals&) = delete;
  ~Signals();

  // Main thread only: blocks until a signal arrives, until fatal() or drained() is called, or until `until`
  // (reason late). SIGHUP has the reason hangup.
  [[nodiscard]] Wake wait(MonoTime until = MonoTime::max());

  // From any thread. The first fatal reason is kept.
  void fatal(int exit_code, std::string why);
  void drained();

 private:
  void knock();

  int signals_;  // signalfd
  int knocks_;   // eventfd
  std::mutex mutex_;
  std::optional<Wake> fatal_;
  bool drained_ = false;
};

}  // namespace weir::app
