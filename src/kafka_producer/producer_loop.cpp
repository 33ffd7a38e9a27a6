// From start() to stop() everything runs on the io thread, except post(). Each event of a socket, of the
// timer or of append() calls the Producer and then pump(), which executes its commands and delivers its
// answers. stop() and post() exclude each other by mutex_. A job of post() that runs after stop() is refused.
#include "kafka_producer/producer_loop.hpp"

#include <boost/asio/post.hpp>
#include <mutex>
#include <type_traits>

#include "base/ensure.hpp"

namespace weir::kafka_producer {
namespace {

namespace asio = boost::asio;

thread_local ProducerLoop* loop_of_this_thread = nullptr;

}  // namespace

ProducerLoop::ProducerLoop(const ProducerSettings& settings, const tls::ClientContext* tls, Events events)
    : producer_(settings), tls_(tls), events_(std::move(events)) {}

ProducerLoop::~ProducerLoop() {
  ensure(io_ == nullptr, "a loop is stopped before it is destroyed");
  producer_.give_up();
  pump();
}

ProducerLoop* ProducerLoop::of_this_thread() { return loop_of_this_thread; }

void ProducerLoop::start(asio::io_context& io) {
  {
    const std::scoped_lock lock(mutex_);
    io_ = &io;
  }
  loop_of_this_thread = this;
  timer_.emplace(io);
  flush_timer_.emplace(io);
  producer_.tick(read_clock());
  pump();
  schedule_tick();
}

void ProducerLoop::stop() {
  {
    const std::scoped_lock lock(mutex_);
    io_ = nullptr;
  }
  loop_of_this_thread = nullptr;
  timer_.reset();
  flush_timer_.reset();
  producer_.give_up();
  pump();
}

// The first append() of a turn posts the flush; the later ones only add to the batches.
void ProducerLoop::append(intake::EventBatch events, intake::ReceiptCallback receive, std::size_t cost) {
  producer_.append(std::move(events), std::move(receive), cost, read_clock());
  if (std::exchange(flush_is_posted_, true)) return;
  asio::post(*io_, [this] {
    flush_is_posted_ = false;
    flush();
  });
}

void ProducerLoop::flush() {
  producer_.flush(read_clock());
  pump();
}

bool ProducerLoop::post(intake::EventBatch& events, intake::ReceiptCallback& receive, std::size_t cost) {
  const std::scoped_lock lock(mutex_);
  if (io_ == nullptr) return false;
  struct Job {
    ProducerLoop& loop;
    intake::EventBatch events;
    intake::ReceiptCallback receive;
    std::size_t cost;
  };
  auto job = std::make_unique<Job>(*this, std::move(events), std::move(receive), cost);
  asio::post(*io_, [job = std::move(job)] {
    if (job->loop.io_ != nullptr)
      return job->loop.append(std::move(job->events), std::move(job->receive), job->cost);
    Answer answer{.receive = std::move(job->receive), .receipts = {}, .error = local_stopping};
    answer.receipts.all = intake::Receipt::not_kept;
    answer.records = job->events.records.size();
    answer.cost = job->cost;
    answer.appended_at = read_clock().mono;
    job->loop.events_.answered(std::move(answer));
  });
  return true;
}

// Sends requests before it answers clients, so that the broker works in the meantime. Reports the ends of
// partitions before the answers of the same records.
void ProducerLoop::pump() {
  schedule_flush();
  for (auto& command : producer_.take_commands()) execute(std::move(command));
  const auto written = producer_.take_written();
  if (!written.empty()) events_.written(written);
  for (const auto& failure : producer_.take_failures()) events_.failed(failure);
  if (producer_.take_brokers_lost()) events_.brokers_lost();
  for (auto& answer : producer_.take_answers()) events_.answered(std::move(answer));
}

void ProducerLoop::execute(Command command) {
  if (auto* const send = std::get_if<Send>(&command)) {
    const auto found = connections_.find(send->connection);
    if (found != connections_.end()) found->second->send(std::move(send->bytes));
  } else if (const auto* const close = std::get_if<Close>(&command)) {
    const auto found = connections_.find(close->connection);
    if (found == connections_.end()) return;
    found->second->close();
    connections_.erase(found);
  } else if (const auto* const connect = std::get_if<Connect>(&command)) {
    const ConnectionId id = connect->connection;
    BrokerConnection::Events events;
    events.connected = [this, id] {
      producer_.on_connected(id, read_clock());
      pump();
    };
    events.received = [this, id](std::string_view bytes) {
      producer_.on_bytes(id, bytes, read_clock());
      pump();
    };
    events.closed = [this, id](bool is_tls, const std::string& why) {
      connections_.erase(id);
      producer_.on_closed(id, is_tls ? local_tls_failed : local_brokers_away, why, read_clock());
      pump();
    };
    const auto connection = std::make_shared<BrokerConnection>(*io_, tls_, std::move(events));
    connections_.emplace(id, connection);
    connection->connect(connect->host, connect->port);
  }
}

// A timer that expires too early does no harm, so only an earlier time sets it again.
void ProducerLoop::schedule_flush() {
  if (!flush_timer_ || producer_.flush_at() >= flush_timer_at_) return;
  flush_timer_at_ = producer_.flush_at();
  flush_timer_->expires_at(flush_timer_at_);
  flush_timer_->async_wait([this](const boost::system::error_code& code) {
    if (code || !flush_timer_) return;
    flush_timer_at_ = MonoTime::max();
    flush();
  });
}

void ProducerLoop::schedule_tick() {
  timer_->expires_after(producer_.tick_interval());
  timer_->async_wait([this](const boost::system::error_code& code) {
    if (code || !timer_) return;
    producer_.tick(read_clock());
    pump();
    schedule_tick();
  });
}

}  // namespace weir::kafka_producer
