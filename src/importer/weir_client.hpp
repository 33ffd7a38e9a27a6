// A running Weir as `import` sees it: the port, and its filler over HTTP.
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

// What /health/ready says of the event log.
struct LogState {
  std::string log_id;
  std::int64_t end = 0;  // sum of the partitions' end offsets
  std::int64_t dedup_window_ms = 0;
  std::int64_t dedup_window_events = 0;  // per partition
  bool has_page = true;                  // false: a producer, which shows no numbers
  BodyLimits limits;                     // of what it takes

  friend bool operator==(const LogState&, const LogState&) = default;
};

// Only a reply in Weir's own form says what became of the events: any other reply is `unknown`.
enum class PostOutcome : std::uint8_t {
  taken,  // Weir's counts of accepted and rejected events add up to those sent: the log has the accepted ones
  not_kept,  // surely not kept, and may be sent again: no connection, Weir's own 429 or 503
  unknown,   // may or may not be kept, whole or in part: no answer, 500, a reply that is not Weir's
  refused,   // surely not kept, and sending again cannot help: Weir's own 400, 401, 404, 413…
};

struct RejectedItem {
  std::size_t index = 0;  // in the body, from 0
  std::string error;
};

struct Posted {
  PostOutcome answer = PostOutcome::unknown;
  std::vector<RejectedItem> rejected;  // where taken
  std::string why;                     // where not taken: one line
  std::int64_t retry_after_ms = 0;     // 0: not said
};

// One thread.
class WeirClient {
 public:
  WeirClient() = default;
  WeirClient(const WeirClient&) = delete;
  WeirClient& operator=(const WeirClient&) = delete;
  virtual ~WeirClient() = default;

  // ErrorKind::unavailable: Weir or its log is away, or a gateway reports an error in its place: try again.
  // ErrorKind::invalid, no_weir: something else answers there.
  [[nodiscard]] virtual Result<LogState> log_state() = 0;

  // POST /activities with so many events, a line each. Sends once, whatever happens.
  [[nodiscard]] virtual Posted post(std::string_view ndjson, std::size_t events) = 0;
};

// Over HTTP. A request that gets no answer within 60 s is unknown.
[[nodiscard]] std::unique_ptr<WeirClient> connect_weir(http::BaseUrl base);

}  // namespace weir::importer
