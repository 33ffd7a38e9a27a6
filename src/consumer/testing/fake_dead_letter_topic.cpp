#include "consumer/testing/fake_dead_letter_topic.hpp"

#include <optional>

namespace weir::consumer {

void FakeDeadLetterTopic::send(Copy copy) {
  if (acknowledges_early_) results_.push_back({copy.ticket, std::nullopt});
  in_flight_.push_back(std::move(copy));
}

bool FakeDeadLetterTopic::end_one() {
  if (in_flight_.empty()) return false;
  Copy copy = std::move(in_flight_.front());
  in_flight_.pop_front();
  CopyResult result{copy.ticket, std::nullopt};
  const CopyOutcome outcome = topic_.outcome();
  if (outcome != CopyOutcome::written) {
    result.failure =
        Error{ErrorKind::unavailable, "copy_failed", "the fake dead letter topic does not answer"};
  }
  if (outcome != CopyOutcome::rejected) topic_.append(std::move(copy));
  if (!acknowledges_early_) results_.push_back(std::move(result));
  return true;
}

}  // namespace weir::consumer
