// The memory is a ring of occurrences in the order of their offsets, and an open-addressing table over it.
// advance() removes the occurrences that are too old by offset. check_and_remember() appends one and points
// its fingerprint's slot to it. An older occurrence of the same fingerprint stays in the ring, without a
// slot, until advance() removes it.
#include "tally/dedupe.hpp"

#include <algorithm>
#include <string>

#include "base/ensure.hpp"
#include "base/keyed_hash.hpp"

namespace weir::tally {
namespace {

constexpr std::size_t first_ring = 64;

std::uint32_t tag_of(const Hash128& fingerprint) { return static_cast<std::uint32_t>(fingerprint.low); }

// A producer can give a record any time. Times are clamped to these bounds (some hundred million years), so
// that differences and sums do not overflow.
constexpr RecordTime earliest{std::chrono::milliseconds{-(std::int64_t{1} << 62)}};
constexpr RecordTime latest{std::chrono::milliseconds{std::int64_t{1} << 61}};
constexpr std::chrono::seconds window_max{std::int64_t{1} << 40};

}  // namespace

Hash128 fingerprint(std::string_view user_id, std::string_view message_id) {
  std::string text;
  text.reserve(sizeof(std::uint64_t) + user_id.size() + message_id.size());
  // The length of user_id is enough to make the concatenation unambiguous.
  for (std::size_t i = 0, bytes = user_id.size(); i < sizeof(std::uint64_t); ++i, bytes >>= 8)
    text.push_back(static_cast<char>(bytes));
  text.append(user_id).append(message_id);
  return siphash_2_4_128(process_hash_key(), text);
}

Dedupe::Dedupe(std::chrono::seconds window, std::int64_t events)
    : window_(std::clamp(window, std::chrono::seconds{0}, window_max)),
      events_(std::max<std::int64_t>(events, 0)) {}

void Dedupe::advance(std::int64_t offset, RecordTime time) {
  ensure(offset > offset_, "records come in the order of their offsets");
  offset_ = offset;
  time_ = std::clamp(time, earliest, latest);
  while (count_ > 0 && offset_ - ring_[first_].offset > events_) forget_oldest();
}

Verdict Dedupe::check_and_remember(const Hash128& fingerprint) {
  if (count_ == ring_.size()) grow();
  const std::size_t slot = slot_of(fingerprint);
  const bool duplicate =
      slots_[slot].ring_index != 0 && time_ - ring_[slots_[slot].ring_index - 1].time <= window_;
  const std::size_t ring_index = (first_ + count_) & (ring_.size() - 1);
  ring_[ring_index] = {fingerprint, offset_, time_};
  ++count_;
  slots_[slot] = {static_cast<std::uint32_t>(ring_index + 1), tag_of(fingerprint)};
  return duplicate ? Verdict::duplicate : Verdict::fresh;
}

std::chrono::milliseconds Dedupe::span() const {
  if (count_ == 0) return {};
  const LastSeen& newest = ring_[(first_ + count_ - 1) & (ring_.size() - 1)];
  return std::max(newest.time - ring_[first_].time, std::chrono::milliseconds{0});
}

// Returns the slot of the fingerprint's last occurrence, or the free slot where it belongs.
std::size_t Dedupe::slot_of(const Hash128& fingerprint) const {
  const std::size_t mask = slots_.size() - 1;
  const std::uint32_t tag = tag_of(fingerprint);
  std::size_t slot = tag & mask;
  for (; slots_[slot].ring_index != 0; slot = (slot + 1) & mask)
    if (slots_[slot].tag == tag && ring_[slots_[slot].ring_index - 1].fingerprint == fingerprint) break;
  return slot;
}

void Dedupe::forget_oldest() {
  // If the fingerprint has a later occurrence, its slot refers to that one and must stay.
  const std::size_t slot = slot_of(ring_[first_].fingerprint);
  if (slots_[slot].ring_index == first_ + 1) erase_slot(slot);
  first_ = (first_ + 1) & (ring_.size() - 1);
  --count_;
}

// Moves displaced entries back into the freed slot, so that no later search stops at it (Knuth, 6.4,
// algorithm R).
void Dedupe::erase_slot(std::size_t slot) {
  const std::size_t mask = slots_.size() - 1;
  for (std::size_t next = (slot + 1) & mask; slots_[next].ring_index != 0; next = (next + 1) & mask) {
    const std::size_t home = slots_[next].tag & mask;
    if (((next - home) & mask) < ((next - slot) & mask)) continue;
    slots_[slot] = slots_[next];
    slot = next;
  }
  slots_[slot] = {};
}

void Dedupe::grow() {
  std::vector<LastSeen> larger(std::max(first_ring, ring_.size() * 2));
  for (std::size_t i = 0; i < count_; ++i) larger[i] = ring_[(first_ + i) & (ring_.size() - 1)];
  ring_ = std::move(larger);
  first_ = 0;
  slots_.assign(ring_.size() * 2, {});
  // In ascending order, so that the last occurrence of a fingerprint overwrites the earlier ones.
  for (std::size_t i = 0; i < count_; ++i)
    slots_[slot_of(ring_[i].fingerprint)] = {static_cast<std::uint32_t>(i + 1), tag_of(ring_[i].fingerprint)};
}

}  // namespace weir::tally
