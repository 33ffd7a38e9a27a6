#include "app/serve.hpp"

#include <iostream>
#include <unistd.h>

#include "app/embedded.hpp"
#include "app/signals.hpp"

namespace weir::app {
namespace {

void say_where_to_look(std::ostream& out, const config::Settings& settings, std::uint16_t port) {
  const bool everywhere = settings.bind_address == "0.0.0.0" || settings.bind_address == "::";
  const std::string host = everywhere ? "localhost" : settings.bind_address;
  const std::string url = "http://" + host + ":" + std::to_string(port);
  out << "Weir is up.\n"
      << "  page      " << url << "/\n"
      << "  try       curl -d '{\"user_id\":\"ada\",\"activity_type\":\"page_view\",\"timestamp\":\"'$(date "
         "-u "
         "+%FT%TZ)'\"}' "
      << url << "/activity\n"
      << "  numbers   " << url << "/api/v1/summary\n"
      << "  data      " << std::filesystem::absolute(settings.data_dir).lexically_normal().string() << "\n"
      << std::flush;
}

// The second signal: nobody waits any longer.
[[noreturn]] void leave_now(const Embedded& parts, observe::Log& log, const std::string& why) {
  log.error("leaving at once", {{"reason", why},
                                {"unanswered_bytes", std::to_string(parts.unanswered_bytes())},
                                {"unflushed_events", std::to_string(parts.unflushed_events())}});
  _exit(1);
}

int drain(Embedded& parts, Signals& signals, observe::Log& log, const std::string& why) {
  log.info("draining", {{"reason", why}});
  std::int64_t left = 0;
  std::thread draining([&] {
    left = parts.drain();
    signals.drained();
  });
  for (Wake wake = signals.wait(); wake.reason != Wake::Reason::drained; wake = signals.wait()) {
    leave_now(parts, log, wake.detail);
  }
  draining.join();
  if (left > 0) {
    log.warn("left with events that are in the log and not in the numbers yet; the next start counts them",
             {{"events", std::to_string(left)}});
  }
  log.info("left");
  return 0;
}

}  // namespace

int serve(const config::Settings& settings, observe::Log& log, std::ostream& out) {
  Signals signals;
  auto parts = Embedded::open(settings, signals, log);
  if (!parts) {
    log.error("cannot start: " + parts.error().text);
    return 1;
  }
  (*parts)->start();
  log.info("serving", {{"address", settings.bind_address},
                       {"port", std::to_string((*parts)->port())},
                       {"data_dir", settings.data_dir.string()}});
  say_where_to_look(out, settings, (*parts)->port());

  const Wake wake = signals.wait();
  if (wake.reason == Wake::Reason::fatal) {
    (*parts)->answer_last();
    log.error("cannot go on: " + wake.detail);
    _exit(wake.exit_code);  // what is on disk is not to be trusted with another write
  }
  return drain(**parts, signals, log, wake.detail);
}

}  // namespace weir::app
