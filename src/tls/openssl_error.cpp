#include "tls/openssl_error.hpp"

#include <cerrno>
#include <openssl/err.h>
#include <system_error>

namespace weir::tls {

std::string take_openssl_reason() {
  const unsigned long code = ERR_get_error();
  // The first error is the cause. Later ones of the same call add where it happened.
  ERR_clear_error();
  if (code == 0) return "unknown error";
  // An errno, which has no text in the tables of OpenSSL.
  if (ERR_SYSTEM_ERROR(code)) return std::generic_category().message(ERR_GET_REASON(code));
  const char* const reason = ERR_reason_error_string(code);
  return reason ? reason : "unknown error";
}

}  // namespace weir::tls
