#include "cli/stats.hpp"

#include <array>
#include <boost/json.hpp>
#include <cstdio>
#include <exception>
#include <ostream>
#include <string_view>
#include <utility>

#include "base/json_text.hpp"
#include "base/result.hpp"
#include "cli/stats_text.hpp"
#include "http/client.hpp"
#include "importer/weir_answer.hpp"

namespace weir::cli {

namespace {

namespace json = boost::json;
using Parameters = std::vector<std::pair<std::string_view, std::string>>;

// As in a query: everything but what RFC 3986 leaves unreserved.
std::string escaped(std::string_view text) {
  constexpr std::string_view unreserved =
      "-._~:/ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
  constexpr std::string_view digits = "0123456789ABCDEF";
  std::string out;
  for (const char letter : text) {
    if (unreserved.contains(letter)) {
      out += letter;
      continue;
    }
    const auto byte = static_cast<unsigned char>(letter);
    out += {'%', digits[byte >> 4], digits[byte & 15]};
  }
  return out;
}

constexpr const char* foreign_answer = "its answer lacks members that the answer of a Weir has";

// Asks one Weir, with the range of the options in every question that has a range.
class Asker {
 public:
  enum class Range : bool { without, with };

  Asker(http::Client& client, const StatsOptions& options) : client_(client), options_(options) {}

