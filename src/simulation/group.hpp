// The consumer group of a simulated cluster: it starts processes and moves partitions between them. Like a
// real broker it decides at once, and its members learn of it later.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "simulation/cluster.hpp"
#include "simulation/dice.hpp"

namespace weir::simulation {

class SimulatedGroup {
 public:
  struct Member {
    std::unique_ptr<SimulatedProcess> process;
    int frozen = 0;  // steps that it does not run: SIGSTOP, a long pause, a machine that swaps
    std::vector<std::int32_t> unreported_losses;  // lost partitions that it does not know of
  };

  // Receives each action of the group. −1: no process, no partition.
  using Recorder = std::function<void(const char* what, int process, int partition)>;

  // `cluster` and `dice` must outlive the group.
  SimulatedGroup(SimulatedCluster& cluster, Dice& dice, int processes, Recorder record);

  [[nodiscard]] std::vector<Member>& members() { return members_; }
  [[nodiscard]] std::int32_t partition_count() const { return static_cast<std::int32_t>(owners_.size()); }
  void add_partition() { owners_.emplace_back(); }

  // Called before a process is destroyed.
  std::function<void(SimulatedProcess&)> on_crash = [](SimulatedProcess&) {};
  void crash(std::size_t number);
  // The database ends the session of each process.
  void end_sessions();
  // Removes the partition from its owner, who learns of it some steps later.
  void lose(std::size_t partition);
  // Asks the owner to release the partition.
  void revoke(std::size_t partition);
  // Removes all partitions from their owners, who learn of it at once: the topic was deleted.
  void lose_all();
  // Starts processes, reports losses, assigns partitions without owner. `calm`: without any delay.
  void run_step(bool calm);

  // Each partition has an owner and is not being revoked.
  [[nodiscard]] bool all_assigned() const;
  // Returns the state of each partition as text.
  [[nodiscard]] std::string describe();
  [[nodiscard]] std::int64_t crashes() const { return crashes_; }
  [[nodiscard]] std::int64_t assignments() const { return assignments_; }

 private:
  struct Owner {
    std::optional<std::size_t> member;
    bool revoking = false;
    int steps_to_release = 0;  // then the partition is lost
  };

  void update_owner(std::size_t at, bool calm);
  static void report_losses(Member& member);

  SimulatedCluster& cluster_;
  Dice& dice_;
  Recorder record_;
  std::vector<Owner> owners_;  // by partition
  std::vector<Member> members_;
  std::int64_t crashes_ = 0;
  std::int64_t assignments_ = 0;
};

}  // namespace weir::simulation
