// Which events of a partition were seen already: the memory behind message_id (contract §3).
//
// The rule. A record is a duplicate iff the last sight of the same (user_id, message_id) in its partition
//   - stands at most `events` offsets before it, and
//   - no record from that sight up to and including this one has a time more than `window` after the sight's
//   time.
// (Where record times never go backwards, the second says: the sight is at most `window` old. Both borders
// are inclusive.) Every sight, duplicates too, is remembered as the new last one.
//
// The rule looks at nothing before the last sight, therefore memory can be rebuilt from the log alone: one
// that is made anew and is fed from any offset at or before
//
//   max(next_offset − events, first_at(t − window))      t: the time of any record before next_offset
//
// up to next_offset judges for ever as one that never stopped, even where record times jump backwards: what
// stands before next_offset − events is too far away, and what stands before first_at(t − window) has all
// been outdated by the record of time t, which cannot stand before it. (A plain running maximum of the times
// would not do: where the rebuild begins at next_offset − events it would have to know of a higher time
// before that.)
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <string_view>
#include <vector>

#include "base/clock.hpp"
#include "base/hash.hpp"

namespace weir::tally {

enum class Verdict : std::uint8_t { fresh, duplicate };

// 128 bits that stand for the pair; the lengths are part of it, so ("ab", "c") is not ("a", "bc"). Keyed for this
// process: no client can choose pairs that share a fingerprint, or fingerprints that collide in the table below.
[[nodiscard]] Hash128 fingerprint(std::string_view user_id, std::string_view message_id);

// One partition's memory; one thread. Bounded by the window: at most events + 1 sights of 32 bytes and 16 bytes of
// index each (in powers of two), and one peak for each record since which the time has been lower. Amortised O(1): 40
// ns a record while ten thousand are remembered, 140 at a million (the memory's own latency).
class Dedupe {
 public:
  // `events` is this partition's share of DEDUP_WINDOW_EVENTS.
  Dedupe(std::chrono::seconds window, std::int64_t events);

  // Every record of the partition, in order of offsets and whatever becomes of it (no message_id, dead
  // letter), for its time counts. Call it first; then, if the record has a message_id and is tallied or a
  // duplicate, seen().
  void advance(std::int64_t offset, RecordTime time);

  // Judges the record that was advanced to, and remembers it. Not for dead letters: their replay must be
  // tallied.
  Verdict seen(const Hash128& fingerprint);

  [[nodiscard]] std::size_t size() const { return count_; }  // sights remembered

 private:
  struct Sight {
    Hash128 fingerprint;
    std::int64_t offset = 0;
    RecordTime time;
  };
  struct Slot {
    std::uint32_t place = 0;  // in the ring, + 1; 0: free
    std::uint32_t tag = 0;    // the fingerprint's low bits, so that few searches go to the ring
  };
  // A record behind which no other of the same or a later time has come.
  struct Peak {
    std::int64_t offset;
    RecordTime time;
  };

  [[nodiscard]] bool is_live(const Sight& sight) const;
  [[nodiscard]] RecordTime latest_since(std::int64_t offset) const;
  [[nodiscard]] std::size_t slot_of(const Hash128& fingerprint) const;
  void forget_oldest();
  void erase_slot(std::size_t slot);
  void grow();

  std::chrono::milliseconds window_;
  std::int64_t events_;
  std::int64_t offset_ = 0;  // of the record that was advanced to
  RecordTime time_;          // and its time
  std::deque<Peak> peaks_;   // ascending offsets, strictly descending times
  // The sights, oldest first, in a ring; each fingerprint's last sight is found through slots_.
  std::vector<Sight> ring_;
  std::size_t first_ = 0;
  std::size_t count_ = 0;
  // Twice the ring, at most half full. Not boost::unordered_flat_map (1.81): here each insert follows an erase, which
  // made it rehash so often that a record took 3 µs at 10,000 remembered and 42 at 83,000, instead of 0.01.
  std::vector<Slot> slots_;
};

}  // namespace weir::tally
