// The life of a partition here: no owner ─▶ assigned ─▶ revoked ─▶ released, or lost when the owner takes too
// long. A loss reaches its process some steps later; until then it is a zombie, which the fence must stop.
#include "simulation/group.hpp"

#include <algorithm>
#include <utility>

namespace weir::simulation {

SimulatedGroup::SimulatedGroup(SimulatedCluster& cluster, Dice& dice, int processes, Recorder record)
    : cluster_(cluster),
      dice_(dice),
      record_(std::move(record)),
      owners_(static_cast<std::size_t>(cluster.topic.partition_count())),
      members_(static_cast<std::size_t>(processes)) {}

void SimulatedGroup::crash(std::size_t number) {
  Member& member = members_[number];
  if (!member.process) return;
  record_("crashes", static_cast<int>(number), -1);
  ++crashes_;
  on_crash(*member.process);
  member = Member();
  for (Owner& owner : owners_) {
    if (owner.member == number) owner = Owner();
  }
}

void SimulatedGroup::end_sessions() {
  for (Member& member : members_) {
    if (member.process) member.process->session().end();
  }
}

void SimulatedGroup::lose(std::size_t partition) {
  Owner& owner = owners_[partition];
  if (!owner.member) return;
  record_("loses a partition", static_cast<int>(*owner.member), static_cast<int>(partition));
  members_[*owner.member].unreported_losses.push_back(static_cast<std::int32_t>(partition));
  owner = Owner();
}

void SimulatedGroup::revoke(std::size_t partition) {
  Owner& owner = owners_[partition];
  const auto number = static_cast<std::int32_t>(partition);
  // A partition is revoked only after its owner has learned of the assignment.
  if (!owner.member || owner.revoking || !members_[*owner.member].process->log().owned().contains(number))
    return;
  record_("must release a partition", static_cast<int>(*owner.member), static_cast<int>(partition));
  members_[*owner.member].process->log().revoke({number});
  owner.revoking = true;
  owner.steps_to_release = 20 + dice_.roll(100);
}

void SimulatedGroup::lose_all() {
  for (std::size_t partition = 0; partition < owners_.size(); ++partition) lose(partition);
  for (Member& member : members_) {
    if (member.process) report_losses(member);
  }
}

void SimulatedGroup::run_step(bool calm) {
  for (std::size_t number = 0; number < members_.size(); ++number) {
    Member& member = members_[number];
    // A process that asked to exit is replaced by a new one.
    if (member.process && member.process->exit()) crash(number);
    if (!member.process && (calm || dice_.one_in(6))) member.process = cluster_.start_process();
    if (member.frozen > 0) --member.frozen;
    if (!member.unreported_losses.empty() && (calm || dice_.one_in(40))) report_losses(member);
  }
  for (std::size_t partition = 0; partition < owners_.size(); ++partition) update_owner(partition, calm);
}

void SimulatedGroup::update_owner(std::size_t at, bool calm) {
  Owner& owner = owners_[at];
  const auto partition = static_cast<std::int32_t>(at);
  if (owner.member && owner.revoking) {
    const bool released = !members_[*owner.member].process->log().owned().contains(partition);
    if (!released && (--owner.steps_to_release > 0) && !calm) return;
    // The broker does not wait longer.
    if (!released) lose(at);
    owner = Owner();
  }
  if (owner.member) return;
  const auto number = static_cast<std::size_t>(dice_.roll(static_cast<int>(members_.size())));
  Member& member = members_[number];
  if (!member.process || (!calm && dice_.one_in(3))) return;
  // A member learns of its losses before it gets a partition again.
  report_losses(member);
  member.process->log().assign({partition});
  owner.member = number;
  ++assignments_;
  record_("is assigned a partition", static_cast<int>(number), partition);
}

void SimulatedGroup::report_losses(Member& member) {
  if (member.unreported_losses.empty()) return;
  member.process->log().lose(std::exchange(member.unreported_losses, {}));
}

bool SimulatedGroup::all_assigned() const {
  return std::ranges::all_of(owners_,
                             [](const Owner& owner) { return owner.member.has_value() && !owner.revoking; });
}

// For the report of a run that does not complete.
std::string SimulatedGroup::describe() {
  std::string text;
  for (std::size_t at = 0; at < owners_.size(); ++at) {
    text += "; partition " + std::to_string(at);
    if (!owners_[at].member) {
      text += " has no owner";
      continue;
    }
    consumer::Consumer& consumer = members_[*owners_[at].member].process->consumer();
    const auto slot = consumer.partitions().find(static_cast<std::int32_t>(at));
    text += " of process " + std::to_string(*owners_[at].member) + ", ";
    text += slot == consumer.partitions().end() ? "which does not know of it" : "in state ";
    if (slot == consumer.partitions().end()) continue;
    text += std::to_string(static_cast<int>(slot->second.state)) + " " + slot->second.reason;
  }
  return text;
}

}  // namespace weir::simulation
