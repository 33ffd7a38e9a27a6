// A ProducerLog with io threads of its own, for tests without an HTTP server.
#pragma once

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <future>
#include <memory>
#include <stdexcept>
#include <thread>
#include <vector>

#include "kafka_producer/producer_log.hpp"

namespace weir::kafka_producer {

class ThreadedLog final : public intake::EventLog {
 public:
  ThreadedLog(kafka::EventLogOptions options, telemetry::Logger& logger, int threads = 1) {
    auto opened = ProducerLog::open(std::move(options), logger);
    if (!opened) throw std::runtime_error(opened.error().text);
    log_ = std::move(*opened);
    for (int i = 0; i < threads; ++i) threads_.push_back(std::make_unique<Thread>(log_->make_loop()));
    for (const auto& thread : threads_) thread->started.get_future().wait();
  }
  ~ThreadedLog() override {
    log_->stop();
    threads_.clear();
  }

  void append(intake::EventBatch events, intake::ReceiptCallback receive) override {
    log_->append(std::move(events), std::move(receive));
  }
  [[nodiscard]] intake::LogHealth health() const override { return log_->health(); }
  [[nodiscard]] bool await_up(std::chrono::milliseconds patience) { return log_->await_up(patience); }
  [[nodiscard]] const kafka::EventLogCounts& counts() const { return log_->counts(); }

 private:
  struct Thread {
    explicit Thread(http::IoTask* task) : work(io.get_executor()) {
      thread = std::thread([this, task] {
        task->start(io);
        started.set_value();
        io.run();
      });
      stop = [this, task] {
        boost::asio::post(io, [this, task] {
          task->stop();
          work.reset();
        });
        thread.join();
      };
    }
    ~Thread() { stop(); }

    boost::asio::io_context io{1};
    boost::asio::executor_work_guard<boost::asio::io_context::executor_type> work;
    std::promise<void> started;
    std::thread thread;
    std::function<void()> stop;
  };

  std::unique_ptr<ProducerLog> log_;
  std::vector<std::unique_ptr<Thread>> threads_;
};

}  // namespace weir::kafka_producer
