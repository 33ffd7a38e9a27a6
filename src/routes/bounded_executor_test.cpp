#include "routes/bounded_executor.hpp"

#include <atomic>
#include <future>
#include <gtest/gtest.h>
#include <stop_token>
#include <thread>
#include <vector>

namespace weir::routes {
namespace {

using Turn = BoundedExecutor::Turn;

// Keeps the pool's one thread busy until it is let go.
class Blocker {
 public:
  explicit Blocker(BoundedExecutor& pool) {
    std::promise<void> started;
    pool.offer([&started, wait = go_.get_future()](Turn) {
      started.set_value();
      wait.wait();
    });
    started.get_future().wait();
  }
  void let_go() { go_.set_value(); }

 private:
  std::promise<void> go_;
};

TEST(BoundedExecutor, WorksOnAThreadOfItsOwn) {
  BoundedExecutor pool(1, 4);
  std::promise<std::pair<Turn, std::thread::id>> done;
  pool.offer([&](Turn turn) { done.set_value({turn, std::this_thread::get_id()}); });
  const auto [turn, thread] = done.get_future().get();
  EXPECT_EQ(turn, Turn::come);
  EXPECT_NE(thread, std::this_thread::get_id());
}

TEST(BoundedExecutor, RefusesAtOnceWhenTooManyWait) {
  BoundedExecutor pool(1, 2);
  Blocker blocker(pool);
  std::atomic<int> came = 0;
  std::atomic<int> refused = 0;
  const auto job = [&](Turn turn) { ++(turn == Turn::come ? came : refused); };
  pool.offer(job);
  pool.offer(job);
  EXPECT_EQ(refused, 0);
  pool.offer(job);
  EXPECT_EQ(refused, 1);
  EXPECT_EQ(came, 0);
  blocker.let_go();
}

TEST(BoundedExecutor, Fault43DropsWhatWaitsWhenItStopsAndLetsWhatRunsEnd) {
  BoundedExecutor pool(1, 100);
  Blocker blocker(pool);
  std::atomic<int> stopped = 0;
  for (int i = 0; i < 100; ++i) pool.offer([&](Turn turn) { stopped += turn == Turn::stopping ? 1 : 0; });
  EXPECT_EQ(stopped, 0);
  pool.stop();
  EXPECT_EQ(stopped, 100) << "they do not wait for the job that runs";
  pool.offer([&](Turn turn) { stopped += turn == Turn::stopping ? 1 : 0; });
  EXPECT_EQ(stopped, 101) << "nor does one that comes later";
  blocker.let_go();
}

TEST(BoundedExecutor, StopsWhenItGoes) {
  std::atomic<int> answered = 0;
  {
    BoundedExecutor pool(1, 100);
    Blocker blocker(pool);
    for (int i = 0; i < 100; ++i) pool.offer([&](Turn) { ++answered; });
    blocker.let_go();
  }
  EXPECT_EQ(answered, 100);
}

TEST(BoundedExecutor, Fault43DoesNothingForAClientThatIsGone) {
  std::promise<Turn> ended;
  std::stop_source client;
  BoundedExecutor pool(1, 4);
  {
    Blocker blocker(pool);
    pool.offer([&](Turn turn) { ended.set_value(turn); }, client.get_token());
    client.request_stop();
    blocker.let_go();
  }
  EXPECT_EQ(ended.get_future().get(), Turn::gone);
}

TEST(BoundedExecutor, Fault43MakesRoomInAFullQueueWhereClientsAreGone) {
  std::atomic<int> gone = 0;
  std::atomic<int> came = 0;
  std::atomic<int> refused = 0;
  const auto job = [&](Turn turn) { ++(turn == Turn::gone ? gone : turn == Turn::come ? came : refused); };
  std::stop_source client;
  {
    BoundedExecutor pool(1, 3);
    Blocker blocker(pool);
    pool.offer(job, client.get_token());
    pool.offer(job);
    pool.offer(job, client.get_token());
    client.request_stop();
    pool.offer(job);
    EXPECT_EQ(gone, 2);
    pool.offer(job);
    EXPECT_EQ(refused, 0);
    pool.offer(job);
    EXPECT_EQ(refused, 1);
    pool.stop();
    blocker.let_go();
  }
  EXPECT_EQ(refused, 4);
  EXPECT_EQ(came, 0);
}

TEST(BoundedExecutor, AnswersEveryOfferFromManyThreadsOnce) {
  std::atomic<int> answered = 0;
  {
    BoundedExecutor pool(3, 5);
    std::vector<std::thread> callers;
    for (int caller = 0; caller < 4; ++caller)
      callers.emplace_back([&] {
        for (int i = 0; i < 500; ++i) pool.offer([&](Turn) { ++answered; });
      });
    for (auto& caller : callers) caller.join();
  }
  EXPECT_EQ(answered, 2000);
}

}  // namespace
}  // namespace weir::routes
