#include "simulation/group.hpp"

#include <algorithm>
#include <utility>

namespace weir::simulation {

SimulatedGroup::SimulatedGroup(SimulatedCluster& world, Dice& dice, int processes, Note note)
    : world_(world),
      dice_(dice),
      note_(std::move(note)),
      owners_(static_cast<std::size_t>(world.topic.partition_count())),
      members_(static_cast<std::size_t>(processes)) {}

void SimulatedGroup::crash(std::size_t number) {
  Member& member = members_[number];
  if (!member.process) return;
  note_("crashes", static_cast<int>(number), -1);
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

void SimulatedGroup::take_away(std::size_t partition) {
  Owner& owner = owners_[partition];
  if (!owner.member) return;
  note_("loses a partition", static_cast<int>(*owner.member), static_cast<int>(partition));
  members_[*owner.member].not_told.push_back(static_cast<std::int32_t>(partition));
  owner = Owner();
}

void SimulatedGroup::ask_back(std::size_t partition) {
  Owner& owner = owners_[partition];
  const auto number = static_cast<std::int32_t>(partition);
  // A member that has not heard of an assignment yet cannot be asked for it.
  if (!owner.member || owner.revoking || !members_[*owner.member].process->log().owned().contains(number))
    return;
  note_("is asked for a partition", static_cast<int>(*owner.member), static_cast<int>(partition));
  members_[*owner.member].process->log().revoke({number});
  owner.revoking = true;
  owner.patience = 20 + dice_.roll(100);
}

void SimulatedGroup::dissolve() {
  for (std::size_t partition = 0; partition < owners_.size(); ++partition) take_away(partition);
  for (Member& member : members_) {
    if (member.process) tell_losses(member);
  }
}

void SimulatedGroup::work(bool calm) {
  for (std::size_t number = 0; number < members_.size(); ++number) {
    Member& member = members_[number];
    if (member.process && member.process->left()) crash(number);
    if (!member.process && (calm || dice_.one_in(6))) member.process = world_.start_process();
    if (member.frozen > 0) --member.frozen;
    if (!member.not_told.empty() && (calm || dice_.one_in(40))) tell_losses(member);
  }
  for (std::size_t partition = 0; partition < owners_.size(); ++partition) settle_owner(partition, calm);
}

void SimulatedGroup::settle_owner(std::size_t at, bool calm) {
  Owner& owner = owners_[at];
  const auto partition = static_cast<std::int32_t>(at);
  if (owner.member && owner.revoking) {
    const bool given_back = !members_[*owner.member].process->log().owned().contains(partition);
    if (!given_back && (--owner.patience > 0) && !calm) return;
    if (!given_back) take_away(at);
    owner = Owner();
  }
  if (owner.member) return;
  const auto number = static_cast<std::size_t>(dice_.roll(static_cast<int>(members_.size())));
  Member& member = members_[number];
  if (!member.process || (!calm && dice_.one_in(3))) return;
  tell_losses(member);
  member.process->log().assign({partition});
  owner.member = number;
  ++moves_;
  note_("is given a partition", static_cast<int>(number), partition);
}

void SimulatedGroup::tell_losses(Member& member) {
  if (member.not_told.empty()) return;
  member.process->log().lose(std::exchange(member.not_told, {}));
}

bool SimulatedGroup::all_assigned() const {
  return std::ranges::all_of(owners_,
                             [](const Owner& owner) { return owner.member.has_value() && !owner.revoking; });
}

std::string SimulatedGroup::in_words() {
  std::string text;
  for (std::size_t at = 0; at < owners_.size(); ++at) {
    text += "; partition " + std::to_string(at);
    if (!owners_[at].member) {
      text += " has no owner";
      continue;
    }
    consumer::Consumer& consumer = members_[*owners_[at].member].process->consumer();
    const auto slot = consumer.slots().find(static_cast<std::int32_t>(at));
    text += " of process " + std::to_string(*owners_[at].member) + ", ";
    text += slot == consumer.slots().end() ? "which does not know" : "in state ";
    if (slot == consumer.slots().end()) continue;
    text += std::to_string(static_cast<int>(slot->second.state)) + " " + slot->second.reason;
  }
  return text;
}

}  // namespace weir::simulation
