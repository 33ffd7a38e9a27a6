// Writers run on any thread, the body's functions on the io thread of its connection. They share one
// StreamState:
//
//   1. write() appends to `pending` under the lock, and calls `notify` if no notice is on its way.
//   2. The notice travels through the io thread's mailbox (mailbox.hpp), which wakes that thread up.
//   3. The io thread takes all of `pending`, sends what the socket accepts, and reports the rest as unsent.
//
// The lock order is stream, then mailbox. Stop callbacks run without any lock, since they may call back.
#include "http/stream.hpp"

#include <algorithm>
#include <mutex>
#include <utility>

#include "base/ensure.hpp"

namespace weir::http {

class StreamState {
 public:
  explicit StreamState(std::size_t unsent_bytes_max) : unsent_bytes_max_(unsent_bytes_max) {}

  bool write(std::string_view bytes) {
    const std::lock_guard lock(mutex_);
    if (is_closed_ || progress_ != StreamBody::Progress::open) return false;
    if (bytes.empty()) return true;
    if (bytes.size() > unsent_bytes_max_ - std::min(unsent_bytes_max_, pending_.size() + taken_unsent_)) {
      pending_ = std::string();
      progress_ = StreamBody::Progress::overflowed;
      notify();
      return false;
    }
    pending_.append(bytes);
    notify();
    return true;
  }

  // The first of end and abort counts.
  void finish(StreamBody::Progress progress) {
    const std::lock_guard lock(mutex_);
    if (is_closed_ || progress_ != StreamBody::Progress::open) return;
    progress_ = progress;
    notify();
  }

  void attach(std::function<void()> notify) {
    const std::lock_guard lock(mutex_);
    ensure(!notify_, "a stream belongs to one connection");
    notify_ = std::move(notify);
  }

  StreamBody::Taken take() {
    const std::lock_guard lock(mutex_);
    is_notified_ = false;
    taken_unsent_ += pending_.size();
    return {std::exchange(pending_, std::string()), progress_};
  }

  void set_unsent(std::size_t bytes) {
    const std::lock_guard lock(mutex_);
    taken_unsent_ = bytes;
  }

  std::size_t unsent_bytes() {
    const std::lock_guard lock(mutex_);
    return pending_.size() + taken_unsent_;
  }

  void close() {
    std::function<void()> dropped;  // destroyed without the lock: it may hold the last pointer to a mailbox
    {
      const std::lock_guard lock(mutex_);
      is_closed_ = true;
      pending_ = std::string();
      taken_unsent_ = 0;
      dropped = std::exchange(notify_, nullptr);
    }
    stop_.request_stop();
  }

  std::stop_source& stop() { return stop_; }

 private:
  void notify() {  // under the lock
    if (!notify_ || std::exchange(is_notified_, true)) return;
    notify_();
  }

  const std::size_t unsent_bytes_max_;
  std::stop_source stop_;

  std::mutex mutex_;  // guards what follows
  std::string pending_;
  std::size_t taken_unsent_ = 0;
  StreamBody::Progress progress_ = StreamBody::Progress::open;
  bool is_closed_ = false;
  bool is_notified_ = false;  // since the last take()
  std::function<void()> notify_;
};

StreamWriter& StreamWriter::operator=(StreamWriter&& other) noexcept {
  if (this == &other) return *this;
  abort();
  state_ = std::move(other.state_);
  return *this;
}

StreamWriter::~StreamWriter() { abort(); }

bool StreamWriter::write(std::string_view bytes) { return state_->write(bytes); }

void StreamWriter::end() { state_->finish(StreamBody::Progress::ended); }

void StreamWriter::abort() {
  if (state_) state_->finish(StreamBody::Progress::aborted);
}

std::stop_token StreamWriter::stop_token() const { return state_->stop().get_token(); }

std::size_t StreamWriter::unsent_bytes() const { return state_->unsent_bytes(); }

StreamBody::~StreamBody() { close(); }

void StreamBody::attach(std::function<void()> notify) { state_->attach(std::move(notify)); }

StreamBody::Taken StreamBody::take() { return state_->take(); }

void StreamBody::set_unsent(std::size_t bytes) { state_->set_unsent(bytes); }

void StreamBody::request_stop() { state_->stop().request_stop(); }

void StreamBody::close() { state_->close(); }

Stream make_stream(std::size_t unsent_bytes_max) {
  const auto state = std::make_shared<StreamState>(unsent_bytes_max);
  return {StreamWriter(state), std::make_shared<StreamBody>(state)};
}

}  // namespace weir::http
