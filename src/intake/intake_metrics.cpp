// What /metrics reports of ingest: the counters, and the writing side of the log.
#include "intake/intake.hpp"
#include "telemetry/exposition.hpp"

namespace weir::intake {

// Received is read last: while requests end, it is never less than the sum of what became of its items.
void collect(const IntakeCounts& counts, telemetry::Exposition& into) {
  into.counter("weir_intake_accepted_total", "Events that are durable in the event log.",
               static_cast<double>(counts.accepted.load(std::memory_order_relaxed)));
  // `always` lists codes whose series exist from the start, so that an alert can use rate() on them.
  const auto by_code = [&into](std::string_view name, std::string_view help,
                               const telemetry::CountsByCode& its,
                               std::initializer_list<std::string_view> always) {
    auto all = its.all();
    for (const std::string_view code : always) all.try_emplace(code, 0);
    for (const auto& [code, times] : all)
      into.counter(name, help, static_cast<double>(times), {{"code", code}});
  };
  by_code("weir_intake_rejected_total", "Events, and bodies as a whole, that were wrong (HTTP 4xx).",
          counts.rejected, {"not_json"});
  by_code("weir_intake_refused_total", "Requests that were refused without an append to the log (HTTP 503).",
          counts.refused, {"circuit_open", "too_much_in_flight", "shutting_down"});
  by_code("weir_intake_refused_events_total", "The good events of these requests; 1 if none was read.",
          counts.refused_events, {"circuit_open", "too_much_in_flight", "shutting_down"});
  by_code("weir_intake_not_kept_total", "Good events that are not in the log.", counts.not_kept,
          {"log_full"});
  by_code("weir_intake_unknown_total", "Good events that may or may not be in the log.", counts.unknown,
          {"timed_out"});
  into.gauge("weir_intake_in_flight_events", "Events that wait for a receipt of the log.",
             static_cast<double>(counts.in_flight_events.load(std::memory_order_relaxed)));
  into.gauge("weir_intake_in_flight_bytes", "Bytes of events that wait for a receipt of the log.",
             static_cast<double>(counts.in_flight_bytes.load(std::memory_order_relaxed)));
  into.counter("weir_intake_received_total",
               "Items of requests: events, and bodies (or the rest of one) that were wrong as a whole.",
               static_cast<double>(counts.received.load(std::memory_order_relaxed)));
}

void collect(const LogHealth& health, telemetry::Exposition& into) {
  into.gauge("weir_log_up", "1 while the event log accepts events.", health.up ? 1 : 0);
  into.gauge("weir_log_end_offset", "Sum of the end offsets of the log's partitions.",
             static_cast<double>(health.end));
  into.gauge("weir_log_partitions", "Partitions of the log; 0 while unknown.",
             static_cast<double>(health.partitions));
  if (health.disk_free_bytes)
    into.gauge("weir_log_disk_free_bytes", "Free bytes of the file system that holds DATA_DIR.",
               static_cast<double>(*health.disk_free_bytes));
}

}  // namespace weir::intake
