// Tracing of one process: the tracer, the exporter, and the HTTP client that carries its requests.
#pragma once

#include <chrono>
#include <memory>

#include "config/settings.hpp"
#include "telemetry/exposition.hpp"
#include "telemetry/logger.hpp"
#include "tracing/exporter.hpp"
#include "tracing/tracer.hpp"

namespace weir::app {

// Destroy it after everything that uses its tracer. Thread-safe but for stop().
class TraceExport {
 public:
  // Returns null if the settings name no receiver: then nothing is recorded. Starts the export thread;
  // whether the receiver answers does not matter. `logger` must outlive the object.
  [[nodiscard]] static std::unique_ptr<TraceExport> open(const config::Settings& settings,
                                                         telemetry::Logger& logger);

  [[nodiscard]] const tracing::Tracer& tracer() const { return tracer_; }
  void collect(telemetry::Exposition& into) const { exporter_->collect(into); }
  // Sends what is queued, for at most `timeout`. Call it once, after the last span.
  void stop(std::chrono::milliseconds timeout) { exporter_->stop(timeout); }

 private:
  TraceExport(const tracing::TracingSettings& settings, telemetry::Logger& logger);

  std::unique_ptr<tracing::Exporter> exporter_;
  tracing::Tracer tracer_;
};

}  // namespace weir::app
