#include "app/process.hpp"

#include <functional>
#include <iostream>
#include <memory>
#include <thread>
#include <unistd.h>

#include "app/exit_code.hpp"
#include "app/service.hpp"
#include "app/signals.hpp"
#include "http/client.hpp"

namespace weir::app {
namespace {

void print_banner(std::ostream& out, config::Command command, const config::Settings& settings,
                  std::uint16_t port) {
  const bool everywhere = settings.bind_address == "0.0.0.0" || settings.bind_address == "::";
  const std::string host = everywhere ? "localhost" : settings.bind_address;
  const std::string url = "http://" + http::BaseUrl{.host = host, .port = port}.authority();
  out << "Weir is up.\n";
  if (command != config::Command::producer) out << "  page      " << url << "/\n";
  if (command != config::Command::consumer) {
    out << "  try       curl -d "
           "'{\"user_id\":\"ada\",\"activity_type\":\"page_view\",\"timestamp\":\"'$(date "
           "-u +%FT%TZ)'\"}' "
        << url << "/activity\n";
  }
  if (command != config::Command::producer) out << "  numbers   " << url << "/api/v1/summary\n";
  if (settings.event_log == config::EventLogKind::embedded) {
    out << "  data      " << std::filesystem::absolute(settings.data_dir).lexically_normal().string() << "\n";
  } else {
    out << "  log       " << settings.kafka_topic << " on " << settings.kafka.brokers << "\n";
  }
  out << std::flush;
}

// Who started us kills after 30 s, as Kubernetes does, unless told otherwise; the contract says 25. What a
// peer that does not answer holds up beyond that is left as it is: nothing that is not in the log was
// promised.
constexpr std::chrono::milliseconds leave_within{24'000};

// Nobody waits any longer.
[[noreturn]] void exit_now(int exit_code, const Unfinished& unsent, telemetry::Logger& logger,
                           const std::string& why) {
  logger.error("leaving at once", {{"reason", why},
                                   {"unanswered_bytes", std::to_string(unsent.unanswered_bytes)},
                                   {"unflushed_events", std::to_string(unsent.unflushed_events)}});
  _exit(exit_code);
}

// As Signals::wait(), but SIGHUP never ends the process.
Wake wait_for_end(Signals& signals, telemetry::Logger& logger, MonoTime until = MonoTime::max()) {
  for (;;) {
    Wake wake = signals.wait(until);
    if (wake.reason != Wake::Reason::hangup) return wake;
    logger.info("SIGHUP received; settings are read only at start: restart the process to apply changes");
  }
}

// Does it on a thread of its own, while this one listens for a second signal.
void do_until(MonoTime until, Signals& signals, telemetry::Logger& logger, const std::function<void()>& part,
              const std::function<Unfinished()>& unsent) {
  std::thread doing([&] {
    part();
    signals.drained();
  });
  const Wake wake = wait_for_end(signals, logger, until);
  if (wake.reason == Wake::Reason::late) exit_now(0, unsent(), logger, "a part did not end in time");
  if (wake.reason != Wake::Reason::drained) exit_now(1, unsent(), logger, wake.detail);
  doing.join();
}

int drain(std::unique_ptr<Service> service, Signals& signals, telemetry::Logger& logger,
          const std::string& why) {
  logger.info("draining", {{"reason", why}});
  const MonoTime until = read_clock().mono + leave_within;
  std::int64_t left = 0;
  do_until(until, signals, logger, [&] { left = service->drain(); }, [&] { return service->unsent(); });
  // Its parts may wait for a peer's answer once more while they close.
  const auto close = [&] { service.reset(); };
  do_until(until, signals, logger, close,
           [&] { return Unfinished{.unanswered_bytes = 0, .unflushed_events = left}; });
  if (left > 0) {
    logger.warn("left with events that are in the log and not in the numbers yet; the next start counts them",
                {{"events", std::to_string(left)}});
  }
  logger.info("left");
  return 0;
}

}  // namespace

int run_process(config::Command command, const config::Settings& settings, telemetry::Logger& logger,
                std::ostream& out) {
  Signals signals;
  auto service = Service::open(command, settings, signals, logger);
  if (!service) {
    logger.error("cannot start: " + service.error().text);
    return exit_code_of(service.error());
  }
  (*service)->start();
  logger.info("serving", {{"command", std::string(config::name_of(command))},
                          {"address", settings.bind_address},
                          {"port", std::to_string((*service)->port())},
                          {"log", settings.event_log == config::EventLogKind::kafka ? "kafka" : "embedded"}});
  print_banner(out, command, settings, (*service)->port());
  if (!out) {
    logger.warn("standard output cannot be written: the addresses of this service were not printed");
    out.clear();  // what the process is for does not depend on it
  }

  const Wake wake = wait_for_end(signals, logger);
  if (wake.reason == Wake::Reason::fatal) {
    (*service)->answer_last();
    logger.error("cannot go on: " + wake.detail);
    _exit(wake.exit_code);  // what is on disk is not to be trusted with another write
  }
  return drain(std::move(*service), signals, logger, wake.detail);
}

}  // namespace weir::app