  // `member` is one that every answer to this question has.
  Result<std::string> ask(std::string_view what, std::string_view member, const Parameters& parameters,
                          Range range = Range::with) {
    std::string path = "/api/v1/" + std::string(what);
    char separator = '?';
    const auto add = [&](std::string_view name, const std::string& value) {
      if (value.empty()) return;
      path.append(1, separator).append(name).append("=").append(escaped(value));
      separator = '&';
    };
    if (range == Range::with) {
      add("from", options_.from);
      add("to", options_.to);
    }
    for (const auto& [name, value] : parameters) add(name, value);
    auto response = client_.send("GET", path, {}, "");
    if (!response) return propagate(response);
    if (is_answer(*response, member)) return std::move(response->body);
    if (const auto error = importer::weir_error(*response))
      return fail(ErrorKind::invalid, "refused", *error);
    return fail(ErrorKind::invalid, "no_weir", importer::describe_foreign(*response, client_.base()));
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

struct Answers {
  std::string summary;
  std::string series;
  std::vector<std::string> tops;
};

// The names of the dimensions that are asked for, or of all that this Weir knows.
Result<std::vector<std::string>> dimensions_of(Asker& asker, const StatsOptions& options) {
  if (!options.dimensions.empty()) return options.dimensions;
  auto answer = asker.ask("dimensions", "dimensions", {}, Asker::Range::without);
  if (!answer) return propagate(answer);
  std::vector<std::string> names;
  try {
    const json::value known = json::parse(*answer);
    for (const json::value& each : known.as_object().at("dimensions").as_array())
      names.emplace_back(std::string_view(each.as_object().at("name").as_string()));
  } catch (const std::exception&) {
    return fail(ErrorKind::invalid, "no_weir", foreign_answer);
  }
  return names;
}

Result<std::string> ask_series(Asker& asker, const StatsOptions& options, const std::string& format) {
  return asker.ask("timeseries", "points", {{"interval", options.interval}, {"format", format}});
}

Result<std::string> ask_top(Asker& asker, const StatsOptions& options, const std::string& dimension,
                            const std::string& format) {
  return asker.ask("top", "rows",
                   {{"dimension", dimension}, {"limit", std::to_string(options.limit)}, {"format", format}});
}

Result<Answers> ask_all(Asker& asker, const StatsOptions& options) {
  Answers answers;
  auto summary = asker.ask("summary", "events", {{"compare", "previous"}});
  if (!summary) return propagate(summary);
  answers.summary = std::move(*summary);
  auto series = ask_series(asker, options, "json");
  if (!series) return propagate(series);
  answers.series = std::move(*series);
  const auto dimensions = dimensions_of(asker, options);
  if (!dimensions) return std::unexpected(dimensions.error());
  for (const auto& dimension : *dimensions) {
    auto top = ask_top(asker, options, dimension, "json");
    if (!top) return propagate(top);
    answers.tops.push_back(std::move(*top));
  }
  return answers;
}

std::int64_t count_of(const json::object& numbers, std::string_view name) {
  return numbers.at(name).to_number<std::int64_t>();
}

std::string_view text_of(const json::object& object, std::string_view name) {
  return object.at(name).as_string();
}

std::string percent(double share, const char* form) {
  std::array<char, 32> text{};
  std::snprintf(text.data(), text.size(), form, share * 100);
  return text.data();
}

std::string summary_line(const json::object& summary, std::string_view name, const char* title) {
  const auto count = count_of(summary, name);
  std::string line = fitted(title, 14) + grouped(count);
  const auto error = summary.at("unique_users_error").to_number<double>();
  if (name == "unique_users" && error > 0) line += percent(error, " ± %.1f %%");
  const auto before = count_of(summary.at("previous").as_object(), name);
  line = fitted(line, 36) + grouped(before) + " in the range before";
  if (before > 0)
    line += percent(static_cast<double>(count - before) / static_cast<double>(before), " (%+.0f %%)");
  return line + '\n';
}

std::string summary_table(const json::object& summary) {
  std::string text = printable(text_of(summary, "from")) + " to " + printable(text_of(summary, "to"));
  if (const auto* resolution = summary.if_contains("resolution"))
    text += ", in whole " + printable(std::string_view(resolution->as_string())) +
            "s: nothing finer is kept for all of it";
  text += "\n\n";
  text += summary_line(summary, "events", "events");
  text += summary_line(summary, "page_views", "page views");
  return text + summary_line(summary, "unique_users", "unique users");
}

std::string series_table(const json::object& series, std::size_t columns) {
  std::vector<PlotPoint> points;
  for (const auto& point : series.at("points").as_array()) {
    const auto& numbers = point.as_object();
    points.push_back({std::string(text_of(numbers, "time")), count_of(numbers, "events")});
  }
  return draw_plot("events by " + printable(text_of(series, "interval")), points, columns);
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
  if (count_of(other, "events") > 0)
    rows.push_back({"all others", {count_of(other, "page_views"), count_of(other, "events")}});
  auto title = std::string(text_of(top, "dimension"));
  if (title == "activity_type") title = "activity";
  return draw_list(title, heads, rows, columns);
}

// Throws what Boost.JSON throws where an answer is not as the API's are.
std::string table_of(const Answers& answers, const StatsOptions& options) {
  auto text = summary_table(json::parse(answers.summary).as_object());
  text += '\n' + series_table(json::parse(answers.series).as_object(), options.columns);
  for (const auto& answer : answers.tops) {
    const json::value top = json::parse(answer);
    // A dimension that is no longer counted stays known and has no rows.
    if (options.dimensions.empty() && top.as_object().at("rows").as_array().empty()) continue;
    text += '\n' + top_table(top.as_object(), options.columns);
  }
  return text;
}

// JSON text whose strings hold no raw control character: the API escapes those below space, here the others.
std::string without_controls(const std::string& json_text) {
  std::string safe;
  for (std::size_t at = 0; at < json_text.size(); ++at) {
    const auto byte = static_cast<unsigned char>(json_text[at]);
    const auto next = at + 1 < json_text.size() ? static_cast<unsigned char>(json_text[at + 1]) : 0;
    if (byte == 0x7F) {
      safe += "\\u007f";
    } else if (byte == 0xC2 && next >= 0x80 && next <= 0x9F) {
      constexpr std::string_view digits = "0123456789abcdef";
      safe += "\\u00";
      safe += {digits[next >> 4], digits[next & 15]};
      ++at;
    } else {
      safe += json_text[at];
    }
  }
  return safe;
}

std::string json_of(const Answers& answers) {
  JsonText text;
  text.begin_object().key("summary").raw(answers.summary).key("timeseries").raw(answers.series);
  text.key("top").begin_array();
  for (const auto& top : answers.tops) text.raw(top);
  return without_controls(text.end_array().end_object().text()) + '\n';
}

Result<std::string> answer(const StatsOptions& options) {
  auto base = http::parse_base_url(options.url);
  if (!base) return propagate(base);
  http::Client client(std::move(*base));
  Asker asker(client, options);
  if (options.format == StatsFormat::csv) {
    auto csv = options.dimensions.empty() ? ask_series(asker, options, "csv")
                                          : ask_top(asker, options, options.dimensions.front(), "csv");
    if (!csv) return propagate(csv);
    return printable(*csv, true);
  }
  const auto answers = ask_all(asker, options);
  if (!answers) return std::unexpected(answers.error());
  if (options.format == StatsFormat::json) return json_of(*answers);
  try {
    return table_of(*answers, options);
  } catch (const std::exception&) {
    return fail(ErrorKind::invalid, "no_weir", foreign_answer);
  }
}

}  // namespace

int run_stats(const StatsOptions& options, std::ostream& out, std::ostream& err) {
  const auto text = answer(options);
  if (text) {
    out << *text << std::flush;
    return 0;
  }
  err << "weir stats: " << printable(http::without_credentials(options.url)) << ": "
      << printable(text.error().text) << '\n';
  return 1;
}

}  // namespace weir::cli
