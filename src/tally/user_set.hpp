// A set of 64-bit hashes: compact with few members, fast with many.
#pragma once

#include <array>
#include <boost/unordered/unordered_flat_set.hpp>
#include <cstddef>
#include <cstdint>

#include "base/keyed_hash.hpp"

namespace weir::tally {

// A set of users, identified by the low 64 bits of murmur3(user_id). A client can choose these bits, so the
// table hashes them again under the random key of the process. A value type with deep copies and cheap moves;
// not thread-safe. The object itself holds up to two members, because most sets of a page in a minute have no
// more. A larger set has a table. An insert costs 3 to 15 ns. The table takes at most 21 bytes a member if
// there are more than 13.
class UserSet {
 public:
  // Uses the key of the process instead of a key of each set: there are many sets, and most are small.
  struct Hash {
    using is_avalanching = void;
    std::size_t operator()(std::uint64_t hash) const { return hash_number(process_hash_key(), hash); }
  };

  // Returns true if the hash was not a member.
  bool insert(std::uint64_t hash);
  [[nodiscard]] bool contains(std::uint64_t hash) const;
  // Inserts all members of the other set.
  void unite(const UserSet& other);
  // Allocates the table for this many members, so that inserts do not rehash it.
  void reserve(std::size_t members);

  [[nodiscard]] std::size_t size() const { return table_.empty() ? few_size_ : table_.size(); }
  [[nodiscard]] bool empty() const { return size() == 0; }

  // Calls visit(hash) once for each member, in an unspecified order.
  template <class Visit>
  void for_each(Visit&& visit) const;

 private:
  static constexpr std::size_t few_max = 2;

  std::size_t few_size_ = 0;  // the number of members if table_ is empty
  std::array<std::uint64_t, few_max> few_{};
  boost::unordered_flat_set<std::uint64_t, Hash> table_;
};

template <class Visit>
void UserSet::for_each(Visit&& visit) const {
  if (table_.empty()) {
    for (std::size_t i = 0; i < few_size_; ++i) visit(few_[i]);
    return;
  }
  for (const std::uint64_t hash : table_) visit(hash);
}

}  // namespace weir::tally
