// A sketch is exact or has registers. turn_into_registers() is the only transition between the two states,
// and there is no way back. unite_into() works on stored bytes of any kind and decodes them only if it must.
#include "tally/sketch.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <utility>

#include "tally/hll_format.hpp"

namespace weir::tally {
namespace {

static_assert(Sketch::register_count == hll::register_count);

// The register that a hash selects, and the value to which the hash raises it. As in the extension, a hash
// whose bits above the register number are all 0 has the value 0 and raises nothing.
struct Raise {
  std::size_t number;
  std::uint8_t value;
};

Raise raise_of(std::uint64_t hash) {
  const std::uint64_t rest = hash >> hll::number_bits;
  const int position = rest == 0 ? 0 : std::countr_zero(rest) + 1;
  return {hash & (hll::register_count - 1),
          static_cast<std::uint8_t>(std::min<int>(position, hll::register_max))};
}

// alpha · m², with alpha for m >= 128 (Flajolet, Fusy, Gandouet, Meunier 2007). The expression has the form
// of the extension's source, so that it is rounded equally.
constexpr double m = Sketch::register_count;
constexpr double alpha_m_squared = (0.7213 / (1.0 + 1.079 / m)) * m * m;
// The number of hashes that registers of 5 bits can distinguish, for the large-range correction.
constexpr double hash_range =
    static_cast<double>(std::uint64_t{1} << (hll::register_max - 1 + hll::number_bits));

}  // namespace

bool Sketch::add(std::uint64_t hash) {
  if (!is_exact()) return raise_for(hash);
  if (exact_.size() < exact_max) return exact_.insert(hash);
  if (exact_.contains(hash)) return false;
  turn_into_registers();
  raise_for(hash);
  return true;
}

bool Sketch::unite(const Sketch& other) {
  if (other.is_exact()) {
    bool changed = false;
    if (is_exact()) exact_.reserve(other.exact_.size());
    other.exact_.for_each([&](std::uint64_t hash) { changed |= add(hash); });
    return changed;
  }
  const bool changed = is_exact();
  turn_into_registers();
  return hll::raise_by(other.registers(), registers()) || changed;
}

Result<bool> Sketch::unite_encoded(std::string_view bytes) {
  auto kind = hll::kind_of(bytes);
  if (!kind) return propagate(kind);
  if (*kind == hll::Kind::empty) return false;
  if (*kind == hll::Kind::exact) return unite_hashes(bytes.substr(hll::header_bytes));

  const bool changed = is_exact();
  turn_into_registers();
  if (*kind == hll::Kind::full) return hll::raise_by_full(bytes, registers()) || changed;
  auto rose = hll::raise_by_sparse(bytes, registers());
  if (!rose) return propagate(rose);
  return *rose || changed;
}

Result<bool> Sketch::unite_hashes(std::string_view hashes) {
  const std::size_t count = hashes.size() / hll::hash_bytes;
  if (is_exact()) exact_.reserve(count);
  bool changed = false;
  std::uint64_t last = 0;
  for (std::size_t i = 0; i < count; ++i) {
    const std::uint64_t hash = hll::read_hash(hashes.data() + i * hll::hash_bytes);
    if (i > 0 && hll::order_of(hash) <= last) return hll::broken("its hashes are not ascending");
    last = hll::order_of(hash);
    changed |= add(hash);
  }
  return changed;
}

Result<Sketch> Sketch::decode(std::string_view bytes) {
  Sketch sketch;
  auto united = sketch.unite_encoded(bytes);
  if (!united) return propagate(united);
  return sketch;
}

std::string Sketch::encode() const {
  if (empty()) return hll::header(hll::Kind::empty);
  if (!is_exact()) return hll::pack(registers());
  std::string bytes = hll::header(hll::Kind::exact);
  bytes.reserve(hll::header_bytes + exact_.size() * hll::hash_bytes);
  for (const std::uint64_t order : sorted_orders()) hll::append_hash(bytes, hll::order_of(order));
  return bytes;
}

std::size_t Sketch::encoded_bytes_max() const {
  return hll::header_bytes + (is_exact() ? exact_.size() * hll::hash_bytes : hll::full_bytes);
}

double Sketch::cardinality() const {
  if (is_exact()) return static_cast<double>(exact_.size());
  // The sum of 2^-register as a whole number of 2^-31: no rounding, so any order gives the extension's sum.
  std::uint64_t parts = 0;
  std::size_t zeros = 0;
  for (const std::uint8_t value : registers_) {
    parts += std::uint64_t{1} << (hll::register_max - value);
    zeros += value == 0;
  }
  const double sum = std::ldexp(static_cast<double>(parts), -int{hll::register_max});
  const double estimator = alpha_m_squared / sum;
  if (zeros != 0 && estimator < 5.0 * m / 2.0) return m * std::log(m / static_cast<double>(zeros));
  if (estimator <= hash_range / 30.0) return estimator;
  return -hash_range * std::log(1.0 - estimator / hash_range);
}

std::int64_t Sketch::estimate() const {
  const double users = cardinality();
  return std::isnan(users) ? static_cast<std::int64_t>(hash_range) : std::llrint(users);
}

double Sketch::relative_error() const {
  if (is_exact()) return 0.0;
  // The published estimator is biased where linear counting ends: 5/2 · m to 4 · m.
  const std::int64_t users = estimate();
  return users >= 40'960 && users <= 65'536 ? 0.027 : 0.0081;
}

bool Sketch::raise_for(std::uint64_t hash) {
  const Raise raise = raise_of(hash);
  if (registers_[raise.number] >= raise.value) return false;
  registers_[raise.number] = raise.value;
  return true;
}

void Sketch::turn_into_registers() {
  if (!is_exact()) return;
  registers_.resize(register_count);
  std::exchange(exact_, {}).for_each([this](std::uint64_t hash) { raise_for(hash); });
}

std::vector<std::uint64_t> Sketch::sorted_orders() const {
  std::vector<std::uint64_t> orders;
  orders.reserve(exact_.size());
  exact_.for_each([&](std::uint64_t hash) { orders.push_back(hll::order_of(hash)); });
  std::ranges::sort(orders);
  return orders;
}

// Merges two sorted lists of hashes. Copies the stored hashes between two new ones as one block. Writes
// `stored` only if the result has new hashes and is still explicit.
Result<Sketch::Merged> Sketch::merge_sorted(std::string& stored, const std::vector<std::uint64_t>& more) {
  std::string merged;
  std::size_t copied = 0;  // the bytes of `stored` that `merged` has already
  auto next = more.begin();
  const auto insert_next = [&](std::size_t at) {
    if (merged.empty()) merged.reserve(stored.size() + more.size() * hll::hash_bytes);
    merged.append(stored, copied, at - copied);
    copied = at;
    hll::append_hash(merged, hll::order_of(*next++));
  };
  std::uint64_t last = 0;
  for (std::size_t at = hll::header_bytes; at < stored.size(); at += hll::hash_bytes) {
    const std::uint64_t order = hll::order_of(hll::read_hash(stored.data() + at));
    if (at > hll::header_bytes && order <= last) return hll::broken("its hashes are not ascending");
    last = order;
    while (next != more.end() && *next < order) insert_next(at);
    if (next != more.end() && *next == order) ++next;
  }
  while (next != more.end()) insert_next(stored.size());

  if (merged.empty()) return Merged::nothing_new;
  merged.append(stored, copied);
  if (merged.size() > hll::header_bytes + exact_max * hll::hash_bytes) return Merged::too_many;
  stored = std::move(merged);
  return Merged::grown;
}

// Each pair of kinds takes the cheapest of four ways: copy the bytes, merge lists, raise single registers in
// the bytes, or decode, unite and encode.
Result<bool> unite_into(std::string& stored, const Sketch& more) {
  auto kind = hll::kind_of(stored);
  if (!kind) return propagate(kind);
  if (more.empty()) return false;
  if (*kind == hll::Kind::empty) {
    stored = more.encode();
    return true;
  }
  if (*kind == hll::Kind::exact && more.is_exact()) {
    auto merged = Sketch::merge_sorted(stored, more.sorted_orders());
    if (!merged) return propagate(merged);
    if (*merged != Sketch::Merged::too_many) return *merged == Sketch::Merged::grown;
  }
  if (*kind == hll::Kind::full && more.is_exact()) {
    bool changed = false;
    more.exact_.for_each([&](std::uint64_t hash) {
      const Raise raise = raise_of(hash);
      changed |= hll::raise_packed(stored, raise.number, raise.value);
    });
    return changed;
  }
  auto sketch = Sketch::decode(stored);
  if (!sketch) return propagate(sketch);
  if (!sketch->unite(more)) return false;
  stored = sketch->encode();
  return true;
}

}  // namespace weir::tally
