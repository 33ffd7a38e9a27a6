// Makes the spans of a flush: `consume` for the records of each request, and `flush`.
#pragma once

#include <string>
#include <vector>

#include "consumer/consumer.hpp"
#include "tracing/tracer.hpp"

namespace weir::consumer {

// How spans name the log: messaging.system and messaging.destination.name.
struct LogName {
  std::string system;
  std::string topic;
};

// Returns the spans of one flush. Empty if no record of it is traced.
//
//   accept ─▶ publish ─▶ consume ─▶ flush      all in the trace of the client; the first two by the producer
//
// `consume` begins when its records were read and ends when the flush begins. Each trace gets one span
// `flush`. That of the first trace links all other `consume` spans, of this trace and of the others. Those of
// the other traces link that one. At most tracing::span_links_max contexts get spans; the rest is in
// links_dropped.
[[nodiscard]] std::vector<tracing::Span> spans_of(const FlushDone& flush, const tracing::Tracer& tracer,
                                                  const LogName& log);

}  // namespace weir::consumer
