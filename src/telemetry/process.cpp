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

namespace weir::telemetry {
namespace {

std::string text_of(const char* file) {
  std::ifstream in(file);
  return {std::istreambuf_iterator<char>(in), {}};
}

std::optional<std::uint64_t> number(std::string_view text) {
  std::uint64_t value = 0;
  const auto [end, fault] = std::from_chars(text.data(), text.data() + text.size(), value);
  return fault == std::errc() && end != text.data() ? std::optional(value) : std::nullopt;
}

// When the machine started, in seconds since 1970: the line btime of /proc/stat.
std::optional<std::uint64_t> machine_start() {
  const std::string stat = text_of("/proc/stat");
  constexpr std::string_view name = "\nbtime ";
  const std::size_t at = stat.find(name);
  if (at == std::string::npos) return std::nullopt;
  return number(std::string_view(stat).substr(at + name.size()));
}

void describe_stat(Exposition& into, const ProcessStat& stat) {
  const auto ticks = static_cast<double>(sysconf(_SC_CLK_TCK));
  const auto page_bytes = static_cast<double>(sysconf(_SC_PAGESIZE));
  into.counter("process_cpu_seconds_total", "Processor time used, user and system.",
               static_cast<double>(stat.cpu_ticks) / ticks);
  into.gauge("process_resident_memory_bytes", "Memory that is resident.",
             static_cast<double>(stat.resident_pages) * page_bytes);
  into.gauge("process_virtual_memory_bytes", "Memory that is mapped.",
             static_cast<double>(stat.virtual_bytes));
  if (const auto machine = machine_start())
    into.gauge("process_start_time_seconds", "When the process started, in seconds since 1970.",
               static_cast<double>(*machine) + static_cast<double>(stat.start_ticks) / ticks);
}

void describe_files(Exposition& into) {
  std::error_code none;
  const auto open = std::distance(std::filesystem::directory_iterator("/proc/self/fd", none), {});
  if (!none && open > 0)  // one of them is the folder itself
    into.gauge("process_open_fds", "File descriptors that are open.", static_cast<double>(open - 1));
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) == 0)
    into.gauge("process_max_fds", "File descriptors that may be open.", static_cast<double>(limit.rlim_cur));
}

}  // namespace

std::optional<ProcessStat> read_process_stat(std::string_view text) {
  // The second field is the name in brackets, and may hold anything, brackets too.
  const std::size_t behind_name = text.rfind(')');
  if (behind_name == std::string_view::npos) return std::nullopt;
  text.remove_prefix(behind_name + 1);
  std::array<std::uint64_t, 22> fields{};  // from the third on; the letter of its state is read as 0
  for (std::size_t field = 0; field < fields.size(); ++field) {
    const std::size_t begin = text.find_first_not_of(' ');
    if (begin == std::string_view::npos) return std::nullopt;
    text.remove_prefix(begin);
    fields[field] = number(text).value_or(0);
    text.remove_prefix(std::min(text.find(' '), text.size()));
  }
  constexpr std::size_t third = 3;  // as proc(5) numbers them
  return ProcessStat{.cpu_ticks = fields[14 - third] + fields[15 - third],
                     .start_ticks = fields[22 - third],
                     .virtual_bytes = fields[23 - third],
                     .resident_pages = fields[24 - third]};
}

void describe_process(Exposition& into, std::string_view version) {
  into.gauge("weir_build_info", "1, with the version that runs.", 1, {{"version", version}});
  if (const auto stat = read_process_stat(text_of("/proc/self/stat"))) describe_stat(into, *stat);
  describe_files(into);
}

}  // namespace weir::telemetry
