#include "telemetry/testing/exposition_reader.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <set>
#include <utility>

// Reads the text line by line and stops at the first violation. A histogram is checked when its family ends.
namespace weir::telemetry {
namespace {

// A metric name may contain colons, a label name may not.
bool is_name(std::string_view text, bool colons) {
  const auto fits = [&](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || (c >= '0' && c <= '9') ||
           (colons && c == ':');
  };
  return !text.empty() && std::ranges::all_of(text, fits) && (text[0] < '0' || text[0] > '9');
}

class Reader {
 public:
  explicit Reader(std::string_view text) : rest_(text) {}

  std::expected<std::vector<Series>, std::string> run() {
    while (!rest_.empty() && fault_.empty()) {
      const std::size_t end = rest_.find('\n');
      if (end == std::string_view::npos) {
        report("the last line has no line feed", rest_);
        break;
      }
      read_line(rest_.substr(0, end));
      rest_.remove_prefix(end + 1);
    }
    check_histogram();
    if (!fault_.empty()) return std::unexpected(fault_);
    return std::move(all_);
  }

 private:
  void report(std::string_view what, std::string_view where) {
    if (fault_.empty()) fault_ = std::string(what) + ": " + std::string(where);
  }

  void read_line(std::string_view line) {
    constexpr std::string_view help = "# HELP ";
    constexpr std::string_view type = "# TYPE ";
    if (line.starts_with(help)) return begin_family(line.substr(help.size()), line);
    if (line.starts_with(type)) return read_type(line.substr(type.size()), line);
    read_series(line);
  }

  void begin_family(std::string_view rest, std::string_view line) {
    check_histogram();
    family_ = rest.substr(0, rest.find(' '));
    type_.clear();
    if (!is_name(family_, true) || rest.size() <= family_.size() + 1) return report("no help text", line);
    if (!family_.starts_with("weir_") && !family_.starts_with("process_"))
      return report("the name begins with neither weir_ nor process_", line);
    if (!families_.insert(family_).second) report("the family occurs twice", line);
  }

  void read_type(std::string_view rest, std::string_view line) {
    const std::size_t space = rest.find(' ');
    if (space == std::string_view::npos || rest.substr(0, space) != family_)
      return report("TYPE does not follow HELP of the same family", line);
    type_ = rest.substr(space + 1);
    if (type_ != "counter" && type_ != "gauge" && type_ != "histogram") return report("unknown type", line);
    const bool is_counter = type_ == "counter";
    if (is_counter != family_.ends_with("_total"))
      report("a name ends in _total if and only if it is a counter", line);
  }

  void read_series(std::string_view line) {
    Series series;
    std::string_view rest = line;
    const std::size_t name_end = std::min(rest.find('{'), rest.find(' '));
    if (name_end == std::string_view::npos) return report("no value", line);
    series.name = rest.substr(0, name_end);
    rest.remove_prefix(name_end);
    if (type_.empty() || !belongs(series.name))
      return report("the series does not belong to the current family", line);
    if (rest.starts_with('{') && !read_labels(rest, series.labels)) return report("malformed labels", line);
    if (!rest.starts_with(' ')) return report("no value", line);
    rest.remove_prefix(1);
    if (!read_value(rest, series.value)) return report("the value is not a number", line);
    if (type_ != "gauge" && series.value < 0) return report("the value is negative", line);
    if (!seen_.emplace(series.name, series.labels).second) return report("the series occurs twice", line);
    if (type_ == "histogram") histogram_.push_back(series);
    all_.push_back(std::move(series));
  }

  [[nodiscard]] bool belongs(std::string_view name) const {
    if (type_ != "histogram") return name == family_;
    return name == family_ + "_bucket" || name == family_ + "_sum" || name == family_ + "_count";
  }

  static bool read_value(std::string_view text, double& value) {
    if (text == "+Inf" || text == "-Inf" || text == "NaN" || text == "Nan") {
      value = text == "+Inf" ? HUGE_VAL : text == "-Inf" ? -HUGE_VAL : NAN;
      return true;
    }
    const auto [end, fault] = std::from_chars(text.data(), text.data() + text.size(), value);
    return fault == std::errc() && end == text.data() + text.size();
  }

  static bool read_labels(std::string_view& rest, std::map<std::string, std::string>& labels) {
    do {
      rest.remove_prefix(1);  // { or ,
      const std::size_t equals = rest.find('=');
      if (equals == std::string_view::npos || !is_name(rest.substr(0, equals), false)) return false;
      const std::string name(rest.substr(0, equals));
      rest.remove_prefix(equals + 1);
      std::string value;
      if (!read_quoted(rest, value) || !labels.emplace(name, value).second) return false;
    } while (rest.starts_with(','));
    if (!rest.starts_with('}')) return false;
    rest.remove_prefix(1);
    return true;
  }

  static bool read_quoted(std::string_view& rest, std::string& value) {
    if (!rest.starts_with('"')) return false;
    for (std::size_t at = 1; at < rest.size(); ++at) {
      if (rest[at] == '"') {
        rest.remove_prefix(at + 1);
        return true;
      }
      if (rest[at] != '\\') {
        value += rest[at];
        continue;
      }
      if (++at == rest.size() || !std::string_view("\\\"n").contains(rest[at])) return false;
      value += rest[at] == 'n' ? '\n' : rest[at];
    }
    return false;
  }

  void check_histogram() {
    std::map<std::map<std::string, std::string>, std::vector<Series>> buckets;
    std::map<std::map<std::string, std::string>, double> counts;
    for (Series& series : std::exchange(histogram_, {})) {
      if (series.name.ends_with("_count")) counts[series.labels] = series.value;
      if (!series.name.ends_with("_bucket")) continue;
      auto labels = series.labels;
      if (labels.erase("le") == 0) return report("a bucket without the label le", series.name);
      buckets[labels].push_back(std::move(series));
    }
    for (const auto& [labels, series] : buckets) {
      if (!std::ranges::is_sorted(series, {}, &Series::value))
        report("the buckets are not cumulative", family_);
      if (series.back().labels.at("le") != "+Inf" || series.back().value != counts[labels])
        report("the bucket +Inf differs from the count", family_);
    }
  }

  std::string_view rest_;
  std::string fault_;
  std::string family_;
  std::string type_;
  std::set<std::string> families_;
  std::set<std::pair<std::string, std::map<std::string, std::string>>> seen_;
  std::vector<Series> histogram_;  // of the current family
  std::vector<Series> all_;
};

}  // namespace

std::expected<std::vector<Series>, std::string> read_exposition(std::string_view text) {
  return Reader(text).run();
}

const Series* find_series(const std::vector<Series>& all, std::string_view name,
                          const std::map<std::string, std::string>& labels) {
  const Series* found = nullptr;
  for (const Series& series : all) {
    if (series.name != name || !std::ranges::includes(series.labels, labels)) continue;
    if (found) return nullptr;
    found = &series;
  }
  return found;
}

}  // namespace weir::telemetry
