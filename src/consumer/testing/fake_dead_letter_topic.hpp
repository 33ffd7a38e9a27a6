// A topic in memory for copies of dead letters, and the processes' ways to it. The test decides what becomes
// of each copy and when. One thread.
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

enum class CopyFate : std::uint8_t {
  kept,
  refused,      // surely not kept
  answer_lost,  // kept, but told as a failure
};

// Outlives the processes.
class FakeDlq {
 public:
  // RequestTraits when a copy is to end.
  std::function<CopyFate()> fate = [] { return CopyFate::kept; };

  void keep(DeadLetterTopic::Copy copy) {
    places_.emplace(copy.ticket.partition, copy.ticket.offset);
    copies_.push_back(std::move(copy));
  }
  // Of the record at this place: a dead letter, or a replay that is still bad.
  [[nodiscard]] bool has_copy_of(std::int32_t partition, std::int64_t offset) const {
    return places_.contains({partition, offset});
  }
  // In the order they came, those that came twice too.
  [[nodiscard]] const std::vector<DeadLetterTopic::Copy>& copies() const { return copies_; }

 private:
  std::set<std::pair<std::int32_t, std::int64_t>> places_;
  std::vector<DeadLetterTopic::Copy> copies_;
};

// One process's: what is under way is lost with it.
class FakeDeadLetterTopic final : public DeadLetterTopic {
 public:
  // `hasty`, a planted bug: says that a copy is there as soon as it is sent.
  FakeDeadLetterTopic(FakeDlq& topic, bool hasty) : topic_(topic), hasty_(hasty) {}

  // The oldest copy under way ends. False if there is none.
  bool end_one();
  [[nodiscard]] std::size_t under_way() const { return under_way_.size(); }

  void send(Copy copy) override;
  std::vector<CopyResult> take_results() override { return std::exchange(ended_, {}); }

 private:
  FakeDlq& topic_;
  bool hasty_;
  std::deque<Copy> under_way_;
  std::vector<CopyResult> ended_;
};

}  // namespace weir::consumer
