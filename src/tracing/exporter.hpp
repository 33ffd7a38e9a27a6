// Sends finished spans to a receiver, in batches, on a thread of its own.
//
//   add() on any thread ─▶ bounded queue ─▶ export thread: encode ─▶ Transport ─▶ receiver
//
// A request never waits for the receiver: when the queue is full, spans are dropped and counted. All memory
// is bounded by queue_max + batch_max spans.
#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <thread>

#include "base/clock.hpp"
#include "base/result.hpp"
#include "tracing/retry.hpp"
#include "tracing/settings.hpp"
#include "tracing/tracer.hpp"

namespace weir::telemetry {
class Exposition;
class Logger;
}  // namespace weir::telemetry

namespace weir::tracing {

// Posts one request to the receiver and waits for its answer. Used by the export thread alone.
class Transport {
 public:
  Transport() = default;
  Transport(const Transport&) = delete;
  Transport& operator=(const Transport&) = delete;
  virtual ~Transport() = default;
  // Blocks for a bounded time. Error: ErrorKind::unavailable; with the code connect_failed the receiver has
  // received nothing.
  virtual Result<ExportAnswer> post(std::string_view content_type, const std::string& body) = 0;
};

struct ExporterOptions {
  Protocol protocol = Protocol::http_protobuf;
  TextPairs resource;
  std::string version;
  std::size_t queue_max = 2048;
  std::size_t batch_max = 512;                     // a full batch is sent at once
  std::chrono::milliseconds schedule_delay{5000};  // an incomplete one after this time
};

class Exporter final : public SpanSink {
 public:
  // Starts the export thread. It owns `transport`. `logger` must outlive the exporter; it receives one line
  // when exports begin to fail, sums while they do, and one when they succeed again.
  Exporter(ExporterOptions options, std::unique_ptr<Transport> transport, telemetry::Logger& logger);
  // stop(), if it was not called.
  ~Exporter() override;

  // Queues a span, or drops and counts it. Costs a short lock. Thread-safe.
  void add(Span span) override;

  // Sends what is queued, each batch once, for at most `timeout`; what is left is dropped and counted. Spans
  // that are added later are dropped. If the receiver does not answer until then, the thread is detached: it
  // uses only its own memory, and ends with its request. Call it once.
  void stop(std::chrono::milliseconds timeout);

  // Adds the metrics weir_trace_…. Thread-safe.
  void collect(telemetry::Exposition& into) const;

 private:
  struct State;

  std::shared_ptr<State> state_;  // shared with the thread, which may outlive this object
  std::thread thread_;
};

}  // namespace weir::tracing
