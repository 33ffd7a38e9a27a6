// The HTTP path by which `weir dlq replay` has dead letters sent again through the embedded log of a running
// service, because only that service may write to the log. It is no part of the API: a request needs the
// token of weir.control, which only a reader of DATA_DIR can know.
//
//   POST /control/replay, X-Weir-Token: …, body: "partition/offset" on each line
//     200 {"sent":N}   the log has the replays
//     400              a line is no such id, or the store has no such dead letter; nothing was sent
//     403              the token is missing or wrong
//     500              the log may have the replays or not
//     503              nothing was sent; try again
#pragma once

#include <string>
#include <string_view>

#include "http/exchange.hpp"
#include "intake/event_log.hpp"
#include "report/metrics_reader.hpp"
#include "routes/bounded_executor.hpp"

namespace weir::app {

inline constexpr std::string_view replay_path = "/control/replay";
inline constexpr std::string_view token_header = "X-Weir-Token";

// Thread-safe. Reads the store on a thread of its own.
class ReplayEndpoint {
 public:
  // `reader` and `log` must outlive it. Destroy it after the server that uses its routes has stopped.
  ReplayEndpoint(report::MetricsReader& reader, intake::EventLog& log, std::string topic, std::string token);

  // Returns a new route, for one io thread.
  [[nodiscard]] http::Route route();
  // Answers waiting and new requests with 503.
  void stop() { executor_.stop(); }

 private:
  void replay(const std::string& ids, http::Respond respond);

  report::MetricsReader& reader_;
  intake::EventLog& log_;
  const std::string topic_;
  const std::string token_;
  routes::BoundedExecutor executor_;
};

}  // namespace weir::app
