// The metrics of the process itself, under Prometheus' standard names
// (https://prometheus.io/docs/instrumenting/writing_clientlibs/#process-metrics), and Weir's version.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace weir::telemetry {

class Exposition;

// Fields of /proc/PID/stat, in the kernel's units (proc(5)).
struct ProcessStat {
  std::uint64_t cpu_ticks = 0;    // user and system time, in units of 1/sysconf(_SC_CLK_TCK) s
  std::uint64_t start_ticks = 0;  // from the boot of the machine to the start of the process
  std::uint64_t virtual_bytes = 0;
  std::uint64_t resident_pages = 0;
};

// Parses the text of /proc/PID/stat. The name of the process may contain any bytes. Returns std::nullopt if
// the text has another format.
[[nodiscard]] std::optional<ProcessStat> read_process_stat(std::string_view text);

// Adds process_… and weir_build_info. Reads a few small files in /proc and counts the entries of
// /proc/self/fd. Omits a metric whose file cannot be read. Thread-safe.
void collect_process(Exposition& into, std::string_view version);

}  // namespace weir::telemetry
