// HttpTransport runs on the export thread alone. Everything else here runs while the process starts.
#include "app/trace_export.hpp"

#include <algorithm>
#include <ctime>
#include <optional>
#include <string>
#include <utility>

#include "base/clock.hpp"
#include "base/decimal.hpp"
#include "base/ensure.hpp"
#include "http/client.hpp"

namespace weir::app {
namespace {

using std::chrono::seconds;

// http://host:port and the path, which is "/" if the URL has none.
std::pair<std::string, std::string> split(const std::string& url) {
  const std::size_t host = url.find("://") + 3;
  const std::size_t path = std::min(url.find('/', host), url.size());
  return {url.substr(0, path), path == url.size() ? "/" : url.substr(path)};
}

// Retry-After is a number of seconds or an IMF-fixdate (RFC 9110 §10.2.3).
std::optional<seconds> parse_retry_after(std::string_view text) {
  if (const auto number = parse_decimal(text, 0, 86400)) return seconds(*number);
  std::tm parts{};
  if (strptime(std::string(text).c_str(), "%a, %d %b %Y %H:%M:%S GMT", &parts) == nullptr)
    return std::nullopt;
  const auto at = std::chrono::sys_seconds(seconds(timegm(&parts)));
  return std::chrono::ceil<seconds>(at - read_clock().wall);
}

class HttpTransport final : public tracing::Transport {
 public:
  HttpTransport(const tracing::TracingSettings& settings, http::BaseUrl base, std::string path)
      : path_(std::move(path)), headers_(settings.headers), client_(std::move(base), bounds_of(settings)) {}

  Result<tracing::ExportAnswer> post(std::string_view content_type, const std::string& body) override {
    http::HeaderList headers = headers_;
    headers.emplace_back("Content-Type", content_type);
    auto response = client_.send("POST", path_, headers, body);
    if (!response) {
      if (response.error().code != http::Client::connect_failed) return propagate(response);
      return fail(ErrorKind::unavailable, tracing::connect_failed, response.error().text);
    }
    tracing::ExportAnswer answer{.status = response->status, .retry_after = {}};
    if (const auto after = response->header("Retry-After")) answer.retry_after = parse_retry_after(*after);
    return answer;
  }

 private:
  // OTEL_EXPORTER_OTLP_TIMEOUT bounds the connection and the request, each.
  static http::ClientSettings bounds_of(const tracing::TracingSettings& settings) {
    http::ClientSettings bounds;
    bounds.connect_deadline = bounds.request_deadline = settings.timeout;
    bounds.response_bytes_max = limits::MiB;
    return bounds;
  }

  const std::string path_;
  const http::HeaderList headers_;
  http::Client client_;
};

std::unique_ptr<tracing::Exporter> make_exporter(const tracing::TracingSettings& settings,
                                                 telemetry::Logger& logger) {
  // The client has the host, and each request the path.
  auto [root, path] = split(settings.url());
  auto base = http::parse_base_url(root);
  ensure(base.has_value(), "the settings accept only endpoints that can be parsed");
  return std::make_unique<tracing::Exporter>(
      tracing::ExporterOptions{.protocol = settings.protocol,
                               .resource = settings.resource(WEIR_VERSION),
                               .version = WEIR_VERSION,
                               .queue_max = settings.queue_max,
                               .batch_max = std::min(settings.batch_max, settings.queue_max),
                               .schedule_delay = settings.schedule_delay},
      std::make_unique<HttpTransport>(settings, *std::move(base), std::move(path)), logger);
}

}  // namespace

std::unique_ptr<TraceExport> TraceExport::open(const config::Settings& settings, telemetry::Logger& logger) {
  const tracing::TracingSettings& tracing = settings.tracing;
  if (!tracing.is_on()) return nullptr;
  logger.info("spans are exported", {{"to", http::without_credentials(tracing.url())}});
  return std::unique_ptr<TraceExport>(new TraceExport(tracing, logger));
}

TraceExport::TraceExport(const tracing::TracingSettings& settings, telemetry::Logger& logger)
    : exporter_(make_exporter(settings, logger)),
      tracer_(settings.sampler, settings.sampler_ratio, *exporter_) {}

}  // namespace weir::app
