// The properties of a set union, for sketches of each kind and for user sets. The result does not depend on
// the order, the grouping or the repetition of users, nor on the function that unites them. Two sketches are
// equal if their bytes are equal.
#include <algorithm>
#include <array>
#include <random>
#include <set>

#include "base/hash.hpp"
#include "base/testing/seeds.hpp"
#include "tally/hll_format.hpp"
#include "tally/sketch.hpp"

namespace weir::tally {
namespace {

using Random = std::mt19937_64;
using Hashes = std::vector<std::uint64_t>;

constexpr std::array all_kinds{hll::Kind::empty, hll::Kind::exact, hll::Kind::sparse, hll::Kind::full};
constexpr std::uint64_t crowd = 12'000;

std::uint64_t below(Random& random, std::uint64_t end) { return random() % end; }

const Hashes& users() {
  static const Hashes all = [] {
    Hashes hashes;
    for (std::uint64_t i = 0; i < crowd; ++i) hashes.push_back(murmur3("user-" + std::to_string(i)).low);
    return hashes;
  }();
  return all;
}

// Returns `count` consecutive users of the crowd from a random one on. Two results may overlap.
Hashes some_users(Random& random, std::uint64_t count) {
  Hashes hashes;
  for (std::uint64_t i = 0, first = below(random, crowd); i < count; ++i)
    hashes.push_back(users()[(first + i) % crowd]);
  return hashes;
}

// Returns hashes that real users do not have: for a few registers only, or without any bit above the register
// number. 0 may be one of them.
Hashes some_odd_hashes(Random& random, std::uint64_t count) {
  Hashes hashes;
  if (below(random, 2) == 0) {
    for (std::uint64_t i = 0, first = below(random, 8000); i < count; ++i) hashes.push_back(first + i);
  } else {
    for (std::uint64_t i = 0, first = below(random, 8000); i < count; ++i)
      hashes.push_back((first + i) * 0x9e37'79b9'7f4a'7c15 & ~std::uint64_t{0x3ff0});
  }
  return hashes;
}

// Returns a set that is encoded as this kind. Its size is near a limit between two kinds in about half of the
// cases.
Hashes some_of_kind(Random& random, hll::Kind kind) {
  const std::array<std::uint64_t, 8> exact{
      1, 2, 3, 4095, 4096, below(random, 20) + 1, below(random, 4096) + 1, 9};
  switch (kind) {
    case hll::Kind::empty:
      return {};
    case hll::Kind::exact: {
      const std::uint64_t count = exact.at(below(random, exact.size()));
      return below(random, 4) == 0 ? some_odd_hashes(random, count) : some_users(random, count);
    }
    case hll::Kind::sparse:
      if (below(random, 4) == 0) return some_odd_hashes(random, 4097 + below(random, 1000));
      return some_users(random, below(random, 2) == 0 ? 4097 : 4097 + below(random, 750));
    default:
      return some_users(random,
                        below(random, 2) == 0 ? 5200 + below(random, 100) : 5200 + below(random, 6800));
  }
}

Hashes shuffled(Random& random, Hashes hashes) {
  std::ranges::shuffle(hashes, random);
  return hashes;
}

Sketch sketch_of(const Hashes& hashes) {
  Sketch sketch;
  for (const std::uint64_t hash : hashes) sketch.add(hash);
  return sketch;
}

hll::Kind kind_of(const Sketch& sketch) { return hll::kind_of(sketch.encode()).value(); }

// The function that unites two sketches: Sketch::unite, Sketch::unite_encoded or unite_into.
enum class Way : std::uint8_t { sketches, encoded, stored };
constexpr std::array all_ways{Way::sketches, Way::encoded, Way::stored};

Sketch united(const Sketch& left, const Sketch& right, Way way) {
  const std::string before = left.encode();
  Result<bool> changed = false;
  Sketch both = left;
  if (way == Way::sketches) changed = both.unite(right);
  if (way == Way::encoded) changed = both.unite_encoded(right.encode());
  if (way == Way::stored) {
    std::string stored = before;
    changed = unite_into(stored, right);
    both = Sketch::decode(stored).value();
    EXPECT_TRUE(both.encode() == stored);
  }
  EXPECT_TRUE(changed.has_value());
  EXPECT_EQ(changed.value(), both.encode() != before) << "the result is true if the sketch has changed";
  return both;
}

Hashes with(Hashes left, const Hashes& right) {
  left.insert(left.end(), right.begin(), right.end());
  return left;
}

// Expects the properties of a union for any three sets.
void expect_set_properties(const Hashes& a, const Hashes& b, const Hashes& c, Way way) {
  const Sketch left = sketch_of(a);
  const Sketch right = sketch_of(b);
  const Sketch third = sketch_of(c);
  const auto both = [way](const Sketch& one, const Sketch& other) { return united(one, other, way); };
  const std::string of_two = sketch_of(with(a, b)).encode();
  const std::string of_three = sketch_of(with(with(a, b), c)).encode();

  EXPECT_TRUE(both(left, right).encode() == of_two) << "equal to one sketch with all users";
  EXPECT_TRUE(both(right, left).encode() == of_two) << "commutative";
  EXPECT_TRUE(both(both(left, right), third).encode() == of_three) << "associative, from the left";
  EXPECT_TRUE(both(left, both(right, third)).encode() == of_three) << "and from the right";
  EXPECT_TRUE(both(left, left).encode() == left.encode()) << "idempotent";
  EXPECT_TRUE(both(both(left, right), right).encode() == of_two) << "a subset adds nothing";
  EXPECT_TRUE(both(right, both(left, right)).encode() == of_two) << "a superset replaces its subset";
  EXPECT_TRUE(both(left, Sketch()).encode() == left.encode()) << "the empty set is neutral";
}

TEST(SketchProperty, UnitesLikeASetInEachCombinationOfKinds) {
  for_each_seed(1, [](std::uint64_t seed) {
    Random random(seed);
    for (const hll::Kind a : all_kinds)
      for (const hll::Kind b : all_kinds)
        for (const hll::Kind c : all_kinds) {
          const std::array sets{some_of_kind(random, a), some_of_kind(random, b), some_of_kind(random, c)};
          ASSERT_EQ(kind_of(sketch_of(sets[0])), a);
          for (const Way way : all_ways) expect_set_properties(sets[0], sets[1], sets[2], way);
        }
  });
}

TEST(SketchProperty, IsEqualAfterEncodeAndDecode) {
  for_each_seed(5, [](std::uint64_t seed) {
    Random random(seed);
    for (const hll::Kind kind : all_kinds) {
      const Hashes hashes = some_of_kind(random, kind);
      const Sketch sketch = sketch_of(hashes);
      const std::string bytes = sketch.encode();
      const auto read = Sketch::decode(bytes);
      ASSERT_TRUE(read.has_value());
      EXPECT_TRUE(read->encode() == bytes);
      EXPECT_EQ(read->cardinality(), sketch.cardinality());
      EXPECT_EQ(read->is_exact(), sketch.is_exact());
      const std::size_t different = std::set(hashes.begin(), hashes.end()).size();
      EXPECT_EQ(sketch.is_exact(), different <= Sketch::exact_max);
      EXPECT_TRUE(!sketch.is_exact() || sketch.estimate() == static_cast<std::int64_t>(different));
    }
  });
}

// Returns overlapping parts of a set. Each element is in at least one part.
std::vector<Hashes> split(Random& random, const Hashes& whole) {
  std::vector<Hashes> parts(1 + below(random, 6));
  for (const std::uint64_t hash : whole) {
    do parts[below(random, parts.size())].push_back(hash);
    while (below(random, 4) == 0);
  }
  return parts;
}

// Returns a set. In about half of the cases its size is near the limit of exact sketches, or near the size at
// which registers are encoded as full.
Hashes some_whole(Random& random) {
  switch (below(random, 4)) {
    case 0:
      return some_users(random, Sketch::exact_max + below(random, 2));
    case 1:
      return some_users(random, 4800 + below(random, 500));
    default:
      return some_of_kind(random, all_kinds.at(below(random, all_kinds.size())));
  }
}

TEST(SketchProperty, DoesNotDependOnHowItsUsersAreSplitShuffledAndUnited) {
  for_each_seed(50, [](std::uint64_t seed) {
    Random random(seed);
    const Hashes whole = some_whole(random);
    std::vector<Sketch> parts;
    for (const Hashes& part : split(random, whole)) parts.push_back(sketch_of(shuffled(random, part)));
    while (parts.size() > 1) {
      std::ranges::shuffle(parts, random);
      const Sketch last = std::move(parts.back());
      parts.pop_back();
      parts.back() = united(parts.back(), last, all_ways.at(below(random, all_ways.size())));
      if (below(random, 5) == 0) parts.push_back(last);  // once more
    }
    EXPECT_TRUE(parts.front().encode() == sketch_of(whole).encode());
  });
}

// User sets.

UserSet set_of(const Hashes& hashes) {
  UserSet set;
  for (const std::uint64_t hash : hashes) set.insert(hash);
  return set;
}

std::set<std::uint64_t> members_of(const UserSet& set) {
  std::set<std::uint64_t> members;
  set.for_each([&members](std::uint64_t hash) { EXPECT_TRUE(members.insert(hash).second); });
  EXPECT_EQ(members.size(), set.size());
  return members;
}

// Returns few or many hashes, adjacent or random ones. 0 may be one of them.
Hashes some_hashes(Random& random) {
  const std::uint64_t kind = below(random, 3);
  const std::uint64_t count = below(random, kind == 0 ? 4 : kind == 1 ? 50 : 2000);
  return below(random, 2) == 0 ? some_odd_hashes(random, count) : some_users(random, count);
}

TEST(UserSetProperty, UnitesLikeASet) {
  const auto united = [](UserSet left, const UserSet& right) {
    left.unite(right);
    return members_of(left);
  };
  for_each_seed(100, [&united](std::uint64_t seed) {
    Random random(seed);
    const Hashes a = some_hashes(random);
    const Hashes b = below(random, 4) == 0 ? a : some_hashes(random);
    const UserSet left = set_of(a);
    const UserSet right = set_of(b);
    const Hashes all = with(a, b);
    const std::set<std::uint64_t> expected(all.begin(), all.end());
    EXPECT_EQ(united(left, right), expected);
    EXPECT_EQ(united(right, left), expected);
    EXPECT_EQ(united(left, left), members_of(left));
    UserSet parts;
    for (const Hashes& part : split(random, all)) parts.unite(set_of(shuffled(random, part)));
    EXPECT_EQ(members_of(parts), expected);
    for (const std::uint64_t hash : all) EXPECT_TRUE(parts.contains(hash));
  });
}

}  // namespace
}  // namespace weir::tally
