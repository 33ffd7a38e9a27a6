// Prints texts that collide in hash tables whose seed is known, one per line.
//
//   colliding_texts values ALPHABET COUNT    48 bytes; equal in all 64 bits of libstdc++'s std::hash
//   colliding_texts users COUNT              24 bytes; equal in the low 32 bits of Murmur3, the high bits differ
//   colliding_texts pairs COUNT              user and message id, separated by a tab; the same for their fingerprint in
//                                            tally/dedupe.cpp (8 bytes of user length, user, message id)
//
// Each hash consumes 8 or 16 bytes at a time in invertible steps. The program chooses the wanted state and
// computes the bytes that lead to it. It keeps them if all are printable. It does not search over hashes.
#include <bit>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

namespace {

using Word = std::uint64_t;

// Printable, and without special meaning in JSON, in a path and in NDJSON.
const std::string printable =
    "!$%&'()*+,-.0123456789:;<=>@ABCDEFGHIJKLMNOPQRSTUVWXYZ[]^_`abcdefghijklmnopqrstuvwxyz{|}~";

Word state_of_dice = 0x9e3779b97f4a7c15ULL;
Word roll() {  // splitmix64
  Word z = state_of_dice += 0x9e3779b97f4a7c15ULL;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
  return z ^ (z >> 31);
}

constexpr Word inverse(Word odd) {  // modulo 2^64, by Newton's iteration
  Word found = odd;
  for (int i = 0; i < 6; ++i) found *= 2 - odd * found;
  return found;
}

class Alphabet {
 public:
  explicit Alphabet(const std::string& letters) : letters_(letters) {
    for (const char letter : letters) allowed_[static_cast<unsigned char>(letter)] = true;
  }
  [[nodiscard]] bool has_all(Word word) const {
    for (int i = 0; i < 8; ++i, word >>= 8)
      if (!allowed_[word & 0xff]) return false;
    return true;
  }
  [[nodiscard]] Word any() const {
    Word word = 0;
    for (int i = 0; i < 8; ++i)
      word = word << 8 | static_cast<unsigned char>(letters_[roll() % letters_.size()]);
    return word;
  }

 private:
  std::string letters_;
  bool allowed_[256] = {};
};

std::string text_of(std::initializer_list<Word> words) {
  std::string text(words.size() * 8, ' ');
  std::memcpy(text.data(), std::data(words), text.size());
  return text;
}

// libstdc++: _Hash_bytes of 64 bits (MurmurHash64A) with its fixed seed.
constexpr Word mul = 0xc6a4a7935bd1e995ULL;
Word mixed(Word data) {
  data *= mul;
  return (data ^ (data >> 47)) * mul;
}
Word unmixed(Word data) {
  data *= inverse(mul);
  return (data ^ (data >> 47)) * inverse(mul);
}

// Blocks of 16 bytes that lead from the initial state back to itself: any three of them in sequence collide.
void print_values(const Alphabet& alphabet, int count) {
  constexpr Word length = 48;
  constexpr Word first = 0xc70f6907ULL ^ (length * mul);
  std::vector<std::string> pieces;
  while (pieces.size() * pieces.size() * pieces.size() < static_cast<std::size_t>(count)) {
    const Word one = alphabet.any();
    const Word between = (first ^ mixed(one)) * mul;
    const Word two = unmixed(between ^ (first * inverse(mul)));
    if (alphabet.has_all(two)) pieces.push_back(text_of({one, two}));
  }
  for (const auto& a : pieces)
    for (const auto& b : pieces)
      for (const auto& c : pieces) {
        if (count-- <= 0) return;
        std::printf("%s%s%s\n", a.c_str(), b.c_str(), c.c_str());
      }
}

// MurmurHash3_x64_128 with seed 0, as in base/hash.cpp.
constexpr Word c1 = 0x87c37b91114253d5ULL;
constexpr Word c2 = 0x4cf5ad432745937fULL;
Word mix_low(Word k) { return std::rotl(k * c1, 31) * c2; }
Word mix_high(Word k) { return std::rotl(k * c2, 33) * c1; }
Word unmix_low(Word k) { return std::rotr(k * inverse(c2), 31) * inverse(c1); }
Word unmix_high(Word k) { return std::rotr(k * inverse(c1), 33) * inverse(c2); }
Word unfinish(Word k) {
  k = (k ^ (k >> 33)) * inverse(0xc4ceb9fe1a85ec53ULL);
  k = (k ^ (k >> 33)) * inverse(0xff51afd7ed558ccdULL);
  return k ^ (k >> 33);
}

struct State {
  Word low = 0, high = 0;
};

State after(State state, Word one, Word two) {
  state.low = (std::rotl(state.low ^ mix_low(one), 27) + state.high) * 5 + 0x52dce729;
  state.high = (std::rotl(state.high ^ mix_high(two), 31) + state.low) * 5 + 0x38495ab5;
  return state;
}

// 16 bytes after which `high` equals `length`. The finalization then sets it to 0, and both halves have the
// same value.
std::string levelling_block(const Alphabet& alphabet, State& state, Word length) {
  while (true) {
    const Word one = alphabet.any();
    const Word low = (std::rotl(state.low ^ mix_low(one), 27) + state.high) * 5 + 0x52dce729;
    const Word before = std::rotr((length - 0x38495ab5) * inverse(5) - low, 31);
    const Word two = unmix_high(before ^ state.high);
    if (!alphabet.has_all(two)) continue;
    state = after(state, one, two);
    return text_of({one, two});
  }
}

// The last 8 bytes, `count` times. The low half of the hash is then 2 × z, for a chosen z.
template <class Print>
void print_endings(const Alphabet& alphabet, State state, Word length, int count, Print print) {
  for (Word number = 1; count > 0; ++number) {
    const Word z = 0x2a2a2a2aULL | number << 31;
    const Word ending = unmix_low(unfinish(z) ^ length ^ state.low);
    if (!alphabet.has_all(ending)) continue;
    print(text_of({ending}));
    --count;
  }
}

void print_users(int count) {
  const Alphabet alphabet(printable);
  State state;
  const std::string block = levelling_block(alphabet, state, 24);
  print_endings(alphabet, state, 24, count,
                [&](const std::string& ending) { std::printf("%s%s\n", block.c_str(), ending.c_str()); });
}

void print_pairs(int count) {
  const Alphabet alphabet(printable);
  constexpr Word user_bytes = 24;
  const Word begin = alphabet.any();
  State state = after({}, user_bytes, begin);
  const std::string user = text_of({begin}) + levelling_block(alphabet, state, 8 + user_bytes + 8);
  print_endings(alphabet, state, 8 + user_bytes + 8, count,
                [&](const std::string& id) { std::printf("%s\t%s\n", user.c_str(), id.c_str()); });
}

}  // namespace

int main(int count, char** words) {
  const std::string what = count > 1 ? words[1] : "";
  if (what == "values" && count == 4)
    print_values(Alphabet(words[2]), std::atoi(words[3]));
  else if (what == "users" && count == 3)
    print_users(std::atoi(words[2]));
  else if (what == "pairs" && count == 3)
    print_pairs(std::atoi(words[2]));
  else
    return 2;
}
