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
  std::int64_t end = 0;  // sum of the partitions' end offsets
  std::int64_t dedup_window_ms = 0;
  std::int64_t dedup_window_events = 0;  // per partition
  bool has_page = true;                  // false: a producer, which serves no page
  BodyLimits limits;

  friend bool operator==(const LogState&, const LogState&) = default;
};

// Only a reply in Weir's own form tells what happened to the events. Any other reply is `unknown`.
enum class PostOutcome : std::uint8_t {
  accepted,  // the log has the events, except those in Posted::rejected
  not_kept,  // no event was kept, and sending again may help: no connection, Weir's own 429 or 503
  unknown,   // all, some or none of the events were kept: no answer, 500, a reply that is not Weir's
  refused,   // no event was kept, and sending again cannot help: Weir's own 400, 401, 404, 413…
};

struct RejectedItem {
  std::size_t index = 0;  // in the body, from 0
  std::string error;
};

struct Posted {
  PostOutcome outcome = PostOutcome::unknown;
  std::vector<RejectedItem> rejected;  // only where accepted
  std::string reason;                  // one line; empty where accepted
  std::int64_t retry_after_ms = 0;     // 0: the reply does not say
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

// Over HTTP. The outcome of a request without a complete answer within 15 s is unknown.
[[nodiscard]] std::unique_ptr<WeirClient> make_weir_client(http::BaseUrl base);

}  // namespace weir::importer
