#include "app/process.hpp"

#include <functional>
#include <iostream>
#include <memory>
#include <optional>
#include <thread>
#include <unistd.h>

#include "app/exit_code.hpp"
#include "app/reloader.hpp"
#include "app/service.hpp"
#include "app/signals.hpp"
#include "consul/watcher.hpp"
#include "http/client.hpp"

// Threads: the main thread opens the service and then waits for signals, new settings and fatal errors. The
// watcher's thread asks Consul for settings. To stop, the main thread starts a thread that drains the
// service, and waits for that thread or for a second signal.
//
//   serving ── signal ──▶ draining (at most 24 s) ──▶ destroying the service ──▶ exit 0
//      │                     └─ second signal ─▶ exit 1     └─ 24 s since the signal have passed ─▶ exit 0
//      └── fatal error ──▶ answer the requests in flight (at most 1 s) ──▶ exit 1 (2 for wrong settings)
namespace weir::app {
namespace {

// Prints where to find the service. Scripts and tests wait for the first line.
void print_banner(std::ostream& out, config::Command command, const config::Settings& settings,
                  std::uint16_t port) {
  const bool secure = !settings.tls_cert.empty();
  const bool everywhere = settings.bind_address == "0.0.0.0" || settings.bind_address == "::";
  const std::string host = everywhere ? "localhost" : settings.bind_address;
  const std::string url = http::BaseUrl{.host = host, .port = port, .secure = secure}.text();
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

// Kubernetes and Docker Compose (as configured) kill a process 30 s after SIGTERM; Weir promises 25 s. A
// server that does not answer may delay the stop until then. Nothing promised is lost: a 2xx is sent only
// after the log has the event, and the next start reads what was not flushed.
constexpr std::chrono::milliseconds stop_deadline{24'000};

// Exits without destructors, because one of them may be what does not end.
[[noreturn]] void exit_now(int exit_code, const Unfinished& unfinished, telemetry::Logger& logger,
                           const std::string& why) {
  logger.error("exiting at once", {{"reason", why},
                                   {"unanswered_bytes", std::to_string(unfinished.unanswered_bytes)},
                                   {"unflushed_events", std::to_string(unfinished.unflushed_events)}});
  _exit(exit_code);
}

// Signals::wait(), except that SIGHUP and new settings are passed to `reloader`; null: they come too late.
ProcessEvent wait_for_end(Signals& signals, Reloader* reloader, MonoTime deadline = MonoTime::max()) {
  for (;;) {
    ProcessEvent event = signals.wait(deadline);
    const bool hangup = event.kind == ProcessEvent::Kind::hangup;
    if (!hangup && event.kind != ProcessEvent::Kind::settings) return event;
    if (reloader != nullptr) hangup ? reloader->on_hangup() : reloader->on_new_settings();
  }
}

// A default start is open to everybody who reaches the port. That is convenient to begin with, and must be
// known.
void warn_if_open(config::Command command, const config::Settings& settings, telemetry::Logger& logger) {
  const bool loopback = settings.bind_address.starts_with("127.") || settings.bind_address == "::1";
  const bool may_send = command != config::Command::consumer && settings.api_keys.empty();
  const bool may_read = command != config::Command::producer && settings.dashboard_password.empty();
  if (loopback || (!may_send && !may_read)) return;
  std::string what = may_send ? "send events (API_KEYS is not set)" : "";
  if (may_read)
    what.append(what.empty() ? "" : " and ").append("read the numbers (DASHBOARD_PASSWORD is not set)");
  logger.warn("everybody who reaches this address may " + what, {{"address", settings.bind_address}});
}

// Runs one step of the stop on a thread of its own and waits for its end. Exits the process with 0 if the
// step takes too long, and with 1 after a second signal or a fatal error.
void run_until(MonoTime deadline, Signals& signals, telemetry::Logger& logger,
               const std::function<void()>& step, const std::function<Unfinished()>& unfinished) {
  std::thread thread([&] {
    step();
    signals.notify_done();
  });
  const ProcessEvent event = wait_for_end(signals, nullptr, deadline);
  if (event.kind == ProcessEvent::Kind::timeout)
    exit_now(0, unfinished(), logger, "the service did not stop in time");
  if (event.kind != ProcessEvent::Kind::done) exit_now(1, unfinished(), logger, event.detail);
  thread.join();
}

int drain(std::unique_ptr<Service> service, Signals& signals, telemetry::Logger& logger,
          const std::string& why) {
  logger.info("draining", {{"reason", why}});
  const MonoTime deadline = read_clock().mono + stop_deadline;
  std::int64_t unflushed = 0;
  run_until(
      deadline, signals, logger, [&] { unflushed = service->drain(); },
      [&] { return service->unfinished(); });
  // Destroying the service may wait for a server once more: Kafka's clients leave their group.
  const auto destroy = [&] { service.reset(); };
  run_until(deadline, signals, logger, destroy,
            [&] { return Unfinished{.unanswered_bytes = 0, .unflushed_events = unflushed}; });
  if (unflushed > 0) {
    logger.warn("some events are in the log but not in the store yet; the next start counts them",
                {{"events", std::to_string(unflushed)}});
  }
  logger.info("stopped");
  return 0;
}

}  // namespace

int run_process(config::Command command, const config::Settings& settings, SettingsFeed& feed,
                telemetry::Logger& logger, std::ostream& out) {
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
  warn_if_open(command, settings, logger);
  print_banner(out, command, settings, (*service)->port());
  if (!out) {
    logger.warn("cannot write to standard output: the addresses of this service were not printed");
    out.clear();  // the service does not need it
  }

  std::optional<consul::Watcher> watcher;
  if (auto query = feed.query())
    watcher.emplace(*std::move(query), feed.consul_index(), logger, [&](consul::KeyValues keys) {
      feed.offer(std::move(keys));
      signals.notify_settings();
    });
  Reloader reloader(**service, feed, logger);
  const ProcessEvent event = wait_for_end(signals, &reloader);
  if (watcher) watcher->request_stop();  // its thread ends while the service drains
  if (event.kind == ProcessEvent::Kind::fatal) {
    (*service)->answer_last();
    logger.error("cannot go on: " + event.detail);
    _exit(event.exit_code);  // no destructor may write to the disk again after a failed fsync
  }
  return drain(std::move(*service), signals, logger, event.detail);
}

}  // namespace weir::app
