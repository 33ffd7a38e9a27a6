// Distributes the records of one poll over the worker threads: one task for each partition.
//
// A partition's records must be processed in order by one thread at a time. Partitions share no data, so they
// can run in parallel, and the result does not depend on the number of workers.
#pragma once

#include <algorithm>
#include <cstddef>
#include <deque>
#include <functional>
#include <utility>
#include <vector>

#include "activity/decoder.hpp"
#include "consumer/log_reader.hpp"
#include "consumer/partition.hpp"
#include "consumer/worker_pool.hpp"

namespace weir::consumer {

// Belongs to the consumer's thread. Within run(), each Partition is used by one worker only.
class RecordDispatch {
 public:
  explicit RecordDispatch(ParallelFor workers) : workers_(std::move(workers)), decoders_(workers_.count) {}

  // Adds records for the next run(). Both arguments must stay valid until then. Several calls for one
  // partition must be in the order of the log.
  void add(const Records& records, Partition& partition) {
    auto task = std::ranges::find(tasks_, &partition, &PartitionTask::partition);
    if (task == tasks_.end()) task = tasks_.insert(task, PartitionTask{&partition, {}, 0});
    task->pieces.push_back(&records);
    task->records += records.records.size();
  }

  // Processes everything that was added, in the order of the log for each partition; returns when it is done.
  void run(ReadTime at) {
    std::vector<PartitionTask> tasks = std::exchange(tasks_, {});
    const Task process = [&](std::size_t worker, std::size_t number) {
      for (const Records* piece : tasks[number].pieces)
        tasks[number].partition->process(*piece, decoders_[worker], at);
    };
    std::size_t records = 0;
    for (const PartitionTask& task : tasks) records += task.records;
    if (workers_.count == 1 || records < parallel_records_min)
      return ParallelFor().run(tasks.size(), process);
    // The largest task first; otherwise it may start last, and all workers wait for it.
    std::ranges::sort(tasks, std::greater(), &PartitionTask::records);
    workers_.run(tasks.size(), process);
  }

 private:
  // Fewer records are processed before another thread is awake (measured by bench/drain_bench.cpp).
  static constexpr std::size_t parallel_records_min = 512;

  // All records of one poll for one partition.
  struct PartitionTask {
    Partition* partition = nullptr;
    std::vector<const Records*> pieces;
    std::size_t records = 0;
  };

  ParallelFor workers_;
  // Each worker has a decoder of its own.
  std::deque<activity::Decoder> decoders_;
  std::vector<PartitionTask> tasks_;
};

}  // namespace weir::consumer
