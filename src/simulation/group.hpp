// The group of a simulated world: processes that come and go, and partitions that go from one to another. It
// decides as a broker does, and tells late.
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
    int frozen = 0;  // steps that it still sleeps: SIGSTOP, a long pause, a machine that swaps
    std::vector<std::int32_t> not_told;  // lost partitions of which it has not heard yet
  };

  // What happens to whom: told of everything that the group does. −1: to nobody, to no partition.
  using Note = std::function<void(const char* what, int process, int partition)>;

  SimulatedGroup(SimulatedCluster& world, Dice& dice, int processes, Note note);

  [[nodiscard]] std::vector<Member>& members() { return members_; }
  [[nodiscard]] std::int32_t partition_count() const { return static_cast<std::int32_t>(owners_.size()); }
  void add_partition() { owners_.emplace_back(); }

  // Called before a process is gone.
  std::function<void(SimulatedProcess&)> on_crash = [](SimulatedProcess&) {};
  void crash(std::size_t number);
  // Its database ends the session of each.
  void end_sessions();
  // Somebody else is to have the partition; who had it hears of it some time later…
  void take_away(std::size_t partition);
  // …or is asked to give it back.
  void ask_back(std::size_t partition);
  // While there is no topic, there is no group: all hear of their losses before anything else.
  void dissolve();
  // Starts processes, tells losses, assigns what has no owner. `calm`: without any delay.
  void work(bool calm);

  // Each partition has an owner who knows of it.
  [[nodiscard]] bool all_assigned() const;
  // What the owners say about their partitions.
  [[nodiscard]] std::string in_words();
  [[nodiscard]] std::int64_t crashes() const { return crashes_; }
  [[nodiscard]] std::int64_t moves() const { return moves_; }  // partitions that were given to a process

 private:
  struct Owner {
    std::optional<std::size_t> member;
    bool revoking = false;
    int patience = 0;  // steps until the broker takes what is not given back
  };

  void settle_owner(std::size_t at, bool calm);
  static void tell_losses(Member& member);

  SimulatedCluster& world_;
  Dice& dice_;
  Note note_;
  std::vector<Owner> owners_;
  std::vector<Member> members_;
  std::int64_t crashes_ = 0;
  std::int64_t moves_ = 0;
};

}  // namespace weir::simulation
