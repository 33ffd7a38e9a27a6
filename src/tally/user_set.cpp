#include "tally/user_set.hpp"

#include <algorithm>
#include <bit>
#include <utility>

namespace weir::tally {
namespace {

constexpr std::size_t first_slots = 8;

}  // namespace

bool UserSet::insert(std::uint64_t hash) {
  if (slots_.empty()) {
    if (contains(hash)) return false;
    if (size_ < few_max) {
      few_[size_++] = hash;
      return true;
    }
    grow(first_slots);
  }
  if (hash == 0) {
    if (std::exchange(holds_zero_, true)) return false;
    ++size_;
    return true;
  }
  std::size_t slot = slot_of(hash);
  if (slots_[slot] == hash) return false;
  if ((size_ + 1) * 2 > slots_.size()) {
    grow(slots_.size() * 2);
    slot = slot_of(hash);
  }
  slots_[slot] = hash;
  ++size_;
  return true;
}

bool UserSet::contains(std::uint64_t hash) const {
  if (slots_.empty()) return std::find(few_.begin(), few_.begin() + size_, hash) != few_.begin() + size_;
  if (hash == 0) return holds_zero_;
  return slots_[slot_of(hash)] == hash;
}

void UserSet::unite(const UserSet& other) {
  reserve(other.size());
  other.for_each([this](std::uint64_t hash) { insert(hash); });
}

void UserSet::reserve(std::size_t members) {
  if (members <= few_max || members * 2 <= slots_.size()) return;
  grow(std::max(first_slots, std::bit_ceil(members * 2)));
}

// Where the hash is, or the free slot where it belongs.
std::size_t UserSet::slot_of(std::uint64_t hash) const {
  const std::size_t mask = slots_.size() - 1;
  std::size_t slot = hash & mask;
  while (slots_[slot] != 0 && slots_[slot] != hash) slot = (slot + 1) & mask;
  return slot;
}

void UserSet::grow(std::size_t slots) {
  UserSet larger;
  larger.slots_.resize(slots);
  larger.holds_zero_ = false;
  for_each([&larger](std::uint64_t hash) {
    if (hash == 0)
      larger.holds_zero_ = true;
    else
      larger.slots_[larger.slot_of(hash)] = hash;
  });
  larger.size_ = size_;
  *this = std::move(larger);
}

}  // namespace weir::tally
