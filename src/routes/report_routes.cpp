// A handler runs on an io thread. It parses what concerns the transport (format, Accept), takes the
// parameters out of the request's memory, and submits a job. The job parses the query, reads the store and
// writes the reply on a thread of the executor.
#include "routes/report_routes.hpp"

#include <array>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "base/limits.hpp"
#include "report/answer_text.hpp"
#include "report/cancellation.hpp"
#include "report/query.hpp"
#include "routes/accept.hpp"
#include "routes/openapi_document.hpp"
#include "routes/page_routes.hpp"

namespace weir::routes {

namespace {

using report::Report;

enum class Format : std::uint8_t { json, csv };

// A request as its job needs it, without views into the connection's memory.
struct Query {
  std::vector<std::pair<std::string, std::string>> parameters;
  Format format = Format::json;
  bool negotiated = false;  // the format was chosen by Accept
  WallTime now;
  report::Cancellation cancellation;
};

// The status of an error by its kind.
http::Reply error_reply_for(const Error& error) {
  if (error.kind == ErrorKind::invalid) return http::error_reply(400, error.text);
  auto reply = http::error_reply(error.kind == ErrorKind::internal ? 500 : 503, error.text);
  if (reply.status == 503) reply.headers.emplace_back("Retry-After", "1");
  if (error.code != report::code_client_gone) reply.code = error.code;  // that one is not logged
  return reply;
}

// Numbers change with every flush, so no cache may store a reply.
http::Reply json_reply(std::string json) {
  http::Reply reply{.body = std::move(json)};
  reply.headers.emplace_back("Cache-Control", "no-store");
  reply.headers.emplace_back("X-Content-Type-Options", "nosniff");
  return reply;
}

// A browser saves it as a file instead of showing it.
http::Reply csv_reply(std::string csv, std::string_view name) {
  auto reply = json_reply(std::move(csv));
  reply.content_type = "text/csv; charset=utf-8";
  reply.headers.emplace_back("Content-Disposition",
                             "attachment; filename=\"weir-" + std::string(name) + ".csv\"");
  return reply;
}

// Chooses by the Accept header. JSON is first: a client without a preference gets it.
Format accepted_format(const http::Request& request) {
  static const std::array representations{
      MediaType{"application", "json", {{"charset", "utf-8"}}},
      MediaType{"text", "csv", {{"charset", "utf-8"}, {"header", "present"}}},
  };
  return preferred(representations, request) == 0 ? Format::json : Format::csv;
}

// `key` is an API key (access_control.hpp), so it is no part of the query and gets into no error text.
std::vector<std::pair<std::string, std::string>> without_key(const http::Query& query) {
  auto parameters = query.all();
  std::erase_if(parameters, [](const auto& parameter) { return parameter.first == "key"; });
  return parameters;
}

// Reads the parameter `format`. Returns nothing if it is absent.
Result<std::optional<Format>> read_format(const http::Query& query, bool is_list) {
  const auto format = query.get("format");
  if (!format) return std::nullopt;
  if (*format == "json") return Format::json;
  if (*format == "csv" && is_list) return Format::csv;
  std::string text = "format is '" + std::string(format->substr(0, 20)) + "'; expected json";
  text +=
      is_list ? " or csv" : ", because only timeseries, top and dimensions are lists that can be had as csv";
  return fail(ErrorKind::invalid, "bad_parameter", std::move(text));
}

// Parses with the names of the dimensions that the parameters can mean. The store is asked for them only if
// one is not built in.
template <class Parsed, class Parse>
Result<Parsed> parse_with_dimensions(Report& report, const Query& query, Parse parse) {
  if (!report::names_own_dimension(query.parameters)) return parse(report::built_in_dimension_rows());
  auto known = report.dimensions(query.cancellation);
  if (!known) return propagate(known);
  return parse(known->dimensions);
}

http::Reply answer_summary(Report& report, const Query& query) {
  auto asked = parse_with_dimensions<report::SummaryQuery>(report, query, [&](report::Dimensions known) {
    return report::parse_summary_query(query.parameters, query.now, known);
  });
  if (!asked) return error_reply_for(asked.error());
  const auto answer = report.summary(*asked, query.cancellation);
  if (!answer) return error_reply_for(answer.error());
  return json_reply(to_json(*answer));
}

http::Reply answer_series(Report& report, const Query& query) {
  auto asked = parse_with_dimensions<report::SeriesQuery>(report, query, [&](report::Dimensions known) {
    return report::parse_series_query(query.parameters, query.now, known);
  });
  if (!asked) return error_reply_for(asked.error());
  const auto answer = report.series(*asked, query.cancellation);
  if (!answer) return error_reply_for(answer.error());
  if (query.format == Format::csv) return csv_reply(to_csv(*answer), "timeseries");
  return json_reply(to_json(*answer));
}

http::Reply answer_top(Report& report, const Query& query) {
  auto asked = parse_with_dimensions<report::TopQuery>(report, query, [&](report::Dimensions known) {
    return report::parse_top_query(query.parameters, query.now, known);
  });
  if (!asked) return error_reply_for(asked.error());
  const auto answer = report.top(*asked, query.cancellation);
  if (!answer) return error_reply_for(answer.error());
  if (query.format == Format::csv) return csv_reply(to_csv(*answer), "top");
  return json_reply(to_json(*answer));
}

http::Reply answer_ledger(Report& report, const Query& query) {
  auto asked = parse_with_dimensions<void>(report, query, [&](report::Dimensions known) {
    return report::check_ledger_query(query.parameters, known);
  });
  if (!asked) return error_reply_for(asked.error());
  const auto answer = report.ledger(query.now, query.cancellation);
  if (!answer) return error_reply_for(answer.error());
  return json_reply(to_json(*answer));
}

http::Reply answer_dimensions(Report& report, const Query& query) {
  if (auto asked = report::check_dimensions_query(query.parameters); !asked)
    return error_reply_for(asked.error());
  const auto answer = report.dimensions(query.cancellation);
  if (!answer) return error_reply_for(answer.error());
  if (query.format == Format::csv) return csv_reply(to_csv(*answer), "dimensions");
  return json_reply(to_json(*answer));
}

http::Reply openapi_reply(report::Dimensions dimensions) {
  http::Reply reply{.body = describe_dimensions(page_file("openapi.json"), dimensions)};
  reply.headers = {
      {"ETag", etag_of(reply.body)}, {"Cache-Control", "no-cache"}, {"X-Content-Type-Options", "nosniff"}};
  return reply;
}

// While the store does not answer, the built-in dimensions are described.
http::Reply answer_openapi(Report& report, const Query& query) {
  const auto known = report.dimensions(query.cancellation);
  return openapi_reply(known ? report::Dimensions(known->dimensions) : report::built_in_dimension_rows());
}

// Parses the query of one path, reads the store and writes the reply. Runs on the executor.
using Answer = http::Reply (*)(Report&, const Query&);

// The reply to a query that did not run.
http::Reply refusal_reply(BoundedExecutor::Call call) {
  switch (call) {
    case BoundedExecutor::Call::stopping:
      return error_reply_for({ErrorKind::unavailable, {}, "the service is shutting down; ask again"});
    case BoundedExecutor::Call::client_gone:
      return error_reply_for(
          {ErrorKind::unavailable, {}, "the client closed the connection before the answer was ready"});
    case BoundedExecutor::Call::queue_full:
    case BoundedExecutor::Call::run:
      break;
  }
  return error_reply_for(
      {ErrorKind::unavailable, "queries_full", "too many questions wait for an answer; ask again"});
}

// The description does not need the store.
http::Reply refusal_of_openapi(BoundedExecutor::Call) {
  return openapi_reply(report::built_in_dimension_rows());
}

struct Endpoint {
  const char* path;
  Answer answer;
  bool is_list = false;
  http::Reply (*refuse)(BoundedExecutor::Call) = refusal_reply;
};
constexpr std::array endpoints{
    Endpoint{"/api/v1/summary", answer_summary},
    Endpoint{"/api/v1/timeseries", answer_series, true},
    Endpoint{"/api/v1/top", answer_top, true},
    Endpoint{"/api/v1/ledger", answer_ledger},
    Endpoint{"/api/v1/dimensions", answer_dimensions, true},
    Endpoint{"/api/v1/openapi.json", answer_openapi, false, refusal_of_openapi},
};

http::Route make_route(const Endpoint& endpoint, Report& report, BoundedExecutor& executor,
                       std::function<Now()> clock) {
  auto handle = [&endpoint, &report, &executor, clock = std::move(clock)](const http::Request& request,
                                                                          http::Respond respond) {
    const http::Query parameters(request.query);
    const bool is_list = endpoint.is_list;
    const auto format = read_format(parameters, is_list);
    if (!format) {
      respond(error_reply_for(format.error()));
      return;
    }
    // The bytes of the request belong to the connection, so the job gets copies.
    const Now now = clock();
    const bool negotiated = is_list && !*format;
    Query query{without_key(parameters),
                negotiated ? accepted_format(request) : format->value_or(Format::json), negotiated, now.wall,
                report::Cancellation(now.mono + limits::query_deadline, request.client_gone,
                                     [clock] { return clock().mono; })};
    auto job = [&endpoint, &report, query = std::move(query),
                respond = std::move(respond)](BoundedExecutor::Call call) mutable {
      http::Reply reply =
          call == BoundedExecutor::Call::run ? endpoint.answer(report, query) : endpoint.refuse(call);
      if (query.negotiated) reply.headers.emplace_back("Vary", "Accept");
      respond(std::move(reply));
    };
    executor.submit(std::move(job), request.client_gone);
  };
  http::Route route{"GET", endpoint.path, std::move(handle)};
  // A query may take seconds; it ends early when its client is gone.
  route.watch_client = true;
  return route;
}

}  // namespace

std::vector<http::Route> report_routes(Report& report, BoundedExecutor& executor,
                                       std::function<Now()> clock) {
  std::vector<http::Route> routes;
  for (const Endpoint& endpoint : endpoints) routes.push_back(make_route(endpoint, report, executor, clock));
  return routes;
}

}  // namespace weir::routes
