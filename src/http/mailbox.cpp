#include "http/mailbox.hpp"

#include <exception>
#include <string>
#include <utility>

#include "base/ensure.hpp"

namespace weir::http {

namespace {

Reply abandoned_reply() {
  Reply reply = error_reply(500, "the request was given up");
  reply.code = "no_reply";
  return reply;
}

}  // namespace

// The Respond of one request. If it is destroyed without a call, it replies 500 itself, so no client waits in
// vain.
class Mailbox::Responder {
 public:
  Responder(std::shared_ptr<Mailbox> mailbox, ConnectionId id) : mailbox_(std::move(mailbox)), id_(id) {}
  Responder(Responder&& other) noexcept = default;
  Responder& operator=(Responder&&) = delete;
  ~Responder() {
    if (mailbox_) mailbox_->put(id_, abandoned_reply());
  }

  void operator()(Reply reply) {
    ensure(mailbox_ != nullptr, "a request is answered once");
    std::exchange(mailbox_, nullptr)->put(id_, std::move(reply));
  }

 private:
  std::shared_ptr<Mailbox> mailbox_;
  ConnectionId id_;
};

void Mailbox::put(ConnectionId to, Reply reply) {
  // The usual case costs no lock: the handler replies on the io thread before it returns.
  if (io_thread_.load(std::memory_order_relaxed) == std::this_thread::get_id() && handling_ == to) {
    immediate_reply_ = std::move(reply);
    handling_.reset();
    return;
  }
  const std::lock_guard lock(mutex_);
  if (!wake_up_) return;
  const bool was_empty = mail_.empty();
  mail_.replies.push_back({to, std::move(reply)});
  if (was_empty) wake_up_();
}

void Mailbox::notify_stream(ConnectionId to) {
  const std::lock_guard lock(mutex_);
  if (!wake_up_) return;
  const bool was_empty = mail_.empty();
  mail_.streams.push_back(to);
  if (was_empty) wake_up_();
}

Mailbox::Mail Mailbox::take_all() {
  const std::lock_guard lock(mutex_);
  return std::exchange(mail_, {});
}

void Mailbox::close() {
  Mail dropped;  // destroyed without the lock: the end of a stream runs callbacks of its writer
  const std::lock_guard lock(mutex_);
  wake_up_ = nullptr;
  dropped = std::exchange(mail_, {});
}

void Mailbox::belong_to_this_thread() { io_thread_ = std::this_thread::get_id(); }

std::optional<Reply> Mailbox::call_handler(const std::shared_ptr<Mailbox>& mailbox, ConnectionId id,
                                           const Route& route, const Request& request,
                                           telemetry::Logger& logger) {
  mailbox->handling_ = id;
  try {
    route.handle(request, Respond(Responder(mailbox, id)));
  } catch (const std::exception& why) {
    // The exception has destroyed the Respond, which replied 500, unless the handler has moved it elsewhere.
    logger.error("a request's handler failed", {{"request_id", std::string(request.request_id)},
                                                {"route", route.method + " " + route.path},
                                                {"reason", why.what()}});
  }
  mailbox->handling_.reset();
  return std::exchange(mailbox->immediate_reply_, std::nullopt);
}

}  // namespace weir::http
