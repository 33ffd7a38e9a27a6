// What Prometheus wants to know of any process, under its standard names
// (https://prometheus.io/docs/instrumenting/writing_clientlibs/#process-metrics), and which Weir this is.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace weir::telemetry {

class Exposition;

// Of proc(5)'s stat, in its own units.
struct ProcessStat {
  std::uint64_t cpu_ticks = 0;    // user and system
  std::uint64_t start_ticks = 0;  // after the machine's start
  std::uint64_t virtual_bytes = 0;
  std::uint64_t resident_pages = 0;
};

// Of the text of /proc/PID/stat, whatever the process calls itself; nothing if it is none.
[[nodiscard]] std::optional<ProcessStat> read_process_stat(std::string_view text);

// process_… and weir_build_info. Reads four small files of /proc; what cannot be read is left out. Any
// thread.
void describe_process(Exposition& into, std::string_view version);

}  // namespace weir::telemetry
