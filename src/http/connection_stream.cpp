// The part of a connection that streams a reply's body (stream.hpp). All of it runs on the io thread.
//
//   begin_stream()   the head is written; from here on the writer's notices reach on_stream()
//   on_stream()      moves what was written since into the reply, and sends what the socket accepts
//   end_stream()     the body is complete: the connection serves its next request
//
// The connection closes instead when the client is gone, or when another client needs its memory. It also
// closes when the client reads too slowly: unsent bytes exceed the bound of the stream, or bytes wait for
// longer than the request deadline.
#include <algorithm>
#include <utility>

#include "http/connection.hpp"
#include "http/reply_writer.hpp"

namespace weir::http {

void Connection::begin_stream(std::shared_ptr<StreamBody> body) {
  stream_ = std::move(body);
  phase_ = Phase::streaming;
  half_closed_ = false;
  io_thread_.count_stream(+1);
  stream_->attach(io_thread_.stream_notifier(id_));
  if (io_thread_.stopping()) stop_stream();
  pump_stream();
}

void Connection::on_stream() {
  if (phase_ != Phase::streaming) return;  // it ended while the notice was on its way
  pump_stream();
  serve();
}

void Connection::pump_stream() {
  const StreamBody::Taken taken = stream_->take();
  if (taken.progress == StreamBody::Progress::overflowed) {
    io_thread_.record_slow_stream(peer());
    return close();
  }
  if (traits_.http_10)
    out().append(taken.bytes);
  else if (!taken.bytes.empty())
    append_chunk(out(), taken.bytes);
  if (taken.progress == StreamBody::Progress::open) return;
  if (taken.progress == StreamBody::Progress::aborted)
    close_after_reply_ = true;  // the missing last chunk tells the client that the body is incomplete
  else if (!traits_.http_10)
    append_last_chunk(out());
  end_stream();
}

void Connection::end_stream() {
  release_stream();
  if (io_thread_.stopping()) close_after_reply_ = true;
  if (deadline_ == no_deadline) deadline_ = io_thread_.sweep_after(io_thread_.settings().request_deadline);
  reply_finished_ = true;
  phase_ = Phase::reading;
}

void Connection::release_stream() {
  if (!stream_) return;
  io_thread_.count_stream(-1);
  std::exchange(stream_, nullptr)->close();
}

// The writer may still write a little and end the stream. The time for that is short, so that one writer that
// does not react does not delay the stop of the server.
void Connection::stop_stream() {
  deadline_ = std::min(deadline_, io_thread_.sweep_after(io_thread_.settings().linger_deadline));
  stream_->request_stop();
}

// After each flush. The deadline bounds how long bytes wait for the client, not how long the stream lasts.
void Connection::update_stream() {
  unsent_.erase(0, sent_);  // or the sent part would stay as long as the client is slow
  sent_ = 0;
  stream_->set_unsent(unsent_.size());
  if (io_thread_.stopping()) return;  // stop_stream() has set the deadline
  if (unsent_.empty())
    deadline_ = no_deadline;  // an open stream whose client keeps up may last for ever
  else if (deadline_ == no_deadline)
    deadline_ = io_thread_.sweep_after(io_thread_.settings().request_deadline);
}

}  // namespace weir::http
