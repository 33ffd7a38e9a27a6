// The reasons for which the main thread wakes up: signals of the system, and calls of the process' own parts.
#pragma once

#include <cstdint>
#include <mutex>
#include <optional>
#include <string>

#include "base/clock.hpp"

namespace weir::app {

// What wait() returned for.
struct ProcessEvent {
  enum class Kind : std::uint8_t {
    terminate,  // SIGTERM or SIGINT
    hangup,     // SIGHUP
    settings,   // notify_settings() was called
    fatal,      // fatal() was called
    done,       // notify_done() was called
    timeout,    // the deadline of wait() has passed
  };
  Kind kind = Kind::terminate;
  int exit_code = 0;   // of `fatal`
  std::string detail;  // the name of the signal, or the reason of `fatal`
};

// Create it on the main thread, before any other thread exists. From then on SIGTERM, SIGINT and SIGHUP are
// blocked in all threads, and only wait() delivers them (signalfd). SIGPIPE and SIGXFSZ are ignored: a closed
// connection and a file size limit become errors of write().
class Signals {
 public:
  Signals();
  Signals(const Signals&) = delete;
  Signals& operator=(const Signals&) = delete;
  ~Signals();

  // Blocks until a signal arrives, until fatal(), notify_done() or notify_settings() is called, or until
  // `deadline`. A signal precedes `fatal`, `fatal` precedes `done`, and `done` precedes `settings`. Main
  // thread only.
  [[nodiscard]] ProcessEvent wait(MonoTime deadline = MonoTime::max());

  // Makes wait() return `fatal`: a part of the process cannot continue. Before wait() returns, only the first
  // call has an effect. Thread-safe.
  void fatal(int exit_code, std::string why);
  // Makes wait() return `done`, once. Thread-safe.
  void notify_done();
  // Makes wait() return `settings`, once for all calls before it: another source has new settings.
  // Thread-safe.
  void notify_settings();

 private:
  // Wakes the main thread.
  void notify();

  int signal_fd_;     // signalfd
  int event_fd_;      // eventfd; readable after notify()
  std::mutex mutex_;  // guards the members below
  std::optional<ProcessEvent> fatal_;
  bool done_ = false;
  bool new_settings_ = false;
};

}  // namespace weir::app
