#include "routes/bounded_executor.hpp"

#include <atomic>
#include <future>
#include <gtest/gtest.h>
#include <stop_token>
#include <thread>
#include <vector>

namespace weir::routes {
namespace {

using Call = BoundedExecutor::Call;

// Keeps the only thread of the executor busy until it is released.
class Blocker {
 public:
  explicit Blocker(BoundedExecutor& executor) {
    std::promise<void> started;
    executor.submit([&started, wait = go_.get_future()](Call) {
      started.set_value();
      wait.wait();
    });
    started.get_future().wait();
  }
  void let_go() { go_.set_value(); }

 private:
  std::promise<void> go_;
};

TEST(BoundedExecutor, RunsJobsOnAThreadOfItsOwn) {
  BoundedExecutor executor(1, 4);
  std::promise<std::pair<Call, std::thread::id>> done;
  executor.submit([&](Call call) { done.set_value({call, std::this_thread::get_id()}); });
  const auto [call, thread] = done.get_future().get();
  EXPECT_EQ(call, Call::run);
  EXPECT_NE(thread, std::this_thread::get_id());
}

TEST(BoundedExecutor, RefusesAtOnceWhenTooManyWait) {
  BoundedExecutor executor(1, 2);
  Blocker blocker(executor);
  std::atomic<int> run = 0;
  std::atomic<int> refused = 0;
  const auto job = [&](Call call) { ++(call == Call::run ? run : refused); };
  executor.submit(job);
  executor.submit(job);
  EXPECT_EQ(refused, 0);
  executor.submit(job);
  EXPECT_EQ(refused, 1);
  EXPECT_EQ(run, 0);
  blocker.let_go();
}

TEST(BoundedExecutor, Fault43DropsWaitingJobsWhenItStopsAndLetsRunningJobsEnd) {
  BoundedExecutor executor(1, 100);
  Blocker blocker(executor);
  std::atomic<int> stopped = 0;
  for (int i = 0; i < 100; ++i)
    executor.submit([&](Call call) { stopped += call == Call::stopping ? 1 : 0; });
  EXPECT_EQ(stopped, 0);
  executor.stop();
  EXPECT_EQ(stopped, 100) << "they do not wait for the job that runs";
  executor.submit([&](Call call) { stopped += call == Call::stopping ? 1 : 0; });
  EXPECT_EQ(stopped, 101) << "nor does one that is submitted later";
  blocker.let_go();
}

TEST(BoundedExecutor, StopsWhenItIsDestroyed) {
  std::atomic<int> answered = 0;
  {
    BoundedExecutor executor(1, 100);
    Blocker blocker(executor);
    for (int i = 0; i < 100; ++i) executor.submit([&](Call) { ++answered; });
    blocker.let_go();
  }
  EXPECT_EQ(answered, 100);
}

TEST(BoundedExecutor, Fault43DoesNotRunAJobWhoseClientIsGone) {
  std::promise<Call> ended;
  std::stop_source client;
  BoundedExecutor executor(1, 4);
  {
    Blocker blocker(executor);
    executor.submit([&](Call call) { ended.set_value(call); }, client.get_token());
    client.request_stop();
    blocker.let_go();
  }
  EXPECT_EQ(ended.get_future().get(), Call::client_gone);
}

TEST(BoundedExecutor, Fault43RemovesJobsWhoseClientIsGoneFromAFullQueue) {
  std::atomic<int> gone = 0;
  std::atomic<int> run = 0;
  std::atomic<int> refused = 0;
  const auto job = [&](Call call) {
    ++(call == Call::client_gone ? gone : call == Call::run ? run : refused);
  };
  std::stop_source client;
  {
    BoundedExecutor executor(1, 3);
    Blocker blocker(executor);
    executor.submit(job, client.get_token());
    executor.submit(job);
    executor.submit(job, client.get_token());
    client.request_stop();
    executor.submit(job);
    EXPECT_EQ(gone, 2);
    executor.submit(job);
    EXPECT_EQ(refused, 0);
    executor.submit(job);
    EXPECT_EQ(refused, 1);
    executor.stop();
    blocker.let_go();
  }
  EXPECT_EQ(refused, 4);
  EXPECT_EQ(run, 0);
}

TEST(BoundedExecutor, CallsEveryJobOfManyThreadsOnce) {
  std::atomic<int> answered = 0;
  {
    BoundedExecutor executor(3, 5);
    std::vector<std::thread> callers;
    for (int caller = 0; caller < 4; ++caller)
      callers.emplace_back([&] {
        for (int i = 0; i < 500; ++i) executor.submit([&](Call) { ++answered; });
      });
    for (auto& caller : callers) caller.join();
  }
  EXPECT_EQ(answered, 2000);
}

}  // namespace
}  // namespace weir::routes
