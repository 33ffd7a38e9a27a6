#include "consumer/testing/fake_dead_letter_topic.hpp"

#include <optional>

namespace weir::consumer {

void FakeDeadLetterTopic::send(Copy copy) {
  if (hasty_) ended_.push_back({copy.ticket, std::nullopt});
  under_way_.push_back(std::move(copy));
}

bool FakeDeadLetterTopic::end_one() {
  if (under_way_.empty()) return false;
  Copy copy = std::move(under_way_.front());
  under_way_.pop_front();
  CopyResult result{copy.ticket, std::nullopt};
  const CopyFate fate = topic_.fate();
  if (fate != CopyFate::kept)
    result.failure =
        Error{ErrorKind::unavailable, "copy_failed", "the fake topic for copies does not answer"};
  if (fate != CopyFate::refused) topic_.keep(std::move(copy));
  if (!hasty_) ended_.push_back(std::move(result));
  return true;
}

}  // namespace weir::consumer
