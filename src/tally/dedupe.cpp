#include "tally/dedupe.hpp"

#include <algorithm>
#include <string>

#include "base/ensure.hpp"
#include "base/keyed_hash.hpp"

namespace weir::tally {
namespace {

constexpr std::size_t first_ring = 64;

std::uint32_t tag_of(const Hash128& fingerprint) { return static_cast<std::uint32_t>(fingerprint.low); }

// A record's time is whatever its writer said; between these bounds (some hundred million years) sums don't
// overflow.
constexpr RecordTime earliest{std::chrono::milliseconds{-(std::int64_t{1} << 62)}};
constexpr RecordTime latest{std::chrono::milliseconds{std::int64_t{1} << 61}};
constexpr std::chrono::seconds window_max{std::int64_t{1} << 40};

}  // namespace

Hash128 fingerprint(std::string_view user_id, std::string_view message_id) {
  std::string text;
  text.reserve(sizeof(std::uint64_t) + user_id.size() + message_id.size());
  // The first length is enough: with it the text can be taken apart in one way only.
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

Verdict Dedupe::seen(const Hash128& fingerprint) {
  if (count_ == ring_.size()) grow();
  const std::size_t slot = slot_of(fingerprint);
  const bool duplicate = slots_[slot].place != 0 && time_ - ring_[slots_[slot].place - 1].time <= window_;
  const std::size_t place = (first_ + count_) & (ring_.size() - 1);
  ring_[place] = {fingerprint, offset_, time_};
  ++count_;
  slots_[slot] = {static_cast<std::uint32_t>(place + 1), tag_of(fingerprint)};
  return duplicate ? Verdict::duplicate : Verdict::fresh;
}

// The slot of the fingerprint's last sight, or the free slot where it belongs.
std::size_t Dedupe::slot_of(const Hash128& fingerprint) const {
  const std::size_t mask = slots_.size() - 1;
  const std::uint32_t tag = tag_of(fingerprint);
  std::size_t slot = tag & mask;
  for (; slots_[slot].place != 0; slot = (slot + 1) & mask)
    if (slots_[slot].tag == tag && ring_[slots_[slot].place - 1].fingerprint == fingerprint) break;
  return slot;
}

void Dedupe::forget_oldest() {
  // A sight that was refreshed since is not what its fingerprint's slot names any more.
  const std::size_t slot = slot_of(ring_[first_].fingerprint);
  if (slots_[slot].place == first_ + 1) erase_slot(slot);
  first_ = (first_ + 1) & (ring_.size() - 1);
  --count_;
}

// Moves back what was displaced over this slot, so that no search ends too early (Knuth, 6.4 algorithm R).
void Dedupe::erase_slot(std::size_t slot) {
  const std::size_t mask = slots_.size() - 1;
  for (std::size_t next = (slot + 1) & mask; slots_[next].place != 0; next = (next + 1) & mask) {
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
  // Oldest first: the last sight of a fingerprint overwrites the earlier ones.
  for (std::size_t i = 0; i < count_; ++i)
    slots_[slot_of(ring_[i].fingerprint)] = {static_cast<std::uint32_t>(i + 1), tag_of(ring_[i].fingerprint)};
}

}  // namespace weir::tally
