// A dead letter topic in memory, and the DeadLetterTopic of each process. The test decides the outcome of
// each copy and when it ends. One thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "consumer/dead_letter_topic.hpp"

namespace weir::consumer {

enum class CopyOutcome : std::uint8_t {
  written,
  rejected,              // not written
  acknowledgement_lost,  // written, but reported as a failure
};

// The topic itself. Outlives the processes.
class FakeDlq {
 public:
  // Called when a copy ends.
  std::function<CopyOutcome()> outcome = [] { return CopyOutcome::written; };

  void append(DeadLetterTopic::Copy copy) {
    written_.emplace(copy.ticket.partition, copy.ticket.offset);
    copies_.push_back(std::move(copy));
  }
  // Whether the record at this offset, a dead letter or a failed replay, has a copy.
  [[nodiscard]] bool has_copy_of(std::int32_t partition, std::int64_t offset) const {
    return written_.contains({partition, offset});
  }
  // In the order in which they were written, repeated copies included.
  [[nodiscard]] const std::vector<DeadLetterTopic::Copy>& copies() const { return copies_; }

 private:
  std::set<std::pair<std::int32_t, std::int64_t>> written_;
  std::vector<DeadLetterTopic::Copy> copies_;
};

// One process's producer. Copies in flight are lost with it.
class FakeDeadLetterTopic final : public DeadLetterTopic {
 public:
  // `acknowledges_early` is a planted bug: a copy is acknowledged when it is sent, before it is written.
  FakeDeadLetterTopic(FakeDlq& topic, bool acknowledges_early)
      : topic_(topic), acknowledges_early_(acknowledges_early) {}

  // Ends the oldest copy in flight. Returns false if there is none.
  bool end_one();
  [[nodiscard]] std::size_t in_flight() const { return in_flight_.size(); }

  void send(Copy copy) override;
  std::vector<CopyResult> take_results() override { return std::exchange(results_, {}); }

 private:
  FakeDlq& topic_;
  bool acknowledges_early_;
  std::deque<Copy> in_flight_;
  std::vector<CopyResult> results_;
};

}  // namespace weir::consumer
