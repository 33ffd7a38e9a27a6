// The arguments of `weir stats` and `weir export`. Times and zones are passed to the service as text: it
// parses them and reports their errors, so both sides accept the same forms.
//
// Each function refers to the options of its caller. They must outlive the arguments.
#include "app/query_commands.hpp"

#include "app/command.hpp"
#include "base/decimal.hpp"
#include "base/limits.hpp"
#include "report/interval.hpp"

namespace weir::app {

namespace {

const std::vector<std::string>& intervals() {
  static const std::vector<std::string> names(report::interval_names.begin(), report::interval_names.end());
  return names;
}

Argument time_into(std::string name, std::string help, std::string& text) {
  return {.name = std::move(name),
          .help = std::move(help),
          .expected = "a time in RFC 3339, such as 2026-01-31T00:00:00Z",
          .take = text_into(text)};
}

Argument interval_into(std::string help, std::string& interval) {
  return {.name = "--interval",
          .help = std::move(help),
          .expected = in_words(intervals()),
          .take = one_of(intervals(), [&interval](std::size_t at) { interval = intervals()[at]; })};
}

Argument zone_into(std::string help, std::string& zone) {
  return {.name = "--tz",
          .help = std::move(help),
          .expected = "the name of a time zone, such as Europe/Berlin",
          .take = text_into(zone)};
}

}  // namespace

std::vector<Argument> stats_arguments(cli::StatsOptions& options, Remote& remote) {
  const std::string dimensions = in_words(cli::dimension_choices());
  const std::vector<std::string> formats{"table", "json", "csv"};  // in the order of cli::StatsFormat
  return {url_into(remote.url),
          key_into(remote.key),
          ca_file_into(remote.ca_file),
          time_into("--from", "start of the range, in RFC 3339 (default: 24 h before --to)", options.from),
          time_into("--to", "end of the range, in RFC 3339 (default: now)", options.to),
          interval_into(
              "interval of the plot: " + in_words(intervals()) + " (default: by the length of the range)",
              options.interval),
          zone_into("time zone of days and of the times in tables (default: UTC)", options.tz),
          {.name = "--dimension",
           .help = "top list to show: " + dimensions + " (default: all); may be repeated",
           .expected = dimensions,
           .take = [&options](const std::string& typed) { return cli::add_dimension(options, typed); },
           .is_repeatable = true},
          {.name = "--limit",
           .help = "maximum number of rows of a top list (default: 10)",
           .expected = "a number from 1 to 500",
           .take =
               [&options](const std::string& typed) {
                 const auto limit = parse_decimal<std::size_t>(typed, 1, limits::top_rows_max);
                 options.limit = limit.value_or(options.limit);
                 return limit.has_value();
               }},
          {.name = "--watch",
           .help = "print again every 2 s, on a cleared screen, until it is interrupted",
           .take = [&options](const std::string&) { return options.watch = true; }},
          {.name = "--format",
           .help = "output format: " + in_words(formats) + " (default: table)",
           .expected = in_words(formats),
           .take = one_of(
               formats, [&options](std::size_t at) { options.format = static_cast<cli::StatsFormat>(at); })}};
}

std::vector<Argument> export_arguments(cli::ExportOptions& options, Remote& remote) {
  const std::vector<std::string> formats{"csv", "ndjson"};
  const std::string dimensions = in_words(cli::dimension_choices());
  return {url_into(remote.url),
          key_into(remote.key),
          ca_file_into(remote.ca_file),
          time_into("--from", "start of the range, in RFC 3339 (default: 24 h before --to)", options.from),
          time_into("--to", "end of the range, in RFC 3339 (default: now)", options.to),
          interval_into("a row for each interval: " + in_words(intervals()) + " (default: one for the range)",
                        options.interval),
          zone_into("time zone in which days, weeks and months begin (default: UTC)", options.tz),
          {.name = "--dimension",
           .help = "a row for each value of " + dimensions + " (default: none)",
           .expected = dimensions,
           .take =
               [&options](const std::string& typed) {
                 // The same check as in `weir stats`. An export has one dimension, so the list itself is not
                 // kept.
                 cli::StatsOptions names;
                 options.dimension = typed;
                 return cli::add_dimension(names, typed);
               }},
          {.name = "--format",
           .help = "output format: " + in_words(formats) + " (default: csv)",
           .expected = in_words(formats),
           .take = one_of(formats, [&options, formats](std::size_t at) { options.format = formats[at]; })}};
}

}  // namespace weir::app
