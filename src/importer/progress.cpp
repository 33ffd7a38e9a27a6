#include "importer/progress.hpp"

#include <algorithm>
#include <array>
#include <ostream>

namespace weir::importer {
namespace {

constexpr std::chrono::milliseconds redraw_every{100};
constexpr std::chrono::seconds line_every{5};
constexpr int bar_columns = 20;

std::string bar(double share) {
  const int full = static_cast<int>(share * bar_columns);
  std::string out = "[";
  out.append(static_cast<std::size_t>(full), '#').append(static_cast<std::size_t>(bar_columns - full), '.');
  return out.append("] ").append(std::to_string(static_cast<int>(share * 100))).append("%  ");
}

std::string minutes_and_seconds(double seconds) {
  const auto whole = static_cast<std::uint64_t>(seconds);
  const std::string rest = std::to_string(whole % 60);
  return std::to_string(whole / 60) + (rest.size() < 2 ? ":0" : ":") + rest;
}

}  // namespace

std::string grouped(std::uint64_t number) {
  std::string digits = std::to_string(number);
  for (std::size_t at = digits.size(); at > 3; at -= 3) digits.insert(at - 3, ",");
  return digits;
}

std::string counted(std::uint64_t number, std::string_view noun) {
  return grouped(number).append(" ").append(noun).append(number == 1 ? "" : "s");
}

std::string printable(std::string_view text) {
  constexpr std::string_view digits = "0123456789abcdef";
  std::string out;
  for (const char c : text) {
    if (c >= ' ' && c <= '~') {
      out += c;
      continue;
    }
    const auto byte = static_cast<unsigned char>(c);
    out.append("\\x").append(1, digits[byte / 16U]).append(1, digits[byte % 16U]);
  }
  return out;
}

Progress::Progress(std::ostream& err, std::size_t columns, std::string name)
    : err_(err), columns_(columns), name_(printable(name)) {}

Progress::~Progress() { end(); }

void Progress::begin(const Point& start, MonoTime now) {
  start_ = start;
  began_ = shown_ = now;
}

void Progress::show(const Point& point, MonoTime now) {
  const bool terminal = columns_ > 0;
  if (now - shown_ < (terminal ? redraw_every : std::chrono::milliseconds(line_every))) return;
  shown_ = now;
  std::string line = in_words(point, now);
  if (!terminal) {
    err_ << line << std::endl;
    return;
  }
  line.resize(std::min(line.size(), columns_ - 1));  // a bar that wraps could not be redrawn
  err_ << '\r' << line;
  if (drawn_ > line.size()) err_ << std::string(drawn_ - line.size(), ' ');
  err_ << std::flush;
  drawn_ = line.size();
}

void Progress::say(std::string_view line) {
  end();
  err_ << line << std::endl;
}

std::string Progress::in_words(const Point& point, MonoTime now) const {
  const double seconds = std::chrono::duration<double>(now - began_).count();
  std::string line = name_ + "  ";
  double left = -1;
  if (point.raw_bytes && *point.raw_bytes > 0) {
    const double share =
        std::min(1.0, static_cast<double>(point.raw_read) / static_cast<double>(*point.raw_bytes));
    line += bar(share);
    const auto done = static_cast<double>(point.raw_read - std::min(point.raw_read, start_.raw_read));
    const auto rest = static_cast<double>(*point.raw_bytes - std::min(point.raw_read, *point.raw_bytes));
    if (done > 0) left = seconds * rest / done;
  }
  line += counted(point.lines, "line");
  if (seconds > 0)
    line += "  " +
            grouped(static_cast<std::uint64_t>(static_cast<double>(point.lines - start_.lines) / seconds)) +
            "/s";
  if (left >= 0) line += "  " + minutes_and_seconds(left) + " left";
  if (point.unreadable > 0) line += "  " + grouped(point.unreadable) + " unreadable";
  return line;
}

void Progress::end() {
  if (drawn_ == 0) return;
  err_ << '\r' << std::string(drawn_, ' ') << '\r' << std::flush;
  drawn_ = 0;
}

}  // namespace weir::importer
