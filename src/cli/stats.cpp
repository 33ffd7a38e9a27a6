// get_all() sends the requests one after another. Then the answers are drawn as tables, or passed on as JSON.
// For CSV there is one request, whose answer is printed as it is.
#include "cli/stats.hpp"

#include <array>
#include <boost/json.hpp>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <ostream>
#include <string_view>
#include <utility>

#include "activity/rfc3339.hpp"
#include "base/decimal.hpp"
#include "base/json_text.hpp"
#include "base/printable.hpp"
#include "base/result.hpp"
#include "cli/api_path.hpp"
#include "cli/stats_text.hpp"
#include "http/client.hpp"
#include "importer/weir_answer.hpp"
#include "report/time_zone.hpp"
#include "tally/dimension.hpp"

namespace weir::cli {

namespace {

namespace json = boost::json;
using Parameters = std::vector<std::pair<std::string_view, std::string>>;

// ECMA-48: cursor to the first cell (CUP), erase to the end of the display (ED).
constexpr std::string_view clear_screen = "\x1b[H\x1b[J";

constexpr const char* lacks_member = "the answer lacks a member that an answer of Weir has";

// Sends requests to the API. Those that have a range get the range of the options.
class ApiClient {
 public:
  enum class Range : bool { without, with };

  ApiClient(http::Client& client, const StatsOptions& options) : client_(client), options_(options) {}

  // GET /api/v1/`name`. Every JSON answer to this request has the member `member`; another program's has not.
  Result<std::string> get(std::string_view name, std::string_view member, const Parameters& parameters,
                          Range range = Range::with) {
    Parameters all;
    if (range == Range::with) all = {{"from", options_.from}, {"to", options_.to}};
    all.insert(all.end(), parameters.begin(), parameters.end());
    auto response = client_.send("GET", api_path(name, all), {}, "");
    if (!response) return propagate(response);
    if (is_answer(*response, member)) return std::move(response->body);
    if (const auto error = importer::weir_error(*response))
      return fail(ErrorKind::invalid, "refused", *error);
    return fail(ErrorKind::invalid, "not_weir", importer::describe_foreign(*response, client_.base()));
  }

 private:
  [[nodiscard]] bool is_answer(const http::Response& response, std::string_view member) const {
    if (response.status != 200) return false;
    if (options_.format == StatsFormat::csv && member != "dimensions")
      return response.header("Content-Type").value_or("").starts_with("text/csv");
    const auto body = importer::object_in(response.body);
    return body && importer::find(*body, {member}) != nullptr;
  }

