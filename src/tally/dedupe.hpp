// Which events of a partition were seen already: the memory behind message_id (contract §3).
//
// The rule. A record is a duplicate iff the last sight of the same (user_id, message_id) in its partition
//   - has an offset at most `events` lower than the record's, and
//   - has a time at most `window` before the record's. A sight with a later time than the record's has no
// Both borders are inclusive. Every sight, duplicates too, is remembered as the new last one.
//
// The rule compares two records and no others: record times may jump either way, and a record from the future
// outdates nothing (ADR 11). Therefore a sight is forgotten by its offset alone, and memory can be rebuilt
// from the log: one that is fed from next_offset − events on judges for ever as one that never stopped.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "base/clock.hpp"
#include "base/hash.hpp"

namespace weir::tally {

enum class Verdict : std::uint8_t { fresh, duplicate };

// 128 bits that stand for the pair; the lengths are part of it, so ("ab", "c") is not ("a", "bc"). Keyed for
// this process: no client can choose pairs that share a fingerprint, or fingerprints that collide in the
// table below.
[[nodiscard]] Hash128 fingerprint(std::string_view user_id, std::string_view message_id);

// One partition's memory; one thread. Bounded by the window: at most events + 1 sights of 32 bytes and 16
// bytes of index each (in powers of two). Amortised O(1): 40 ns a record while ten thousand are remembered,
// 140 at a million (the memory's own latency).
class Dedupe {
 public:
  // `events` is this partition's share of DEDUP_WINDOW_EVENTS.
  Dedupe(std::chrono::seconds window, std::int64_t events);

  // The record that is judged next. Offsets ascend. Call it first; then, if the record has a message_id and
  // is tallied or a duplicate, seen().
  void advance(std::int64_t offset, RecordTime time);

  // Judges the record that was advanced to, and remembers it. Not for dead letters: their replay must be
  // tallied.
  Verdict seen(const Hash128& fingerprint);

  [[nodiscard]] std::size_t size() const { return count_; }  // sights remembered

 private:
  struct LastSeen {
    Hash128 fingerprint;
    std::int64_t offset = 0;
    RecordTime time;
  };
  struct Slot {
    std::uint32_t place = 0;  // in the ring, + 1; 0: free
    std::uint32_t tag = 0;    // the fingerprint's low bits, so that few searches go to the ring
  };
  [[nodiscard]] std::size_t slot_of(const Hash128& fingerprint) const;
  void forget_oldest();
  void erase_slot(std::size_t slot);
  void grow();

  std::chrono::milliseconds window_;
  std::int64_t events_;
  std::int64_t offset_ = -1;  // of the record that was advanced to
  RecordTime time_;           // and its time
  // The sights, oldest first, in a ring; each fingerprint's last sight is found through slots_.
  std::vector<LastSeen> ring_;
  std::size_t first_ = 0;
  std::size_t count_ = 0;
  // Twice the ring, at most half full. Not boost::unordered_flat_map (1.81): here each insert follows an
  // erase, which made it rehash so often that a record took 3 µs at 10,000 remembered and 42 at 83,000,
  // instead of 0.01.
  std::vector<Slot> slots_;
};

}  // namespace weir::tally
