// ErrorKind decides the status: invalid is 400, unavailable is 503 with Retry-After, and internal is 500.
#include "routes/replies.hpp"

#include "report/cancellation.hpp"

namespace weir::routes {

http::Reply error_reply_for(const Error& error) {
  if (error.kind == ErrorKind::invalid) return http::error_reply(400, error.text);
  auto reply = http::error_reply(error.kind == ErrorKind::internal ? 500 : 503, error.text);
  if (reply.status == 503) reply.headers.emplace_back("Retry-After", "1");
  if (error.code != report::code_client_gone) reply.code = error.code;  // that one is not logged
  return reply;
}

http::Reply refusal_reply(BoundedExecutor::Call call) {
  switch (call) {
    case BoundedExecutor::Call::stopping:
      return error_reply_for({ErrorKind::unavailable, {}, "the service is shutting down; ask again"});
    case BoundedExecutor::Call::client_gone:
      return error_reply_for(
          {ErrorKind::unavailable, {}, "the client closed the connection before the answer was ready"});
    // A job that runs needs no refusal. Both cases share the reply, because the switch must be complete.
    case BoundedExecutor::Call::queue_full:
    case BoundedExecutor::Call::run:
      break;
  }
  return error_reply_for(
      {ErrorKind::unavailable, "queries_full", "too many questions wait for an answer; ask again"});
}

}  // namespace weir::routes
