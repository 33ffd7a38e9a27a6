// The job of an export writes rows into a buffer, and the buffer into the stream. The reply begins with the
// first full buffer, or with the end of the rows: an error before that is a reply of its own.
#include "routes/export_route.hpp"

#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <utility>

#include "http/stream.hpp"
#include "report/cancellation.hpp"
#include "report/export.hpp"
#include "report/query.hpp"
#include "routes/replies.hpp"

namespace weir::routes {

namespace {

constexpr std::size_t buffer_bytes = 32 * limits::KiB;
// Beyond this the job waits for the client.
constexpr std::size_t unsent_bytes_max = 2 * buffer_bytes;
constexpr std::chrono::milliseconds wait_interval{5};

static_assert(unsent_bytes_max + 2 * buffer_bytes <= limits::stream_unsent_bytes_max,
              "a client that reads is never disconnected");

// The reply of one export. Used by its job only.
class ExportReply {
  // Each of three events ends the export: the client closes, the process stops, or the stream is over.
  struct StopExport {
    std::stop_source* gone;
    void operator()() const { gone->request_stop(); }
  };

 public:
  ExportReply(http::Respond respond, report::ExportFormat format, std::stop_token client_gone,
              std::stop_token stopping)
      : respond_(std::move(respond)),
        format_(format),
        on_client_gone_(std::move(client_gone), StopExport{&gone_}),
        on_stopping_(std::move(stopping), StopExport{&gone_}) {}

  // Requested when the client has closed its connection, or the process stops.
  [[nodiscard]] std::stop_token gone() const { return gone_.get_token(); }

  // Returns false if the client is gone.
  bool write(std::string& buffer) {
    if (!writer_) begin();
    // The job polls, because StreamWriter never blocks. Meanwhile no more rows are read from the store.
    while (writer_->unsent_bytes() > unsent_bytes_max && !gone_.stop_requested())
      std::this_thread::sleep_for(wait_interval);
    return !gone_.stop_requested() && writer_->write(std::exchange(buffer, std::string()));
  }
  void end(std::string& rest) {
    if (write(rest)) writer_->end();
  }
  // After the head was sent, an error cannot be reported. The stream then ends without its last chunk, which
  // an HTTP/1.1 client detects.
  void fail(const Error& why) {
    if (!writer_) respond_(error_reply_for(why));
  }

 private:
  void begin() {
    http::Stream stream = http::make_stream();
    const bool csv = format_ == report::ExportFormat::csv;
    http::Reply reply{.content_type = csv ? "text/csv; charset=utf-8" : "application/x-ndjson"};
    reply.headers = {{"Cache-Control", "no-store"},
                     {"X-Content-Type-Options", "nosniff"},
                     {"Content-Disposition", csv ? R"(attachment; filename="weir-export.csv")"
                                                 : R"(attachment; filename="weir-export.ndjson")"}};
    reply.stream = std::move(stream.body);
    writer_.emplace(std::move(stream.writer));
    // Registered before the reply is sent, so that no end of the stream is missed.
    on_stream_over_.emplace(writer_->stop_token(), StopExport{&gone_});
    respond_(std::move(reply));
  }

  http::Respond respond_;
  const report::ExportFormat format_;
  std::stop_source gone_;
  std::stop_callback<StopExport> on_client_gone_;
  std::stop_callback<StopExport> on_stopping_;
  std::optional<http::StreamWriter> writer_;
  std::optional<std::stop_callback<StopExport>> on_stream_over_;
};

// What the job needs of the request. It owns its texts, because the request ends before the job begins.
struct ExportRequest {
  std::vector<std::pair<std::string, std::string>> parameters;
  Now now;
  std::stop_token client_gone;
  std::stop_token stopping;
  std::function<Now()> clock;
};

Result<report::ExportQuery> parse(report::Report& report, const ExportRequest& request) {
  // Own dimensions are rows of the store. Most requests name none and need no query to parse them.
  if (!report::names_own_dimension(request.parameters))
    return report::parse_export_query(request.parameters, request.now.wall,
                                      report::built_in_dimension_rows());
  const auto known = report.dimensions(
      {request.now.mono + limits::query_deadline, request.client_gone, [&] { return request.clock().mono; }});
  if (!known) return std::unexpected(known.error());
  return report::parse_export_query(request.parameters, request.now.wall, known->dimensions);
}

void run_export(report::Report& report, const ExportRequest& request, http::Respond respond) {
  const auto query = parse(report, request);
  if (!query) return respond(error_reply_for(query.error()));
  ExportReply reply(std::move(respond), query->format, request.client_gone, request.stopping);
  const report::Cancellation cancellation(request.now.mono + export_deadline, reply.gone(),
                                          [&request] { return request.clock().mono; });
  std::string buffer = report::export_head(*query);
  auto done = report.export_rows(
      *query,
      [&](const report::ExportRow& row) {
        report::append_export_row(buffer, *query, row);
        return buffer.size() < buffer_bytes || reply.write(buffer);
      },
      cancellation);
  if (done)
    reply.end(buffer);
  else
    reply.fail(done.error());
}

}  // namespace

http::Route export_route(report::Report& report, BoundedExecutor& executor, std::function<Now()> clock,
                         std::stop_token stopping) {
  auto handle = [&report, &executor, clock = std::move(clock), stopping = std::move(stopping)](
                    const http::Request& request, http::Respond respond) {
    ExportRequest asked{http::Query(request.query).all(), clock(), request.client_gone, stopping, clock};
    auto job = [&report, asked = std::move(asked),
                respond = std::move(respond)](BoundedExecutor::Call call) mutable {
      if (call == BoundedExecutor::Call::run)
        run_export(report, asked, std::move(respond));
      else
        respond(refusal_reply(call));
    };
    executor.submit(std::move(job), request.client_gone);
  };
  http::Route route{"GET", "/api/v1/export", std::move(handle)};
  route.watch_client = true;
  return route;
}

}  // namespace weir::routes
