// A set of 64-bit hashes, small when it holds few and quick when it holds many.
#pragma once

#include <array>
#include <boost/unordered/unordered_flat_set.hpp>
#include <cstddef>
#include <cstdint>

#include "base/keyed_hash.hpp"

namespace weir::tally {

// Users by the low 64 bits of murmur3(user_id). A client can choose these bits, so the table hashes them
// again under the process's random key. A value: copied whole, moved cheaply. Up to two members live
// in the object itself (most sets of a minute's page have no more); beyond, in a table. An insert costs 3 to
// 15 ns; memory is at most 21 bytes a member beyond 13.
class UserSet {
 public:
  // Without a key of its own: most sets are small, and there are many.
  struct Hash {
    using is_avalanching = void;
    std::size_t operator()(std::uint64_t hash) const { return hash_number(process_hash_key(), hash); }
  };

  // True if it was not in yet.
  bool insert(std::uint64_t hash);
  [[nodiscard]] bool contains(std::uint64_t hash) const;
  void unite(const UserSet& other);
  // Makes room for this many members, so that adding them does not move the others again and again.
  void reserve(std::size_t members);

  [[nodiscard]] std::size_t size() const { return table_.empty() ? few_size_ : table_.size(); }
  [[nodiscard]] bool empty() const { return size() == 0; }

  // Calls visit(hash) once for each member, in no order.
  template <class Visit>
  void for_each(Visit&& visit) const;

 private:
  static constexpr std::size_t few_max = 2;

  std::size_t few_size_ = 0;  // while table_ is empty
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
