// Tells systemd about the state of the process. The protocol is that of sd_notify(3): one datagram to the
// Unix socket that NOTIFY_SOCKET names. A unit of Type=notify counts as started only after the first READY=1.
#pragma once

#include <string_view>

namespace weir::app {

// Sends assignments, one on each line: "READY=1", "STOPPING=1". Does nothing and returns false if `socket` is
// empty; also returns false if the datagram could not be sent. Never blocks. Thread-safe.
bool notify_systemd(std::string_view socket, std::string_view state);

// The socket of this process: NOTIFY_SOCKET, or an empty text without systemd. It begins with / or,
// in the abstract namespace, with @.
[[nodiscard]] std::string_view systemd_socket();

}  // namespace weir::app
