#include "telemetry/process.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <sys/resource.h>
#include <unistd.h>

#include "telemetry/exposition.hpp"

// Everything is read from /proc at each scrape; nothing is cached. Files in /proc have no size, so they are
// read to their end.
namespace weir::telemetry {
namespace {

std::string text_of(const char* file) {
  std::ifstream in(file);
  return {std::istreambuf_iterator<char>(in), {}};
}

// Parses the decimal number at the beginning of `text`.
std::optional<std::uint64_t> parse_number(std::string_view text) {
  std::uint64_t value = 0;
  const auto [end, fault] = std::from_chars(text.data(), text.data() + text.size(), value);
  return fault == std::errc() && end != text.data() ? std::optional(value) : std::nullopt;
}

// Returns when the machine booted, in seconds since 1970: the line `btime` of /proc/stat.
std::optional<std::uint64_t> boot_time() {
  const std::string stat = text_of("/proc/stat");
  constexpr std::string_view name = "\nbtime ";
  const std::size_t at = stat.find(name);
  if (at == std::string::npos) return std::nullopt;
  return parse_number(std::string_view(stat).substr(at + name.size()));
}

void collect_stat(Exposition& into, const ProcessStat& stat) {
  const auto ticks = static_cast<double>(sysconf(_SC_CLK_TCK));
  const auto page_bytes = static_cast<double>(sysconf(_SC_PAGESIZE));
  into.counter("process_cpu_seconds_total", "Total user and system CPU time, in seconds.",
               static_cast<double>(stat.cpu_ticks) / ticks);
  into.gauge("process_resident_memory_bytes", "Resident memory, in bytes.",
             static_cast<double>(stat.resident_pages) * page_bytes);
  into.gauge("process_virtual_memory_bytes", "Virtual memory, in bytes.",
             static_cast<double>(stat.virtual_bytes));
  if (const auto boot = boot_time())
    into.gauge("process_start_time_seconds", "Start time of the process, in seconds since 1970 (Unix time).",
               static_cast<double>(*boot) + static_cast<double>(stat.start_ticks) / ticks);
}

void collect_descriptors(Exposition& into) {
  std::error_code none;
  const auto open = std::distance(std::filesystem::directory_iterator("/proc/self/fd", none), {});
  if (!none && open > 0)  // one of them is the directory itself, which is open while it is read
    into.gauge("process_open_fds", "Open file descriptors.", static_cast<double>(open - 1));
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) == 0)
    into.gauge("process_max_fds", "Limit of open file descriptors (RLIMIT_NOFILE).",
               static_cast<double>(limit.rlim_cur));
}

}  // namespace

std::optional<ProcessStat> read_process_stat(std::string_view text) {
  // The second field is the name of the process in parentheses. The name may contain spaces and parentheses,
  // so the fields are counted from the last closing one.
  const std::size_t name_end = text.rfind(')');
  if (name_end == std::string_view::npos) return std::nullopt;
  text.remove_prefix(name_end + 1);
  std::array<std::uint64_t, 22>
      fields{};  // from the third on; the third is no number (the state) and is read as 0
  for (std::size_t field = 0; field < fields.size(); ++field) {
    const std::size_t begin = text.find_first_not_of(' ');
    if (begin == std::string_view::npos) return std::nullopt;
    text.remove_prefix(begin);
    fields[field] = parse_number(text).value_or(0);
    text.remove_prefix(std::min(text.find(' '), text.size()));
  }
  constexpr std::size_t third = 3;  // proc(5) numbers the fields from 1
  return ProcessStat{.cpu_ticks = fields[14 - third] + fields[15 - third],
                     .start_ticks = fields[22 - third],
                     .virtual_bytes = fields[23 - third],
                     .resident_pages = fields[24 - third]};
}

void collect_process(Exposition& into, std::string_view version) {
  into.gauge("weir_build_info", "Always 1; the label is the version of Weir.", 1, {{"version", version}});
  if (const auto stat = read_process_stat(text_of("/proc/self/stat"))) collect_stat(into, *stat);
  collect_descriptors(into);
}

}  // namespace weir::telemetry
