// A running Weir as import uses it: the port (interface), and its implementation over HTTP.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "http/client.hpp"
#include "importer/request_batch.hpp"

namespace weir::importer {

// The event log as GET /health/ready reports it.
struct LogState {
  std::string log_id;
  // The sum of the end offsets of all partitions.
  std::int64_t end = 0;
  std::int64_t dedup_window_ms = 0;
  // Counted within one partition.
  std::int64_t dedup_window_events = 0;
  // False for a producer, which serves no page.
  bool has_page = true;
  BodyLimits limits;

  friend bool operator==(const LogState&, const LogState&) = default;
};

// Only a reply in Weir's own form tells what happened to the events. Any other reply is `unknown`.
enum class PostOutcome : std::uint8_t {
  // The log has the events, except those in Posted::rejected.
  accepted,
  // No event was kept, and sending again may help: no connection, Weir's own 429 or 503.
  not_kept,
  // All, some or none of the events were kept: no answer, 500, a reply that is not Weir's.
  unknown,
  // No event was kept, and sending again cannot help: Weir's own 400, 401, 404, 413…
  refused,
};

// An event that Weir refused by name. The others of its request were kept.
struct RejectedItem {
  std::size_t index = 0;  // in the body, from 0
  std::string error;
};

struct Posted {
  PostOutcome outcome = PostOutcome::unknown;
  // Filled only if the outcome is `accepted`.
  std::vector<RejectedItem> rejected;
  // Why the events were not accepted, in one line; empty if they were.
  std::string reason;
  // How long Weir asks to wait before the next request; 0 if it does not say.
  std::int64_t retry_after_ms = 0;
};

// For one thread.
class WeirClient {
 public:
  WeirClient() = default;
  WeirClient(const WeirClient&) = delete;
  WeirClient& operator=(const WeirClient&) = delete;
  virtual ~WeirClient() = default;

  // ErrorKind::unavailable (log_unavailable, not_weir, or of the connection): Weir or its log does not
  // answer, or a gateway reports an error; try again. ErrorKind::invalid, not_weir: another program answers
  // there.
  [[nodiscard]] virtual Result<LogState> log_state() = 0;

  // POST /activities with `events` events, a line each. Sends the request once and never again by itself.
  [[nodiscard]] virtual Posted post(std::string_view ndjson, std::size_t events) = 0;
};

// Over HTTP, with the credentials as headers of each request. The outcome of a request without a complete
// answer within 15 s is unknown.
[[nodiscard]] std::unique_ptr<WeirClient> make_weir_client(http::BaseUrl base,
                                                           http::HeaderList credentials = {},
                                                           http::Trust trust = {});

}  // namespace weir::importer
