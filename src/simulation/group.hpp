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

// Belongs to the driver of the simulation; one thread.
class SimulatedGroup {
 public:
  // A place in the group: a process, or none while it restarts.
  struct Member {
    std::unique_ptr<SimulatedProcess> process;
    // Steps for which it does not run: SIGSTOP, a long pause, a machine that swaps.
    int frozen = 0;
    // Partitions that it has lost and does not know of.
    std::vector<std::int32_t> unreported_losses;
  };

  // Receives each action of the group. −1: no process, no partition.
  using Recorder = std::function<void(const char* what, int process, int partition)>;

  // `cluster` and `dice` must outlive the group.
  SimulatedGroup(SimulatedCluster& cluster, Dice& dice, int processes, Recorder record);

  // The number of members is fixed; each may have a process or none.
  [[nodiscard]] std::vector<Member>& members() { return members_; }
  [[nodiscard]] std::int32_t partition_count() const { return static_cast<std::int32_t>(owners_.size()); }
  // The topic has one more partition. It is assigned in a later step.
  void add_partition() { owners_.emplace_back(); }

  // Called before a process is destroyed.
  std::function<void(SimulatedProcess&)> on_crash = [](SimulatedProcess&) {};
  // Destroys the process; its partitions have no owner then.
  void crash(std::size_t number);
  // The database ends the session of each process.
  void end_sessions();
  // Removes the partition from its owner, who learns of it some steps later.
  void lose(std::size_t partition);
  // Asks the owner to release the partition.
  // If the owner does not release it within some steps, the partition is lost.
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
  // Who owns a partition, as the broker sees it.
  struct Owner {
    std::optional<std::size_t> member;
    bool revoking = false;
    // Steps until a revoked partition counts as lost.
    int steps_to_release = 0;
  };

  // Completes a revoke, and assigns the partition if it has no owner.
  void update_owner(std::size_t at, bool calm);
  // The member's next poll returns its losses.
  static void report_losses(Member& member);

  SimulatedCluster& cluster_;
  Dice& dice_;
  Recorder record_;
  // The owner of each partition.
  std::vector<Owner> owners_;
  std::vector<Member> members_;
  std::int64_t crashes_ = 0;
  std::int64_t assignments_ = 0;
};

}  // namespace weir::simulation
