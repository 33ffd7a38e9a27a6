#include "kafka/metrics.hpp"

#include "telemetry/exposition.hpp"

namespace weir::kafka {

void collect(const EventLogCounts& counts, telemetry::Exposition& into) {
  // The metrics of one scrape need not be from the same moment.
  const auto read = [](const auto& count) {
    return static_cast<double>(count.load(std::memory_order_relaxed));
  };
  into.counter("weir_kafka_published_total", "Records that all in-sync replicas have acknowledged.",
               read(counts.published));
  for (std::size_t at = 0; at < failure_codes.size(); ++at)
    into.counter("weir_kafka_failed_total", "Records that Kafka has not acknowledged, by error code.",
                 read(counts.failed[at]), {{"code", failure_codes[at]}});
  for (std::size_t at = 0; at < connection_failure_codes.size(); ++at)
    into.counter("weir_kafka_connections_failed_total",
                 "Connections of Weir's own producer that could not be made or were lost, by error code.",
                 read(counts.connections_failed[at]), {{"code", connection_failure_codes[at]}});
  into.counter("weir_kafka_unknown_total", "Records that failed and may be in the topic nevertheless.",
               read(counts.unknown));
  into.counter("weir_kafka_producers_replaced_total",
               "Kafka producers that were replaced after a timeout or a fatal error.",
               read(counts.producers_replaced));
  into.counter("weir_kafka_appends_total", "Append requests that Kafka has completed, successfully or not.",
               read(counts.appends));
  into.counter("weir_kafka_append_seconds_total",
               "Sum of the durations of completed append requests, in seconds.",
               read(counts.append_micros) / 1e6);
  into.gauge("weir_kafka_waiting_records", "Records in librdkafka without a delivery report.",
             read(counts.waiting_records));
  into.gauge("weir_kafka_waiting_bytes", "Bytes of the records in librdkafka without a delivery report.",
             read(counts.waiting_bytes));
}

}  // namespace weir::kafka
