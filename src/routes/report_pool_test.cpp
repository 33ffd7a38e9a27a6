#include "routes/report_pool.hpp"

#include <atomic>
#include <future>
#include <gtest/gtest.h>
#include <thread>
#include <vector>

namespace weir::routes {
namespace {

using Turn = ReportPool::Turn;

// Keeps the pool's one thread busy until it is let go.
class Blocker {
 public:
  explicit Blocker(ReportPool& pool) {
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

TEST(ReportPool, WorksOnAThreadOfItsOwn) {
  ReportPool pool(1, 4);
  std::promise<std::pair<Turn, std::thread::id>> done;
  pool.offer([&](Turn turn) { done.set_value({turn, std::this_thread::get_id()}); });
  const auto [turn, thread] = done.get_future().get();
  EXPECT_EQ(turn, Turn::come);
  EXPECT_NE(thread, std::this_thread::get_id());
}

TEST(ReportPool, RefusesAtOnceWhenTooManyWait) {
  ReportPool pool(1, 2);
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

TEST(ReportPool, DoesWhatWaitsBeforeItGoes) {
  std::atomic<int> came = 0;
  {
    ReportPool pool(1, 100);
    Blocker blocker(pool);
    for (int i = 0; i < 100; ++i) pool.offer([&](Turn turn) { came += turn == Turn::come ? 1 : 0; });
    blocker.let_go();
  }
  EXPECT_EQ(came, 100);
}

TEST(ReportPool, AnswersEveryOfferFromManyThreadsOnce) {
  std::atomic<int> answered = 0;
  {
    ReportPool pool(3, 5);
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
