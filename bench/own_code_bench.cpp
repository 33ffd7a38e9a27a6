// What Weir writes itself, beside the library that could replace it. docs/adr/0012-what-we-write-ourselves.md
// quotes the figures: make bench ARGS=--benchmark_filter=own_
#include <benchmark/benchmark.h>
#include <boost/json/src.hpp>
#include <ctime>
#include <simdjson.h>

#include "activity/decoder.hpp"
#include "activity/rfc3339.hpp"
#include "base/json_text.hpp"
#include "bench/events.hpp"

namespace weir::bench {
namespace {

constexpr std::size_t events_count = 10'000;

// Calls `use` with one event after another.
template <class Use>
void for_events(benchmark::State& state, Use use) {
  const Events events(events_count);
  std::size_t next = 0;
  for (auto _ : state) {
    use(events.json(next));
    next = next + 1 == events.size() ? 0 : next + 1;
  }
}

void own_json_decoder(benchmark::State& state) {
  activity::Decoder decoder;
  for_events(state, [&](std::string_view json) {
    auto decoded = decoder.decode(json);
    benchmark::DoNotOptimize(decoded);
  });
}
BENCHMARK(own_json_decoder);

// Parses the document into a tape. Reads no member, and checks no rule of the event.
void own_json_simdjson_dom(benchmark::State& state) {
  simdjson::dom::parser parser;
  for_events(state, [&](std::string_view json) {
    auto root = parser.parse(json.data(), json.size(), false);
    benchmark::DoNotOptimize(root);
  });
}
BENCHMARK(own_json_simdjson_dom);

// Visits every value below `value`, as a check of the whole document has to.
void visit(simdjson::ondemand::value value) {
  std::string_view text;
  switch (value.type().value_unsafe()) {
    case simdjson::ondemand::json_type::object:
      for (auto member : value.get_object().value_unsafe()) {
        benchmark::DoNotOptimize(member.unescaped_key().get(text));
        visit(member.value().value_unsafe());
      }
      return;
    case simdjson::ondemand::json_type::array:
      for (auto element : value.get_array().value_unsafe()) visit(element.value_unsafe());
      return;
    case simdjson::ondemand::json_type::string:
      benchmark::DoNotOptimize(value.get_string().get(text));
      return;
    default:
      text = value.raw_json_token();
      benchmark::DoNotOptimize(text);
  }
}

void own_json_simdjson_on_demand(benchmark::State& state) {
  simdjson::ondemand::parser parser;
  for_events(state, [&](std::string_view json) {
    auto document = parser.iterate(json.data(), json.size(), json.size() + limits::json_slack_bytes);
    for (auto member : document.get_object().value_unsafe()) {
      std::string_view name;
      benchmark::DoNotOptimize(member.unescaped_key().get(name));
      visit(member.value().value_unsafe());
    }
  });
}
BENCHMARK(own_json_simdjson_on_demand);

constexpr const char* date_time = "2026-11-30T12:34:56Z";

void own_time_parse_rfc3339(benchmark::State& state) {
  for (auto _ : state) {
    std::string_view text = date_time;
    benchmark::DoNotOptimize(text);
    auto time = activity::parse_rfc3339(text);
    benchmark::DoNotOptimize(time);
  }
}
BENCHMARK(own_time_parse_rfc3339);

// Reads no fraction and no offset.
void own_time_strptime(benchmark::State& state) {
  for (auto _ : state) {
    const char* text = date_time;
    benchmark::DoNotOptimize(text);
    std::tm parts{};
    benchmark::DoNotOptimize(::strptime(text, "%Y-%m-%dT%H:%M:%SZ", &parts));
    benchmark::DoNotOptimize(::timegm(&parts));
  }
}
BENCHMARK(own_time_strptime);

void own_time_format_rfc3339(benchmark::State& state) {
  const WallTime time{std::chrono::milliseconds{1'790'000'000'123}};
  for (auto _ : state) benchmark::DoNotOptimize(activity::format_rfc3339(time));
}
BENCHMARK(own_time_format_rfc3339);

void own_time_strftime(benchmark::State& state) {
  for (auto _ : state) {
    std::time_t seconds = 1'790'000'000;
    benchmark::DoNotOptimize(seconds);
    std::tm parts{};
    ::gmtime_r(&seconds, &parts);
    std::array<char, 40> text;
    benchmark::DoNotOptimize(std::strftime(text.data(), text.size(), "%Y-%m-%dT%H:%M:%SZ", &parts));
  }
}
BENCHMARK(own_time_strftime);

// The points of a time series, as /api/v1/timeseries writes them.
constexpr std::int64_t points = 5000;
constexpr std::string_view point_time = "2026-11-30T12:34:00Z";

void own_text_json_text(benchmark::State& state) {
  for (auto _ : state) {
    JsonText text;
    text.begin_object().key("points").begin_array();
    for (std::int64_t at = 0; at < points; ++at) {
      text.begin_object().member("time", point_time).member("events", at).member("page_views", at / 2);
      text.member("unique_users", at / 3).end_object();
    }
    text.end_array().end_object();
    benchmark::DoNotOptimize(text.text().data());
  }
}
BENCHMARK(own_text_json_text);

void own_text_boost_json(benchmark::State& state) {
  for (auto _ : state) {
    boost::json::array list;
    list.reserve(points);
    for (std::int64_t at = 0; at < points; ++at)
      list.push_back({{"time", boost::json::string_view(point_time.data(), point_time.size())},
                      {"events", at},
                      {"page_views", at / 2},
                      {"unique_users", at / 3}});
    const std::string text = boost::json::serialize(boost::json::object{{"points", std::move(list)}});
    benchmark::DoNotOptimize(text.data());
  }
}
BENCHMARK(own_text_boost_json);

}  // namespace
}  // namespace weir::bench
