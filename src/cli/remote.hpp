// A running Weir as `import` sees it: the port, and its filler over HTTP.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "http/client.hpp"

namespace weir::cli {

// What /health/ready says of the event log.
struct LogState {
  std::string log_id;
  std::int64_t end = 0;  // sum of the partitions' end offsets
  std::int64_t dedup_window_ms = 0;
  std::int64_t dedup_window_events = 0;  // per partition
  bool has_page = true;                  // false: a producer, which shows no numbers

  friend bool operator==(const LogState&, const LogState&) = default;
};

enum class Answer : std::uint8_t {
  taken,     // 2xx, or 400 for every single item: the log has all but the rejected
  not_kept,  // surely not kept and may be sent again: away, 429, 503
  unknown,   // may or may not be kept, whole or in part: no answer, 500
  refused,   // surely not kept, and sending again cannot help: 401, 404, 413…
};

struct RejectedItem {
  std::size_t index = 0;  // in the body, from 0
  std::string error;
};

struct Posted {
  Answer answer = Answer::unknown;
  std::vector<RejectedItem> rejected;  // where taken
  std::string why;                     // where not taken: one line
  std::int64_t retry_after_ms = 0;     // 0: not said
};

// One thread.
class Remote {
 public:
  Remote() = default;
  Remote(const Remote&) = delete;
  Remote& operator=(const Remote&) = delete;
  virtual ~Remote() = default;

  // Move::peer: away, or its log is (it may come back); Move::caller: what answers there is no Weir.
  [[nodiscard]] virtual Result<LogState> log_state() = 0;

  // POST /activities. Sends once, whatever happens.
  [[nodiscard]] virtual Posted post(std::string_view ndjson) = 0;
};

// Over HTTP. A request that gets no answer within 60 s is unknown.
[[nodiscard]] std::unique_ptr<Remote> connect_remote(http::BaseUrl base);

}  // namespace weir::cli
