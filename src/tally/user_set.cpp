// The members are in few_ while table_ is empty. The insert that exceeds few_ copies them to table_. From
// then on few_ is not used.
#include "tally/user_set.hpp"

#include <algorithm>

namespace weir::tally {

bool UserSet::insert(std::uint64_t hash) {
  if (table_.empty()) {
    if (contains(hash)) return false;
    if (few_size_ < few_max) {
      few_[few_size_++] = hash;
      return true;
    }
    table_.insert(few_.begin(), few_.end());
  }
  return table_.insert(hash).second;
}

bool UserSet::contains(std::uint64_t hash) const {
  if (!table_.empty()) return table_.contains(hash);
  return std::find(few_.begin(), few_.begin() + few_size_, hash) != few_.begin() + few_size_;
}

void UserSet::unite(const UserSet& other) {
  reserve(other.size());
  other.for_each([this](std::uint64_t hash) { insert(hash); });
}

void UserSet::reserve(std::size_t members) {
  if (members > few_max) table_.reserve(members);
}

}  // namespace weir::tally
