#include "consumer/worker_pool.hpp"

#include <array>
#include <gtest/gtest.h>
#include <numeric>
#include <set>

namespace weir::consumer {
namespace {

TEST(WorkerPool, DoesEachTaskOnceHoweverManyAreAtIt) {
  for (const std::size_t workers : {1U, 2U, 3U, 8U}) {
    WorkerPool crew(workers);
    for (std::size_t tasks : {0U, 1U, 2U, 7U, 100U}) {
      for (int round = 0; round < 50; ++round) {
        std::vector<int> done(tasks);  // no two threads touch one of them
        crew.run(tasks, [&](std::size_t worker, std::size_t task) {
          EXPECT_LT(worker, workers);
          ++done[task];
        });
        EXPECT_EQ(done, std::vector<int>(tasks, 1));
      }
    }
  }
}

// What was done is seen by the caller, and what the caller does then by the next run.
TEST(WorkerPool, HandsOverWhatWasDone) {
  WorkerPool crew(3);
  std::array<std::int64_t, 6> sums{};
  for (int round = 1; round <= 200; ++round) {
    crew.run(sums.size(), [&](std::size_t, std::size_t task) { sums[task] += round; });
    sums[0] += 1;
  }
  EXPECT_EQ(std::accumulate(sums.begin(), sums.end(), std::int64_t{0}), 6 * 200 * 201 / 2 + 200);
}

TEST(WorkerPool, GivesEachWorkerATaskThatWaitsForTheOthers) {
  WorkerPool crew(3);
  std::mutex mutex;
  std::condition_variable met;
  std::set<std::size_t> here;
  crew.run(3, [&](std::size_t worker, std::size_t) {
    std::unique_lock lock(mutex);
    here.insert(worker);
    met.notify_all();
    met.wait(lock, [&] { return here.size() == 3; });
  });
  EXPECT_EQ(here, (std::set<std::size_t>{0, 1, 2}));
}

TEST(WorkerPool, LeavesWithoutEverHavingWorked) { const WorkerPool crew(4); }

TEST(ParallelFor, AreTheCallerAloneUnlessToldOtherwise) {
  std::vector<std::size_t> order;
  const ParallelFor alone;
  alone.run(3, [&](std::size_t worker, std::size_t task) {
    EXPECT_EQ(worker, 0U);
    order.push_back(task);
  });
  EXPECT_EQ(order, (std::vector<std::size_t>{0, 1, 2}));
}

}  // namespace
}  // namespace weir::consumer
