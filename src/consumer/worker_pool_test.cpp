#include "consumer/worker_pool.hpp"

#include <array>
#include <gtest/gtest.h>
#include <numeric>
#include <set>

namespace weir::consumer {
namespace {

TEST(WorkerPool, RunsEachTaskOnceWithAnyNumberOfWorkers) {
  for (const std::size_t workers : {1U, 2U, 3U, 8U}) {
    WorkerPool pool(workers);
    for (std::size_t tasks : {0U, 1U, 2U, 7U, 100U}) {
      for (int round = 0; round < 50; ++round) {
        std::vector<int> done(tasks);  // each element belongs to one task
        pool.run(tasks, [&](std::size_t worker, std::size_t task) {
          EXPECT_LT(worker, workers);
          ++done[task];
        });
        EXPECT_EQ(done, std::vector<int>(tasks, 1));
      }
    }
  }
}

// The caller sees the results of the tasks; the next run sees what the caller wrote.
TEST(WorkerPool, MakesResultsVisibleToTheCallerAndToTheNextRun) {
  WorkerPool pool(3);
  std::array<std::int64_t, 6> sums{};
  for (int round = 1; round <= 200; ++round) {
    pool.run(sums.size(), [&](std::size_t, std::size_t task) { sums[task] += round; });
    sums[0] += 1;
  }
  EXPECT_EQ(std::accumulate(sums.begin(), sums.end(), std::int64_t{0}), 6 * 200 * 201 / 2 + 200);
}

TEST(WorkerPool, RunsTasksOnAllWorkersAtTheSameTime) {
  WorkerPool pool(3);
  std::mutex mutex;
  std::condition_variable met;
  std::set<std::size_t> present;
  pool.run(3, [&](std::size_t worker, std::size_t) {
    std::unique_lock lock(mutex);
    present.insert(worker);
    met.notify_all();
    met.wait(lock, [&] { return present.size() == 3; });
  });
  EXPECT_EQ(present, (std::set<std::size_t>{0, 1, 2}));
}

TEST(WorkerPool, CanBeDestroyedWithoutARun) { const WorkerPool pool(4); }

TEST(ParallelFor, RunsOnTheCallingThreadByDefault) {
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
