// The part of a connection that begins a TLS session. A plain connection has none.
//
// The handshake has a deadline of its own (ServerSettings::handshake_deadline). A handshake that fails is
// counted and logged by its io thread. The client gets the alert that TLS provides for it, and no HTTP reply,
// because it could not read one.
#include "http/connection.hpp"

namespace weir::http {

void Connection::begin_handshake() {
  phase_ = Phase::handshaking;
  deadline_ = io_thread_.sweep_after(io_thread_.settings().handshake_deadline);
  update_holding();
  if (!is_within_limits()) return close();
  continue_handshake();
}

void Connection::continue_handshake() {
  switch (socket_.tls()->handshake()) {
    case tls::Progress::done:
      return end_handshake();
    case tls::Progress::wait_readable:
      if (!waits_to_read_) io_thread_.wait_readable(socket_.tcp(), id_);
      waits_to_read_ = true;
      return;
    case tls::Progress::wait_writable:
      if (!waits_to_write_) io_thread_.wait_writable(socket_.tcp(), id_);
      waits_to_write_ = true;
      return;
    case tls::Progress::ended:
      break;
  }
  fail_handshake(socket_.tls()->failure());
}

void Connection::end_handshake() {
  io_thread_.count_handshake();
  phase_ = Phase::idle;
  if (is_rejected_) return reject_overload();
  deadline_ = io_thread_.sweep_after(io_thread_.settings().idle_deadline);
  finish_event();
}

void Connection::fail_handshake(tls::HandshakeFailure failure) {
  io_thread_.record_handshake_failure(failure, socket_.tls()->failure_text(), peer());
  close();
}

}  // namespace weir::http
