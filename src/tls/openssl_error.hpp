// The errors of OpenSSL as text. OpenSSL keeps a queue of errors for each thread.
#pragma once

#include <string>

namespace weir::tls {

// Returns the reason of the oldest error of this thread, in OpenSSL's words ("certificate verify failed"), or
// "unknown error". Empties the queue. Never contains the content of a key.
[[nodiscard]] std::string take_openssl_reason();

}  // namespace weir::tls