  http::Client& client_;
  const StatsOptions& options_;
};

// The bodies of the answers, in JSON.
struct Answers {
  std::string summary;
  std::string series;
  std::vector<std::string> tops;
};

// The names of the dimensions that are asked for, or of all that this Weir knows.
Result<std::vector<std::string>> dimensions_of(ApiClient& api, const StatsOptions& options) {
  if (!options.dimensions.empty()) return options.dimensions;
  auto answer = api.get("dimensions", "dimensions", {}, ApiClient::Range::without);
  if (!answer) return propagate(answer);
  std::vector<std::string> names;
  try {
    const json::value known = json::parse(*answer);
    for (const json::value& each : known.as_object().at("dimensions").as_array())
      names.emplace_back(std::string_view(each.as_object().at("name").as_string()));
  } catch (const std::exception&) {
    return fail(ErrorKind::invalid, "not_weir", lacks_member);
  }
  return names;
}

Result<std::string> get_series(ApiClient& api, const StatsOptions& options, const std::string& format) {
  return api.get("timeseries", "points",
                 {{"interval", options.interval}, {"tz", options.tz}, {"format", format}});
}

Result<std::string> get_top(ApiClient& api, const StatsOptions& options, const std::string& dimension,
                            const std::string& format) {
  return api.get("top", "rows",
                 {{"dimension", dimension}, {"limit", std::to_string(options.limit)}, {"format", format}});
}

Result<Answers> get_all(ApiClient& api, const StatsOptions& options) {
  Answers answers;
  auto summary = api.get("summary", "events", {{"compare", "previous"}});
  if (!summary) return propagate(summary);
  answers.summary = std::move(*summary);
  auto series = get_series(api, options, "json");
  if (!series) return propagate(series);
  answers.series = std::move(*series);
  const auto dimensions = dimensions_of(api, options);
  if (!dimensions) return std::unexpected(dimensions.error());
  for (const auto& dimension : *dimensions) {
    auto top = get_top(api, options, dimension, "json");
    if (!top) return propagate(top);
    answers.tops.push_back(std::move(*top));
  }
  return answers;
}

// These two throw if the member is missing or has another type. See table_of().
std::int64_t count_of(const json::object& numbers, std::string_view name) {
  return numbers.at(name).to_number<std::int64_t>();
}

std::string_view text_of(const json::object& object, std::string_view name) {
  return object.at(name).as_string();
}

// `format` is a format of printf(3) with one double.
std::string percent(double share, const char* format) {
  std::array<char, 32> text{};
  std::snprintf(text.data(), text.size(), format, share * 100);
  return text.data();
}

// Below this width of the terminal, lines have no more than one figure and its change.
constexpr std::size_t wide_columns = 72;

// A time of an answer as the clock of the zone shows it, with the offset: "2026-06-15T00:00:00+02:00". As the
// answer has it in UTC, or if this machine does not know the zone.
std::string local_time(std::string_view time, const std::string& zone_name) {
  const auto zone = report::TimeZone::find(zone_name.empty() ? "UTC" : zone_name);
  const auto parsed = activity::parse_date_time(time);
  if (!zone || zone->is_utc() || !parsed) return printable(time);
  const auto offset = std::chrono::duration_cast<std::chrono::minutes>(zone->offset_at(parsed->second));
  std::string text = activity::format_rfc3339(parsed->second + offset);
  text.pop_back();  // the Z
  std::array<char, 16> suffix{};
  std::snprintf(suffix.data(), suffix.size(), "%c%02d:%02d", offset.count() < 0 ? '-' : '+',
                static_cast<int>(std::abs(offset.count()) / 60),
                static_cast<int>(std::abs(offset.count()) % 60));
  return text + suffix.data();
}

// "unique users  1,861               1 in the previous range (+186000 %)"
std::string summary_line(const json::object& summary, std::string_view name, const char* title,
                         std::size_t columns) {
  const auto count = count_of(summary, name);
  std::string line = fitted(title, 14) + grouped(count);
  const auto error = summary.at("unique_users_error").to_number<double>();
  if (name == "unique_users" && error > 0) line += percent(error, " ± %.1f %%");
  const auto before = count_of(summary.at("previous").as_object(), name);
  if (columns >= wide_columns) line = fitted(line, 36) + grouped(before) + " in the previous range";
  if (before > 0)
    line += percent(static_cast<double>(count - before) / static_cast<double>(before), " (%+.0f %%)");
  return line + '\n';
}

std::string summary_table(const json::object& summary, const StatsOptions& options) {
  const auto in_zone = [&](std::string_view time) { return local_time(time, options.tz); };
  std::string text = in_zone(text_of(summary, "from")) + " to " + in_zone(text_of(summary, "to"));
  if (const auto* resolution = summary.if_contains("resolution"))
    text += ", by whole " + printable(std::string_view(resolution->as_string())) +
            "s: finer numbers are not kept for the whole range";
  text = wrapped(text, options.columns) + '\n';
  text += summary_line(summary, "events", "events", options.columns);
  text += summary_line(summary, "page_views", "page views", options.columns);
  return text + summary_line(summary, "unique_users", "unique users", options.columns);
}

std::string series_table(const json::object& series, const StatsOptions& options) {
  std::vector<PlotPoint> points;
  for (const auto& point : series.at("points").as_array()) {
    const auto& numbers = point.as_object();
    points.push_back({local_time(text_of(numbers, "time"), options.tz), count_of(numbers, "events")});
  }
  return draw_plot("events by " + printable(text_of(series, "interval")), points, options.columns);
}

std::string top_table(const json::object& top, std::size_t columns) {
  constexpr std::array<std::string_view, 3> heads{"page views", "events", "users"};
  std::vector<ListRow> rows;
  for (const auto& row : top.at("rows").as_array()) {
    const auto& numbers = row.as_object();
    rows.push_back(
        {std::string(text_of(numbers, "value")),
         {count_of(numbers, "page_views"), count_of(numbers, "events"), count_of(numbers, "unique_users")}});
  }
  const auto& other = top.at("other").as_object();
  // Values beyond the limit of rows have no count of users of their own.
  if (count_of(other, "events") > 0)
    rows.push_back({"all others", {count_of(other, "page_views"), count_of(other, "events")}});
  auto title = std::string(text_of(top, "dimension"));
  if (title == "activity_type") title = "activity";
  return draw_list(title, heads, rows, columns);
}

// Throws an exception of Boost.JSON if an answer lacks a member, or a member has another type.
std::string table_of(const Answers& answers, const StatsOptions& options) {
  auto text = summary_table(json::parse(answers.summary).as_object(), options);
  text += '\n' + series_table(json::parse(answers.series).as_object(), options);
  for (const auto& answer : answers.tops) {
    const json::value top = json::parse(answer);
    // A dimension that is no longer counted stays known and has no rows.
    if (options.dimensions.empty() && top.as_object().at("rows").as_array().empty()) continue;
    text += '\n' + top_table(top.as_object(), options.columns);
  }
  return text;
}

// The answers are JSON already, and are joined without parsing them.
std::string json_of(const Answers& answers) {
  JsonText text;
  text.begin_object().key("summary").raw(answers.summary).key("timeseries").raw(answers.series);
  text.key("top").begin_array();
  for (const auto& top : answers.tops) text.raw(top);
  return with_escaped_controls(text.end_array().end_object().text(), Controls::del_and_c1) + '\n';
}

// The time series, or the top lists with an empty line between them.
Result<std::string> csv_of(ApiClient& api, const StatsOptions& options) {
  std::string text;
  if (options.dimensions.empty()) {
    auto series = get_series(api, options, "csv");
    if (!series) return propagate(series);
    text = *std::move(series);
  }
  for (const std::string& dimension : options.dimensions) {
    auto top = get_top(api, options, dimension, "csv");
    if (!top) return propagate(top);
    text += (text.empty() ? "" : "\r\n") + *top;
  }
  return printable(text, LineBreaks::kept);
}

// The complete output, so that nothing is printed before an error.
Result<std::string> answer(const StatsOptions& options) {
  auto base = http::parse_base_url(options.url);
  if (!base) return propagate(base);
  http::Client client(std::move(*base), {.headers = options.credentials, .trust = options.trust});
  ApiClient api(client, options);
  if (options.format == StatsFormat::csv) {
    return csv_of(api, options);
  }
  const auto answers = get_all(api, options);
  if (!answers) return std::unexpected(answers.error());
  if (options.format == StatsFormat::json) return json_of(*answers);
  try {
    return table_of(*answers, options);
  } catch (const std::exception&) {
    return fail(ErrorKind::invalid, "not_weir", lacks_member);
  }
}

}  // namespace

std::vector<std::string> dimension_choices() {
  std::vector<std::string> names;
  for (const auto& each : tally::built_in_dimensions)
    if (each.dimension != tally::Dimension::total) names.emplace_back(each.name);
  names.emplace_back("a name in DIMENSIONS of that Weir");
  return names;
}

bool add_dimension(StatsOptions& options, const std::string& name) {
  if (!tally::is_dimension_name(name) || name == name_of(tally::Dimension::total)) return false;
  options.dimensions.push_back(name);
  return true;
}

int run_stats(const StatsOptions& options, std::ostream& out, std::ostream& err) {
  auto text = answer(options);
  while (text) {
    if (options.watch) out << clear_screen;
    out << *text << std::flush;
    if (!options.watch || !out || !options.wait()) return 0;
    text = answer(options);
  }
  err << "weir stats: " << printable(http::without_credentials(options.url)) << ": "
      << printable(text.error().text) << '\n';
  return 1;
}

}  // namespace weir::cli
